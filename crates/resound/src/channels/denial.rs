//! Why a client may not join. For the log: a client learns only that it may not.

use crate::channels::Kind;

/// Why a client may not join.
///
/// ```
/// use resound::{Channels, Path, channels::{Denial, Joining}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let gate = Channels::<()>::new()
///     .private("orders.{id}", |(), Path(id): Path<u64>| async move { id > 0 })
///     .with_state(());
/// let denial = gate.decide(Some(&()), &Joining::new("private-orders.x")).await.unwrap_err();
/// assert!(matches!(denial, Denial::BadParameter { .. }));
/// assert_eq!(denial.to_string(), r#"id of orders.{id} is "x", which is no u64"#);
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Denial {
    /// The request names no channel.
    #[error("the request has no channel_name, in a form (urlencoded), in JSON or in the query")]
    NoName,
    /// The request names something else.
    #[error("{0}")]
    BadName(String),
    /// The channel needs no permission.
    #[error("the channel is public, which nobody needs a permission for")]
    Public,
    /// The request's socket id is none of Pusher's.
    #[error("{0:?} is no socket id: two numbers joined by a dot")]
    BadSocketId(String),
    /// The request comes from nobody that the application knows.
    #[error("not signed in, and {pattern} is for users")]
    NotSignedIn {
        /// The first route that fits.
        pattern: Box<str>,
    },
    /// No route fits.
    #[error("no route fits {name}")]
    NoRoute {
        /// The channel's name without its prefix.
        name: Box<str>,
    },
    /// A route fits, but for another kind of channel.
    #[error("{pattern} is a route of another kind, there is no {kind} route that fits")]
    OtherKind {
        /// The route.
        pattern: Box<str>,
        /// What is wanted.
        kind: Kind,
    },
    /// A parameter is not of the type that the handler wants.
    #[error("{parameter} of {pattern} is {value:?}, which is no {expected}")]
    BadParameter {
        /// The route.
        pattern: Box<str>,
        /// The parameter.
        parameter: Box<str>,
        /// What it is.
        value: String,
        /// What it should be.
        expected: String,
    },
    /// A handler said no.
    #[error("the handler of {pattern} said no")]
    Refused {
        /// The route.
        pattern: Box<str>,
    },
    /// The handlers of all routes that fit left it to others.
    #[error("the handler of {pattern} did not say yes, and no other route does")]
    NobodyAgreed {
        /// The last route.
        pattern: Box<str>,
    },
    /// Nothing says who a user is.
    #[error("there is no Channels::sign_in that says who a user is")]
    NoSignIn,
    /// A handler failed: nobody knows whether the client may join.
    #[error("the handler of {pattern} failed: {reason}")]
    Failed {
        /// The route.
        pattern: Box<str>,
        /// What happened.
        reason: String,
    },
}

impl Denial {
    /// The status of the answer: 403, for a malformed request 400, for a failure 500.
    ///
    /// ```
    /// use resound::channels::Denial;
    ///
    /// assert_eq!(Denial::NoName.status(), 403);
    /// ```
    pub fn status(&self) -> u16 {
        match self {
            Self::Failed { .. } => 500,
            Self::BadSocketId(_) => 400,
            Self::NoName
            | Self::BadName(_)
            | Self::Public
            | Self::NotSignedIn { .. }
            | Self::NoRoute { .. }
            | Self::OtherKind { .. }
            | Self::BadParameter { .. }
            | Self::Refused { .. }
            | Self::NobodyAgreed { .. }
            | Self::NoSignIn => 403,
        }
    }

    #[cfg(feature = "axum")]
    /// Whether the routes of another kind of user may still agree.
    pub(crate) fn is_open(&self) -> bool {
        matches!(
            self,
            Self::NotSignedIn { .. }
                | Self::NoRoute { .. }
                | Self::OtherKind { .. }
                | Self::NobodyAgreed { .. }
                | Self::NoSignIn
        )
    }
}
