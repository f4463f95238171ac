#![doc = include_str!("../../docs/front_end.md")]
//!
//! # Layout
//!
//! * `render`: as a script, a meta tag, JSON
//! * `variables`: Laravel's `VITE_*`

mod render;
mod variables;

use crate::driver::Answers;

pub(crate) use variables::public;

/// What a page gives to Echo, made of the running configuration; see the [module](self).
///
/// ```
/// use resound::front_end::{EchoOptions, PublicHost};
///
/// let options = EchoOptions {
///     host: PublicHost::https("ws.example.org"),
///     csrf_token: Some("of the session".to_owned()),
///     ..EchoOptions::new("resound-key")
/// };
/// assert!(options.script().starts_with(r#"<script>window.resound={"broadcaster":"reverb","key":"resound-key","#));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EchoOptions {
    /// Which of its connectors Echo uses, [`Connector::Reverb`] by default.
    pub connector: Connector,
    /// The application's key.
    pub key: String,
    /// Where browsers reach the server, [where the page comes from](PublicHost::SameOrigin) by default.
    pub host: PublicHost,
    /// What stands in front of `/app` (`/ws`), nothing by default.
    pub path: String,
    /// Pusher's cluster, none by default.
    pub cluster: Option<String>,
    /// How pusher-js connects: `ws` and `wss` by default, as Laravel sets it; without any it tries all it knows.
    pub transports: Vec<String>,
    /// Where clients ask whether they may join, `/broadcasting/auth` by default.
    pub auth_endpoint: String,
    /// Where clients sign in, `/broadcasting/user-auth` by default.
    pub user_auth_endpoint: String,
    /// What Echo sends as `X-CSRF-TOKEN` with its questions, nothing by default: the [routes](crate::axum::routes) need none.
    pub csrf_token: Option<String>,
    /// Echo's namespace, with dots; by default its own, `App.Events`.
    pub namespace: Option<String>,
}

/// Which of its connectors Echo uses.
///
/// ```
/// use resound::front_end::{Connector, EchoOptions};
///
/// let options = EchoOptions { connector: Connector::SocketIo, ..EchoOptions::new("") };
/// assert!(options.script().contains(r#""broadcaster":"socket.io""#));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Connector {
    /// Pusher's protocol, with any server.
    Reverb,
    /// Pusher's protocol, with Pusher itself or a server that is named.
    Pusher,
    /// Socket.IO.
    SocketIo,
    /// None: nothing is broadcast.
    Null,
}

/// Where browsers reach the server, which need not be where the application does.
///
/// ```
/// use resound::front_end::{EchoOptions, PublicHost, PublicScheme};
///
/// let (scheme, host) = (PublicScheme::Https, "ws.example.org".to_owned());
/// let host = PublicHost::At { scheme, host, port: 8443 };
/// let options = EchoOptions { host, ..EchoOptions::new("key") };
/// assert!(options.javascript().contains(r#""wsHost":"ws.example.org""#));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicHost {
    /// At the host, port and scheme that the page has: the script asks the browser, so that it is right behind any proxy.
    SameOrigin,
    /// Where Pusher's cluster is.
    Cluster,
    /// At an address of its own.
    At {
        /// Whether over TLS.
        scheme: PublicScheme,
        /// A name or an address.
        host: String,
        /// The port.
        port: u16,
    },
}

/// Whether browsers connect over TLS.
///
/// ```
/// use resound::front_end::{EchoOptions, PublicScheme};
///
/// let options = EchoOptions::new("key").on(PublicScheme::Http, "localhost:8000");
/// assert!(options.json()?.contains(r#""forceTLS":false"#));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicScheme {
    /// `ws://`.
    Http,
    /// `wss://`.
    Https,
}

/// It is not known where the server is: that is [where the page comes from](PublicHost::SameOrigin), and only the browser
/// knows it.
///
/// ```
/// use resound::front_end::{EchoOptions, UnknownOrigin};
///
/// assert_eq!(EchoOptions::new("key").json(), Err(UnknownOrigin)); // where the page comes from
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the server is where the page comes from, which only the browser knows: use the script, or say where (EchoOptions::on)"
)]
pub struct UnknownOrigin;

impl PublicHost {
    /// Over TLS, on the default port.
    ///
    /// ```
    /// use resound::front_end::{PublicHost, PublicScheme};
    ///
    /// let (scheme, host) = (PublicScheme::Https, "ws.example.org".to_owned());
    /// assert_eq!(PublicHost::https("ws.example.org"), PublicHost::At { scheme, host, port: 443 });
    /// ```
    pub fn https(host: impl Into<String>) -> Self {
        Self::At { scheme: PublicScheme::Https, host: host.into(), port: 443 }
    }

    /// Without TLS.
    ///
    /// ```
    /// use resound::front_end::{EchoOptions, PublicHost};
    ///
    /// let options = EchoOptions { host: PublicHost::http("localhost", 8080), ..EchoOptions::new("key") };
    /// assert!(options.json()?.contains(r#""wsHost":"localhost","wsPort":8080"#));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn http(host: impl Into<String>, port: u16) -> Self {
        Self::At { scheme: PublicScheme::Http, host: host.into(), port }
    }
}

impl PublicScheme {
    /// The port that needs no mention.
    pub(crate) fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl EchoOptions {
    /// A server of Pusher's protocol where the page comes from.
    ///
    /// ```
    /// use resound::front_end::{Connector, EchoOptions, PublicHost};
    ///
    /// let options = EchoOptions::new("resound-key");
    /// assert_eq!((options.connector, options.host), (Connector::Reverb, PublicHost::SameOrigin));
    /// ```
    pub fn new(key: impl Into<String>) -> Self {
        Self {
            connector: Connector::Reverb,
            key: key.into(),
            host: PublicHost::SameOrigin,
            path: String::new(),
            cluster: None,
            transports: ["ws", "wss"].map(str::to_owned).into(),
            auth_endpoint: "/broadcasting/auth".to_owned(),
            user_auth_endpoint: "/broadcasting/user-auth".to_owned(),
            csrf_token: None,
            namespace: None,
        }
    }

    /// What suits clients that are answered like this. Of the credentials only the key is taken.
    pub(crate) fn of(answers: &Answers) -> Self {
        match answers {
            Answers::Pusher(credentials) => Self::new(&credentials.key),
            Answers::SocketIo => Self { connector: Connector::SocketIo, ..Self::new("") },
            Answers::Empty => Self { connector: Connector::Null, ..Self::new("") },
        }
    }

    /// The same for a page of this address, if the server is where the page comes from. `host` may have a port, as in a
    /// request's header `Host`.
    ///
    /// ```
    /// use resound::front_end::{EchoOptions, PublicScheme};
    ///
    /// let options = EchoOptions::new("key").on(PublicScheme::Https, "shop.example:8443");
    /// assert!(options.json()?.contains(r#""wsHost":"shop.example","wsPort":8443,"wssPort":8443,"forceTLS":true"#));
    /// # Ok::<(), resound::front_end::UnknownOrigin>(())
    /// ```
    pub fn on(mut self, scheme: PublicScheme, host: &str) -> Self {
        if self.host == PublicHost::SameOrigin {
            let (host, port) = match host.rsplit_once(':') {
                Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()),
                _ => (host, None),
            };
            let (host, port) = (host.to_owned(), port.unwrap_or_else(|| scheme.port()));
            self.host = PublicHost::At { scheme, host, port };
        }
        self
    }
}
