//! The event loop of the floor server: one thread, one read buffer.

use std::io;
use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token, Waker};

use crate::floor::body;
use crate::floor::channels::{Channels, ClientId};
use crate::floor::client::{Clients, Received};
use crate::frame::{Frame, Opcode, apply_mask, write_plain};
use crate::handshake::{HEAD_BYTES_MAX, HEADERS_MAX, upgrade_answer};

const LISTENER: Token = Token(usize::MAX - 1);
const STOP: Token = Token(usize::MAX - 2);
const EVENTS_AT_ONCE: usize = 512;
const READ_BYTES: usize = 256 * 1024;
/// How long joined publishes wait for others.
const JOIN: Duration = Duration::from_millis(1);

/// The server. It runs until it is told to stop.
pub(crate) struct Floor {
    poll: Poll,
    listener: TcpListener,
    stop: Arc<Waker>,
    clients: Clients,
    channels: Channels,
    message: Vec<u8>,
    frame: Vec<u8>,
}

/// What a part of the stream was.
enum Taken {
    /// A message of so many bytes.
    Bytes(usize),
    /// A message whose rest has not come.
    Partial,
    /// Something that ends the connection.
    End,
}

impl Floor {
    /// Listens. Of so many publishes the frames for one subscriber are joined in one write.
    pub(crate) fn bind(address: SocketAddr, batch: usize) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut listener = TcpListener::bind(address)?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let stop = Arc::new(Waker::new(poll.registry(), STOP)?);
        Ok(Self {
            poll,
            listener,
            stop,
            clients: Clients::default(),
            channels: Channels::new(batch),
            message: Vec::new(),
            frame: Vec::new(),
        })
    }

    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Waking it ends the server.
    pub(crate) fn stopper(&self) -> Arc<Waker> {
        self.stop.clone()
    }

    pub(crate) fn serve(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS_AT_ONCE);
        let mut buffer = vec![0; READ_BYTES];
        let mut waiting_since: Option<Instant> = None;
        loop {
            match self.poll.poll(&mut events, waiting_since.map(|_| JOIN)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                result => result?,
            }
            for event in &events {
                match event.token() {
                    STOP => return Ok(()),
                    LISTENER => self.accept()?,
                    Token(place) => self.on_ready(place, event, &mut buffer),
                }
            }
            if waiting_since.is_some_and(|since| since.elapsed() >= JOIN) {
                self.channels.flush(&mut self.clients);
            }
            waiting_since = match (self.channels.are_waiting(), waiting_since) {
                (true, Some(since)) if since.elapsed() < JOIN => Some(since),
                (true, _) => Some(Instant::now()),
                (false, _) => None,
            };
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let mut stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                // The peer is gone already, or descriptors ran out: the others can still be served.
                Err(_) => return Ok(()),
            };
            stream.set_nodelay(true)?;
            let place = Token(self.clients.next_place());
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(&mut stream, place, interest)?;
            self.clients.add(stream);
        }
    }

    fn on_ready(&mut self, place: usize, event: &Event, buffer: &mut Vec<u8>) {
        let Some(client) = self.clients.at(place) else { return };
        if event.is_writable() {
            client.flush();
        }
        if !event.is_readable() && !event.is_read_closed() && !event.is_error() {
            return;
        }
        loop {
            let Some(client) = self.clients.at(place) else { return };
            let (length, is_all) = match client.read(buffer) {
                Received::Bytes { length, is_all } => (length, is_all && !event.is_read_closed()),
                Received::Nothing => return,
                Received::End => return self.clients.remove(place),
            };
            self.on_bytes(place, &buffer[..length]);
            if is_all {
                return;
            }
        }
    }

    fn on_bytes(&mut self, place: usize, mut bytes: &[u8]) {
        while let Some(client) = self.clients.at(place) {
            let id = ClientId { place, serial: client.serial };
            let taken =
                if client.is_websocket { self.frame(id, bytes) } else { self.request(id, bytes) };
            match taken {
                Taken::Bytes(length) => bytes = &bytes[length..],
                Taken::Partial => {
                    if let Some(client) = self.clients.at(place) {
                        client.keep(bytes);
                    }
                    return;
                }
                Taken::End => return self.clients.remove(place),
            }
        }
    }

    /// Takes an HTTP request: a handshake, or something that is answered with `{}`.
    fn request(&mut self, id: ClientId, bytes: &[u8]) -> Taken {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut request = httparse::Request::new(&mut headers);
        let head = match request.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) if bytes.len() <= HEAD_BYTES_MAX => {
                return Taken::Partial;
            }
            _ => return Taken::End,
        };
        let header = |name: &str| {
            let found =
                request.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
            found.map(|header| header.value)
        };
        let text = |name: &str| std::str::from_utf8(header(name)?).ok();
        if let Some(key) = text("Sec-WebSocket-Key") {
            self.accept_websocket(id, key);
            return Taken::Bytes(head);
        }
        let Ok(length) = text("Content-Length").unwrap_or("0").parse() else { return Taken::End };
        let Some(body) = bytes[head..].get(..length) else { return Taken::Partial };
        self.channels.publish(body::events(body), &mut self.clients);
        self.clients.write(id, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
        Taken::Bytes(head + length)
    }

    fn accept_websocket(&mut self, id: ClientId, key: &str) {
        let mut answer = upgrade_answer(key);
        let established = format!(
            r#"{{"event":"pusher:connection_established","data":"{{\"socket_id\":\"1.{}\",\"activity_timeout\":120}}"}}"#,
            id.serial
        );
        write_plain(&mut answer, Opcode::Text, established.as_bytes());
        self.clients.write(id, &answer);
        if let Some(client) = self.clients.at(id.place) {
            client.is_websocket = true;
        }
    }

    /// Takes a WebSocket frame.
    fn frame(&mut self, id: ClientId, bytes: &[u8]) -> Taken {
        let frame = match Frame::parse(bytes) {
            Ok(Some(frame)) => frame,
            Ok(None) => return Taken::Partial,
            Err(_) => return Taken::End,
        };
        let mut message = mem::take(&mut self.message);
        message.clear();
        message.extend_from_slice(frame.payload(bytes));
        if let Some(mask) = frame.mask {
            apply_mask(&mut message, mask);
        }
        match frame.opcode {
            Opcode::Text => self.on_message(id, &message),
            Opcode::Ping => {
                self.frame.clear();
                write_plain(&mut self.frame, Opcode::Pong, &message);
                self.clients.write(id, &self.frame);
            }
            Opcode::Close => return Taken::End,
            Opcode::Pong | Opcode::Other(_) => {}
        }
        self.message = message;
        Taken::Bytes(frame.end)
    }

    /// Pretends that subscriptions succeed, and passes client events on.
    fn on_message(&mut self, id: ClientId, message: &[u8]) {
        let Some(channel) = body::channel(message) else { return };
        self.frame.clear();
        if message.starts_with(br#"{"event":"client-"#) {
            write_plain(&mut self.frame, Opcode::Text, message);
            self.channels.relay(channel, &self.frame, id, &mut self.clients);
        } else if message.starts_with(br#"{"event":"pusher:subscribe""#) {
            self.channels.subscribe(channel, id);
            let answer = format!(
                r#"{{"event":"pusher_internal:subscription_succeeded","data":"{{}}","channel":"{}"}}"#,
                String::from_utf8_lossy(channel)
            );
            write_plain(&mut self.frame, Opcode::Text, answer.as_bytes());
            self.clients.write(id, &self.frame);
        }
    }
}
