//! `laravel-echo-server.json` and its environment variables, in the words of our own settings.
//!
//! The file is a source of the strength of `resound.toml`, and its variables, as with
//! laravel-echo-server, are stronger than the file and no stronger than that. What maps onto a
//! setting becomes a value of that setting with the place where it is written; the rest is a
//! warning that names it. Unknown keys were ignored, and stop nothing here either.
//!
//! Deviations: what could not work there is an error here, such as `https` without a certificate.
//!
//! # Layout
//!
//! * this module: which file it is, its variables
//! * `mapping`: what its keys are called here, with `redis` and `api`
//! * `app`: the application

mod api;
mod app;
mod mapping;
mod redis;

use std::collections::BTreeMap;

use hyper::header::{HeaderName, HeaderValue};
use resound_hub::app::BearerClient;

use self::mapping::Mapping;
use super::{
    environment::Environment,
    error::ConfigError,
    files::File,
    json_file,
    toml_file::Section,
    value::{Origin, Raw, Value},
};

/// The file that is looked for when there is no `resound.toml`.
pub(crate) const DEFAULT_FILE: &str = "laravel-echo-server.json";
/// The id of the application when the file has no `clients`.
pub(crate) const APP_ID: &str = "laravel-echo-server";

const DEFAULT: Origin = Origin::Default { of: "laravel-echo-server" };

/// The environment variables and the keys that they stand for.
const VARIABLES: [(&str, &str); 12] = [
    (AUTH_HOST, "authHost"),
    ("LARAVEL_ECHO_SERVER_DEBUG", "devMode"),
    ("LARAVEL_ECHO_SERVER_HOST", "host"),
    (PORT, "port"),
    ("LARAVEL_ECHO_SERVER_REDIS_HOST", "databaseConfig.redis.host"),
    ("LARAVEL_ECHO_SERVER_REDIS_PORT", "databaseConfig.redis.port"),
    ("LARAVEL_ECHO_SERVER_REDIS_PASSWORD", "databaseConfig.redis.password"),
    ("LARAVEL_ECHO_SERVER_PROTO", "protocol"),
    ("LARAVEL_ECHO_SERVER_SSL_CERT", "sslCertPath"),
    ("LARAVEL_ECHO_SERVER_SSL_KEY", "sslKeyPath"),
    ("LARAVEL_ECHO_SERVER_SSL_CHAIN", "sslCertChainPath"),
    ("LARAVEL_ECHO_SERVER_SSL_PASS", "sslPassphrase"),
];
/// Also a variable of the setting `auth.hosts`, with whatever configuration.
const AUTH_HOST: &str = "LARAVEL_ECHO_SERVER_AUTH_HOST";
/// Kubernetes gives every container a variable of this name, `tcp://10.0.0.1:6001`, when a service
/// is called `laravel-echo-server`.
const PORT: &str = "LARAVEL_ECHO_SERVER_PORT";

/// Keys that nothing but laravel-echo-server has.
const PECULIAR: [&str; 10] = [
    "apiOriginAllow",
    "authEndpoint",
    "authHost",
    "clients",
    "databaseConfig",
    "devMode",
    "secureOptions",
    "socketio",
    "sslCertPath",
    "subscribers",
];
/// Keys that other servers have, too.
const SHARED: [&str; 5] = ["database", "headers", "host", "port", "protocol"];

/// What laravel-echo-server configures and no other setting has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EchoServerConfig {
    /// The file's name, or the words for the environment.
    pub source: String,
    /// Whether its API publishes events (`subscribers.http`). Default true.
    pub http_events: bool,
    /// Headers of every answer of its API: `headers`, and `apiOriginAllow` if it is on.
    pub api_headers: Vec<(HeaderName, HeaderValue)>,
}

/// A configuration of laravel-echo-server, read.
#[derive(Debug)]
pub(crate) struct EchoServerFile {
    /// Settings of the process.
    pub(crate) server: Section,
    /// The rest.
    pub(crate) config: EchoServerConfig,
    /// Who may use the API.
    pub(crate) clients: Vec<BearerClient>,
    /// The id of the application, unless the environment has one.
    pub(crate) id: Value,
    /// Its key.
    pub(crate) key: Value,
    /// Origins whose pages may connect, if the file says so.
    pub(crate) origins: Option<Value>,
    /// What has no effect.
    pub(crate) warnings: Vec<String>,
}

/// The environment variables that no other setting has.
pub(crate) fn environment_names() -> impl Iterator<Item = &'static str> {
    VARIABLES.iter().map(|(name, _)| *name).filter(|name| *name != AUTH_HOST)
}

/// The variables that are set. `port` alone, in the form of Kubernetes, is nobody's configuration.
pub(crate) fn variables(environment: &Environment<'_>) -> Vec<Origin> {
    let set = VARIABLES.iter().filter_map(|(name, _)| {
        let value = environment.value(&[name])?;
        let is_injected = *name == PORT && matches!(&value.raw, Raw::Text(t) if t.contains("://"));
        (!is_injected).then_some(value.origin)
    });
    set.collect()
}

/// What the variables are worth without a configuration of laravel-echo-server: nothing, save the one
/// that is a setting of ours.
pub(crate) fn idle_variables(environment: &Environment<'_>) -> impl Iterator<Item = String> {
    let is_idle = |origin: &Origin| !matches!(origin, Origin::Environment { name } | Origin::EnvFile { name, .. } if name == AUTH_HOST);
    let idle = variables(environment).into_iter().filter(is_idle);
    idle.map(|origin| {
        format!("{origin} has no effect: the configuration is not that of laravel-echo-server")
    })
}

/// Reads a file, or the environment alone.
///
/// # Errors
///
/// All mistakes of the file at once.
pub(crate) fn read(
    file: Option<&File>,
    environment: &Environment<'_>,
) -> Result<EchoServerFile, Vec<ConfigError>> {
    let mut values = BTreeMap::new();
    if let Some(file) = file {
        let read = json_file::parse(file).map_err(|error| vec![error])?;
        recognise(&read, file).map_err(|error| vec![error])?;
        values.extend(read);
    }
    for (name, key) in VARIABLES {
        if let Some(mut value) = environment.value(&[name]) {
            put_variables_in(&mut value, environment);
            values.insert(key.to_owned(), value);
        }
    }
    let source = file.map_or("the environment (LARAVEL_ECHO_SERVER_*)", |file| &file.name);
    Mapping::of(values).read(source)
}

/// Refuses the JSON of something else, which would otherwise start a server with defaults.
fn recognise(values: &[(String, Value)], file: &File) -> Result<(), ConfigError> {
    let names = || values.iter().map(|(key, _)| key.split(['.', '[']).next().unwrap_or_default());
    let is_known = |name| PECULIAR.contains(&name) || SHARED.contains(&name);
    if names().any(|name| PECULIAR.contains(&name)) || names().all(is_known) {
        return Ok(());
    }
    let mut first: Vec<_> = names().collect();
    first.dedup();
    first.truncate(3);
    let reason = format!(
        "it is no configuration of laravel-echo-server, whose JSON has keys such as authHost and \
         databaseConfig; this one has {}",
        first.join(", ")
    );
    Err(ConfigError::Unreadable { file: file.name.clone(), reason })
}

/// Puts other variables in for `${NAME}`, which in `.env` has been done already.
fn put_variables_in(value: &mut Value, environment: &Environment<'_>) {
    let Raw::Text(text) = &mut value.raw else { return };
    let mut from = 0;
    while let Some(start) = text[from..].find("${").map(|at| from + at) {
        let Some(end) = text[start..].find('}').map(|at| start + at) else { return };
        let other = environment.value(&[&text[start + 2..end]]);
        let other = other.and_then(|value| value.text().ok()).unwrap_or_default();
        text.replace_range(start..=end, &other);
        from = start + other.len();
    }
}

#[cfg(test)]
#[path = "echo_server/tests.rs"]
mod tests;
