//! A connection as the rules see it.

use resound_protocol::{member::User, socket_id::SocketId};

use crate::{
    app::AppNumber,
    limits::{TokenBucket, Window},
    local::LocalId,
    peer::{ConnectionKey, ShardId, Slot},
    time::{Now, Second},
};

/// The state of one connection. Small: there are many.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) socket_id: SocketId,
    pub(crate) app: AppNumber,
    pub(crate) subscriptions: Vec<Subscription>,
    pub(crate) user: Option<Box<User>>,
    pub(crate) life: Life,
    pub(crate) client_events: TokenBucket,
    pub(crate) messages: Window,
}

/// Signs of life.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Life {
    /// When anything was last received.
    pub(crate) heard: Second,
    pub(crate) pinged: bool,
    /// Until when it has to answer, if it is pinged.
    pub(crate) answer_due: Second,
    /// A client that has sent a control frame is pinged with one (Reverb).
    pub(crate) knows_control_frames: bool,
}

/// A connection's part in a channel.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) channel: LocalId,
    pub(crate) serial: u32,
    /// The place in the channel's list; `None` until the owner has let the connection in.
    pub(crate) position: Option<u32>,
    /// The user, on presence channels.
    pub(crate) member: Option<Box<str>>,
}

impl Session {
    pub(crate) fn new(socket_id: SocketId, app: AppNumber, now: Now) -> Self {
        Self {
            socket_id,
            app,
            subscriptions: Vec::new(),
            user: None,
            life: Life {
                heard: now.seconds_up(),
                pinged: false,
                answer_due: 0,
                knows_control_frames: false,
            },
            client_events: TokenBucket::default(),
            messages: Window::default(),
        }
    }

    pub(crate) fn key(&self, shard: ShardId, slot: Slot) -> ConnectionKey {
        ConnectionKey { shard, slot, socket_id: self.socket_id }
    }

    pub(crate) fn subscription(&self, channel: LocalId) -> Option<&Subscription> {
        self.subscriptions.iter().find(|s| s.channel == channel)
    }

    pub(crate) fn subscription_mut(&mut self, channel: LocalId) -> Option<&mut Subscription> {
        self.subscriptions.iter_mut().find(|s| s.channel == channel)
    }
}
