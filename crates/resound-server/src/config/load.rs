//! Merging the sources, strongest first: flags, environment, `.env`, `resound.toml` or
//! `laravel-echo-server.json`, defaults.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use resound_hub::app::App;

use super::{
    Config, ServerConfig, apps, auth,
    echo_server::{self, EchoServerFile},
    environment::Environment,
    error::{ConfigError, ConfigErrors, nearest},
    files::{self, File},
    secret::{is_development, is_loopback, is_well_known},
    server_settings::ServerDraft,
    settings::{Setting, Shown, UNSUPPORTED_SWITCHES, server_settings},
    toml_file::{Section, TomlFile},
    value::{Origin, Raw, Value},
};

/// What the command line says.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// Settings of the process by their key in `resound.toml`.
    pub settings: BTreeMap<&'static str, String>,
    /// A file in place of `resound.toml`.
    pub config: Option<PathBuf>,
    /// A file in place of `.env`.
    pub env_file: Option<PathBuf>,
    /// Whose configuration it is.
    pub host: Host,
}

/// In which process a server runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Host {
    /// In its own.
    #[default]
    Own,
    /// In that of an application: files are read only if they are named, an application without credentials gets some
    /// that nobody knows, and who can reach the port is the application's to judge.
    Application,
}

/// A configuration and what was odd about it.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Sentences for the log.
    pub warnings: Vec<String>,
}

/// Merges the configuration. Reads the files in or relative to `cwd`, and nothing else: the
/// process's environment is an argument.
///
/// # Errors
///
/// All mistakes at once, each with its place and with what is allowed.
pub fn load(
    flags: &Flags,
    env: &BTreeMap<String, String>,
    cwd: &Path,
) -> Result<Loaded, ConfigErrors> {
    let mut errors = Vec::new();
    let is_own = flags.host == Host::Own;
    let mut read = |named: Option<&Path>, default| {
        if named.is_none() && !is_own {
            return None;
        }
        files::read(named, default, cwd).unwrap_or_else(|error| {
            errors.push(error);
            None
        })
    };
    let env_file = read(flags.env_file.as_deref(), ".env");
    let named = flags.config.as_deref();
    let mut file = read(named, "resound.toml");
    if named.is_none() && file.is_none() {
        file = read(None, echo_server::DEFAULT_FILE);
    }
    let environment = Environment::new(env, env_file);
    errors.extend(environment.errors());
    let (toml, echo_server) = parse(file.as_ref(), &environment).unwrap_or_else(|bad| {
        errors.extend(bad);
        (TomlFile::default(), None)
    });
    let mut warnings = environment.warnings();
    if let Some(file) = file.filter(|_| named.is_none() && echo_server.is_some()) {
        let name = file.name;
        warnings.push(format!("there is no resound.toml: {name} is read in its place"));
    }
    let sources = Sources {
        cwd,
        flags,
        environment: &environment,
        toml: &toml,
        echo_server: echo_server.as_ref(),
    };
    let config = sources.merge(&mut errors, &mut warnings);
    if !errors.is_empty() {
        return Err(ConfigErrors(errors));
    }
    warnings.extend(sources.warnings());
    Ok(Loaded { config, warnings })
}

/// Reads the file in the language that its name promises. Without a file the variables of
/// laravel-echo-server are a configuration of their own, unless the environment has an application.
fn parse(
    file: Option<&File>,
    environment: &Environment<'_>,
) -> Result<(TomlFile, Option<EchoServerFile>), Vec<ConfigError>> {
    let is_echo_server = match file {
        Some(file) => file.name.to_ascii_lowercase().ends_with(".json"),
        None => !apps::is_in(environment) && !echo_server::variables(environment).is_empty(),
    };
    if !is_echo_server {
        let toml = file.map(TomlFile::parse).transpose()?;
        return Ok((toml.unwrap_or_default(), None));
    }
    let mut echo_server = echo_server::read(file, environment)?;
    let server = std::mem::take(&mut echo_server.server);
    Ok((TomlFile { server, apps: Vec::new() }, Some(echo_server)))
}

struct Sources<'a> {
    cwd: &'a Path,
    flags: &'a Flags,
    environment: &'a Environment<'a>,
    toml: &'a TomlFile,
    echo_server: Option<&'a EchoServerFile>,
}

impl Sources<'_> {
    fn merge(&self, errors: &mut Vec<ConfigError>, warnings: &mut Vec<String>) -> Config {
        unknown_keys(&self.toml.server, server_settings().map(|setting| setting.key), errors);
        let mut draft = ServerDraft::default();
        for setting in server_settings() {
            for value in self.server_values(setting) {
                apply(setting, &value, &mut draft, errors);
            }
        }
        auth::settle(&mut draft, self.environment, warnings);
        let (apps, default_host) = self.apps(&draft, errors, warnings);
        let checks_secrets = !draft.allow_insecure_secret;
        let redis = std::mem::take(&mut draft.redis).finish(self.environment, &apps, errors);
        draft.server.tls = std::mem::take(&mut draft.tls).finish(self.cwd, errors);
        let server = ServerConfig { redis, ..draft.finish(default_host) };
        let mut config = Config { server, apps };
        if let Some(echo_server) = self.echo_server {
            config.server.echo_server = Some(echo_server.config.clone());
        }
        if checks_secrets && self.flags.host == Host::Own {
            errors.extend(insecure_secrets(&config));
        }
        config
    }

    /// The applications, and the address to listen on if nobody says so.
    fn apps(
        &self,
        draft: &ServerDraft,
        errors: &mut Vec<ConfigError>,
        warnings: &mut Vec<String>,
    ) -> (Vec<App>, &'static str) {
        if let Some(echo_server) = self.echo_server {
            let app = echo_server.app(self.environment, draft, errors, warnings);
            return (vec![app], "0.0.0.0");
        }
        let configured = apps::configured(self.environment, &self.toml.apps, draft, errors);
        if configured.is_empty() && self.toml.apps.is_empty() {
            if self.flags.host == Host::Application {
                let drawn = apps::drawn(self.environment, draft, errors);
                return (drawn.into_iter().collect(), "127.0.0.1");
            }
            return (vec![apps::development(self.environment, draft, errors)], "127.0.0.1");
        }
        (configured, "0.0.0.0")
    }

    /// The values of a setting, the strongest last. The weaker ones are checked, too: a mistake that
    /// something else hides comes out when that is taken away, in the middle of the night.
    fn server_values(&self, setting: &Setting<ServerDraft>) -> impl Iterator<Item = Value> {
        let flag = self.flags.settings.get(setting.key).map(|text| {
            // `--redis` is `redis.url` or `redis.enabled`.
            let key = setting.key.split('.').next().unwrap_or(setting.key);
            let name = format!("--{}", key.replace('_', "-"));
            Value { raw: Raw::Text(text.clone()), origin: Origin::Flag { name } }
        });
        let environment = self.environment.value(setting.env);
        let toml = self.toml.server.value(setting.key).cloned();
        [toml, environment, flag].into_iter().flatten()
    }

    /// What is configured and has no effect.
    fn warnings(&self) -> impl Iterator<Item = String> {
        let unsupported = UNSUPPORTED_SWITCHES.iter().filter_map(|name| {
            let value = self.environment.value(&[name])?;
            let is_on = value.switch().unwrap_or(true);
            let sentence = "asks for several nodes, this version runs as one";
            is_on.then(|| format!("{} {sentence}", value.origin))
        });
        let orphaned = apps::options_without_app(self.environment, &self.toml.apps);
        let idle = echo_server::idle_variables(self.environment);
        let idle = idle.filter(|_| self.echo_server.is_none());
        let echo_server = self.echo_server.into_iter().flat_map(|file| file.warnings.clone());
        unsupported.chain(idle).chain(echo_server).chain(orphaned.into_iter().map(|origin| {
            format!("{origin} has no effect: the environment has no app, resound.toml has its own")
        }))
    }
}

/// Puts a value into the draft, or notes what is wrong with it.
pub(crate) fn apply<T>(
    setting: &Setting<T>,
    value: &Value,
    draft: &mut T,
    errors: &mut Vec<ConfigError>,
) {
    let Err(expected) = (setting.apply)(draft, value) else { return };
    let shown = match setting.shown {
        Shown::Open => value.raw.to_string(),
        Shown::Secret => "(hidden)".to_owned(),
    };
    errors.push(ConfigError::Value { origin: value.origin.to_string(), shown, expected });
}

/// Notes the keys of a section that are not known.
pub(crate) fn unknown_keys(
    section: &Section,
    known: impl Iterator<Item = &'static str>,
    errors: &mut Vec<ConfigError>,
) {
    let known: Vec<_> = known.collect();
    for (key, value) in &section.values {
        if known.contains(&key.as_str()) {
            continue;
        }
        let nearest = nearest(key, known.iter().copied(), key.len() / 2).map(str::to_owned);
        errors.push(ConfigError::UnknownKey { origin: value.origin.to_string(), nearest });
    }
}

fn insecure_secrets(config: &Config) -> Vec<ConfigError> {
    if is_loopback(&config.server.host) {
        return Vec::new();
    }
    let address = format!("{}:{}", config.server.host, config.server.port);
    let insecure = config.apps.iter().filter(|app| is_well_known(&app.secret));
    let error = |app: &App| ConfigError::InsecureSecret {
        app: if is_development(app) {
            "the development app".to_owned()
        } else {
            format!("app {:?}", app.id)
        },
        address: address.clone(),
    };
    insecure.map(error).collect()
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
