//! What can go wrong, in words that say what to do.

use std::{io, sync::Arc};

use thiserror::Error;

/// Why there is no connection, or no more.
///
/// ```no_run
/// # async fn f() {
/// use resound_client::{Client, ConnectError, ConnectionError};
///
/// match Client::connect("ws://localhost:8080/app/wrong-key").await {
///     Err(ConnectError::Connection(ConnectionError::Closed { code: 4001, .. })) => {
///         eprintln!("the key is not one of the server's");
///     }
///     other => drop(other),
/// }
/// # }
/// ```
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// Nobody listens there, or the way there is closed.
    #[error("{address} cannot be reached: {error}")]
    Unreachable {
        /// Host and port.
        address: String,
        /// What the system says.
        error: Arc<io::Error>,
    },
    /// The other side speaks no TLS, or shows a certificate that is not believed.
    #[error("TLS with {address} failed: {error}")]
    Tls {
        /// Host and port.
        address: String,
        /// What rustls says.
        error: Arc<io::Error>,
    },
    /// A web server that opens no WebSocket there.
    #[error("{address} opened no WebSocket but answered {status}: {body}")]
    NoWebSocket {
        /// Host and port.
        address: String,
        /// The status of its answer.
        status: u16,
        /// The beginning of its answer, or what it lacks.
        body: String,
    },
    /// Nothing came in time.
    #[error("{address} has not greeted within {seconds} seconds")]
    NoAnswer {
        /// Host and port.
        address: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// A WebSocket that does not begin as Pusher's protocol does.
    #[error("{address} does not speak Pusher's protocol: {reason}")]
    NotPusher {
        /// Host and port.
        address: String,
        /// What it said.
        reason: String,
    },
    /// The server closed the connection. Codes from 4000 to 4099 are final: the client doesn't come
    /// back by itself.
    #[error("the server closed the connection with {code}: {reason}")]
    Closed {
        /// The close code, or that of `pusher:error` in its place.
        code: u16,
        /// The server's words.
        reason: String,
    },
    /// The connection broke off.
    #[error("the connection broke off: {reason}")]
    Lost {
        /// What the system says.
        reason: String,
    },
    /// The server has not answered a ping.
    #[error("the server has not answered a ping within {seconds} seconds")]
    Silent {
        /// How long it was waited for.
        seconds: u64,
    },
}

/// Why [`Client::connect`](crate::Client::connect) failed.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let error = resound_client::Client::connect("localhost:8080").await.unwrap_err();
/// assert!(error.to_string().contains("ws://HOST:PORT/app/KEY"));
/// # });
/// ```
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The address is none.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The first attempt failed.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
}

/// Why a text or a set of variables is no address of a server.
///
/// ```
/// use resound_client::{AddressError, Builder};
///
/// let error = Builder::from_variables(|_| None).unwrap_err();
/// assert!(matches!(error, AddressError::NoKey));
/// ```
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressError {
    /// Not of the form that addresses have.
    #[error("{url:?} is no address of a server, which looks like ws://HOST:PORT/app/KEY: {reason}")]
    Malformed {
        /// The text.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No variable has an app's key.
    #[error("there is no app key: set REVERB_APP_KEY, VITE_REVERB_APP_KEY or PUSHER_APP_KEY")]
    NoKey,
    /// A variable has a value that it cannot have.
    #[error("{name} is {value:?}, expected {expected}")]
    Variable {
        /// The variable's name.
        name: &'static str,
        /// Its value.
        value: String,
        /// What it can be.
        expected: &'static str,
    },
}

/// Why a subscription is none.
///
/// ```no_run
/// # async fn f(client: resound_client::Client) {
/// if let Err(error) = client.private("orders.1").subscribed().await {
///     eprintln!("{error}");
/// }
/// # }
/// ```
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The application did not authorise it, or could not be asked; if it was away or busy it is asked again.
    #[error("the subscription to {channel} was not authorised: {error}")]
    NotAuthorized {
        /// The channel.
        channel: String,
        /// Why.
        error: AuthorizeError,
    },
    /// The server refused it.
    #[error("the server refused the subscription to {channel}: {reason}")]
    Refused {
        /// The channel.
        channel: String,
        /// The server's words.
        reason: String,
    },
    /// The server has not answered. Reverb refuses without naming the channel, so that its error is
    /// only a hint.
    #[error("the server has not answered the subscription to {channel}{}", hint(.error.as_ref()))]
    Unanswered {
        /// The channel.
        channel: String,
        /// The last error of the server since it was asked.
        error: Option<ServerError>,
    },
    /// The channel was left, or the client has ended.
    #[error("the subscription to {channel} has ended")]
    Ended {
        /// The channel.
        channel: String,
    },
}

fn hint(error: Option<&ServerError>) -> String {
    error.map_or_else(String::new, |error| format!("; it said: {error}"))
}

/// Why an authorisation was not given.
///
/// ```
/// use resound_client::AuthorizeError;
///
/// let error = AuthorizeError::Other("not today".into());
/// assert_eq!(error.to_string(), "not today");
/// ```
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthorizeError {
    /// There is nobody to ask.
    #[error("the client has no authorizer (Builder::authorizer), which this channel needs")]
    NoAuthorizer,
    /// The application said no.
    #[error("{url} answered {status}: {body}")]
    Denied {
        /// The address that was asked.
        url: String,
        /// The status of the answer.
        status: u16,
        /// The beginning of the answer.
        body: String,
    },
    /// The application could not be asked.
    #[error("{url} cannot be asked: {reason}")]
    Unreachable {
        /// The address.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// The application's answer is no authorisation.
    #[error("the answer of {url} is no authorisation: {reason}")]
    Malformed {
        /// The address.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No answer in time.
    #[error("no answer within {seconds} seconds")]
    NoAnswer {
        /// How long it was waited for.
        seconds: u64,
    },
    /// An encrypted channel without a key, or with one that is none.
    #[error(
        "the authorisation has no shared_secret of 32 bytes in base64, which an encrypted channel needs"
    )]
    NoSharedSecret,
    /// A presence channel, and nobody said as whom to join.
    #[error("a presence channel needs a member (SecretAuthorizer::member)")]
    NoMember,
    /// Anything else, in the words of an authorizer of one's own.
    #[error("{0}")]
    Other(String),
}

impl AuthorizeError {
    /// Whether it says nothing about the client: an application that is away, as while it is deployed, or busy.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::NoAnswer { .. } => true,
            Self::Denied { status, .. } => matches!(status, 408 | 425 | 429 | 500..=599),
            Self::NoAuthorizer
            | Self::Malformed { .. }
            | Self::NoSharedSecret
            | Self::NoMember
            | Self::Other(_) => false,
        }
    }
}

/// What a listener is told in place of an item.
///
/// ```no_run
/// # async fn f(mut orders: resound_client::Listener<serde_json::Value>) {
/// use resound_client::ListenError;
///
/// if let Some(Err(ListenError::Missed(count))) = orders.next().await {
///     eprintln!("{count} orders came faster than they were read: load them all again");
/// }
/// # }
/// ```
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum ListenError {
    /// So many items were dropped, because they came faster than they were read.
    #[error("{0} items were dropped: they came faster than they were read")]
    Missed(u64),
    /// The data is not of the expected type.
    #[error("the data of {name} on {channel} is not of the expected type: {error}")]
    Data {
        /// The event's name.
        name: String,
        /// The channel.
        channel: String,
        /// What serde says.
        error: Arc<serde_json::Error>,
    },
    /// The data could not be decrypted with the channel's key, nor with one that was asked for anew.
    #[error("the data of {name} on {channel} cannot be decrypted with the channel's key")]
    Decrypt {
        /// The event's name.
        name: String,
        /// The channel.
        channel: String,
    },
    /// The subscription was refused. It is tried again with the next connection.
    #[error(transparent)]
    Subscribe(#[from] SubscribeError),
    /// The client has ended, for this reason; nothing follows.
    #[error("the client has ended: {0}")]
    Ended(ConnectionError),
}

/// Why a whisper was not sent.
///
/// ```no_run
/// # fn f(room: resound_client::Channel<resound_client::Presence>) {
/// if let Err(error) = room.whisper("typing", &true) {
///     eprintln!("{error}");
/// }
/// # }
/// ```
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum WhisperError {
    /// The server takes whispers from subscribers only.
    #[error("{channel} is not subscribed: wait for Channel::subscribed, also after a reconnection")]
    NotSubscribed {
        /// The channel.
        channel: String,
    },
    /// The server takes messages more slowly than they are sent.
    #[error("{waiting} messages wait to be sent already")]
    Full {
        /// How many wait.
        waiting: usize,
    },
    /// The data is no JSON.
    #[error("the data cannot be written as JSON: {0}")]
    Data(Arc<serde_json::Error>),
}

/// An error that the server reports, without closing the connection (`pusher:error`).
///
/// ```no_run
/// # async fn f(client: resound_client::Client) {
/// let mut errors = client.errors();
/// while let Some(Ok(error)) = errors.next().await {
///     eprintln!("{error}");
/// }
/// # }
/// ```
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{message}{}", .code.map(|code| format!(" ({code})")).unwrap_or_default())]
#[non_exhaustive]
pub struct ServerError {
    /// Pusher's code, if it has one.
    pub code: Option<u16>,
    /// The server's words.
    pub message: String,
}

/// The first characters of a text from outside, on one line.
pub(crate) fn excerpt(text: &[u8]) -> String {
    const CHARACTERS_MAX: usize = 200;
    let text = String::from_utf8_lossy(text);
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= CHARACTERS_MAX {
        return line;
    }
    line.chars().take(CHARACTERS_MAX).chain(['…']).collect()
}
