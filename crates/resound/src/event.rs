//! Events that are broadcast.

use std::borrow::Cow;

use serde::Serialize;

use crate::{channel::Channel, name::EventName, pending::Timing, socket::SocketId};

#[doc = include_str!("../docs/events.md")]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event that can be broadcast",
    label = "this is no broadcast event",
    note = "put `#[derive(serde::Serialize, resound::Broadcast)]` and `#[broadcast(private = \"…\")]` on it, \
            or implement `resound::Broadcast` by hand"
)]
pub trait Broadcast: Serialize {
    /// The channels that the event goes to; to none, and it is not sent. Laravel: `broadcastOn`.
    fn channels(&self) -> Vec<Channel>;

    /// The event's name: the type's name in the broadcaster's namespace by default. Laravel: `broadcastAs`.
    fn name(&self) -> EventName {
        EventName::of::<Self>()
    }

    /// What subscribers get: the event's serialised fields by default. Laravel: `broadcastWith`.
    ///
    /// An event without fields (a unit struct) is sent as `[]`, as PHP does.
    fn payload(&self) -> impl Serialize {
        self
    }

    /// Whether it is sent at all; true by default. Laravel: `broadcastWhen`.
    fn when(&self) -> bool {
        true
    }

    /// Whether it is sent in the queue or at once, [`Timing::Later`] by default. Laravel: `ShouldBroadcastNow`.
    fn timing(&self) -> Timing {
        Timing::Later
    }

    /// The connection that does not get it, unless the sender says [`to_others`](crate::PendingBroadcast::to_others);
    /// none by default. Laravel: `InteractsWithSockets`.
    fn socket(&self) -> SocketId {
        SocketId::none()
    }

    /// The queue that it waits in; `None`, the default, is the default queue. Laravel: `broadcastQueue`.
    ///
    /// The queue in memory is one for each connection and knows no names; it keeps this for drivers and for
    /// [`Fake`](crate::Fake).
    fn queue(&self) -> Option<Cow<'static, str>> {
        None
    }

    /// The broadcast connections that it is sent by; none, the default, means the broadcaster's default one.
    /// Laravel: `broadcastConnections`, `broadcastVia`.
    fn connections(&self) -> Vec<Cow<'static, str>> {
        Vec::new()
    }
}

/// What is known of an event's type without an event. The derive implements it; it is what TypeScript types are made of.
///
/// ```
/// use resound::{Broadcast, EventName, event::Described};
/// use serde::Serialize;
///
/// #[derive(Serialize, Broadcast)]
/// #[broadcast(private = "orders.{user_id}", channel = "news")]
/// struct OrderUpdated { user_id: u64 }
///
/// assert_eq!(OrderUpdated::NAME, EventName::short("OrderUpdated"));
/// assert_eq!(OrderUpdated::CHANNELS, ["private-orders.{user_id}", "news"]);
/// ```
pub trait Described {
    /// The event's name.
    const NAME: EventName;
    /// The full names of its channels, with braces around what differs from event to event; `{}` is any channel.
    const CHANNELS: &'static [&'static str];
    /// What its payload is.
    const PAYLOAD: Payload;
}

/// What the payload of an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// The event's own fields.
    Fields,
    /// Something else: `#[broadcast(with = …)]`.
    Other,
}
