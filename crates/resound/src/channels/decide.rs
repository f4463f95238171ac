//! From a name to a decision. Laravel: `Broadcaster::verifyUserCanAccessChannel`.

use std::{fmt, sync::Arc};

use resound_protocol::channel::ChannelName;

use crate::{
    channels::{
        Channels, Decide, Kind, Route,
        denial::Denial,
        extract::Params,
        member::{Member, SignedInUser},
        pattern::strip_prefix,
        verdict::Verdict,
    },
    socket::SocketId,
};

/// Characters of a channel's name.
const NAME_MAX: usize = 200;

/// Who wants to join what. Handlers may take it as an argument.
///
/// ```
/// use resound::channels::Joining;
///
/// let joining = Joining::new("private-encrypted-orders.1");
/// assert_eq!(joining.name(), Some("orders.1"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Joining {
    /// The channel's full name.
    pub channel: String,
    /// The connection; a server that asks on behalf of a client need not name it.
    pub socket: SocketId,
}

impl Joining {
    /// Somebody who wants to join the channel with this full name.
    ///
    /// ```
    /// use resound::{SocketId, channels::Joining};
    ///
    /// let mut joining = Joining::new("private-orders.1");    // channel_name
    /// joining.socket = SocketId::from("123.456");            // socket_id
    /// assert_eq!(joining.channel, "private-orders.1");
    /// ```
    pub fn new(channel: impl Into<String>) -> Self {
        Self { channel: channel.into(), socket: SocketId::none() }
    }

    /// The name without the prefix of a guarded channel; `None` for public channels.
    ///
    /// ```
    /// use resound::channels::Joining;
    ///
    /// assert_eq!(Joining::new("presence-room.7").name(), Some("room.7"));
    /// assert_eq!(Joining::new("news").name(), None);
    /// ```
    pub fn name(&self) -> Option<&str> {
        strip_prefix(&self.channel)
    }

    fn kind(&self) -> Kind {
        if self.channel.starts_with("presence-") { Kind::Presence } else { Kind::Private }
    }

    /// What is signed must not be ambiguous: a name with a colon could pass for a name and a member.
    pub(crate) fn check(&self, is_signed: bool) -> Result<(), Denial> {
        if self.channel.is_empty() {
            return Err(Denial::NoName);
        }
        let parse = if is_signed { ChannelName::parse } else { ChannelName::parse_lenient };
        match parse(&self.channel, NAME_MAX) {
            Ok(_) if self.name().is_none() => Err(Denial::Public),
            Ok(_) => Ok(()),
            Err(fault) => Err(Denial::BadName(fault.to_string())),
        }
    }
}

/// A permission to join.
///
/// ```
/// use resound::{Channels, Member};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let channels = Channels::new()
///     .user::<u64>()
///     .presence("room.{id}", |user: u64| async move { Some(Member::new(user)) });
/// let granted = channels.assert_can_join(&7, "presence-room.1").await;
/// assert_eq!(granted.pattern, "room.{id}");
/// assert_eq!(granted.member, Some(Member::new(7)));
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Granted {
    /// The route that agreed.
    pub pattern: String,
    /// Who joins, on a presence channel.
    pub member: Option<Member>,
}

impl<S, U> Channels<S, U>
where
    U: Clone,
{
    /// Whether a user needs to be known at all: the first route that fits.
    pub(crate) fn first_route(&self, joining: &Joining) -> Result<&str, Denial> {
        let name = joining.name().ok_or(Denial::Public)?;
        let kind = joining.kind();
        let mut fitting = self.routes.iter().filter(|r| r.pattern.parameters(name).is_some());
        let Some(first) = fitting.clone().next() else {
            return Err(Denial::NoRoute { name: name.into() });
        };
        match fitting.find(|route| route.decide.kind() == kind) {
            Some(route) => Ok(route.pattern.as_str()),
            None => Err(Denial::OtherKind { pattern: first.pattern.as_str().into(), kind }),
        }
    }

    /// Asks the routes in their order: the first that says yes or no decides.
    pub(crate) async fn decide(
        &self,
        user: Option<U>,
        joining: &Joining,
        state: &S,
    ) -> Result<Granted, Denial> {
        let mut undecided = self.first_route(joining)?;
        let Some(user) = user else {
            return Err(Denial::NotSignedIn { pattern: undecided.into() });
        };
        for route in self.routes.iter().filter(|route| route.decide.kind() == joining.kind()) {
            let pattern = route.pattern.as_str();
            match route.ask(user.clone(), joining, state).await {
                Some(Ok(Verdict::Allow(member))) => {
                    return Ok(Granted { pattern: pattern.to_owned(), member });
                }
                Some(Ok(Verdict::Deny)) => return Err(Denial::Refused { pattern: pattern.into() }),
                Some(Ok(Verdict::Next)) => undecided = pattern,
                Some(Err(denial)) => return Err(denial),
                None => {}
            }
        }
        Err(Denial::NobodyAgreed { pattern: undecided.into() })
    }

    /// As whom a user is signed in.
    pub(crate) async fn who(
        &self,
        user: Option<U>,
        joining: &Joining,
        state: &S,
    ) -> Result<SignedInUser, Denial> {
        let sign_in = self.sign_in.as_ref().ok_or(Denial::NoSignIn)?;
        let pattern = "sign_in";
        let user = user.ok_or_else(|| Denial::NotSignedIn { pattern: pattern.into() })?;
        let deciding = sign_in(user, joining, Params { pattern, pairs: &[] }, state);
        deciding.await?.ok_or_else(|| Denial::Refused { pattern: pattern.into() })
    }
}

impl<S, U> Route<S, U> {
    /// `None` if the name does not fit.
    async fn ask(
        &self,
        user: U,
        joining: &Joining,
        state: &S,
    ) -> Option<Result<Verdict<Option<Member>>, Denial>> {
        let pairs = self.pattern.parameters(joining.name()?)?;
        let params = Params { pattern: self.pattern.as_str(), pairs: &pairs };
        let verdict = match &self.decide {
            Decide::Private(decide) => {
                decide(user, joining, params, state).await.map(|verdict| verdict.map(|()| None))
            }
            Decide::Presence(decide) => {
                decide(user, joining, params, state).await.map(|verdict| verdict.map(Some))
            }
        };
        Some(verdict)
    }
}

impl<T> Verdict<T> {
    fn map<R>(self, change: impl FnOnce(T) -> R) -> Verdict<R> {
        match self {
            Self::Allow(value) => Verdict::Allow(change(value)),
            Self::Deny => Verdict::Deny,
            Self::Next => Verdict::Next,
        }
    }
}

/// [`Channels`] with the state that they need to decide.
///
/// ```
/// use resound::{Channels, Path, channels::Joining};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let gate = Channels::<()>::new()
///     .user::<u64>()
///     .private("orders.{id}", |user: u64, Path(id): Path<u64>| async move { user == id })
///     .with_state(());
/// assert!(gate.decide(Some(&1), &Joining::new("private-orders.1")).await.is_ok());
///
/// let denial = gate.decide(Some(&1), &Joining::new("private-orders.2")).await.unwrap_err();
/// assert_eq!(denial.to_string(), "the handler of orders.{id} said no");
/// # }
/// ```
pub struct Gate<S, U> {
    channels: Arc<Channels<S, U>>,
    state: S,
}

impl<S, U: Clone> Gate<S, U> {
    pub(crate) fn new(channels: Arc<Channels<S, U>>, state: S) -> Self {
        Self { channels, state }
    }

    /// Decides whether a user, or a guest, may join.
    ///
    /// # Errors
    /// If not: why.
    ///
    /// ```
    /// use resound::{Channels, channels::{Denial, Joining}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let gate = Channels::<()>::new().user::<u64>().private("news", |_: u64| async { true }).with_state(());
    /// assert!(gate.decide(Some(&7), &Joining::new("private-news")).await.is_ok());
    /// let guest = gate.decide(None, &Joining::new("private-news")).await;
    /// assert!(matches!(guest, Err(Denial::NotSignedIn { .. })));
    /// # }
    /// ```
    pub async fn decide(&self, user: Option<&U>, joining: &Joining) -> Result<Granted, Denial> {
        joining.check(false)?;
        self.channels.decide(user.cloned(), joining, &self.state).await
    }

    /// Finds out as whom a user is signed in ([`Channels::sign_in`]).
    ///
    /// # Errors
    /// If as nobody: why.
    ///
    /// ```
    /// use resound::{Channels, channels::{Joining, SignedInUser}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let channels = Channels::<()>::new()
    ///     .user::<u64>()
    ///     .sign_in(|user: u64| async move { Some(SignedInUser::new(user)) });
    /// let user = channels.with_state(()).who(Some(&7), &Joining::default()).await;
    /// assert_eq!(user, Ok(SignedInUser::new(7)));
    /// # }
    /// ```
    pub async fn who(&self, user: Option<&U>, joining: &Joining) -> Result<SignedInUser, Denial> {
        self.channels.who(user.cloned(), joining, &self.state).await
    }
}

impl<S, U> fmt::Debug for Gate<S, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("channels", &self.channels).finish_non_exhaustive()
    }
}
