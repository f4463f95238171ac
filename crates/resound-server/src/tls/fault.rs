//! What is wrong with a certificate or its key, for whoever has configured it.

use std::{io, path::PathBuf};

use thiserror::Error;

/// Why a certificate can't be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum IdentityFault {
    #[error("cannot read {} ({setting}): {error}", .file.display())]
    Unreadable { setting: &'static str, file: PathBuf, error: io::Error },
    #[error("{} ({setting}) has no certificate: {hint}", .file.display())]
    NoCertificate { setting: &'static str, file: PathBuf, hint: &'static str },
    #[error("{} ({setting}) is damaged: {reason}", .file.display())]
    Damaged { setting: &'static str, file: PathBuf, reason: String },
    #[error("{} (tls.key) has no private key: {hint}", .file.display())]
    NoKey { file: PathBuf, hint: &'static str },
    #[error("the private key in {} is encrypted, and there is no tls.passphrase", .file.display())]
    NoPassphrase { file: PathBuf },
    #[error("the private key in {} can't be decrypted: tls.passphrase is not its passphrase", .file.display())]
    WrongPassphrase { file: PathBuf },
    #[error(
        "the private key in {0} is encrypted in a form that is not understood ({reason}); this makes \
         one that is: openssl pkcs8 -topk8 -v2 aes-256-cbc -in {0} -out new.key",
        .file.display()
    )]
    OldEncryption { file: PathBuf, reason: String },
    #[error("the private key in {} can't be used: {reason}", .file.display())]
    UnusableKey { file: PathBuf, reason: String },
    #[error(
        "the private key in {} does not belong to the first certificate in {}",
        .key.display(),
        .cert.display()
    )]
    Mismatch { key: PathBuf, cert: PathBuf },
}
