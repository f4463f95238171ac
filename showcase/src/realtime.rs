//! How the application is connected to its real-time server. Which one that is, is configuration only: by default one
//! inside this process, with `BROADCAST_CONNECTION=reverb` and `REVERB_*` another one.

use std::env;

use resound::{
    Broadcaster,
    config::ConfigError,
    front_end::{PublicHost, PublicScheme},
};

use crate::session::Key;

/// The broadcaster that the environment describes.
pub fn broadcaster(key: &Key) -> Result<Broadcaster, ConfigError> {
    if variable("BROADCAST_CONNECTION").is_some_and(|name| name != "embedded") {
        return Broadcaster::from_env();
    }
    // The same at each start: pages that are open when the process is restarted come back with the key that they have.
    Broadcaster::from_variables(|name| match name {
        "BROADCAST_CONNECTION" => Some("embedded".to_owned()),
        "REVERB_APP_ID" | "REVERB_APP_KEY" => {
            variable(name).or_else(|| Some("showcase".to_owned()))
        }
        "REVERB_APP_SECRET" => variable(name).or_else(|| Some(key.sign("secret", "embedded"))),
        _ => variable(name),
    })
}

/// What Content-Security-Policy must allow beside the application's own address, so that pages reach the server.
pub fn origin(broadcaster: &Broadcaster) -> String {
    match broadcaster.front_end().host {
        PublicHost::At { scheme: PublicScheme::Http, host, port } => format!("ws://{host}:{port}"),
        PublicHost::At { scheme: PublicScheme::Https, host, port } => {
            format!("wss://{host}:{port}")
        }
        PublicHost::SameOrigin | PublicHost::Cluster => String::new(),
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
