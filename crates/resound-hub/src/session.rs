//! A connection as the rules see it.

use std::num::NonZeroU64;

use resound_protocol::{member::User, socket_id::SocketId};

use crate::{
    app::AppNumber,
    event::Wire,
    limits::{TokenBucket, Window},
    local::LocalId,
    peer::{ConnectionKey, ShardId, Slot},
    shrink::shrink_vec,
    socketio::SocketIo,
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
    /// What only clients of Socket.IO have.
    pub(crate) socketio: Option<Box<SocketIo>>,
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
    pub(crate) place: Place,
    /// The user, on presence channels.
    pub(crate) member: Option<Box<str>>,
    /// The first entry of the shard's log that concerns it, if its session can be recovered.
    pub(crate) since: Option<NonZeroU64>,
}

/// How far a subscription has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The application is asked whether it allows it.
    Authorising,
    /// The channel's owner is asked.
    Asked,
    /// It is in, at this place of the channel's list.
    In(u32),
    /// It is in, and its session's transport is gone: it is in no list.
    Away,
}

impl Place {
    /// Whether the owner counts it.
    pub(crate) fn is_in(self) -> bool {
        matches!(self, Self::In(_) | Self::Away)
    }
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
            socketio: None,
        }
    }

    /// How it wants its messages.
    pub(crate) fn wire(&self) -> Wire {
        if self.socketio.is_some() { Wire::SocketIo } else { Wire::Pusher }
    }

    pub(crate) fn key(&self, shard: ShardId, slot: Slot) -> ConnectionKey {
        ConnectionKey { shard, slot, socket_id: self.socket_id }
    }

    pub(crate) fn subscription(&self, channel: LocalId) -> Option<&Subscription> {
        self.subscriptions.iter().find(|s| s.channel == channel)
    }

    pub(crate) fn take_subscription(&mut self, channel: LocalId) -> Option<Subscription> {
        let at = self.subscriptions.iter().position(|s| s.channel == channel)?;
        let subscription = self.subscriptions.swap_remove(at);
        shrink_vec(&mut self.subscriptions);
        Some(subscription)
    }

    pub(crate) fn subscription_mut(&mut self, channel: LocalId) -> Option<&mut Subscription> {
        self.subscriptions.iter_mut().find(|s| s.channel == channel)
    }
}
