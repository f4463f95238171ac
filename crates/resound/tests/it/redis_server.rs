//! A real Redis, and who subscribes there.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use redis::{Client, Connection, Msg};

/// How long a test waits for anything before it fails.
const DEADLINE: Duration = Duration::from_secs(20);

/// A `redis-server` with a socket in a folder of its own. It ends with the test.
pub(crate) struct Redis {
    child: Child,
    folder: PathBuf,
    name: String,
}

impl Redis {
    /// Starts one and waits until it answers.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// With more arguments.
    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("resound-redis-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("a folder for the test");
        Self::start_in(folder, "redis.sock", arguments)
    }

    fn start_in(folder: PathBuf, name: &str, arguments: &[&str]) -> Self {
        let child = Command::new("redis-server")
            .current_dir(&folder)
            .args(["--port", "0", "--save", "", "--unixsocket", name, "--loglevel", "warning"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed (Debian: redis-server)");
        let redis = Self { child, folder, name: name.to_owned() };
        redis.wait();
        redis
    }

    /// Ends it, and starts another one at an address of its own.
    pub(crate) fn restart_elsewhere(&mut self) {
        self.kill();
        // The folder stays with the one who has it now.
        let folder = std::mem::take(&mut self.folder);
        *self = Self::start_in(folder, "other.sock", &[]);
    }

    /// Lets its address of before lead to it again.
    pub(crate) fn link(&self) {
        let before = self.folder.join("redis.sock");
        std::fs::remove_file(&before).ok();
        std::os::unix::fs::symlink(&self.name, before).expect("a link");
    }

    pub(crate) fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it is ours");
    }

    /// Somebody who hears everything.
    pub(crate) fn subscribe(&self) -> Subscriber {
        let mut connection = self.connect();
        connection.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        let command = redis::cmd("PSUBSCRIBE").arg("*").get_packed_command();
        connection.send_packed_command(&command).expect("it is connected");
        connection.recv_response().expect("an answer");
        Subscriber(connection)
    }

    pub(crate) fn connect(&self) -> Connection {
        let client = Client::open(self.url()).expect("a URL");
        client.get_connection().expect("it answers")
    }

    fn wait(&self) {
        let until = Instant::now() + DEADLINE;
        let path = self.socket();
        while std::os::unix::net::UnixStream::connect(&path).is_err() {
            assert!(Instant::now() < until, "redis-server does not start");
            std::thread::yield_now();
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !self.folder.as_os_str().is_empty() {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// Who hears what is published.
pub(crate) struct Subscriber(Connection);

impl Subscriber {
    /// The channels and payloads of the next messages.
    pub(crate) fn receive(&mut self, count: usize) -> Vec<(String, String)> {
        let message = |_| {
            let value = self.0.recv_response().expect("a message");
            let message = Msg::from_owned_value(value).expect("a message");
            let payload = message.get_payload().expect("a text");
            (message.get_channel_name().to_owned(), payload)
        };
        (0..count).map(message).collect()
    }
}
