//! How the application is connected to its real-time server. Which one that is, is configuration only: by default one
//! inside this process, with `BROADCAST_CONNECTION=reverb` and `REVERB_*` another one.

use resound::{
    Broadcaster, Builder,
    config::ConfigError,
    front_end::{PublicHost, PublicScheme},
};

use crate::pages::hood;

/// The broadcaster that the environment describes.
pub fn broadcaster() -> Result<Broadcaster, ConfigError> {
    Ok(Builder::from_env_or("embedded")?.on_sent(hood::note).build())
}

/// What Content-Security-Policy must allow beside the application's own address, so that pages reach the server.
pub fn origin(broadcaster: &Broadcaster) -> String {
    address(broadcaster).map_or_else(String::new, |(s, host)| format!("ws{s}://{host}"))
}

/// The same address for scripts and requests over HTTP.
pub fn http_origin(broadcaster: &Broadcaster) -> String {
    address(broadcaster).map_or_else(String::new, |(s, host)| format!("http{s}://{host}"))
}

/// The server's host and port, unless they are the application's own; an `s` if it is spoken to over TLS.
fn address(broadcaster: &Broadcaster) -> Option<(&'static str, String)> {
    let PublicHost::At { scheme, host, port } = broadcaster.front_end().host else { return None };
    let s = if scheme == PublicScheme::Https { "s" } else { "" };
    Some((s, format!("{host}:{port}")))
}
