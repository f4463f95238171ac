//! A server process of a test.

use std::{
    fs,
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::Instant,
};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use tempfile::TempDir;

use crate::{
    client::Client,
    http::{Answer, Http},
    log::{DEADLINE, Log},
    settings::{KEY, Settings},
};

/// A running server. When it is dropped it is told to stop, and must do so in good order.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) log: Log,
    folder: TempDir,
    end: End,
}

/// Whether the process is still to be ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Pending,
    Seen,
}

/// The command in a folder of its own, without the variables of whoever runs the tests.
pub(crate) fn command(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// The binary.
pub(crate) const RESOUND: &str = env!("CARGO_BIN_EXE_resound");

/// A folder with a `resound.toml`.
pub(crate) fn folder(toml: &str) -> TempDir {
    let folder = TempDir::new().expect("a folder for the test");
    fs::write(folder.path().join("resound.toml"), toml).expect("the folder is ours");
    folder
}

/// Runs the binary with these arguments until it ends by itself.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = command(RESOUND, folder);
    command.args(arguments).stdout(Stdio::piped());
    command.output().expect("the binary can be run")
}

impl Default for Server {
    fn default() -> Self {
        Self::start(&Settings::default())
    }
}

impl Server {
    /// Starts a server and waits until it listens.
    pub(crate) fn start(settings: &Settings) -> Self {
        Self::start_with(settings, &[])
    }

    /// With more arguments.
    pub(crate) fn start_with(settings: &Settings, arguments: &[&str]) -> Self {
        let folder = folder(&settings.toml());
        let mut command = command(RESOUND, folder.path());
        command.args(["start", "--port", "0", "--log", "json"]).args(arguments);
        Self::spawn(command, folder)
    }

    /// Starts a server that may open so many files.
    pub(crate) fn start_with_files_max(settings: &Settings, files_max: u32) -> Self {
        let folder = folder(&settings.toml());
        let mut command = command("/bin/sh", folder.path());
        let script = format!("ulimit -n {files_max} && exec \"$0\" start --port 0 --log json");
        command.args(["-c", &script, RESOUND]);
        Self::spawn(command, folder)
    }

    pub(crate) fn spawn(mut command: Command, folder: TempDir) -> Self {
        let mut child = command.spawn().expect("the binary can be run");
        let log = Log::collect(child.stderr.take().expect("it is piped"));
        let address = log.wait_for("listening")["address"].as_str().map(str::parse);
        let address = address.expect("a text").expect("an address");
        Self { child, address, log, folder, end: End::Pending }
    }

    /// A file in the working directory.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes another `resound.toml`.
    pub(crate) fn write_toml(&self, toml: &str) {
        fs::write(self.file("resound.toml"), toml).expect("the folder is ours");
    }

    /// A connection that has not said anything.
    pub(crate) fn tcp(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("the server accepts");
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        stream.set_write_timeout(Some(DEADLINE)).expect("a timeout");
        stream.set_nodelay(true).expect("a TCP socket");
        stream
    }

    /// A greeted client of the application.
    #[track_caller]
    pub(crate) fn connect(&self) -> Client {
        self.connect_to(KEY)
    }

    /// A greeted client of the application with this key.
    #[track_caller]
    pub(crate) fn connect_to(&self, key: &str) -> Client {
        let mut client = self.open(&format!("/app/{key}?protocol=7&client=js&version=8.6.0"));
        client.greet();
        client
    }

    /// A client whose handshake is complete, and that has read nothing yet.
    #[track_caller]
    pub(crate) fn open(&self, target: &str) -> Client {
        Client::open(self.tcp(), target, "")
    }

    /// The same with more headers, each with its line's end.
    #[track_caller]
    pub(crate) fn open_with(&self, target: &str, headers: &str) -> Client {
        Client::open(self.tcp(), target, headers)
    }

    /// An HTTP connection.
    pub(crate) fn http(&self) -> Http {
        Http::new(self.tcp())
    }

    /// An HTTP connection to the metrics listener.
    pub(crate) fn metrics_http(&self) -> Http {
        let address = self.log.wait_for("metrics listening")["address"].clone();
        let stream = TcpStream::connect(address.as_str().expect("a text")).expect("it listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        Http::new(stream)
    }

    /// Asks for a path, unsigned, on a connection of its own.
    #[track_caller]
    pub(crate) fn get(&self, target: &str) -> Answer {
        self.http().request("GET", target, "", "")
    }

    /// Asks the application's API, signed.
    #[track_caller]
    pub(crate) fn query(&self, path: &str, query: &[(&str, &str)]) -> Answer {
        self.http().signed("GET", path, query, "")
    }

    /// Posts to the application's API, signed.
    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        self.http().signed("POST", path, &[], body)
    }

    /// Publishes an event, which must succeed.
    #[track_caller]
    pub(crate) fn publish(&self, channel: &str, name: &str, data: &str) {
        self.http().publish(channel, name, data);
    }

    /// Waits until all connections are gone, as the API counts them.
    #[track_caller]
    pub(crate) fn wait_until_empty(&self) {
        self.wait_until_empty_but(0);
    }

    /// Waits until so many connections are left.
    #[track_caller]
    pub(crate) fn wait_until_empty_but(&self, connections: usize) {
        let expected = format!(r#"{{"connections":{connections}}}"#);
        let mut http = self.http();
        self.wait_until(|| http.signed("GET", "/connections", &[], "").body == expected);
    }

    /// Waits until these channels are occupied, and no others: what a connection leaves when it goes
    /// is known to the whole server a moment later.
    #[track_caller]
    pub(crate) fn wait_for_channels(&self, channels: &str) {
        let expected = format!(r#"{{"channels":{channels}}}"#);
        let mut http = self.http();
        self.wait_until(|| http.signed("GET", "/channels", &[], "").body == expected);
    }

    /// Asks again and again until it is so.
    #[track_caller]
    pub(crate) fn wait_until(&self, mut is_so: impl FnMut() -> bool) {
        let until = Instant::now() + DEADLINE;
        while !is_so() {
            assert!(Instant::now() < until, "it does not become so");
            std::thread::yield_now();
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("the process runs");
    }

    /// Stops the process for as long as `act` takes, so that all of what it does arrives at once.
    pub(crate) fn while_stopped<T>(&self, act: impl FnOnce() -> T) -> T {
        self.signal(Signal::STOP);
        let result = act();
        self.signal(Signal::CONT);
        result
    }

    /// How many descriptors the process has open when all shards have started and nobody is there.
    pub(crate) fn open_files_at_rest(&self) -> usize {
        let mut http = self.http();
        assert_eq!(http.request("GET", "/metrics", "", "").status, 200); // asks every shard
        self.open_files() - 1
    }

    /// How many descriptors the process has open.
    pub(crate) fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.pid())).expect("the process runs").count()
    }

    /// Lets the process open so few more descriptors than it has.
    pub(crate) fn allow_more_files(&self, more: u64) {
        let max = Some(self.open_files() as u64 + more);
        let limit = Rlimit { current: max, maximum: max };
        prlimit(Some(Pid::from_child(&self.child)), Resource::Nofile, limit).expect("it is ours");
    }

    /// Resident memory in kilobytes.
    pub(crate) fn resident_kb(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()));
        let status = status.expect("the process runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.expect("every process has VmRSS")
    }

    /// Waits for the end of the process, which somebody has asked for.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.end = End::Seen;
        if let Err(error) = self.log.wait_for_end() {
            self.child.kill().expect("it is ours");
            panic!("{error}; its log:\n{}", self.log.lines().join("\n"));
        }
        self.child.wait().expect("it is ours")
    }

    /// Ends the process without waiting for clients that come back only to hear that it has ended.
    #[track_caller]
    pub(crate) fn stop_at_once(&mut self) {
        self.signal(Signal::TERM);
        self.signal(Signal::INT);
        let status = self.wait();
        let log = self.log.lines().join("\n");
        assert!(status.success() && !log.contains("panicked"), "{status}; its log:\n{log}");
    }

    /// Ends the process by a signal and checks that it went well.
    pub(crate) fn stop(&mut self, signal: Signal) {
        self.signal(signal);
        let status = self.wait();
        let log = self.log.lines().join("\n");
        assert!(status.success(), "{status}; its log:\n{log}");
        assert!(!log.contains("panicked"), "{log}");
        assert!(!log.contains("the grace period is over"), "{log}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.end == End::Seen {
            return;
        }
        if std::thread::panicking() {
            let _ = self.child.kill();
            let _ = self.log.wait_for_end();
            let _ = self.child.wait();
            eprintln!("the server's log:\n{}", self.log.lines().join("\n"));
            return;
        }
        self.stop(Signal::TERM);
    }
}
