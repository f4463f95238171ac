//! Which server and which app the commands `listen`, `send` and `sign` are about.

use std::{env, path::PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use hyper::Uri;

use super::start;
use crate::config::{self, Config, Flags, ServerConfig};

/// Flags that name a server and an app; what they leave open is in the configuration.
#[derive(Args, Debug, Default)]
pub(super) struct TargetArgs {
    /// Server in place of the configured one, such as http://localhost:8080 or wss://a.example/ws
    #[arg(long, value_name = "URL", value_parser = parse_url)]
    url: Option<Place>,
    /// App's id [default: the configured app's]
    #[arg(long, value_name = "ID")]
    app_id: Option<String>,
    /// App's key [default: the configured app's, the first of several]
    #[arg(long, value_name = "KEY")]
    app_key: Option<String>,
    /// App's secret; other users of this machine can see it here, but not in .env [default: the configured app's]
    #[arg(long, value_name = "SECRET")]
    secret: Option<String>,
    /// File to read in place of resound.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// File to read in place of .env
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,
    /// Folder with the configuration, in place of the working directory
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

/// Where a server is, as browsers and publishers reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    is_tls: bool,
    /// Host and port.
    authority: String,
    /// `""` or `/prefix`.
    path: String,
}

/// An app of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) id: Option<String>,
    pub(super) key: String,
    pub(super) secret: String,
}

impl Place {
    /// The address of the WebSocket.
    pub(super) fn websocket(&self, key: &str) -> String {
        let scheme = if self.is_tls { "wss" } else { "ws" };
        format!("{scheme}://{}{}/app/{key}", self.authority, self.path)
    }

    /// The address of the HTTP API, to which a path is appended.
    pub(super) fn http(&self) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        format!("{scheme}://{}{}", self.authority, self.path)
    }

    fn of(server: &ServerConfig) -> anyhow::Result<Self> {
        let ServerConfig { hostname, public_port, public_scheme, path, .. } = server;
        ensure!(
            *public_port != 0,
            "the configured port is any free one: name the server with --url"
        );
        let host = if hostname.contains(':') { format!("[{hostname}]") } else { hostname.clone() };
        Ok(Self {
            is_tls: public_scheme == "https",
            authority: format!("{host}:{public_port}"),
            path: path.clone(),
        })
    }
}

impl TargetArgs {
    /// The server and the app.
    pub(super) fn find(&self) -> anyhow::Result<(Place, Credentials)> {
        let place = || self.url.clone();
        // What needs no configuration must not fail because of one.
        if let (Some(place), Some(credentials)) = (place(), self.given()) {
            return Ok((place, credentials));
        }
        let config = self.load()?;
        let place = place().map_or_else(|| Place::of(&config.server), Ok)?;
        Ok((place, self.choose(&config)?))
    }

    /// The app alone.
    pub(super) fn find_app(&self) -> anyhow::Result<Credentials> {
        self.given().map_or_else(|| self.choose(&self.load()?), Ok)
    }

    fn given(&self) -> Option<Credentials> {
        let (key, secret) = (self.app_key.clone()?, self.secret.clone()?);
        Some(Credentials { id: self.app_id.clone(), key, secret })
    }

    fn load(&self) -> anyhow::Result<Config> {
        // Whether the server may use its secret is not ours to say.
        let settings = [("allow_insecure_secret", "true".to_owned())].into();
        let flags = Flags {
            settings,
            config: self.config.clone(),
            env_file: self.env_file.clone(),
            ..Flags::default()
        };
        let mut folder = env::current_dir().context("the working directory cannot be read")?;
        folder.extend(&self.dir);
        // What is odd about the configuration is the server's business.
        Ok(config::load(&flags, &start::environment(), &folder)?.config)
    }

    fn choose(&self, config: &Config) -> anyhow::Result<Credentials> {
        let is_meant = |own: &str, wanted: &Option<String>| {
            wanted.as_deref().is_none_or(|wanted| wanted == own)
        };
        let app = config
            .apps
            .iter()
            .find(|app| is_meant(&app.id, &self.app_id) && is_meant(&app.key, &self.app_key));
        let Some(app) = app else {
            let apps: Vec<_> =
                config.apps.iter().map(|app| format!("{} (key {})", app.id, app.key)).collect();
            bail!("no such app is configured; there is {}", apps.join(", "));
        };
        Ok(Credentials {
            id: Some(app.id.to_string()),
            key: app.key.to_string(),
            secret: self.secret.clone().unwrap_or_else(|| app.secret.to_string()),
        })
    }
}

fn parse_url(text: &str) -> Result<Place, String> {
    let expected =
        || "expected an address such as http://localhost:8080 or wss://a.example/ws".to_owned();
    let uri: Uri = text.parse().map_err(|_| expected())?;
    let is_tls = match uri.scheme_str() {
        Some("http" | "ws") => false,
        Some("https" | "wss") => true,
        _ => return Err(expected()),
    };
    let authority = uri.authority().filter(|a| !a.as_str().contains('@')).ok_or_else(expected)?;
    // Whole addresses of WebSockets are what banners and browsers show.
    let path = uri.path().split("/app/").next().unwrap_or_default().trim_end_matches('/');
    Ok(Place { is_tls, authority: authority.to_string(), path: path.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_all_schemes_name_a_server() {
        for (text, websocket, http) in [
            ("http://a:8080", "ws://a:8080/app/k", "http://a:8080"),
            ("wss://a.example/ws/", "wss://a.example/ws/app/k", "https://a.example/ws"),
            ("ws://[::1]:1/app/other?x=1", "ws://[::1]:1/app/k", "http://[::1]:1"),
        ] {
            let place = parse_url(text).expect("an address");
            assert_eq!((place.websocket("k"), place.http()), (websocket.into(), http.into()));
        }
        for text in ["localhost:8080", "ftp://a", "http://u:p@a", "", "/"] {
            assert!(parse_url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn with_an_address_and_an_app_no_configuration_is_read() {
        let args = TargetArgs {
            url: parse_url("http://a").ok(),
            app_key: Some("k".to_owned()),
            secret: Some("s".to_owned()),
            env_file: Some("/there/is/none".into()),
            ..TargetArgs::default()
        };
        let (_, credentials) = args.find().expect("all is there");
        assert_eq!(credentials, Credentials { id: None, key: "k".into(), secret: "s".into() });
    }
}
