//! The handle by which an application broadcasts.
//!
//! # Layout
//!
//! * this module: the handle; `builder`: how it is put together

mod builder;

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use tokio::runtime::Handle;

pub use builder::Builder;

use crate::{
    after_commit::{Waits, at_once},
    config::ConfigError,
    connection::{Connection, Stats},
    detached::{DETACHED_MAX, Detached},
    driver::{Answers, Credentials},
    drivers::{Log, Null},
    error::SendError,
    event::Broadcast,
    fake::Record,
    figures::Figures,
    front_end::EchoOptions,
    hooks::Keys,
    name::NAMESPACE,
    parcel::{Addressed, Parcel, Shelf, log_lost},
    pending::{PendingBroadcast, Timing},
    queue::{self, Job, Queue},
};

/// Sends events. It is a pointer: clone it, keep it in the application's state, in services, in jobs.
///
/// ```
/// use resound::{Broadcast, Broadcaster, Channel};
/// use serde::Serialize;
///
/// #[derive(Serialize, Broadcast)]
/// #[broadcast(private = "orders.{user_id}")]
/// struct OrderShipped { user_id: u64 }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broadcaster = Broadcaster::null();
/// // In the queue, everybody gets it; what goes wrong is in the log.
/// broadcaster.send(OrderShipped { user_id: 1 }).await;
///
/// // At once, not to the sender, and with the server's answer.
/// let event = OrderShipped { user_id: 1 };
/// broadcaster.send(event).to_others("123.456").now().result().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Broadcaster(Arc<Inner>);

struct Inner {
    namespace: String,
    default: Arc<str>,
    connections: BTreeMap<Arc<str>, Arc<Connection>>,
    /// Why connections that the environment could describe are not there.
    missing: BTreeMap<&'static str, String>,
    front_end: Option<EchoOptions>,
    /// Where events go in tests.
    record: Option<Arc<Record>>,
    #[cfg(feature = "embedded")]
    embedded: Option<crate::embedded::Embedded>,
    /// Where events wait, if not in the connection's memory.
    queue: Option<Arc<dyn Queue>>,
    /// Events that are put into that queue while nobody waits for it.
    detached: Arc<Detached>,
}

impl Broadcaster {
    /// Begins a broadcaster whose connections are given one by one.
    ///
    /// ```
    /// use resound::{Broadcaster, drivers::Log};
    ///
    /// let broadcaster = Broadcaster::builder().connection("log", Log).build();
    /// assert_eq!(broadcaster.connections().collect::<Vec<_>>(), ["log"]);
    /// ```
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A broadcaster as Laravel's environment variables describe it.
    ///
    /// * `BROADCAST_CONNECTION` (older: `BROADCAST_DRIVER`): `reverb`, `pusher`, `redis`, `log` or `null`, the default. With the feature
    ///   `embedded` also `embedded`, which starts the server in this process with the variables of `resound start`.
    /// * `REVERB_APP_ID`, `REVERB_APP_KEY`, `REVERB_APP_SECRET`, `REVERB_HOST`, `REVERB_PORT` (443),
    ///   `REVERB_SCHEME` (`https`).
    /// * `PUSHER_APP_ID`, `PUSHER_APP_KEY`, `PUSHER_APP_SECRET`, `PUSHER_HOST` (`api-{cluster}.pusher.com`),
    ///   `PUSHER_PORT` (443), `PUSHER_SCHEME` (`https`), `PUSHER_APP_CLUSTER` (`mt1`).
    /// * With the feature `redis`: `REDIS_URL` or `REDIS_HOST`, `REDIS_PORT`, …, `REDIS_PREFIX`; see `drivers::Redis`.
    /// * For browsers: `RESOUND_PUBLIC_HOST`, or `VITE_REVERB_HOST` and its siblings; see [`front_end`](crate::front_end).
    /// * With the feature `encryption`: `REVERB_ENCRYPTION_MASTER_KEY_BASE64` and `PUSHER_…`, for which Laravel has an
    ///   option and no variable.
    ///
    /// All connections that have what they need are there by name, for
    /// [`via`](PendingBroadcast::via). A `.env` file is not read; crates such as dotenvy do that.
    ///
    /// # Errors
    /// If the connection that is asked for does not exist, or lacks a variable.
    ///
    /// ```
    /// # fn main() -> Result<(), resound::config::ConfigError> {
    /// let broadcaster = resound::Broadcaster::from_env()?;
    /// # let _ = broadcaster;
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// The same, with a connection for the case that the environment names none: `null` is right for Laravel, but an application may
    /// well want to work out of the box.
    ///
    /// # Errors
    /// Those of [`Broadcaster::from_env`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), resound::config::ConfigError> {
    /// let broadcaster = resound::Broadcaster::from_env_or("log")?; // `embedded`, with that feature
    /// assert_eq!(broadcaster.connections().next(), Some("log"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_env_or(connection: &str) -> Result<Self, ConfigError> {
        Ok(Builder::from_env_or(connection)?.build())
    }

    /// The same, from variables of another source.
    ///
    /// # Errors
    /// Those of [`Broadcaster::from_env`].
    ///
    /// ```
    /// use resound::Broadcaster;
    ///
    /// let broadcaster = Broadcaster::from_variables(|name| match name {
    ///     "BROADCAST_CONNECTION" => Some("log".to_owned()),
    ///     _ => None,
    /// })?;
    /// # let _ = broadcaster;
    /// # Ok::<(), resound::config::ConfigError>(())
    /// ```
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        Ok(Builder::from_variables(variable)?.build())
    }

    /// A broadcaster that sends nothing.
    ///
    /// ```
    /// let broadcaster = resound::Broadcaster::null();
    /// # let _ = broadcaster;
    /// ```
    pub fn null() -> Self {
        Self::builder().connection("null", Null).build()
    }

    /// A broadcaster that writes events to the log.
    ///
    /// ```
    /// let broadcaster = resound::Broadcaster::log();
    /// # let _ = broadcaster;
    /// ```
    pub fn log() -> Self {
        Self::builder().connection("log", Log).build()
    }

    /// Begins to send an event, in the queue and by the default connection unless it says otherwise.
    ///
    /// What this gives is awaited; see [`PendingBroadcast`].
    ///
    /// ```
    /// use resound::{Broadcast, Broadcaster, Outcome};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// #[derive(serde::Serialize, Broadcast)]
    /// #[broadcast(channel = "news")]
    /// struct Posted { id: u64 }
    ///
    /// # let broadcaster = Broadcaster::null();
    /// let outcome = broadcaster.send(Posted { id: 7 }).result().await?;
    /// assert_eq!(outcome, Outcome::Queued);
    /// # Ok(())
    /// # }
    /// ```
    pub fn send<E>(&self, event: E) -> PendingBroadcast<E>
    where
        E: Broadcast + Send + Sync + 'static,
    {
        PendingBroadcast::new(self.clone(), event, Waits::ForTask)
    }

    /// What became of the events of a connection; `None` if there is no such connection.
    ///
    /// ```
    /// # let broadcaster = resound::Broadcaster::null();
    /// assert_eq!(broadcaster.stats("null").map(|stats| stats.dropped), Some(0));
    /// ```
    pub fn stats(&self, connection: &str) -> Option<Stats> {
        self.0.connections.get(connection).map(|connection| connection.stats())
    }

    /// What goes on at the server of the default connection: how many clients it has, and the channels whose names begin with
    /// `prefix`, with those who are in them. See [`figures`](crate::figures).
    ///
    /// # Errors
    /// [`SendError::Driver`] if the driver's server has no figures or does not answer, [`SendError::Timeout`] if it takes too long.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let figures = resound::Broadcaster::null().figures("").await;
    /// assert!(figures.is_err()); // nobody connects to this driver
    /// # }
    /// ```
    pub async fn figures(&self, prefix: &str) -> Result<Figures, SendError> {
        self.connection(&self.0.default)?.figures(prefix).await
    }

    /// The names of the connections, the default one first.
    ///
    /// ```
    /// # let broadcaster = resound::Broadcaster::null();
    /// assert_eq!(broadcaster.connections().collect::<Vec<_>>(), ["null"]);
    /// ```
    pub fn connections(&self) -> impl Iterator<Item = &str> {
        let others = self.0.connections.keys().filter(|name| **name != self.0.default);
        std::iter::once(&self.0.default).chain(others).map(|name| &**name)
    }

    /// Ends what the application has begun: sends what waits in memory ([`flush`](Self::flush)), says in the log what could not be sent within
    /// `patience`, and then stops the server in this process, if there is one, whose clients are told to come back.
    ///
    /// With axum it belongs into the future of `with_graceful_shutdown`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # let broadcaster = resound::Broadcaster::null();
    /// broadcaster.shutdown(std::time::Duration::from_secs(10)).await;
    /// # }
    /// ```
    pub async fn shutdown(&self, patience: Duration) {
        if let Err(waiting) = self.flush(patience).await {
            tracing::error!(
                waiting,
                "the process ends before its broadcasts could be sent: they are lost"
            );
        }
        #[cfg(feature = "embedded")]
        if let Some(embedded) = self.embedded() {
            embedded.shutdown().await;
        }
    }

    /// Waits until the queues in memory are empty, for the end of the process. What is in a
    /// [durable queue](Builder::queue) is safe there; on its way into it, it is waited for.
    ///
    /// # Errors
    /// How many events still wait after `patience`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # let broadcaster = resound::Broadcaster::null();
    /// if let Err(waiting) = broadcaster.flush(std::time::Duration::from_secs(5)).await {
    ///     eprintln!("{waiting} broadcasts are lost");
    /// }
    /// # }
    /// ```
    pub async fn flush(&self, patience: Duration) -> Result<(), usize> {
        let all_idle = async {
            for connection in self.0.connections.values() {
                connection.idle().await;
            }
            self.0.detached.idle().await;
        };
        let is_idle = tokio::time::timeout(patience, all_idle).await.is_ok();
        let waiting: usize = self.0.connections.values().map(|c| c.stats().waiting).sum();
        let detached = self.0.detached.count();
        if is_idle { Ok(()) } else { Err(waiting + detached) }
    }

    /// How the default connection tells clients that they may join.
    ///
    /// ```
    /// use resound::{Broadcaster, driver::Answers};
    ///
    /// assert_eq!(Broadcaster::null().answers(), Answers::Empty);
    /// ```
    pub fn answers(&self) -> Answers {
        self.0.connections.get(&self.0.default).map(|c| c.driver.answers()).unwrap_or_default()
    }

    /// The server in this process, if this broadcaster has one.
    ///
    /// ```
    /// assert!(resound::Broadcaster::null().embedded().is_none());
    /// ```
    #[cfg(feature = "embedded")]
    pub fn embedded(&self) -> Option<&crate::embedded::Embedded> {
        self.0.embedded.as_ref()
    }

    /// The options by which a page's Echo reaches the server of the default connection.
    ///
    /// They are those of [`Builder::front_end`], or of the environment, or what the driver knows.
    ///
    /// ```
    /// use resound::{Broadcaster, front_end::{Connector, EchoOptions}};
    ///
    /// let broadcaster = Broadcaster::builder().front_end(EchoOptions::new("key")).build();
    /// assert_eq!(broadcaster.front_end().key, "key");
    /// assert_eq!(Broadcaster::null().front_end().connector, Connector::Null);
    /// ```
    pub fn front_end(&self) -> EchoOptions {
        let of_driver = || {
            let default = self.0.connections.get(&self.0.default);
            default.map_or_else(|| EchoOptions::of(&Answers::Empty), |c| c.driver.front_end())
        };
        let mut options = self.0.front_end.clone().unwrap_or_else(of_driver);
        if options.namespace.is_none() && self.namespace() != NAMESPACE {
            options.namespace = Some(self.namespace().replace('\\', "."));
        }
        options
    }

    /// The keys of all connections.
    pub(crate) fn keys(&self) -> Keys {
        let opening: Vec<_> = self.0.connections.values().filter_map(|c| credentials(c)).collect();
        #[cfg(feature = "embedded")]
        let own = self.0.embedded.as_ref().map(|embedded| embedded.credentials());
        #[cfg(not(feature = "embedded"))]
        let own: Option<&Credentials> = None;
        let signing = opening.iter().filter(|other| Some(*other) != own).cloned().collect();
        Keys { signing, opening }
    }

    pub(crate) fn namespace(&self) -> &str {
        &self.0.namespace
    }

    pub(crate) fn record(&self) -> Option<&Record> {
        self.0.record.as_deref()
    }

    pub(crate) fn recording(record: Arc<Record>, namespace: &str) -> Self {
        let mut builder = Self::builder().namespace(namespace).connection("fake", Null);
        builder.record = Some(record);
        builder.build()
    }

    /// Sends a job that a [`Queue`] has kept: one try, within the connection's timeout.
    ///
    /// # Errors
    /// Those of an event that is sent [now](PendingBroadcast::now). After [`SendError::Driver`] with
    /// [`DriverError::Refused`](crate::DriverError::Refused) and [`SendError::UnknownConnection`] another try is of no use.
    ///
    /// ```
    /// # use resound::{Broadcaster, SendError, queue::Job};
    /// async fn work(broadcaster: &Broadcaster, job: &Job) -> Result<(), SendError> {
    ///     broadcaster.send_job(job).await
    /// }
    /// ```
    pub async fn send_job(&self, job: &Job) -> Result<(), SendError> {
        self.connection(&job.connection)?.send_now(&job.envelope).await
    }

    /// Sends a parcel, or puts it into the queue.
    pub(crate) async fn deliver(&self, parcel: Parcel) -> Result<(), SendError> {
        match (parcel, &self.0.record) {
            (Parcel::Event(addressed), _) => self.dispatch(addressed).await,
            (Parcel::Record(recorded), Some(record)) => {
                record.add(recorded);
                Ok(())
            }
            (Parcel::Record(_), None) => Ok(()),
            (Parcel::Work(work), _) => {
                work.future.await;
                Ok(())
            }
        }
    }

    /// Whether delivering it takes time.
    pub(crate) fn must_wait_for(&self, parcel: &Parcel) -> bool {
        match parcel {
            Parcel::Event(addressed) => {
                addressed.timing == Timing::Now || self.queue_for(addressed).is_some()
            }
            Parcel::Record(_) => false,
            Parcel::Work(_) => true,
        }
    }

    /// The queue that keeps it, if it is not the one in memory.
    fn queue_for(&self, addressed: &Addressed) -> Option<&Arc<dyn Queue>> {
        let is_for_it = addressed.timing == Timing::Later && addressed.shelf == Shelf::Any;
        self.0.queue.as_ref().filter(|_| is_for_it)
    }

    /// Delivers a parcel for the queue without anybody who waits for it.
    pub(crate) fn deliver_detached(&self, parcel: Parcel) -> Result<(), SendError> {
        if !self.must_wait_for(&parcel) {
            return at_once(self.deliver(parcel)).unwrap_or(Ok(()));
        }
        let connection = || Arc::clone(&self.0.default);
        let no_runtime = |_| SendError::NoRuntime { connection: connection() };
        let runtime = Handle::try_current().map_err(no_runtime)?;
        let full = || SendError::QueueFull { connection: connection(), waiting: DETACHED_MAX };
        let stay = self.0.detached.enter().ok_or_else(full)?;
        let broadcaster = self.clone();
        runtime.spawn(async move {
            let event = parcel.type_name();
            if let Err(error) = broadcaster.deliver(parcel).await {
                log_lost(event, &error);
            }
            drop(stay);
        });
        Ok(())
    }

    /// Sends a written event by these connections, or by the default one. All are tried; the first error
    /// is returned.
    async fn dispatch(&self, addressed: Addressed) -> Result<(), SendError> {
        if let Some(queue) = self.queue_for(&addressed) {
            let (jobs, result) = self.jobs(addressed);
            let pushed = if jobs.is_empty() { Ok(()) } else { queue.push(jobs).await };
            return result.and(pushed.map_err(SendError::Queue));
        }
        let Addressed { envelope, connections, timing, .. } = addressed;
        let envelope = Arc::new(envelope);
        let mut result = Ok(());
        for connection in self.named(&connections) {
            let sent = match (connection, timing) {
                (Err(error), _) => Err(error),
                (Ok(connection), Timing::Later) => connection.queue(&envelope),
                (Ok(connection), Timing::Now) => connection.send_now(&envelope).await,
            };
            result = result.and(sent);
        }
        result
    }

    /// What a queue keeps of an event, and the first error.
    pub(crate) fn jobs(&self, addressed: Addressed) -> (Vec<Job>, Result<(), SendError>) {
        let Addressed { envelope, connections, .. } = addressed;
        let queue = envelope.queue.as_deref().unwrap_or(queue::DEFAULT).to_owned();
        let envelope = Arc::new(envelope);
        let (mut jobs, mut result) = (Vec::new(), Ok(()));
        for connection in self.named(&connections) {
            match connection {
                Err(error) => result = result.and(Err(error)),
                Ok(connection) => {
                    jobs.extend(connection.parts(&envelope).into_iter().map(|part| {
                        let connection = Arc::clone(&connection.name);
                        Job { queue: queue.clone(), connection, envelope: part }
                    }))
                }
            }
        }
        (jobs, result)
    }

    /// The queue that events wait in, if not in memory.
    #[cfg(feature = "_sql")]
    pub(crate) fn queue(&self) -> Option<&Arc<dyn Queue>> {
        self.0.queue.as_ref()
    }

    /// Fails if the parcel names a connection that there is not.
    pub(crate) fn knows(&self, parcel: &Parcel) -> Result<(), SendError> {
        let Parcel::Event(Addressed { connections, .. }) = parcel else { return Ok(()) };
        connections.iter().try_for_each(|name| self.connection(name).map(drop))
    }

    fn named<N: AsRef<str>>(&self, names: &[N]) -> Vec<Result<&Arc<Connection>, SendError>> {
        if names.is_empty() {
            return vec![self.connection(&self.0.default)];
        }
        names.iter().map(|name| self.connection(name.as_ref())).collect()
    }

    pub(crate) fn connection(&self, name: &str) -> Result<&Arc<Connection>, SendError> {
        self.0.connections.get(name).ok_or_else(|| {
            let known = self.connections().collect::<Vec<_>>().join(", ");
            let reason = self.0.missing.get(name).cloned();
            SendError::UnknownConnection { name: name.to_owned(), known, reason }
        })
    }
}

fn credentials(connection: &Connection) -> Option<Credentials> {
    match connection.driver.answers() {
        Answers::Pusher(credentials) => Some(credentials),
        Answers::SocketIo | Answers::Empty => None,
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        for connection in self.connections.values() {
            connection.close();
        }
    }
}

impl fmt::Debug for Broadcaster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connections: Vec<_> = self.connections().collect();
        f.debug_struct("Broadcaster").field("connections", &connections).finish_non_exhaustive()
    }
}
