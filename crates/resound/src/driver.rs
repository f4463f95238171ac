//! How a server is reached.

use std::{fmt, future::Future, pin::Pin};

use crate::{envelope::Envelope, error::DriverError};

/// A driver's answer, later.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<(), DriverError>> + Send + 'a>>;

/// Carries events to a server.
///
/// A driver only sends: timeouts, the queue, further tries and the circuit breaker are those of the
/// [connection](crate::connection) that it is put into.
///
/// ```
/// use resound::{Broadcaster, Envelope, driver::{Driver, Sending}};
///
/// struct Stdout;
/// impl Driver for Stdout {
///     fn send<'a>(&'a self, envelope: &'a Envelope) -> Sending<'a> {
///         Box::pin(async move {
///             for channel in &envelope.channels {
///                 println!("{channel} {} {}", envelope.name, envelope.payload);
///             }
///             Ok(())
///         })
///     }
/// }
///
/// let broadcaster = Broadcaster::builder().connection("stdout", Stdout).build();
/// # let _ = broadcaster;
/// ```
pub trait Driver: Send + Sync + 'static {
    /// Sends an event to all of its channels.
    ///
    /// # Errors
    /// [`DriverError::Unavailable`] if another try may help, [`DriverError::Refused`] if not.
    fn send<'a>(&'a self, envelope: &'a Envelope) -> Sending<'a>;

    /// To how many channels one call may send; an event with more is sent in parts. All by default.
    fn channels_max(&self) -> usize {
        usize::MAX
    }

    /// How clients are told that they may join; [`Answers::Empty`] by default.
    fn answers(&self) -> Answers {
        Answers::Empty
    }
}

/// How an application tells a client that it may join a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answers {
    /// With a signature: `{"auth":"key:…"}`.
    Pusher(Credentials),
    /// With `true`, or the member: the server asks on behalf of the client, as laravel-echo-server does.
    SocketIo,
    /// With nothing: nobody connects to the drivers `log` and `null`.
    #[default]
    Empty,
}

/// The key and secret of an application.
///
/// ```
/// use resound::driver::Credentials;
///
/// let credentials = Credentials::new("key", "secret");
/// assert_eq!(format!("{credentials:?}"), r#"Credentials { key: "key", .. }"#);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub(crate) key: String,
    pub(crate) secret: String,
}

impl Credentials {
    /// Takes both.
    pub fn new(key: impl Into<String>, secret: impl Into<String>) -> Self {
        Self { key: key.into(), secret: secret.into() }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("key", &self.key).finish_non_exhaustive()
    }
}
