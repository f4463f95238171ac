//! The banner of a server in place of laravel-echo-server, with that one's own lines in it.

use std::fmt::Write as _;

use super::Urls;
use crate::config::{Config, EchoServerConfig};

/// The keys of the API's clients are not shown: who has one can publish.
pub(super) fn text(
    config: &Config,
    echo_server: &EchoServerConfig,
    urls: &Urls<'_>,
    title: &str,
) -> String {
    let mut text = format!("\n  {title} in place of laravel-echo-server\n\n");
    let starting =
        if config.server.debug { "Starting server in DEV mode..." } else { "Starting server..." };
    let host = match config.server.host.as_str() {
        "0.0.0.0" | "::" => "localhost",
        host => host,
    };
    let port = urls.address.port();
    let _ = write!(text, "  {starting}\n\n  Running at {host} on port {port}\n\n");
    let clients = config.apps.iter().flat_map(|app| &app.options.bearer_clients);
    let clients: Vec<&str> = clients.map(|client| &*client.id).collect();
    let api = match clients.first() {
        Some(first) => format!("{}/apps/{first}/status", urls.http()),
        None => "closed, there are no clients".to_owned(),
    };
    for (name, value) in [
        ("Configuration", &*echo_server.source),
        ("HTTP API", &*api),
        ("Health", &*format!("{}/up", urls.local())),
    ] {
        let _ = writeln!(text, "  {name:<22}{value}");
    }
    text.push('\n');
    text
}
