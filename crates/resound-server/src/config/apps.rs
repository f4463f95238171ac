//! The applications: that of the environment, those of `resound.toml`, or the one for development.

use resound_hub::app::App;

use super::{
    app_settings::{APP, AppDraft, CREDENTIALS},
    environment::Environment,
    error::ConfigError,
    load::{apply, unknown_keys},
    secret::{DEVELOPMENT_ID, DEVELOPMENT_KEY, DEVELOPMENT_SECRET, drawn as drawn_secret},
    server_settings::ServerDraft,
    settings::Setting,
    toml_file::Section,
    value::Origin,
};

/// The id of an application whose secret is drawn.
const EMBEDDED_ID: &str = "embedded";
/// Its key. Pages that are open while the process restarts come back with the key that they know; an unknown one
/// (4001) would send them away for good. No secret: every page has it.
const EMBEDDED_KEY: &str = "embedded-key";

/// The applications that somebody configured; empty if nobody did.
pub(crate) fn configured(
    environment: &Environment<'_>,
    sections: &[Section],
    server: &ServerDraft,
    errors: &mut Vec<ConfigError>,
) -> Vec<App> {
    let of_environment = of_environment(environment, errors);
    let of_file = sections.iter().map(|section| of_section(section, errors));
    let drafts: Vec<_> = of_environment.into_iter().chain(of_file).collect();
    let mut apps: Vec<(App, String)> = Vec::new();
    for Found { draft, origin, names, is_sound } in drafts {
        match draft.finish(server.request_bytes_max) {
            Ok(app) => {
                errors.extend(duplicate(&app, &origin, &apps));
                apps.push((app, origin));
            }
            // A credential with a wrong value is missing too; that one error is enough.
            Err(_) if !is_sound => {}
            Err(missing) => {
                let missing: Vec<_> = missing.into_iter().map(names).collect();
                let missing = missing.join(" and no ");
                errors.push(ConfigError::PartialApp { app: origin, missing });
            }
        }
    }
    apps.into_iter().map(|(app, _)| app).collect()
}

/// The application for development, with the options of the environment.
pub(crate) fn development(
    environment: &Environment<'_>,
    server: &ServerDraft,
    errors: &mut Vec<ConfigError>,
) -> App {
    let draft = AppDraft {
        id: Some(DEVELOPMENT_ID.to_owned()),
        key: Some(DEVELOPMENT_KEY.to_owned()),
        secret: Some(DEVELOPMENT_SECRET.to_owned()),
        ..AppDraft::default()
    };
    with_options(draft, environment, server, errors)
}

/// The application of a process that has none configured and serves nobody else: its secret is drawn.
pub(crate) fn drawn(
    environment: &Environment<'_>,
    server: &ServerDraft,
    errors: &mut Vec<ConfigError>,
) -> Option<App> {
    let draft = drawn_secret().map(|secret| AppDraft {
        id: Some(EMBEDDED_ID.to_owned()),
        key: Some(EMBEDDED_KEY.to_owned()),
        secret: Some(secret),
        ..AppDraft::default()
    });
    match draft {
        Ok(draft) => Some(with_options(draft, environment, server, errors)),
        Err(error) => {
            errors.push(error);
            None
        }
    }
}

/// An application that has its credentials, with the options of the environment.
pub(crate) fn with_options(
    mut draft: AppDraft,
    environment: &Environment<'_>,
    server: &ServerDraft,
    errors: &mut Vec<ConfigError>,
) -> App {
    for setting in options() {
        if let Some(value) = environment.value(setting.env) {
            apply(setting, &value, &mut draft, errors);
        }
    }
    draft.finish(server.request_bytes_max).expect("all credentials are set")
}

/// The options of an application that the environment has, without an application that they could
/// be for.
pub(crate) fn options_without_app(
    environment: &Environment<'_>,
    sections: &[Section],
) -> Vec<Origin> {
    if sections.is_empty() || family(environment).is_some() {
        return Vec::new();
    }
    options().filter_map(|setting| Some(environment.value(setting.env)?.origin)).collect()
}

/// Says whether the environment names an application.
pub(crate) fn is_in(environment: &Environment<'_>) -> bool {
    family(environment).is_some()
}

/// The setting of an application with this key.
///
/// # Panics
///
/// If there is none.
pub(crate) fn setting(key: &str) -> &'static Setting<AppDraft> {
    APP.iter().find(|setting| setting.key == key).expect("a setting of the table")
}

fn options() -> impl Iterator<Item = &'static Setting<AppDraft>> {
    APP.iter().filter(|setting| !CREDENTIALS.contains(&setting.key))
}

/// An application before it is checked, and where it is written.
struct Found {
    draft: AppDraft,
    origin: String,
    /// What the source calls a credential.
    names: fn(&'static str) -> &'static str,
    /// Whether nothing was wrong with it so far.
    is_sound: bool,
}

/// Which names the environment's application has: 0 for `REVERB_APP_*`, 1 for `PUSHER_APP_*`.
fn family(environment: &Environment<'_>) -> Option<usize> {
    let credentials = || APP.iter().filter(|setting| CREDENTIALS.contains(&setting.key));
    (0..2).find(|family| {
        credentials().any(|setting| environment.value(&setting.env[*family..=*family]).is_some())
    })
}

fn of_environment(environment: &Environment<'_>, errors: &mut Vec<ConfigError>) -> Option<Found> {
    let family = family(environment)?;
    let errors_before = errors.len();
    let mut draft = AppDraft::default();
    let mut origins = Vec::new();
    for setting in APP {
        let is_credential = CREDENTIALS.contains(&setting.key);
        let names = if is_credential { &setting.env[family..=family] } else { setting.env };
        let Some(value) = environment.value(names) else { continue };
        apply(setting, &value, &mut draft, errors);
        if is_credential {
            origins.push(value.origin.to_string());
        }
    }
    let origin = format!("the app of {}", origins.join(", "));
    let names = if family == 0 { variable::<0> } else { variable::<1> };
    Some(Found { draft, origin, names, is_sound: errors.len() == errors_before })
}

fn of_section(section: &Section, errors: &mut Vec<ConfigError>) -> Found {
    let errors_before = errors.len();
    unknown_keys(section, APP.iter().map(|setting| setting.key), errors);
    let mut draft = AppDraft::default();
    for setting in APP {
        if let Some(value) = section.value(setting.key) {
            apply(setting, value, &mut draft, errors);
        }
    }
    let origin = section.origin.clone();
    Found { draft, origin, names: |key| key, is_sound: errors.len() == errors_before }
}

/// The environment variable of a credential.
fn variable<const FAMILY: usize>(key: &'static str) -> &'static str {
    APP.iter().find(|setting| setting.key == key).map_or(key, |setting| setting.env[FAMILY])
}

fn duplicate(app: &App, origin: &str, others: &[(App, String)]) -> Option<ConfigError> {
    let error = |what, value: &str, first: &str| ConfigError::Duplicate {
        what,
        value: value.to_owned(),
        first: first.to_owned(),
        second: origin.to_owned(),
    };
    others.iter().find_map(|(other, first)| {
        if other.id == app.id {
            return Some(error("id", &app.id, first));
        }
        (other.key == app.key).then(|| error("key", &app.key, first))
    })
}
