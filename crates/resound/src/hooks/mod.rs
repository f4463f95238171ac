#![doc = include_str!("../../docs/hooks.md")]
//!
//! # Layout
//!
//! * this module: the list of hooks; `hook`: functions as hooks; `event`: what they are told
//! * `reactor`: hooks at work, channel by channel
//! * `webhook`: what a server says over HTTP; `sealed`: in encrypted channels
//! * `report`: log lines

mod event;
mod hook;
mod reactor;
mod report;
mod sealed;
mod webhook;

use std::{fmt, sync::Arc};

use resound_protocol::webhook::Kind;
use serde::de::DeserializeOwned;

pub(crate) use self::reactor::Keys;
pub use self::{
    event::{
        CacheMiss, ClientEvent, Happening, Joined, Left, Occupied, SubscriptionCount, Vacated, What,
    },
    hook::{FromHappening, HookResult},
    reactor::{HANDLER_SECONDS_MAX, RUNNING_MAX, Reactor, WAITING_MAX},
    webhook::{AGE_SECONDS_MAX, BODY_BYTES_MAX, WebhookAnswer, WebhookRequest},
};
use crate::{
    broadcaster::Broadcaster,
    channels::{Handler, pattern::Pattern},
    hooks::hook::Hook,
};

/// Functions that are called when something happens in channels.
///
/// `S` is the application's state. Patterns are those of [`Channels`](crate::Channels): names without their prefix. Of
/// several hooks that fit all are called, in the order in which they are written. See the [module](self).
///
/// ```
/// use resound::{Broadcaster, Hooks, hooks::{Happening, Joined, Left}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let hooks = Hooks::<()>::new()
///     .on_join("room.{id}", |member: Joined| async move { println!("+ {}", member.user_id) })
///     .on_leave("room.{id}", |member: Left| async move { println!("- {}", member.user_id) });
/// let reactor = hooks.with_state(&Broadcaster::null(), ());
/// reactor.handle(Happening::joined("presence-room.1", "7")).await;
/// # }
/// ```
pub struct Hooks<S = ()> {
    hooks: Vec<Hook<S>>,
}

impl<S> Hooks<S> {
    /// No hooks.
    ///
    /// ```
    /// use resound::Hooks;
    ///
    /// let hooks = Hooks::<()>::new();
    /// assert_eq!(format!("{hooks:?}"), "[]");
    /// ```
    pub fn new() -> Self {
        Self { hooks: Vec::new() }
    }
}

impl<S> Default for Hooks<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Clone + Send + Sync + 'static> Hooks<S> {
    /// Calls the handler when a user's first connection has joined a presence channel.
    ///
    /// # Panics
    /// If the pattern is none.
    ///
    /// ```
    /// use resound::{Path, hooks::{Hooks, Joined}};
    ///
    /// let hooks = Hooks::<()>::new().on_join("room.{id}", |member: Joined, Path(room): Path<u64>| async move {
    ///     println!("{} is in room {room}", member.user_id);
    /// });
    /// # let _ = hooks;
    /// ```
    #[track_caller]
    pub fn on_join<H, A>(self, pattern: &str, handler: H) -> Self
    where
        H: Handler<S, Joined, A>,
        H::Output: HookResult,
    {
        self.add(pattern, Kind::MemberAdded, handler)
    }

    /// Calls the handler when a user's last connection has left a presence channel.
    ///
    /// # Panics
    /// If the pattern is none.
    ///
    /// ```
    /// use resound::{Path, hooks::{Hooks, Left}};
    ///
    /// let hooks = Hooks::<()>::new().on_leave("room.{id}", |member: Left, Path(room): Path<u64>| async move {
    ///     let user: u64 = member.user_id.parse()?;
    ///     println!("{user} has left room {room}");
    ///     Ok::<(), std::num::ParseIntError>(())
    /// });
    /// # let _ = hooks;
    /// ```
    #[track_caller]
    pub fn on_leave<H, A>(self, pattern: &str, handler: H) -> Self
    where
        H: Handler<S, Left, A>,
        H::Output: HookResult,
    {
        self.add(pattern, Kind::MemberRemoved, handler)
    }

    /// Calls the handler when a client has sent this event to a private or presence channel: Echo's `whisper('typing', …)`
    /// is the event `typing`, or `client-typing`. Data that are no `T` are logged, and the handler is not called.
    ///
    /// # Panics
    /// If the pattern is none.
    ///
    /// ```
    /// use resound::{Path, hooks::{ClientEvent, Hooks}};
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize)]
    /// struct Typing { name: String }
    ///
    /// let hooks = Hooks::<()>::new().on_client_event(
    ///     "typing",
    ///     "room.{id}",
    ///     |event: ClientEvent<Typing>, Path(room): Path<u64>| async move {
    ///         println!("{} types in room {room}", event.data.name);
    ///     },
    /// );
    /// # let _ = hooks;
    /// ```
    #[track_caller]
    pub fn on_client_event<T, H, A>(mut self, event: &str, pattern: &str, handler: H) -> Self
    where
        T: DeserializeOwned + 'static,
        H: Handler<S, ClientEvent<T>, A>,
        H::Output: HookResult,
    {
        let hook = Hook::new(parse(pattern), Kind::ClientEvent, handler).of_event(event);
        self.hooks.push(hook);
        self
    }

    /// Calls the handler when a channel of whatever kind has got its first subscriber.
    ///
    /// # Panics
    /// If the pattern is none.
    ///
    /// ```
    /// use resound::{Path, hooks::{Hooks, Occupied}};
    ///
    /// let hooks = Hooks::<()>::new().on_occupied("prices.{symbol}", |_: Occupied, Path(symbol): Path<String>| async move {
    ///     println!("somebody watches {symbol}");
    /// });
    /// # let _ = hooks;
    /// ```
    #[track_caller]
    pub fn on_occupied<H, A>(self, pattern: &str, handler: H) -> Self
    where
        H: Handler<S, Occupied, A>,
        H::Output: HookResult,
    {
        self.add(pattern, Kind::ChannelOccupied, handler)
    }

    /// Calls the handler when a channel of whatever kind has lost its last subscriber.
    ///
    /// # Panics
    /// If the pattern is none.
    ///
    /// ```
    /// use resound::{Path, hooks::{Hooks, Vacated}};
    ///
    /// let hooks = Hooks::<()>::new().on_vacated("prices.{symbol}", |_: Vacated, Path(symbol): Path<String>| async move {
    ///     println!("nobody watches {symbol}");
    /// });
    /// # let _ = hooks;
    /// ```
    #[track_caller]
    pub fn on_vacated<H, A>(self, pattern: &str, handler: H) -> Self
    where
        H: Handler<S, Vacated, A>,
        H::Output: HookResult,
    {
        self.add(pattern, Kind::ChannelVacated, handler)
    }

    /// Calls the handler when somebody has subscribed to a cache channel that remembers nothing: now is the time to
    /// publish. The names of patterns have `cache-` in front.
    ///
    /// # Panics
    /// If the pattern is none.
    ///
    /// ```
    /// use resound::{Path, hooks::{CacheMiss, Hooks}};
    ///
    /// let hooks = Hooks::<()>::new().on_cache_miss("cache-price.{symbol}", |_: CacheMiss, Path(symbol): Path<String>| async move {
    ///     println!("publish {symbol}");
    /// });
    /// # let _ = hooks;
    /// ```
    #[track_caller]
    pub fn on_cache_miss<H, A>(self, pattern: &str, handler: H) -> Self
    where
        H: Handler<S, CacheMiss, A>,
        H::Output: HookResult,
    {
        self.add(pattern, Kind::CacheMiss, handler)
    }

    /// Calls the handler when the number of a channel's connections has changed; not for presence channels, and above a
    /// hundred every few seconds.
    ///
    /// # Panics
    /// If the pattern is none.
    ///
    /// ```
    /// use resound::{Path, hooks::{Hooks, SubscriptionCount}};
    ///
    /// let hooks = Hooks::<()>::new().on_subscription_count("stream.{id}", |now: SubscriptionCount, Path(id): Path<u64>| async move {
    ///     println!("{} watch stream {id}", now.count);
    /// });
    /// # let _ = hooks;
    /// ```
    #[track_caller]
    pub fn on_subscription_count<H, A>(self, pattern: &str, handler: H) -> Self
    where
        H: Handler<S, SubscriptionCount, A>,
        H::Output: HookResult,
    {
        self.add(pattern, Kind::SubscriptionCount, handler)
    }

    /// Gives the hooks their state, so that they can be called. They believe webhooks that a connection of the
    /// broadcaster can have signed.
    ///
    /// # Panics
    /// Outside of a tokio runtime, on which they are going to run.
    ///
    /// ```
    /// use resound::{Broadcaster, Hooks};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// #[derive(Clone)]
    /// struct App { broadcaster: Broadcaster }
    ///
    /// let app = App { broadcaster: Broadcaster::null() };
    /// let reactor = Hooks::<App>::new().with_state(&app.broadcaster, app.clone());
    /// assert_eq!(reactor.waiting(), 0);
    /// # }
    /// ```
    pub fn with_state(self, broadcaster: &Broadcaster, state: S) -> Reactor<S> {
        Reactor::new(Arc::new(self), broadcaster, state)
    }

    #[track_caller]
    fn add<T, H, A>(mut self, pattern: &str, kind: Kind, handler: H) -> Self
    where
        T: FromHappening + 'static,
        H: Handler<S, T, A>,
        H::Output: HookResult,
    {
        self.hooks.push(Hook::new(parse(pattern), kind, handler));
        self
    }

    fn wants(&self, happening: &Happening) -> bool {
        self.fitting(happening).next().is_some()
    }

    /// The hooks to call, each with its place.
    fn fitting<'a>(
        &'a self,
        happening: &'a Happening,
    ) -> impl Iterator<Item = (usize, &'a Hook<S>)> + 'a {
        self.hooks.iter().enumerate().filter(move |(_, hook)| hook.wants(happening))
    }
}

#[track_caller]
fn parse(pattern: &str) -> Pattern {
    match Pattern::parse(pattern) {
        Ok(pattern) => pattern,
        Err(fault) => panic!("{pattern:?} is no pattern of channels: {fault}"),
    }
}

impl<S: 'static> fmt::Debug for Hooks<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.hooks.iter().map(Hook::name)).finish()
    }
}
