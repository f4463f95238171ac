//! Where Redis is, and what stands in front of the channels.

use std::{fmt, sync::Arc};

use redis::{Cmd, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, RedisConnectionInfo};
use resound_protocol::laravel::redis_prefix;
use rustls::crypto::{CryptoProvider, aws_lc_rs};

use crate::driver::Credentials;

/// Where Redis is, what stands in front of the channels, and which application we are.
///
/// ```
/// use resound::drivers::RedisOptions;
///
/// let options = RedisOptions {
///     password: Some("secret".to_owned()),
///     ..RedisOptions::new("redis://127.0.0.1:6379")
/// };
/// assert_eq!(options.prefix, "laravel-database-");
/// assert!(!format!("{options:?}").contains("secret"));
/// ```
#[derive(Clone)]
pub struct RedisOptions {
    /// `redis://`, `rediss://` (TLS) or `unix://`, with user and password if need be. A number of a database has no
    /// meaning: what is published belongs to none.
    pub url: String,
    /// The user of Redis' ACL, if the URL has none; the default user by default.
    pub username: Option<String>,
    /// The password, if the URL has none.
    pub password: Option<String>,
    /// What stands in front of the channels' names, `laravel-database-` by default; see
    /// [`for_app_name`](RedisOptions::for_app_name).
    pub prefix: String,
    /// Key and secret by which clients of Pusher's protocol are let into channels; none by default, and only servers
    /// that ask for their Socket.IO clients are answered.
    pub credentials: Option<Credentials>,
}

/// A text is no URL of Redis. It is not repeated, because it may hold a password.
///
/// ```
/// use resound::drivers::{Redis, RedisOptions};
///
/// let error = Redis::new(RedisOptions::new("http://127.0.0.1")).expect_err("that is no Redis");
/// assert!(error.to_string().starts_with("that is no URL of Redis, such as redis://127.0.0.1:6379"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "that is no URL of Redis, such as redis://127.0.0.1:6379, rediss://user:password@host or unix:///run/redis.sock"
)]
pub struct InvalidRedisUrl;

impl RedisOptions {
    /// A Redis without a password, and the prefix of an application that Laravel would call `Laravel`.
    ///
    /// ```
    /// use resound::drivers::RedisOptions;
    ///
    /// let options = RedisOptions::new("rediss://user:password@redis.example.org");
    /// assert_eq!(options.prefix, "laravel-database-");
    /// ```
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            username: None,
            password: None,
            prefix: redis_prefix("laravel", '-'),
            credentials: None,
        }
    }

    /// Sets the prefix that Laravel 13 makes of `APP_NAME`. Up to version 12 it had underscores: `my_app_database_`.
    ///
    /// ```
    /// use resound::drivers::RedisOptions;
    ///
    /// let options = RedisOptions::new("redis://127.0.0.1").for_app_name("My App");
    /// assert_eq!(options.prefix, "my-app-database-");
    /// ```
    pub fn for_app_name(mut self, app_name: &str) -> Self {
        self.prefix = redis_prefix(app_name, '-');
        self
    }

    /// Where Redis is, and who we are to it.
    pub(super) fn connection_info(&self) -> Result<ConnectionInfo, InvalidRedisUrl> {
        let info =
            laravels_schemes(&self.url).into_connection_info().map_err(|_| InvalidRedisUrl)?;
        if matches!(info.addr(), ConnectionAddr::TcpTls { .. }) {
            choose_cryptography();
        }
        // Without the database: to choose one that does not exist is an error, and it would not matter. Without the
        // login: the crate keeps to itself what Redis says about it.
        let settings = RedisConnectionInfo::default();
        Ok(info.set_redis_settings(settings))
    }

    /// The command by which we log in, if we do.
    pub(super) fn login(&self) -> Option<Cmd> {
        let info = laravels_schemes(&self.url).into_connection_info().ok()?;
        let filled = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        let settings = info.redis_settings();
        let password = filled(settings.password()).or_else(|| self.password.clone())?;
        let mut command = redis::cmd("AUTH");
        command.arg(filled(settings.username()).or_else(|| self.username.clone())).arg(password);
        Some(command)
    }

    /// Where Redis is, without a password.
    pub(super) fn address(&self) -> String {
        match laravels_schemes(&self.url).into_connection_info() {
            Ok(info) => info.addr().to_string(),
            Err(_) => "an invalid address".to_owned(),
        }
    }
}

/// Laravel and predis have names of their own for the schemes.
fn laravels_schemes(url: &str) -> String {
    match url.trim().split_once("://") {
        Some(("tls", rest)) => format!("rediss://{rest}"),
        Some(("tcp", rest)) => format!("redis://{rest}"),
        _ => url.trim().to_owned(),
    }
}

/// The crate `redis` takes the process' own; where nothing else has chosen and a dependency brings a second one, it
/// would panic.
fn choose_cryptography() {
    if CryptoProvider::get_default().is_none() {
        // Somebody else may be faster, which is as good.
        let _: Result<(), Arc<CryptoProvider>> = aws_lc_rs::default_provider().install_default();
    }
}

impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisOptions")
            .field("address", &self.address())
            .field("username", &self.username)
            .field("prefix", &self.prefix)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_of_laravel_are_those_of_redis() {
        let address = |url| RedisOptions::new(url).address();
        assert_eq!(address("tcp://h:1"), "h:1");
        assert_eq!(address("tls://h"), "h:6379");
        assert_eq!(address("unix:///run/r.sock"), "/run/r.sock");
    }

    #[test]
    fn what_the_url_says_comes_first() {
        let options = RedisOptions {
            username: Some("u".to_owned()),
            password: Some("p".to_owned()),
            ..RedisOptions::new("redis://:secret@h/5")
        };
        assert_eq!(options.connection_info().unwrap().redis_settings().db(), 0);
        let login = options.login().expect("a password").get_packed_command();
        assert_eq!(login, b"*3\r\n$4\r\nAUTH\r\n$1\r\nu\r\n$6\r\nsecret\r\n");
        assert!(!format!("{options:?}").contains("secret"), "{options:?}");
    }

    #[test]
    fn what_is_no_url_is_refused_without_being_repeated() {
        for url in ["", "h", "http://:secret@h", "redis://"] {
            let error = RedisOptions::new(url).connection_info().expect_err("refused");
            assert!(!error.to_string().contains("secret"));
        }
    }
}
