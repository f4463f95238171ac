//! What a handler may ask for beside its user.

use crate::channels::{decide::Joining, denial::Denial};

/// The parameters of a channel's name, in the order of the pattern.
///
/// ```
/// use resound::{Channels, channels::{Denial, FromJoin, Joining, Params}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// /// All parameters, whatever their names are.
/// struct Values(Vec<String>);
/// impl<S> FromJoin<S> for Values {
///     fn from_join(_: &Joining, params: Params<'_>, _: &S) -> Result<Self, Denial> {
///         Ok(Self(params.iter().map(|(_, value)| value.to_owned()).collect()))
///     }
/// }
/// let handler = |(), Values(values): Values| async move { values == ["main", "7"] };
/// let channels = Channels::new().private("{shop}.{id}", handler);
/// channels.assert_can_join(&(), "private-main.7").await;
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Params<'a> {
    pub(crate) pattern: &'a str,
    pub(crate) pairs: &'a [(&'a str, &'a str)],
}

impl<'a> Params<'a> {
    /// The pattern that the name fits.
    ///
    /// ```
    /// use resound::{Channels, channels::{Denial, FromJoin, Joining, Params}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// struct Pattern(String);
    /// impl<S> FromJoin<S> for Pattern {
    ///     fn from_join(_: &Joining, params: Params<'_>, _: &S) -> Result<Self, Denial> {
    ///         Ok(Self(params.pattern().to_owned()))
    ///     }
    /// }
    /// let handler = |(), Pattern(it): Pattern| async move { it == "orders.{id}" };
    /// let channels = Channels::new().private("orders.{id}", handler);
    /// channels.assert_can_join(&(), "private-orders.7").await;
    /// # }
    /// ```
    pub fn pattern(&self) -> &'a str {
        self.pattern
    }

    /// Names and values.
    ///
    /// ```
    /// use resound::{Channels, channels::{Denial, FromJoin, Joining, Params}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// /// The parameter `shop`, wherever it stands.
    /// struct Shop(String);
    /// impl<S> FromJoin<S> for Shop {
    ///     fn from_join(joining: &Joining, params: Params<'_>, _: &S) -> Result<Self, Denial> {
    ///         let shop = params.iter().find(|(name, _)| *name == "shop");
    ///         let (_, value) = shop.ok_or_else(|| Denial::NoRoute { name: joining.channel.as_str().into() })?;
    ///         Ok(Self(value.to_owned()))
    ///     }
    /// }
    /// let handler = |(), Shop(shop): Shop| async move { shop == "main" };
    /// let channels = Channels::new().private("shops.{shop}", handler);
    /// channels.assert_can_join(&(), "private-shops.main").await;
    /// # }
    /// ```
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
    ///
    /// ```
    /// use resound::{Channels, channels::{Denial, FromJoin, Joining, Params}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// #[derive(Clone)]
    /// struct App { is_open: bool }
    ///
    /// struct IsOpen(bool);
    /// impl FromJoin<App> for IsOpen {
    ///     fn from_join(_: &Joining, _: Params<'_>, app: &App) -> Result<Self, Denial> {
    ///         Ok(Self(app.is_open))
    ///     }
    /// }
    /// let channels = Channels::<App>::new().private("shop", |(), IsOpen(it): IsOpen| async move { it });
    /// channels.with_state(App { is_open: true }).assert_can_join(&(), "private-shop").await;
    /// # }
    /// ```
    fn from_join(joining: &Joining, params: Params<'_>, state: &S) -> Result<Self, Denial>;
}

impl<S> FromJoin<S> for Joining {
    fn from_join(joining: &Joining, _: Params<'_>, _: &S) -> Result<Self, Denial> {
        Ok(joining.clone())
    }
}
