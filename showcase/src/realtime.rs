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
    match broadcaster.front_end().host {
        PublicHost::At { scheme: PublicScheme::Http, host, port } => format!("ws://{host}:{port}"),
        PublicHost::At { scheme: PublicScheme::Https, host, port } => {
            format!("wss://{host}:{port}")
        }
        PublicHost::SameOrigin | PublicHost::Cluster => String::new(),
    }
}
