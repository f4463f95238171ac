//! The settings of the process.

use std::net::SocketAddr;

use super::{
    AuthHost, LogFormat, ServerConfig,
    redis::RedisDraft,
    settings::{Setting, Shown, server_settings},
    tls::TlsDraft,
    value::{Expected, Origin, Raw, Value},
};

/// The process's settings while they are gathered. What depends on other settings is still open.
#[derive(Default)]
pub(crate) struct ServerDraft {
    pub(crate) server: ServerConfig,
    pub(crate) host: Option<String>,
    pub(crate) public_port: Option<u16>,
    pub(crate) public_scheme: Option<&'static str>,
    pub(crate) request_bytes_max: Option<usize>,
    pub(crate) allow_insecure_secret: bool,
    pub(crate) auth_hosts: Option<Vec<AuthHost>>,
    pub(crate) redis: RedisDraft,
    pub(crate) tls: TlsDraft,
}

impl ServerDraft {
    /// Settles what depends on other settings.
    pub(crate) fn finish(self, default_host: &str) -> ServerConfig {
        let Self { mut server, host, public_port, public_scheme, .. } = self;
        // Who speaks TLS himself needs no proxy in front, with a port and a scheme of its own.
        let own = if server.tls.is_some() { "https" } else { "http" };
        server.public_scheme = public_scheme.unwrap_or(own).to_owned();
        server.host = host.unwrap_or_else(|| default_host.to_owned());
        let is_proxied = server.public_scheme == "https" && server.tls.is_none();
        let usual = if is_proxied { 443 } else { server.port };
        server.public_port = public_port.unwrap_or(usual);
        server
    }
}

type Row = Setting<ServerDraft>;
const OPEN: Shown = Shown::Open;

/// The table.
#[rustfmt::skip]
pub(crate) const SERVER: &[Row] = &[
    Row { key: "host", env: &["RESOUND_HOST", "REVERB_SERVER_HOST"], default: "0.0.0.0; 127.0.0.1 without an app", shown: OPEN,
        help: "address to listen on",
        apply: |to, value| { to.host = Some(host(value)?); Ok(()) } },
    Row { key: "port", env: &["RESOUND_PORT", "REVERB_SERVER_PORT"], default: "8080", shown: OPEN,
        help: "port to listen on, 0 for any free one",
        apply: |to, value| { to.server.port = port(value)?; Ok(()) } },
    Row { key: "path", env: &["RESOUND_PATH", "REVERB_SERVER_PATH"], default: "none", shown: OPEN,
        help: "prefix in front of every route, such as /ws",
        apply: |to, value| { to.server.path = route(value)?; Ok(()) } },
    Row { key: "hostname", env: &["REVERB_HOST"], default: "localhost", shown: OPEN,
        help: "host name that browsers use",
        apply: |to, value| { to.server.hostname = host(value)?; Ok(()) } },
    Row { key: "public_port", env: &["REVERB_PORT"], default: "the port; 443 with https of a proxy", shown: OPEN,
        help: "port that browsers use",
        apply: |to, value| { to.public_port = Some(port(value)?); Ok(()) } },
    Row { key: "public_scheme", env: &["REVERB_SCHEME"], default: "http; https with tls.cert", shown: OPEN,
        help: "http or https, as browsers see it",
        apply: |to, value| { to.public_scheme = Some(value.word(&[("http", "http"), ("https", "https")])?); Ok(()) } },
    Row { key: "max_request_size", env: &["REVERB_MAX_REQUEST_SIZE"], default: "10000", shown: OPEN,
        help: "bytes of an API request's body; apps may override it",
        apply: |to, value| { to.request_bytes_max = Some(value.size(1..=1 << 30)?); Ok(()) } },
    Row { key: "backlog_bytes", env: &["RESOUND_BACKLOG_BYTES"], default: "1048576", shown: OPEN,
        help: "unsent bytes of one connection, over it 4100",
        apply: |to, value| { to.server.backlog_bytes = value.size(1024..=1 << 30)?; Ok(()) } },
    Row { key: "max_connections", env: &["RESOUND_MAX_CONNECTIONS"], default: "0: as many as descriptors allow", shown: OPEN,
        help: "connections of the process, over it 4100",
        apply: |to, value| { to.server.connections_max = value.limit()?.map(|limit| limit as usize); Ok(()) } },
    Row { key: "shards", env: &["RESOUND_SHARDS"], default: "0: one per core", shown: OPEN,
        help: "threads that carry connections",
        apply: |to, value| { to.server.shards = Some(value.size(0..=1024)?).filter(|shards| *shards > 0); Ok(()) } },
    Row { key: "shutdown_grace_seconds", env: &["RESOUND_SHUTDOWN_GRACE_SECONDS", "RESOUND_SHUTDOWN_GRACE"], default: "10", shown: OPEN,
        help: "seconds that a shutdown may take",
        apply: |to, value| { to.server.shutdown_grace_seconds = value.count(0..=3600)?; Ok(()) } },
    Row { key: "handshake_timeout_seconds", env: &["RESOUND_HANDSHAKE_TIMEOUT_SECONDS"], default: "10", shown: OPEN,
        help: "seconds within which a client must say what it wants",
        apply: |to, value| { to.server.handshake_timeout_seconds = value.count(1..=3600)?; Ok(()) } },
    Row { key: "metrics_address", env: &["RESOUND_METRICS_ADDRESS"], default: "none: /metrics on the port", shown: OPEN,
        help: "listener of its own for /metrics and health",
        apply: |to, value| { to.server.metrics_address = Some(address(value)?); Ok(()) } },
    Row { key: "metrics_prefix", env: &["RESOUND_METRICS_PREFIX"], default: "resound_", shown: OPEN,
        help: "in front of every metric's name",
        apply: |to, value| { to.server.metrics_prefix = metrics_prefix(value)?; Ok(()) } },
    Row { key: "log", env: &["RESOUND_LOG"], default: "text", shown: OPEN,
        help: "form of log lines, text or json",
        apply: |to, value| { to.server.log = value.word(&[("text", LogFormat::Text), ("json", LogFormat::Json)])?; Ok(()) } },
    Row { key: "debug", env: &["RESOUND_DEBUG"], default: "false", shown: OPEN,
        help: "log every message",
        apply: |to, value| { to.server.debug = value.switch()?; Ok(()) } },
    Row { key: "allow_insecure_secret", env: &["RESOUND_ALLOW_INSECURE_SECRET"], default: "false", shown: OPEN,
        help: "allow a well-known secret on a public address",
        apply: |to, value| { to.allow_insecure_secret = value.switch()?; Ok(()) } },
];

/// Checks the text of a flag, so that a wrong one is a wrong call and not a wrong configuration.
///
/// # Errors
///
/// What is expected.
pub(crate) fn check_flag(key: &str, text: &str) -> Result<String, Expected> {
    let origin = Origin::Flag { name: key.to_owned() };
    let value = Value { raw: Raw::Text(text.to_owned()), origin };
    let setting =
        server_settings().find(|setting| setting.key == key).expect("a setting of a table");
    (setting.apply)(&mut ServerDraft::default(), &value)
        .map(|()| text.to_owned())
        .map_err(|expected| format!("expected {expected}"))
}

fn port(value: &Value) -> Result<u16, Expected> {
    Ok(u16::try_from(value.integer(0..=65_535)?).expect("the range is that of a port"))
}

/// A name or an address; the brackets that URLs put around an IPv6 address are left out.
fn host(value: &Value) -> Result<String, Expected> {
    let expected = || "a host name or an IP address, without scheme, port or path".to_owned();
    let text = value.text()?;
    let text = text.trim();
    let host = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    let is_name = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
    };
    let is_address = host.parse::<std::net::IpAddr>().is_ok();
    if host.is_empty() || !(is_address || is_name(host)) {
        Err(expected())
    } else {
        Ok(host.to_owned())
    }
}

/// Makes `/prefix` of `prefix`, `/prefix/` and `prefix/`, and the empty path of `/`.
pub(crate) fn route(value: &Value) -> Result<String, Expected> {
    let text = value.text()?;
    let path = text.trim().trim_matches('/');
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let has_odd_segment = path.split('/').any(|s| s == "." || s == "..") || path.contains("//");
    if !path.bytes().all(is_allowed) || has_odd_segment {
        return Err("a path such as /ws, of letters, digits and - . _ ~".to_owned());
    }
    Ok(if path.is_empty() { String::new() } else { format!("/{path}") })
}

fn address(value: &Value) -> Result<SocketAddr, Expected> {
    let expected = |_| "an IP address with a port, such as 127.0.0.1:9601".to_owned();
    value.text()?.trim().parse().map_err(expected)
}

fn metrics_prefix(value: &Value) -> Result<String, Expected> {
    let prefix = value.text()?;
    let starts_well = !prefix.starts_with(|c: char| c.is_ascii_digit());
    if starts_well && prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Ok(prefix);
    }
    Err("letters, digits and _, not beginning with a digit".to_owned())
}
