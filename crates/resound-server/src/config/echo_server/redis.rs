//! `databaseConfig.redis`, which are the options of the client ioredis, as a URL.

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    DEFAULT,
    mapping::{Mapping, Subscribers},
};
use crate::config::{
    error::ConfigError,
    json_file::EMPTY_OBJECT,
    value::{Origin, Raw, Value},
};

/// What a part of a URL must not have as it is.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Ways to several servers, of which one is the right one.
const SEVERAL_SERVERS: [&str; 4] = ["sentinel", "nodes", "cluster", "name"];

/// How to reach the server, in the words of ioredis.
#[derive(Default)]
struct Connection {
    host: Option<String>,
    port: Option<u64>,
    path: Option<String>,
    username: Option<String>,
    password: Option<String>,
    database: Option<u64>,
    is_tls: bool,
}

impl Mapping {
    /// Where events come from, and where the members of presence channels are published to.
    pub(super) fn redis(&mut self, subscribers: &Subscribers) {
        let publishes = self.take("databaseConfig.publishPresence");
        let prefix = self.take("databaseConfig.redis.keyPrefix");
        let (url, origin) = self.redis_url();
        if subscribers.redis {
            self.refuse_several_servers();
            self.give("redis.url", Value { raw: Raw::Text(url), origin });
            let none = || Value { raw: Raw::Text(String::new()), origin: DEFAULT };
            self.give("redis.prefix", prefix.unwrap_or_else(none));
        }
        let Some(publishes) = publishes.filter(|value| value.raw == Raw::Boolean(true)) else {
            return;
        };
        let is_kept_in_redis =
            self.values.get("database").is_none_or(|v| v.text().is_ok_and(|text| text == "redis"));
        if subscribers.redis && is_kept_in_redis {
            self.give("redis.publish_presence", publishes);
        } else {
            let sentence = "has no effect: it needs subscribers.redis, and redis as the database";
            self.warn(&publishes.origin, sentence);
        }
    }

    /// The address, and where its most telling part is written.
    fn redis_url(&mut self) -> (String, Origin) {
        if let Some(whole) = self.take("databaseConfig.redis") {
            return self.redis_url_of(whole);
        }
        let mut origin = None;
        let mut take = |name: &str| {
            let value = self.take(&format!("databaseConfig.redis.{name}"))?;
            origin.get_or_insert_with(|| value.origin.clone());
            Some(value)
        };
        let [path, host, port, username, password, database] =
            ["path", "host", "port", "username", "password", "db"].map(&mut take);
        let connection = Connection {
            path: self.redis_text(path),
            host: self.redis_text(host),
            port: self.redis_number(port, 65_535),
            username: self.redis_text(username),
            password: self.redis_secret(password),
            database: self.redis_number(database, u64::from(u32::MAX)),
            is_tls: self.values.keys().any(|key| key.starts_with("databaseConfig.redis.tls")),
        };
        (connection.url(), origin.unwrap_or(DEFAULT))
    }

    /// ioredis also takes a URL or a socket's path.
    fn redis_url_of(&mut self, whole: Value) -> (String, Origin) {
        let url = match &whole.raw {
            Raw::Text(text) if text.contains("://") => text.clone(),
            Raw::Text(text) if text.starts_with('/') => {
                Connection { path: Some(text.clone()), ..Connection::default() }.url()
            }
            raw if *raw == EMPTY_OBJECT => Connection::default().url(),
            Raw::Text(_)
            | Raw::Integer(_)
            | Raw::Boolean(_)
            | Raw::List(_)
            | Raw::Table(_)
            | Raw::Other(_) => {
                self.wrong(&whole, "an object with host and port, or a URL".to_owned());
                String::new()
            }
        };
        (url, whole.origin)
    }

    fn redis_text(&mut self, value: Option<Value>) -> Option<String> {
        let value = value?;
        let text = value.text().map_err(|expected| self.wrong(&value, expected)).ok();
        text.filter(|text| !text.is_empty())
    }

    fn redis_secret(&mut self, value: Option<Value>) -> Option<String> {
        let value = value?;
        if let Ok(text) = value.text() {
            return Some(text).filter(|text| !text.is_empty());
        }
        let (origin, shown) = (value.origin.to_string(), "(hidden)".to_owned());
        self.error(ConfigError::Value { origin, shown, expected: "a text".to_owned() });
        None
    }

    fn redis_number(&mut self, value: Option<Value>, max: u64) -> Option<u64> {
        let value = value?;
        value.integer(0..=max).map_err(|expected| self.wrong(&value, expected)).ok()
    }

    /// A single server taken for the one behind a sentinel would be a silent one.
    fn refuse_several_servers(&mut self) {
        let is_one = |key: &str| {
            let name = key.strip_prefix("databaseConfig.redis.").unwrap_or_default();
            SEVERAL_SERVERS.iter().any(|start| name.starts_with(start))
        };
        let found = self.values.iter().find(|(key, _)| is_one(key));
        let Some(origin) = found.map(|(_, value)| value.origin.to_string()) else { return };
        self.values.retain(|key, _| !is_one(key));
        let expected =
            "host and port of one Redis server: sentinels and clusters are not supported";
        self.error(ConfigError::Value {
            origin,
            shown: "there".to_owned(),
            expected: expected.to_owned(),
        });
    }
}

impl Connection {
    fn url(&self) -> String {
        let escape = |text: &str| utf8_percent_encode(text, ESCAPED).to_string();
        if let Some(path) = &self.path {
            return self.socket_url(path, escape);
        }
        let scheme = if self.is_tls { "rediss" } else { "redis" };
        let mut url = format!("{scheme}://");
        if self.username.is_some() || self.password.is_some() {
            let [username, password] = [&self.username, &self.password]
                .map(|part| escape(part.as_deref().unwrap_or_default()));
            let _ = write!(url, "{username}:{password}@");
        }
        let host = self.host.as_deref().unwrap_or("127.0.0.1");
        let is_v6 = host.contains(':') && !host.starts_with('[');
        let host = if is_v6 { format!("[{host}]") } else { host.to_owned() };
        let _ = write!(url, "{host}:{}", self.port.unwrap_or(6379));
        if let Some(database) = self.database {
            let _ = write!(url, "/{database}");
        }
        url
    }

    fn socket_url(&self, path: &str, escape: impl Fn(&str) -> String) -> String {
        let database = self.database.map(|number| number.to_string());
        let parts = [("db", &database), ("user", &self.username), ("pass", &self.password)];
        let parts = parts
            .into_iter()
            .filter_map(|(name, value)| Some(format!("{name}={}", escape(value.as_deref()?))));
        let parts: Vec<_> = parts.collect();
        let query = if parts.is_empty() { String::new() } else { format!("?{}", parts.join("&")) };
        format!("unix://{path}{query}")
    }
}
