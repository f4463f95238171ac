//! What an embedded server is told.

use std::{collections::BTreeMap, path::PathBuf};

use resound_server::config::{self, Config, Flags, Host, environment_names};

/// Variables that hold the key of encrypted channels.
#[cfg(feature = "encryption")]
const MASTER_KEYS: [&str; 2] =
    ["REVERB_ENCRYPTION_MASTER_KEY_BASE64", "PUSHER_ENCRYPTION_MASTER_KEY_BASE64"];

/// Why an embedded server can't be started.
///
/// ```
/// use resound::embedded::{Embedded, Options};
///
/// let error = Embedded::start(Options::new().set("RESOUND_SHARDS", "many")).expect_err("no number");
/// assert!(error.to_string().contains("RESOUND_SHARDS"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OptionsError(pub(super) String);

/// What an embedded server is told: the settings of `resound start`, by the names of their environment variables.
///
/// Without credentials the secret is drawn at each start, and nobody else knows it. The key stays the same, so that pages that are open while
/// the process restarts come back; they read it from [`Embedded::key`](super::Embedded::key).
///
/// ```
/// use resound::embedded::Options;
///
/// let options = Options::from_env()           // REVERB_APP_*, PUSHER_APP_*, RESOUND_*
///     .allowed_origins(["https://shop.example"])
///     .path("/ws")
///     .set("REVERB_APP_MAX_MESSAGE_SIZE", "20000");
/// # let _ = options;
/// ```
#[derive(Clone, Default)]
#[must_use = "options do nothing until `Embedded::start`"]
pub struct Options {
    variables: BTreeMap<String, String>,
    file: Option<PathBuf>,
}

/// Whose client events (whispers) the server passes on.
///
/// ```
/// use resound::embedded::{ClientEvents, Options};
///
/// let options = Options::new().client_events(ClientEvents::None);
/// # let _ = options;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientEvents {
    /// Those of members of private and presence channels, to their channel. The default.
    Members,
    /// Everybody's.
    All,
    /// Nobody's.
    None,
}

impl Options {
    /// All defaults; the environment is not read.
    ///
    /// ```
    /// use resound::embedded::{Embedded, Options};
    ///
    /// let embedded = Embedded::start(Options::new().threads(1))?;
    /// # let _ = embedded;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// The settings of the process's environment. No file is read: neither `.env`, which crates such as dotenvy read, nor
    /// `resound.toml`, unless [`Options::file`] names it.
    ///
    /// ```
    /// use resound::embedded::{Embedded, Options};
    ///
    /// let embedded = Embedded::start(Options::from_env().threads(1))?;
    /// # let _ = embedded;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_env() -> Self {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// The settings of variables from another source.
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use resound::embedded::{Embedded, Options};
    ///
    /// let secrets = HashMap::from([
    ///     ("REVERB_APP_ID", "1001"),
    ///     ("REVERB_APP_KEY", "shop-key"),
    ///     ("REVERB_APP_SECRET", "shop-secret"),
    /// ]);
    /// let options = Options::from_variables(|name| secrets.get(name).map(|value| value.to_string()));
    /// assert_eq!(Embedded::start(options.threads(1))?.key(), "shop-key");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let names = environment_names();
        #[cfg(feature = "encryption")]
        let names = names.chain(MASTER_KEYS);
        let variables = names.filter_map(|name| Some((name.to_owned(), variable(name)?)));
        Self { variables: variables.collect(), file: None }
    }

    /// Sets a setting by its environment variable, such as `REVERB_APP_MAX_MESSAGE_SIZE`: `resound start --help` lists them.
    ///
    /// ```
    /// use resound::embedded::{Embedded, Options};
    ///
    /// let options = Options::new().set("REVERB_APP_MAX_MESSAGE_SIZE", "20000");
    /// # let embedded = Embedded::start(options.threads(1))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set(mut self, variable: &str, value: impl Into<String>) -> Self {
        self.variables.insert(variable.to_owned(), value.into());
        self
    }

    /// Reads a `resound.toml`, too, whose settings are weaker than variables. Of several applications in it this process
    /// publishes for the first.
    ///
    /// ```
    /// use resound::embedded::{Embedded, Options};
    ///
    /// let options = Options::new().file("config/resound.toml").threads(1);
    /// let error = Embedded::start(options).expect_err("there is no such file here");
    /// assert!(error.to_string().contains("config/resound.toml"));
    /// ```
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = Some(path.into());
        self
    }

    /// Sets the application's credentials; by default the secret is drawn, and the key is `embedded-key`.
    ///
    /// ```
    /// use resound::embedded::{Embedded, Options};
    ///
    /// let options = Options::new().app("1001", "shop-key", "shop-secret");
    /// assert_eq!(Embedded::start(options.threads(1))?.key(), "shop-key");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn app(self, id: &str, key: &str, secret: &str) -> Self {
        self.set("REVERB_APP_ID", id).set("REVERB_APP_KEY", key).set("REVERB_APP_SECRET", secret)
    }

    /// Sets the origins whose pages may connect, such as `https://shop.example` or `*.shop.example`; all by default.
    ///
    /// ```
    /// use resound::embedded::{Embedded, Options};
    ///
    /// let options = Options::new().allowed_origins(["https://shop.example", "*.shop.example"]);
    /// # let embedded = Embedded::start(options.threads(1))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn allowed_origins<'a>(self, origins: impl IntoIterator<Item = &'a str>) -> Self {
        let origins: Vec<&str> = origins.into_iter().collect();
        // An empty text would be a variable that is not set, and allow all; a comma is a list of none, which is refused.
        let list = if origins.is_empty() { ",".to_owned() } else { origins.join(",") };
        self.set("REVERB_ALLOWED_ORIGINS", list)
    }

    /// Sets whose client events (whispers) are passed on.
    ///
    /// ```
    /// use resound::embedded::{ClientEvents, Embedded, Options};
    ///
    /// let options = Options::new().client_events(ClientEvents::All);
    /// # let embedded = Embedded::start(options.threads(1))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn client_events(self, from: ClientEvents) -> Self {
        let word = match from {
            ClientEvents::Members => "members",
            ClientEvents::All => "all",
            ClientEvents::None => "none",
        };
        self.set("REVERB_APP_ACCEPT_CLIENT_EVENTS_FROM", word)
    }

    /// Sets how many threads carry connections; by default one per core, besides those of the application.
    ///
    /// ```
    /// use resound::embedded::{Embedded, Options};
    ///
    /// let embedded = Embedded::start(Options::new().threads(2))?;
    /// # let _ = embedded;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn threads(self, threads: usize) -> Self {
        self.set("RESOUND_SHARDS", threads.to_string())
    }

    /// Sets how many clients may be connected; by default as many as three quarters of the files that the process may
    /// have open.
    ///
    /// ```
    /// use resound::embedded::{Embedded, Options};
    ///
    /// let options = Options::new().connections_max(100);
    /// # let embedded = Embedded::start(options.threads(1))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn connections_max(self, connections: usize) -> Self {
        self.set("RESOUND_MAX_CONNECTIONS", connections.to_string())
    }

    /// Sets what stands in front of all paths, such as `/ws`; nothing by default. Pages' `wsPath` is the same.
    ///
    /// ```
    /// use resound::embedded::{Embedded, Options};
    ///
    /// let embedded = Embedded::start(Options::new().path("/ws").threads(1))?;
    /// assert_eq!(embedded.path(), "/ws"); // new Echo({ wsPath: '/ws', … })
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn path(self, path: &str) -> Self {
        self.set("RESOUND_PATH", path)
    }

    /// The configuration; what is odd about it is said in the log.
    pub(super) fn read(self) -> Result<Config, OptionsError> {
        let flags = Flags { config: self.file, host: Host::Application, ..Flags::default() };
        let directory = std::env::current_dir().unwrap_or_default();
        let loaded = config::load(&flags, &self.variables, &directory);
        let loaded = loaded.map_err(|errors| OptionsError(errors.to_string()))?;
        for warning in loaded.warnings {
            tracing::warn!("{warning}");
        }
        Ok(loaded.config)
    }

    /// The key of encrypted channels, if there is one.
    #[cfg(feature = "encryption")]
    pub(super) fn master_key(&self) -> Result<Option<crate::encryption::MasterKey>, OptionsError> {
        let set = MASTER_KEYS.iter().filter_map(|name| Some((name, self.variables.get(*name)?)));
        let mut set = set.filter(|(_, text)| !text.trim().is_empty());
        let Some((name, text)) = set.next() else { return Ok(None) };
        let key = crate::encryption::MasterKey::from_base64(text);
        key.map(Some).map_err(|fault| OptionsError(format!("{name}: {fault}")))
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.variables.keys().collect(); // values may be secrets
        f.debug_struct("Options").field("variables", &names).field("file", &self.file).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_credentials_a_secret_is_drawn_and_the_key_outlives_a_restart() {
        let app = || {
            let mut config = Options::new().read().expect("it is a configuration");
            config.apps.swap_remove(0)
        };
        let (before, after) = (app(), app());
        assert_eq!(before.key, after.key);
        assert_ne!(before.secret, after.secret);
    }

    #[test]
    fn the_environment_of_laravel_is_enough() {
        let options = Options::from_variables(|name| match name {
            "PUSHER_APP_ID" => Some("1".to_owned()),
            "PUSHER_APP_KEY" => Some("k".to_owned()),
            "PUSHER_APP_SECRET" => Some("s-of-ours".to_owned()),
            "RESOUND_SHARDS" => Some("3".to_owned()),
            _ => None,
        });
        let config = options.read().expect("it is a configuration");
        assert_eq!((&*config.apps[0].key, config.server.shards), ("k", Some(3)));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error = |options: Options| options.read().expect_err("wrong").to_string();
        let text = error(Options::new().set("REVERB_APP_ID", "1"));
        assert!(text.contains("REVERB_APP_KEY"), "{text}");
        let text = error(Options::new().allowed_origins([]));
        assert!(text.contains("REVERB_ALLOWED_ORIGINS"), "{text}");
        let text = error(Options::new().file("/nowhere/resound.toml"));
        assert!(text.contains("/nowhere/resound.toml"), "{text}");
    }

    #[test]
    fn secrets_are_not_shown() {
        let options = Options::new().app("1", "k", "hidden-secret");
        assert!(!format!("{options:?}").contains("hidden-secret"));
    }
}
