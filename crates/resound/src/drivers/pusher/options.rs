//! Where a server is, and who we are to it.

use std::fmt;

use crate::{
    driver::Credentials,
    front_end::{Connector, EchoOptions, PublicHost, PublicScheme},
};

/// How a server is spoken to.
///
/// ```
/// use resound::drivers::Scheme;
///
/// assert_eq!(Scheme::default(), Scheme::Https);
/// assert_eq!(Scheme::Http.to_string(), "http");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheme {
    /// Without encryption.
    Http,
    /// Over TLS; the server's certificate must be signed by one of this machine's roots.
    #[default]
    Https,
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}

/// Where a server is, and which application we are.
///
/// ```
/// use resound::{driver::Credentials, drivers::{PusherOptions, Scheme}};
///
/// let options = PusherOptions::new("1001", Credentials::new("key", "secret"), "ws.example.org");
/// assert_eq!((options.scheme, options.port, &*options.path), (Scheme::Https, 443, ""));
/// ```
#[derive(Clone, Debug)]
pub struct PusherOptions {
    /// The application's id.
    pub app_id: String,
    /// The application's key and secret.
    pub credentials: Credentials,
    /// The server's name or address.
    pub host: String,
    /// Its port, 443 by default.
    pub port: u16,
    /// How it is spoken to, over TLS by default.
    pub scheme: Scheme,
    /// What stands in front of `/apps` (`/ws`), nothing by default.
    pub path: String,
    /// How many events of the queue one request may carry, counted once for each of their channels: 10 by default,
    /// which is Pusher's bound; Resound takes 100 and Reverb any number. With 1 events are sent one by one.
    pub batch_max: usize,
    /// The bytes of such a request, 8,000 by default: Reverb refuses requests of more than 10,000.
    pub batch_bytes_max: usize,
}

impl PusherOptions {
    /// A server on the default port, over TLS.
    ///
    /// ```
    /// use resound::{driver::Credentials, drivers::PusherOptions};
    ///
    /// let credentials = Credentials::new("key", "secret");
    /// let pushers_own = PusherOptions::new("1001", credentials, "api-eu.pusher.com");
    /// assert_eq!((pushers_own.port, pushers_own.batch_max), (443, 10));
    /// ```
    pub fn new(
        app_id: impl Into<String>,
        credentials: Credentials,
        host: impl Into<String>,
    ) -> Self {
        Self {
            app_id: app_id.into(),
            credentials,
            host: host.into(),
            port: 443,
            scheme: Scheme::default(),
            path: String::new(),
            batch_max: 10,
            batch_bytes_max: 8000,
        }
    }

    /// The same server for browsers; of Pusher's own, which has another address for them, the cluster.
    pub(super) fn front_end(&self) -> EchoOptions {
        let options =
            EchoOptions { path: self.path.clone(), ..EchoOptions::new(&self.credentials.key) };
        let cluster =
            self.host.strip_prefix("api-").and_then(|host| host.strip_suffix(".pusher.com"));
        if let Some(cluster) = cluster {
            return EchoOptions {
                connector: Connector::Pusher,
                host: PublicHost::Cluster,
                cluster: Some(cluster.to_owned()),
                ..options
            };
        }
        let scheme = match self.scheme {
            Scheme::Http => PublicScheme::Http,
            Scheme::Https => PublicScheme::Https,
        };
        let (host, port) = (self.host.clone(), self.port);
        EchoOptions { host: PublicHost::At { scheme, host, port }, ..options }
    }

    /// The server's address, with the path prefix.
    pub(super) fn base(&self) -> String {
        let Self { scheme, port, .. } = self;
        let is_bare_ipv6 = self.host.contains(':') && !self.host.starts_with('[');
        let host = if is_bare_ipv6 { format!("[{}]", self.host) } else { self.host.clone() };
        let path = self.path.trim_matches('/');
        let slash = if path.is_empty() { "" } else { "/" };
        format!("{scheme}://{host}:{port}{slash}{path}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_ipv6_get_their_brackets() {
        let options = |host: &str| PusherOptions::new("1", Credentials::new("k", "s"), host);
        assert_eq!(options("::1").base(), "https://[::1]:443");
        assert_eq!(options("[::1]").base(), "https://[::1]:443");
        let prefixed = PusherOptions { path: "ws/".to_owned(), ..options("h") };
        assert_eq!(prefixed.base(), "https://h:443/ws");
    }
}
