#![doc = include_str!("../../docs/embedded.md")]
//!
//! # Layout
//!
//! * this module: the handle; `options`: what it is told; `figures`: what it tells
//! * `driver`: events on their way to it; `hooks`: when it begins to tell what happens

mod driver;
mod figures;
#[cfg(feature = "axum")]
mod hooks;
mod options;

use std::{fmt, sync::Arc};

use resound_server::embed::Server;

use crate::{
    driver::Credentials,
    hooks::{Happening, Reactor},
};

pub use self::{
    driver::EmbeddedDriver,
    figures::{ChannelInfo, PresentMember, Stats},
    options::{ClientEvents, Options, OptionsError},
};

/// A server inside this process. It is a pointer: clone it. It stops when the last one is gone, the driver's and the router's
/// among them, or with [`Embedded::shutdown`].
///
/// ```
/// use resound::{Broadcaster, broadcast, embedded::{Embedded, Options}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let embedded = Embedded::start(Options::new().threads(1))?;
/// let broadcaster = Broadcaster::builder().embedded(&embedded).build();
/// broadcaster.send(broadcast::public("news").name("posted")).now().await;
/// assert_eq!(embedded.stats().await.published, 1);
/// embedded.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Embedded {
    server: Server,
    app_id: String,
    credentials: Credentials,
    #[cfg(feature = "axum")]
    hooks: Arc<hooks::HooksStart>,
}

impl Embedded {
    /// Starts the server: its threads run, and wait for what the application's router hands in.
    ///
    /// As the server by itself does, it raises the process's limit of open files as far as it may be raised. Of the rest of the
    /// process it touches nothing: signals, panics, the log and the allocator are the application's.
    ///
    /// # Errors
    /// If an option is wrong, or the system gives no threads.
    ///
    /// ```
    /// use resound::{Broadcaster, embedded::{Embedded, Options}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), resound::embedded::OptionsError> {
    /// let embedded = Embedded::start(Options::new().threads(2))?;
    /// let broadcaster = Broadcaster::builder().embedded(&embedded).build();
    /// # let _ = broadcaster;
    /// embedded.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn start(options: Options) -> Result<Self, OptionsError> {
        #[cfg(feature = "encryption")]
        let master_key = options.master_key()?;
        let config = options.read()?;
        let server = Server::start(&config).map_err(|error| OptionsError(error.to_string()))?;
        // `Server::start` refuses a configuration without an application.
        let app = config.apps.into_iter().next();
        let app = app.ok_or_else(|| OptionsError("there is no application".to_owned()))?;
        let credentials = Credentials::new(app.key, app.secret);
        #[cfg(feature = "encryption")]
        let credentials = match master_key {
            Some(key) => credentials.master_key(key),
            None => credentials,
        };
        Ok(Self {
            server,
            app_id: app.id.into(),
            credentials,
            #[cfg(feature = "axum")]
            hooks: Arc::default(),
        })
    }

    /// Sends events to it. [`Builder::embedded`](crate::Builder::embedded) does this, too.
    ///
    /// ```
    /// use resound::{Broadcaster, driver::Answers, embedded::{Embedded, Options}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let embedded = Embedded::start(Options::new().threads(1))?;
    /// let broadcaster = Broadcaster::builder().connection("own", embedded.driver()).build();
    /// assert_eq!(broadcaster.answers(), Answers::Pusher(embedded.credentials().clone()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn driver(&self) -> EmbeddedDriver {
        EmbeddedDriver::new(self.clone())
    }

    /// The application's key, which pages connect with.
    ///
    /// ```
    /// # use resound::embedded::{Embedded, Options};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let embedded = Embedded::start(Options::new().threads(1))?;
    /// assert_eq!(embedded.key(), "embedded-key"); // new Echo({ broadcaster: 'reverb', key: 'embedded-key', … })
    /// # Ok(())
    /// # }
    /// ```
    pub fn key(&self) -> &str {
        &self.credentials.key
    }

    /// The application's id, in the paths of the HTTP API.
    ///
    /// ```
    /// # use resound::embedded::{Embedded, Options};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let options = Options::new().app("1001", "shop-key", "shop-secret").threads(1);
    /// let embedded = Embedded::start(options)?;
    /// assert_eq!(embedded.app_id(), "1001"); // POST /apps/1001/events
    /// # Ok(())
    /// # }
    /// ```
    pub fn app_id(&self) -> &str {
        &self.app_id
    }

    /// What stands in front of the server's paths: nothing, or `/prefix`.
    ///
    /// ```
    /// # use resound::embedded::{Embedded, Options};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let embedded = Embedded::start(Options::new().path("/ws").threads(1))?;
    /// assert_eq!(embedded.path(), "/ws");
    /// # Ok(())
    /// # }
    /// ```
    pub fn path(&self) -> &str {
        self.server.path()
    }

    /// Key and secret, by which clients' permissions and requests to the HTTP API are signed.
    ///
    /// ```
    /// use resound::{driver::Credentials, embedded::{Embedded, Options}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let options = Options::new().app("1001", "shop-key", "shop-secret").threads(1);
    /// let embedded = Embedded::start(options)?;
    /// assert_eq!(embedded.credentials(), &Credentials::new("shop-key", "shop-secret"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Takes in no WebSocket any more, closes those that there are with 4100, which brings pages back to whoever serves them next,
    /// and waits until the server's threads have ended: 10 seconds at most (`RESOUND_SHUTDOWN_GRACE_SECONDS`).
    ///
    /// Meanwhile the application must still run: what waits for a message ends here, and what is still published arrives.
    ///
    /// ```
    /// # use resound::embedded::{Embedded, Options};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let embedded = Embedded::start(Options::new().threads(1))?;
    /// embedded.shutdown().await;
    /// assert!(!embedded.is_running());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn shutdown(&self) {
        self.server.shutdown().await;
    }

    /// Whether the server takes clients.
    ///
    /// ```
    /// # use resound::embedded::{Embedded, Options};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let embedded = Embedded::start(Options::new().threads(1))?;
    /// assert!(embedded.is_running()); // for a health check
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_running(&self) -> bool {
        self.server.is_running()
    }

    /// Calls hooks for what happens in this server's channels, without HTTP; those given last count. To hear of whole channels,
    /// give them before the first client comes. [`resound::axum::hooks`](crate::axum::hooks) does so.
    ///
    /// The server holds them, with their state, until [`Embedded::shutdown`]: everybody leaves then, and the hooks are told.
    ///
    /// ```
    /// use resound::{Broadcaster, Hooks, embedded::{Embedded, Options}, hooks::Joined};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let embedded = Embedded::start(Options::new().threads(1))?;
    /// let broadcaster = Broadcaster::builder().embedded(&embedded).build();
    /// let hooks = Hooks::new().on_join("room.{id}", |member: Joined| async move {
    ///     println!("{} is in {}", member.user_id, member.channel);
    /// });
    /// embedded.tell(&hooks.with_state(&broadcaster, ()));
    /// embedded.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn tell<S: Clone + Send + Sync + 'static>(&self, reactor: &Reactor<S>) {
        let reactor = reactor.clone();
        self.server.listen(Arc::new(move |happening| {
            reactor.offer(Happening::of(happening.event.clone(), happening.time_ms));
        }));
    }

    /// Where hooks wait for the application's state.
    #[cfg(feature = "axum")]
    pub(crate) fn hooks(&self) -> &hooks::HooksStart {
        &self.hooks
    }

    /// The server as integrations see it: requests of whatever framework are handed in here.
    #[doc(hidden)]
    pub fn server(&self) -> &Server {
        &self.server
    }
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedded").field("app_id", &self.app_id).finish_non_exhaustive()
    }
}
