//! The ways to a notifiable.

use std::{borrow::Cow, fmt};

/// A way by which a notification reaches somebody.
///
/// ```
/// use resound::notification::Via;
///
/// assert_eq!(Via::from("broadcast"), Via::Broadcast);
/// assert_eq!(Via::from("mail").to_string(), "mail");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Via {
    /// A row in the table `notifications`.
    Database,
    /// An event on the notifiable's channel.
    Broadcast,
    /// A [`Channel`](crate::notification::Channel) that the notifier knows by this name.
    Channel(Cow<'static, str>),
}

impl Via {
    /// Its name, as Laravel has it.
    ///
    /// ```
    /// use resound::notification::Via;
    ///
    /// assert_eq!(Via::Database.as_str(), "database");
    /// assert_eq!(Via::Channel("mail".into()).as_str(), "mail");
    /// ```
    pub fn as_str(&self) -> &str {
        match self {
            Self::Database => "database",
            Self::Broadcast => "broadcast",
            Self::Channel(name) => name,
        }
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<&'static str> for Via {
    fn from(name: &'static str) -> Self {
        match name {
            "database" => Self::Database,
            "broadcast" => Self::Broadcast,
            name => Self::Channel(name.into()),
        }
    }
}

/// Each way once, what is stored first, the rest in the order in which it was named.
pub(crate) fn in_order(named: Vec<Via>) -> Vec<Via> {
    let mut ways: Vec<Via> = Vec::with_capacity(named.len());
    for way in named {
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    ways.sort_by_key(|way| *way != Via::Database);
    ways
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_comes_first_and_nothing_twice() {
        let named = ["sms", "broadcast", "mail", "database", "broadcast"].map(Via::from);
        let names: Vec<_> = in_order(named.to_vec()).iter().map(Via::to_string).collect();
        assert_eq!(names, ["database", "sms", "broadcast", "mail"]);
    }
}
