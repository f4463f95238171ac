//! Where Redis is, and as whom we come. What is shown of it never holds the password.

use std::{fmt, path::PathBuf};

use redis::{ConnectionAddr, IntoConnectionInfo as _};

/// Where a Redis is and what it asks for.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisAddress {
    /// The way there.
    pub place: RedisPlace,
    /// The user, since Redis 6. Default: the default one.
    pub username: Option<String>,
    /// The password, which is never shown.
    pub password: Option<String>,
}

/// The way to a Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedisPlace {
    /// TCP.
    Tcp {
        /// A name or an address.
        host: String,
        /// The port.
        port: u16,
    },
    /// TLS over TCP.
    Tls {
        /// A name or an address, which the certificate must have.
        host: String,
        /// The port.
        port: u16,
        /// Whether it is looked at.
        certificate: Certificate,
    },
    /// A socket in the file system.
    Unix(PathBuf),
}

/// What is done with a server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// It must be one of those that this machine trusts.
    Checked,
    /// Any will do (`#insecure`).
    Unchecked,
}

/// The default port.
const PORT: u16 = 6379;

impl RedisAddress {
    /// Reads a URL: `redis://`, `rediss://` or `unix://`, with user and password, and a number of a
    /// database, which does not matter here: published messages belong to none. `None` if it is none.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let url = url.trim();
        // Laravel and predis have names of their own for the schemes.
        let url = match url.split_once("://") {
            Some(("tls", rest)) => format!("rediss://{rest}"),
            Some(("tcp", rest)) => format!("redis://{rest}"),
            _ => url.to_owned(),
        };
        let info = url.as_str().into_connection_info().ok()?;
        let place = match info.addr().clone() {
            ConnectionAddr::Tcp(host, port) => RedisPlace::Tcp { host, port },
            ConnectionAddr::TcpTls { host, port, insecure, .. } => {
                let certificate =
                    if insecure { Certificate::Unchecked } else { Certificate::Checked };
                RedisPlace::Tls { host, port, certificate }
            }
            ConnectionAddr::Unix(path) => RedisPlace::Unix(path),
            _ => return None,
        };
        let settings = info.redis_settings();
        let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        let (username, password) = (text(settings.username()), text(settings.password()));
        Some(Self { place, username, password })
    }

    /// Reads what Laravel calls host and port: a name, a name with `tls://` in front, or the path of
    /// a socket.
    pub(crate) fn of_parts(
        scheme: Option<&str>,
        host: Option<&str>,
        port: Option<&str>,
    ) -> Option<Self> {
        let host = host.unwrap_or("127.0.0.1").trim();
        if host.starts_with('/') {
            return Self::parse(&format!("unix://{host}"));
        }
        if host.contains("://") {
            return Self::parse(&with_port(host, port));
        }
        let scheme = scheme.unwrap_or("redis");
        let is_address = host.parse::<std::net::Ipv6Addr>().is_ok();
        let host = if is_address { format!("[{host}]") } else { host.to_owned() };
        Self::parse(&with_port(&format!("{scheme}://{host}"), port))
    }
}

/// Adds a port to a URL that has none.
fn with_port(url: &str, port: Option<&str>) -> String {
    let Some(port) = port else {
        return url.to_owned();
    };
    let host = url.rsplit_once("://").map_or(url, |(_, host)| host);
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let is_bare_address = host.ends_with(']');
    if has_port && !is_bare_address { url.to_owned() } else { format!("{url}:{}", port.trim()) }
}

impl Default for RedisAddress {
    fn default() -> Self {
        let place = RedisPlace::Tcp { host: "127.0.0.1".to_owned(), port: PORT };
        Self { place, username: None, password: None }
    }
}

impl fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host_of = |host: &str| {
            if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
        };
        match &self.place {
            RedisPlace::Tcp { host, port } => write!(f, "redis://{}:{port}", host_of(host)),
            RedisPlace::Tls { host, port, .. } => write!(f, "rediss://{}:{port}", host_of(host)),
            RedisPlace::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, shown: &str, username: Option<&str>, password: Option<&str>) {
        let address = RedisAddress::parse(url).unwrap_or_else(|| panic!("{url} is a URL"));
        assert_eq!(address.to_string(), shown, "{url}");
        assert_eq!(address.username.as_deref(), username, "{url}");
        assert_eq!(address.password.as_deref(), password, "{url}");
        if let Some(password) = password {
            assert!(!format!("{address} {address:?}").contains(password), "{url}");
        }
    }

    #[test]
    fn urls_of_every_kind_are_read_and_shown_without_their_secrets() {
        check("redis://127.0.0.1", "redis://127.0.0.1:6379", None, None);
        check("redis://a.example:7000/3", "redis://a.example:7000", None, None);
        check("redis://:s3cr%23t@h", "redis://h:6379", None, Some("s3cr#t"));
        check("redis://ann:pw@[::1]:7/0", "redis://[::1]:7", Some("ann"), Some("pw"));
        check("rediss://h", "rediss://h:6379", None, None);
        check("tls://h:1", "rediss://h:1", None, None);
        check("tcp://h:1", "redis://h:1", None, None);
        check(
            "unix:///run/r.sock?pass=pw&user=u&db=2",
            "unix:///run/r.sock",
            Some("u"),
            Some("pw"),
        );
    }

    #[test]
    fn a_certificate_is_checked_unless_the_url_says_otherwise() {
        let certificate = |url| match RedisAddress::parse(url).map(|address| address.place) {
            Some(RedisPlace::Tls { certificate, .. }) => certificate,
            other => panic!("{other:?}"),
        };
        assert_eq!(certificate("rediss://h"), Certificate::Checked);
        assert_eq!(certificate("rediss://h#insecure"), Certificate::Unchecked);
    }

    #[test]
    fn what_is_no_url_of_redis_is_refused() {
        for url in
            ["", "h", "http://h", "redis://", "redis://h:x", "rediss://h#other", "redis://h/x"]
        {
            assert_eq!(RedisAddress::parse(url), None, "{url}");
        }
    }

    #[test]
    fn the_parts_of_laravel_make_an_address() {
        let of = |scheme, host, port| {
            RedisAddress::of_parts(scheme, host, port).expect("an address").to_string()
        };
        assert_eq!(of(None, None, None), RedisAddress::default().to_string());
        assert_eq!(of(None, Some("h"), Some("7")), "redis://h:7");
        assert_eq!(of(None, Some("::1"), Some("7")), "redis://[::1]:7");
        assert_eq!(of(Some("tls"), Some("h"), None), "rediss://h:6379");
        assert_eq!(of(None, Some("tls://h"), Some("7")), "rediss://h:7");
        assert_eq!(of(None, Some("tls://h:8"), Some("7")), "rediss://h:8");
        assert_eq!(of(None, Some("/run/r.sock"), Some("0")), "unix:///run/r.sock");
        assert_eq!(RedisAddress::of_parts(None, Some("h"), Some("tcp://1.2.3.4:6379")), None);
    }
}
