//! How a server is reached.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use crate::{
    envelope::Envelope,
    error::DriverError,
    figures::{Asking, Figures},
    front_end::EchoOptions,
};

/// A driver's answer, later.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<(), DriverError>> + Send + 'a>>;

/// A driver's answers to several events, later; see [`Driver::send_batch`].
pub type SendingBatch<'a> = Pin<Box<dyn Future<Output = Vec<Result<(), DriverError>>> + Send + 'a>>;

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
    /// Sends an event to all of its channels. An encrypted channel comes alone.
    ///
    /// # Errors
    /// [`DriverError::Unavailable`] if another try may help, [`DriverError::Refused`] if not.
    ///
    /// ```
    /// use resound::{DriverError, Envelope, driver::{Driver, Sending}};
    /// use tokio::sync::mpsc;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// /// To another task of this process.
    /// struct Wire(mpsc::Sender<Envelope>);
    /// impl Driver for Wire {
    ///     fn send<'a>(&'a self, envelope: &'a Envelope) -> Sending<'a> {
    ///         Box::pin(async move {
    ///             let sent = self.0.send(envelope.clone()).await;
    ///             sent.map_err(|_| DriverError::Unavailable("nobody listens".to_owned()))
    ///         })
    ///     }
    /// }
    /// # let (sender, mut receiver) = mpsc::channel(1);
    /// # let broadcaster = resound::Broadcaster::builder().connection("wire", Wire(sender)).build();
    /// # broadcaster.send(resound::broadcast::public("news").name("posted")).await;
    /// # assert_eq!(receiver.recv().await.map(|envelope| envelope.name).as_deref(), Some("posted"));
    /// # }
    /// ```
    fn send<'a>(&'a self, envelope: &'a Envelope) -> Sending<'a>;

    /// Sends the first of these events together, as many of them as it likes, and gives an answer for each of
    /// those, in their order. The others come again, as does what was [unavailable](DriverError::Unavailable).
    ///
    /// No answer at all means that these events can't go together, as after a refusal of the whole: they are
    /// sent one by one, so that one of them does not take the others with it. That is the default.
    ///
    /// ```
    /// # use resound::{Envelope, driver::{Driver, Sending, SendingBatch}};
    /// # use std::sync::Arc;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # struct Stdout;
    /// impl Driver for Stdout {
    ///     # fn send<'a>(&'a self, _: &'a Envelope) -> Sending<'a> { Box::pin(async { Ok(()) }) }
    ///     fn batch_max(&self) -> usize {
    ///         100
    ///     }
    ///     fn send_batch<'a>(&'a self, envelopes: &'a [Arc<Envelope>]) -> SendingBatch<'a> {
    ///         Box::pin(async move {
    ///             let lines: Vec<String> = envelopes.iter().map(|envelope| envelope.to_json()).collect();
    ///             println!("{}", lines.join("\n")); // one call for all
    ///             envelopes.iter().map(|_| Ok(())).collect()
    ///         })
    ///     }
    /// }
    /// # assert_eq!(Stdout.send_batch(&[]).await, []);
    /// # }
    /// ```
    fn send_batch<'a>(&'a self, envelopes: &'a [Arc<Envelope>]) -> SendingBatch<'a> {
        let _ = envelopes;
        Box::pin(async { Vec::new() })
    }

    /// How many events [`send_batch`](Driver::send_batch) is given at most; 1 by default, and it is never called. It
    /// is asked anew each time.
    ///
    /// ```
    /// # use resound::{Envelope, driver::{Driver, Sending}};
    /// struct Remote { can_batch: bool }
    /// impl Driver for Remote {
    ///     # fn send<'a>(&'a self, _: &'a Envelope) -> Sending<'a> { Box::pin(async { Ok(()) }) }
    ///     fn batch_max(&self) -> usize {
    ///         if self.can_batch { 10 } else { 1 }
    ///     }
    /// }
    /// # assert_eq!(Remote { can_batch: false }.batch_max(), 1);
    /// ```
    fn batch_max(&self) -> usize {
        1
    }

    /// To how many channels one call may send; an event with more is sent in parts. All by default.
    ///
    /// ```
    /// # use resound::{Broadcaster, Envelope, broadcast, driver::{Driver, Sending}};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// struct OneByOne;
    /// impl Driver for OneByOne {
    ///     # fn send<'a>(&'a self, envelope: &'a Envelope) -> Sending<'a> {
    ///     #     Box::pin(async { assert_eq!(envelope.channels.len(), 1); Ok(()) })
    ///     # }
    ///     fn channels_max(&self) -> usize {
    ///         1
    ///     }
    /// }
    /// let broadcaster = Broadcaster::builder().connection("one", OneByOne).build();
    /// broadcaster.send(broadcast::on(["a", "b", "c"])).now().await;
    /// assert_eq!(broadcaster.stats("one").map(|stats| stats.sent), Some(3));
    /// # }
    /// ```
    fn channels_max(&self) -> usize {
        usize::MAX
    }

    /// How clients are told that they may join; [`Answers::Empty`] by default.
    ///
    /// ```
    /// # use resound::{Broadcaster, Envelope, driver::{Answers, Credentials, Driver, Sending}};
    /// struct Own { credentials: Credentials }
    /// impl Driver for Own {
    ///     # fn send<'a>(&'a self, _: &'a Envelope) -> Sending<'a> { Box::pin(async { Ok(()) }) }
    ///     fn answers(&self) -> Answers {
    ///         Answers::Pusher(self.credentials.clone())
    ///     }
    /// }
    /// # let own = Own { credentials: Credentials::new("key", "secret") };
    /// # let broadcaster = Broadcaster::builder().connection("own", own).build();
    /// # assert_eq!(broadcaster.front_end().key, "key");
    /// ```
    fn answers(&self) -> Answers {
        Answers::Empty
    }

    /// What goes on at the server, with the channels whose names begin with `prefix`. By default it says nothing, which
    /// is a refusal.
    ///
    /// ```
    /// use resound::{Broadcaster, Envelope, driver::{Driver, Sending}, figures::{Asking, Figures}};
    ///
    /// struct Own;
    /// impl Driver for Own {
    ///     # fn send<'a>(&'a self, _: &'a Envelope) -> Sending<'a> { Box::pin(async { Ok(()) }) }
    ///     fn figures<'a>(&'a self, _prefix: &'a str) -> Asking<'a> {
    ///         let mut figures = Figures::default();
    ///         figures.connections = Some(7);
    ///         Box::pin(async { Ok(figures) })
    ///     }
    /// }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), resound::SendError> {
    /// let broadcaster = Broadcaster::builder().connection("own", Own).build();
    /// assert_eq!(broadcaster.figures("").await?.connections, Some(7));
    /// # Ok(())
    /// # }
    /// ```
    fn figures<'a>(&'a self, prefix: &'a str) -> Asking<'a> {
        let _ = prefix;
        let refused = DriverError::Refused("this driver's server has no figures".to_owned());
        Box::pin(async { Err::<Figures, _>(refused) })
    }

    /// How browsers connect. By default it follows from [`answers`](Driver::answers), and the server is where pages
    /// come from.
    ///
    /// ```
    /// # use resound::{Broadcaster, Envelope, driver::{Driver, Sending}, front_end::{EchoOptions, PublicHost}};
    /// struct Own;
    /// impl Driver for Own {
    ///     # fn send<'a>(&'a self, _: &'a Envelope) -> Sending<'a> { Box::pin(async { Ok(()) }) }
    ///     fn front_end(&self) -> EchoOptions {
    ///         EchoOptions { host: PublicHost::https("ws.example.org"), ..EchoOptions::new("key") }
    ///     }
    /// }
    /// # let broadcaster = Broadcaster::builder().connection("own", Own).build();
    /// # assert_eq!(broadcaster.front_end().key, "key");
    /// ```
    fn front_end(&self) -> EchoOptions {
        EchoOptions::of(&self.answers())
    }
}

/// How an application tells a client that it may join a channel.
///
/// ```
/// use resound::{channels::Signing, driver::{Answers, Credentials}};
///
/// // Of laravel-echo-server, and of a server that speaks Pusher's protocol.
/// let echo_server = Signing::new(&Answers::SocketIo);
/// let reverb = Signing::new(&Answers::Pusher(Credentials::new("key", "secret")));
/// # let _ = (echo_server, reverb);
/// ```
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
    #[cfg(feature = "encryption")]
    pub(crate) master_key: Option<crate::encryption::MasterKey>,
}

impl Credentials {
    /// Takes both.
    ///
    /// ```
    /// use resound::driver::{Answers, Credentials};
    ///
    /// let credentials = Credentials::new("resound-key", "resound-secret");
    /// assert_ne!(Answers::Pusher(credentials), Answers::Empty);
    /// ```
    pub fn new(key: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            secret: secret.into(),
            #[cfg(feature = "encryption")]
            master_key: None,
        }
    }

    /// Adds the key of encrypted channels.
    ///
    /// ```
    /// use resound::{driver::Credentials, encryption::MasterKey};
    ///
    /// let key = MasterKey::from_base64("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")?;
    /// let credentials = Credentials::new("key", "secret").master_key(key);
    /// assert_ne!(credentials, Credentials::new("key", "secret"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "encryption")]
    pub fn master_key(mut self, key: crate::encryption::MasterKey) -> Self {
        self.master_key = Some(key);
        self
    }

    /// The key of an encrypted channel, in base64.
    pub(crate) fn shared_secret(&self, channel: &str) -> Option<String> {
        #[cfg(feature = "encryption")]
        return self.master_key.as_ref().map(|key| key.shared_secret(channel));
        #[cfg(not(feature = "encryption"))]
        {
            let _ = channel;
            None
        }
    }

    /// A payload of an encrypted channel, if it is one and the key is known.
    pub(crate) fn open(&self, channel: &str, sealed: &str) -> Option<String> {
        #[cfg(feature = "encryption")]
        return self.master_key.as_ref()?.open(channel, sealed);
        #[cfg(not(feature = "encryption"))]
        {
            let _ = (channel, sealed);
            None
        }
    }

    /// A payload for an encrypted channel.
    #[cfg(any(feature = "embedded", feature = "http", feature = "redis"))]
    pub(crate) fn seal(&self, channel: &str, payload: &str) -> Result<String, String> {
        #[cfg(feature = "encryption")]
        if let Some(key) = &self.master_key {
            return key.seal(channel, payload);
        }
        let _ = payload;
        Err(format!("{channel} is encrypted, but there is no master key (Credentials::master_key)"))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("key", &self.key).finish_non_exhaustive()
    }
}
