//! Secrets that anybody knows, and addresses that anybody may reach.

use std::net::IpAddr;

use resound_hub::app::App;

use super::error::ConfigError;

/// The id of the application that exists when none is configured.
pub const DEVELOPMENT_ID: &str = "resound";
/// Its key.
pub const DEVELOPMENT_KEY: &str = "resound-key";
/// Its secret, which is as public as this file.
pub const DEVELOPMENT_SECRET: &str = "resound-secret";

/// Examples and defaults of documentation, packages and tutorials.
const WELL_KNOWN: [&str; 28] = [
    "app-secret",
    "app_secret",
    "change-me",
    "change_me",
    "changeme",
    "demo-secret",
    "example",
    "example-secret",
    "key",
    "laravel",
    "laravel-herd",
    "laravel-secret",
    "local",
    "local-secret",
    "my-app-secret",
    "my-secret",
    "my_secret",
    "password",
    "pusher-secret",
    "resound",
    DEVELOPMENT_SECRET,
    "reverb",
    "reverb-secret",
    "s3cr3t",
    "secret",
    "some-app-secret",
    "test",
    "test-secret",
];

/// Bytes of a secret that is drawn.
const DRAWN_BYTES: usize = 32;

/// Draws a secret for an application that has none: nobody can sign for it.
///
/// # Errors
///
/// If the system gives no random numbers.
pub(crate) fn drawn() -> Result<String, ConfigError> {
    let mut bytes = [0; DRAWN_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| ConfigError::Unreadable {
        file: "the system's random numbers".to_owned(),
        reason: error.to_string(),
    })?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Says whether this is the development application, be it configured by hand: everybody knows its
/// secret, so nothing is lost when the welcome page may publish without one.
pub fn is_development(app: &App) -> bool {
    &*app.id == DEVELOPMENT_ID && &*app.key == DEVELOPMENT_KEY && &*app.secret == DEVELOPMENT_SECRET
}

/// Says whether a secret is a placeholder out of documentation.
pub(crate) fn is_well_known(secret: &str) -> bool {
    let secret = secret.trim().to_ascii_lowercase();
    let is_placeholder =
        ["your-", "your_", "<", "${"].iter().any(|start| secret.starts_with(start));
    is_placeholder || WELL_KNOWN.contains(&secret.as_str())
}

/// Says whether only this machine can reach an address. A name other than `localhost` may mean
/// anything.
pub(crate) fn is_loopback(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_loopback(),
        Ok(IpAddr::V6(address)) => {
            address.is_loopback() || address.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback())
        }
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_well_known_and_random_secrets_are_not() {
        for secret in
            ["secret", "Secret", "your-app-secret", "YOUR_SECRET", "resound-secret", "<secret>"]
        {
            assert!(is_well_known(secret), "{secret}");
        }
        for secret in ["kx677b9udp95kpffwpcg", "secrets", "the-secret"] {
            assert!(!is_well_known(secret), "{secret}");
        }
    }

    #[test]
    fn loopback_addresses_are_those_of_this_machine() {
        for host in ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", "localhost", "LOCALHOST"]
        {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "0.0.0.0",
            "::",
            "10.0.0.1",
            "example.com",
            "localhost.example.com",
            "127.0.0.1.nip.io",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
