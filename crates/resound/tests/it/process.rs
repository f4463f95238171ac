//! The real server, as a process of its own, and a client that says and hears raw messages.

use std::{
    io::{BufRead, BufReader},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::Duration,
};

use resound::Broadcaster;
use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

/// How long a test waits for anything before it fails.
const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) const ID: &str = "1001";
pub(crate) const KEY: &str = "resound-key";
pub(crate) const SECRET: &str = "resound-secret";

/// A running server, ended when it is dropped.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) port: u16,
}

impl Server {
    /// Starts a server as an operator would whose `.env` is that of a Laravel application.
    pub(crate) fn start() -> Self {
        Self::start_with(&[], &[])
    }

    /// With more arguments and variables.
    pub(crate) fn start_with(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut child = Command::new(binary())
            .args(["start", "--host", "127.0.0.1", "--port", "0", "--log", "json"])
            .args(arguments)
            // Empty: neither a `.env` nor a `resound.toml` of somebody else.
            .current_dir(env!("CARGO_TARGET_TMPDIR"))
            .env_clear()
            .envs([("REVERB_APP_ID", ID), ("REVERB_APP_KEY", KEY), ("REVERB_APP_SECRET", SECRET)])
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary can be run");
        let mut lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let port = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| listening(&line))
            .expect("it listens");
        // The server must never wait for its log.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, port }
    }

    /// A broadcaster with the `.env` of a Laravel application.
    pub(crate) fn broadcaster(&self) -> Broadcaster {
        let port = self.port.to_string();
        Broadcaster::from_variables(|name| {
            let value = match name {
                "BROADCAST_CONNECTION" => "reverb",
                "REVERB_APP_ID" => ID,
                "REVERB_APP_KEY" => KEY,
                "REVERB_APP_SECRET" => SECRET,
                "REVERB_HOST" => "127.0.0.1",
                "REVERB_PORT" => &port,
                "REVERB_SCHEME" => "http",
                _ => return None,
            };
            Some(value.to_owned())
        })
        .expect("all is there")
    }

    /// A client that was greeted, and its socket id.
    pub(crate) fn connect(&self) -> Client {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it accepts");
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        let url = format!("ws://127.0.0.1/app/{KEY}?protocol=7&client=js&version=8.6.0");
        let (socket, _) = tungstenite::client(url, stream).expect("a handshake");
        let mut client = Client { socket, id: String::new() };
        let greeting: Value = serde_json::from_str(&client.receive()).expect("JSON");
        let data: Value =
            serde_json::from_str(greeting["data"].as_str().expect("a text")).expect("JSON");
        client.id = data["socket_id"].as_str().expect("a text").to_owned();
        client
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A process that is gone already has left its reason in the test that needed it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A subscriber.
pub(crate) struct Client {
    socket: WebSocket<TcpStream>,
    pub(crate) id: String,
}

impl Client {
    /// The next message.
    #[track_caller]
    pub(crate) fn receive(&mut self) -> String {
        loop {
            if let Message::Text(text) = self.socket.read().expect("a message") {
                return text.to_string();
            }
        }
    }

    pub(crate) fn send(&mut self, message: &Value) {
        self.socket.send(Message::text(message.to_string())).expect("it is connected");
    }

    /// Subscribes with what the application answered, and gives the server's answer.
    pub(crate) fn subscribe(&mut self, channel: &str, answer: &Value) -> Value {
        let mut data = json!({ "channel": channel });
        for key in ["auth", "channel_data"] {
            if let Some(value) = answer.get(key) {
                data[key] = value.clone();
            }
        }
        self.send(&json!({ "event": "pusher:subscribe", "data": data }));
        serde_json::from_str(&self.receive()).expect("JSON")
    }
}

/// The port, if this is the line that tells it.
fn listening(line: &str) -> Option<u16> {
    let event: Value = serde_json::from_str(line).ok()?;
    let address = (event["message"] == "listening").then(|| event["address"].as_str())??;
    address.rsplit(':').next()?.parse().ok()
}

/// The binary: that of `RESOUND_BIN`, or the one of this workspace, which is built if need be.
fn binary() -> PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| std::env::var_os("RESOUND_BIN").map_or_else(build, PathBuf::from)).clone()
}

fn build() -> PathBuf {
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "resound-server", "--bin", "resound"])
        .status()
        .expect("cargo runs this test");
    assert!(status.success(), "the server can be built");
    // The test is in target/debug/deps, the binary one folder above.
    let test = std::env::current_exe().expect("a test is a file");
    test.ancestors().nth(2).expect("it is in a folder").join("resound")
}
