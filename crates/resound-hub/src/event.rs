//! What subscribers of a channel are told, encoded once per wire format.

use std::sync::{Arc, OnceLock};

use resound_protocol::{
    channel::{ChannelName, NameRule},
    member::Member,
    message::{self, Published},
    socketio,
    websocket::Frame,
};

/// How a subscriber wants its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// Pusher's messages.
    Pusher,
    /// Socket.IO's packets, the same for both versions.
    SocketIo,
}

impl Wire {
    /// What names its clients know for channels.
    pub(crate) fn name_rule(self) -> NameRule {
        match self {
            Self::Pusher => NameRule::Pusher,
            Self::SocketIo => NameRule::EchoServer,
        }
    }
}

/// Wire formats that there are.
pub(crate) const WIRES: usize = 2;

/// An event of a channel. It is made where it happens, gets its offset from the channel's owner, and
/// is shared by all shards that have subscribers; whoever needs a wire format first encodes it.
#[derive(Debug)]
pub(crate) struct Event {
    content: Content,
    offset: Option<u64>,
    pusher: OnceLock<Frame>,
    socketio: OnceLock<Option<Frame>>,
}

/// What has happened.
#[derive(Debug)]
pub(crate) enum Content {
    /// The application published something: its data are a JSON string that, as a rule, contains JSON.
    Published(Published),
    /// A client did: its data are any JSON. On presence channels it is a user.
    FromClient(Published, Option<Box<str>>),
    /// A user's first connection came.
    Added(Member),
    /// A user's last connection left.
    Removed(Member),
    /// So many connections are subscribed.
    Count(u64),
}

impl Event {
    /// An event with its place among all events: a number that is larger than the one of every
    /// earlier event of the same owner. `None` if nobody can ask for what it missed.
    pub(crate) fn new(content: Content, offset: Option<u64>) -> Arc<Self> {
        let (pusher, socketio) = (OnceLock::new(), OnceLock::new());
        Arc::new(Self { content, offset, pusher, socketio })
    }

    pub(crate) fn offset(&self) -> Option<u64> {
        self.offset
    }

    /// The event as all subscribers of a wire format get it; `None` if the format has no word for it.
    pub(crate) fn frame(&self, wire: Wire, channel: &ChannelName) -> Option<&Frame> {
        match wire {
            Wire::Pusher => Some(self.pusher(channel)),
            Wire::SocketIo => {
                let encode = || {
                    let offset = self.offset.map(offset_text);
                    self.socketio(channel, offset.as_deref())
                };
                self.socketio.get_or_init(encode).as_ref()
            }
        }
    }

    /// The event for somebody who gets it out of its order: without an offset, since it does not say
    /// what else was received.
    pub(crate) fn frame_alone(&self, wire: Wire, channel: &ChannelName) -> Option<Frame> {
        match wire {
            Wire::Pusher => Some(self.pusher(channel).clone()),
            Wire::SocketIo => self.socketio(channel, None),
        }
    }

    fn pusher(&self, channel: &ChannelName) -> &Frame {
        match &self.content {
            Content::Published(published) | Content::FromClient(published, _) => published.frame(),
            Content::Added(member) => {
                self.pusher.get_or_init(|| message::member_added(channel, member))
            }
            Content::Removed(member) => {
                self.pusher.get_or_init(|| message::member_removed(channel, member))
            }
            Content::Count(count) => {
                self.pusher.get_or_init(|| message::subscription_count(channel, *count))
            }
        }
    }

    fn socketio(&self, channel: &ChannelName, offset: Option<&str>) -> Option<Frame> {
        match &self.content {
            Content::Published(published) => {
                let data = published.data_json().map(socketio::decode_data);
                Some(socketio::event(published.name_json(), channel, data.as_deref(), offset))
            }
            Content::FromClient(published, _) => {
                Some(socketio::event(published.name_json(), channel, published.data_json(), offset))
            }
            Content::Added(member) => Some(socketio::presence_joining(channel, member, offset)),
            Content::Removed(member) => Some(socketio::presence_leaving(channel, member, offset)),
            Content::Count(_) => None,
        }
    }
}

/// An offset as clients get it and give it back.
fn offset_text(offset: u64) -> String {
    format!("{offset:x}")
}

/// Reads what a client gives back.
pub(crate) fn parse_offset(text: &str) -> Option<u64> {
    u64::from_str_radix(text, 16).ok()
}
