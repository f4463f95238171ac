//! The client.

use std::sync::Arc;

use tokio::sync::watch;

use crate::{
    builder::Builder,
    channel::{Channel, Encrypted, Presence, Private, Public},
    connection_state::ConnectionState,
    error::{ConnectError, ServerError},
    listener::Listener,
    registry::Shared,
};

/// A connection to a server of the Pusher protocol, which comes back by itself, with all channels: Echo in
/// Rust. Cloning it is cheap. When the last clone is dropped the connection is closed and its task
/// ends; channels and listeners do not keep it.
///
/// ```no_run
/// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
/// use resound_client::Client;
///
/// let client = Client::connect("ws://localhost:8080/app/resound-key").await?;
/// let mut orders = client.channel("orders").listen::<serde_json::Value>("OrderShipped");
/// while let Some(order) = orders.next().await {
///     println!("{}", order?);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    stop: Arc<watch::Sender<bool>>,
    done: watch::Receiver<bool>,
}

impl Client {
    pub(crate) fn new(
        shared: Arc<Shared>,
        stop: watch::Sender<bool>,
        done: watch::Receiver<bool>,
    ) -> Self {
        Self { shared, stop: Arc::new(stop), done }
    }

    /// Connects to `ws://HOST:PORT/app/KEY` or `wss://…`, and waits for the server's greeting.
    ///
    /// # Errors
    /// The address is none, or the first attempt failed; later the client comes back by itself.
    ///
    /// ```no_run
    /// # async fn f() -> Result<(), resound_client::ConnectError> {
    /// let client = resound_client::Client::connect("wss://app.example/app/key").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect(url: &str) -> Result<Self, ConnectError> {
        Self::builder(url).connect().await
    }

    /// A client with settings, see [`Builder`].
    ///
    /// ```
    /// let builder = resound_client::Client::builder("ws://localhost:8080/app/resound-key");
    /// ```
    pub fn builder(url: &str) -> Builder {
        Builder::new(url)
    }

    /// Subscribes to a public channel, or to one of any kind by its whole name (`private-orders.1`).
    ///
    /// The subscription is asked for in the background, and again after every reconnection; it lasts as
    /// long as the handle or one of its listeners. [`subscribed`](Channel::subscribed) waits for it.
    ///
    /// ```no_run
    /// # fn f(client: resound_client::Client) {
    /// let news = client.channel("news");
    /// # }
    /// ```
    pub fn channel(&self, name: &str) -> Channel<Public> {
        Channel::new(self.shared.lease(name))
    }

    /// Subscribes to the private channel `private-{name}`.
    ///
    /// ```no_run
    /// # fn f(client: resound_client::Client) {
    /// let orders = client.private("orders.1");
    /// assert_eq!(orders.name(), "private-orders.1");
    /// # }
    /// ```
    pub fn private(&self, name: &str) -> Channel<Private> {
        Channel::new(self.shared.lease(&format!("private-{name}")))
    }

    /// Subscribes to the encrypted channel `private-encrypted-{name}`; what listeners get is decrypted.
    ///
    /// ```no_run
    /// # fn f(client: resound_client::Client) {
    /// let secrets = client.encrypted_private("secrets.1").listen::<String>("Secret");
    /// # }
    /// ```
    pub fn encrypted_private(&self, name: &str) -> Channel<Encrypted> {
        Channel::new(self.shared.lease(&format!("private-encrypted-{name}")))
    }

    /// Joins the presence channel `presence-{name}`.
    ///
    /// ```no_run
    /// # async fn f(client: resound_client::Client) {
    /// let room = client.join("room.1");
    /// let mut here = room.here();
    /// if let Some(Ok(members)) = here.next().await {
    ///     println!("{} are here", members.len());
    /// }
    /// # }
    /// ```
    pub fn join(&self, name: &str) -> Channel<Presence> {
        Channel::new(self.shared.lease(&format!("presence-{name}")))
    }

    /// Leaves a channel of any kind by its name without prefix, as Echo's `leave`: `name`,
    /// `private-{name}`, `private-encrypted-{name}` and `presence-{name}`. Their listeners end.
    ///
    /// ```no_run
    /// # fn f(client: resound_client::Client) {
    /// client.leave("orders.1");
    /// # }
    /// ```
    pub fn leave(&self, name: &str) {
        for prefix in ["", "private-", "private-encrypted-", "presence-"] {
            self.shared.leave(&format!("{prefix}{name}"));
        }
    }

    /// The state of the connection.
    ///
    /// ```no_run
    /// # fn f(client: resound_client::Client) {
    /// println!("{:?}", client.state());
    /// # }
    /// ```
    pub fn state(&self) -> ConnectionState {
        self.shared.state()
    }

    /// The states of the connection, of which the present one is the first.
    ///
    /// ```no_run
    /// # async fn f(client: resound_client::Client) {
    /// let mut states = client.states();
    /// while let Some(Ok(state)) = states.next().await {
    ///     println!("{state:?}");
    /// }
    /// # }
    /// ```
    pub fn states(&self) -> Listener<ConnectionState> {
        Listener::new(self.shared.states(), None, Ok)
    }

    /// What the server complains about (`pusher:error`), such as a whisper that it does not take.
    ///
    /// ```no_run
    /// # async fn f(client: resound_client::Client) {
    /// let mut errors = client.errors();
    /// if let Some(Ok(error)) = errors.next().await {
    ///     eprintln!("{error}");
    /// }
    /// # }
    /// ```
    pub fn errors(&self) -> Listener<ServerError> {
        Listener::new(self.shared.errors(), None, Ok)
    }

    /// The connection's id, for the header `X-Socket-ID` of requests whose events are not to come back;
    /// `None` without a connection. Another one after every reconnection.
    ///
    /// ```no_run
    /// # fn f(client: resound_client::Client) {
    /// if let Some(id) = client.socket_id() {
    ///     println!("X-Socket-ID: {id}");
    /// }
    /// # }
    /// ```
    pub fn socket_id(&self) -> Option<String> {
        match self.state() {
            ConnectionState::Connected { socket_id } => Some(socket_id),
            ConnectionState::Connecting
            | ConnectionState::Waiting { .. }
            | ConnectionState::Ended { .. } => None,
        }
    }

    /// Closes the connection, also for the other clones: sends what waits to be sent, says goodbye and
    /// waits for the answer, four seconds at most. All listeners end.
    ///
    /// ```no_run
    /// # async fn f(client: resound_client::Client) {
    /// client.close().await;
    /// # }
    /// ```
    pub async fn close(mut self) {
        self.stop.send_replace(true);
        // An error says that the task is gone, which is what is waited for.
        let _ = self.done.wait_for(|is_done| *is_done).await;
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("state", &self.state()).finish_non_exhaustive()
    }
}
