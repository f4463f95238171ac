//! What handlers may say.

use std::fmt;

use crate::channels::member::{Member, SignedInUser};

/// What a handler says about one who wants to join.
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
