//! One connection's TLS, between its socket and who reads and writes it.
//!
//! Records are read into and written from buffers of the thread; a session keeps only what can't go
//! on yet: a record that has not come completely, and records that the socket has not taken.

use std::{
    cell::RefCell,
    fmt,
    io::{self, ErrorKind, IoSlice, Read, Write},
    mem,
    sync::Arc,
};

use bytes::{Buf as _, Bytes, BytesMut};
use rustls::{InvalidMessage, ServerConfig};

use super::{
    machine::{Machine, Outgoing, Say},
    plaintext::Plaintext,
};

/// Bytes that are read at once. What is read for a buffer of so many bytes fits into it.
const READ_BYTES: usize = 64 * 1024;
/// Bytes that are asked for at least.
const READ_BYTES_MIN: usize = 16 * 1024;
/// Bytes that a record carries at most.
const RECORD_BYTES: usize = 16 * 1024;
/// Bytes of records that are made before they are written, and so about what a socket may leave.
const SEND_BYTES: usize = 64 * 1024;
/// Bytes that may wait until they make sense: a message of the handshake, at the size that rustls
/// refuses by itself, in records.
const INCOMPLETE_BYTES_MAX: usize = 80 * 1024;

thread_local! {
    /// Each holds something during a call, never after it.
    static BUFFERS: RefCell<Buffers> = RefCell::default();
}

#[derive(Default)]
struct Buffers {
    incoming: Vec<u8>,
    outgoing: Outgoing,
}

/// A connection's TLS.
pub(crate) struct Session {
    machine: Machine,
    /// Records that have not come completely.
    incomplete: Vec<u8>,
    /// What the reader's buffer had no room for.
    decrypted: BytesMut,
    /// Records that the socket did not take. They go before anything else is encrypted.
    unsent: Bytes,
    has_begun: bool,
    /// Whether the client has been told that nothing more will come. What it still says is discarded.
    has_parted: bool,
}

/// What was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    /// Bytes in the buffer; 0 at the end of the stream.
    pub(crate) count: usize,
    /// Whether that is all that has come, so that the socket tells when there is more.
    pub(crate) is_all: bool,
}

/// Why nothing was read.
#[derive(Debug)]
pub(crate) enum SessionFault {
    /// The socket says so; the fault may be temporary.
    Io(io::Error),
    /// The client speaks HTTP without TLS.
    NoTls,
    /// The client breaks the protocol's rules, or does not trust us. It has been told.
    Tls(rustls::Error),
}

impl Session {
    pub(super) fn new(config: Arc<ServerConfig>) -> Result<Self, rustls::Error> {
        Ok(Self {
            machine: Machine::new(config)?,
            incomplete: Vec::new(),
            decrypted: BytesMut::new(),
            unsent: Bytes::new(),
            has_begun: false,
            has_parted: false,
        })
    }

    /// Whether the handshake is under way, which costs more than anything that comes after it.
    pub(crate) fn is_handshaking(&self) -> bool {
        self.machine.is_handshaking()
    }

    /// Whether something waits for the socket.
    pub(crate) fn owes(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Whether something can be read without the socket.
    pub(crate) fn has_decrypted(&self) -> bool {
        !self.decrypted.is_empty()
    }

    /// Reads from the socket until there is something to give or nothing more to read, and answers
    /// what the protocol wants answered. A client that ends the TCP connection without a farewell has
    /// ended the stream: what it carries has ends of its own.
    ///
    /// # Errors
    ///
    /// Temporary ones of the socket, and those that end the connection.
    pub(crate) fn read(
        &mut self,
        socket: &mut (impl Read + Write),
        to: &mut [u8],
    ) -> Result<Received, SessionFault> {
        let mut rest = mem::take(&mut self.decrypted);
        let mut plaintext = Plaintext::new(to, &mut rest);
        let read = BUFFERS.with_borrow_mut(|buffers| {
            let mut is_all = false;
            while plaintext.is_empty() && !self.machine.is_ended {
                is_all = self.read_once(socket, &mut plaintext, buffers)?;
            }
            Ok(is_all && !self.machine.is_ended)
        });
        let count = plaintext.count();
        self.decrypted = rest;
        read.map(|is_all| Received { count, is_all: is_all && self.decrypted.is_empty() })
    }

    /// Says whether the socket has given all that it had.
    fn read_once(
        &mut self,
        socket: &mut (impl Read + Write),
        plaintext: &mut Plaintext<'_>,
        Buffers { incoming, outgoing }: &mut Buffers,
    ) -> Result<bool, SessionFault> {
        let kept = self.incomplete.len();
        if kept > INCOMPLETE_BYTES_MAX {
            return Err(SessionFault::Tls(InvalidMessage::HandshakePayloadTooLarge.into()));
        }
        let asked = plaintext.room().min(READ_BYTES).saturating_sub(kept).max(READ_BYTES_MIN);
        if incoming.len() < kept + asked {
            incoming.resize(kept + asked, 0);
        }
        let count = socket.read(&mut incoming[kept..kept + asked]).map_err(SessionFault::Io)?;
        self.machine.is_ended |= count == 0;
        if self.has_parted {
            return Ok(count < asked);
        }
        incoming[..kept].copy_from_slice(&self.incomplete);
        let records = &mut incoming[..kept + count];
        if !mem::replace(&mut self.has_begun, true) && is_http(records) {
            return Err(SessionFault::NoTls);
        }
        outgoing.clear();
        let (taken, result) = self.machine.turn(records, Say::Nothing, plaintext, outgoing);
        self.incomplete = records[taken..].to_vec();
        let sent = self.send(socket, outgoing.records());
        result.map_err(SessionFault::Tls)?;
        sent.map_err(SessionFault::Io)?;
        Ok(count < asked)
    }

    /// Encrypts and writes. What is taken and not written waits here, and is at most what is written
    /// at once; nothing more is taken before it is gone.
    ///
    /// # Errors
    ///
    /// Those of the socket; a temporary one says that nothing was taken.
    pub(crate) fn write(
        &mut self,
        socket: &mut impl Write,
        parts: &[IoSlice<'_>],
    ) -> io::Result<usize> {
        if !self.flush(socket)? {
            return Err(ErrorKind::WouldBlock.into());
        }
        BUFFERS.with_borrow_mut(|Buffers { outgoing, .. }| {
            let mut taken = 0;
            outgoing.clear();
            for piece in parts.iter().flat_map(|part| part.chunks(RECORD_BYTES)) {
                if outgoing.records().len() >= SEND_BYTES {
                    self.send(socket, outgoing.records())?;
                    outgoing.clear();
                    if self.owes() {
                        return Ok(taken);
                    }
                }
                self.say(Say::Data(piece), outgoing)?;
                taken += piece.len();
            }
            self.send(socket, outgoing.records())?;
            Ok(taken)
        })
    }

    /// Writes what waits; says whether nothing does any more.
    ///
    /// # Errors
    ///
    /// Those of the socket that are not temporary.
    pub(crate) fn flush(&mut self, socket: &mut impl Write) -> io::Result<bool> {
        while self.owes() {
            let count = write_some(socket, &self.unsent)?;
            if count == 0 {
                return Ok(false);
            }
            self.unsent.advance(count);
        }
        self.unsent = Bytes::new();
        Ok(true)
    }

    /// Tells the client that nothing more will come. If the socket does not take that, the end of the
    /// TCP connection says it, too.
    pub(crate) fn close(&mut self, socket: &mut impl Write) {
        if mem::replace(&mut self.has_parted, true) {
            return;
        }
        BUFFERS.with_borrow_mut(|Buffers { outgoing, .. }| {
            outgoing.clear();
            if self.say(Say::Farewell, outgoing).is_ok() {
                let _ = self.send(socket, outgoing.records()); // it may be gone, which is as good
            }
        });
    }

    /// Makes records of what is to be sent.
    fn say(&mut self, say: Say<'_>, outgoing: &mut Outgoing) -> io::Result<()> {
        let mut plaintext = Plaintext::new(&mut [], &mut self.decrypted);
        let records = &mut self.incomplete;
        let (taken, result) = self.machine.turn(records, say, &mut plaintext, outgoing);
        records.drain(..taken);
        result.map_err(io::Error::other)
    }

    /// Writes records behind those that wait; what is not taken waits, too.
    fn send(&mut self, socket: &mut impl Write, records: &[u8]) -> io::Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        let count = if self.flush(socket)? { write_some(socket, records)? } else { 0 };
        if count < records.len() {
            self.unsent = [&self.unsent, &records[count..]].concat().into();
        }
        Ok(())
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

impl From<SessionFault> for io::Error {
    fn from(fault: SessionFault) -> Self {
        match fault {
            SessionFault::Io(error) => error,
            SessionFault::NoTls => Self::new(ErrorKind::InvalidData, "the client speaks no TLS"),
            SessionFault::Tls(error) => Self::new(ErrorKind::InvalidData, error),
        }
    }
}

/// Whether a connection begins with the name of a method, in place of a record.
fn is_http(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(u8::is_ascii_uppercase)
}

/// Writes as much as the socket takes; nothing is not an error.
fn write_some(socket: &mut impl Write, bytes: &[u8]) -> io::Result<usize> {
    match socket.write(bytes) {
        Ok(0) => Err(ErrorKind::WriteZero.into()),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
            Ok(0)
        }
        result => result,
    }
}
