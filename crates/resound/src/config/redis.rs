//! The connection `redis`: the variables of Laravel's `config/database.php`.

use super::{ConfigError, Variables, filled, laravel_text, port};
use crate::{
    broadcaster::Builder,
    driver::Credentials,
    drivers::{Redis, RedisOptions},
};

const NAME: &str = "redis";
const URL_EXPECTED: &str =
    "a URL such as redis://127.0.0.1:6379, rediss://user:password@host or unix:///run/redis.sock";
/// Laravel's name for an application that has none.
const NAMELESS: &str = "laravel";

/// Adds the connection if it is the default one, or something says where Redis is.
pub(super) fn connection(
    builder: Builder,
    default: &str,
    variables: Variables<'_>,
) -> Result<Builder, ConfigError> {
    let is_said = ["REDIS_URL", "REDIS_HOST"].iter().any(|name| filled(variables, name).is_some());
    if !is_said && default != NAME {
        return Ok(builder);
    }
    match read(variables) {
        Ok(driver) => Ok(builder.connection(NAME, driver)),
        Err(error) if default == NAME => Err(error),
        Err(error) => Ok(builder.without(NAME, &error)),
    }
}

fn read(variables: Variables<'_>) -> Result<Redis, ConfigError> {
    let url = given(variables, "REDIS_URL");
    let (variable, url) = match url {
        Some(url) => ("REDIS_URL", url),
        None => ("REDIS_HOST", url_of_parts(variables)?),
    };
    let app_name = laravel_text(variables, "APP_NAME").unwrap_or_else(|| NAMELESS.to_owned());
    let options = RedisOptions::new(url).for_app_name(&app_name);
    // A prefix that is set to nothing is an empty one, as it is for Laravel.
    let prefix = laravel_text(variables, "REDIS_PREFIX").unwrap_or(options.prefix);
    let options = RedisOptions {
        prefix,
        username: given(variables, "REDIS_USERNAME"),
        password: given(variables, "REDIS_PASSWORD"),
        credentials: credentials(variables)?,
        ..options
    };
    Redis::new(options).map_err(|_| ConfigError::Invalid {
        variable: variable.to_owned(),
        // It may hold a password.
        value: "…".to_owned(),
        expected: URL_EXPECTED,
    })
}

/// What is neither missing nor one of Laravel's words for nothing.
fn given(variables: Variables<'_>, name: &str) -> Option<String> {
    laravel_text(variables, name).filter(|text| !text.is_empty())
}

/// Laravel's host is a name, a name with `tls://` in front, or the path of a socket.
fn url_of_parts(variables: Variables<'_>) -> Result<String, ConfigError> {
    let host = given(variables, "REDIS_HOST").unwrap_or_else(|| "127.0.0.1".to_owned());
    if host.starts_with('/') {
        return Ok(format!("unix://{host}"));
    }
    let port = port("REDIS_PORT", 6379, variables)?;
    let scheme = given(variables, "REDIS_SCHEME").unwrap_or_else(|| "redis".to_owned());
    let (scheme, host) = host.split_once("://").unwrap_or((&scheme, &host));
    let is_bare_ipv6 = host.parse::<std::net::Ipv6Addr>().is_ok();
    let host = if is_bare_ipv6 { format!("[{host}]") } else { host.to_owned() };
    Ok(format!("{scheme}://{host}:{port}"))
}

/// The application that clients of Pusher's protocol connect to: Resound behind its Redis bridge.
fn credentials(variables: Variables<'_>) -> Result<Option<Credentials>, ConfigError> {
    for prefix in ["REVERB", "PUSHER"] {
        let value = |suffix: &str| filled(variables, &format!("{prefix}_APP_{suffix}"));
        if let (Some(key), Some(secret)) = (value("KEY"), value("SECRET")) {
            let credentials = Credentials::new(key, secret);
            #[cfg(feature = "encryption")]
            let credentials = super::with_master_key(credentials, prefix, variables)?;
            return Ok(Some(credentials));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where Redis is, and the prefix.
    fn check(text: &str, expected: &str) {
        let variables = |name: &str| {
            let pairs = text.lines().filter_map(|line| line.trim().split_once('='));
            pairs.filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).next()
        };
        let seen = match read(&variables) {
            Ok(redis) => format!("{redis:?}"),
            Err(error) => error.to_string(),
        };
        assert!(seen.contains(expected), "{seen}");
        assert!(!seen.contains("s3cret"), "{seen}");
    }

    #[test]
    fn redis_is_where_laravel_would_look_for_it() {
        check("", r#"address: "127.0.0.1:6379""#);
        check("REDIS_HOST=h\nREDIS_PORT=7", r#"address: "h:7""#);
        check("REDIS_HOST=tls://h\nREDIS_PORT=7", r#"address: "h:7""#);
        check("REDIS_HOST=::1", r#"address: "::1:6379""#);
        check("REDIS_HOST=/run/r.sock", r#"address: "/run/r.sock""#);
        check("REDIS_HOST=h\nREDIS_URL=redis://:s3cret@u:8/3", r#"address: "u:8""#);
        check("REDIS_PASSWORD=null\nREDIS_USERNAME=null", "username: None");
    }

    #[test]
    fn the_prefix_is_that_of_laravel_13_unless_one_is_set() {
        check("APP_NAME=My Shop", r#"prefix: "my-shop-database-""#);
        check("APP_NAME=My Shop\nREDIS_PREFIX=my_shop_database_", r#"prefix: "my_shop_database_""#);
        check("REDIS_PREFIX=", r#"prefix: """#);
    }

    #[test]
    fn what_can_not_be_is_named() {
        // Kubernetes sets such a variable for every service that is called `redis`.
        let kubernetes = "REDIS_PORT=tcp://10.0.0.1:6379";
        check(kubernetes, r#"REDIS_PORT is "tcp://10.0.0.1:6379", but it must be a port"#);
        check("REDIS_URL=http://:s3cret@h", r#"REDIS_URL is "…", but it must be a URL such as"#);
        check("REDIS_HOST=a b", r#"REDIS_HOST is "…", but it must be a URL such as"#);
    }

    #[test]
    fn who_uses_another_connection_need_not_mind() {
        let variables = |name: &str| (name == "REDIS_PORT").then(|| "tcp://h".to_owned());
        let builder = connection(Builder::default(), "log", &variables).expect("nothing is read");
        assert_eq!(builder.build().connections().collect::<Vec<_>>(), ["null"]);
    }
}
