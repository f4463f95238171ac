//! The Redis bridge: where Redis is, which channels are ours, for which application.

use resound_hub::app::App;
use resound_protocol::laravel::redis_prefix;

use super::{
    environment::Environment,
    error::ConfigError,
    redis_address::RedisAddress,
    server_settings::ServerDraft,
    settings::{Setting, Shown},
    value::{Expected, Origin, Value},
};

/// Settings of the Redis bridge.
#[derive(Clone, Debug)]
pub struct RedisConfig {
    /// Where Redis is.
    pub address: RedisAddress,
    /// What stands in front of the channels' names, one of these; never empty. Default: both
    /// spellings that Laravel makes of `APP_NAME`.
    pub prefixes: Vec<String>,
    /// The id of the application whose events come through Redis. Default: the first one.
    pub app: Option<Box<str>>,
    /// Whether the members of presence channels are published to Redis, as laravel-echo-server does.
    pub publishes_presence: bool,
}

/// Variables of a Laravel project that count only while the bridge is on, so that a foreign one (in
/// Kubernetes `REDIS_PORT` is a URL) can't disturb a server that has nothing to do with Redis.
const LARAVEL_ADDRESS: [&str; 6] =
    ["REDIS_URL", "REDIS_SCHEME", "REDIS_HOST", "REDIS_PORT", "REDIS_USERNAME", "REDIS_PASSWORD"];
const APP_NAME: &str = "APP_NAME";
const REDIS_PREFIX: &str = "REDIS_PREFIX";
/// Laravel's name for an application that has none.
const NAMELESS: &str = "laravel";

const URL_EXPECTED: &str = "a URL such as redis://127.0.0.1:6379, rediss://user:password@host or \
    unix:///run/redis.sock, with odd signs of a password percent-encoded";

/// The bridge's settings while they are gathered.
#[derive(Default)]
pub(crate) struct RedisDraft {
    address: Option<RedisAddress>,
    is_enabled: Option<bool>,
    prefix: Option<String>,
    app: Option<(String, Origin)>,
    publishes_presence: bool,
}

type Row = Setting<ServerDraft>;
const OPEN: Shown = Shown::Open;

/// The table.
#[rustfmt::skip]
pub(crate) const REDIS: &[Row] = &[
    Row { key: "redis.url", env: &["RESOUND_REDIS_URL"], default: "none: no bridge", shown: Shown::Secret,
        help: "redis://, rediss:// or unix:// of the Redis that Laravel publishes to",
        apply: |to, value| { to.redis.address = Some(url(value)?); Ok(()) } },
    Row { key: "redis.enabled", env: &["RESOUND_REDIS_ENABLED"], default: "true with redis.url", shown: OPEN,
        help: "the Redis bridge; without redis.url at the REDIS_URL, REDIS_HOST, … of Laravel",
        apply: |to, value| { to.redis.is_enabled = Some(value.switch()?); Ok(()) } },
    Row { key: "redis.prefix", env: &["RESOUND_REDIS_PREFIX", REDIS_PREFIX], default: "of APP_NAME: my_app_database_ and my-app-database-", shown: OPEN,
        help: "prefix of Laravel's channels in Redis",
        apply: |to, value| { to.redis.prefix = Some(value.text()?); Ok(()) } },
    Row { key: "redis.app", env: &["RESOUND_REDIS_APP"], default: "the first app", shown: OPEN,
        help: "id of the app whose events come through Redis",
        apply: |to, value| { to.redis.app = app(value)?; Ok(()) } },
    Row { key: "redis.publish_presence", env: &["RESOUND_REDIS_PUBLISH_PRESENCE"], default: "false", shown: OPEN,
        help: "publish members of presence channels to PresenceChannelUpdated",
        apply: |to, value| { to.redis.publishes_presence = value.switch()?; Ok(()) } },
];

fn url(value: &Value) -> Result<RedisAddress, Expected> {
    RedisAddress::parse(&value.text()?).ok_or_else(|| URL_EXPECTED.to_owned())
}

fn app(value: &Value) -> Result<Option<(String, Origin)>, Expected> {
    let id = value.text()?;
    Ok((!id.is_empty()).then(|| (id, value.origin.clone())))
}

impl RedisDraft {
    /// Settles what depends on other settings; `None` if there is to be no bridge.
    pub(crate) fn finish(
        self,
        environment: &Environment<'_>,
        apps: &[App],
        errors: &mut Vec<ConfigError>,
    ) -> Option<RedisConfig> {
        if !self.is_enabled.unwrap_or(self.address.is_some()) {
            return None;
        }
        let address = self.address.or_else(|| laravel_address(environment, errors))?;
        let prefixes = match self.prefix {
            Some(prefix) => vec![prefix],
            None => laravel_prefixes(environment, errors),
        };
        errors.extend(self.app.as_ref().and_then(|app| unknown_app(app, apps)));
        let app = self.app.map(|(id, _)| id.into_boxed_str());
        Some(RedisConfig { address, prefixes, app, publishes_presence: self.publishes_presence })
    }
}

/// The Redis that the Laravel project of the `.env` file uses.
fn laravel_address(
    environment: &Environment<'_>,
    errors: &mut Vec<ConfigError>,
) -> Option<RedisAddress> {
    errors.extend(environment.problems_of(&LARAVEL_ADDRESS));
    let value = |name| environment.value(&[name]);
    let text = |name| value(name).and_then(|value| value.text().ok());
    let [url, scheme, host, port, username, password] = LARAVEL_ADDRESS.map(text);
    let address = match &url {
        Some(url) => RedisAddress::parse(url),
        None => RedisAddress::of_parts(scheme.as_deref(), host.as_deref(), port.as_deref()),
    };
    let Some(mut address) = address else {
        let names = if url.is_some() { &LARAVEL_ADDRESS[..1] } else { &LARAVEL_ADDRESS[1..4] };
        let origins: Vec<_> = names.iter().filter_map(|name| value(name)).collect();
        let origin = origins.iter().map(|value| value.origin.to_string()).collect::<Vec<_>>();
        errors.push(ConfigError::Value {
            origin: origin.join(" with "),
            shown: "(hidden)".to_owned(),
            expected: if url.is_some() { URL_EXPECTED } else { "a host and a port" }.to_owned(),
        });
        return None;
    };
    address.username = address.username.or(username);
    address.password = address.password.or(password);
    Some(address)
}

/// The prefixes of Laravel's `config/database.php`: of version 12 and before, and of 13. A variable
/// that is set to nothing is a prefix that is empty, as it is for Laravel.
fn laravel_prefixes(environment: &Environment<'_>, errors: &mut Vec<ConfigError>) -> Vec<String> {
    errors.extend(environment.problems_of(&[APP_NAME]));
    if let Some(prefix) = environment.laravel_text(REDIS_PREFIX) {
        return vec![prefix];
    }
    let name = environment.laravel_text(APP_NAME).unwrap_or_else(|| NAMELESS.to_owned());
    vec![redis_prefix(&name, '_'), redis_prefix(&name, '-')]
}

fn unknown_app((id, origin): &(String, Origin), apps: &[App]) -> Option<ConfigError> {
    if apps.iter().any(|app| *app.id == **id) {
        return None;
    }
    let ids: Vec<_> = apps.iter().map(|app| format!("{:?}", app.id)).collect();
    Some(ConfigError::Value {
        origin: origin.to_string(),
        shown: format!("{id:?}"),
        expected: format!("the id of an app: {}", ids.join(" or ")),
    })
}
