//! A client's socket.

use std::{
    collections::VecDeque,
    io::{self, IoSlice, Write},
    net::Shutdown,
};

use bytes::{Buf, Bytes};
use mio::net::TcpStream;
use resound_protocol::websocket::Decoder;

/// Slices that one system call writes.
const SLICES_MAX: usize = 16;

/// One socket; what it holds beyond this is held only while it is needed.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) stream: TcpStream,
    pub(super) decoder: Decoder,
    /// Whether the client has said that nothing more will come. That is told once, maybe together
    /// with its last bytes: from then on the socket is read to its end.
    pub(super) is_ending: bool,
    /// Whether it waits to be read on.
    pub(super) is_unfinished: bool,
    backlog: Option<Box<Backlog>>,
}

/// What the socket did not take.
#[derive(Debug, Default)]
struct Backlog {
    parts: VecDeque<Bytes>,
    /// Bytes of the parts, and what keeping a part costs.
    bytes: usize,
}

/// What keeping a part costs beyond its bytes.
const PART_BYTES: usize = 64;

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
    pub(super) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            decoder: Decoder::default(),
            is_ending: false,
            is_unfinished: false,
            backlog: None,
        }
    }

    /// Whether something waits for the socket.
    pub(super) fn owes(&self) -> bool {
        self.backlog.is_some()
    }

    /// Writes, or keeps what the socket does not take. Behind the part that has been begun,
    /// `backlog_max` bytes may wait. That part itself may be larger: otherwise who can't take a long
    /// member list at once would be closed, come back, and get the list again.
    pub(super) fn write(&mut self, bytes: &Bytes, backlog_max: usize) -> io::Result<Written> {
        let mut taken = 0;
        if self.backlog.is_none() {
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
        backlog.push(bytes.slice(taken..));
        Ok(if backlog.behind_first() > backlog_max { Written::TooMuch } else { Written::Waits })
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

    /// Says that nothing more will come.
    pub(super) fn shut(&self) {
        let _ = self.stream.shutdown(Shutdown::Write); // it may be gone, which is as good
    }

    /// Drops what waits, save what has been begun: a frame is never cut.
    pub(super) fn abandon_backlog(&mut self) {
        if let Some(backlog) = &mut self.backlog {
            let first = backlog.parts.pop_front();
            **backlog = Backlog::default();
            first.into_iter().for_each(|first| backlog.push(first));
        }
    }
}

impl Backlog {
    fn push(&mut self, part: Bytes) {
        self.bytes += part.len() + PART_BYTES;
        self.parts.push_back(part);
    }

    fn behind_first(&self) -> usize {
        self.bytes - self.parts.front().map_or(0, |first| first.len() + PART_BYTES)
    }

    fn advance(&mut self, mut count: usize) {
        self.bytes -= count;
        while let Some(part) = self.parts.front_mut() {
            if count < part.len() {
                part.advance(count);
                return;
            }
            count -= part.len();
            self.bytes -= PART_BYTES;
            self.parts.pop_front();
        }
    }
}

pub(super) fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
