//! What a process is told: where to listen, for which applications, within which limits.

use std::net::SocketAddr;

use resound_hub::app::App;

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
    /// The port that browsers use. Default: `port`.
    pub public_port: u16,
    /// `http` or `https`, as browsers see it. Default `http`.
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
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One readable line per event.
    Text,
    /// One JSON object per line.
    Json,
}
