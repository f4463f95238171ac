//! How the application is connected to its real-time server. Which one that is, is configuration only: by default one
//! inside this process, with `BROADCAST_CONNECTION=reverb` and `REVERB_*` another one.

use std::env;

use resound::{Broadcaster, config::ConfigError};
use serde_json::{Value, json};

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

/// The options of `new Echo(…)` in the browser. Without a host the server is where the page is.
pub fn echo_options(broadcaster: &Broadcaster) -> Value {
    if let Some(embedded) = broadcaster.embedded() {
        return json!({ "broadcaster": "reverb", "key": embedded.key(), "wsPath": embedded.path() });
    }
    let port: u16 = variable("REVERB_PORT").and_then(|port| port.parse().ok()).unwrap_or(443);
    json!({
        "broadcaster": "reverb",
        "key": variable("REVERB_APP_KEY"),
        "wsHost": variable("REVERB_HOST"),
        "wsPort": port,
        "wssPort": port,
        "forceTLS": variable("REVERB_SCHEME").as_deref() != Some("http"),
    })
}

/// What Content-Security-Policy must allow beside the application's own address.
pub fn origin(broadcaster: &Broadcaster) -> String {
    let options = echo_options(broadcaster);
    let scheme = if options["forceTLS"] == true { "wss" } else { "ws" };
    match (options["wsHost"].as_str(), &options["wsPort"]) {
        (Some(host), port) => format!("{scheme}://{host}:{port}"),
        (None, _) => String::new(),
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
