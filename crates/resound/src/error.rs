//! What can go wrong on the way to the server.

use std::{sync::Arc, time::Duration};

/// Why a driver did not send an event.
///
/// ```
/// use resound::DriverError;
///
/// /// What a driver makes of an answer of HTTP.
/// fn fault(status: u16) -> DriverError {
///     let message = format!("the server answered {status}");
///     match status {
///         429 | 503 => DriverError::Unavailable(message), // it is tried again
///         _ => DriverError::Refused(message),
///     }
/// }
/// assert_eq!(fault(403).to_string(), "the server answered 403");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DriverError {
    /// The server could not be reached, or was too busy: worth another try.
    #[error("{0}")]
    Unavailable(String),
    /// The server said no, and will say so again.
    #[error("{0}")]
    Refused(String),
    /// The server has ended, and does not come back in this process: there is no further try, but a durable queue keeps
    /// the event for the next process.
    #[error("{0}")]
    Ended(String),
}

/// Why an event was not sent, or not queued.
///
/// By default it goes to the log; [`PendingBroadcast::result`](crate::PendingBroadcast::result) gives it to the
/// caller.
///
/// ```
/// use resound::{Broadcaster, SendError, broadcast};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let event = broadcast::public("news").name("posted").via("reverb");
/// match Broadcaster::null().send(event).result().await {
///     Err(SendError::UnknownConnection { name, known, .. }) => assert_eq!((&*name, &*known), ("reverb", "null")),
///     other => panic!("{other:?}"),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The payload can't be written as JSON.
    #[error("the payload of {event} can't be written as JSON: {reason}")]
    Payload {
        /// The type of the event.
        event: &'static str,
        /// What serde says.
        reason: Arc<serde_json::Error>,
    },
    /// No connection has this name.
    #[error("there is no broadcast connection {name:?}{}; there is {known}", because(reason.as_deref()))]
    UnknownConnection {
        /// The name that was asked for.
        name: String,
        /// Those that there are, joined by commas.
        known: String,
        /// Why the environment does not describe it, if it was asked and it knows such connections.
        reason: Option<String>,
    },
    /// Too much waits already.
    #[error(
        "{waiting} events wait for the broadcast connection {connection}, no more fit \
         (Policy::events_max, Policy::bytes_max)"
    )]
    QueueFull {
        /// The connection's name.
        connection: Arc<str>,
        /// How many wait.
        waiting: usize,
    },
    /// The connection failed several times in a row and is left alone for a while.
    #[error("the broadcast connection {connection} is down, it is tried again in {} ms", retry_in.as_millis())]
    Down {
        /// The connection's name.
        connection: Arc<str>,
        /// When it is tried again.
        retry_in: Duration,
    },
    /// The server did not answer in time.
    #[error("the broadcast connection {connection} did not answer within {} ms", timeout.as_millis())]
    Timeout {
        /// The connection's name.
        connection: Arc<str>,
        /// How long was waited.
        timeout: Duration,
    },
    /// The driver failed.
    #[error("the broadcast connection {connection} failed: {fault}")]
    Driver {
        /// The connection's name.
        connection: Arc<str>,
        /// What the driver says.
        fault: DriverError,
    },
    /// The durable queue did not take it.
    #[error("the queue of broadcasts did not take the event: {0}")]
    Queue(QueueError),
    /// Too many events wait for the transaction already.
    #[error("{} events were sent in one transaction, no more fit", crate::after_commit::EVENTS_MAX)]
    TransactionFull,
    /// The transaction that it was sent in was rolled back before.
    #[error("the transaction that the event belongs to was rolled back")]
    RolledBack,
    /// The queue needs tokio, and was filled from outside of it.
    #[error("there is no tokio runtime to send the queue of the broadcast connection {connection}")]
    NoRuntime {
        /// The connection's name.
        connection: Arc<str>,
    },
}

/// Why there is no such connection, behind its name.
pub(crate) fn because(reason: Option<&str>) -> String {
    reason.map(|reason| format!(" ({reason})")).unwrap_or_default()
}

/// Why a [queue](crate::queue::Queue) did not take an event.
///
/// ```
/// use resound::{error::QueueError, queue::{Job, Pushing, Queue}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// struct Full;
/// impl Queue for Full {
///     fn push(&self, jobs: Vec<Job>) -> Pushing<'_> {
///         Box::pin(async move { Err(QueueError::new(format!("no room for {}", jobs.len()))) })
///     }
/// }
/// # assert_eq!(Full.push(Vec::new()).await.unwrap_err().to_string(), "no room for 0");
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct QueueError(String);

impl QueueError {
    /// Says why.
    ///
    /// ```
    /// let error = resound::error::QueueError::new("the disk is full");
    /// assert_eq!(error.to_string(), "the disk is full");
    /// ```
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}
