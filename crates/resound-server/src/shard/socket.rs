//! A client's socket.

use std::{
    collections::VecDeque,
    io::{self, IoSlice, Read as _, Write as _},
    net::{IpAddr, Shutdown},
};

use bytes::{Buf, Bytes};
use mio::{event::Source, net::TcpStream};
use resound_protocol::websocket::Decoder;

use super::stream::Stream;
use crate::tls::{Received, Session, SessionFault};

/// Slices that one system call writes.
const SLICES_MAX: usize = 16;

/// One socket; what it holds beyond this is held only while it is needed.
#[derive(Debug)]
pub(super) struct Socket {
    tcp: TcpStream,
    pub(super) decoder: Decoder,
    /// Whether the client has said that nothing more will come. That is told once, maybe together
    /// with its last bytes: from then on the socket is read to its end.
    pub(super) is_ending: bool,
    /// Whether it waits to be read on.
    pub(super) is_unfinished: bool,
    // One pointer for both: a connection without them has room for no second one in its size class.
    more: Option<Box<More>>,
}

/// What few sockets have.
#[derive(Debug, Default)]
struct More {
    backlog: Backlog,
    tls: Option<Box<Session>>,
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
    pub(super) fn new(stream: Stream) -> Self {
        Self {
            tcp: TcpStream::from_std(stream.tcp),
            decoder: Decoder::default(),
            is_ending: false,
            is_unfinished: false,
            more: stream.tls.map(|tls| Box::new(More { tls: Some(tls), ..More::default() })),
        }
    }

    /// Gives the socket away that reads and writes no WebSocket; nothing waits for it.
    pub(super) fn into_stream(self) -> Stream {
        Stream { tcp: self.tcp.into(), tls: self.more.and_then(|more| more.tls) }
    }

    /// What the epoll set watches.
    pub(super) fn source(&mut self) -> &mut impl Source {
        &mut self.tcp
    }

    /// Where the client is, unless it has gone away.
    pub(super) fn peer(&self) -> Option<IpAddr> {
        self.tcp.peer_addr().ok().map(|address| address.ip())
    }

    /// Whether something waits for the socket.
    pub(super) fn owes(&self) -> bool {
        self.more.as_ref().is_some_and(|more| {
            !more.backlog.is_empty() || more.tls.as_ref().is_some_and(|tls| tls.owes())
        })
    }

    /// Whether a handshake of TLS is under way.
    pub(super) fn is_handshaking(&self) -> bool {
        let tls = self.more.as_ref().and_then(|more| more.tls.as_ref());
        tls.is_some_and(|tls| tls.is_handshaking())
    }

    /// Goes on without the TLS that the client does not speak.
    pub(super) fn drop_tls(&mut self) {
        self.more = None;
    }

    /// Reads what has come.
    pub(super) fn read(&mut self, to: &mut [u8]) -> Result<Received, SessionFault> {
        let Self { tcp, more, .. } = self;
        if let Some(tls) = more.as_mut().and_then(|more| more.tls.as_mut()) {
            return tls.read(tcp, to);
        }
        let count = tcp.read(to).map_err(SessionFault::Io)?;
        Ok(Received { count, is_all: count < to.len() })
    }

    /// Writes, or keeps what the socket does not take. Behind the part that has been begun,
    /// `backlog_max` bytes may wait. That part itself may be larger: otherwise who can't take a long
    /// member list at once would be closed, come back, and get the list again.
    pub(super) fn write(&mut self, bytes: &Bytes, backlog_max: usize) -> io::Result<Written> {
        let taken = match self.write_some(bytes) {
            Ok(count) => count,
            Err(error) if is_temporary(&error) => 0,
            Err(error) => return Err(error),
        };
        if taken == bytes.len() {
            return Ok(if self.owes() { Written::Waits } else { Written::All });
        }
        let backlog = &mut self.more.get_or_insert_default().backlog;
        backlog.push(bytes.slice(taken..));
        Ok(if backlog.behind_first() > backlog_max { Written::TooMuch } else { Written::Waits })
    }

    /// Writes unless something is to go first.
    fn write_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(more) = &mut self.more else {
            return self.tcp.write(bytes);
        };
        match &mut more.tls {
            Some(tls) if more.backlog.is_empty() => {
                tls.write(&mut self.tcp, &[IoSlice::new(bytes)])
            }
            _ => Ok(0),
        }
    }

    /// Writes what waits.
    pub(super) fn drain(&mut self) -> io::Result<Written> {
        let Some(More { backlog, tls }) = self.more.as_deref_mut() else {
            return Ok(Written::All);
        };
        while !backlog.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES_MAX];
            for (slice, part) in slices.iter_mut().zip(&backlog.parts) {
                *slice = IoSlice::new(part);
            }
            let written = match tls {
                Some(tls) => tls.write(&mut self.tcp, &slices),
                None => self.tcp.write_vectored(&slices),
            };
            match written {
                Ok(count) => backlog.advance(count),
                Err(error) if is_temporary(&error) => return Ok(Written::Waits),
                Err(error) => return Err(error),
            }
        }
        *backlog = Backlog::default();
        let is_flushed = match tls {
            Some(tls) => tls.flush(&mut self.tcp)?,
            None => true,
        };
        self.more.take_if(|more| more.tls.is_none());
        Ok(if is_flushed { Written::All } else { Written::Waits })
    }

    /// Says that nothing more will come, if the client waits for a word of it.
    pub(super) fn bid_farewell(&mut self) {
        if let Some(tls) = self.more.as_mut().and_then(|more| more.tls.as_mut()) {
            tls.close(&mut self.tcp);
        }
    }

    /// Says that nothing more will come.
    pub(super) fn shut(&mut self) {
        self.bid_farewell();
        let _ = self.tcp.shutdown(Shutdown::Write); // it may be gone, which is as good
    }

    /// Drops what waits, save what has been begun: a frame is never cut.
    pub(super) fn abandon_backlog(&mut self) {
        if let Some(More { backlog, .. }) = self.more.as_deref_mut() {
            let first = std::mem::take(backlog).parts.pop_front();
            first.into_iter().for_each(|first| backlog.push(first));
        }
    }
}

impl Backlog {
    fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

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
