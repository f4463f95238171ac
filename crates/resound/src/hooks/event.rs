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
    ///
    /// ```
    /// use resound::hooks::{Happening, What};
    ///
    /// let happening = Happening::new("private-prices.acme", What::ChannelOccupied);
    /// assert_eq!((&*happening.channel, happening.time_ms), ("private-prices.acme", 0));
    /// ```
    pub fn new(channel: impl Into<String>, what: What) -> Self {
        Self { channel: channel.into(), what, time_ms: 0 }
    }

    /// A user's first connection has joined a presence channel.
    ///
    /// ```
    /// use resound::hooks::{Happening, What};
    ///
    /// let happening = Happening::joined("presence-room.1", "7");
    /// assert!(matches!(happening.what, What::MemberAdded { user_id } if user_id == "7"));
    /// ```
    pub fn joined(channel: impl Into<String>, user_id: impl Into<String>) -> Self {
        Self::new(channel, What::MemberAdded { user_id: user_id.into() })
    }

    /// A user's last connection has left a presence channel.
    ///
    /// ```
    /// use resound::hooks::{Happening, What};
    ///
    /// let happening = Happening::left("presence-room.1", "7");
    /// assert!(matches!(happening.what, What::MemberRemoved { user_id } if user_id == "7"));
    /// ```
    pub fn left(channel: impl Into<String>, user_id: impl Into<String>) -> Self {
        Self::new(channel, What::MemberRemoved { user_id: user_id.into() })
    }

    pub(crate) fn of(event: Event, time_ms: u64) -> Self {
        let Event { channel, what } = event;
        Self { channel, what, time_ms }
    }
}

/// A user's first connection has joined a presence channel: what [`Hooks::on_join`](super::Hooks::on_join) gives.
///
/// ```
/// use resound::{Broadcaster, Hooks, hooks::{Happening, Joined}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// async fn greet(member: Joined) {
///     assert_eq!((&*member.user_id, &*member.channel), ("7", "presence-room.1"));
/// }
/// let reactor = Hooks::new().on_join("room.{id}", greet).with_state(&Broadcaster::null(), ());
/// reactor.handle(Happening::joined("presence-room.1", "7")).await;
/// # }
/// ```
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
///
/// ```
/// use resound::{Broadcaster, Hooks, hooks::{Happening, Left}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// async fn farewell(member: Left) {
///     println!("{} has left {}", member.user_id, member.channel);
/// }
/// let reactor = Hooks::new().on_leave("room.{id}", farewell).with_state(&Broadcaster::null(), ());
/// reactor.handle(Happening::left("presence-room.1", "7")).await;
/// # }
/// ```
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
///
/// ```
/// use resound::{Broadcaster, Hooks, broadcast, hooks::ClientEvent};
/// # use resound::hooks::{Happening, What};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// /// Echo.private('board.1').whisper('move', { x: 3 })
/// #[derive(serde::Deserialize)]
/// struct Move { x: i32 }
///
/// let broadcaster = Broadcaster::null();
/// let hooks = Hooks::<Broadcaster>::new().on_client_event("move", "board.{id}", {
///     let broadcaster = broadcaster.clone();
///     move |event: ClientEvent<Move>| {
///         let echo = broadcast::public("moves").name("moved").with(event.data.x);
///         let sending = broadcaster.send(echo).to_others(event.socket);
///         async move { sending.await }
///     }
/// });
/// # let reactor = hooks.with_state(&broadcaster, broadcaster.clone());
/// # let what = What::ClientEvent {
/// #     event: "client-move".to_owned(),
/// #     data: r#"{"x":3}"#.to_owned(),
/// #     socket_id: "1.2".to_owned(),
/// #     user_id: None,
/// # };
/// # reactor.handle(Happening::new("private-board.1", what)).await;
/// # broadcaster.flush(std::time::Duration::from_secs(5)).await.expect("it is sent");
/// # assert_eq!(broadcaster.stats("null").map(|stats| stats.sent), Some(1));
/// # }
/// ```
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
///
/// ```
/// use resound::{Broadcaster, Hooks, hooks::{Happening, Occupied, What}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// async fn begin(it: Occupied) {
///     println!("somebody looks at {}", it.channel);
/// }
/// let reactor = Hooks::new().on_occupied("prices.{symbol}", begin).with_state(&Broadcaster::null(), ());
/// reactor.handle(Happening::new("prices.acme", What::ChannelOccupied)).await;
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Occupied {
    /// The channel's full name.
    pub channel: String,
    /// When: milliseconds since 1970.
    pub time_ms: u64,
}

/// A channel has lost its last subscriber: what [`Hooks::on_vacated`](super::Hooks::on_vacated) gives.
///
/// ```
/// use resound::{Broadcaster, Hooks, hooks::{Happening, Vacated, What}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// async fn end(it: Vacated) {
///     println!("nobody looks at {} any more", it.channel);
/// }
/// let reactor = Hooks::new().on_vacated("prices.{symbol}", end).with_state(&Broadcaster::null(), ());
/// reactor.handle(Happening::new("prices.acme", What::ChannelVacated)).await;
/// # }
/// ```
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
///
/// ```
/// use resound::{Broadcaster, Hooks, broadcast, global, hooks::{CacheMiss, Happening, What}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// async fn publish(miss: CacheMiss) {
///     broadcast::on([miss.channel]).name("price").with(42).send().await;
/// }
/// # global::install(Broadcaster::null()).expect("the first");
/// let reactor = Hooks::new().on_cache_miss("cache-price.{symbol}", publish).with_state(&Broadcaster::null(), ());
/// reactor.handle(Happening::new("cache-price.acme", What::CacheMiss)).await;
/// # }
/// ```
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
///
/// ```
/// use resound::{Broadcaster, Hooks, hooks::{Happening, SubscriptionCount, What}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// async fn show(now: SubscriptionCount) {
///     println!("{} watch {}", now.count, now.channel);
/// }
/// let reactor = Hooks::new().on_subscription_count("stream.{id}", show).with_state(&Broadcaster::null(), ());
/// reactor.handle(Happening::new("stream.1", What::SubscriptionCount { count: 3 })).await;
/// # }
/// ```
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
