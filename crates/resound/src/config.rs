//! Laravel's environment variables, as `config/broadcasting.php` reads them.

#[cfg(feature = "redis")]
mod redis;

use crate::{
    broadcaster::{Broadcaster, Builder},
    drivers::{Log, Null},
    front_end,
};

/// Why the environment describes no broadcaster.
///
/// ```
/// use resound::{Broadcaster, config::ConfigError};
///
/// let ably = |name: &str| (name == "BROADCAST_CONNECTION").then(|| "ably".to_owned());
/// let error = Broadcaster::from_variables(ably).expect_err("there is no such driver");
/// assert!(matches!(error, ConfigError::UnknownConnection { .. }));
/// assert!(error.to_string().starts_with(r#"BROADCAST_CONNECTION is "ably", but this build"#));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A variable that the connection needs is missing or empty.
    #[error("{connection} is the broadcast connection, but {variable} is missing")]
    Missing {
        /// The connection.
        connection: String,
        /// The variable.
        variable: String,
    },
    /// A variable has a value that it can't have.
    #[error("{variable} is {value:?}, but it must be {expected}")]
    Invalid {
        /// The variable.
        variable: String,
        /// Its value.
        value: String,
        /// What it must be.
        expected: &'static str,
    },
    /// There is no such connection.
    #[error(
        "{variable} is {value:?}, but this build of resound knows only {known}{}",
        remedy(value)
    )]
    UnknownConnection {
        /// The variable.
        variable: &'static str,
        /// Its value.
        value: String,
        /// What there is, joined by commas.
        known: String,
    },
    /// The server in this process can't be started.
    #[error("embedded is the broadcast connection, but it can't be started: {reason}")]
    Embedded {
        /// Why.
        reason: String,
    },
}

/// What makes a connection known that this build lacks.
fn remedy(connection: &str) -> &'static str {
    match connection {
        "embedded" => "; the cargo feature `embedded` adds it",
        "redis" => "; the cargo feature `redis` adds it",
        "pusher" | "reverb" => "; the cargo feature `http` adds it",
        _ => "",
    }
}

#[cfg(any(feature = "http", feature = "redis"))]
impl ConfigError {
    /// What is wrong, of a connection that is not the one that is asked for.
    pub(crate) fn reason(&self) -> String {
        if let Self::Missing { variable, .. } = self {
            return format!("{variable} is missing");
        }
        self.to_string()
    }
}

/// Where variables come from.
pub(crate) type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A builder with all connections of which the environment says enough.
pub(crate) fn builder(variables: Variables<'_>) -> Result<Builder, ConfigError> {
    let (variable, default) = default_connection(variables);
    let builder = Broadcaster::builder().connection("null", Null).connection("log", Log);
    #[cfg(feature = "http")]
    let builder = http::connections(builder, &default, variables)?;
    #[cfg(feature = "embedded")]
    let builder = embedded(builder, &default, variables)?;
    #[cfg(feature = "redis")]
    let builder = redis::connection(builder, &default, variables)?;
    if !KNOWN.contains(&&*default) {
        let known = KNOWN.join(", ");
        return Err(ConfigError::UnknownConnection { variable, value: default, known });
    }
    let builder = builder.default_connection(&default);
    let front_end = front_end::public(builder.front_end_of_driver(), &default, variables)?;
    Ok(builder.front_end(front_end))
}

/// Those that name the default connection, the newer one first.
pub(crate) const CONNECTION_VARIABLES: [&str; 2] = ["BROADCAST_CONNECTION", "BROADCAST_DRIVER"];

/// The connections that this build can make.
const KNOWN: &[&str] = &[
    #[cfg(feature = "embedded")]
    "embedded",
    "log",
    "null",
    #[cfg(feature = "http")]
    "pusher",
    #[cfg(feature = "redis")]
    "redis",
    #[cfg(feature = "http")]
    "reverb",
];

/// Starts the server in this process, if it is the connection that is asked for.
#[cfg(feature = "embedded")]
fn embedded(
    builder: Builder,
    default: &str,
    variables: Variables<'_>,
) -> Result<Builder, ConfigError> {
    use crate::embedded::{Embedded, Options};

    if default != "embedded" {
        return Ok(builder);
    }
    let embedded = Embedded::start(Options::from_variables(variables));
    match embedded {
        Ok(embedded) => Ok(builder.embedded(&embedded)),
        Err(error) => Err(ConfigError::Embedded { reason: error.to_string() }),
    }
}

fn default_connection(variables: Variables<'_>) -> (&'static str, String) {
    // `env()` of Laravel reads both of these as PHP's null.
    let name = |value: String| if value == "(null)" { "null".to_owned() } else { value };
    for variable in CONNECTION_VARIABLES {
        if let Some(value) = filled(variables, variable) {
            return (variable, name(value));
        }
    }
    tracing::warn!(
        "BROADCAST_CONNECTION is not set, so that events go nowhere; `null` says that this is meant"
    );
    ("BROADCAST_CONNECTION", "null".to_owned())
}

pub(crate) fn filled(variables: Variables<'_>, name: &str) -> Option<String> {
    variables(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// What Laravel's `env()` makes of a variable: its words for nothing are an empty text.
#[cfg(feature = "redis")]
fn laravel_text(variables: Variables<'_>, name: &str) -> Option<String> {
    let text = variables(name)?.trim().to_owned();
    let is_nothing =
        ["null", "(null)", "empty", "(empty)"].iter().any(|word| text.eq_ignore_ascii_case(word));
    Some(if is_nothing { String::new() } else { text })
}

pub(crate) fn port(
    variable: &str,
    default: u16,
    variables: Variables<'_>,
) -> Result<u16, ConfigError> {
    let Some(value) = filled(variables, variable) else { return Ok(default) };
    match value.parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(ConfigError::Invalid {
            variable: variable.to_owned(),
            value,
            expected: "a port from 1 to 65535",
        }),
    }
}

#[cfg(all(feature = "encryption", any(feature = "http", feature = "redis")))]
fn with_master_key(
    credentials: crate::driver::Credentials,
    prefix: &str,
    variables: Variables<'_>,
) -> Result<crate::driver::Credentials, ConfigError> {
    let variable = format!("{prefix}_ENCRYPTION_MASTER_KEY_BASE64");
    let Some(value) = filled(variables, &variable) else { return Ok(credentials) };
    match crate::encryption::MasterKey::from_base64(&value) {
        Ok(key) => Ok(credentials.master_key(key)),
        // A key is a secret, even one that is none.
        Err(_) => Err(ConfigError::Invalid {
            variable,
            value: "…".to_owned(),
            expected: "32 bytes in base64",
        }),
    }
}

#[cfg(feature = "http")]
mod http {
    #[cfg(feature = "encryption")]
    use super::with_master_key;
    use super::{ConfigError, Variables, filled, port};
    use crate::{
        broadcaster::Builder,
        driver::Credentials,
        drivers::{Pusher, PusherOptions, Scheme},
    };

    /// A connection to a server with Pusher's HTTP API.
    struct Connection {
        name: &'static str,
        prefix: &'static str,
    }

    const CONNECTIONS: [Connection; 2] = [
        Connection { name: "reverb", prefix: "REVERB" },
        Connection { name: "pusher", prefix: "PUSHER" },
    ];

    /// Adds those of which the environment says enough. Who does not use one need not configure it.
    pub(super) fn connections(
        mut builder: Builder,
        default: &str,
        variables: Variables<'_>,
    ) -> Result<Builder, ConfigError> {
        for connection in CONNECTIONS {
            match connection.read(variables) {
                Ok(options) => {
                    builder = builder.connection(connection.name, Pusher::new(options));
                }
                Err(error) if connection.name == default => return Err(error),
                Err(error) => builder = builder.without(connection.name, &error),
            }
        }
        Ok(builder)
    }

    impl Connection {
        fn read(&self, variables: Variables<'_>) -> Result<PusherOptions, ConfigError> {
            let need = |suffix: &str| {
                let variable = format!("{}_{suffix}", self.prefix);
                filled(variables, &variable).ok_or_else(|| ConfigError::Missing {
                    connection: self.name.to_owned(),
                    variable,
                })
            };
            let id = need("APP_ID")?;
            let credentials = Credentials::new(need("APP_KEY")?, need("APP_SECRET")?);
            #[cfg(feature = "encryption")]
            let credentials = with_master_key(credentials, self.prefix, variables)?;
            let host = need("HOST").or_else(|error| self.default_host(variables).ok_or(error))?;
            let scheme = self.scheme(variables)?;
            Ok(PusherOptions {
                scheme,
                port: port(&format!("{}_PORT", self.prefix), 443, variables)?,
                ..PusherOptions::new(id, credentials, host)
            })
        }

        /// Laravel knows a default host for `pusher` only.
        fn default_host(&self, variables: Variables<'_>) -> Option<String> {
            let cluster =
                || filled(variables, "PUSHER_APP_CLUSTER").unwrap_or_else(|| "mt1".to_owned());
            (self.name == "pusher").then(|| format!("api-{}.pusher.com", cluster()))
        }

        fn scheme(&self, variables: Variables<'_>) -> Result<Scheme, ConfigError> {
            let variable = format!("{}_SCHEME", self.prefix);
            match filled(variables, &variable).as_deref() {
                None | Some("https") => Ok(Scheme::Https),
                Some("http") => Ok(Scheme::Http),
                Some(value) => {
                    let value = value.to_owned();
                    Err(ConfigError::Invalid { variable, value, expected: "http or https" })
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, String> {
        let variables = |name: &str| {
            let pairs = text.lines().filter_map(|line| line.trim().split_once('='));
            pairs.filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).next()
        };
        let broadcaster = builder(&variables).map_err(|error| error.to_string())?.build();
        Ok(broadcaster.connections().collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn a_connection_that_was_not_built_in_names_its_cargo_feature() {
        let error = ConfigError::UnknownConnection {
            variable: "BROADCAST_CONNECTION",
            value: "redis".to_owned(),
            known: "log, null".to_owned(),
        };
        let text = error.to_string();
        assert!(text.ends_with("only log, null; the cargo feature `redis` adds it"), "{text}");
    }

    #[test]
    fn without_variables_nothing_is_sent() {
        assert_eq!(read(""), Ok("null log".to_owned()));
        assert_eq!(read("BROADCAST_CONNECTION=(null)"), Ok("null log".to_owned()));
    }

    #[test]
    fn the_newer_name_of_the_connection_wins() {
        assert_eq!(read("BROADCAST_DRIVER=log"), Ok("log null".to_owned()));
        assert_eq!(
            read("BROADCAST_DRIVER=log\nBROADCAST_CONNECTION=null"),
            Ok("null log".to_owned())
        );
        assert_eq!(read("BROADCAST_DRIVER=log\nBROADCAST_CONNECTION="), Ok("log null".to_owned()));
    }

    #[cfg(feature = "http")]
    #[test]
    fn connections_that_are_complete_are_there_by_name() {
        let pusher = "PUSHER_APP_ID=1\nPUSHER_APP_KEY=k\nPUSHER_APP_SECRET=s";
        assert_eq!(read(pusher), Ok("null log pusher".to_owned()));
        let reverb = "REVERB_APP_ID=1\nREVERB_APP_KEY=k\nREVERB_APP_SECRET=s\nREVERB_HOST=h";
        let all = format!("{pusher}\n{reverb}\nBROADCAST_CONNECTION=reverb");
        assert_eq!(read(&all), Ok("reverb log null pusher".to_owned()));
    }

    #[cfg(feature = "http")]
    #[tokio::test]
    async fn a_connection_that_is_not_the_default_one_says_why_it_is_not_there() {
        let variables = |name: &str| {
            let value = match name {
                "REVERB_APP_ID" | "REVERB_APP_KEY" | "REVERB_APP_SECRET" | "REVERB_HOST" => "x",
                "REVERB_PORT" => "808O",
                "REDIS_URL" => "nowhere",
                _ => return None,
            };
            Some(value.to_owned())
        };
        let broadcaster = builder(&variables).expect("null is the default").build();
        let error = async |name: &'static str| {
            let event = crate::broadcast::public("news").name("posted");
            broadcaster.send(event).via(name).result().await.unwrap_err().to_string()
        };
        assert_eq!(
            error("reverb").await,
            r#"there is no broadcast connection "reverb" (REVERB_PORT is "808O", but it must be a port from 1 to 65535); there is null, log"#
        );
        assert_eq!(
            error("pusher").await,
            r#"there is no broadcast connection "pusher" (PUSHER_APP_ID is missing); there is null, log"#
        );
        #[cfg(feature = "redis")]
        assert!(error("redis").await.contains(r#"connection "redis" (REDIS_URL is "…", but"#));
        assert_eq!(
            error("nope").await,
            r#"there is no broadcast connection "nope"; there is null, log"#
        );
    }

    #[cfg(feature = "http")]
    #[test]
    fn what_is_missing_or_wrong_is_named() {
        assert_eq!(
            read("BROADCAST_CONNECTION=reverb\nREVERB_APP_ID=1\nREVERB_APP_KEY=k").unwrap_err(),
            "reverb is the broadcast connection, but REVERB_APP_SECRET is missing"
        );
        let reverb =
            "BROADCAST_CONNECTION=reverb\nREVERB_APP_ID=1\nREVERB_APP_KEY=k\nREVERB_APP_SECRET=s";
        assert_eq!(
            read(reverb).unwrap_err(),
            "reverb is the broadcast connection, but REVERB_HOST is missing"
        );
        assert_eq!(
            read(&format!("{reverb}\nREVERB_HOST=h\nREVERB_PORT=x")).unwrap_err(),
            r#"REVERB_PORT is "x", but it must be a port from 1 to 65535"#
        );
        assert_eq!(
            read(&format!("{reverb}\nREVERB_HOST=h\nREVERB_SCHEME=ws")).unwrap_err(),
            r#"REVERB_SCHEME is "ws", but it must be http or https"#
        );
        #[cfg(feature = "encryption")]
        assert_eq!(
            read(&format!("{reverb}\nREVERB_HOST=h\nREVERB_ENCRYPTION_MASTER_KEY_BASE64=AAAA"))
                .unwrap_err(),
            r#"REVERB_ENCRYPTION_MASTER_KEY_BASE64 is "…", but it must be 32 bytes in base64"#
        );
        assert_eq!(
            read("BROADCAST_DRIVER=ably").unwrap_err(),
            format!(
                r#"BROADCAST_DRIVER is "ably", but this build of resound knows only {}"#,
                KNOWN.join(", ")
            )
        );
    }
}
