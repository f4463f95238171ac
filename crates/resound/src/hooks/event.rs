//! What handlers are told.

use resound_protocol::webhook::Event;

pub use resound_protocol::webhook::What;

use crate::socket::SocketId;

/// Something that has happened in a channel.
///
/// ```
/// use resound::hooks::{Happening, What};
///
/// let joined = Happening::joined("presence-room.1", "7");
/// assert_eq!(joined.what, What::MemberAdded { user_id: "7".to_owned() });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Happening {
    /// The channel's full name.
    pub channel: String,
    /// What has happened.
    pub what: What,
    /// When: milliseconds since 1970; 0 if nobody said.
    pub time_ms: u64,
}

impl Happening {
    /// Something that has happened in the channel of this full name.
    pub fn new(channel: impl Into<String>, what: What) -> Self {
        Self { channel: channel.into(), what, time_ms: 0 }
    }

    /// A user's first connection has joined a presence channel.
    pub fn joined(channel: impl Into<String>, user_id: impl Into<String>) -> Self {
        Self::new(channel, What::MemberAdded { user_id: user_id.into() })
    }

    /// A user's last connection has left a presence channel.
    pub fn left(channel: impl Into<String>, user_id: impl Into<String>) -> Self {
        Self::new(channel, What::MemberRemoved { user_id: user_id.into() })
    }

    pub(crate) fn of(event: Event, time_ms: u64) -> Self {
        let Event { channel, what } = event;
        Self { channel, what, time_ms }
    }
}

/// A user's first connection has joined a presence channel: what [`Hooks::on_join`](super::Hooks::on_join) gives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Joined {
    /// Who, by the id that the application gave when it let the user in.
    pub user_id: String,
    /// The channel's full name.
    pub channel: String,
    /// When: milliseconds since 1970.
    pub time_ms: u64,
}

/// A user's last connection has left a presence channel: what [`Hooks::on_leave`](super::Hooks::on_leave) gives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Left {
    /// Who, by the id that the application gave when it let the user in.
    pub user_id: String,
    /// The channel's full name.
    pub channel: String,
    /// When: milliseconds since 1970.
    pub time_ms: u64,
}

/// A client's event to the others of its channel, Echo's `whisper`: what
/// [`Hooks::on_client_event`](super::Hooks::on_client_event) gives.
///
/// `data` are what any client says that may join the channel: believe nothing of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientEvent<T> {
    /// Its name, with `client-`.
    pub name: String,
    /// What it says.
    pub data: T,
    /// The sender's connection, for [`to_others`](crate::PendingBroadcast::to_others).
    pub socket: SocketId,
    /// Who says it, by the id that the application gave; on presence channels only.
    pub user_id: Option<String>,
    /// The channel's full name.
    pub channel: String,
    /// When: milliseconds since 1970.
    pub time_ms: u64,
}

/// A channel has got its first subscriber: what [`Hooks::on_occupied`](super::Hooks::on_occupied) gives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Occupied {
    /// The channel's full name.
    pub channel: String,
    /// When: milliseconds since 1970.
    pub time_ms: u64,
}

/// A channel has lost its last subscriber: what [`Hooks::on_vacated`](super::Hooks::on_vacated) gives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Vacated {
    /// The channel's full name.
    pub channel: String,
    /// When: milliseconds since 1970.
    pub time_ms: u64,
}

/// Somebody has subscribed to a cache channel that remembers nothing: what
/// [`Hooks::on_cache_miss`](super::Hooks::on_cache_miss) gives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheMiss {
    /// The channel's full name, to which the application now publishes.
    pub channel: String,
    /// When: milliseconds since 1970.
    pub time_ms: u64,
}

/// So many connections are subscribed to a channel: what
/// [`Hooks::on_subscription_count`](super::Hooks::on_subscription_count) gives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubscriptionCount {
    /// Connections.
    pub count: u64,
    /// The channel's full name.
    pub channel: String,
    /// When: milliseconds since 1970.
    pub time_ms: u64,
}
