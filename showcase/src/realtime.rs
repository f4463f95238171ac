//! How the application is connected to its real-time server. Which one that is, is configuration only.

use std::env;

use resound::{Broadcaster, config::ConfigError};
use serde_json::{Value, json};

/// The broadcaster that the environment describes.
pub fn broadcaster() -> Result<Broadcaster, ConfigError> {
    Broadcaster::from_env()
}

/// The options of `new Echo(…)` in the browser.
pub fn echo_options() -> Value {
    let variable = |name: &str| env::var(name).unwrap_or_default();
    let port: u16 = variable("REVERB_PORT").parse().unwrap_or(443);
    json!({
        "broadcaster": "reverb",
        "key": variable("REVERB_APP_KEY"),
        "wsHost": variable("REVERB_HOST"),
        "wsPort": port,
        "wssPort": port,
        "forceTLS": variable("REVERB_SCHEME") != "http",
        "enabledTransports": ["ws", "wss"],
    })
}

/// Where the server is, if pages reach it at another address than their own: what Content-Security-Policy must allow.
pub fn origins() -> String {
    let variable = |name: &str| env::var(name).unwrap_or_default();
    let (host, port) = (variable("REVERB_HOST"), variable("REVERB_PORT"));
    if host.is_empty() { String::new() } else { format!("ws://{host}:{port} wss://{host}:{port}") }
}
