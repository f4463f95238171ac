//! Connections of the floor server.

use std::io::{self, Read, Write};

use mio::net::TcpStream;

use crate::floor::channels::ClientId;

/// Unsent bytes of one connection; over it the connection is closed.
const UNSENT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Unread bytes of one connection (a part of a message); over it the connection is closed.
const UNREAD_BYTES_MAX: usize = 16 * 1024 * 1024;

pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    pub(crate) serial: u64,
    pub(crate) is_websocket: bool,
    unread: Vec<u8>,
    unsent: Vec<u8>,
}

/// What a read brought.
pub(crate) enum Received {
    /// So many bytes in the buffer; if `is_all`, no more wait in the socket.
    Bytes {
        length: usize,
        is_all: bool,
    },
    Nothing,
    /// The connection is over.
    End,
}

impl Client {
    /// Reads into the buffer, behind the part of a message that was there before.
    pub(crate) fn read(&mut self, buffer: &mut Vec<u8>) -> Received {
        let held = self.unread.len();
        if held > UNREAD_BYTES_MAX {
            return Received::End;
        }
        if buffer.len() < 2 * held {
            buffer.resize(4 * held, 0);
        }
        let room = buffer.len() - held;
        match self.stream.read(&mut buffer[held..]) {
            Ok(0) => Received::End,
            Ok(got) => {
                buffer[..held].copy_from_slice(&self.unread);
                self.unread.clear();
                Received::Bytes { length: held + got, is_all: got < room }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Received::Nothing,
            Err(_) => Received::End,
        }
    }

    /// Keeps the part of a message until its rest comes.
    pub(crate) fn keep(&mut self, bytes: &[u8]) {
        self.unread.extend_from_slice(bytes);
    }

    /// Writes; what the socket does not take goes out when it does. False if the connection is over.
    #[inline]
    pub(crate) fn write(&mut self, bytes: &[u8]) -> bool {
        if !self.unsent.is_empty() {
            self.unsent.extend_from_slice(bytes);
            return self.unsent.len() <= UNSENT_BYTES_MAX;
        }
        match self.stream.write(bytes) {
            Ok(sent) if sent == bytes.len() => true,
            Ok(sent) => {
                self.unsent.extend_from_slice(&bytes[sent..]);
                true
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.unsent.extend_from_slice(bytes);
                true
            }
            Err(_) => false,
        }
    }

    pub(crate) fn flush(&mut self) {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(sent) => drop(self.unsent.drain(..sent)),
                Err(_) => return,
            }
        }
    }
}

/// All connections. Places are used again.
#[derive(Default)]
pub(crate) struct Clients {
    clients: Vec<Option<Client>>,
    free: Vec<usize>,
    accepted: u64,
}

impl Clients {
    /// The place that the next connection gets.
    pub(crate) fn next_place(&self) -> usize {
        self.free.last().copied().unwrap_or(self.clients.len())
    }

    pub(crate) fn add(&mut self, stream: TcpStream) {
        self.accepted += 1;
        let client = Client {
            stream,
            serial: self.accepted,
            is_websocket: false,
            unread: Vec::new(),
            unsent: Vec::new(),
        };
        match self.free.pop() {
            Some(place) => self.clients[place] = Some(client),
            None => self.clients.push(Some(client)),
        }
    }

    pub(crate) fn at(&mut self, place: usize) -> Option<&mut Client> {
        self.clients.get_mut(place)?.as_mut()
    }

    /// Writes to a connection, if it still is the one that is meant. False if it is over.
    #[inline]
    pub(crate) fn write(&mut self, id: ClientId, bytes: &[u8]) -> bool {
        let Some(client) = self.at(id.place).filter(|client| client.serial == id.serial) else {
            return false;
        };
        if client.write(bytes) {
            return true;
        }
        self.remove(id.place);
        false
    }

    /// Closes a connection.
    pub(crate) fn remove(&mut self, place: usize) {
        if self.clients[place].take().is_some() {
            self.free.push(place);
        }
    }
}
