//! What the keys of the file are called here.

use std::collections::BTreeMap;

use super::{APP_ID, DEFAULT, EchoServerConfig, EchoServerFile};
use crate::config::{
    error::ConfigError,
    json_file::EMPTY_OBJECT,
    toml_file::Section,
    value::{Expected, Origin, Raw, Value},
};

const DEFAULT_PORT: i64 = 6001;
/// `SSL_OP_NO_TLSv1`, which `init` writes into the file: we speak nothing that old anyway.
const NO_TLS_1: i64 = 0x0400_0000;
/// The largest number of milliseconds that a timer may have.
const DAY_MILLIS: u64 = 86_400_000;

/// The keys of TLS and our settings.
const TLS: [(&str, &str); 4] = [
    ("sslCertPath", "tls.cert"),
    ("sslKeyPath", "tls.key"),
    ("sslCertChainPath", "tls.chain"),
    ("sslPassphrase", "tls.passphrase"),
];
const REQUIRED_FOR_TLS: [&str; 2] = ["sslCertPath", "sslKeyPath"];

/// The values that nobody has read yet, and what was made of the others.
#[derive(Default)]
pub(super) struct Mapping {
    pub(super) values: BTreeMap<String, Value>,
    server: Section,
    errors: Vec<ConfigError>,
    warnings: Vec<String>,
}

/// What events come through.
pub(super) struct Subscribers {
    pub(super) http: bool,
    pub(super) redis: bool,
}

impl Mapping {
    pub(super) fn of(values: BTreeMap<String, Value>) -> Self {
        Self { values, ..Self::default() }
    }

    /// Reads everything.
    pub(super) fn read(mut self, source: &str) -> Result<EchoServerFile, Vec<ConfigError>> {
        self.process();
        self.authorisation();
        let subscribers = self.subscribers();
        self.redis(&subscribers);
        self.socketio();
        let origins = self.origins();
        let api_headers = self.api_headers();
        let clients = self.clients();
        self.rest();
        let fallback = || Value { raw: Raw::Text(APP_ID.to_owned()), origin: DEFAULT };
        let (id, key) = clients.first().cloned().unwrap_or_else(|| (fallback(), fallback()));
        let clients = self.bearer_clients(&clients);
        if !self.errors.is_empty() {
            return Err(self.errors);
        }
        let http_events = subscribers.http;
        let config = EchoServerConfig { source: source.to_owned(), http_events, api_headers };
        let Self { server, warnings, .. } = self;
        Ok(EchoServerFile { server, config, clients, id, key, origins, warnings })
    }

    /// Where it listens, and how.
    fn process(&mut self) {
        self.pass("host", "host");
        let default = Value { raw: Raw::Integer(DEFAULT_PORT), origin: DEFAULT };
        let mut port = self.take("port").unwrap_or(default);
        if let Some(number) = port.text().ok().and_then(|text| last_number(&text)) {
            port.raw = Raw::Integer(number);
        }
        self.give("port", port.clone());
        self.debug();
        let Some(protocol) = self.take("protocol") else { return self.no_tls() };
        match protocol.word(&[("http", "http"), ("https", "https")]) {
            Ok("https") => self.tls(protocol, port),
            Ok(_) => self.no_tls(),
            Err(expected) => self.wrong(&protocol, expected),
        }
    }

    fn debug(&mut self) {
        let Some(mode) = self.take("devMode") else { return };
        match mode.text().ok().as_deref() {
            None if mode.raw == Raw::Boolean(true) => self.give("debug", mode),
            Some("true") => self.give("debug", mode),
            None if mode.raw == Raw::Boolean(false) => {}
            Some("false" | "") => {}
            _ => self.warn(&mode.origin, "has no effect: it is on if it is true, and only then"),
        }
    }

    /// A certificate may be configured before it is used.
    fn no_tls(&mut self) {
        for (key, _) in TLS {
            self.values.remove(key);
        }
    }

    fn tls(&mut self, protocol: Value, port: Value) {
        for (key, setting) in TLS {
            match self.take_text(key) {
                Some(value) => self.give(setting, value),
                None if REQUIRED_FOR_TLS.contains(&key) => {
                    self.wrong(&protocol, format!("{key} beside it"));
                }
                None => {}
            }
        }
        self.give("public_scheme", protocol);
        self.give("public_port", port);
    }

    /// Where subscriptions to private channels are authorised.
    fn authorisation(&mut self) {
        let localhost = Raw::List(vec![Raw::Text("http://localhost".to_owned())]);
        let hosts = self.take("authHost").filter(|value| !is_empty(&value.raw));
        let mut hosts = hosts.unwrap_or(Value { raw: localhost, origin: DEFAULT });
        if matches!((&hosts.raw, &hosts.origin), (Raw::Text(_), Origin::File { .. })) {
            // A text of the file is one host, also with a comma in it.
            hosts.raw = Raw::List(vec![hosts.raw]);
        }
        // One of several is chosen by the Referer, and asked with the Referer's scheme.
        let is_plain = |hosts: &[String]| matches!(hosts, [host] if host.starts_with("http://"));
        if hosts.list().is_ok_and(|hosts| !is_plain(&hosts)) {
            let sentence = "is asked without a check of its certificate, as laravel-echo-server \
                            did; RESOUND_AUTH_VERIFY_TLS=true checks it";
            self.warn(&hosts.origin, sentence);
        }
        self.give("auth.hosts", hosts);
        if let Some(endpoint) = self.take_text("authEndpoint") {
            self.give("auth.endpoint", endpoint);
        }
        self.give("auth.verify_tls", Value { raw: Raw::Boolean(false), origin: DEFAULT });
    }

    /// What is not in the object is off; without the object everything is on.
    fn subscribers(&mut self) -> Subscribers {
        let is_there = self.values.keys().any(|key| key.starts_with("subscribers"));
        let [http, redis] = ["subscribers.http", "subscribers.redis"]
            .map(|key| self.switch(key).unwrap_or(!is_there));
        Subscribers { http, redis }
    }

    /// The options that laravel-echo-server passes on to Socket.IO.
    fn socketio(&mut self) {
        self.pass("socketio.path", "socketio.path");
        self.pass("socketio.maxHttpBufferSize", "socketio.max_payload");
        for (key, setting) in [
            ("socketio.pingInterval", "socketio.ping_interval"),
            ("socketio.pingTimeout", "socketio.ping_timeout"),
        ] {
            let Some(value) = self.take(key) else { continue };
            match value.integer(1..=DAY_MILLIS) {
                Ok(millis) => {
                    let seconds = Raw::Integer(millis.div_ceil(1000) as i64);
                    self.give(setting, Value { raw: seconds, ..value });
                }
                Err(expected) => self.wrong(&value, format!("{expected}, in milliseconds")),
            }
        }
        // What they ask for is so anyway.
        self.values.retain(|key, value| match key.as_str() {
            "socketio.transports" => !value.list().is_ok_and(|list| has_all_transports(&list)),
            "socketio.serveClient" | "socketio.allowUpgrades" => value.switch() != Ok(true),
            "socketio.cookie" => value.switch() != Ok(false),
            _ => true,
        });
    }

    /// Socket.IO 2 writes an origin as `host:port` or `scheme://host:port`, with `*` for any port or
    /// host, several of them in one text with blanks.
    fn origins(&mut self) -> Option<Value> {
        let mut value = self.take("socketio.origins")?;
        let entries = match &value.raw {
            Raw::Text(text) => Ok(text.split_whitespace().map(str::to_owned).collect()),
            Raw::List(_) | Raw::Integer(_) | Raw::Boolean(_) | Raw::Table(_) | Raw::Other(_) => {
                value.list()
            }
        };
        match entries {
            Ok(entries) => {
                let entries = entries.iter().map(|entry| Raw::Text(origin(entry).to_owned()));
                value.raw = Raw::List(entries.collect());
                Some(value)
            }
            Err(expected) => {
                self.wrong(&value, expected);
                None
            }
        }
    }

    /// What is left has no effect here.
    fn rest(&mut self) {
        for (key, value) in std::mem::take(&mut self.values) {
            let sentence = match key.as_str() {
                _ if value.raw == EMPTY_OBJECT => continue,
                "database" if value.text().is_ok_and(|text| text == "redis") => continue,
                "databaseConfig.sqlite.databasePath" => continue,
                "secureOptions" if value.raw == Raw::Integer(NO_TLS_1) => continue,
                "database" => "has no effect: the members of presence channels are kept in memory",
                "secureOptions" => "has no effect: TLS 1.2 and 1.3 are spoken, nothing older",
                _ => "has no effect",
            };
            self.warn(&value.origin, sentence);
        }
    }

    pub(super) fn take(&mut self, key: &str) -> Option<Value> {
        self.values.remove(key)
    }

    /// A text that is not empty.
    pub(super) fn take_text(&mut self, key: &str) -> Option<Value> {
        let value = self.take(key)?;
        match value.text() {
            Ok(text) => (!text.is_empty()).then_some(value),
            Err(expected) => {
                self.wrong(&value, expected);
                None
            }
        }
    }

    /// A switch; a wrong one is an error and off.
    pub(super) fn switch(&mut self, key: &str) -> Option<bool> {
        let value = self.take(key)?;
        Some(value.switch().unwrap_or_else(|expected| {
            self.wrong(&value, expected);
            false
        }))
    }

    /// Gives a setting its value.
    pub(super) fn give(&mut self, setting: &str, value: Value) {
        self.server.values.push((setting.to_owned(), value));
    }

    /// Gives a setting the value of a key.
    fn pass(&mut self, key: &str, setting: &str) {
        if let Some(value) = self.take(key) {
            self.give(setting, value);
        }
    }

    pub(super) fn warn(&mut self, origin: &Origin, sentence: &str) {
        self.warnings.push(format!("{origin} {sentence}"));
    }

    pub(super) fn wrong(&mut self, value: &Value, expected: Expected) {
        let is_secret = matches!(&value.origin, Origin::File { key, .. } if key.ends_with("key"));
        let shown = if is_secret { "(hidden)".to_owned() } else { value.raw.to_string() };
        self.error(ConfigError::Value { origin: value.origin.to_string(), shown, expected });
    }

    pub(super) fn error(&mut self, error: ConfigError) {
        self.errors.push(error);
    }
}

pub(super) fn is_empty(raw: &Raw) -> bool {
    match raw {
        Raw::Text(text) => text.is_empty(),
        Raw::List(list) => list.is_empty(),
        Raw::Integer(_) | Raw::Boolean(_) | Raw::Table(_) | Raw::Other(_) => false,
    }
}

/// The port at the end of `6001`, of `tcp://10.0.0.1:6001` and of `http://localhost:6001/`.
fn last_number(text: &str) -> Option<i64> {
    let text = text.trim();
    let text = text.strip_suffix('/').unwrap_or(text);
    let port = if text.contains("://") { text.rsplit(':').next()? } else { text };
    port.parse().ok()
}

/// An origin in our words: with any port, Socket.IO compares the host only.
fn origin(entry: &str) -> &str {
    let Some(host) = entry.strip_suffix(":*") else { return entry };
    host.split_once("://").map_or(host, |(_, host)| host)
}

fn has_all_transports(list: &[String]) -> bool {
    ["polling", "websocket"].iter().all(|wanted| list.iter().any(|name| name == wanted))
}
