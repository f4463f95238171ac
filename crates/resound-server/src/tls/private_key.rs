//! Private keys in the forms that openssl has written over the years.

use std::path::Path;

use memchr::memmem;
use pkcs8::{EncryptedPrivateKeyInfoRef, SecretDocument, pkcs5};
use rustls::pki_types::{
    PrivateKeyDer, PrivatePkcs8KeyDer,
    pem::{Error, PemObject as _},
};

use super::{
    fault::IdentityFault,
    identity::{content, damaged, not_pem},
};

const ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
const ENCRYPTED_END: &str = "-----END ENCRYPTED PRIVATE KEY-----";
/// What stands in a key that openssl before version 3 has encrypted (RFC 1421).
const ENCRYPTED_OF_OLD: &str = "Proc-Type: 4,ENCRYPTED";

/// Reads a private key, with the passphrase if it is encrypted.
pub(super) fn read(
    file: &Path,
    passphrase: Option<&str>,
) -> Result<PrivateKeyDer<'static>, IdentityFault> {
    let pem = content("tls.key", file)?;
    let find = |text: &str| memmem::find(&pem, text.as_bytes());
    if find(ENCRYPTED_OF_OLD).is_some() {
        let reason = "that of openssl before version 3".to_owned();
        return Err(IdentityFault::OldEncryption { file: file.to_owned(), reason });
    }
    if let Some(start) = find(ENCRYPTED) {
        let end = find(ENCRYPTED_END).map_or(pem.len(), |end| end + ENCRYPTED_END.len());
        let section = pem.get(start..end).unwrap_or_default();
        return decrypt(file, section, passphrase);
    }
    PrivateKeyDer::from_pem_slice(&pem).map_err(|error| {
        if let Error::NoItemsFound = error {
            return IdentityFault::NoKey { file: file.to_owned(), hint: hint(&pem) };
        }
        damaged("tls.key", file, &error)
    })
}

/// What a file without a private key may be.
fn hint(content: &[u8]) -> &'static str {
    if memmem::find(content, b"BEGIN CERTIFICATE").is_some() {
        return "it has a certificate, which belongs to tls.cert";
    }
    not_pem(content).unwrap_or("a line such as -----BEGIN PRIVATE KEY----- is looked for")
}

fn decrypt(
    file: &Path,
    section: &[u8],
    passphrase: Option<&str>,
) -> Result<PrivateKeyDer<'static>, IdentityFault> {
    let Some(passphrase) = passphrase else {
        return Err(IdentityFault::NoPassphrase { file: file.to_owned() });
    };
    let text = String::from_utf8_lossy(section);
    let (_, document) =
        SecretDocument::from_pem(&text).map_err(|error| IdentityFault::Damaged {
            setting: "tls.key",
            file: file.to_owned(),
            reason: error.to_string(),
        })?;
    let info = EncryptedPrivateKeyInfoRef::try_from(document.as_bytes())
        .map_err(|error| unknown_encryption(file, &error))?;
    let key = info.decrypt(passphrase).map_err(|error| {
        // Rarely what a wrong passphrase gives has an end as it should be, and makes no sense.
        let is_wrong = matches!(
            error,
            pkcs8::Error::EncryptedPrivateKey(pkcs5::Error::DecryptFailed) | pkcs8::Error::Asn1(_)
        );
        if is_wrong {
            return IdentityFault::WrongPassphrase { file: file.to_owned() };
        }
        unknown_encryption(file, &error)
    })?;
    Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into())
}

fn unknown_encryption(file: &Path, error: &impl ToString) -> IdentityFault {
    IdentityFault::OldEncryption { file: file.to_owned(), reason: error.to_string() }
}
