//! One HTTP connection that is kept alive, with one request under way at a time.

use std::io::{self, Read, Write};
use std::net::SocketAddr;

use anyhow::Result;
use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use crate::answer::{ANSWER_BYTES_MAX, Answer};

/// What the server said to a request.
#[derive(Debug)]
pub(crate) enum Reply {
    Success,
    /// The server said no, with this status and text.
    Status(u16, String),
    /// There was no answer.
    Unanswered(String),
}

/// A connection and its request.
pub(crate) struct Exchange {
    address: SocketAddr,
    place: Token,
    stream: Option<TcpStream>,
    is_connected: bool,
    /// The connection has answered before: a server may have ended it since, as idle.
    was_used: bool,
    is_busy: bool,
    /// What is asked; to be written before `send`.
    pub(crate) request: Vec<u8>,
    sent: usize,
    answer: Vec<u8>,
    /// Connections that were made: one if the server keeps it alive.
    pub(crate) connections: u64,
}

impl Exchange {
    pub(crate) fn new(address: SocketAddr, place: Token) -> Self {
        Self {
            address,
            place,
            stream: None,
            is_connected: false,
            was_used: false,
            is_busy: false,
            request: Vec::new(),
            sent: 0,
            answer: Vec::new(),
            connections: 0,
        }
    }

    /// A request waits for its answer.
    pub(crate) fn is_busy(&self) -> bool {
        self.is_busy
    }

    /// Sends the request, over a new connection if there is none.
    pub(crate) fn send(&mut self, registry: &Registry) -> Result<()> {
        self.is_busy = true;
        self.sent = 0;
        if self.stream.is_none() {
            let mut stream = TcpStream::connect(self.address)?;
            stream.set_nodelay(true)?;
            let interest = Interest::READABLE | Interest::WRITABLE;
            registry.register(&mut stream, self.place, interest)?;
            self.stream = Some(stream);
            self.connections += 1;
        }
        self.flush();
        Ok(())
    }

    /// Goes on with whatever is possible without waiting; says what came of the request once that is known.
    pub(crate) fn on_ready(
        &mut self,
        registry: &Registry,
        event: &Event,
        chunk: &mut [u8],
    ) -> Result<Option<Reply>> {
        let Some(stream) = &self.stream else { return Ok(None) };
        if !self.is_connected {
            if let Some(error) = stream.take_error()? {
                return self.fail(registry, error.to_string());
            }
            self.is_connected = event.is_writable();
        }
        self.flush();
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            return self.read(registry, chunk);
        }
        Ok(None)
    }

    fn read(&mut self, registry: &Registry, chunk: &mut [u8]) -> Result<Option<Reply>> {
        let ended = self.receive(chunk);
        let (reply, is_last) = match Answer::parse(&self.answer, ended.is_some()) {
            Ok(Some(answer)) if answer.is_success() => (Reply::Success, answer.is_last),
            Ok(Some(answer)) => (Reply::Status(answer.status, answer.text()), answer.is_last),
            Ok(None) => {
                return ended.map_or(Ok(None), |why| self.fail(registry, why));
            }
            Err(error) => return self.fail(registry, error.to_string()),
        };
        self.answer.clear();
        self.was_used = true;
        if is_last {
            self.hang_up();
        }
        Ok(std::mem::take(&mut self.is_busy).then_some(reply))
    }

    /// The connection is of no use. A request that a kept-alive connection lost is sent once more on a
    /// new one, as HTTP clients do.
    fn fail(&mut self, registry: &Registry, why: String) -> Result<Option<Reply>> {
        let again = self.was_used;
        self.hang_up();
        if self.is_busy && again {
            self.send(registry)?;
            return Ok(None);
        }
        Ok(std::mem::take(&mut self.is_busy).then_some(Reply::Unanswered(why)))
    }

    /// Writes what the socket takes; an error shows when it is read.
    fn flush(&mut self) {
        let Some(stream) = self.stream.as_mut().filter(|_| self.is_connected) else { return };
        while let rest @ [_, ..] = &self.request[self.sent..] {
            let Ok(sent) = stream.write(rest) else { return };
            self.sent += sent;
        }
    }

    /// Reads what has come; says why the connection ended, if it did.
    fn receive(&mut self, chunk: &mut [u8]) -> Option<String> {
        let stream = self.stream.as_mut()?;
        loop {
            match stream.read(chunk) {
                Ok(0) => return Some("the server ended the connection".into()),
                Ok(read) => self.answer.extend_from_slice(&chunk[..read]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                Err(error) => return Some(error.to_string()),
            }
            if self.answer.len() > ANSWER_BYTES_MAX {
                return Some("the answer is too long".into());
            }
        }
    }

    fn hang_up(&mut self) {
        self.stream = None;
        self.is_connected = false;
        self.was_used = false;
        self.answer.clear();
    }
}
