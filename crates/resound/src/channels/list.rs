//! All routes, to look at.

use std::fmt;

use crate::channels::Kind;

/// The routes of [`Channels`](crate::Channels); its `Display` is a table.
///
/// ```
/// use resound::{Channels, Member};
///
/// let channels = Channels::<()>::new()
///     .user::<u64>()
///     .private("news", |_: u64| async { true })
///     .presence("room.{id}", |user: u64| async move { Some(Member::new(user)) });
/// print!("{}", channels.list());
/// # assert_eq!(channels.list().to_string(), "private   news        u64\npresence  room.{id}   u64\n");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteList(Vec<RouteLine>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RouteLine {
    kind: Kind,
    pattern: String,
    user: &'static str,
}

impl RouteLine {
    pub(super) fn new(kind: Kind, pattern: &str, user: &'static str) -> Self {
        Self { kind, pattern: pattern.to_owned(), user }
    }
}

impl RouteList {
    pub(super) fn new(lines: Vec<RouteLine>) -> Self {
        Self(lines)
    }

    /// Kinds and patterns, in the order in which they are asked.
    ///
    /// ```
    /// use resound::{Channels, channels::Kind};
    ///
    /// let channels = Channels::<()>::new().private("news", |()| async { true });
    /// assert_eq!(channels.list().routes().collect::<Vec<_>>(), [(Kind::Private, "news")]);
    /// ```
    pub fn routes(&self) -> impl Iterator<Item = (Kind, &str)> {
        self.0.iter().map(|line| (line.kind, &*line.pattern))
    }
}

impl fmt::Display for RouteList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.iter().map(|line| line.pattern.chars().count()).max().unwrap_or(0);
        for RouteLine { kind, pattern, user } in &self.0 {
            let kind = kind.to_string();
            writeln!(f, "{kind:<8}  {pattern:<width$}   {user}")?;
        }
        Ok(())
    }
}
