//! What a person reads when the server has started: where to connect, publish and look.

mod echo_server;

use std::{
    env,
    fmt::{self, Write as _},
    io::{self, IsTerminal as _, Write as _},
    net::SocketAddr,
};

use resound_hub::app::App;

use crate::config::{Config, is_development, is_loopback, is_well_known};

/// How many applications the banner lists.
const APPS_MAX: usize = 4;

/// Whether the banner has colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Bold headings, for a terminal.
    Ansi,
    /// Text only.
    Plain,
}

/// Prints the banner on stdout, with colours on a terminal (unless `NO_COLOR` is set). That nobody
/// reads it is no error.
pub fn print(config: &Config, address: SocketAddr) {
    let is_terminal = io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none();
    let style = if is_terminal { Style::Ansi } else { Style::Plain };
    let mut out = io::stdout().lock();
    let _ = out.write_all(text(config, address, style).as_bytes());
    let _ = out.flush();
}

/// The banner of a server that listens on `address`.
pub fn text(config: &Config, address: SocketAddr, style: Style) -> String {
    let urls = Urls::new(config, address);
    let title = style.bold(concat!("Resound ", env!("CARGO_PKG_VERSION")));
    if let Some(echo_server) = &config.server.echo_server {
        return echo_server::text(config, echo_server, &urls, &title);
    }
    let mut text = format!("\n  {title}\n\n");
    let Some(app) = config.apps.first() else { return text };
    let mut row = |name: &str, value: &dyn fmt::Display| {
        let _ = writeln!(text, "  {name:<22}{value}");
    };
    row("Browsers connect to", &format_args!("{}/app/{}", urls.websocket(), app.key));
    let socketio = &config.server.socketio;
    if socketio.enabled {
        row("Socket.IO connects to", &format_args!("{}{}/", urls.http(), socketio.path));
    }
    row("Publishers post to", &format_args!("{}/apps/{}/events", urls.http(), app.id));
    row("Welcome page", &format_args!("{}/", urls.local()));
    row("Health", &format_args!("{}/up", urls.local()));
    text.push('\n');
    for app in config.apps.iter().take(APPS_MAX) {
        let secret = if is_development(app) { &*app.secret } else { "(hidden)" };
        let _ =
            writeln!(text, "  {:<22}key {}  secret {secret}", format!("App {}", app.id), app.key);
    }
    if config.apps.len() > APPS_MAX {
        let _ = writeln!(text, "  and {} more apps", config.apps.len() - APPS_MAX);
    }
    snippets(&mut text, &urls, app, style);
    warnings(&mut text, config, &urls, style);
    text.push('\n');
    text
}

/// What to paste into a Laravel application and into its front end, as Laravel's own stubs have it.
fn snippets(text: &mut String, urls: &Urls<'_>, app: &App, style: Style) {
    let secret = if is_development(app) { &*app.secret } else { "…" };
    let Urls { scheme, hostname, port, path, .. } = urls;
    let is_tls = *scheme == "https";
    let ws_path =
        if path.is_empty() { String::new() } else { format!("\n      wsPath: '{path}',") };
    let _ = write!(
        text,
        "
  {env_heading}
    BROADCAST_CONNECTION=reverb
    REVERB_APP_ID={id}
    REVERB_APP_KEY={key}
    REVERB_APP_SECRET={secret}
    REVERB_HOST={hostname}
    REVERB_PORT={port}
    REVERB_SCHEME={scheme}

  {echo_heading}
    window.Echo = new Echo({{
      broadcaster: 'reverb',
      key: '{key}',
      wsHost: '{hostname}',
      wsPort: {port}, wssPort: {port},{ws_path}
      forceTLS: {is_tls}, enabledTransports: ['ws', 'wss'],
    }});
",
        env_heading = style.bold("Laravel, .env"),
        echo_heading = style.bold("Browser, laravel-echo with pusher-js"),
        id = app.id,
        key = app.key,
    );
    if !path.is_empty() {
        let _ = writeln!(
            text,
            "\n  Laravel also needs 'path' => '{path}' in the options of config/broadcasting.php."
        );
    }
}

fn warnings(text: &mut String, config: &Config, urls: &Urls<'_>, style: Style) {
    let mut warn = |sentence: &str| {
        let _ = writeln!(text, "\n  {} {sentence}", style.bold("!"));
    };
    if config.development_app().is_some() {
        warn("Development app: everybody knows its secret. `resound init` writes one of your own.");
    }
    for app in config.apps.iter().filter(|app| is_well_known(&app.secret) && !is_development(app)) {
        warn(&format!("The secret of app {} is a well-known one: anybody can publish.", app.id));
    }
    if config.server.tls.is_some() && urls.scheme == "http" {
        warn("Browsers are told http (REVERB_SCHEME), the server speaks https only.");
    }
    let (told, listening) = (urls.port, urls.address.port());
    if is_loopback(&config.server.hostname) && urls.scheme == "http" && told != listening {
        warn(&format!(
            "Browsers are told port {told} (REVERB_PORT), the server listens on {listening}."
        ));
    }
}

/// The addresses, seen from a browser and from this machine.
struct Urls<'a> {
    scheme: &'a str,
    hostname: String,
    port: u16,
    path: &'a str,
    address: SocketAddr,
    /// What the server itself speaks.
    own_scheme: &'a str,
}

impl<'a> Urls<'a> {
    fn new(config: &'a Config, address: SocketAddr) -> Self {
        let server = &config.server;
        // Port 0 is known only after binding.
        let port = if server.public_port == 0 { address.port() } else { server.public_port };
        let hostname = in_url(&server.hostname);
        let own_scheme = if server.tls.is_some() { "https" } else { "http" };
        let (scheme, path) = (&server.public_scheme, &server.path);
        Self { scheme, hostname, port, path, address, own_scheme }
    }

    fn websocket(&self) -> String {
        let scheme = if self.scheme == "https" { "wss" } else { "ws" };
        format!("{scheme}://{}{}", self.authority(), self.path)
    }

    fn http(&self) -> String {
        format!("{}://{}{}", self.scheme, self.authority(), self.path)
    }

    /// The server itself, without whatever stands in front of it.
    fn local(&self) -> String {
        let ip = self.address.ip();
        let host =
            if ip.is_unspecified() { "localhost".to_owned() } else { in_url(&ip.to_string()) };
        format!("{}://{host}:{}{}", self.own_scheme, self.address.port(), self.path)
    }

    fn authority(&self) -> String {
        match (self.scheme, self.port) {
            ("https", 443) | ("http", 80) => self.hostname.clone(),
            (_, port) => format!("{}:{port}", self.hostname),
        }
    }
}

/// A host as URLs write it: an IPv6 address in brackets.
fn in_url(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

impl Style {
    fn bold(self, text: &str) -> String {
        match self {
            Self::Ansi => format!("\x1b[1m{text}\x1b[0m"),
            Self::Plain => text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, path::Path};

    use expect_test::{Expect, expect};

    use super::*;
    use crate::config::{Flags, load};

    fn config(env: &[(&str, &str)]) -> Config {
        let env: BTreeMap<_, _> =
            env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let nowhere = Path::new("/nonexistent");
        load(&Flags::default(), &env, nowhere).expect("a configuration").config
    }

    const OWN: [(&str, &str); 3] = [
        ("REVERB_APP_ID", "1001"),
        ("REVERB_APP_KEY", "a-key"),
        ("REVERB_APP_SECRET", "Kx67b9uDp9"),
    ];

    #[track_caller]
    #[allow(clippy::needless_pass_by_value, reason = "`expect!` makes an owned value")]
    fn check(config: &Config, address: &str, expect: Expect) {
        let text = text(config, address.parse().expect("an address"), Style::Plain);
        assert!(text.lines().count() <= 40, "{text}");
        // The margin would be taken for the indentation of the expectation.
        expect.assert_eq(&format!("{}\n", text.replace("\n  ", "\n").trim()));
    }

    #[test]
    fn the_development_app_is_shown_with_its_secret_and_a_warning() {
        check(
            &config(&[]),
            "127.0.0.1:8080",
            expect![[r#"
                Resound 0.1.0

                Browsers connect to   ws://localhost:8080/app/resound-key
                Socket.IO connects to http://localhost:8080/socket.io/
                Publishers post to    http://localhost:8080/apps/resound/events
                Welcome page          http://127.0.0.1:8080/
                Health                http://127.0.0.1:8080/up

                App resound           key resound-key  secret resound-secret

                Laravel, .env
                  BROADCAST_CONNECTION=reverb
                  REVERB_APP_ID=resound
                  REVERB_APP_KEY=resound-key
                  REVERB_APP_SECRET=resound-secret
                  REVERB_HOST=localhost
                  REVERB_PORT=8080
                  REVERB_SCHEME=http

                Browser, laravel-echo with pusher-js
                  window.Echo = new Echo({
                    broadcaster: 'reverb',
                    key: 'resound-key',
                    wsHost: 'localhost',
                    wsPort: 8080, wssPort: 8080,
                    forceTLS: false, enabledTransports: ['ws', 'wss'],
                  });

                ! Development app: everybody knows its secret. `resound init` writes one of your own.
            "#]],
        );
    }

    #[test]
    fn behind_a_proxy_the_addresses_are_those_of_browsers() {
        let mut env = OWN.to_vec();
        env.extend([("REVERB_HOST", "ws.a.example"), ("REVERB_SCHEME", "https")]);
        env.push(("REVERB_SERVER_PATH", "/live"));
        check(
            &config(&env),
            "0.0.0.0:8080",
            expect![[r#"
                Resound 0.1.0

                Browsers connect to   wss://ws.a.example/live/app/a-key
                Socket.IO connects to https://ws.a.example/live/socket.io/
                Publishers post to    https://ws.a.example/live/apps/1001/events
                Welcome page          http://localhost:8080/live/
                Health                http://localhost:8080/live/up

                App 1001              key a-key  secret (hidden)

                Laravel, .env
                  BROADCAST_CONNECTION=reverb
                  REVERB_APP_ID=1001
                  REVERB_APP_KEY=a-key
                  REVERB_APP_SECRET=…
                  REVERB_HOST=ws.a.example
                  REVERB_PORT=443
                  REVERB_SCHEME=https

                Browser, laravel-echo with pusher-js
                  window.Echo = new Echo({
                    broadcaster: 'reverb',
                    key: 'a-key',
                    wsHost: 'ws.a.example',
                    wsPort: 443, wssPort: 443,
                    wsPath: '/live',
                    forceTLS: true, enabledTransports: ['ws', 'wss'],
                  });

                Laravel also needs 'path' => '/live' in the options of config/broadcasting.php.
            "#]],
        );
    }

    #[test]
    fn a_port_that_the_system_chose_is_the_one_that_is_shown() {
        let text = text(
            &config(&[("RESOUND_PORT", "0"), ("REVERB_HOST", "::1")]),
            "[::1]:43211".parse().expect("an address"),
            Style::Plain,
        );
        assert!(text.contains("ws://[::1]:43211/app/resound-key"), "{text}");
        assert!(text.contains("http://[::1]:43211/up"), "{text}");
    }

    #[test]
    fn a_port_that_nobody_listens_on_is_a_warning() {
        let config = config(&[("RESOUND_PORT", "9000"), ("REVERB_PORT", "8080")]);
        let text = text(&config, "127.0.0.1:9000".parse().expect("an address"), Style::Plain);
        let warning = "! Browsers are told port 8080 (REVERB_PORT), the server listens on 9000.";
        assert!(text.contains(warning), "{text}");
    }

    #[test]
    fn with_a_certificate_the_addresses_are_those_of_tls() {
        let tls = [("RESOUND_TLS_CERT", "c"), ("RESOUND_TLS_KEY", "k"), ("RESOUND_PORT", "6001")];
        let address = "127.0.0.1:6001".parse().expect("an address");
        let plain = text(&config(&tls), address, Style::Plain);
        for url in [
            "wss://localhost:6001/app/",
            "https://localhost:6001/apps/",
            "https://127.0.0.1:6001/up",
        ] {
            assert!(plain.contains(url), "{plain}");
        }
        assert!(
            plain.contains("forceTLS: true") && !plain.contains("Browsers are told"),
            "{plain}"
        );
        let contrary = config(&[&tls[..], &[("REVERB_SCHEME", "http")]].concat());
        let plain = text(&contrary, address, Style::Plain);
        assert!(plain.contains("! Browsers are told http (REVERB_SCHEME)"), "{plain}");
    }

    #[test]
    fn only_a_terminal_gets_escape_codes_and_secrets_are_never_shown() {
        let config = config(&OWN);
        let address = "0.0.0.0:8080".parse().expect("an address");
        assert!(text(&config, address, Style::Ansi).contains("\x1b[1mResound"));
        let plain = text(&config, address, Style::Plain);
        assert!(!plain.contains('\x1b') && !plain.contains("Kx67b9uDp9"), "{plain}");
    }
}
