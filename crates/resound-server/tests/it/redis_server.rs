//! A real Redis of a test, and who publishes to it.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    os::unix::net::UnixStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Instant,
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::log::DEADLINE;

/// A `redis-server` with a socket in a folder of its own. It ends with the test.
#[derive(Debug)]
pub(crate) struct Redis {
    child: Child,
    arguments: Vec<String>,
    pub(crate) folder: TempDir,
}

impl Redis {
    /// Starts one and waits until it answers.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// With more arguments.
    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let folder = TempDir::new().expect("a folder for the test");
        let arguments: Vec<_> = arguments.iter().map(|text| (*text).to_owned()).collect();
        let child = spawn(&folder, &arguments);
        let redis = Self { child, arguments, folder };
        redis.publisher();
        redis
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    /// Its address over the socket.
    pub(crate) fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// A connection that publishes, of the default user without a password.
    #[track_caller]
    pub(crate) fn publisher(&self) -> Publisher {
        let until = Instant::now() + DEADLINE;
        loop {
            if let Ok(stream) = UnixStream::connect(self.socket()) {
                let mut publisher = Publisher::new(stream);
                if publisher.ask(&["PING"]).starts_with(['+', '-']) {
                    return publisher;
                }
            }
            assert!(Instant::now() < until, "redis-server does not start");
            std::thread::yield_now();
        }
    }

    /// Ends it at once.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it is ours");
    }

    /// Starts it again at the same address.
    pub(crate) fn restart(&mut self) {
        self.child = spawn(&self.folder, &self.arguments);
        self.publisher();
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("it runs");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(folder: &TempDir, arguments: &[String]) -> Child {
    let mut command = Command::new("redis-server");
    command
        .current_dir(folder.path())
        .args(["--port", "0", "--save", "", "--unixsocket", "redis.sock", "--loglevel", "warning"])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command.spawn().expect("redis-server is installed (Debian: redis-server)")
}

/// A port that is free at the moment, and that the system gives to nobody who asks for any.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let ports = std::iter::repeat_with(|| {
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        20_000 + (std::process::id().wrapping_mul(31).wrapping_add(next) % 12_000) as u16
    });
    ports.take(12_000).find(is_free).expect("a free port")
}

/// A connection to Redis.
#[derive(Debug)]
pub(crate) struct Publisher {
    stream: BufReader<UnixStream>,
}

/// The script of Laravel's broadcaster, word for word what it has to do.
const BROADCAST: &str = "for i = 2, #ARGV do redis.call('publish', ARGV[i], ARGV[1]) end";

impl Publisher {
    fn new(stream: UnixStream) -> Self {
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        Self { stream: BufReader::new(stream) }
    }

    /// Sends a command, and the first line of the answer; empty if Redis has gone.
    pub(crate) fn ask<T: AsRef<[u8]>>(&mut self, command: &[T]) -> String {
        if self.stream.get_mut().write_all(&packed(command)).is_err() {
            return String::new();
        }
        let mut line = String::new();
        let _ = self.stream.read_line(&mut line);
        line
    }

    /// Publishes to a channel of Redis as predis and others do.
    pub(crate) fn publish(&mut self, channel: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) {
        let answer = self.ask(&[b"PUBLISH", channel.as_ref(), payload.as_ref()]);
        assert!(answer.starts_with(':'), "{answer:?}");
    }

    /// Publishes to channels of Redis as Laravel's broadcaster does.
    pub(crate) fn broadcast(&mut self, channels: &[&str], payload: &str) {
        let command = [&["EVAL", BROADCAST, "0", payload], channels].concat();
        let answer = self.ask(&command);
        assert!(answer.starts_with("$-1"), "{answer:?}");
    }

    /// Publishes many at once.
    pub(crate) fn publish_all(&mut self, channel: &str, payloads: &[String]) {
        let commands = payloads.iter().map(|payload| packed(&["PUBLISH", channel, payload]));
        let bytes: Vec<u8> = commands.flatten().collect();
        let mut writer = self.stream.get_ref().try_clone().expect("a descriptor");
        let writing = std::thread::spawn(move || writer.write_all(&bytes));
        for _ in payloads {
            let mut line = String::new();
            self.stream.read_line(&mut line).expect("an answer");
            assert!(line.starts_with(':'), "{line:?}");
        }
        writing.join().expect("no panic").expect("Redis reads");
    }
}

fn packed<T: AsRef<[u8]>>(command: &[T]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", command.len()).into_bytes();
    for part in command {
        let part = part.as_ref();
        bytes.extend_from_slice(format!("${}\r\n", part.len()).as_bytes());
        bytes.extend_from_slice(part);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// What Laravel publishes: an event whose data is `{"n":…}`.
pub(crate) fn payload(number: usize) -> String {
    format!(r#"{{"event":"App\\Events\\E","data":{{"n":{number},"socket":null}},"socket":null}}"#)
}

/// What subscribers of a channel get of it.
pub(crate) fn delivered(channel: &str, number: usize) -> String {
    format!(r#"{{"event":"App\\Events\\E","channel":"{channel}","data":"{{\"n\":{number}}}"}}"#)
}
