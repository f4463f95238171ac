//! Events that wait in the application's own database.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, SystemTime},
};

use sqlx::Pool;
use tokio::sync::Notify;

use crate::{
    error::QueueError,
    queue::{self, Job, Pushing},
    sql::{
        backend::Backend,
        store::Store,
        warning::{PATIENCE, Watch},
    },
};

#[doc = include_str!("../../docs/queue.md")]
#[derive(Clone)]
pub struct Queue(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) store: Box<dyn Store>,
    database: &'static str,
    /// Those who want to know at once that something was pushed.
    listeners: Mutex<Vec<Weak<Notify>>>,
    pub(super) watch: Watch,
}

impl Queue {
    /// A queue in the database of this pool.
    ///
    /// ```
    /// use resound::{Broadcaster, drivers::Log, sql::Queue};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let options = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
    /// # let pool = options.connect("sqlite::memory:").await?;
    /// # resound::sql::migrate(&pool).await?;
    /// let broadcaster = Broadcaster::builder()
    ///     .connection("log", Log)
    ///     .queue(Queue::new(pool.clone()))
    ///     .build();
    /// # let _ = broadcaster;
    /// # Ok(())
    /// # }
    /// ```
    pub fn new<DB: Backend>(pool: Pool<DB>) -> Self {
        Self::with_patience(pool, PATIENCE)
    }

    /// The same, with another patience than 60 seconds: so long may events wait without a worker before the log warns of it.
    ///
    /// ```
    /// use resound::{Builder, sql::Queue};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let options = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
    /// # let pool = options.connect("sqlite::memory:").await?;
    /// # resound::sql::migrate(&pool).await?;
    /// // Its worker is a job that runs every ten minutes.
    /// let queue = Queue::with_patience(pool.clone(), Duration::from_secs(900));
    /// let broadcaster = Builder::from_env()?.queue(queue).build();
    /// # let _ = broadcaster;
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_patience<DB: Backend>(pool: Pool<DB>, patience: Duration) -> Self {
        DB::queue(pool, patience)
    }

    pub(super) fn over(store: Box<dyn Store>, database: &'static str, patience: Duration) -> Self {
        let watch = Watch::new(patience);
        Self(Arc::new(Inner { store, database, listeners: Mutex::default(), watch }))
    }

    /// What waits, and how much failed.
    ///
    /// # Errors
    /// Those of the database.
    ///
    /// ```
    /// use resound::{Broadcaster, broadcast, drivers::Log, sql::Queue};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let options = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
    /// # let pool = options.connect("sqlite::memory:").await?;
    /// # resound::sql::migrate(&pool).await?;
    /// let queue = Queue::new(pool.clone());
    /// # let broadcaster = Broadcaster::builder().connection("log", Log).queue(queue.clone()).build();
    /// broadcaster.send(broadcast::public("news").name("posted")).await;
    /// let stats = queue.stats().await?;
    /// assert_eq!((stats.waiting(), stats.failed), (1, 0));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn stats(&self) -> Result<Stats, sqlx::Error> {
        let lanes = self.0.store.stats().await?;
        Ok(Stats { lanes, failed: self.0.store.count_failed().await? })
    }

    /// The events that were given up, in the order in which they were: a hundred at most, from the one after this id on (0 for the first).
    ///
    /// # Errors
    /// Those of the database.
    ///
    /// ```
    /// # async fn again(queue: resound::sql::Queue) -> Result<(), sqlx::Error> {
    /// for job in queue.failed(0).await? {
    ///     println!("{} {}: {}", job.id, job.queue, job.exception);
    ///     queue.retry(job.id).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn failed(&self, after: i64) -> Result<Vec<FailedJob>, sqlx::Error> {
        self.0.store.failed(after, FAILED_MAX).await
    }

    /// Puts a failed event back into its queue, at the end. Laravel: `queue:retry`. Says whether there was one.
    ///
    /// # Errors
    /// Those of the database.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let options = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
    /// # let pool = options.connect("sqlite::memory:").await?;
    /// # resound::sql::migrate(&pool).await?;
    /// # let queue = resound::sql::Queue::new(pool.clone());
    /// # let id = 7;
    /// if !queue.retry(id).await? {
    ///     println!("nothing of the id {id} has failed");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn retry(&self, id: i64) -> Result<bool, sqlx::Error> {
        let was_there = self.0.store.retry(id).await?;
        self.wake();
        Ok(was_there)
    }

    /// Deletes a failed event. Laravel: `queue:forget`. Says whether there was one.
    ///
    /// # Errors
    /// Those of the database.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let options = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
    /// # let pool = options.connect("sqlite::memory:").await?;
    /// # resound::sql::migrate(&pool).await?;
    /// # let queue = resound::sql::Queue::new(pool.clone());
    /// for job in queue.failed(0).await? {
    ///     queue.forget(job.id).await?;
    /// }
    /// assert_eq!(queue.stats().await?.failed, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn forget(&self, id: i64) -> Result<bool, sqlx::Error> {
        self.0.store.forget(id).await
    }

    /// Puts all failed events back into their queues, in the order in which they failed. Laravel: `queue:retry all`. Says how many there were; one that fails again
    /// meanwhile stays.
    ///
    /// # Errors
    /// Those of the database. Those before are in their queues then.
    ///
    /// ```
    /// # async fn again(queue: resound::sql::Queue) -> Result<(), sqlx::Error> {
    /// println!("{} events are tried again", queue.retry_all().await?);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn retry_all(&self) -> Result<u64, sqlx::Error> {
        let last = self.0.store.last_failed().await?;
        let (mut after, mut count) = (0, 0);
        while after < last {
            let jobs = self.failed(after).await?;
            let Some(end) = jobs.last() else { break };
            after = end.id;
            for job in jobs.iter().filter(|job| job.id <= last) {
                count += u64::from(self.retry(job.id).await?);
            }
        }
        Ok(count)
    }

    /// Deletes the events that failed so long ago, or longer. Laravel: `queue:prune-failed`. Says how many there were. A worker does it by itself with
    /// [`Worker::prune_failed_after`](crate::sql::Worker::prune_failed_after).
    ///
    /// # Errors
    /// Those of the database. Some may have been deleted then.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # async fn tidy(queue: resound::sql::Queue) -> Result<(), sqlx::Error> {
    /// let pruned = queue.prune_failed(Duration::from_secs(7 * 86_400)).await?;
    /// println!("{pruned} events had failed a week ago or earlier");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn prune_failed(&self, age: Duration) -> Result<u64, sqlx::Error> {
        self.delete_failed(Some(age)).await
    }

    /// Deletes all failed events. Laravel: `queue:flush`. Says how many there were.
    ///
    /// # Errors
    /// Those of the database. Some may have been deleted then.
    ///
    /// ```
    /// # async fn forget(queue: resound::sql::Queue) -> Result<(), sqlx::Error> {
    /// println!("{} events are forgotten", queue.forget_all().await?);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn forget_all(&self) -> Result<u64, sqlx::Error> {
        self.delete_failed(None).await
    }

    async fn delete_failed(&self, age: Option<Duration>) -> Result<u64, sqlx::Error> {
        let mut count = 0;
        loop {
            let deleted = self.0.store.prune(age, PRUNED_MAX).await?;
            count += deleted;
            if deleted == 0 {
                return Ok(count);
            }
        }
    }

    /// Whether rows of this queue can be written in transactions of this database.
    pub(super) fn is_in<DB: Backend>(&self) -> bool {
        self.0.database == DB::NAME
    }

    /// Whether both are the same one, and not only in the same database.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Tells this process' workers that something was committed.
    pub(super) fn wake(&self) {
        let mut listeners = self.0.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|listener| {
            let listener = listener.upgrade();
            listener.inspect(|listener| listener.notify_one()).is_some()
        });
        drop(listeners);
        self.0.watch.begin(self);
    }

    pub(super) fn listen(&self, listener: &Arc<Notify>) {
        let mut listeners = self.0.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.push(Arc::downgrade(listener));
    }
}

impl queue::Queue for Queue {
    fn push(&self, jobs: Vec<Job>) -> Pushing<'_> {
        Box::pin(async move {
            let pushed = self.0.store.push(&jobs).await;
            pushed.map_err(|error| QueueError::new(error.to_string()))?;
            self.wake();
            Ok(())
        })
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("database", &self.0.database).finish_non_exhaustive()
    }
}

/// How many failed jobs are read at once.
const FAILED_MAX: i64 = 100;
/// How many failed jobs one statement deletes, so that none takes long.
pub(super) const PRUNED_MAX: i64 = 1000;

/// What is in the tables of a queue.
///
/// ```
/// use resound::sql::Stats;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let options = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
/// # let pool = options.connect("sqlite::memory:").await?;
/// # resound::sql::migrate(&pool).await?;
/// # let queue = resound::sql::Queue::new(pool.clone());
/// let Stats { lanes, failed, .. } = queue.stats().await?;
/// assert!(lanes.is_empty() && failed == 0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// What waits, by queue and connection; those without are missing.
    pub lanes: Vec<LaneStats>,
    /// How many events were given up, and neither retried nor forgotten.
    pub failed: u64,
}

impl Stats {
    /// How many events wait.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let options = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
    /// # let pool = options.connect("sqlite::memory:").await?;
    /// # resound::sql::migrate(&pool).await?;
    /// # let queue = resound::sql::Queue::new(pool.clone());
    /// let is_behind = queue.stats().await?.waiting() > 1000; // for an alarm
    /// assert!(!is_behind);
    /// # Ok(())
    /// # }
    /// ```
    pub fn waiting(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.waiting).sum()
    }
}

/// What waits in a queue for a connection.
///
/// ```
/// use resound::broadcast;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let options = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
/// # let pool = options.connect("sqlite::memory:").await?;
/// # resound::sql::migrate(&pool).await?;
/// # let queue = resound::sql::Queue::new(pool.clone());
/// # let builder = resound::Broadcaster::builder().connection("log", resound::drivers::Log);
/// # let broadcaster = builder.queue(queue.clone()).build();
/// broadcaster.send(broadcast::public("news").name("posted")).on_queue("low").await;
/// let lane = &queue.stats().await?.lanes[0];
/// assert_eq!((&*lane.queue, &*lane.connection, lane.waiting), ("low", "log", 1));
/// assert!(!lane.has_worker);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LaneStats {
    /// The queue.
    pub queue: String,
    /// The broadcast connection.
    pub connection: String,
    /// How many events.
    pub waiting: u64,
    /// For how long the oldest waits.
    pub oldest: Duration,
    /// Whether a worker, of whatever process, sees to it.
    pub has_worker: bool,
}

/// An event that was given up: a row of `resound_failed_jobs`.
///
/// ```
/// use resound::{Envelope, sql::FailedJob};
///
/// /// A line for the staff.
/// fn line(job: &FailedJob) -> String {
///     let event = Envelope::from_json(&job.payload).map(|envelope| envelope.name);
///     format!("{} {}: {}", job.id, event.unwrap_or_default(), job.exception)
/// }
/// # let _ = line;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailedJob {
    /// Its id there.
    pub id: i64,
    /// What it is called since it was queued, also in the log.
    pub uuid: String,
    /// The queue.
    pub queue: String,
    /// The broadcast connection.
    pub connection: String,
    /// The event, for [`Envelope::from_json`](crate::Envelope::from_json).
    pub payload: String,
    /// Why it was given up.
    pub exception: String,
    /// When.
    pub failed_at: SystemTime,
}
