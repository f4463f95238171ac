//! The tables of all settings: keys, environment variables, defaults and what they mean.
//!
//! Flags, the environment, `.env`, `resound.toml`, the help and the error messages all come from
//! here. A setting is added by adding its row.

use std::{fmt::Write as _, iter};

use super::{
    app_settings::APP,
    auth::AUTH,
    echo_server,
    redis::REDIS,
    server_settings::{SERVER, ServerDraft},
    socketio::SOCKETIO,
    tls::TLS,
    value::{Expected, Value},
    webhooks::WEBHOOKS,
};

/// One setting of `T`, a draft of the process's settings or of an application.
pub(crate) struct Setting<T> {
    /// The key in `resound.toml`; the flag, if there is one, is the same with dashes.
    pub(crate) key: &'static str,
    /// The environment variables, the strongest first.
    pub(crate) env: &'static [&'static str],
    /// The default, in words for the help.
    pub(crate) default: &'static str,
    /// What it is, in a few words for the help.
    pub(crate) help: &'static str,
    /// Whether the value may be shown.
    pub(crate) shown: Shown,
    /// Puts a value into the draft.
    pub(crate) apply: fn(&mut T, &Value) -> Result<(), Expected>,
}

/// Whether a value may be shown in errors.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    Open,
    Secret,
}

/// Names that Reverb knows and that ask for something that a single node does not have.
pub(crate) const UNSUPPORTED_SWITCHES: [&str; 1] = ["REVERB_SCALING_ENABLED"];

/// The settings of the process, of all its tables.
pub(crate) fn server_settings() -> impl Iterator<Item = &'static Setting<ServerDraft>> + Clone {
    SERVER.iter().chain(SOCKETIO).chain(AUTH).chain(REDIS).chain(TLS).chain(WEBHOOKS)
}

/// Every environment variable that is read.
pub fn environment_names() -> impl Iterator<Item = &'static str> {
    let server = server_settings().flat_map(|setting| setting.env);
    let app = APP.iter().flat_map(|setting| setting.env);
    let echo_server = echo_server::environment_names();
    server.chain(app).copied().chain(UNSUPPORTED_SWITCHES).chain(echo_server)
}

/// What a flag of the process's setting `key` says in the help.
///
/// # Panics
///
/// If there is no such setting: a mistake in the command line's definition, which any start shows.
pub(crate) fn flag_help(key: &str) -> String {
    let setting =
        server_settings().find(|setting| setting.key == key).expect("a setting of a table");
    let (first, rest) = setting.help.split_at(1);
    let (first, env) = (first.to_uppercase(), setting.env.join(", "));
    format!("{first}{rest} [default: {}] [env: {env}]", setting.default)
}

/// The reference of all settings, for `resound start --help`.
pub(crate) fn reference() -> String {
    let mut text = String::from(
        "Settings, strongest first: flags, environment, .env, resound.toml, defaults.\n\
         Each setting: key in resound.toml, what it is, its default, its environment variables.\n\n",
    );
    let server = server_settings().map(|s| (s.key, s.help, s.default, s.env));
    let app = APP.iter().map(|s| (s.key, s.help, s.default, s.env));
    let heading = ("\n[[apps]]", "", "", &[] as &[&str]);
    for (key, help, default, env) in server.chain(iter::once(heading)).chain(app) {
        if help.is_empty() {
            let _ = writeln!(text, "{key}");
            continue;
        }
        let _ = writeln!(text, "  {key:<30} {help}");
        let _ = writeln!(text, "  {:<30} [{default}] {}", "", env.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn keys_and_names_are_unique_and_documented() {
        let keys: Vec<_> = server_settings().map(|s| (s.key, s.help)).collect();
        let app_keys: Vec<_> = APP.iter().map(|s| (s.key, s.help)).collect();
        for table in [&keys, &app_keys] {
            let unique: HashSet<_> = table.iter().map(|(key, _)| key).collect();
            assert_eq!(unique.len(), table.len());
            assert!(
                table.iter().all(|(_, help)| help.starts_with(|c: char| c.is_ascii_alphabetic()))
            );
        }
        let names: Vec<_> = environment_names().collect();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
    }

    #[test]
    fn every_setting_has_an_environment_variable() {
        assert!(server_settings().all(|setting| !setting.env.is_empty()));
        assert!(APP.iter().all(|setting| !setting.env.is_empty()));
    }
}
