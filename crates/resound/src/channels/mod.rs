#![doc = include_str!("../../docs/channels.md")]
//!
//! # Layout
//!
//! * `pattern`: names with parameters
//! * `path`: parameters as values; `extract`: what else a handler may ask for
//! * `handler`, `verdict`: functions as routes, and what they may say
//! * `member`: who joins
//! * `decide`: from a name to a decision; `denial`: why not
//! * `answer`: decisions as clients read them
//! * `assertions`: for tests; `list`: all routes, to look at

mod answer;
mod assertions;
mod decide;
mod denial;
mod extract;
pub(crate) mod handler;
mod list;
mod member;
mod path;
pub(crate) mod pattern;
mod verdict;

use std::{fmt, sync::Arc};

pub use answer::{Answer, Signing};
pub use decide::{Gate, Granted, Joining};
pub use denial::Denial;
pub use extract::{FromJoin, Params};
pub use handler::Handler;
pub use list::RouteList;
pub use member::{Member, SignedInUser, UserId};
pub use path::Path;
pub use verdict::{PresenceVerdict, PrivateVerdict, SignInVerdict, Verdict};

use crate::{
    channels::{handler::Erased, list::RouteLine, pattern::Pattern},
    name::short_type_name,
};

/// The routes of an application's channels: who may join.
///
/// `S` is the application's state, `U` its user. See the [module](self).
///
/// ```
/// use resound::{Channels, Member, Path};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// #[derive(Clone)]
/// struct User { id: u64, name: &'static str }
///
/// let channels = Channels::new()
///     .user::<User>()
///     .private("orders.{id}", |user: User, Path(id): Path<u64>| async move { user.id == id })
///     .presence("room", |user: User| async move { Some(Member::new(user.id).info(user.name)) });
/// channels.assert_can_join(&User { id: 7, name: "Ann" }, "presence-room").await;
/// # }
/// ```
pub struct Channels<S = (), U = ()> {
    routes: Vec<Route<S, U>>,
    sign_in: Option<Erased<S, U, Option<SignedInUser>>>,
}

/// A pattern, and who decides.
struct Route<S, U> {
    pattern: Pattern,
    decide: Decide<S, U>,
}

/// Handlers by the kind of their channel.
enum Decide<S, U> {
    Private(Erased<S, U, Verdict<()>>),
    Presence(Erased<S, U, Verdict<Member>>),
}

impl<S, U> Decide<S, U> {
    fn kind(&self) -> Kind {
        match self {
            Self::Private(_) => Kind::Private,
            Self::Presence(_) => Kind::Presence,
        }
    }
}

/// The kinds of channels that need a permission.
///
/// ```
/// use resound::{Channels, channels::Kind};
///
/// let channels = Channels::<()>::new().private("news", |()| async { true });
/// let private = channels.list().routes().filter(|(kind, _)| *kind == Kind::Private).count();
/// assert_eq!(private, 1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// `private-…`, `private-encrypted-…` too.
    Private,
    /// `presence-…`.
    Presence,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Private => "private",
            Self::Presence => "presence",
        })
    }
}

impl<S> Channels<S> {
    /// No routes: nobody may join anything.
    ///
    /// ```
    /// use resound::Channels;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// Channels::new().assert_cannot_join(&(), "private-news").await;
    /// # }
    /// ```
    pub fn new() -> Self {
        Self { routes: Vec::new(), sign_in: None }
    }

    /// Says who the user is: what handlers take first. With axum, an extractor.
    ///
    /// # Panics
    /// If there are routes already: they would be for another user.
    ///
    /// ```
    /// use resound::Channels;
    ///
    /// #[derive(Clone)]
    /// struct CurrentUser { id: u64 }
    ///
    /// let channels = Channels::<()>::new().user::<CurrentUser>();
    /// # let _ = channels;
    /// ```
    #[track_caller]
    pub fn user<U>(self) -> Channels<S, U> {
        let is_first = self.routes.is_empty() && self.sign_in.is_none();
        assert!(is_first, "Channels::user comes before the routes, which are for that user");
        Channels { routes: Vec::new(), sign_in: None }
    }
}

impl<S> Default for Channels<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S, U> Channels<S, U>
where
    S: Send + Sync + 'static,
    U: Clone + Send + Sync + 'static,
{
    /// Lets users into private channels, encrypted ones too, whose name without its prefix fits the pattern.
    ///
    /// The handler gives `bool`, or what else is a [`PrivateVerdict`].
    ///
    /// # Panics
    /// If the pattern is none.
    ///
    /// ```
    /// use resound::{Channels, Path};
    ///
    /// #[derive(Clone)]
    /// struct User { id: u64 }
    ///
    /// let channels = Channels::<()>::new()
    ///     .user::<User>()
    ///     .private("orders.{id}", |user: User, Path(id): Path<u64>| async move { user.id == id });
    /// # let _ = channels;
    /// ```
    #[track_caller]
    pub fn private<H, A>(mut self, pattern: &str, handler: H) -> Self
    where
        H: Handler<S, U, A>,
        H::Output: PrivateVerdict,
    {
        let decide = handler::erase(handler, PrivateVerdict::into_verdict);
        self.add(pattern, Decide::Private(decide));
        self
    }

    /// Lets users into presence channels whose name without its prefix fits the pattern.
    ///
    /// The handler gives `Option<Member>`, or what else is a [`PresenceVerdict`].
    ///
    /// # Panics
    /// If the pattern is none.
    ///
    /// ```
    /// use resound::{Channels, Member, Path};
    /// use serde_json::json;
    ///
    /// #[derive(Clone)]
    /// struct User { id: u64, name: String, rooms: Vec<u64> }
    ///
    /// let channels = Channels::<()>::new().user::<User>().presence(
    ///     "room.{id}",
    ///     |user: User, Path(room): Path<u64>| async move {
    ///         let may_join = user.rooms.contains(&room);
    ///         may_join.then(|| Member::new(user.id).info(json!({ "name": user.name })))
    ///     },
    /// );
    /// # let _ = channels;
    /// ```
    #[track_caller]
    pub fn presence<H, A>(mut self, pattern: &str, handler: H) -> Self
    where
        H: Handler<S, U, A>,
        H::Output: PresenceVerdict,
    {
        let decide = handler::erase(handler, PresenceVerdict::into_verdict);
        self.add(pattern, Decide::Presence(decide));
        self
    }

    /// Says as whom a connection is signed in (`pusher.signin()`). Without it nobody can sign in.
    ///
    /// The handler gives `Option<SignedInUser>`, or what else is a [`SignInVerdict`].
    /// Laravel: `resolveAuthenticatedUserUsing`.
    ///
    /// ```
    /// use resound::{Channels, channels::SignedInUser};
    ///
    /// #[derive(Clone)]
    /// struct User { id: u64 }
    ///
    /// let channels = Channels::<()>::new()
    ///     .user::<User>()
    ///     .sign_in(|user: User| async move { Some(SignedInUser::new(user.id)) });
    /// # let _ = channels;
    /// ```
    pub fn sign_in<H, A>(mut self, handler: H) -> Self
    where
        H: Handler<S, U, A>,
        H::Output: SignInVerdict,
    {
        self.sign_in = Some(handler::erase(handler, SignInVerdict::into_user));
        self
    }

    /// Gives the routes their state, so that they can decide.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use resound::Channels;
    ///
    /// let channels = Channels::<u64>::new().user::<u64>();
    /// channels.with_state(7).assert_cannot_join(&1, "private-orders.1").await;
    /// # }
    /// ```
    pub fn with_state(self, state: S) -> Gate<S, U> {
        Gate::new(Arc::new(self), state)
    }

    /// The routes, to print: kind, pattern, and the type of the user. Laravel: `channel:list`.
    ///
    /// ```
    /// use resound::{Channels, Path};
    ///
    /// let channels = Channels::<()>::new()
    ///     .user::<u64>()
    ///     .private("orders.{id}", |user: u64, Path(id): Path<u64>| async move { user == id });
    /// assert_eq!(channels.list().to_string(), "private   orders.{id}   u64\n");
    /// ```
    pub fn list(&self) -> RouteList {
        let line = |route: &Route<S, U>| {
            RouteLine::new(route.decide.kind(), route.pattern.as_str(), short_type_name::<U>())
        };
        RouteList::new(self.routes.iter().map(line).collect())
    }

    #[track_caller]
    fn add(&mut self, pattern: &str, decide: Decide<S, U>) {
        match Pattern::parse(pattern) {
            Ok(pattern) => self.routes.push(Route { pattern, decide }),
            Err(fault) => panic!("{pattern:?} is no pattern of channels: {fault}"),
        }
    }
}

impl<S, U> fmt::Debug for Channels<S, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let patterns = self.routes.iter().map(|route| route.pattern.as_str());
        f.debug_list().entries(patterns).finish()
    }
}
