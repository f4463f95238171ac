//! A blocking WebSocket client, which can be as rude as a test wants.

use std::{
    collections::VecDeque,
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
};

use resound_protocol::signature::{Signer, channel_auth, user_auth};
use serde_json::{Value, json};

use crate::settings::{KEY, SECRET};

/// What every handshake needs; the key is the example of RFC 6455.
pub(crate) const HANDSHAKE: &str = "Host: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
/// What is answered to it.
pub(crate) const SWITCHING: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;

/// What a server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Text(String),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    /// A close frame.
    Close(u16, String),
    /// The end of the stream.
    End,
}

/// What a client does when it gets a close frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manners {
    /// It answers with one, as every library does.
    Polite,
    /// Nothing.
    Rude,
}

/// A WebSocket connection.
#[derive(Debug)]
pub(crate) struct Client<S = TcpStream> {
    pub(crate) stream: S,
    pub(crate) manners: Manners,
    read: VecDeque<u8>,
    /// Empty until it is greeted.
    pub(crate) socket_id: String,
    /// The answer to the handshake, headers and all.
    pub(crate) response: String,
}

/// The request that opens a WebSocket.
pub(crate) fn handshake(target: &str, headers: &str) -> String {
    format!("GET {target} HTTP/1.1\r\n{HANDSHAKE}{headers}\r\n")
}

/// A masked frame.
pub(crate) fn frame(first_byte: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut bytes = vec![first_byte];
    match payload.len() {
        length @ 0..=125 => bytes.push(0x80 | length as u8),
        length @ 126..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            bytes.push(0x80 | 127);
            bytes.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(&mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// A subscription to a public channel.
pub(crate) fn subscription(channel: &str) -> String {
    json!({ "event": "pusher:subscribe", "data": { "auth": "", "channel": channel } }).to_string()
}

/// A confirmed subscription.
pub(crate) fn succeeded(channel: &str) -> String {
    format!(
        r#"{{"event":"pusher_internal:subscription_succeeded","data":"{{}}","channel":"{channel}"}}"#
    )
}

/// A `pusher:error`.
pub(crate) fn error(code: u16, message: &str) -> String {
    let data = format!(r#"{{"code":{code},"message":{}}}"#, Value::from(message));
    format!(r#"{{"event":"pusher:error","data":{}}}"#, Value::from(data))
}

/// An event as subscribers get it.
pub(crate) fn event(name: &str, channel: &str, data: &str) -> String {
    let [name, channel, data] = [name, channel, data].map(Value::from);
    format!(r#"{{"event":{name},"channel":{channel},"data":{data}}}"#)
}

impl Client {
    /// Says that nothing more will come.
    pub(crate) fn finish(&self) {
        self.stream.shutdown(Shutdown::Write).expect("an open socket");
    }
}

impl<S: Read + Write> Client<S> {
    /// Sends a handshake and reads the answer, which must be 101.
    #[track_caller]
    pub(crate) fn open(stream: S, target: &str, headers: &str) -> Self {
        let mut client = Self::new(stream);
        client.send_bytes(handshake(target, headers));
        client.read_response();
        client
    }

    /// A connection that has said nothing.
    pub(crate) fn new(stream: S) -> Self {
        let (read, socket_id, response) = Default::default();
        Self { stream, manners: Manners::Polite, read, socket_id, response }
    }

    /// Reads the answer to a handshake.
    #[track_caller]
    pub(crate) fn read_response(&mut self) {
        while !self.response.ends_with("\r\n\r\n") {
            let byte = self.take(1).expect("an answer")[0];
            self.response.push(char::from(byte));
        }
        assert!(self.response.starts_with("HTTP/1.1 101 "), "{}", self.response);
    }

    /// Reads the greeting.
    #[track_caller]
    pub(crate) fn greet(&mut self) {
        let greeting: Value = serde_json::from_str(&self.text()).expect("JSON");
        assert_eq!(greeting["event"], "pusher:connection_established");
        let data = greeting["data"].as_str().expect("a string");
        let data: Value = serde_json::from_str(data).expect("JSON in the string");
        self.socket_id = data["socket_id"].as_str().expect("a string").to_owned();
    }

    /// Writes bytes as they are.
    #[track_caller]
    pub(crate) fn send_bytes(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).expect("the server reads");
    }

    /// Sends a frame.
    #[track_caller]
    pub(crate) fn send_frame(&mut self, first_byte: u8, payload: impl AsRef<[u8]>) {
        self.send_bytes(frame(first_byte, payload.as_ref()));
    }

    /// Sends a message.
    #[track_caller]
    pub(crate) fn send(&mut self, text: impl AsRef<str>) {
        self.send_frame(TEXT, text.as_ref());
    }

    /// The next frame.
    #[track_caller]
    pub(crate) fn next(&mut self) -> Said {
        let Some(head) = self.take(2) else {
            return Said::End;
        };
        assert_eq!(head[0] & 0x70, 0, "a server sets no reserved bits");
        assert_eq!(head[1] & 0x80, 0, "a server masks nothing");
        let length = match head[1] {
            126 => u64::from(u16::from_be_bytes(self.take_array())),
            127 => u64::from_be_bytes(self.take_array()),
            short => u64::from(short),
        };
        let payload = self.take(length as usize).expect("the whole frame");
        match head[0] {
            TEXT => Said::Text(String::from_utf8(payload).expect("UTF-8")),
            PING => Said::Ping(payload),
            PONG => Said::Pong(payload),
            CLOSE => {
                if self.manners == Manners::Polite {
                    // The server may be gone, or know that we close, too.
                    let _ = self.stream.write_all(&frame(CLOSE, &payload[..2]));
                }
                let (code, reason) = payload.split_first_chunk().expect("a code");
                let reason = String::from_utf8(reason.to_vec()).expect("UTF-8");
                Said::Close(u16::from_be_bytes(*code), reason)
            }
            other => panic!("a server sends no frame of the kind {other:#x}"),
        }
    }

    /// The next message.
    #[track_caller]
    pub(crate) fn text(&mut self) -> String {
        let said = self.next();
        let Said::Text(text) = said else {
            panic!("no message but {said:?}");
        };
        text
    }

    /// Checks the next messages.
    #[track_caller]
    pub(crate) fn expect(&mut self, text: impl AsRef<str>) {
        assert_eq!(self.text(), text.as_ref());
    }

    /// Checks that a close frame and the end of the stream are next.
    #[track_caller]
    pub(crate) fn expect_close(&mut self, code: u16, reason: &str) {
        assert_eq!(self.next(), Said::Close(code, reason.to_owned()));
        assert_eq!(self.next(), Said::End);
    }

    /// Checks that the connection is alive and that nothing else is on its way from its own shard.
    #[track_caller]
    pub(crate) fn expect_pong(&mut self) {
        self.send(r#"{"event":"pusher:ping","data":{}}"#);
        self.expect(r#"{"event":"pusher:pong","data":"{}"}"#);
    }

    /// Subscribes to a public channel that is no cache.
    #[track_caller]
    pub(crate) fn subscribe(&mut self, channel: &str) {
        self.send(subscription(channel));
        self.expect(succeeded(channel));
    }

    /// Asks for a subscription that the application has signed.
    #[track_caller]
    pub(crate) fn ask_to_subscribe(&mut self, channel: &str, channel_data: Option<&str>) {
        let signer = Signer::new(SECRET);
        let auth = channel_auth(KEY, &signer, &self.socket_id, channel, channel_data);
        let mut data = json!({ "auth": auth, "channel": channel });
        if let Some(channel_data) = channel_data {
            data["channel_data"] = channel_data.into();
        }
        self.send(json!({ "event": "pusher:subscribe", "data": data }).to_string());
    }

    /// Subscribes to a private channel.
    #[track_caller]
    pub(crate) fn subscribe_private(&mut self, channel: &str) {
        self.ask_to_subscribe(channel, None);
        self.expect(succeeded(channel));
    }

    /// Joins a presence channel as this user, and returns the data of the answer.
    #[track_caller]
    pub(crate) fn join(&mut self, channel: &str, user_id: &str) -> Value {
        let member = json!({ "user_id": user_id, "user_info": { "name": user_id } }).to_string();
        self.ask_to_subscribe(channel, Some(&member));
        let answer: Value = serde_json::from_str(&self.text()).expect("JSON");
        assert_eq!(answer["event"], "pusher_internal:subscription_succeeded", "{answer}");
        data(&answer)
    }

    /// Leaves a channel; there is no answer.
    #[track_caller]
    pub(crate) fn unsubscribe(&mut self, channel: &str) {
        let data = json!({ "channel": channel });
        self.send(json!({ "event": "pusher:unsubscribe", "data": data }).to_string());
    }

    /// Asks to be signed in as this user.
    #[track_caller]
    pub(crate) fn ask_to_sign_in(&mut self, user_data: &str) {
        let auth = user_auth(KEY, &Signer::new(SECRET), &self.socket_id, user_data);
        let data = json!({ "auth": auth, "user_data": user_data });
        self.send(json!({ "event": "pusher:signin", "data": data }).to_string());
    }

    /// Signs in as this user.
    #[track_caller]
    pub(crate) fn sign_in(&mut self, user_data: &str) {
        self.ask_to_sign_in(user_data);
        let user_data = Value::from(user_data);
        self.expect(format!(
            r#"{{"event":"pusher:signin_success","data":{{"user_data":{user_data}}}}}"#
        ));
    }

    #[track_caller]
    fn take_array<const N: usize>(&mut self) -> [u8; N] {
        self.take(N).expect("the whole header").try_into().expect("so many were taken")
    }

    /// So many bytes, or `None` at the end of the stream.
    #[track_caller]
    fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.read.len() < count {
            let mut buffer = [0; 16 * 1024];
            let read = match self.stream.read(&mut buffer) {
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => 0,
                Err(error) => panic!("nothing in time: {error}"),
            };
            if read == 0 {
                assert!(self.read.is_empty(), "the stream ended within a frame");
                return None;
            }
            self.read.extend(&buffer[..read]);
        }
        Some(self.read.drain(..count).collect())
    }
}

/// The JSON in the string of a message's `data`.
#[track_caller]
pub(crate) fn data(message: &Value) -> Value {
    let text = message["data"].as_str().unwrap_or_else(|| panic!("no data: {message}"));
    serde_json::from_str(text).expect("JSON in the string")
}
