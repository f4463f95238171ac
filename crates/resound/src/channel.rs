//! Where an event goes.

use std::{borrow::Cow, fmt};

use crate::model::Model;

/// A channel by its full name, prefix included: `private-orders.1`.
///
/// ```
/// use resound::Channel;
///
/// assert_eq!(Channel::public("news").as_str(), "news");
/// assert_eq!(Channel::private("orders.1").as_str(), "private-orders.1");
/// assert_eq!(Channel::presence(format!("room.{}", 7)).as_str(), "presence-room.7");
/// assert_eq!(Channel::encrypted("deals").as_str(), "private-encrypted-deals");
/// assert_eq!(Channel::from("private-cache-news"), Channel::private("cache-news"));
/// ```
///
/// Each takes a [`Model`] as well, and names its channel as Laravel does:
///
/// ```
/// use resound::{Channel, Model};
///
/// struct User { id: u64 }
/// impl Model for User {
///     fn key(&self) -> String { self.id.to_string() }
/// }
/// assert_eq!(Channel::private(&User { id: 1 }).as_str(), "private-App.Models.User.1");
/// ```
///
/// Names are not checked here. Servers of the Pusher protocol take letters, digits and `_-=@,.;`, and
/// refuse an event for another name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Channel(Cow<'static, str>);

impl Channel {
    /// A channel that everybody may subscribe to.
    ///
    /// ```
    /// use resound::Channel;
    ///
    /// assert_eq!(Channel::public("news").as_str(), "news");
    /// ```
    pub fn public(name: impl ChannelSource) -> Self {
        Self(name.channel_name())
    }

    /// A channel that the application lets users into: `private-…`.
    ///
    /// ```
    /// use resound::Channel;
    ///
    /// let user_id = 7;
    /// assert_eq!(Channel::private(format!("orders.{user_id}")).as_str(), "private-orders.7");
    /// ```
    pub fn private(name: impl ChannelSource) -> Self {
        Self::prefixed("private-", name)
    }

    /// A private channel with a list of its members: `presence-…`.
    ///
    /// ```
    /// use resound::Channel;
    ///
    /// assert_eq!(Channel::presence("room.7").as_str(), "presence-room.7");
    /// ```
    pub fn presence(name: impl ChannelSource) -> Self {
        Self::prefixed("presence-", name)
    }

    /// A private channel whose payloads the server can't read: `private-encrypted-…`.
    ///
    /// ```
    /// use resound::Channel;
    ///
    /// assert_eq!(Channel::encrypted("letters.7").as_str(), "private-encrypted-letters.7");
    /// ```
    pub fn encrypted(name: impl ChannelSource) -> Self {
        Self::prefixed("private-encrypted-", name)
    }

    /// The full name.
    ///
    /// ```
    /// use resound::Channel;
    ///
    /// let channels = [Channel::public("news"), Channel::private("orders.7")];
    /// let names: Vec<_> = channels.iter().map(Channel::as_str).collect();
    /// assert_eq!(names, ["news", "private-orders.7"]);
    /// ```
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether payloads for this channel must be encrypted.
    ///
    /// ```
    /// use resound::Channel;
    ///
    /// assert!(Channel::encrypted("letters.7").is_encrypted());
    /// assert!(Channel::from("private-encrypted-cache-letters").is_encrypted());
    /// assert!(!Channel::private("letters.7").is_encrypted());
    /// ```
    pub fn is_encrypted(&self) -> bool {
        self.0.starts_with("private-encrypted-")
    }

    fn prefixed(prefix: &str, name: impl ChannelSource) -> Self {
        Self(format!("{prefix}{}", name.channel_name()).into())
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for Channel {
    /// Takes a full name as it is.
    fn from(name: &str) -> Self {
        Self(name.to_owned().into())
    }
}

impl From<String> for Channel {
    fn from(name: String) -> Self {
        Self(name.into())
    }
}

impl From<&String> for Channel {
    fn from(name: &String) -> Self {
        name.as_str().into()
    }
}

impl From<&Self> for Channel {
    fn from(channel: &Self) -> Self {
        channel.clone()
    }
}

/// What a channel can be named after: a text, or a [`Model`].
///
/// It is implemented for what there is; see [`Channel`] for its use.
///
/// ```
/// use resound::{Channel, Model, channel::ChannelSource};
///
/// struct User { id: u64 }
/// impl Model for User {
///     fn key(&self) -> String { self.id.to_string() }
/// }
///
/// /// The channel of what is to be read aloud.
/// fn aloud(source: impl ChannelSource) -> Channel {
///     Channel::private(format!("aloud.{}", source.channel_name()))
/// }
/// assert_eq!(aloud("news").as_str(), "private-aloud.news");
/// assert_eq!(aloud(&User { id: 1 }).as_str(), "private-aloud.App.Models.User.1");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't name a channel",
    label = "neither a text nor a reference to a model",
    note = "give a text (`format!(\"orders.{{id}}\")`), or a reference to what implements `resound::Model` (`&user`)"
)]
pub trait ChannelSource {
    /// The name without the prefix of its kind.
    ///
    /// ```
    /// use resound::channel::ChannelSource;
    ///
    /// assert_eq!("orders.7".channel_name(), "orders.7");
    /// ```
    fn channel_name(self) -> Cow<'static, str>;
}

impl ChannelSource for &str {
    fn channel_name(self) -> Cow<'static, str> {
        self.to_owned().into()
    }
}

impl ChannelSource for String {
    fn channel_name(self) -> Cow<'static, str> {
        self.into()
    }
}

impl ChannelSource for &String {
    fn channel_name(self) -> Cow<'static, str> {
        self.clone().into()
    }
}

impl<M: Model> ChannelSource for &M {
    fn channel_name(self) -> Cow<'static, str> {
        self.channel().into()
    }
}
