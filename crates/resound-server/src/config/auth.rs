//! The settings of the questions that the application is asked: may this client join this channel?

use std::time::Duration;

use hyper::http::{Uri, uri::Authority};

use super::{
    environment::Environment,
    server_settings::ServerDraft,
    settings::{Setting, Shown},
    value::{Expected, Value},
};

/// Where and how the application is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthConfig {
    /// The application, or the applications among which the page's address chooses. Never empty.
    /// Default: `APP_URL`, else `http://localhost`.
    pub hosts: Vec<AuthHost>,
    /// The path that is asked, with its slash in front. Default `/broadcasting/auth`.
    pub endpoint: String,
    /// How long a client may wait for its answer, in all. Default 10 seconds.
    pub timeout: Duration,
    /// How many questions the application is asked at once. Default 64.
    pub concurrent_max: usize,
    /// Whether the application's certificate must be a valid one. Default true.
    pub verify_tls: bool,
}

impl Default for AuthConfig {
    fn default() -> Self {
        let localhost =
            Site { scheme: Scheme::Http, authority: "localhost".to_owned(), path: String::new() };
        Self {
            hosts: vec![AuthHost::Site(localhost)],
            endpoint: "/broadcasting/auth".to_owned(),
            timeout: Duration::from_secs(10),
            concurrent_max: 64,
            verify_tls: true,
        }
    }
}

/// An entry of `auth.hosts`, in the forms of laravel-echo-server's `authHost`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthHost {
    /// `https://app.example`, also with a port or a path: for pages of this scheme and host.
    Site(Site),
    /// `app.example`, also with a port: for pages of this host, asked by the page's scheme.
    Host(String),
    /// `.example` or `.example:8443`: for pages of any host one level below, on this port. Without a
    /// port the scheme's own is meant.
    Domain {
        /// What follows the first label of the host, with the dot in front.
        suffix: String,
        /// The port.
        port: Option<u16>,
    },
}

/// The beginning of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Its scheme.
    pub scheme: Scheme,
    /// Host and port, in lower case, without the port that the scheme means anyway.
    pub authority: String,
    /// What stands in front of the endpoint: empty, or `/path`.
    pub path: String,
}

/// How the application is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// Reads `http` or `https`.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Http, Self::Https].into_iter().find(|s| s.name().eq_ignore_ascii_case(text))
    }

    /// Its name in URLs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that URLs of this scheme mean when they name none.
    pub fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl AuthHost {
    /// Reads an entry; a slash at its end says nothing.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_end_matches('/');
        if text.starts_with('.') {
            let authority = authority(&format!("any{text}"))?;
            let suffix = authority.host().strip_prefix("any")?.to_ascii_lowercase();
            if suffix.len() < 2 {
                return None;
            }
            return Some(Self::Domain { suffix, port: authority.port_u16() });
        }
        if text.contains("://") {
            return Site::parse(text).map(Self::Site);
        }
        authority(text).map(|authority| Self::Host(authority.as_str().to_ascii_lowercase()))
    }
}

impl Site {
    /// Reads a URL that has no user, no query and no fragment.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let site = Self::of_origin(Scheme::parse(scheme)?, &rest[..end])?;
        let path = rest[end..].trim_end_matches('/');
        let is_path = path.is_empty() || path.starts_with('/') && is_target(path);
        (is_path && !path.contains('?')).then(|| Self { path: path.to_owned(), ..site })
    }

    /// Makes one of a scheme, and of a host with or without a port.
    pub fn of_origin(scheme: Scheme, host_and_port: &str) -> Option<Self> {
        let authority = authority(host_and_port)?;
        let host = authority.host().to_ascii_lowercase();
        let authority = match authority.port_u16().filter(|port| *port != scheme.port()) {
            Some(port) => format!("{host}:{port}"),
            None => host,
        };
        Some(Self { scheme, authority, path: String::new() })
    }
}

/// Host and port; what names a user as well is none.
fn authority(text: &str) -> Option<Authority> {
    let authority: Authority = text.parse().ok()?;
    let has_port = authority.as_str().len() > authority.host().len();
    let is_port = !has_port || authority.port_u16().is_some_and(|port| port > 0);
    let is_host = !authority.host().is_empty() && !text.contains('@');
    (is_host && is_port).then_some(authority)
}

/// Says whether a text is a path, with or without a query.
fn is_target(text: &str) -> bool {
    text.starts_with('/') && !text.contains('#') && text.parse::<Uri>().is_ok()
}

/// The address of a Laravel application, which is asked if nothing else is configured.
const APP_URL: &str = "APP_URL";

/// Settles who is asked, and says what is odd about it. `APP_URL` is weaker than every other source
/// and written for somebody else, so that a text that is no URL is no error.
pub(crate) fn settle(
    draft: &mut ServerDraft,
    environment: &Environment<'_>,
    warnings: &mut Vec<String>,
) {
    settle_hosts(draft, environment, warnings);
    let auth = &draft.server.auth;
    let is_plain =
        |host: &AuthHost| matches!(host, AuthHost::Site(site) if site.scheme == Scheme::Http);
    if !auth.verify_tls && !auth.hosts.iter().all(is_plain) {
        let what = "auth.verify_tls is off: whoever is between this server and the application \
                    can read its users' cookies";
        warnings.push(what.to_owned());
    }
}

fn settle_hosts(
    draft: &mut ServerDraft,
    environment: &Environment<'_>,
    warnings: &mut Vec<String>,
) {
    let auth = &mut draft.server.auth;
    if let Some(hosts) = draft.auth_hosts.take() {
        auth.hosts = hosts;
        return;
    }
    let Some(value) = environment.value(&[APP_URL]) else { return };
    match value.text().ok().and_then(|text| AuthHost::parse(&text)) {
        Some(host) => auth.hosts = vec![host],
        None => warnings.push(format!(
            "{} is no URL of a scheme and a host: Socket.IO clients are authorised at http://localhost, \
             RESOUND_AUTH_HOST changes that",
            value.origin
        )),
    }
}

type Row = Setting<ServerDraft>;
const OPEN: Shown = Shown::Open;

/// The table. People write passwords into addresses, so that a wrong one is not shown as a whole.
#[rustfmt::skip]
pub(crate) const AUTH: &[Row] = &[
    Row { key: "auth.hosts", env: &["RESOUND_AUTH_HOST", "LARAVEL_ECHO_SERVER_AUTH_HOST"], default: "APP_URL, else http://localhost", shown: Shown::Secret,
        help: "application that authorises Socket.IO clients, or a list by page",
        apply: |to, value| { to.auth_hosts = Some(hosts(value)?); Ok(()) } },
    Row { key: "auth.endpoint", env: &["RESOUND_AUTH_ENDPOINT"], default: "/broadcasting/auth", shown: OPEN,
        help: "path of the application that authorises",
        apply: |to, value| { to.server.auth.endpoint = endpoint(value)?; Ok(()) } },
    Row { key: "auth.timeout_seconds", env: &["RESOUND_AUTH_TIMEOUT_SECONDS"], default: "10", shown: OPEN,
        help: "seconds that an authorisation may take",
        apply: |to, value| { to.server.auth.timeout = Duration::from_secs(value.integer(1..=600)?); Ok(()) } },
    Row { key: "auth.max_concurrent", env: &["RESOUND_AUTH_MAX_CONCURRENT"], default: "64", shown: OPEN,
        help: "authorisations that the application is asked for at once",
        apply: |to, value| { to.server.auth.concurrent_max = value.size(1..=10_000)?; Ok(()) } },
    Row { key: "auth.verify_tls", env: &["RESOUND_AUTH_VERIFY_TLS"], default: "true", shown: OPEN,
        help: "check the certificate of the application that authorises",
        apply: |to, value| { to.server.auth.verify_tls = value.switch()?; Ok(()) } },
];

fn hosts(value: &Value) -> Result<Vec<AuthHost>, Expected> {
    let expected = |entry: &str| {
        if entry.contains('@') {
            return "addresses without user and password, such as https://app.example".to_owned();
        }
        format!(
            "addresses such as https://app.example, app.example or .example, which {entry:?} is not"
        )
    };
    let list = value.list()?;
    if list.is_empty() {
        return Err("at least one address, such as https://app.example".to_owned());
    }
    list.iter().map(|entry| AuthHost::parse(entry).ok_or_else(|| expected(entry))).collect()
}

fn endpoint(value: &Value) -> Result<String, Expected> {
    let text = value.text()?;
    let path = format!("/{}", text.trim().trim_start_matches('/'));
    let is_path = is_target(&path) && !text.contains("://");
    is_path.then_some(path).ok_or_else(|| "a path such as /broadcasting/auth".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(scheme: Scheme, authority: &str, path: &str) -> AuthHost {
        AuthHost::Site(Site { scheme, authority: authority.to_owned(), path: path.to_owned() })
    }

    #[test]
    fn an_entry_is_an_address_a_host_or_a_domain() {
        let domain = |suffix: &str, port| AuthHost::Domain { suffix: suffix.to_owned(), port };
        for (text, host) in [
            ("http://localhost", site(Scheme::Http, "localhost", "")),
            (" HTTPS://App.Example:443/ ", site(Scheme::Https, "app.example", "")),
            ("http://a.example:8000/shop/x/", site(Scheme::Http, "a.example:8000", "/shop/x")),
            ("http://[::1]:80", site(Scheme::Http, "[::1]", "")),
            ("App.example", AuthHost::Host("app.example".to_owned())),
            ("10.0.0.1:8000", AuthHost::Host("10.0.0.1:8000".to_owned())),
            (".App.example", domain(".app.example", None)),
            (".app.example:8443", domain(".app.example", Some(8443))),
        ] {
            assert_eq!(AuthHost::parse(text), Some(host), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "/",
            ".",
            "http://",
            "http:///path",
            "ftp://a.example",
            "http://user:password@a.example",
            "user@a.example",
            ".user@a.example",
            "http://a.example?x",
            "http://a.example/#x",
            "http://a.example/a b",
            "http://a.example:0",
            "http://a.example:99999",
            "http://a.example:",
            "a b",
            "a.example/path",
        ] {
            assert_eq!(AuthHost::parse(text), None, "{text:?}");
        }
    }
}
