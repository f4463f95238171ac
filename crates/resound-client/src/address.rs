//! Where a server is.

use hyper::{
    Uri,
    http::uri::{Authority, Scheme},
};

use crate::error::AddressError;

/// A server's WebSocket address, with the key of an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// A name or an IP address, without the brackets of IPv6.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) is_tls: bool,
    /// Path and query of the WebSocket.
    target: String,
    /// As it stands in `Host`.
    authority: String,
}

impl Address {
    /// Reads `ws://HOST:PORT/app/KEY`, also with `wss`, `http`, `https`, a path in front and a query.
    pub(crate) fn parse(url: &str) -> Result<Self, AddressError> {
        let fault = |reason: &str| AddressError::Malformed {
            url: url.to_owned(),
            reason: reason.to_owned(),
        };
        let uri: Uri = url.trim().parse().map_err(|error| fault(&format!("{error}")))?;
        let scheme = uri.scheme().map(Scheme::as_str);
        let is_tls = match scheme {
            Some("ws" | "http") => false,
            Some("wss" | "https") => true,
            _ => return Err(fault("it begins with neither ws:// nor wss://")),
        };
        let authority: &Authority = uri.authority().ok_or_else(|| fault("it has no host"))?;
        if authority.as_str().contains('@') {
            return Err(fault("it has a user name"));
        }
        let path = uri.path().trim_end_matches('/');
        let (_, key) = path.rsplit_once("/app/").ok_or_else(|| fault("it has no /app/KEY"))?;
        if key.is_empty() || key.contains('/') {
            return Err(fault("it has no key behind /app/"));
        }
        let port = authority.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        if port == 0 {
            return Err(fault("0 is no port"));
        }
        let query = uri.query().map(|query| format!("{query}&")).unwrap_or_default();
        let version = env!("CARGO_PKG_VERSION");
        Ok(Self {
            host: authority.host().trim_matches(['[', ']']).to_owned(),
            port,
            is_tls,
            target: format!("{path}?{query}protocol=7&client=resound-rust&version={version}"),
            authority: authority.as_str().to_owned(),
        })
    }

    /// Reads the variables of a Laravel project, see [`Builder::from_variables`](crate::Builder::from_variables).
    pub(crate) fn from_variables(
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Found, AddressError> {
        let value = |name: &str| {
            let value = variable(name)?;
            let value = value.trim();
            // Vite's variables refer to the others; who loads `.env` without substitution gets `${…}`.
            (!value.is_empty() && !value.starts_with("${")).then(|| value.to_owned())
        };
        let family = FAMILIES.iter().find(|family| value(family.key).is_some());
        let family = family.ok_or(AddressError::NoKey)?;
        let key = value(family.key).ok_or(AddressError::NoKey)?;
        let is_pusher = family.cluster.is_some();
        let scheme = value(family.scheme);
        let is_tls = match scheme.as_deref() {
            None | Some("https" | "wss") => true,
            Some("http" | "ws") => false,
            Some(other) => return Err(wrong(family.scheme, other, "http or https")),
        };
        let cluster = || family.cluster.and_then(value).unwrap_or_else(|| "mt1".to_owned());
        let host = value(family.host).unwrap_or_else(|| match is_pusher {
            true => format!("ws-{}.pusher.com", cluster()),
            false => "localhost".to_owned(),
        });
        let port = match value(family.port) {
            None if is_tls => 443,
            None => 80,
            Some(text) => {
                text.parse().map_err(|_| wrong(family.port, &text, "a number from 1 to 65535"))?
            }
        };
        let path = family.path.and_then(value).unwrap_or_default();
        let scheme = if is_tls { "wss" } else { "ws" };
        let address = Self::assemble(scheme, &host, port, &path, &key)?;
        Ok(Found { address, key, secret: family.secret })
    }

    fn assemble(
        scheme: &str,
        host: &str,
        port: u16,
        path: &str,
        key: &str,
    ) -> Result<Self, AddressError> {
        let path = path.trim_matches('/');
        let slash = if path.is_empty() { "" } else { "/" };
        let is_v6 = host.contains(':') && !host.starts_with('[');
        let host = if is_v6 { format!("[{host}]") } else { host.to_owned() };
        Self::parse(&format!("{scheme}://{host}:{port}{slash}{path}/app/{key}"))
    }

    /// Host and port, for messages.
    pub(crate) fn shown(&self) -> String {
        if self.host.contains(':') {
            return format!("[{}]:{}", self.host, self.port);
        }
        format!("{}:{}", self.host, self.port)
    }

    /// The address for the opening handshake.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.is_tls { "wss" } else { "ws" };
        format!("{scheme}://{}{}", self.authority, self.target)
    }
}

fn wrong(name: &'static str, value: &str, expected: &'static str) -> AddressError {
    AddressError::Variable { name, value: value.to_owned(), expected }
}

/// What variables name.
pub(crate) struct Found {
    pub(crate) address: Address,
    pub(crate) key: String,
    /// The variable that has the app's secret.
    pub(crate) secret: Option<&'static str>,
}

/// Variables that belong together.
struct Family {
    key: &'static str,
    host: &'static str,
    port: &'static str,
    scheme: &'static str,
    path: Option<&'static str>,
    cluster: Option<&'static str>,
    secret: Option<&'static str>,
}

const FAMILIES: [Family; 4] = [
    Family {
        key: "REVERB_APP_KEY",
        host: "REVERB_HOST",
        port: "REVERB_PORT",
        scheme: "REVERB_SCHEME",
        path: Some("REVERB_SERVER_PATH"),
        cluster: None,
        secret: Some("REVERB_APP_SECRET"),
    },
    Family {
        key: "VITE_REVERB_APP_KEY",
        host: "VITE_REVERB_HOST",
        port: "VITE_REVERB_PORT",
        scheme: "VITE_REVERB_SCHEME",
        path: None,
        cluster: None,
        secret: None,
    },
    Family {
        key: "PUSHER_APP_KEY",
        host: "PUSHER_HOST",
        port: "PUSHER_PORT",
        scheme: "PUSHER_SCHEME",
        path: None,
        cluster: Some("PUSHER_APP_CLUSTER"),
        secret: Some("PUSHER_APP_SECRET"),
    },
    Family {
        key: "VITE_PUSHER_APP_KEY",
        host: "VITE_PUSHER_HOST",
        port: "VITE_PUSHER_PORT",
        scheme: "VITE_PUSHER_SCHEME",
        path: None,
        cluster: Some("VITE_PUSHER_APP_CLUSTER"),
        secret: None,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> String {
        Address::parse(text).expect("an address").url()
    }

    fn from(variables: &[(&str, &str)]) -> Result<String, AddressError> {
        let find = |name: &str| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        Address::from_variables(&find).map(|found| {
            let url = found.address.url();
            url.split('?').next().unwrap_or_default().to_owned()
        })
    }

    #[test]
    fn an_address_gets_the_parameters_of_the_protocol() {
        let version = env!("CARGO_PKG_VERSION");
        let query = format!("protocol=7&client=resound-rust&version={version}");
        assert_eq!(
            url("ws://a.example:8080/app/key"),
            format!("ws://a.example:8080/app/key?{query}")
        );
        assert_eq!(
            url("https://a.example/ws/app/key/?x=1"),
            format!("wss://a.example/ws/app/key?x=1&{query}")
        );
        let address = Address::parse("ws://[::1]:80/app/k").expect("an address");
        assert_eq!((&*address.host, &*address.shown()), ("::1", "[::1]:80"));
    }

    #[test]
    fn what_is_no_address_says_why() {
        for (text, reason) in [
            ("localhost:8080", "it begins with neither"),
            ("ftp://a/app/k", "it begins with neither"),
            ("ws://a/", "it has no /app/KEY"),
            ("ws://a/app/", "it has no /app/KEY"),
            ("ws://a/app/k/l", "it has no key"),
            ("ws://u:p@a/app/k", "it has a user name"),
            ("ws://a:0/app/k", "0 is no port"),
            ("ws://a b/app/k", "invalid"),
        ] {
            let error = Address::parse(text).expect_err(text).to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn the_variables_of_laravel_name_a_server() {
        let reverb = [
            ("REVERB_APP_KEY", "k"),
            ("REVERB_HOST", "a.example"),
            ("REVERB_PORT", "8080"),
            ("REVERB_SCHEME", "http"),
            ("VITE_REVERB_APP_KEY", "${REVERB_APP_KEY}"),
        ];
        assert_eq!(from(&reverb).as_deref(), Ok("ws://a.example:8080/app/k"));
        assert_eq!(from(&reverb[..1]).as_deref(), Ok("wss://localhost:443/app/k"));
        let vite = [("VITE_REVERB_APP_KEY", "v"), ("VITE_REVERB_HOST", "::1")];
        assert_eq!(from(&vite).as_deref(), Ok("wss://[::1]:443/app/v"));
        let pusher = [("PUSHER_APP_KEY", "p"), ("PUSHER_APP_CLUSTER", "eu")];
        assert_eq!(from(&pusher).as_deref(), Ok("wss://ws-eu.pusher.com:443/app/p"));
    }

    #[test]
    fn a_wrong_variable_is_named() {
        assert_eq!(
            from(&reverb_with("REVERB_PORT", "80a")).expect_err("no port").to_string(),
            r#"REVERB_PORT is "80a", expected a number from 1 to 65535"#
        );
        assert_eq!(
            from(&reverb_with("REVERB_SCHEME", "tcp")).expect_err("no scheme").to_string(),
            r#"REVERB_SCHEME is "tcp", expected http or https"#
        );
        assert_eq!(from(&[("VITE_REVERB_APP_KEY", "${REVERB_APP_KEY}")]), Err(AddressError::NoKey));
    }

    fn reverb_with<'a>(name: &'a str, value: &'a str) -> [(&'a str, &'a str); 2] {
        [("REVERB_APP_KEY", "k"), (name, value)]
    }
}
