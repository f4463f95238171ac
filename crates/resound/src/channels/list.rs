//! All routes, to look at.

use std::fmt;

use crate::channels::Kind;

/// The routes of [`Channels`](crate::Channels); its `Display` is a table.
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
