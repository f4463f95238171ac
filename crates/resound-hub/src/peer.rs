//! What shards tell each other.
//!
//! Every channel has one owner among the shards, every application's signed-in users too. Messages
//! from one shard to another arrive in the order in which they were sent; all exactness of order
//! and presence follows from that.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use resound_protocol::{
    channel::ChannelName, error::ClientError, member::Member, socket_id::SocketId, websocket::Frame,
};

use crate::{
    app::AppNumber,
    event::{Content, Event, Wire},
    time::Now,
};

/// A shard's place among the shards of the process.
pub type ShardId = usize;

/// A connection's place in its shard.
pub type Slot = u32;

/// A connection on whatever shard. The slot may have another one by the time a message arrives;
/// the socket id tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionKey {
    pub(crate) shard: ShardId,
    pub(crate) slot: Slot,
    pub(crate) socket_id: SocketId,
}

/// A channel of an application.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ChannelKey {
    /// Whose channel.
    pub app: AppNumber,
    /// Its name.
    pub name: ChannelName,
}

/// The shard that owns a channel.
pub fn owner_of(channel: &ChannelKey, shards: usize) -> ShardId {
    if shards == 1 {
        return 0;
    }
    let mut hasher = DefaultHasher::new();
    channel.hash(&mut hasher);
    (hasher.finish() % shards as u64) as ShardId
}

/// The shard that owns the signed-in users of an application.
pub(crate) fn owner_of_users(app: AppNumber, shards: usize) -> ShardId {
    app.0 as usize % shards
}

/// A message from one shard to another, or to itself.
#[derive(Debug)]
pub struct PeerMessage(pub(crate) Message);

#[derive(Debug)]
pub(crate) enum Message {
    /// To the owner: a connection wants in.
    Subscribe(SubscribeRequest),
    /// To the owner: a connection is out.
    Unsubscribe { channel: ChannelKey, shard: ShardId, member: Option<Box<str>> },
    /// To the owner: an event that gets its place in the channel's order.
    Publish(Publication),
    /// To a shard with subscribers.
    Deliver(Delivery),
    /// To the shard of a connection that wanted in.
    Answer(SubscribeAnswer),
    /// To the owner of the application's users.
    SignIn(SignInRequest),
    /// To the owner of the application's users.
    SignOut(SignInRequest),
    /// To one connection.
    Send { connection: ConnectionKey, frame: Frame },
    /// To every shard: the application ends a user's connections.
    Terminate { app: AppNumber, user_id: Box<str> },
}

#[derive(Debug)]
pub(crate) struct SubscribeRequest {
    pub(crate) connection: ConnectionKey,
    pub(crate) wire: Wire,
    pub(crate) channel: ChannelKey,
    pub(crate) member: Option<Member>,
    pub(crate) welcome: WelcomeKind,
    pub(crate) ticket: Ticket,
}

/// What somebody who is let in wants to hear first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WelcomeKind {
    /// That it is in.
    Plain,
    /// Who else is in.
    Members,
}

/// Which subscription, by its serial number, a request and its answer belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ticket {
    /// The first request, to be counted.
    New(u32),
    /// A repeated request of a connection that is in, or has asked to be.
    Repeated(u32),
}

#[derive(Debug)]
pub(crate) struct SubscribeAnswer {
    pub(crate) connection: ConnectionKey,
    pub(crate) channel: ChannelKey,
    pub(crate) member: Option<Box<str>>,
    pub(crate) ticket: Ticket,
    pub(crate) outcome: Result<Welcome, ClientError>,
}

/// What a connection gets that was let in: the confirmation, if its protocol has one, and what a cache
/// channel remembers.
#[derive(Debug)]
pub(crate) struct Welcome {
    pub(crate) confirmation: Option<Frame>,
    pub(crate) cached: Option<Frame>,
}

#[derive(Debug)]
pub(crate) struct Publication {
    pub(crate) channel: ChannelKey,
    pub(crate) content: Content,
    pub(crate) except: Option<SocketId>,
    pub(crate) cached_data: Option<Box<str>>,
    pub(crate) at: Now,
}

#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) channel: ChannelKey,
    pub(crate) event: Arc<Event>,
    pub(crate) except: Option<SocketId>,
    /// When it was published; `None` for what the server itself tells.
    pub(crate) published: Option<Now>,
}

#[derive(Clone, Debug)]
pub(crate) struct SignInRequest {
    pub(crate) connection: ConnectionKey,
    pub(crate) app: AppNumber,
    pub(crate) user_id: Box<str>,
    pub(crate) watchlist: Vec<Box<str>>,
}
