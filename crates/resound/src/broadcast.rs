//! Events without a type of their own. Laravel: `Broadcast::private('x')->as(…)->with(…)->send()`.
//!
//! ```
//! use resound::{Fake, broadcast};
//! use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let fake = Fake::new();
//! let broadcaster = fake.broadcaster();
//! let event = broadcast::private("user.1").name("greeting").with(json!({ "text": "hello" }));
//! broadcaster.send(event).to_others("123.456").await;
//! # fake.assert_count::<broadcast::AnonymousEvent>(1);
//!
//! // With one broadcaster for all there is nothing to pass:
//! # resound::global::install(broadcaster).expect("the first");
//! broadcast::private("user.1").name("greeting").to_others("123.456").send().await;
//! # fake.assert_count::<broadcast::AnonymousEvent>(2);
//! # }
//! ```
//!
//! See [`global`](crate::global) for that one.

use std::borrow::Cow;

use serde::{Serialize, Serializer, ser::Error as _};
use serde_json::value::RawValue;

use crate::{
    channel::{Channel, ChannelSource},
    event::Broadcast,
    json,
    name::EventName,
    pending::PendingBroadcast,
    socket::SocketId,
};

/// An event for the channels with these full names.
///
/// ```
/// use resound::{Channel, broadcast};
///
/// let event = broadcast::on([Channel::public("news"), Channel::private("editors")]).name("published");
/// # let _ = event;
/// ```
pub fn on(channels: impl IntoIterator<Item = impl Into<Channel>>) -> AnonymousEvent {
    AnonymousEvent {
        channels: channels.into_iter().map(Into::into).collect(),
        name: Cow::Borrowed("AnonymousEvent"),
        payload: Ok(None),
        socket: SocketId::none(),
        connections: Vec::new(),
    }
}

/// An event for a public channel.
///
/// ```
/// # use resound::broadcast;
/// let event = broadcast::public("news").name("published").with("hello");
/// # let _ = event;
/// ```
pub fn public(name: impl ChannelSource) -> AnonymousEvent {
    on([Channel::public(name)])
}

/// An event for a private channel.
///
/// ```
/// # use resound::broadcast;
/// let event = broadcast::private("user.1").name("greeting");
/// # let _ = event;
/// ```
pub fn private(name: impl ChannelSource) -> AnonymousEvent {
    on([Channel::private(name)])
}

/// An event for a presence channel.
///
/// ```
/// # use resound::broadcast;
/// let event = broadcast::presence("room.7").name("closed");
/// # let _ = event;
/// ```
pub fn presence(name: impl ChannelSource) -> AnonymousEvent {
    on([Channel::presence(name)])
}

/// An event that is put together where it is sent. It begins with [`private`] and its siblings.
///
/// ```
/// use resound::{Broadcast, Channel, broadcast::{self, AnonymousEvent}};
///
/// fn greeting(user: u64) -> AnonymousEvent {
///     broadcast::private(format!("user.{user}")).name("greeting").with("hello")
/// }
/// assert_eq!(greeting(1).channels(), [Channel::private("user.1")]);
/// ```
#[derive(Clone, Debug)]
#[must_use = "an event is broadcast by `broadcaster.send(event).await`, or `event.send().await`"]
pub struct AnonymousEvent {
    channels: Vec<Channel>,
    name: Cow<'static, str>,
    payload: Result<Option<Box<RawValue>>, String>,
    socket: SocketId,
    connections: Vec<Cow<'static, str>>,
}

impl AnonymousEvent {
    /// Names the event, exactly so: a page listens to `.greeting`. `AnonymousEvent` by default.
    ///
    /// ```
    /// use resound::{Broadcast, EventName, broadcast};
    ///
    /// let event = broadcast::public("news").name("published");  // Echo.channel('news').listen('.published', …)
    /// assert_eq!(Broadcast::name(&event), EventName::exact("published"));
    /// ```
    pub fn name(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets what subscribers get; `[]` by default, as in Laravel.
    ///
    /// What can't be written as JSON is the sending's error.
    ///
    /// ```
    /// use resound::broadcast;
    /// use serde_json::json;
    ///
    /// let event = broadcast::public("news").name("published").with(json!({ "id": 7 }));
    /// assert_eq!(event.json(), Some(r#"{"id":7}"#));
    /// ```
    pub fn with(mut self, payload: impl Serialize) -> Self {
        let written = json::encode(&payload).and_then(RawValue::from_string);
        self.payload = written.map(Some).map_err(|error| error.to_string());
        self
    }

    /// Leaves out the connection of whoever sent the request.
    ///
    /// ```
    /// use resound::{Broadcast, SocketId, broadcast};
    ///
    /// let event = broadcast::public("news").name("published").to_others("123.456");
    /// assert_eq!(event.socket(), SocketId::from("123.456"));
    /// ```
    pub fn to_others(mut self, socket: impl Into<SocketId>) -> Self {
        self.socket = socket.into();
        self
    }

    /// Sends it by the connection of this name; may be repeated.
    ///
    /// ```
    /// use resound::{Broadcast, broadcast};
    ///
    /// let event = broadcast::public("news").name("published").via("reverb").via("log");
    /// assert_eq!(event.connections(), ["reverb", "log"]);
    /// ```
    pub fn via(mut self, connection: impl Into<Cow<'static, str>>) -> Self {
        self.connections.push(connection.into());
        self
    }

    /// Sends it by the [one broadcaster for all](crate::global), as `broadcast(event)` does. With a broadcaster at hand it is
    /// [`broadcaster.send(event)`](crate::Broadcaster::send).
    ///
    /// ```
    /// use resound::{Fake, broadcast::{self, AnonymousEvent}, global};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # let fake = Fake::new();
    /// # let broadcaster = fake.broadcaster();
    /// global::install(broadcaster).expect("nobody else installs one");
    /// broadcast::public("news").name("published").send().await;
    /// # fake.assert_count::<AnonymousEvent>(1);
    /// # }
    /// ```
    pub fn send(self) -> PendingBroadcast<Self> {
        crate::global::broadcaster().send(self)
    }

    /// The payload as JSON, if there is one.
    ///
    /// ```
    /// # use resound::broadcast;
    /// assert_eq!(broadcast::private("a").with([1, 2]).json(), Some("[1,2]"));
    /// ```
    pub fn json(&self) -> Option<&str> {
        self.payload.as_ref().ok()?.as_deref().map(RawValue::get)
    }
}

impl Serialize for AnonymousEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.payload.as_ref().map_err(S::Error::custom)?.serialize(serializer)
    }
}

impl Broadcast for AnonymousEvent {
    fn channels(&self) -> Vec<Channel> {
        self.channels.clone()
    }

    fn name(&self) -> EventName {
        EventName::exact(self.name.clone())
    }

    fn socket(&self) -> SocketId {
        self.socket.clone()
    }

    fn connections(&self) -> Vec<Cow<'static, str>> {
        self.connections.clone()
    }
}
