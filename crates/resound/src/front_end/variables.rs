//! Where browsers reach the server, by variables: `RESOUND_PUBLIC_*`, and Laravel's `VITE_*`.

use super::{Connector, EchoOptions, PublicHost, PublicScheme};
use crate::config::{ConfigError, Variables, filled, port};

/// The options of a driver, with what the environment says of browsers.
pub(crate) fn public(
    mut options: EchoOptions,
    connection: &str,
    variables: Variables<'_>,
) -> Result<EchoOptions, ConfigError> {
    if options.connector == Connector::Null {
        return Ok(options);
    }
    let own = "RESOUND_PUBLIC".to_owned();
    let laravel = match connection {
        // What Laravel wrote into `.env` for another server is none of this process' business.
        "embedded" => None,
        "pusher" => Some("PUSHER"),
        _ => Some("REVERB"),
    };
    if let (Some(prefix), Connector::Pusher) = (laravel, options.connector)
        && let Some(cluster) = filled(variables, &format!("VITE_{prefix}_APP_CLUSTER"))
    {
        options.cluster = Some(cluster);
    }
    let vite = laravel.map(|prefix| format!("VITE_{prefix}"));
    // Behind its Redis bridge the server is one that the driver does not know.
    let server = (connection == "redis").then(|| "REVERB".to_owned());
    for prefix in [Some(own), vite, server].into_iter().flatten() {
        if let Some(host) = host(&prefix, variables)? {
            options.host = host;
            break;
        }
    }
    Ok(options)
}

fn host(prefix: &str, variables: Variables<'_>) -> Result<Option<PublicHost>, ConfigError> {
    // `VITE_REVERB_HOST="${REVERB_HOST}"` is left as it is by readers that expand nothing.
    let Some(host) =
        filled(variables, &format!("{prefix}_HOST")).filter(|host| !host.contains("${"))
    else {
        return Ok(None);
    };
    let variable = format!("{prefix}_SCHEME");
    let is_expanded = |value: &String| !value.contains("${");
    let scheme = match filled(variables, &variable).filter(is_expanded).as_deref() {
        None | Some("https") => PublicScheme::Https,
        Some("http") => PublicScheme::Http,
        Some(value) => {
            let value = value.to_owned();
            return Err(ConfigError::Invalid { variable, value, expected: "http or https" });
        }
    };
    let port = port(&format!("{prefix}_PORT"), scheme.port(), &|name| {
        variables(name).filter(is_expanded)
    })?;
    Ok(Some(PublicHost::At { scheme, host, port }))
}
