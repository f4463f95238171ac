//! Who the server is: its certificate, those that have signed it, and its private key.

use std::{fs, path::Path};

use rustls::{
    Error, InconsistentKeys,
    crypto::aws_lc_rs,
    pki_types::{
        CertificateDer,
        pem::{self, PemObject as _},
    },
    sign::CertifiedKey,
};

use super::{fault::IdentityFault, private_key};
use crate::config::TlsConfig;

/// Reads the files of a certificate.
pub(super) fn read(files: &TlsConfig) -> Result<CertifiedKey, IdentityFault> {
    let mut chain = certificates("tls.cert", &files.cert)?;
    if let Some(file) = &files.chain {
        // Often the certificate's file has them, too, and may stand in the chain's file itself.
        let more = certificates("tls.chain", file)?;
        for certificate in more {
            if !chain.contains(&certificate) {
                chain.push(certificate);
            }
        }
    }
    let passphrase = files.passphrase.as_ref().map(|passphrase| &*passphrase.0);
    let key = private_key::read(&files.key, passphrase)?;
    CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider())
        .map_err(|error| refused(files, error))
}

/// What is wrong with a certificate and a key that can be read.
fn refused(files: &TlsConfig, error: Error) -> IdentityFault {
    let TlsConfig { cert, key, .. } = files.clone();
    if let Error::InconsistentKeys(InconsistentKeys::KeyMismatch) = error {
        return IdentityFault::Mismatch { key, cert };
    }
    if let Error::InvalidCertificate(reason) = error {
        let (setting, reason) = ("tls.cert", reason.to_string());
        return IdentityFault::Damaged { setting, file: cert, reason };
    }
    if let Error::General(reason) = error {
        return IdentityFault::UnusableKey { file: key, reason };
    }
    IdentityFault::UnusableKey { file: key, reason: error.to_string() }
}

/// The content of a file that a setting names.
pub(super) fn content(setting: &'static str, file: &Path) -> Result<Vec<u8>, IdentityFault> {
    let unreadable = |error| IdentityFault::Unreadable { setting, file: file.to_owned(), error };
    fs::read(file).map_err(unreadable)
}

/// The certificates in a file; at least one.
fn certificates(
    setting: &'static str,
    file: &Path,
) -> Result<Vec<CertificateDer<'static>>, IdentityFault> {
    let pem = content(setting, file)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => {
            let hint = hint(&pem);
            Err(IdentityFault::NoCertificate { setting, file: file.to_owned(), hint })
        }
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(damaged(setting, file, &error)),
    }
}

/// What is wrong with a file that has begun well.
pub(super) fn damaged(setting: &'static str, file: &Path, error: &pem::Error) -> IdentityFault {
    let is_cut = matches!(error, pem::Error::MissingSectionEnd { .. });
    // Its own words show the line as a list of numbers.
    let cut = || "a line -----END …----- is missing".to_owned();
    let reason = if is_cut { cut() } else { error.to_string() };
    IdentityFault::Damaged { setting, file: file.to_owned(), reason }
}

/// What a file without a certificate may be.
fn hint(content: &[u8]) -> &'static str {
    if memchr::memmem::find(content, b"PRIVATE KEY-----").is_some() {
        return "it has a private key, which belongs to tls.key";
    }
    not_pem(content).unwrap_or("a line -----BEGIN CERTIFICATE----- is looked for")
}

/// What a file may be that has no line `-----BEGIN …`.
pub(super) fn not_pem(content: &[u8]) -> Option<&'static str> {
    match content.first() {
        None => Some("it is empty"),
        // A SEQUENCE of ASN.1.
        Some(0x30) => Some("it looks like DER or PKCS #12, of which openssl makes PEM"),
        Some(_) => None,
    }
}
