//! Channel names and what their prefixes mean.

use std::{borrow::Borrow, fmt, sync::Arc};

/// A valid channel name; nothing downstream checks it again.
///
/// Valid are letters, digits and `_-=@,.;` (Pusher, "Channel naming conventions"), and
/// `#server-to-user-` followed by a user's id, which may be anything without control characters.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelName(Arc<str>);

/// Why a text is no channel name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    /// It has no character.
    #[error("a channel name must not be empty")]
    Empty,
    /// It has more characters than the application allows.
    #[error(
        "the channel name has {length} characters, the limit is {max} (max_channel_name_length)"
    )]
    TooLong {
        /// Its length in characters.
        length: usize,
        /// The application's limit.
        max: usize,
    },
    /// It has a character that no name may have.
    #[error("a channel name has only letters, digits and _-=@,.; but this one has {0:?}")]
    Character(char),
    /// It has a control character.
    #[error("a channel name has no control characters, but this one has {0:?}")]
    Control(char),
}

/// Which names are valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameRule {
    /// Those of Pusher, see [`ChannelName::parse`].
    Pusher,
    /// Those of laravel-echo-server, see [`ChannelName::parse_lenient`].
    EchoServer,
}

impl NameRule {
    /// Reads a name of at most `length_max` characters.
    pub fn parse(self, name: &str, length_max: usize) -> Result<ChannelName, NameFault> {
        match self {
            Self::Pusher => ChannelName::parse(name, length_max),
            Self::EchoServer => ChannelName::parse_lenient(name, length_max),
        }
    }
}

const USER_PREFIX: &str = "#server-to-user-";

/// What a subscription to a channel needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing: everybody may subscribe.
    Public,
    /// The application's signature.
    Private,
    /// The application's signature over the member's data.
    Presence,
    /// A connection that is signed in as the user whom the channel names.
    User,
}

impl ChannelName {
    /// Reads a name of at most `length_max` characters.
    pub fn parse(name: &str, length_max: usize) -> Result<Self, NameFault> {
        check_length(name, length_max)?;
        let fault = match name.strip_prefix(USER_PREFIX) {
            Some("") => return Err(NameFault::Empty),
            Some(id) => id.chars().find(|c| c.is_control()),
            None => {
                name.bytes().position(|b| !is_name_byte(b)).and_then(|at| name[at..].chars().next())
            }
        };
        fault.map_or_else(|| Ok(Self(name.into())), |c| Err(NameFault::Character(c)))
    }

    /// Reads a name as laravel-echo-server and Laravel's redis broadcaster know them: any characters but
    /// control characters (`chat:1`). Clients of the Pusher protocol can't subscribe to those that
    /// [`ChannelName::parse`] refuses.
    pub fn parse_lenient(name: &str, length_max: usize) -> Result<Self, NameFault> {
        check_length(name, length_max)?;
        match name.chars().find(|c| c.is_control()) {
            Some(c) => Err(NameFault::Control(c)),
            None => Ok(Self(name.into())),
        }
    }

    /// The channel of the events to one signed-in user.
    pub fn of_user(id: &str) -> Self {
        Self(format!("{USER_PREFIX}{id}").into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What a subscription needs. The prefixes are anchored and end with their dash: Reverb takes
    /// `privatestuff` for a private channel, soketi `my-private-x`; Pusher and its clients do not.
    pub fn access(&self) -> Access {
        if self.0.starts_with("private-") {
            return Access::Private;
        }
        if self.0.starts_with("presence-") {
            return Access::Presence;
        }
        if self.0.starts_with(USER_PREFIX) {
            return Access::User;
        }
        Access::Public
    }

    /// Whether the channel has a list of members.
    pub fn is_presence(&self) -> bool {
        self.access() == Access::Presence
    }

    /// Whether the channel remembers its last published event.
    pub fn is_cache(&self) -> bool {
        ["cache-", "private-cache-", "private-encrypted-cache-", "presence-cache-"]
            .iter()
            .any(|prefix| self.0.starts_with(prefix))
    }

    /// The user whose channel this is.
    pub fn user(&self) -> Option<&str> {
        self.0.strip_prefix(USER_PREFIX)
    }
}

fn check_length(name: &str, length_max: usize) -> Result<(), NameFault> {
    if name.is_empty() {
        return Err(NameFault::Empty);
    }
    if name.len() > length_max {
        let length = name.chars().count();
        if length > length_max {
            return Err(NameFault::TooLong { length, max: length_max });
        }
    }
    Ok(())
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-=@,.;".contains(&byte)
}

impl Borrow<str> for ChannelName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn name(text: &str) -> ChannelName {
        ChannelName::parse(text, 200).expect("a valid name")
    }

    #[test]
    fn laravel_echo_server_takes_names_that_pusher_does_not() {
        for name in ["chat:1", "a b", "заказ/7", "private-x:{y}"] {
            assert!(ChannelName::parse(name, 200).is_err(), "{name}");
            let lenient = NameRule::EchoServer.parse(name, 200).expect("a name");
            assert_eq!(lenient.as_str(), name);
        }
        assert_eq!(ChannelName::parse_lenient("", 200), Err(NameFault::Empty));
        assert_eq!(ChannelName::parse_lenient("a\nb", 200), Err(NameFault::Control('\n')));
        assert!(ChannelName::parse_lenient("abc", 2).is_err());
    }

    #[test]
    fn names_of_laravel_and_pusher_are_valid() {
        for text in
            ["a", "orders.7", "App.Models.User.1", "private-a_b=c@d,e.f;g", "#server-to-user-7"]
        {
            assert_eq!(name(text).as_str(), text);
        }
        assert_eq!(name("#server-to-user-auth0|a b ü").user(), Some("auth0|a b ü"));
    }

    #[test]
    fn other_names_say_what_is_wrong() {
        let fault = |text: &str| ChannelName::parse(text, 5).expect_err("an invalid name");
        assert_eq!(fault(""), NameFault::Empty);
        assert_eq!(fault("123456"), NameFault::TooLong { length: 6, max: 5 });
        for (text, c) in
            [("a b", ' '), ("a/b", '/'), ("#a", '#'), ("ü", 'ü'), ("a*", '*'), ("a\n", '\n')]
        {
            assert_eq!(fault(text), NameFault::Character(c));
        }
        assert_eq!(ChannelName::parse("#server-to-user-", 99), Err(NameFault::Empty));
    }

    #[test]
    fn prefixes_are_anchored_and_end_with_their_dash() {
        let access = |text: &str| name(text).access();
        assert_eq!(access("privatestuff"), Access::Public);
        assert_eq!(access("my-private-x"), Access::Public);
        assert_eq!(access("private-encrypted-x"), Access::Private);
        assert_eq!(access("presence-cache-x"), Access::Presence);
        assert_eq!(access("#server-to-user-7"), Access::User);
        for text in ["cache-a", "private-cache-a", "private-encrypted-cache-a", "presence-cache-a"]
        {
            assert!(name(text).is_cache(), "{text}");
        }
        assert!(!name("cachewarm").is_cache());
    }
}
