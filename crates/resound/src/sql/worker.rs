//! Who sends what is in the durable queue.

use std::{
    any::Any,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, oneshot},
    task::{JoinHandle, JoinSet},
};

use crate::{
    broadcaster::Broadcaster,
    queue::DEFAULT,
    sql::{
        deadline::{Deadline, STATEMENT_TIME},
        lane::Courier,
        pruner::Pruner,
        queue::Queue,
        store::{LaneName, uuid},
    },
};

/// As far ahead as anything is reckoned; what is beyond stands for never.
const FAR: Duration = Duration::from_secs(365 * 86_400);

/// Sends the events of a [`Queue`]: in the application's own process, in another one, or in several.
///
/// Each queue is sent in its order, by one worker at a time; the next one takes over when that ends, or has not been heard of
/// for the time of its [lease](Worker::lease).
///
/// ```
/// use resound::{Broadcaster, sql::Worker};
///
/// # async fn example(broadcaster: Broadcaster) -> Result<(), resound::sql::NoQueue> {
/// // Beside the application's own work:
/// let worker = Worker::new(&broadcaster)?.queues(["high", "default"]).spawn();
/// // at its end:
/// worker.stop().await;
///
/// // As a process of its own:
/// # async fn end() {}
/// Worker::new(&broadcaster)?.queues(["high", "default"]).run(end()).await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a worker works when it is run or spawned"]
pub struct Worker {
    broadcaster: Broadcaster,
    queue: Queue,
    queues: Vec<String>,
    poll: Duration,
    lease: Duration,
    age_max: Option<Duration>,
    prune_after: Option<Duration>,
}

/// The broadcaster has no queue in a database.
///
/// ```
/// use resound::{Broadcaster, sql::{NoQueue, Worker}};
///
/// assert_eq!(Worker::new(&Broadcaster::null()).err(), Some(NoQueue));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the broadcaster has no queue in a database; give it one with Builder::queue(resound::sql::Queue::new(pool))"
)]
pub struct NoQueue;

impl Worker {
    /// A worker for the queue of this broadcaster, and for all of its connections.
    ///
    /// # Errors
    /// If its queue is not a [`Queue`].
    ///
    /// ```
    /// use resound::sql::Worker;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let options = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
    /// # let pool = options.connect("sqlite::memory:").await?;
    /// # resound::sql::migrate(&pool).await?;
    /// # let broadcaster = resound::Broadcaster::builder()
    /// #     .connection("null", resound::drivers::Null)
    /// #     .queue(resound::sql::Queue::new(pool.clone()))
    /// #     .build();
    /// let worker = Worker::new(&broadcaster)?.spawn();
    /// worker.stop().await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(broadcaster: &Broadcaster) -> Result<Self, NoQueue> {
        let queue: &dyn Any = &**broadcaster.queue().ok_or(NoQueue)?;
        Ok(Self {
            queue: queue.downcast_ref::<Queue>().ok_or(NoQueue)?.clone(),
            broadcaster: broadcaster.clone(),
            queues: vec![DEFAULT.to_owned()],
            poll: Duration::from_secs(1),
            lease: Duration::from_secs(15),
            age_max: None,
            prune_after: None,
        })
    }

    /// The queues that it sees to, `default` by default: of the later ones it sends only while nothing waits in the
    /// earlier ones.
    ///
    /// ```
    /// use resound::sql::Worker;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let options = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
    /// # let pool = options.connect("sqlite::memory:").await?;
    /// # resound::sql::migrate(&pool).await?;
    /// # let broadcaster = resound::Broadcaster::builder()
    /// #     .connection("null", resound::drivers::Null)
    /// #     .queue(resound::sql::Queue::new(pool.clone()))
    /// #     .build();
    /// let worker = Worker::new(&broadcaster)?.queues(["high", "default", "low"]);
    /// # worker.run(std::future::ready(())).await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn queues(mut self, queues: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.queues = queues.into_iter().map(Into::into).collect();
        self
    }

    /// How often it asks for events of other processes, every second by default. Those that its own process commits it sends at
    /// once.
    ///
    /// ```
    /// use resound::sql::Worker;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let options = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
    /// # let pool = options.connect("sqlite::memory:").await?;
    /// # resound::sql::migrate(&pool).await?;
    /// # let broadcaster = resound::Broadcaster::builder()
    /// #     .connection("null", resound::drivers::Null)
    /// #     .queue(resound::sql::Queue::new(pool.clone()))
    /// #     .build();
    /// // All events come from this process, which needs not ask.
    /// let worker = Worker::new(&broadcaster)?.poll_every(Duration::from_secs(60));
    /// # worker.run(std::future::ready(())).await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn poll_every(mut self, pause: Duration) -> Self {
        self.poll = pause;
        self
    }

    /// After which time another worker may take over a queue from one that was killed: 15 seconds by default, and at least three times the
    /// connection's [timeout](crate::connection::Policy::timeout). A worker that is [stopped](Running::stop) hands over at once.
    ///
    /// ```
    /// use resound::sql::Worker;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let options = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
    /// # let pool = options.connect("sqlite::memory:").await?;
    /// # resound::sql::migrate(&pool).await?;
    /// # let broadcaster = resound::Broadcaster::builder()
    /// #     .connection("null", resound::drivers::Null)
    /// #     .queue(resound::sql::Queue::new(pool.clone()))
    /// #     .build();
    /// let worker = Worker::new(&broadcaster)?.lease(Duration::from_secs(60));
    /// # worker.run(std::future::ready(())).await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// How old an event may be; older ones fail. There is no such bound by default: what was committed is sent, however long the server
    /// was away. [`Policy::age_max`](crate::connection::Policy::age_max) is for the queue in memory.
    ///
    /// ```
    /// use resound::sql::Worker;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let options = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
    /// # let pool = options.connect("sqlite::memory:").await?;
    /// # resound::sql::migrate(&pool).await?;
    /// # let broadcaster = resound::Broadcaster::builder()
    /// #     .connection("null", resound::drivers::Null)
    /// #     .queue(resound::sql::Queue::new(pool.clone()))
    /// #     .build();
    /// let worker = Worker::new(&broadcaster)?.age_max(Duration::from_secs(3600));
    /// # worker.run(std::future::ready(())).await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn age_max(mut self, age_max: Duration) -> Self {
        self.age_max = Some(age_max);
        self
    }

    /// Deletes what failed so long ago, of all queues, at its beginning and then every hour; by default it stays until somebody
    /// [retries](Queue::retry), [forgets](Queue::forget) or [prunes](Queue::prune_failed) it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use resound::{Broadcaster, sql::Worker};
    ///
    /// # fn example(broadcaster: Broadcaster) -> Result<(), resound::sql::NoQueue> {
    /// let worker = Worker::new(&broadcaster)?.prune_failed_after(Duration::from_secs(7 * 86_400));
    /// # let _ = worker;
    /// # Ok(())
    /// # }
    /// ```
    pub fn prune_failed_after(mut self, age: Duration) -> Self {
        self.prune_after = Some(age);
        self
    }

    /// Works until `until` is there. The event in hand is sent to its end then. A database that is silent meanwhile delays this by a quarter of a minute at
    /// most.
    ///
    /// Given up before that, as by a process that is killed, an event that was just being sent may be sent again.
    ///
    /// ```
    /// use resound::sql::Worker;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let options = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
    /// # let pool = options.connect("sqlite::memory:").await?;
    /// # resound::sql::migrate(&pool).await?;
    /// # let broadcaster = resound::Broadcaster::builder()
    /// #     .connection("null", resound::drivers::Null)
    /// #     .queue(resound::sql::Queue::new(pool.clone()))
    /// #     .build();
    /// # async fn terminated() {}
    /// Worker::new(&broadcaster)?.run(terminated()).await; // until `terminated` is there
    /// # Ok(())
    /// # }
    /// ```
    pub async fn run(self, until: impl Future<Output = ()>) {
        let is_stopped = Arc::new(AtomicBool::new(false));
        let mut wakers = Vec::new();
        let mut couriers = JoinSet::new();
        for courier in self.couriers(&is_stopped) {
            wakers.push(Arc::clone(&courier.wake));
            self.queue.listen(&courier.wake);
            couriers.spawn(courier.run());
        }
        if let Some(pruner) = self.pruner(&is_stopped) {
            wakers.push(Arc::clone(&pruner.wake));
            couriers.spawn(pruner.run());
        }
        until.await;
        is_stopped.store(true, Ordering::Release);
        wakers.iter().for_each(|wake| wake.notify_one());
        while let Some(ended) = couriers.join_next().await {
            if let Err(error) = ended {
                tracing::error!(reason = %error, "a worker of the broadcast queue broke down");
            }
        }
    }

    /// Works in a task of its own, until it is [stopped](Running::stop) or what this returns is dropped.
    ///
    /// # Panics
    /// Outside of tokio.
    ///
    /// ```
    /// use resound::{broadcast, sql::Worker};
    /// # use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let options = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
    /// # let pool = options.connect("sqlite::memory:").await?;
    /// # resound::sql::migrate(&pool).await?;
    /// # let broadcaster = resound::Broadcaster::builder()
    /// #     .connection("null", resound::drivers::Null)
    /// #     .queue(resound::sql::Queue::new(pool.clone()))
    /// #     .build();
    /// let worker = Worker::new(&broadcaster)?.spawn();
    /// broadcaster.send(broadcast::public("news").name("posted")).await;
    /// # let is_sent = async {
    /// #     while broadcaster.stats("null").is_none_or(|stats| stats.sent == 0) {
    /// #         tokio::task::yield_now().await;
    /// #     }
    /// # };
    /// # tokio::time::timeout(Duration::from_secs(30), is_sent).await?;
    /// worker.stop().await;
    /// assert_eq!(broadcaster.stats("null").map(|stats| stats.sent), Some(1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn spawn(self) -> Running {
        let (stop, stopped) = oneshot::channel::<()>();
        let until = async move {
            // Dropped without a word it ends as well.
            let _ = stopped.await;
        };
        Running { stop, task: tokio::spawn(self.run(until)) }
    }

    fn pruner(&self, is_stopped: &Arc<AtomicBool>) -> Option<Pruner> {
        Some(Pruner {
            queue: self.queue.clone(),
            age: self.prune_after?,
            deadline: Deadline::new(STATEMENT_TIME, is_stopped),
            wake: Arc::new(Notify::new()),
            is_stopped: Arc::clone(is_stopped),
        })
    }

    /// One for each connection, so that one that is down keeps no other waiting.
    fn couriers(&self, is_stopped: &Arc<AtomicBool>) -> Vec<Courier> {
        let connections = self.broadcaster.connections();
        let connections = connections.filter_map(|name| self.broadcaster.connection(name).ok());
        let courier = |connection: &Arc<crate::connection::Connection>| {
            let lane = |queue: &String| LaneName {
                queue: queue.clone(),
                connection: connection.name.to_string(),
            };
            let lease = self.lease.max(connection.policy().timeout.saturating_mul(3)).min(FAR);
            Courier {
                lanes: self.queues.iter().map(lane).collect(),
                lease,
                deadline: Deadline::new(STATEMENT_TIME.min(lease / 3), is_stopped),
                connection: Arc::clone(connection),
                queue: self.queue.clone(),
                name: uuid(),
                poll: self.poll.min(FAR),
                age_max: self.age_max,
                wake: Arc::new(Notify::new()),
                is_stopped: Arc::clone(is_stopped),
                reserved: Default::default(),
                probes: 0,
            }
        };
        connections.map(courier).collect()
    }
}

/// A worker in a task of its own. Dropped, it ends after the event in hand.
///
/// ```
/// use resound::sql::{Running, Worker};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let options = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
/// # let pool = options.connect("sqlite::memory:").await?;
/// # resound::sql::migrate(&pool).await?;
/// # let broadcaster = resound::Broadcaster::builder()
/// #     .connection("null", resound::drivers::Null)
/// #     .queue(resound::sql::Queue::new(pool.clone()))
/// #     .build();
/// struct Application { worker: Running }
///
/// let application = Application { worker: Worker::new(&broadcaster)?.spawn() };
/// application.worker.stop().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "the worker ends when this is dropped"]
pub struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    /// Ends the worker, and waits for the event in hand.
    ///
    /// ```
    /// use resound::sql::Worker;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let options = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
    /// # let pool = options.connect("sqlite::memory:").await?;
    /// # resound::sql::migrate(&pool).await?;
    /// # let broadcaster = resound::Broadcaster::builder()
    /// #     .connection("null", resound::drivers::Null)
    /// #     .queue(resound::sql::Queue::new(pool.clone()))
    /// #     .build();
    /// let worker = Worker::new(&broadcaster)?.spawn();
    /// // At the application's end, after the last request:
    /// worker.stop().await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn stop(self) {
        drop(self.stop);
        // Its panic was said in the log; its cancellation is the runtime's end.
        let _ = self.task.await;
    }
}
