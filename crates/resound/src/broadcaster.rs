//! The handle by which an application broadcasts.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use crate::{
    config::{self, ConfigError},
    connection::{Connection, Policy, Stats},
    driver::{Answers, Credentials, Driver},
    drivers::{Log, Null},
    envelope::Envelope,
    error::SendError,
    event::Broadcast,
    fake::Record,
    hooks::Keys,
    name::NAMESPACE,
    pending::{PendingBroadcast, Timing},
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
    /// Where events go in tests.
    record: Option<Arc<Record>>,
    #[cfg(feature = "embedded")]
    embedded: Option<crate::embedded::Embedded>,
}

impl Broadcaster {
    /// Begins a broadcaster whose connections are given one by one.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A broadcaster as Laravel's environment variables describe it.
    ///
    /// * `BROADCAST_CONNECTION` (older: `BROADCAST_DRIVER`): `reverb`, `pusher`, `log` or `null`, the default. With the feature
    ///   `embedded` also `embedded`, which starts the server in this process with the variables of `resound start`.
    /// * `REVERB_APP_ID`, `REVERB_APP_KEY`, `REVERB_APP_SECRET`, `REVERB_HOST`, `REVERB_PORT` (443),
    ///   `REVERB_SCHEME` (`https`).
    /// * `PUSHER_APP_ID`, `PUSHER_APP_KEY`, `PUSHER_APP_SECRET`, `PUSHER_HOST` (`api-{cluster}.pusher.com`),
    ///   `PUSHER_PORT` (443), `PUSHER_SCHEME` (`https`), `PUSHER_APP_CLUSTER` (`mt1`).
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
        Ok(config::builder(&variable)?.build())
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
    pub fn send<E>(&self, event: E) -> PendingBroadcast<E>
    where
        E: Broadcast + Send + Sync + 'static,
    {
        PendingBroadcast::new(self.clone(), event)
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

    /// Waits until the queues are empty, for the end of the process.
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
        };
        let is_idle = tokio::time::timeout(patience, all_idle).await.is_ok();
        let waiting = self.0.connections.values().map(|c| c.stats().waiting).sum();
        if is_idle { Ok(()) } else { Err(waiting) }
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

    /// Sends a written event by these connections, or by the default one. All are tried; the first error
    /// is returned.
    pub(crate) async fn dispatch<N: AsRef<str>>(
        &self,
        envelope: Envelope,
        connections: &[N],
        timing: Timing,
    ) -> Result<(), SendError> {
        let envelope = Arc::new(envelope);
        let mut result = Ok(());
        for connection in self.named(connections) {
            let sent = match (connection, timing) {
                (Err(error), _) => Err(error),
                (Ok(connection), Timing::Later) => connection.queue(&envelope),
                (Ok(connection), Timing::Now) => connection.send_now(&envelope).await,
            };
            result = result.and(sent);
        }
        result
    }

    fn named<N: AsRef<str>>(&self, names: &[N]) -> Vec<Result<&Arc<Connection>, SendError>> {
        if names.is_empty() {
            return vec![self.connection(&self.0.default)];
        }
        names.iter().map(|name| self.connection(name.as_ref())).collect()
    }

    fn connection(&self, name: &str) -> Result<&Arc<Connection>, SendError> {
        self.0.connections.get(name).ok_or_else(|| {
            let known = self.connections().collect::<Vec<_>>().join(", ");
            SendError::UnknownConnection { name: name.to_owned(), known }
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

/// Puts a [`Broadcaster`] together.
///
/// ```
/// use resound::{Broadcaster, drivers::{Log, Null}};
///
/// let broadcaster = Broadcaster::builder()
///     .namespace(r"Shop\Events")
///     .connection("log", Log)
///     .connection("none", Null)
///     .default_connection("none")
///     .build();
/// assert_eq!(broadcaster.connections().collect::<Vec<_>>(), ["none", "log"]);
/// ```
#[must_use = "a builder does nothing until `.build()`"]
pub struct Builder {
    namespace: String,
    default: Option<Arc<str>>,
    connections: BTreeMap<Arc<str>, Arc<Connection>>,
    record: Option<Arc<Record>>,
    #[cfg(feature = "embedded")]
    embedded: Option<crate::embedded::Embedded>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            namespace: NAMESPACE.to_owned(),
            default: None,
            connections: BTreeMap::new(),
            record: None,
            #[cfg(feature = "embedded")]
            embedded: None,
        }
    }
}

impl Builder {
    /// Sets what stands in front of the names of events, `App\Events` by default; Echo's option `namespace`
    /// must be the same, with dots.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// Adds a connection; the first is the default one.
    pub fn connection(self, name: &str, driver: impl Driver) -> Self {
        self.connection_with(name, driver, Policy::default())
    }

    /// Adds a connection with bounds of its own.
    pub fn connection_with(mut self, name: &str, driver: impl Driver, policy: Policy) -> Self {
        let name: Arc<str> = name.into();
        self.default.get_or_insert_with(|| Arc::clone(&name));
        let connection = Connection::new(Arc::clone(&name), Arc::new(driver), policy);
        self.connections.insert(name, connection);
        self
    }

    /// Adds the server in this process as the connection `embedded`.
    #[cfg(feature = "embedded")]
    pub fn embedded(mut self, embedded: &crate::embedded::Embedded) -> Self {
        self.embedded = Some(embedded.clone());
        self.connection("embedded", embedded.driver())
    }

    /// Says by which connection events are sent that name none.
    pub fn default_connection(mut self, name: &str) -> Self {
        self.default = Some(name.into());
        self
    }

    /// The broadcaster. Without any connection it sends nothing.
    pub fn build(mut self) -> Broadcaster {
        if self.connections.is_empty() {
            self = self.connection("null", Null);
        }
        let default = self.default.unwrap_or_else(|| "null".into());
        let Self { namespace, connections, record, .. } = self;
        Broadcaster(Arc::new(Inner {
            namespace,
            default,
            connections,
            record,
            #[cfg(feature = "embedded")]
            embedded: self.embedded,
        }))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connections: Vec<_> = self.connections.keys().collect();
        f.debug_struct("Builder").field("connections", &connections).finish_non_exhaustive()
    }
}
