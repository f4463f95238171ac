//! How a client is made.

use std::{fmt, sync::Arc, time::Duration};

use hyper::{
    HeaderMap,
    header::{HeaderName, HeaderValue},
};
use tokio::sync::{oneshot, watch};

use crate::{
    address::Address,
    authorizer::{Authorizer, NoAuthorizer, SecretAuthorizer},
    client::Client,
    error::{AddressError, ConnectError},
    names::NAMESPACE,
    registry::Shared,
    task::{First, Patience, Task},
    tls,
    wire::{Dialer, Route},
};

/// Settings of a [`Client`].
///
/// ```no_run
/// use std::time::Duration;
///
/// use resound_client::{Client, SecretAuthorizer};
///
/// # async fn f() -> Result<(), resound_client::ConnectError> {
/// let client = Client::builder("ws://localhost:8080/app/resound-key")
///     .authorizer(SecretAuthorizer::new("resound-key", "resound-secret"))
///     .namespace("App.Events")
///     .queue_events_max(1000)
///     .connect_timeout(Duration::from_secs(5))
///     .connect()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a client is made by connect or start"]
pub struct Builder {
    address: Result<Address, AddressError>,
    authorizer: Arc<dyn Authorizer>,
    headers: HeaderMap,
    tls: Option<Arc<rustls::ClientConfig>>,
    namespace: String,
    queue_events_max: usize,
    message_bytes_max: usize,
    patience: Patience,
    route: Route,
}

impl Builder {
    /// A client of the server at `ws://HOST:PORT/app/KEY`, also `wss`, `http`, `https`, and with a path
    /// in front. Whether it is one [`connect`](Self::connect) tells.
    ///
    /// ```
    /// let builder = resound_client::Builder::new("wss://app.example/ws/app/key");
    /// ```
    pub fn new(url: &str) -> Self {
        Self::of(Address::parse(url))
    }

    /// A client of the server that a Laravel project's variables name: `REVERB_APP_KEY`, `REVERB_HOST`
    /// (default `localhost`), `REVERB_PORT` (443, with `http` 80), `REVERB_SCHEME` (`https`),
    /// `REVERB_SERVER_PATH`; else the same of `VITE_REVERB_*`, `PUSHER_*`, `VITE_PUSHER_*` with
    /// `PUSHER_APP_CLUSTER`. With `REVERB_APP_SECRET` or `PUSHER_APP_SECRET` beside the key the client
    /// signs its subscriptions itself, see [`SecretAuthorizer`].
    ///
    /// # Errors
    /// Which variable is missing or wrong.
    ///
    /// ```
    /// use resound_client::Builder;
    ///
    /// # fn f() -> Result<(), resound_client::AddressError> {
    /// let builder = Builder::from_variables(|name| std::env::var(name).ok())?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, AddressError> {
        let found = Address::from_variables(&variable)?;
        let builder = Self::of(Ok(found.address));
        let secret = found.secret.and_then(variable).filter(|secret| !secret.trim().is_empty());
        Ok(match secret {
            Some(secret) => builder.authorizer(SecretAuthorizer::new(found.key, secret.trim())),
            None => builder,
        })
    }

    fn of(address: Result<Address, AddressError>) -> Self {
        Self {
            address,
            authorizer: Arc::new(NoAuthorizer),
            headers: HeaderMap::new(),
            tls: None,
            namespace: NAMESPACE.to_owned(),
            queue_events_max: 256,
            message_bytes_max: 1024 * 1024,
            patience: Patience {
                connect: Duration::from_secs(15),
                activity: Duration::from_secs(120),
                pong: Duration::from_secs(30),
                authorize: Duration::from_secs(15),
            },
            route: Route::Network,
        }
    }

    /// Who authorises subscriptions to private, encrypted and presence channels. Default: nobody, and
    /// they are refused.
    ///
    /// ```
    /// use resound_client::{Client, EndpointAuthorizer};
    ///
    /// let authorizer = EndpointAuthorizer::new("http://localhost:8000/broadcasting/auth")?;
    /// let builder = Client::builder("ws://localhost:8080/app/key").authorizer(authorizer);
    /// # Ok::<(), resound_client::AuthorizeError>(())
    /// ```
    pub fn authorizer(mut self, authorizer: impl Authorizer) -> Self {
        self.authorizer = Arc::new(authorizer);
        self
    }

    /// The namespace of events whose names begin with neither `.` nor `\`. Default `App.Events`; empty
    /// for none.
    ///
    /// ```
    /// let builder = resound_client::Client::builder("ws://localhost/app/key").namespace("");
    /// ```
    pub fn namespace(mut self, namespace: &str) -> Self {
        namespace.clone_into(&mut self.namespace);
        self
    }

    /// Adds a header to the opening handshake, such as `Origin`, which servers check if it is there.
    ///
    /// # Errors
    /// [`AddressError::Malformed`] if it is no header.
    ///
    /// ```
    /// let builder = resound_client::Client::builder("ws://localhost/app/key")
    ///     .header("Origin", "https://app.example")?;
    /// # Ok::<(), resound_client::AddressError>(())
    /// ```
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, AddressError> {
        let fault = |_| AddressError::Malformed {
            url: format!("{name}: {value}"),
            reason: "the header is none".to_owned(),
        };
        let header: HeaderName = name.parse().map_err(|_| fault(()))?;
        let value: HeaderValue = value.parse().map_err(|_| fault(()))?;
        self.headers.insert(header, value);
        Ok(self)
    }

    /// Trusts whom this configuration trusts, with `wss`. Default: the roots of this machine;
    /// `SSL_CERT_FILE` names others.
    ///
    /// ```
    /// # fn f(config: rustls::ClientConfig) {
    /// let builder = resound_client::Client::builder("wss://localhost/app/key").tls_config(config);
    /// # }
    /// ```
    pub fn tls_config(mut self, config: rustls::ClientConfig) -> Self {
        self.tls = Some(Arc::new(config));
        self
    }

    /// How many items may wait for one listener; one that is slower misses the oldest, and is told.
    /// Default 256.
    ///
    /// ```
    /// let builder = resound_client::Client::builder("ws://localhost/app/key").queue_events_max(10);
    /// ```
    pub fn queue_events_max(mut self, events: usize) -> Self {
        self.queue_events_max = events;
        self
    }

    /// Bytes of a message from the server; a longer one ends the connection. Default 1 MiB.
    ///
    /// ```
    /// let builder = resound_client::Client::builder("ws://localhost/app/key").message_bytes_max(10_000);
    /// ```
    pub fn message_bytes_max(mut self, bytes: usize) -> Self {
        self.message_bytes_max = bytes;
        self
    }

    /// How long it may take until the server has greeted. Default 15 seconds.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let builder = resound_client::Client::builder("ws://localhost/app/key")
    ///     .connect_timeout(Duration::from_secs(3));
    /// ```
    pub fn connect_timeout(mut self, time: Duration) -> Self {
        self.patience.connect = time;
        self
    }

    /// After so much silence the server is pinged, unless it wishes it earlier. Default 120 seconds,
    /// as of pusher-js.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let builder = resound_client::Client::builder("ws://localhost/app/key")
    ///     .activity_timeout(Duration::from_secs(20));
    /// ```
    pub fn activity_timeout(mut self, time: Duration) -> Self {
        self.patience.activity = time;
        self
    }

    /// How long the server may be silent after a ping. Default 30 seconds, as of pusher-js.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let builder = resound_client::Client::builder("ws://localhost/app/key")
    ///     .pong_timeout(Duration::from_secs(5));
    /// ```
    pub fn pong_timeout(mut self, time: Duration) -> Self {
        self.patience.pong = time;
        self
    }

    /// How long the authorizer may take. Default 15 seconds.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let builder = resound_client::Client::builder("ws://localhost/app/key")
    ///     .authorize_timeout(Duration::from_secs(5));
    /// ```
    pub fn authorize_timeout(mut self, time: Duration) -> Self {
        self.patience.authorize = time;
        self
    }

    /// Connects, and waits for the server's greeting. If the first attempt fails, so does this; later
    /// the client comes back by itself.
    ///
    /// # Errors
    /// The address is none, or the first attempt failed.
    ///
    /// ```no_run
    /// # async fn f() -> Result<(), resound_client::ConnectError> {
    /// let client = resound_client::Client::builder("ws://localhost:8080/app/key").connect().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect(self) -> Result<Client, ConnectError> {
        let (tx, rx) = oneshot::channel();
        let client = self.spawn(Some(tx))?;
        // The task always tells, unless the runtime ends, and us with it.
        if let Ok(result) = rx.await {
            result?;
        }
        Ok(client)
    }

    /// Connects in the background, and tries again until it succeeds or the server refuses for good:
    /// for programs that start before their server does.
    ///
    /// # Errors
    /// The address is none.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    ///
    /// ```no_run
    /// # async fn f() -> Result<(), resound_client::AddressError> {
    /// let client = resound_client::Client::builder("ws://localhost:8080/app/key").start()?;
    /// let mut news = client.channel("news").listen::<String>(".headline");
    /// # Ok(())
    /// # }
    /// ```
    pub fn start(self) -> Result<Client, AddressError> {
        self.spawn(None)
    }

    fn spawn(self, first: Option<First>) -> Result<Client, AddressError> {
        let address = self.address?;
        let tls = address.is_tls.then(|| self.tls.unwrap_or_else(|| Arc::new(tls::system())));
        let shared = Arc::new(Shared::new(self.namespace, self.queue_events_max));
        let (stop_tx, stop_rx) = watch::channel(false);
        let (done_tx, done_rx) = watch::channel(false);
        let task = Task {
            shared: Arc::clone(&shared),
            dialer: Dialer {
                address,
                headers: self.headers,
                tls,
                message_bytes_max: self.message_bytes_max,
                route: self.route,
            },
            authorizer: self.authorizer,
            patience: self.patience.bounded(),
            stop: stop_rx,
            done: done_tx,
        };
        tokio::spawn(task.run(first));
        Ok(Client::new(shared, stop_tx, done_rx))
    }

    /// Connects to the other ends' owner in the place of a network.
    #[cfg(test)]
    pub(crate) fn in_memory(
        mut self,
        accepting: tokio::sync::mpsc::Sender<tokio::io::DuplexStream>,
    ) -> Self {
        self.route = Route::Memory(accepting);
        self
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("address", &self.address).finish_non_exhaustive()
    }
}
