//! How a broadcaster is put together.

use std::{collections::BTreeMap, fmt, sync::Arc};

use crate::{
    broadcaster::{Broadcaster, Inner},
    config::{self, ConfigError},
    connection::{Connection, Failure, OnFailure, Policy},
    driver::{Answers, Driver},
    drivers::Null,
    error::because,
    fake::Record,
    front_end::EchoOptions,
    name::{self, NAMESPACE},
    queue::Queue,
};

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
    /// Why connections that the environment could describe are not there.
    missing: BTreeMap<&'static str, String>,
    front_end: Option<EchoOptions>,
    pub(super) record: Option<Arc<Record>>,
    #[cfg(feature = "embedded")]
    embedded: Option<crate::embedded::Embedded>,
    queue: Option<Arc<dyn Queue>>,
    on_failure: Option<OnFailure>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            namespace: NAMESPACE.to_owned(),
            default: None,
            connections: BTreeMap::new(),
            missing: BTreeMap::new(),
            front_end: None,
            record: None,
            #[cfg(feature = "embedded")]
            embedded: None,
            queue: None,
            on_failure: None,
        }
    }
}

impl Builder {
    /// Begins with what [`Broadcaster::from_env`] would give, to add a queue or connections.
    ///
    /// # Errors
    /// Those of [`Broadcaster::from_env`].
    ///
    /// ```
    /// use resound::{Builder, drivers::Log};
    ///
    /// # fn main() -> Result<(), resound::config::ConfigError> {
    /// let broadcaster = Builder::from_env()?.connection("audit", Log).build();
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
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        config::builder(&variable)
    }

    /// Sets what stands in front of the names of events, `App\Events` by default; Echo's option `namespace`
    /// must be the same. Written with dots, as for Echo, it is the same as with backslashes.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = name::namespace(&namespace.into());
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

    /// Sets where events wait that are not sent at once; in memory by default. See [`queue`](mod@crate::queue).
    pub fn queue(mut self, queue: impl Queue) -> Self {
        self.queue = Some(Arc::new(queue));
        self
    }

    /// Sets who is told of queued events that are finally given up, in memory as well as in a durable queue; the log is told in any case. Laravel: a job's `failed()`.
    ///
    /// It is called by the task of the queue, which waits for it: what takes long is for a task of its own. It should not broadcast by the connection that has just
    /// failed. Events that are not queued are not its business: their error is the [sender's](crate::PendingBroadcast::result), also if the queue is full. Neither
    /// is what still waits when the process ends.
    ///
    /// ```
    /// use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
    /// use resound::{Broadcaster, drivers::Log};
    ///
    /// let lost = Arc::new(AtomicU64::new(0));
    /// let counter = Arc::clone(&lost);
    /// let broadcaster = Broadcaster::builder()
    ///     .connection("log", Log)
    ///     .on_failure(move |_| drop(counter.fetch_add(1, Ordering::Relaxed)))
    ///     .build();
    /// # let _ = broadcaster;
    /// ```
    pub fn on_failure(mut self, told: impl Fn(&Failure) + Send + Sync + 'static) -> Self {
        self.on_failure = Some(Arc::new(told));
        self
    }

    /// Says how browsers reach the server, by default as the default connection's driver does.
    pub fn front_end(mut self, options: EchoOptions) -> Self {
        self.front_end = Some(options);
        self
    }

    /// Remembers why the environment describes no connection of this name.
    #[cfg(any(feature = "http", feature = "redis"))]
    pub(crate) fn without(mut self, name: &'static str, error: &ConfigError) -> Self {
        // Who uses none of its variables does not want it.
        if !matches!(error, ConfigError::Missing { .. }) {
            tracing::warn!(connection = name, reason = %error, "a broadcast connection is left out");
        }
        self.missing.insert(name, error.reason());
        self
    }

    /// What the default connection's driver knows.
    pub(crate) fn front_end_of_driver(&self) -> EchoOptions {
        let default = self.default.as_ref().and_then(|name| self.connections.get(name));
        default.map_or_else(|| EchoOptions::of(&Answers::Empty), |c| c.driver.front_end())
    }

    /// The broadcaster. Without any connection it sends nothing.
    ///
    /// # Panics
    /// If there is no connection of the name that [`default_connection`](Self::default_connection) says: every event
    /// would be lost.
    #[track_caller]
    pub fn build(mut self) -> Broadcaster {
        if self.connections.is_empty() {
            self = self.connection("null", Null);
        }
        let default = self.default.unwrap_or_else(|| "null".into());
        let Self { namespace, connections, missing, front_end, record, queue, on_failure, .. } =
            self;
        if let Some(told) = &on_failure {
            connections.values().for_each(|connection| connection.ear.open(told));
        }
        let known = || connections.keys().map(|name| &**name).collect::<Vec<_>>().join(", ");
        let is_known = connections.contains_key(&default);
        let reason = || because(missing.get(&*default).map(String::as_str));
        assert!(
            is_known,
            "there is no broadcast connection {default:?}{}; there is {}",
            reason(),
            known()
        );
        Broadcaster(Arc::new(Inner {
            namespace,
            default,
            connections,
            missing,
            front_end,
            record,
            queue,
            detached: Arc::default(),
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
