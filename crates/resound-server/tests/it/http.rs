//! A blocking HTTP client, which keeps its connection and signs as Pusher's libraries do.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    time::{SystemTime, UNIX_EPOCH},
};

use resound_protocol::signature::{Signer, sign_request};
use serde_json::{Value, json};

use crate::settings::{ID, KEY, SECRET};

/// An HTTP connection.
#[derive(Debug)]
pub(crate) struct Http<S = TcpStream> {
    pub(crate) stream: S,
    read: Vec<u8>,
}

/// What a request got.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case, in order.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// Whether an answer has a body behind its `Content-Length`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    Expected,
    Absent,
}

impl Answer {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| &**value)
    }

    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// Checks status and body.
    #[track_caller]
    pub(crate) fn check(&self, status: u16, body: &str) {
        assert_eq!((self.status, &*self.body), (status, body));
    }

    /// Checks a refusal: its status is in the body, too.
    #[track_caller]
    pub(crate) fn check_error(&self, status: u16, message: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.json()["error"], message);
        assert_eq!(self.json()["code"], status);
        assert_eq!(self.header("content-type"), Some("application/json"));
    }
}

impl Http {
    /// Says that nothing more will come.
    pub(crate) fn finish(&mut self) {
        self.stream.shutdown(Shutdown::Write).expect("an open socket");
    }
}

impl<S: Read + Write> Http<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, read: Vec::new() }
    }

    /// Writes bytes as they are.
    #[track_caller]
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).expect("the server reads");
    }

    /// Sends a request and reads its answer. `headers` have their lines' ends.
    #[track_caller]
    pub(crate) fn request(
        &mut self,
        method: &str,
        target: &str,
        headers: &str,
        body: &str,
    ) -> Answer {
        let length = match body {
            "" => String::new(),
            body => format!("Content-Length: {}\r\n", body.len()),
        };
        self.send(format!("{method} {target} HTTP/1.1\r\nHost: h\r\n{headers}{length}\r\n{body}"));
        match method {
            "HEAD" => self.answer_without_body(),
            _ => self.answer(),
        }
    }

    /// Sends a signed request to the application; `path` is what follows `/apps/{id}`.
    #[track_caller]
    pub(crate) fn signed(
        &mut self,
        method: &str,
        path: &str,
        query: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        self.request(method, &signed_target(method, path, query, body), "", body)
    }

    /// Publishes an event, which must succeed.
    #[track_caller]
    pub(crate) fn publish(&mut self, channel: &str, name: &str, data: &str) {
        let body = json!({ "name": name, "channel": channel, "data": data }).to_string();
        self.signed("POST", "/events", &[], &body).check(200, "{}");
    }

    /// Reads an answer.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> Answer {
        self.read_answer(Body::Expected)
    }

    /// Reads the answer to HEAD.
    #[track_caller]
    pub(crate) fn answer_without_body(&mut self) -> Answer {
        self.read_answer(Body::Absent)
    }

    #[track_caller]
    fn read_answer(&mut self, body: Body) -> Answer {
        let head_bytes = self.read_until(|read| {
            read.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
        });
        let head = String::from_utf8(self.read.drain(..head_bytes).collect()).expect("ASCII");
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let length = match body {
            Body::Expected => length.map_or(0, |(_, length)| length.parse().expect("a number")),
            Body::Absent => 0,
        };
        let body_bytes = self.read_until(|read| (read.len() >= length).then_some(length));
        let body = String::from_utf8(self.read.drain(..body_bytes).collect()).expect("UTF-8");
        Answer { status: status.expect("a status line"), headers, body }
    }

    #[track_caller]
    fn read_until(&mut self, find: impl Fn(&[u8]) -> Option<usize>) -> usize {
        loop {
            if let Some(at) = find(&self.read) {
                return at;
            }
            let mut buffer = [0; 16 * 1024];
            let count = self.stream.read(&mut buffer).expect("an answer in time");
            assert!(count > 0, "ended within {:?}", String::from_utf8_lossy(&self.read));
            self.read.extend_from_slice(&buffer[..count]);
        }
    }

    /// Checks that the server closes the connection without saying more.
    #[track_caller]
    pub(crate) fn expect_end(&mut self) {
        assert_eq!(String::from_utf8_lossy(&self.read), "");
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
            Err(error) => panic!("the server does not close: {error}"),
        }
        assert_eq!(String::from_utf8_lossy(&rest), "");
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock that is set").as_secs()
}

/// The path and the signed query of a request.
pub(crate) fn signed_target(
    method: &str,
    path: &str,
    query: &[(&str, &str)],
    body: &str,
) -> String {
    let path = format!("/apps/{ID}{path}");
    let signer = Signer::new(SECRET);
    let query = sign_request(method, &path, query, body.as_bytes(), KEY, &signer, now());
    format!("{path}?{query}")
}
