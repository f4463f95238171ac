//! Further demands on what was found.

use crate::{
    channel::Channel,
    fake::record::{Recorded, list},
    pending::Timing,
    socket::SocketId,
};

/// The events that an assertion found. Each method keeps those that meet its demand, and fails if there is none.
///
/// ```
/// use resound::{Fake, broadcast::{self, AnonymousEvent}};
///
/// let fake = Fake::new();
/// let event = broadcast::on(["news", "private-editors"]).name("published");
/// fake.broadcaster().send(event).via("reverb").dispatch();
///
/// fake.assert_broadcast::<AnonymousEvent>(|_| true)
///     .on("news")
///     .on("private-editors")
///     .named("published")
///     .to_everyone()
///     .via("reverb")
///     .later();
/// ```
#[derive(Clone, Debug)]
pub struct Found {
    type_name: &'static str,
    events: Vec<Recorded>,
}

impl Found {
    pub(super) fn new(type_name: &'static str, events: Vec<Recorded>) -> Self {
        Self { type_name, events }
    }

    /// The events themselves.
    ///
    /// ```
    /// use resound::{Fake, broadcast::{self, AnonymousEvent}};
    ///
    /// let fake = Fake::new();
    /// fake.broadcaster().send(broadcast::public("news").with([1, 2])).dispatch();
    /// let found = fake.assert_broadcast::<AnonymousEvent>(|_| true);
    /// assert_eq!(found.events()[0].envelope.payload, "[1,2]");
    /// ```
    pub fn events(&self) -> &[Recorded] {
        &self.events
    }

    /// On the channel with this full name.
    ///
    /// # Panics
    /// If there is none; the message lists those that were found.
    ///
    /// ```
    /// use resound::{Channel, Fake, broadcast::{self, AnonymousEvent}};
    ///
    /// let fake = Fake::new();
    /// fake.broadcaster().send(broadcast::private("orders.7").name("shipped")).dispatch();
    /// fake.assert_broadcast::<AnonymousEvent>(|_| true).on(Channel::private("orders.7"));
    /// ```
    #[track_caller]
    pub fn on(self, channel: impl Into<Channel>) -> Self {
        let channel = channel.into();
        self.keep(&format!("on {channel}"), |event| event.envelope.channels.contains(&channel))
    }

    /// With this name on the wire.
    ///
    /// # Panics
    /// If there is none; the message lists those that were found.
    ///
    /// ```
    /// use resound::{Broadcast, Fake};
    ///
    /// #[derive(serde::Serialize, Broadcast)]
    /// #[broadcast(channel = "news")]
    /// struct Posted;
    ///
    /// let fake = Fake::new();
    /// fake.broadcaster().send(Posted).dispatch();
    /// fake.assert_broadcast::<Posted>(|_| true).named(r"App\Events\Posted");
    /// ```
    #[track_caller]
    pub fn named(self, name: &str) -> Self {
        self.keep(&format!("as {name}"), |event| event.envelope.name == name)
    }

    /// To all but this connection.
    ///
    /// # Panics
    /// If there is none; the message lists those that were found.
    ///
    /// ```
    /// use resound::{Fake, broadcast::{self, AnonymousEvent}};
    ///
    /// let fake = Fake::new();
    /// fake.broadcaster().send(broadcast::public("news")).to_others("123.456").dispatch();
    /// fake.assert_broadcast::<AnonymousEvent>(|_| true).to_others("123.456");
    /// ```
    #[track_caller]
    pub fn to_others(self, socket: impl Into<SocketId>) -> Self {
        let socket = socket.into();
        self.keep(&format!("to all but {socket}"), |event| event.envelope.socket == socket)
    }

    /// To everybody.
    ///
    /// # Panics
    /// If there is none; the message lists those that were found.
    ///
    /// ```should_panic
    /// use resound::{Fake, broadcast::{self, AnonymousEvent}};
    ///
    /// let fake = Fake::new();
    /// fake.broadcaster().send(broadcast::public("news")).to_others("123.456").dispatch();
    /// fake.assert_broadcast::<AnonymousEvent>(|_| true).to_everyone(); // panics: it was to all but 123.456
    /// ```
    #[track_caller]
    pub fn to_everyone(self) -> Self {
        let is_so = |event: &Recorded| event.envelope.socket == SocketId::none();
        self.keep("to everyone", is_so)
    }

    /// By the connection of this name.
    ///
    /// # Panics
    /// If there is none; the message lists those that were found.
    ///
    /// ```
    /// use resound::{Fake, broadcast::{self, AnonymousEvent}};
    ///
    /// let fake = Fake::new();
    /// fake.broadcaster().send(broadcast::public("news")).via("reverb").dispatch();
    /// fake.assert_broadcast::<AnonymousEvent>(|_| true).via("reverb");
    /// ```
    #[track_caller]
    pub fn via(self, connection: &str) -> Self {
        let is_so = |event: &Recorded| event.connections.iter().any(|name| name == connection);
        self.keep(&format!("via {connection}"), is_so)
    }

    /// Before the sender went on.
    ///
    /// # Panics
    /// If there is none; the message lists those that were found.
    ///
    /// ```
    /// use resound::{Fake, broadcast::{self, AnonymousEvent}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let fake = Fake::new();
    /// fake.broadcaster().send(broadcast::public("alarms")).now().await;
    /// fake.assert_broadcast::<AnonymousEvent>(|_| true).now();
    /// # }
    /// ```
    #[track_caller]
    pub fn now(self) -> Self {
        self.keep("at once", |event| event.timing == Timing::Now)
    }

    /// In the queue.
    ///
    /// # Panics
    /// If there is none; the message lists those that were found.
    ///
    /// ```
    /// use resound::{Fake, broadcast::{self, AnonymousEvent}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let fake = Fake::new();
    /// fake.broadcaster().send(broadcast::public("news")).await;
    /// fake.assert_broadcast::<AnonymousEvent>(|_| true).later();
    /// # }
    /// ```
    #[track_caller]
    pub fn later(self) -> Self {
        self.keep("in the queue", |event| event.timing == Timing::Later)
    }

    #[track_caller]
    fn keep(self, demand: &str, is_so: impl Fn(&Recorded) -> bool) -> Self {
        let (met, rest): (Vec<_>, Vec<_>) = self.events.into_iter().partition(is_so);
        if met.is_empty() {
            panic!("{} was not broadcast {demand}; {}", self.type_name, list(&rest));
        }
        Self { type_name: self.type_name, events: met }
    }
}
