//! What a process is told: where to listen, for which applications, within which limits.
//!
//! # Layout
//!
//! * `settings`, `server_settings`, `app_settings`: the tables of all settings
//! * `auth`, `socketio`: those of the questions to the application, and of clients of Socket.IO
//! * `load`: merges flags, environment, `.env`, `resound.toml` and defaults
//! * `apps`: the applications of the environment and of `resound.toml`
//! * `redis`, `redis_address`: the Redis bridge, with Laravel's prefix
//! * `tls`: the listener's certificate; `webhooks`: who is told what happens
//! * `environment`, `dotenv`: environment variables, those of the process and those of `.env`
//! * `toml_file`, `files`: `resound.toml`, and reading files
//! * `echo_server`, `json_file`: `laravel-echo-server.json` in its place
//! * `value`: a value with its place; `error`: what is wrong; `secret`: which secrets are none

mod app_settings;
mod apps;
mod auth;
pub(crate) mod dotenv;
mod echo_server;
mod environment;
mod error;
mod files;
mod json_file;
mod load;
mod redis;
mod redis_address;
mod secret;
mod server_settings;
pub(crate) mod settings;
mod socketio;
mod tls;
mod toml_file;
mod value;
mod webhooks;

use std::net::SocketAddr;

use resound_hub::app::App;

pub(crate) use self::secret::{is_loopback, is_well_known};
#[cfg(feature = "cli")]
pub(crate) use self::server_settings::check_flag;
pub use self::settings::environment_names;
pub use self::{
    auth::{AuthConfig, AuthHost, Scheme, Site},
    echo_server::EchoServerConfig,
    error::{ConfigError, ConfigErrors},
    load::{Flags, Host, Loaded, load},
    redis::RedisConfig,
    redis_address::{Certificate, RedisAddress, RedisPlace},
    secret::{DEVELOPMENT_ID, DEVELOPMENT_KEY, DEVELOPMENT_SECRET, is_development},
    socketio::SocketIoConfig,
    tls::{Passphrase, TlsConfig},
    webhooks::WebhookConfig,
};

/// The whole configuration, merged from flags, environment, `.env`, `resound.toml` and defaults.
#[derive(Clone, Debug)]
pub struct Config {
    /// The process's own settings.
    pub server: ServerConfig,
    /// The applications; never empty.
    pub apps: Vec<App>,
}

/// Settings of the process.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The address to bind, an IP address or a name. Default 0.0.0.0 (development app: 127.0.0.1).
    pub host: String,
    /// The port to bind. Default 8080.
    pub port: u16,
    /// In front of every route, `""` or `/prefix`. Default empty.
    pub path: String,
    /// The name that browsers use. Default `localhost`.
    pub hostname: String,
    /// The port that browsers use; 0 if it is the port that the system chooses. Default: `port`; 443
    /// with `https` that is not ours.
    pub public_port: u16,
    /// `http` or `https`, as browsers see it. Default `http`; `https` with `tls`.
    pub public_scheme: String,
    /// Unsent bytes that one connection may owe; over it the connection is closed. Default 1 MiB.
    pub backlog_bytes: usize,
    /// Connections of the process. Default: as many as descriptors allow.
    pub connections_max: Option<usize>,
    /// Threads. Default: one per core that the process may use.
    pub shards: Option<usize>,
    /// How long a shutdown may take. Default 10.
    pub shutdown_grace_seconds: u32,
    /// How long a client may take to say what it wants. Default 10.
    pub handshake_timeout_seconds: u32,
    /// A listener of its own for `/metrics`, `/up`, `/live` and `/ready`. Default none.
    pub metrics_address: Option<SocketAddr>,
    /// In front of every metric's name. Default `resound_`.
    pub metrics_prefix: String,
    /// How log lines look. Default text.
    pub log: LogFormat,
    /// Whether every message is logged. Default false.
    pub debug: bool,
    /// How the application is asked whether a Socket.IO client may join a channel.
    pub auth: AuthConfig,
    /// How clients of Socket.IO are served.
    pub socketio: SocketIoConfig,
    /// What a configuration of laravel-echo-server has besides; it opens that server's HTTP API.
    /// Default none.
    pub echo_server: Option<EchoServerConfig>,
    /// The Redis bridge. Default none.
    pub redis: Option<RedisConfig>,
    /// TLS on the listener. Default none.
    pub tls: Option<TlsConfig>,
    /// How webhooks are sent.
    pub webhooks: WebhookConfig,
}

impl Config {
    /// The development application, whose secret everybody knows, if it is one of the
    /// applications: because none is configured, or by hand.
    pub fn development_app(&self) -> Option<&App> {
        self.apps.iter().find(|app| is_development(app))
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            host: "0.0.0.0".to_owned(),
            port: 8080,
            path: String::new(),
            hostname: "localhost".to_owned(),
            public_port: 8080,
            public_scheme: "http".to_owned(),
            backlog_bytes: 1 << 20,
            connections_max: None,
            shards: None,
            shutdown_grace_seconds: 10,
            handshake_timeout_seconds: 10,
            metrics_address: None,
            metrics_prefix: "resound_".to_owned(),
            log: LogFormat::Text,
            debug: false,
            auth: AuthConfig::default(),
            socketio: SocketIoConfig::default(),
            echo_server: None,
            redis: None,
            tls: None,
            webhooks: WebhookConfig::default(),
        }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One readable line per event.
    Text,
    /// One JSON object per line.
    Json,
}
