//! What handlers may say.

use std::fmt;

use crate::channels::member::{Member, SignedInUser};

/// What a handler says about one who wants to join.
///
/// ```
/// use resound::{Channels, Path, channels::Verdict};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let channels = Channels::new()
///     .user::<u64>()
///     .private("staff.{room}", |user: u64, Path(room): Path<String>| async move {
///         match &*room {
///             "vault" if user > 1 => Verdict::Deny,  // nobody else is asked
///             _ => Verdict::Next,
///         }
///     })
///     .private("staff.{room}", |user: u64| async move { user < 10 });
/// channels.assert_can_join(&7, "private-staff.kitchen").await;
/// channels.assert_cannot_join(&7, "private-staff.vault").await;
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<T> {
    /// Yes.
    Allow(T),
    /// No, and no other route is asked. Laravel: `false`.
    Deny,
    /// The next route whose pattern fits shall decide. Laravel: `null`.
    Next,
}

/// What a handler of a private channel may give.
///
/// | it gives | which means |
/// |---|---|
/// | `true` | the user may join |
/// | `false` | not, and no other route is asked |
/// | `None` of an `Option<bool>` | the next route whose pattern fits decides |
/// | `Err` of a `Result` of these | the question failed: status 500, and an error in the log |
///
/// ```
/// use resound::{Channels, Path};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// async fn may_read(user: u64, Path(id): Path<u64>) -> Result<bool, std::io::Error> {
///     # let owner_of = |order: u64| Ok::<_, std::io::Error>(order / 10);
///     let owner = owner_of(id)?;
///     Ok(owner == user)
/// }
/// let channels = Channels::new().user::<u64>().private("orders.{id}", may_read);
/// channels.assert_can_join(&7, "private-orders.71").await;
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "the handler of a private channel can't say `{Self}`",
    note = "it gives a `bool`, an `Option<bool>`, or a `Result` of these"
)]
pub trait PrivateVerdict {
    /// The same as a [`Verdict`], or why the handler failed.
    #[doc(hidden)]
    fn into_verdict(self) -> Result<Verdict<()>, String>;
}

/// What a handler of a presence channel may give.
///
/// | it gives | which means |
/// |---|---|
/// | `Some(member)` | the user may join, and is listed so |
/// | `None` | the next route whose pattern fits decides; if there is none the user may not join |
/// | [`Verdict::Deny`] | the user may not join, and no other route is asked |
/// | `Err` of a `Result` of these | the question failed: status 500, and an error in the log |
///
/// ```
/// use resound::{Channels, Member};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let channels = Channels::new()
///     .user::<Option<&str>>()
///     .presence("room", |name: Option<&'static str>| async move { name.map(Member::new) });
/// channels.assert_can_join(&Some("ann"), "presence-room").await;
/// channels.assert_cannot_join(&None, "presence-room").await;
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "the handler of a presence channel can't say `{Self}`",
    note = "it gives an `Option<resound::Member>`, or a `Result` of it"
)]
pub trait PresenceVerdict {
    /// The same as a [`Verdict`], or why the handler failed.
    #[doc(hidden)]
    fn into_verdict(self) -> Result<Verdict<Member>, String>;
}

/// What a handler of [`Channels::sign_in`](crate::Channels::sign_in) may give: `Option<SignedInUser>`, or a `Result`
/// of it.
///
/// ```
/// use resound::{Channels, channels::{Joining, SignedInUser}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// async fn sign_in(user: u64) -> Result<Option<SignedInUser>, std::io::Error> {
///     # let friends_of = |_: u64| Ok::<_, std::io::Error>([8_u64, 9]);
///     Ok(Some(SignedInUser::new(user).watchlist(friends_of(user)?)))
/// }
/// let gate = Channels::<()>::new().user::<u64>().sign_in(sign_in).with_state(());
/// assert!(gate.who(Some(&7), &Joining::default()).await.is_ok());
/// # }
/// ```
pub trait SignInVerdict {
    /// The user, or why the handler failed.
    #[doc(hidden)]
    fn into_user(self) -> Result<Option<SignedInUser>, String>;
}

impl PrivateVerdict for bool {
    fn into_verdict(self) -> Result<Verdict<()>, String> {
        Ok(if self { Verdict::Allow(()) } else { Verdict::Deny })
    }
}

impl PrivateVerdict for Option<bool> {
    fn into_verdict(self) -> Result<Verdict<()>, String> {
        self.map_or(Ok(Verdict::Next), bool::into_verdict)
    }
}

impl PrivateVerdict for Verdict<()> {
    fn into_verdict(self) -> Result<Self, String> {
        Ok(self)
    }
}

impl<T: PrivateVerdict, E: fmt::Display> PrivateVerdict for Result<T, E> {
    fn into_verdict(self) -> Result<Verdict<()>, String> {
        self.map_err(|error| error.to_string())?.into_verdict()
    }
}

impl PresenceVerdict for Option<Member> {
    fn into_verdict(self) -> Result<Verdict<Member>, String> {
        Ok(self.map_or(Verdict::Next, Verdict::Allow))
    }
}

impl PresenceVerdict for Verdict<Member> {
    fn into_verdict(self) -> Result<Self, String> {
        Ok(self)
    }
}

impl<T: PresenceVerdict, E: fmt::Display> PresenceVerdict for Result<T, E> {
    fn into_verdict(self) -> Result<Verdict<Member>, String> {
        self.map_err(|error| error.to_string())?.into_verdict()
    }
}

impl SignInVerdict for Option<SignedInUser> {
    fn into_user(self) -> Result<Self, String> {
        Ok(self)
    }
}

impl<E: fmt::Display> SignInVerdict for Result<Option<SignedInUser>, E> {
    fn into_user(self) -> Result<Option<SignedInUser>, String> {
        self.map_err(|error| error.to_string())
    }
}
