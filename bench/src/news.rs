//! What the engine and the scenarios tell each other.

use anyhow::Result;

use crate::engine::Engine;
use crate::mark::Mark;
use crate::publisher::Receipt;

/// Number of a connection; they count up and are not used again.
pub(crate) type Id = usize;

/// What a scenario does with the engine.
pub(crate) trait Handler {
    /// Sends what is due; called between two looks at the sockets. Says when it must be called again.
    fn turn(&mut self, engine: &mut Engine, now: u64) -> Result<Next>;
    /// Hears what happened.
    fn hear(&mut self, engine: &mut Engine, news: News<'_>) -> Result<()>;
}

/// When a handler wants its next turn; it may get one earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// At this instant.
    At(u64),
    /// When something happened, or after a while.
    Whenever,
    /// Never: the handler is done.
    Done,
}

/// What happened to a connection or a publisher.
pub(crate) enum News<'a> {
    /// An event came, at this instant.
    Event {
        id: Id,
        mark: Mark,
        now: u64,
    },
    /// The connection is established.
    Opened(Id),
    /// A subscription succeeded, or was taken where success is not told; with the users of the channel, if it is a presence channel.
    Subscribed(Id, &'a [String]),
    MemberAdded(Id, &'a str),
    MemberRemoved(Id, &'a str),
    /// The server sent an error message, which may be its answer to a subscription.
    Refused(Id),
    /// The connection ended, not by our will.
    Ended(Id),
    /// A request to publish is done.
    Published(Receipt),
}

/// What went wrong on connections, each kind with its first case.
#[derive(Debug, Default)]
pub(crate) struct Troubles {
    /// Connections that were not established.
    pub(crate) refused: Tally,
    /// Established connections that the server ended.
    pub(crate) ended: Tally,
    /// Error messages from the server.
    pub(crate) errors: Tally,
}

/// How often something happened, and what was said the first time.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) count: u64,
    pub(crate) first: Option<String>,
}

impl Tally {
    pub(crate) fn add(&mut self, text: &impl ToString) {
        self.count += 1;
        self.first.get_or_insert_with(|| text.to_string());
    }
}
