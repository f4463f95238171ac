//! How a broadcaster is put together.

use std::{collections::BTreeMap, fmt, sync::Arc};

use crate::{
    broadcaster::{Broadcaster, Inner},
    config::{self, CONNECTION_VARIABLES, ConfigError},
    connection::{Connection, Failure, Policy, Told},
    driver::{Answers, Driver},
    drivers::Null,
    envelope::Envelope,
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
    on_sent: Option<Told<Envelope>>,
    on_failure: Option<Told<Failure>>,
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
            on_sent: None,
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

    /// The same, with a connection for the case that the environment names none, as [`Broadcaster::from_env_or`].
    ///
    /// # Errors
    /// Those of [`Broadcaster::from_env`].
    ///
    /// ```
    /// # fn example() -> Result<(), resound::config::ConfigError> {
    /// let broadcaster = resound::Builder::from_env_or("log")?.namespace("App\\Events\\Shop").build();
    /// assert_eq!(broadcaster.connections().next(), Some("log"));
    /// # Ok(())
    /// # }
    /// # example().unwrap();
    /// ```
    pub fn from_env_or(connection: &str) -> Result<Self, ConfigError> {
        let variable =
            |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let is_said = CONNECTION_VARIABLES.iter().any(|name| variable(name).is_some());
        Self::from_variables(|name| match name {
            "BROADCAST_CONNECTION" if !is_said => Some(connection.to_owned()),
            name => variable(name),
        })
    }

    /// The same, from variables of another source.
    ///
    /// # Errors
    /// Those of [`Broadcaster::from_env`].
    ///
    /// ```
    /// use resound::{Builder, drivers::Log};
    ///
    /// let laravel = |name: &str| match name {
    ///     "BROADCAST_CONNECTION" => Some("null".to_owned()),
    ///     _ => None,
    /// };
    /// let broadcaster = Builder::from_variables(laravel)?.connection("audit", Log).build();
    /// assert_eq!(broadcaster.connections().collect::<Vec<_>>(), ["null", "audit", "log"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        config::builder(&variable)
    }

    /// Sets what stands in front of the names of events, `App\Events` by default; Echo's option `namespace`
    /// must be the same. Written with dots, as for Echo, it is the same as with backslashes.
    ///
    /// ```
    /// use resound::Broadcaster;
    ///
    /// let broadcaster = Broadcaster::builder().namespace(r"Shop\Events").build();
    /// // new Echo({ namespace: 'Shop.Events', … })
    /// assert_eq!(broadcaster.front_end().namespace.as_deref(), Some("Shop.Events"));
    /// ```
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = name::namespace(&namespace.into());
        self
    }

    /// Adds a connection; the first is the default one.
    ///
    /// ```
    /// use resound::{Broadcaster, drivers::{Log, Null}};
    ///
    /// let broadcaster = Broadcaster::builder().connection("none", Null).connection("log", Log).build();
    /// assert_eq!(broadcaster.connections().next(), Some("none")); // events go there, others `.via("log")`
    /// ```
    pub fn connection(self, name: &str, driver: impl Driver) -> Self {
        self.connection_with(name, driver, Policy::default())
    }

    /// Adds a connection with bounds of its own.
    ///
    /// ```
    /// use resound::{Broadcaster, SendError, broadcast, connection::Policy, drivers::Log};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let policy = Policy { events_max: 0, ..Policy::default() };
    /// let broadcaster = Broadcaster::builder().connection_with("log", Log, policy).build();
    /// let sent = broadcaster.send(broadcast::public("news")).result().await;
    /// assert!(matches!(sent, Err(SendError::QueueFull { .. })));
    /// # Ok(())
    /// # }
    /// ```
    pub fn connection_with(mut self, name: &str, driver: impl Driver, policy: Policy) -> Self {
        let name: Arc<str> = name.into();
        self.default.get_or_insert_with(|| Arc::clone(&name));
        let connection = Connection::new(Arc::clone(&name), Arc::new(driver), policy);
        self.connections.insert(name, connection);
        self
    }

    /// Adds the server in this process as the connection `embedded`.
    ///
    /// ```
    /// use resound::{Broadcaster, embedded::{Embedded, Options}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let embedded = Embedded::start(Options::new().threads(1))?;
    /// let broadcaster = Broadcaster::builder().embedded(&embedded).build();
    /// assert_eq!(broadcaster.connections().next(), Some("embedded"));
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "embedded")]
    pub fn embedded(mut self, embedded: &crate::embedded::Embedded) -> Self {
        self.embedded = Some(embedded.clone());
        self.connection("embedded", embedded.driver())
    }

    /// Says by which connection events are sent that name none.
    ///
    /// ```
    /// use resound::{Broadcaster, drivers::{Log, Null}};
    ///
    /// let builder = Broadcaster::builder().connection("log", Log).connection("none", Null);
    /// let broadcaster = builder.default_connection("none").build();
    /// assert_eq!(broadcaster.connections().next(), Some("none"));
    /// ```
    pub fn default_connection(mut self, name: &str) -> Self {
        self.default = Some(name.into());
        self
    }

    /// Sets where events wait that are not sent at once; in memory by default. See [`queue`](mod@crate::queue).
    ///
    /// ```
    /// use resound::{Broadcaster, Builder, broadcast};
    /// # use resound::{drivers::Log, queue::{Job, Pushing, Queue}};
    /// # use std::sync::{Arc, atomic::{AtomicUsize, Ordering}};
    /// # #[derive(Clone, Default)]
    /// # struct Shelf(Arc<AtomicUsize>);
    /// # impl Queue for Shelf {
    /// #     fn push(&self, jobs: Vec<Job>) -> Pushing<'_> {
    /// #         self.0.fetch_add(jobs.len(), Ordering::Relaxed);
    /// #         Box::pin(async { Ok(()) })
    /// #     }
    /// # }
    /// # impl Shelf { fn len(&self) -> usize { self.0.load(Ordering::Relaxed) } }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let shelf = Shelf::default();
    /// // `shelf` is an implementation of `Queue`, `sql::Queue` for one.
    /// let broadcaster = Builder::from_env()?.queue(shelf.clone()).build();
    /// broadcaster.send(broadcast::public("news").name("posted")).await;
    /// assert_eq!(shelf.len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn queue(mut self, queue: impl Queue) -> Self {
        self.queue = Some(Arc::new(queue));
        self
    }

    /// Has this called with each event that a server has taken, for counts, an audit, a page that shows what goes on. Of an event that
    /// was sent in parts it is told the parts, of one that was sent by two connections both. It is called on the task that sends:
    /// it must be quick.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// use resound::{Broadcaster, broadcast, drivers::Null};
    ///
    /// static SENT: AtomicU64 = AtomicU64::new(0);
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), resound::SendError> {
    /// let broadcaster = Broadcaster::builder()
    ///     .connection("null", Null)
    ///     .on_sent(|event| { SENT.fetch_add(event.channels.len() as u64, Ordering::Relaxed); })
    ///     .build();
    /// broadcaster.send(broadcast::public("news").name("posted")).now().result().await?;
    /// assert_eq!(SENT.load(Ordering::Relaxed), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_sent(mut self, told: impl Fn(&Envelope) + Send + Sync + 'static) -> Self {
        self.on_sent = Some(Arc::new(told));
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
    ///
    /// ```
    /// use resound::{Broadcaster, front_end::{EchoOptions, PublicHost}};
    ///
    /// let host = PublicHost::https("ws.example.org");
    /// let options = EchoOptions { host: host.clone(), ..EchoOptions::new("resound-key") };
    /// let broadcaster = Broadcaster::builder().front_end(options).build();
    /// assert_eq!(broadcaster.front_end().host, host);
    /// ```
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
    ///
    /// ```
    /// use resound::Builder;
    ///
    /// let broadcaster = Builder::default().build();
    /// assert_eq!(broadcaster.connections().collect::<Vec<_>>(), ["null"]);
    /// ```
    #[track_caller]
    pub fn build(mut self) -> Broadcaster {
        if self.connections.is_empty() {
            self = self.connection("null", Null);
        }
        for connection in self.connections.values() {
            connection.sent.open(self.on_sent.as_ref());
            connection.failed.open(self.on_failure.as_ref());
        }
        let default = self.default.unwrap_or_else(|| "null".into());
        let Self { namespace, connections, missing, front_end, record, queue, .. } = self;
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
