//! A client's socket.

use std::{
    collections::VecDeque,
    io::{self, IoSlice, Write},
};

use bytes::{Buf, Bytes};
use mio::net::TcpStream;
use resound_hub::app::AppNumber;
use resound_protocol::{socket_id::SocketId, websocket::Decoder};

use super::outbox::Pending;

/// Slices that one system call writes.
const SLICES_MAX: usize = 16;

/// One socket; what it holds beyond this is held only while it is needed.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) stream: TcpStream,
    /// Tells this socket from the slot's former ones.
    pub(super) serial: u32,
    pub(super) phase: Phase,
    pub(super) decoder: Decoder,
    /// Where the outbox has something for it.
    pub(super) pending: Pending,
    /// Whether the client has said that nothing more will come. That is told once, maybe together
    /// with its last bytes: from then on the socket is read to its end.
    pub(super) is_ending: bool,
    backlog: Option<Box<Backlog>>,
}

/// How far a connection has come.
#[derive(Debug)]
pub(super) enum Phase {
    /// It has not said yet what it wants; its request so far.
    Opening(Vec<u8>),
    /// It speaks WebSocket.
    Open {
        /// Whose client it is.
        app: AppNumber,
        /// Who it is.
        socket_id: SocketId,
    },
    /// A close frame is on its way; what the client still says is discarded.
    Closing,
}

/// What the socket did not take.
#[derive(Debug, Default)]
struct Backlog {
    parts: VecDeque<Bytes>,
    bytes: usize,
}

/// What became of something that was to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// The kernel has it all.
    All,
    /// Some waits until the socket takes it.
    Waits,
    /// More waits than may.
    TooMuch,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, serial: u32) -> Self {
        Self {
            stream,
            serial,
            phase: Phase::Opening(Vec::new()),
            decoder: Decoder::default(),
            pending: Pending::default(),
            is_ending: false,
            backlog: None,
        }
    }

    /// Whether something waits for the socket.
    pub(super) fn owes(&self) -> bool {
        self.backlog.is_some()
    }

    /// Writes, or keeps what the socket does not take, up to `backlog_max` bytes. Alone in the
    /// backlog something larger may wait, too: otherwise who can't take a long member list at once
    /// would be closed, come back, and get the list again.
    pub(super) fn write(&mut self, bytes: &Bytes, backlog_max: usize) -> io::Result<Written> {
        let mut taken = 0;
        let is_first = self.backlog.is_none();
        if is_first {
            taken = match self.stream.write(bytes) {
                Ok(count) => count,
                Err(error) if is_temporary(&error) => 0,
                Err(error) => return Err(error),
            };
            if taken == bytes.len() {
                return Ok(Written::All);
            }
        }
        let backlog = self.backlog.get_or_insert_default();
        backlog.bytes += bytes.len() - taken;
        backlog.parts.push_back(bytes.slice(taken..));
        let is_too_much = !is_first && backlog.bytes > backlog_max;
        Ok(if is_too_much { Written::TooMuch } else { Written::Waits })
    }

    /// Writes what waits.
    pub(super) fn drain(&mut self) -> io::Result<Written> {
        let Some(backlog) = &mut self.backlog else {
            return Ok(Written::All);
        };
        while !backlog.parts.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES_MAX];
            for (slice, part) in slices.iter_mut().zip(&backlog.parts) {
                *slice = IoSlice::new(part);
            }
            match self.stream.write_vectored(&slices) {
                Ok(count) => backlog.advance(count),
                Err(error) if is_temporary(&error) => return Ok(Written::Waits),
                Err(error) => return Err(error),
            }
        }
        self.backlog = None;
        Ok(Written::All)
    }

    /// Drops what waits, save what has been begun: a frame is never cut.
    pub(super) fn abandon_backlog(&mut self) {
        if let Some(backlog) = &mut self.backlog {
            backlog.parts.truncate(1);
            backlog.bytes = backlog.parts.front().map_or(0, Bytes::len);
        }
    }
}

impl Backlog {
    fn advance(&mut self, mut count: usize) {
        self.bytes -= count;
        while let Some(part) = self.parts.front_mut() {
            if count < part.len() {
                part.advance(count);
                return;
            }
            count -= part.len();
            self.parts.pop_front();
        }
    }
}

pub(super) fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
