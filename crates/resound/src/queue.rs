//! Where events wait that are not sent at once.
//!
//! By default that is the memory of each [connection](crate::connection): nothing is to be set up, and what waits is lost
//! with the process. `resound::sql::Queue` keeps events in the application's own database; another store needs an implementation of
//! [`Queue`], and somebody who takes jobs out of it.

use std::{any::Any, future::Future, pin::Pin, sync::Arc};

use crate::{envelope::Envelope, error::QueueError};

/// The queue of events that ask for none. Laravel's has the same name.
pub const DEFAULT: &str = "default";

/// The answer of a queue, later.
pub type Pushing<'a> = Pin<Box<dyn Future<Output = Result<(), QueueError>> + Send + 'a>>;

/// One event for one connection, ready to be sent in one call of its driver.
///
/// ```
/// use resound::{Envelope, broadcast, queue::Job};
///
/// let envelope = Envelope::of(&broadcast::public("news").name("posted"), "")?;
/// let job = Job::new("default", "reverb", envelope);
/// // The columns of a table of jobs.
/// let row = (job.queue, job.connection, job.envelope.to_json());
/// # let _ = row;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Job {
    /// The name of the queue.
    pub queue: String,
    /// The broadcast connection that it is sent by.
    pub connection: Arc<str>,
    /// The event.
    pub envelope: Arc<Envelope>,
}

impl Job {
    /// Puts a job together, of what a queue has kept.
    ///
    /// ```
    /// use resound::{Envelope, queue::Job};
    ///
    /// let text = r#"{"v":1,"event":"posted","channels":["news"],"data":"[]"}"#;
    /// let job = Job::new("default", "reverb", Envelope::from_json(text)?);
    /// assert_eq!(job.envelope.name, "posted");
    /// # Ok::<(), resound::envelope::FormatError>(())
    /// ```
    pub fn new(
        queue: impl Into<String>,
        connection: impl Into<Arc<str>>,
        envelope: Envelope,
    ) -> Self {
        Self { queue: queue.into(), connection: connection.into(), envelope: Arc::new(envelope) }
    }
}

/// Where events wait that are not sent at once. Without one they wait in memory, per connection.
///
/// A queue only keeps jobs. Whoever takes them out gives each to
/// [`Broadcaster::send_job`](crate::Broadcaster::send_job), once or, if that fails, again.
///
/// ```
/// use std::sync::Mutex;
/// use resound::{Broadcaster, broadcast, drivers::Log, queue::{Job, Pushing, Queue}};
///
/// #[derive(Default)]
/// struct List(Mutex<Vec<Job>>);
///
/// impl Queue for List {
///     fn push(&self, jobs: Vec<Job>) -> Pushing<'_> {
///         Box::pin(async move {
///             self.0.lock().expect("no panic").extend(jobs);
///             Ok(())
///         })
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let broadcaster = Broadcaster::builder().connection("log", Log).queue(List::default()).build();
/// broadcaster.send(broadcast::public("news").name("posted")).await;
/// # }
/// ```
pub trait Queue: Any + Send + Sync {
    /// Keeps all of these jobs, in this order, or none.
    ///
    /// # Errors
    /// Why they are not kept. The sender is told, or the log.
    ///
    /// ```
    /// use resound::{error::QueueError, queue::{Job, Pushing, Queue}};
    /// use tokio::sync::mpsc;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// struct Line(mpsc::Sender<Vec<Job>>);
    /// impl Queue for Line {
    ///     fn push(&self, jobs: Vec<Job>) -> Pushing<'_> {
    ///         Box::pin(async move {
    ///             self.0.send(jobs).await.map_err(|_| QueueError::new("nobody takes jobs out"))
    ///         })
    ///     }
    /// }
    /// # let (sender, receiver) = mpsc::channel(1);
    /// # drop(receiver);
    /// # assert!(Line(sender).push(Vec::new()).await.is_err());
    /// # }
    /// ```
    fn push(&self, jobs: Vec<Job>) -> Pushing<'_>;
}
