//! One client of the generator with its connection, a WebSocket or one for polls, and why it ends.

use std::fmt;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use mio::net::TcpStream;
use socket2::{Domain, Protocol, Socket, Type};

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Connecting,
    Upgrading,
    /// Messages can be sent; a polling client is so at once.
    Open,
}

/// A connection. It owns memory only while it holds a part of a frame, or of an answer.
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    pub(crate) phase: Phase,
    /// The first part of a frame, or of an answer, whose rest has not come.
    pub(crate) partial: Vec<u8>,
    pub(crate) socket_id: Box<str>,
    /// The Engine.IO session, or that of Pusher's fallback.
    pub(crate) session: Box<str>,
    unsent: Vec<u8>,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            phase: Phase::Connecting,
            partial: Vec::new(),
            socket_id: Box::default(),
            session: Box::default(),
            unsent: Vec::new(),
        }
    }

    /// Writes, and keeps what the socket does not take. An error shows when the socket is read.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let sent = if self.unsent.is_empty() { self.stream.write(bytes).unwrap_or(0) } else { 0 };
        self.unsent.extend_from_slice(&bytes[sent..]);
    }

    /// Writes what was kept.
    pub(crate) fn flush(&mut self) {
        if self.unsent.is_empty() {
            return;
        }
        if let Ok(sent) = self.stream.write(&self.unsent) {
            self.unsent.drain(..sent);
        }
    }
}

/// Addresses that connections to a loopback address are made from in turn: the ports of one address end
/// at 28 000 connections.
const LOOPBACK_SOURCES: usize = 16;

/// Begins a connection, the `count`-th one, to be waited for. A small receive buffer lets a reader fall
/// behind soon.
pub(crate) fn connect(
    address: SocketAddr,
    count: usize,
    receive_buffer_bytes: Option<usize>,
) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    if let Some(bytes) = receive_buffer_bytes {
        socket.set_recv_buffer_size(bytes)?;
    }
    if cfg!(target_os = "linux") && address.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST) {
        let last = 2 + (count % LOOPBACK_SOURCES) as u8;
        socket.bind(&SocketAddr::from(([127, 0, 0, last], 0)).into())?;
    }
    match socket.connect(&address.into()) {
        Err(error) if !is_under_way(&error) => Err(error),
        _ => Ok(TcpStream::from_std(socket.into())),
    }
}

fn is_under_way(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
        || error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error())
}

/// Why a connection ended, or never began.
#[derive(Debug)]
pub(crate) enum Ending {
    /// No TCP connection came about, or it broke.
    Network(io::Error),
    /// The server refused the WebSocket.
    Refused(String),
    /// The server refused a poll.
    RefusedPoll(String),
    /// The server closed with a close frame.
    Closed { code: u16, reason: String },
    /// The server ended the connection without a close frame, or with a poll that it did not answer.
    Ended,
    /// The server closed this, by a message.
    Dismissed(&'static str),
    /// The server sent something that a client cannot read.
    Unreadable(&'static str),
}

impl Ending {
    /// What a close frame says.
    pub(crate) fn from_close_frame(payload: &[u8]) -> Self {
        let (code, reason) = payload.split_first_chunk().unwrap_or((&[0, 0], b""));
        let reason = String::from_utf8_lossy(reason).into_owned();
        Self::Closed { code: u16::from_be_bytes(*code), reason }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(error) => write!(formatter, "{error}"),
            Self::Refused(answer) => {
                write!(formatter, "the server refused the WebSocket with {answer}")
            }
            Self::RefusedPoll(answer) => {
                write!(formatter, "the server refused a poll with {answer}")
            }
            Self::Closed { code, reason } => {
                write!(formatter, "the server closed with code {code} \"{reason}\"")
            }
            Self::Ended => {
                write!(formatter, "the server ended the connection without saying why")
            }
            Self::Dismissed(what) => write!(formatter, "the server closed {what}"),
            Self::Unreadable(what) => write!(formatter, "the server sent {what}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ending_names_code_and_reason() {
        let ending = Ending::from_close_frame(b"\x0f\xa1Application does not exist");
        assert_eq!(
            ending.to_string(),
            "the server closed with code 4001 \"Application does not exist\""
        );
        assert!(matches!(Ending::from_close_frame(b""), Ending::Closed { code: 0, .. }));
    }
}
