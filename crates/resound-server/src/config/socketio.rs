//! The settings of Socket.IO's clients.

use resound_hub::socketio::SocketIoOptions;

use super::{
    server_settings::{ServerDraft, route},
    settings::{Setting, Shown},
};

/// How clients of Socket.IO are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketIoConfig {
    /// Whether they are served at all. Default true.
    pub enabled: bool,
    /// The path of their requests, without a slash at its end. Default `/socket.io`.
    pub path: String,
    /// The id of the application of clients that name no other. Default: the first application.
    pub app: Option<String>,
    /// What the rules need to know.
    pub options: SocketIoOptions,
}

impl Default for SocketIoConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            path: "/socket.io".to_owned(),
            app: None,
            options: SocketIoOptions::default(),
        }
    }
}

type Row = Setting<ServerDraft>;
const OPEN: Shown = Shown::Open;

/// The table.
#[rustfmt::skip]
pub(crate) const SOCKETIO: &[Row] = &[
    Row { key: "socketio.enabled", env: &["RESOUND_SOCKETIO_ENABLED"], default: "true", shown: OPEN,
        help: "serve clients of Socket.IO, too",
        apply: |to, value| { to.server.socketio.enabled = value.switch()?; Ok(()) } },
    Row { key: "socketio.path", env: &["RESOUND_SOCKETIO_PATH"], default: "/socket.io", shown: OPEN,
        help: "path of their requests",
        apply: |to, value| { to.server.socketio.path = route(value)?; Ok(()) } },
    Row { key: "socketio.app", env: &["RESOUND_SOCKETIO_APP"], default: "the first app", shown: OPEN,
        help: "id of the app of Socket.IO clients that name no key",
        apply: |to, value| { to.server.socketio.app = Some(value.text()?).filter(|id| !id.is_empty()); Ok(()) } },
    Row { key: "socketio.ping_interval", env: &["RESOUND_SOCKETIO_PING_INTERVAL"], default: "25", shown: OPEN,
        help: "seconds between two pings",
        apply: |to, value| { to.server.socketio.options.ping_interval_seconds = value.count(1..=3600)?; Ok(()) } },
    Row { key: "socketio.ping_timeout", env: &["RESOUND_SOCKETIO_PING_TIMEOUT"], default: "20", shown: OPEN,
        help: "seconds that the answer to a ping may take",
        apply: |to, value| { to.server.socketio.options.ping_timeout_seconds = value.count(1..=3600)?; Ok(()) } },
    Row { key: "socketio.max_payload", env: &["RESOUND_SOCKETIO_MAX_PAYLOAD"], default: "1000000", shown: OPEN,
        help: "bytes of a message, or of the body of a polling request",
        apply: |to, value| { to.server.socketio.options.payload_bytes_max = value.size(1024..=1 << 30)?; Ok(()) } },
    Row { key: "socketio.recovery_seconds", env: &["RESOUND_SOCKETIO_RECOVERY_SECONDS"], default: "120", shown: OPEN,
        help: "seconds within which a cut client gets what it missed, 0: never",
        apply: |to, value| { to.server.socketio.options.recovery_seconds = value.count(0..=86_400)?; Ok(()) } },
    Row { key: "socketio.recovery_bytes", env: &["RESOUND_SOCKETIO_RECOVERY_BYTES"], default: "1048576", shown: OPEN,
        help: "bytes that one client may have missed",
        apply: |to, value| { to.server.socketio.options.recovery_bytes_max = value.size(1024..=1 << 30)?; Ok(()) } },
];
