//! Queued events that are given up, and who wants to know.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, OnceLock},
};

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

/// Who is told.
pub(crate) type OnFailure = Arc<dyn Fn(&Failure) + Send + Sync>;

/// Who is told of a connection's failures, once that is known.
#[derive(Default)]
pub(crate) struct Ear(OnceLock<OnFailure>);

impl Ear {
    /// Sets who is told.
    pub(crate) fn open(&self, to: &OnFailure) {
        // A connection is built into one broadcaster only.
        let _ = self.0.set(Arc::clone(to));
    }

    /// Tells. A panic of those who are told must not take the queue's task with it.
    pub(crate) fn tell(&self, failure: impl FnOnce() -> Failure) {
        let Some(told) = self.0.get() else { return };
        let failure = failure();
        if catch_unwind(AssertUnwindSafe(|| told(&failure))).is_err() {
            let connection = &*failure.connection;
            tracing::error!(connection, "Builder::on_failure panicked; the queue goes on");
        }
    }
}

impl fmt::Debug for Ear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ear").field("is_open", &self.0.get().is_some()).finish()
    }
}
