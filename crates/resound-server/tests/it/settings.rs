//! The `resound.toml` of a test.

use std::fmt::Write as _;

/// The application of the examples in the protocol's description.
pub(crate) const ID: &str = "1001";
pub(crate) const KEY: &str = "resound-key";
pub(crate) const SECRET: &str = "resound-secret";

/// What a test configures. Everything else has its default, save that there are two shards.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Lines in front of the first `[[apps]]`.
    server: String,
    /// Tables, each with its `[[apps]]`.
    apps: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self::of("shards = 2", "")
    }
}

impl Settings {
    /// Two shards and one application with these lines.
    pub(crate) fn app(lines: &str) -> Self {
        Self::of("shards = 2", lines)
    }

    /// One application, and these lines of the process, which say how many shards there are.
    pub(crate) fn server(lines: &str) -> Self {
        Self::of(lines, "")
    }

    /// These lines of the process and of the application.
    pub(crate) fn of(server: &str, app: &str) -> Self {
        let mut settings = Self { server: server.to_owned(), apps: String::new() };
        settings.add_app(ID, KEY, SECRET, app);
        settings
    }

    /// The same with another application.
    pub(crate) fn with_app(mut self, id: &str, key: &str, secret: &str, lines: &str) -> Self {
        self.add_app(id, key, secret, lines);
        self
    }

    fn add_app(&mut self, id: &str, key: &str, secret: &str, lines: &str) {
        writeln!(self.apps, "[[apps]]\nid = {id:?}\nkey = {key:?}\nsecret = {secret:?}\n{lines}\n")
            .expect("a String takes everything");
    }

    /// The file.
    pub(crate) fn toml(&self) -> String {
        format!("host = \"127.0.0.1\"\n{}\n\n{}", self.server, self.apps)
    }
}
