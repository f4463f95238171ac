//! How a broadcaster is put together.

use std::{collections::BTreeMap, fmt, sync::Arc};

use crate::{
    broadcaster::{Broadcaster, Inner},
    config::{self, CONNECTION_VARIABLES, ConfigError},
    connection::{Connection, OnSent, Policy},
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
    on_sent: Option<OnSent>,
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
        if let Some(on_sent) = &self.on_sent {
            for connection in self.connections.values() {
                // They are new: nobody else has set it.
                let _ = connection.on_sent.set(Arc::clone(on_sent));
            }
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
