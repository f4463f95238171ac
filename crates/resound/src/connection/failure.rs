//! Queued events that are given up.

use std::sync::Arc;

use crate::envelope::Envelope;

/// A queued event that was finally given up: refused by the server, tried too often, or too old. Laravel: what a job's `failed()` is told.
///
/// ```
/// use resound::{Broadcaster, connection::Failure, drivers::Log};
///
/// fn count(failure: &Failure) {
///     let event = failure.envelope.as_ref().map_or("?", |envelope| &envelope.name);
///     eprintln!("{event} was not sent by {}: {}", failure.connection, failure.reason);
/// }
/// let broadcaster = Broadcaster::builder().connection("log", Log).on_failure(count).build();
/// # let _ = broadcaster;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// The broadcast connection.
    pub connection: Arc<str>,
    /// The event, or the part of it that goes to these channels in one call; `None` for a row of a durable queue that is no event.
    pub envelope: Option<Arc<Envelope>>,
    /// Why it was given up.
    pub reason: String,
    /// What a durable queue calls it, in `resound_failed_jobs` and in the log; `None` in memory, where it is lost.
    pub uuid: Option<String>,
}
