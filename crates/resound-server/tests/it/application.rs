//! The application that a server asks who may subscribe, as a test plays it.

use std::{
    fmt::Debug,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        mpsc::{Receiver, channel},
    },
};

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;

use crate::{log::DEADLINE, settings::Settings};

/// A listening application.
#[derive(Debug)]
pub(crate) struct Application {
    address: SocketAddr,
    questions: Receiver<Question>,
}

/// A question that has been read, and waits for its answer.
#[derive(Debug)]
pub(crate) struct Question {
    /// The request's line and headers, as they came.
    pub(crate) head: String,
    pub(crate) body: String,
    stream: Box<dyn Stream>,
}

/// A connection, over TLS or not.
trait Stream: Read + Write + Send + Debug {}

impl<S: Read + Write + Send + Debug> Stream for S {}

impl Application {
    /// An application whose questions the test answers.
    pub(crate) fn start() -> Self {
        let (tx, questions) = channel();
        Self { address: listen(plain, move |question| drop(tx.send(question))), questions }
    }

    /// The same, over TLS.
    pub(crate) fn over_tls(config: ServerConfig) -> Self {
        let (tx, questions) = channel();
        let config = Arc::new(config);
        let open = move |stream| -> Box<dyn Stream> {
            let connection = ServerConnection::new(Arc::clone(&config)).expect("it is sound");
            Box::new(StreamOwned::new(connection, stream))
        };
        Self { address: listen(open, move |question| drop(tx.send(question))), questions }
    }

    /// One that lets everybody in: as the user that the header `X-User` names, if there is one.
    pub(crate) fn granting() -> Self {
        let (_, questions) = channel();
        let grant = |question: Question| match question.header("x-user") {
            Some(user) => {
                let member = json!({ "user_id": user, "user_info": { "name": user } });
                question.grant(&json!({ "channel_data": member }).to_string());
            }
            None => question.grant("true"),
        };
        Self { address: listen(plain, grant), questions }
    }

    /// An address of the application.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Its port on this machine.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The settings of a server that asks this application; `socketio` are lines of that table.
    pub(crate) fn settings(&self, socketio: &str) -> Settings {
        self.settings_of("shards = 2", socketio)
    }

    /// The same with other lines of the process.
    pub(crate) fn settings_of(&self, server: &str, socketio: &str) -> Settings {
        self.settings_with(server, socketio, "")
    }

    /// The same with lines of the table `auth`.
    pub(crate) fn settings_with(&self, server: &str, socketio: &str, auth: &str) -> Settings {
        Settings::server(&format!(
            "{server}\n[socketio]\n{socketio}\n[auth]\nhosts = [\"http://{}\"]\n{auth}",
            self.address
        ))
    }

    /// The next question.
    #[track_caller]
    pub(crate) fn next(&self) -> Question {
        self.questions.recv_timeout(DEADLINE).expect("a question in time")
    }

    /// Whether nothing was asked that is not answered.
    pub(crate) fn is_quiet(&self) -> bool {
        self.questions.try_recv().is_err()
    }
}

impl Question {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// A field of the form.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.body.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }

    /// Lets the client in.
    pub(crate) fn grant(self, json: &str) {
        self.reply("200 OK", "Content-Type: application/json\r\n", json);
    }

    /// Answers; `headers` have their lines' ends. Whoever asked may have left.
    pub(crate) fn reply(mut self, status: &str, headers: &str, body: &str) {
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        let _ = self.stream.write_all(answer.as_bytes());
    }
}

fn plain(stream: TcpStream) -> Box<dyn Stream> {
    Box::new(stream)
}

/// Reads one request of every connection. The thread ends with the tests.
fn listen(
    open: impl Fn(TcpStream) -> Box<dyn Stream> + Clone + Send + 'static,
    take: impl FnMut(Question) + Clone + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            // A connection that was opened and not needed must not keep the next one waiting.
            let _ = stream.set_read_timeout(Some(DEADLINE));
            let (open, mut take) = (open.clone(), take.clone());
            std::thread::spawn(move || read(open(stream)).into_iter().for_each(&mut take));
        }
    });
    address
}

fn read(mut stream: Box<dyn Stream>) -> Option<Question> {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok()
            });
            if body.len() >= length.unwrap_or(0) {
                let (head, body) = (head.to_owned(), body.to_owned());
                return Some(Question { head, body, stream });
            }
        }
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer) {
            Ok(count) if count > 0 => read.extend_from_slice(&buffer[..count]),
            _ => return None,
        }
    }
}
