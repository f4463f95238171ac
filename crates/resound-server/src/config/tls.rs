//! TLS on the listener: the certificate and its key.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use super::{
    error::ConfigError,
    server_settings::ServerDraft,
    settings::{Setting, Shown},
    value::{Expected, Value},
};

/// The files of the certificate that the listener shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsConfig {
    /// The certificate, with those that have signed it behind it, in PEM.
    pub cert: PathBuf,
    /// Its private key, in PEM.
    pub key: PathBuf,
    /// More certificates that have signed it. Default none.
    pub chain: Option<PathBuf>,
    /// What the private key is encrypted with. Default: it is not.
    pub passphrase: Option<Passphrase>,
}

/// A word that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Passphrase(pub Box<str>);

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

/// The settings while they are gathered: without a text each is as if it were not there.
#[derive(Default)]
pub(crate) struct TlsDraft {
    cert: Option<Value>,
    key: Option<Value>,
    chain: Option<Value>,
    passphrase: Option<Value>,
}

type Row = Setting<ServerDraft>;
const OPEN: Shown = Shown::Open;

/// The table.
#[rustfmt::skip]
pub(crate) const TLS: &[Row] = &[
    Row { key: "tls.cert", env: &["RESOUND_TLS_CERT"], default: "none: no TLS", shown: OPEN,
        help: "PEM file of the certificate, with those that have signed it",
        apply: |to, value| { to.tls.cert = filled(value)?; Ok(()) } },
    Row { key: "tls.key", env: &["RESOUND_TLS_KEY"], default: "none", shown: OPEN,
        help: "PEM file of its private key",
        apply: |to, value| { to.tls.key = filled(value)?; Ok(()) } },
    Row { key: "tls.chain", env: &["RESOUND_TLS_CHAIN"], default: "none", shown: OPEN,
        help: "PEM file of more certificates that have signed it",
        apply: |to, value| { to.tls.chain = filled(value)?; Ok(()) } },
    Row { key: "tls.passphrase", env: &["RESOUND_TLS_PASSPHRASE"], default: "none", shown: Shown::Secret,
        help: "what the private key is encrypted with",
        apply: |to, value| { to.tls.passphrase = filled(value)?; Ok(()) } },
];

/// A text that is not empty, with its place.
fn filled(value: &Value) -> Result<Option<Value>, Expected> {
    Ok((!value.text()?.is_empty()).then(|| value.clone()))
}

impl TlsDraft {
    /// The files, relative to `cwd`; `None` if there is to be no TLS.
    pub(crate) fn finish(self, cwd: &Path, errors: &mut Vec<ConfigError>) -> Option<TlsConfig> {
        let (cert, key) = match (self.cert, self.key) {
            (Some(cert), Some(key)) => (cert, key),
            (Some(alone), None) => return lacks(&alone, "tls.key", errors),
            (None, Some(alone)) => return lacks(&alone, "tls.cert", errors),
            (None, None) => return None,
        };
        let text = |value: Value| value.text().unwrap_or_default();
        let path = |value: Value| cwd.join(text(value));
        Some(TlsConfig {
            cert: path(cert),
            key: path(key),
            chain: self.chain.map(path),
            passphrase: self.passphrase.map(|value| Passphrase(text(value).into())),
        })
    }
}

fn lacks(value: &Value, other: &str, errors: &mut Vec<ConfigError>) -> Option<TlsConfig> {
    errors.push(ConfigError::Value {
        origin: value.origin.to_string(),
        shown: value.raw.to_string(),
        expected: format!("{other} beside it"),
    });
    None
}
