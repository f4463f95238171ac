//! What a handler may ask for beside its user.

use crate::channels::{decide::Joining, denial::Denial};

/// The parameters of a channel's name, in the order of the pattern.
#[derive(Clone, Copy, Debug)]
pub struct Params<'a> {
    pub(crate) pattern: &'a str,
    pub(crate) pairs: &'a [(&'a str, &'a str)],
}

impl<'a> Params<'a> {
    /// The pattern that the name fits.
    pub fn pattern(&self) -> &'a str {
        self.pattern
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.pairs.iter().copied()
    }
}

/// What a handler may take as an argument: [`Path`](crate::Path), [`Joining`], with axum
/// `axum::extract::State` and `axum::extract::Path`.
///
/// ```
/// use resound::channels::{Denial, FromJoin, Joining, Params};
///
/// /// Whether the channel's payloads are encrypted.
/// struct IsEncrypted(bool);
/// impl<S> FromJoin<S> for IsEncrypted {
///     fn from_join(joining: &Joining, _: Params<'_>, _: &S) -> Result<Self, Denial> {
///         Ok(Self(joining.channel.starts_with("private-encrypted-")))
///     }
/// }
/// ```
pub trait FromJoin<S>: Sized {
    /// Takes it from who wants to join what.
    ///
    /// # Errors
    /// If the client may not join for want of it.
    fn from_join(joining: &Joining, params: Params<'_>, state: &S) -> Result<Self, Denial>;
}

impl<S> FromJoin<S> for Joining {
    fn from_join(joining: &Joining, _: Params<'_>, _: &S) -> Result<Self, Denial> {
        Ok(joining.clone())
    }
}
