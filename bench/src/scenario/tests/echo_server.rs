//! A server with all that the floor server lacks: Socket.IO and long polling, with a thread for each connection.

use std::collections::{HashMap, VecDeque};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::frame::{Frame, Opcode, apply_mask, write_plain};
use crate::handshake::upgrade_answer;

/// Whether a connection may carry a second request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeepAlive {
    Yes,
    No,
}

/// The server. It runs until the tests are over.
pub(super) struct EchoServer {
    pub(super) address: SocketAddr,
    hub: Arc<Hub>,
}

struct Hub {
    sessions: Mutex<HashMap<String, Session>>,
    changed: Condvar,
    keep_alive: KeepAlive,
    begun: AtomicUsize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    EngineIo3,
    EngineIo4,
    Pusher,
}

struct Session {
    kind: Kind,
    queue: VecDeque<String>,
    socket: Option<TcpStream>,
    rooms: Vec<String>,
    /// Pings and pongs that came.
    beats: u32,
}

impl EchoServer {
    pub(super) fn start(keep_alive: KeepAlive) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let hub = Arc::new(Hub {
            sessions: Mutex::default(),
            changed: Condvar::new(),
            keep_alive,
            begun: AtomicUsize::new(0),
        });
        let served = hub.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let hub = served.clone();
                thread::spawn(move || hub.serve(stream.unwrap()));
            }
        });
        Self { address, hub }
    }

    /// Sessions that there were, and those that sent a ping or answered one.
    pub(super) fn sessions(&self) -> (usize, usize) {
        let sessions = self.hub.sessions.lock().unwrap();
        (sessions.len(), sessions.values().filter(|session| session.beats > 0).count())
    }
}

impl Hub {
    fn serve(&self, mut stream: TcpStream) {
        stream.set_nodelay(true).unwrap();
        let mut bytes = Vec::new();
        while let Some((head, body)) = request(&mut stream, &mut bytes) {
            let url = head.split(' ').nth(1).unwrap();
            if head.contains("Upgrade: websocket") {
                let kind = if url.contains("EIO=3") { Kind::EngineIo3 } else { Kind::EngineIo4 };
                return self.serve_websocket(stream, kind);
            }
            let answer = self.answer(url, &body);
            let connection = if self.keep_alive == KeepAlive::No { "close" } else { "keep-alive" };
            let head = format!(
                "HTTP/1.1 200 OK\r\nConnection: {connection}\r\nContent-Length: {}\r\n\r\n",
                answer.len()
            );
            // A client that is gone does not matter.
            let _ = stream.write_all(&[head.into_bytes(), answer.into_bytes()].concat());
            if self.keep_alive == KeepAlive::No {
                return;
            }
        }
    }

    fn answer(&self, url: &str, body: &str) -> String {
        if url.starts_with("/apps/") {
            self.publish(&serde_json::from_str(body).unwrap());
            return "{}".into();
        }
        if let Some((path, _)) = url.split_once("/xhr") {
            if !url.contains("/xhr_send") {
                return self.poll(path, Kind::Pusher);
            }
            let messages: Vec<String> = serde_json::from_str(body).unwrap();
            messages.iter().for_each(|message| self.hear(path, message));
            return String::new();
        }
        let kind = if url.contains("EIO=3") { Kind::EngineIo3 } else { Kind::EngineIo4 };
        let Some((_, session)) = url.split_once("&sid=") else {
            let session = self.begin(kind, None);
            return self.poll(&session, kind);
        };
        if body.is_empty() {
            return self.poll(session, kind);
        }
        // What is sent here is ASCII, and a packet has no colon before its length.
        let packet = if kind == Kind::EngineIo3 { body.split_once(':').unwrap().1 } else { body };
        self.hear(session, packet);
        "ok".into()
    }

    /// A session of Engine.IO, of either transport.
    fn begin(&self, kind: Kind, socket: Option<TcpStream>) -> String {
        let id = format!("1.{}", self.begun.fetch_add(1, Ordering::Relaxed));
        self.open(&id, kind, socket);
        self.tell(
            &id,
            format!(r#"0{{"sid":"{id}","upgrades":[],"pingInterval":100,"pingTimeout":100}}"#),
        );
        if kind == Kind::EngineIo3 {
            self.tell(&id, "40".into());
        }
        id
    }

    fn open(&self, id: &str, kind: Kind, socket: Option<TcpStream>) {
        let session = Session { kind, queue: VecDeque::new(), socket, rooms: Vec::new(), beats: 0 };
        self.sessions.lock().unwrap().insert(id.to_owned(), session);
    }

    fn tell(&self, id: &str, message: String) {
        let mut sessions = self.sessions.lock().unwrap();
        let session = sessions.get_mut(id).unwrap();
        session.tell(message);
        self.changed.notify_all();
    }

    fn poll(&self, id: &str, kind: Kind) -> String {
        if !self.sessions.lock().unwrap().contains_key(id) {
            self.open(id, kind, None);
            let established =
                r#"{"event":"pusher:connection_established","data":"{\"socket_id\":\"1.1\"}"}"#;
            self.tell(id, established.into());
            return "o\n".into();
        }
        let sessions = self.sessions.lock().unwrap();
        let (mut sessions, _) = self
            .changed
            .wait_timeout_while(sessions, Duration::from_secs(20), |sessions| {
                sessions[id].queue.is_empty()
            })
            .unwrap();
        let queue: Vec<String> = sessions.get_mut(id).unwrap().queue.drain(..).collect();
        match kind {
            Kind::Pusher => format!("a{}\n", serde_json::to_string(&queue).unwrap()),
            Kind::EngineIo4 => queue.join("\x1e"),
            Kind::EngineIo3 => {
                queue.iter().map(|packet| format!("{}:{packet}", packet.len())).collect()
            }
        }
    }

    fn hear(&self, id: &str, message: &str) {
        let mut sessions = self.sessions.lock().unwrap();
        let session = sessions.get_mut(id).unwrap();
        match message {
            "40" => {
                session.tell(format!(r#"40{{"sid":"2.{id}","pid":"secret"}}"#));
                session.tell("2".into());
            }
            "2" => {
                session.beats += 1;
                session.tell("3".into());
            }
            "3" => session.beats += 1,
            _ => session.subscribe(message),
        }
        self.changed.notify_all();
    }

    fn publish(&self, body: &Value) {
        let room = body["channels"][0].as_str().unwrap();
        let data = body["data"].as_str().unwrap();
        for session in self.sessions.lock().unwrap().values_mut() {
            if session.rooms.iter().any(|other| other == room) {
                session.tell(match session.kind {
                    Kind::Pusher => {
                        format!(r#"{{"event":"bench","channel":"{room}","data":{data}}}"#)
                    }
                    // With the offset that connection state recovery adds.
                    Kind::EngineIo3 | Kind::EngineIo4 => {
                        format!(r#"42["bench","{room}",{data},"1a"]"#)
                    }
                });
            }
        }
        self.changed.notify_all();
    }

    fn serve_websocket(&self, mut stream: TcpStream, kind: Kind) {
        stream.write_all(&upgrade_answer("dGhlIHNhbXBsZSBub25jZQ==")).unwrap();
        let id = self.begin(kind, Some(stream.try_clone().unwrap()));
        let mut bytes = Vec::new();
        while receive(&mut stream, &mut bytes) {
            while let Ok(Some(frame)) = Frame::parse(&bytes) {
                let mut payload = frame.payload(&bytes).to_vec();
                apply_mask(&mut payload, frame.mask.unwrap());
                bytes.drain(..frame.end);
                if frame.opcode == Opcode::Text {
                    self.hear(&id, std::str::from_utf8(&payload).unwrap());
                } else {
                    assert_eq!(frame.opcode, Opcode::Ping);
                    let mut pong = Vec::new();
                    write_plain(&mut pong, Opcode::Pong, &payload);
                    let sessions = self.sessions.lock().unwrap();
                    let _ = sessions[&id].socket.as_ref().unwrap().write_all(&pong);
                }
            }
        }
    }
}

impl Session {
    fn tell(&mut self, message: String) {
        let Some(socket) = &mut self.socket else { return self.queue.push_back(message) };
        let mut frame = Vec::new();
        write_plain(&mut frame, Opcode::Text, message.as_bytes());
        // A client that is gone does not matter.
        let _ = socket.write_all(&frame);
    }

    /// Takes a subscription of either protocol.
    fn subscribe(&mut self, message: &str) {
        let json: Value = serde_json::from_str(message.trim_start_matches("42")).unwrap();
        let data = if self.kind == Kind::Pusher { &json["data"] } else { &json[1] };
        let room = data["channel"].as_str().unwrap().to_owned();
        if self.kind == Kind::Pusher {
            self.tell(format!(
                r#"{{"event":"pusher_internal:subscription_succeeded","channel":"{room}"}}"#
            ));
        }
        self.rooms.push(room);
    }
}

/// The next request: its head and its body.
fn request(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<(String, String)> {
    loop {
        let text = String::from_utf8(bytes.clone()).unwrap();
        if let Some((head, rest)) = text.split_once("\r\n\r\n") {
            let length = head.split_once("Content-Length: ").map_or("0", |(_, length)| length);
            let length: usize = length.lines().next().unwrap().parse().unwrap();
            if rest.len() >= length {
                bytes.drain(..head.len() + 4 + length);
                return Some((head.to_owned(), rest[..length].to_owned()));
            }
        }
        if !receive(stream, bytes) {
            return None;
        }
    }
}

/// False at the end.
fn receive(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> bool {
    let mut chunk = [0; 4096];
    let got = stream.read(&mut chunk).unwrap_or(0);
    bytes.extend_from_slice(&chunk[..got]);
    got > 0
}
