//! How the clients of a run talk to the server: which protocol, over which transport.

use clap::{Args, ValueEnum};
use serde_json::{Map, Value};

use crate::mark::Mark;
use crate::message::{self, Control};
use crate::packet;
use crate::target::Target;

/// The options that say it.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct DialectArgs {
    /// Protocol of the clients; events are published over Pusher's HTTP API in either
    #[arg(long, global = true, value_enum, default_value = "pusher")]
    protocol: Family,

    /// Transport of the clients
    #[arg(long, global = true, value_enum, default_value = "websocket")]
    transport: Transport,

    /// Revision of Engine.IO below Socket.IO: 3 is that of clients 2.x, 4 that of 3.x and 4.x
    #[arg(long, global = true, value_enum, default_value = "4")]
    eio: Revision,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Family {
    Pusher,
    Socketio,
}

/// How messages travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Transport {
    Websocket,
    /// HTTP long polling: the fallback of either protocol (Pusher's is `xhr_polling`).
    Polling,
}

/// Revisions of Engine.IO.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Revision {
    #[value(name = "3")]
    Three,
    #[value(name = "4")]
    Four,
}

impl Revision {
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Three => 3,
            Self::Four => 4,
        }
    }
}

/// What messages look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Pusher,
    /// Socket.IO with the events of laravel-echo-server.
    SocketIo(Revision),
}

/// A protocol over a transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dialect {
    pub(crate) protocol: Protocol,
    pub(crate) transport: Transport,
}

impl Dialect {
    /// What is spoken when nothing else is asked for.
    pub(crate) const USUAL: Self =
        Self { protocol: Protocol::Pusher, transport: Transport::Websocket };
}

impl DialectArgs {
    pub(crate) fn dialect(self) -> Dialect {
        let protocol = match self.protocol {
            Family::Pusher => Protocol::Pusher,
            Family::Socketio => Protocol::SocketIo(self.eio),
        };
        Dialect { protocol, transport: self.transport }
    }

    /// The options that are not as usual, to be shown.
    pub(crate) fn add_to(self, options: &mut Map<String, Value>) {
        let Dialect { protocol, transport } = self.dialect();
        if let Protocol::SocketIo(revision) = protocol {
            options.insert("protocol".into(), "socketio".into());
            options.insert("eio".into(), revision.number().into());
        }
        if transport == Transport::Polling {
            options.insert("transport".into(), "polling".into());
        }
    }
}

impl Protocol {
    /// Subscribes to a channel; `user` is who enters, if it is a presence channel.
    pub(crate) fn subscribe(
        self,
        target: &Target,
        socket_id: &str,
        channel: &str,
        user: Option<&str>,
    ) -> String {
        match self {
            Self::Pusher => message::subscribe(target, socket_id, channel, user),
            Self::SocketIo(_) => packet::subscribe(channel),
        }
    }

    /// Leaves a channel.
    pub(crate) fn unsubscribe(self, channel: &str) -> String {
        match self {
            Self::Pusher => message::unsubscribe(channel),
            Self::SocketIo(_) => packet::unsubscribe(channel),
        }
    }

    /// Appends an event from one client to the others of a channel.
    pub(crate) fn write_client_event(
        self,
        out: &mut Vec<u8>,
        channel: &str,
        mark: Mark,
        bytes: usize,
    ) {
        match self {
            Self::Pusher => message::write_client_event(out, channel, mark, bytes),
            Self::SocketIo(_) => packet::write_client_event(out, channel, mark, bytes),
        }
    }

    /// The answer to the server's ping.
    pub(crate) fn pong(self) -> &'static [u8] {
        match self {
            Self::Pusher => message::PONG,
            Self::SocketIo(_) => packet::PONG,
        }
    }

    /// Whether a message in which a mark was found looks like a delivery.
    #[inline]
    pub(crate) fn is_event(self, message: &[u8]) -> bool {
        match self {
            Self::Pusher => true,
            Self::SocketIo(_) => message.starts_with(packet::EVENT),
        }
    }

    /// What a message means that is not one of the generator's events.
    pub(crate) fn control(self, message: &[u8]) -> Control {
        match self {
            Self::Pusher => Control::parse(message),
            Self::SocketIo(_) => packet::parse(message),
        }
    }
}
