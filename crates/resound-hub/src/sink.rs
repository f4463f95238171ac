//! What the rules want done.

use resound_protocol::{
    error::ClientError, member::Member, socket_id::SocketId, webhook::What, websocket::Frame,
};

use crate::{
    app::LiveApp,
    authorise::AuthRequest,
    peer::{ChannelKey, PeerMessage, ShardId, Slot},
    recovery::Return,
    time::Now,
};

/// The outside of a hub: sockets, other shards, log. The server's shard is one, tests are another.
pub trait Sink {
    /// Sends a message to one connection.
    fn send(&mut self, to: Slot, frame: &Frame);

    /// Sends one message to many connections, save the one that is excepted.
    fn fan_out(&mut self, to: &[Slot], except: Option<Slot>, frame: &Frame, published: Option<Now>);

    /// Sends a WebSocket ping, the kind of ping for clients that have shown that they know it.
    fn ping(&mut self, to: Slot);

    /// Ends a connection after what was sent to it. The hub has forgotten it already.
    fn close(&mut self, slot: Slot, error: &ClientError);

    /// Hands a message to another shard.
    fn peer(&mut self, shard: ShardId, message: PeerMessage);

    /// Asks the application whether a client may subscribe; [`Hub::authorised`](crate::hub::Hub::authorised)
    /// takes the answer.
    fn authorise(&mut self, request: AuthRequest);

    /// Moves a connection to the shard that keeps the session to which it returns; there
    /// [`Hub::arrive`](crate::hub::Hub::arrive) takes it. The hub has forgotten it already.
    fn hand_over(&mut self, slot: Slot, shard: ShardId, returning: Return);

    /// Takes notice that the members of a presence channel have changed, if that is wanted
    /// ([`SocketIoOptions::reports_members`](crate::socketio::SocketIoOptions)); those who came last are
    /// the first.
    fn members_changed(&mut self, channel: &ChannelKey, members: &[&Member]);

    /// Takes notice of what has happened in a channel, if the application wants to know of this kind
    /// ([`AppOptions::happenings`](crate::app::AppOptions)). The channel's owner says it, so that all
    /// shards count and the order is the channel's own.
    fn happened(&mut self, channel: &ChannelKey, what: What);

    /// Takes notice that a connection goes by another socket id from now on: that of the session to
    /// which its client has returned.
    fn resumed(&mut self, slot: Slot, socket_id: SocketId);

    /// Takes notice of something worth a log line or a count.
    fn note(&mut self, who: &Who<'_>, note: Note<'_>);
}

/// The connection that a note is about.
#[derive(Clone, Copy, Debug)]
pub struct Who<'a> {
    /// Its application.
    pub app: &'a LiveApp,
    /// Its socket id.
    pub socket_id: SocketId,
}

/// Something that happened to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note<'a> {
    /// It is connected.
    Connected,
    /// It is gone, or forgotten since it is being closed.
    Disconnected,
    /// It said something.
    Received(&'a str),
    /// It returned to the session that it had, and gets so many messages that it missed.
    Recovered(usize),
    /// It wanted to return to a session, and got a new one instead.
    NotRecovered(&'a str),
    /// It is in a channel.
    Subscribed(&'a str),
    /// It is out of a channel.
    Unsubscribed(&'a str),
    /// It was not let into a channel; the reason is for the developer.
    SubscriptionRefused {
        /// The channel.
        channel: &'a str,
        /// Why.
        reason: &'a str,
    },
    /// Something else was refused.
    Refused(&'a ClientError, &'a str),
    /// It is signed in as a user.
    SignedIn(&'a str),
    /// It sent an event to the others of a channel.
    ClientEvent {
        /// The event's name.
        event: &'a str,
        /// The channel.
        channel: &'a str,
    },
}
