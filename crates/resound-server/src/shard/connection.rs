//! A client's connection: a socket that speaks WebSocket, or requests that come one after the other.

use std::sync::Arc;

use resound_hub::app::AppNumber;
use resound_protocol::socket_id::SocketId;

use super::{outbox::Pending, polling::Polling, socket::Socket};
use crate::authorise::ClientHeaders;

/// One client, whatever carries its messages.
#[derive(Debug)]
pub(super) struct Connection {
    /// Tells this connection from the slot's former ones.
    pub(super) serial: u32,
    pub(super) phase: Phase,
    /// Where the outbox has something for it.
    pub(super) pending: Pending,
    pub(super) link: Link,
    /// What the application is told of a client of Socket.IO that wants into a channel.
    pub(super) headers: Option<Arc<ClientHeaders>>,
}

/// What carries the messages.
#[derive(Debug)]
pub(super) enum Link {
    Socket(Socket),
    Polling(Box<Polling>),
}

/// How far a connection has come.
#[derive(Debug)]
pub(super) enum Phase {
    /// It has not said yet what it wants; its request so far.
    Opening(Vec<u8>),
    /// A WebSocket that is to carry on what the polling session of this name has begun.
    Probing(SocketId),
    /// It speaks.
    Open {
        /// Whose client it is.
        app: AppNumber,
        /// Who it is.
        socket_id: SocketId,
    },
    /// That it is closed is on its way; what the client still says is discarded. A WebSocket's client
    /// sends a close frame, too: only after that the TCP connection is closed (RFC 6455, 7.1.1), or
    /// else browsers say that the connection broke.
    Closing {
        /// Whether the client's close frame has come, or is not waited for.
        is_answered: bool,
    },
}

impl Connection {
    pub(super) fn new(serial: u32, phase: Phase, link: Link) -> Self {
        Self { serial, phase, pending: Pending::default(), link, headers: None }
    }

    pub(super) fn socket(&mut self) -> Option<&mut Socket> {
        match &mut self.link {
            Link::Socket(socket) => Some(socket),
            Link::Polling(_) => None,
        }
    }

    pub(super) fn polling(&mut self) -> Option<&mut Polling> {
        match &mut self.link {
            Link::Polling(polling) => Some(polling),
            Link::Socket(_) => None,
        }
    }

    /// Whether something waits until the client takes it.
    pub(super) fn owes(&self) -> bool {
        match &self.link {
            Link::Socket(socket) => socket.owes(),
            Link::Polling(_) => false,
        }
    }

    /// After the last byte of a connection that is being closed: says that nothing more will come.
    pub(super) fn finish(&mut self) {
        if let (Link::Socket(socket), Phase::Closing { is_answered: true }) =
            (&mut self.link, &self.phase)
            && self.pending.is_empty()
            && !socket.owes()
        {
            socket.shut();
        }
    }
}
