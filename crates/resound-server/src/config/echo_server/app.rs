//! The application of a laravel-echo-server.
//!
//! There is one, whatever the number of `clients`: those are who may use the HTTP API, and all of them
//! publish to everybody. It is the application of the environment if there is one, so that whoever
//! signs reaches the same subscribers; or else one of whose secret nobody knows.

use resound_hub::app::App;

use super::{APP_ID, EchoServerFile};
use crate::config::{
    app_settings::AppDraft,
    apps,
    environment::Environment,
    error::ConfigError,
    load::apply,
    secret::{drawn, is_loopback, is_well_known},
    server_settings::ServerDraft,
};

impl EchoServerFile {
    /// Makes the application.
    pub(crate) fn app(
        &self,
        environment: &Environment<'_>,
        server: &ServerDraft,
        errors: &mut Vec<ConfigError>,
        warnings: &mut Vec<String>,
    ) -> App {
        let draft = self.draft(errors);
        let mut app = match of_environment(environment, server, errors, warnings) {
            Some(mut app) => {
                let origins = apps::setting("allowed_origins");
                if environment.value(origins.env).is_none() {
                    app.options.allowed_origins = draft.options.allowed_origins;
                }
                app
            }
            None => apps::with_options(draft, environment, server, errors),
        };
        app.options.bearer_clients.clone_from(&self.clients);
        let is_public = |key: &str| !app.options.secret_is_drawn && *key == *app.key;
        if self.clients.iter().any(|client| is_public(&client.key)) {
            let id = &app.id;
            warnings.push(format!(
                "the key of app {id} in the environment is the key of one of the clients, too: who \
                 reads it in a page can publish; give the client a key of its own"
            ));
        }
        app
    }

    /// An application of the first client that nobody can sign for.
    fn draft(&self, errors: &mut Vec<ConfigError>) -> AppDraft {
        let mut draft = AppDraft::default();
        apply(apps::setting("id"), &self.id, &mut draft, errors);
        let id = draft.id.get_or_insert_with(|| APP_ID.to_owned()).clone();
        // A key that cannot stand in a URL is still one for the API.
        if (apps::setting("key").apply)(&mut draft, &self.key).is_err() {
            draft.key = Some(id);
        }
        if let Some(origins) = &self.origins {
            apply(apps::setting("allowed_origins"), origins, &mut draft, errors);
        }
        draft.secret = Some(drawn_or_error(errors));
        draft.options.secret_is_drawn = true;
        draft
    }
}

/// The application of `REVERB_APP_*` or `PUSHER_*`. For laravel-echo-server Laravel needed no secret,
/// or any: an application without one, or with one that everybody knows, is one that nobody can sign
/// for.
fn of_environment(
    environment: &Environment<'_>,
    server: &ServerDraft,
    errors: &mut Vec<ConfigError>,
    warnings: &mut Vec<String>,
) -> Option<App> {
    let mut found = Vec::new();
    let app = apps::configured(environment, &[], server, &mut found).into_iter().next();
    for error in found {
        if matches!(error, ConfigError::PartialApp { .. }) {
            warnings.push(format!("{error}: signed requests are not taken"));
        } else {
            errors.push(error);
        }
    }
    let mut app = app?;
    let is_reachable = !server.host.as_deref().is_some_and(is_loopback);
    if is_well_known(&app.secret) && is_reachable && !server.allow_insecure_secret {
        warnings.push(format!(
            "the secret of app {} in the environment is a well-known one: signed requests are not \
             taken, unless RESOUND_ALLOW_INSECURE_SECRET is true",
            app.id
        ));
        app.secret = drawn_or_error(errors).into();
        app.options.secret_is_drawn = true;
    }
    Some(app)
}

fn drawn_or_error(errors: &mut Vec<ConfigError>) -> String {
    drawn().unwrap_or_else(|error| {
        errors.push(error);
        String::from("unused: errors stop the start")
    })
}
