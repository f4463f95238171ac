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
    ///
    /// ```
    /// use resound::{Broadcast, Channel};
    ///
    /// #[derive(serde::Serialize)]
    /// struct OrderShipped { user_id: u64, is_public: bool }
    /// impl Broadcast for OrderShipped {
    ///     fn channels(&self) -> Vec<Channel> {
    ///         let mut channels = vec![Channel::private(format!("orders.{}", self.user_id))];
    ///         channels.extend(self.is_public.then(|| Channel::public("shipments")));
    ///         channels
    ///     }
    /// }
    /// assert_eq!(OrderShipped { user_id: 7, is_public: true }.channels().len(), 2);
    /// ```
    fn channels(&self) -> Vec<Channel>;

    /// The event's name: the type's name in the broadcaster's namespace by default. Laravel: `broadcastAs`.
    ///
    /// ```
    /// # use resound::{Broadcast, Channel, Envelope, EventName};
    /// #[derive(serde::Serialize)]
    /// struct OrderShipped;
    /// impl Broadcast for OrderShipped {
    ///     # fn channels(&self) -> Vec<Channel> { vec![Channel::public("orders")] }
    ///     fn name(&self) -> EventName {
    ///         EventName::exact("order.shipped") // Echo.channel('orders').listen('.order.shipped', …)
    ///     }
    /// }
    /// # assert_eq!(Envelope::of(&OrderShipped, "App\\Events")?.name, "order.shipped");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    fn name(&self) -> EventName {
        EventName::of::<Self>()
    }

    /// What subscribers get: the event's serialised fields by default. Laravel: `broadcastWith`.
    ///
    /// An event without fields (a unit struct) is sent as `[]`, as PHP does.
    ///
    /// ```
    /// # use resound::{Broadcast, Channel, Envelope};
    /// # use serde::Serialize;
    /// #[derive(Serialize)]
    /// struct OrderShipped { id: u64, notes_of_the_staff: String }
    /// impl Broadcast for OrderShipped {
    ///     # fn channels(&self) -> Vec<Channel> { vec![Channel::public("orders")] }
    ///     fn payload(&self) -> impl Serialize {
    ///         serde_json::json!({ "id": self.id })
    ///     }
    /// }
    /// # let event = OrderShipped { id: 7, notes_of_the_staff: String::new() };
    /// # assert_eq!(Envelope::of(&event, "")?.payload, r#"{"id":7}"#);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    fn payload(&self) -> impl Serialize {
        self
    }

    /// Whether it is sent at all; true by default. Laravel: `broadcastWhen`.
    ///
    /// ```
    /// # use resound::{Broadcast, Channel, Fake};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// #[derive(serde::Serialize)]
    /// struct OrderShipped { value: u64 }
    /// impl Broadcast for OrderShipped {
    ///     # fn channels(&self) -> Vec<Channel> { vec![Channel::public("orders")] }
    ///     fn when(&self) -> bool {
    ///         self.value > 100
    ///     }
    /// }
    /// let fake = Fake::new();
    /// fake.broadcaster().send(OrderShipped { value: 5 }).await;
    /// fake.assert_nothing();
    /// # Ok(())
    /// # }
    /// ```
    fn when(&self) -> bool {
        true
    }

    /// Whether it is sent in the queue or at once, [`Timing::Later`] by default. Laravel: `ShouldBroadcastNow`.
    ///
    /// ```
    /// # use resound::{Broadcast, Broadcaster, Channel, Outcome, Timing};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// #[derive(serde::Serialize)]
    /// struct Alarm;
    /// impl Broadcast for Alarm {
    ///     # fn channels(&self) -> Vec<Channel> { vec![Channel::public("alarms")] }
    ///     fn timing(&self) -> Timing {
    ///         Timing::Now
    ///     }
    /// }
    /// # let broadcaster = Broadcaster::null();
    /// assert_eq!(broadcaster.send(Alarm).result().await?, Outcome::Sent);
    /// # Ok(())
    /// # }
    /// ```
    fn timing(&self) -> Timing {
        Timing::Later
    }

    /// The connection that does not get it, unless the sender says [`to_others`](crate::PendingBroadcast::to_others);
    /// none by default. Laravel: `InteractsWithSockets`.
    ///
    /// ```
    /// # use resound::{Broadcast, Channel, Fake, SocketId};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// #[derive(serde::Serialize)]
    /// struct Moved {
    ///     x: i32,
    ///     #[serde(skip)]
    ///     by: SocketId,
    /// }
    /// impl Broadcast for Moved {
    ///     # fn channels(&self) -> Vec<Channel> { vec![Channel::private("board")] }
    ///     fn socket(&self) -> SocketId {
    ///         self.by.clone()
    ///     }
    /// }
    /// # let fake = Fake::new();
    /// # fake.broadcaster().send(Moved { x: 1, by: "123.456".into() }).await;
    /// # fake.assert_broadcast::<Moved>(|_| true).to_others("123.456");
    /// # }
    /// ```
    fn socket(&self) -> SocketId {
        SocketId::none()
    }

    /// The queue that it waits in; `None`, the default, is the default queue. Laravel: `broadcastQueue`.
    ///
    /// The queue in memory is one for each connection and knows no names; it keeps this for drivers and for
    /// [`Fake`](crate::Fake).
    ///
    /// ```
    /// # use resound::{Broadcast, Channel, Fake};
    /// # use std::borrow::Cow;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// #[derive(serde::Serialize)]
    /// struct Newsletter;
    /// impl Broadcast for Newsletter {
    ///     # fn channels(&self) -> Vec<Channel> { vec![Channel::public("news")] }
    ///     fn queue(&self) -> Option<Cow<'static, str>> {
    ///         Some("low".into())
    ///     }
    /// }
    /// # let fake = Fake::new();
    /// # fake.broadcaster().send(Newsletter).await;
    /// # assert_eq!(fake.events()[0].envelope.queue.as_deref(), Some("low"));
    /// # }
    /// ```
    fn queue(&self) -> Option<Cow<'static, str>> {
        None
    }

    /// The broadcast connections that it is sent by; none, the default, means the broadcaster's default one.
    /// Laravel: `broadcastConnections`, `broadcastVia`.
    ///
    /// ```
    /// # use resound::{Broadcast, Channel, Fake};
    /// # use std::borrow::Cow;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// #[derive(serde::Serialize)]
    /// struct Payment;
    /// impl Broadcast for Payment {
    ///     # fn channels(&self) -> Vec<Channel> { vec![Channel::private("payments")] }
    ///     fn connections(&self) -> Vec<Cow<'static, str>> {
    ///         vec!["reverb".into(), "log".into()]
    ///     }
    /// }
    /// # let fake = Fake::new();
    /// # fake.broadcaster().send(Payment).await;
    /// # fake.assert_broadcast::<Payment>(|_| true).via("log");
    /// # }
    /// ```
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
///
/// ```
/// use resound::{Broadcast, event::{Described, Payload}};
///
/// #[derive(serde::Serialize, Broadcast)]
/// #[broadcast(channel = "news", with = self.0.len())]
/// struct Posted(String);
///
/// assert_eq!(Posted::PAYLOAD, Payload::Other);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// The event's own fields.
    Fields,
    /// Something else: `#[broadcast(with = …)]`.
    Other,
}
