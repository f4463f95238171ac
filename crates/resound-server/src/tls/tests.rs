//! Certificates and keys as operators have them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use expect_test::{Expect, expect};
use tempfile::TempDir;

use super::*;
use crate::config::Passphrase;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/certificates").join(name)
}

fn files(cert: PathBuf, key: PathBuf) -> TlsConfig {
    TlsConfig { cert, key, chain: None, passphrase: None }
}

fn with_passphrase(key: &str, passphrase: &str) -> TlsConfig {
    let passphrase = Some(Passphrase(passphrase.into()));
    TlsConfig { passphrase, ..files(fixture("server.pem"), fixture(key)) }
}

/// What is said of files that can't be used, without their folders.
#[track_caller]
#[allow(clippy::needless_pass_by_value, reason = "`expect!` makes an owned value")]
fn check_fault(files: &TlsConfig, expect: Expect) {
    let text = Tls::load(files).expect_err("a mistake").to_string();
    let folders = [&files.cert, &files.key].map(|file| file.parent().expect("a folder"));
    let short = folders
        .iter()
        .fold(text, |text, folder| text.replace(&format!("{}/", folder.display()), ""));
    expect.assert_eq(&short);
}

/// The same of a file with this content.
#[track_caller]
fn check_content(setting: &str, content: impl AsRef<[u8]>, expect: Expect) {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, content).expect("the folder is ours");
    let files = match setting {
        "tls.cert" => files(file, fixture("server.key")),
        _ => files(fixture("server.pem"), file),
    };
    check_fault(&files, expect);
}

/// The same of an encrypted key.
#[track_caller]
fn check_encrypted(content: &str, expect: Expect) {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, content).expect("the folder is ours");
    let passphrase = Some(Passphrase("words".into()));
    check_fault(&TlsConfig { passphrase, ..files(fixture("server.pem"), file) }, expect);
}

#[test]
fn a_key_may_have_any_form_that_is_not_encrypted() {
    for key in ["server.key", "server-sec1.key"] {
        Tls::load(&files(fixture("server.pem"), fixture(key))).expect(key);
    }
    Tls::load(&files(fixture("second.pem"), fixture("second.key"))).expect("RSA, PKCS #1");
}

#[test]
fn a_key_may_be_encrypted_in_the_ways_of_openssl() {
    for form in ["aes256", "aes128-sha1", "des3", "scrypt"] {
        Tls::load(&with_passphrase(&format!("server-{form}.key"), "words")).expect(form);
    }
}

#[test]
fn a_passphrase_for_a_key_that_is_not_encrypted_is_harmless() {
    Tls::load(&with_passphrase("server.key", "words")).expect("a certificate");
}

#[test]
fn an_encrypted_key_without_its_passphrase_is_named() {
    check_fault(
        &with_passphrase("server-aes256.key", "other words"),
        expect![
            "the private key in server-aes256.key can't be decrypted: tls.passphrase is not its passphrase"
        ],
    );
    check_fault(
        &files(fixture("server.pem"), fixture("server-aes256.key")),
        expect![
            "the private key in server-aes256.key is encrypted, and there is no tls.passphrase"
        ],
    );
}

#[test]
fn for_old_encryption_there_is_a_command() {
    check_fault(
        &with_passphrase("server-old.key", "words"),
        expect![
            "the private key in server-old.key is encrypted in a form that is not understood (that of openssl before version 3); this makes one that is: openssl pkcs8 -topk8 -v2 aes-256-cbc -in server-old.key -out new.key"
        ],
    );
    check_fault(
        &with_passphrase("server-pbes1.key", "words"),
        expect![
            "the private key in server-pbes1.key is encrypted in a form that is not understood (PKCS#8 ASN.1 error: malformed ASN.1 DER value for OBJECT IDENTIFIER); this makes one that is: openssl pkcs8 -topk8 -v2 aes-256-cbc -in server-pbes1.key -out new.key"
        ],
    );
}

#[test]
fn a_key_of_another_certificate_is_named() {
    check_fault(
        &files(fixture("server.pem"), fixture("second.key")),
        expect![
            "the private key in second.key does not belong to the first certificate in server.pem"
        ],
    );
}

#[test]
fn a_file_that_is_not_there_is_named_with_its_setting() {
    check_fault(
        &files(fixture("nowhere.pem"), fixture("server.key")),
        expect!["cannot read nowhere.pem (tls.cert): No such file or directory (os error 2)"],
    );
    check_fault(
        &files(fixture("server.pem"), fixture("nowhere.key")),
        expect!["cannot read nowhere.key (tls.key): No such file or directory (os error 2)"],
    );
    let chain = Some(fixture("nowhere.pem"));
    check_fault(
        &TlsConfig { chain, ..files(fixture("server.pem"), fixture("server.key")) },
        expect!["cannot read nowhere.pem (tls.chain): No such file or directory (os error 2)"],
    );
}

#[test]
fn a_file_with_something_else_in_it_is_described() {
    let key = fs::read(fixture("server.key")).expect("a fixture");
    let cert = fs::read(fixture("server.pem")).expect("a fixture");
    check_content("tls.cert", "", expect!["file (tls.cert) has no certificate: it is empty"]);
    check_content(
        "tls.cert",
        "words",
        expect![
            "file (tls.cert) has no certificate: a line -----BEGIN CERTIFICATE----- is looked for"
        ],
    );
    check_content(
        "tls.cert",
        b"0\x82\x01",
        expect![
            "file (tls.cert) has no certificate: it looks like DER or PKCS #12, of which openssl makes PEM"
        ],
    );
    check_content(
        "tls.cert",
        &key,
        expect![
            "file (tls.cert) has no certificate: it has a private key, which belongs to tls.key"
        ],
    );
    check_content(
        "tls.cert",
        &cert[..cert.len() - 40],
        expect!["file (tls.cert) is damaged: a line -----END …----- is missing"],
    );
    check_content(
        "tls.cert",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        expect!["file (tls.cert) is damaged: BadEncoding"],
    );
    check_content("tls.key", "", expect!["file (tls.key) has no private key: it is empty"]);
    check_content(
        "tls.key",
        b"0\x82\x01",
        expect![
            "file (tls.key) has no private key: it looks like DER or PKCS #12, of which openssl makes PEM"
        ],
    );
    check_content(
        "tls.key",
        &cert,
        expect![
            "file (tls.key) has no private key: it has a certificate, which belongs to tls.cert"
        ],
    );
    check_content(
        "tls.key",
        &key[..key.len() - 40],
        expect!["file (tls.key) is damaged: a line -----END …----- is missing"],
    );
    check_content(
        "tls.key",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        expect![
            "the private key in file can't be used: failed to parse private key as RSA, ECDSA, or EdDSA"
        ],
    );
    check_encrypted(
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n",
        expect!["file (tls.key) is damaged: PEM error: PEM error in pre-encapsulation boundary"],
    );
    let damaged =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    check_encrypted(
        damaged,
        expect!["file (tls.key) is damaged: unknown/unsupported ASN.1 DER tag: 0x00 at DER byte 1"],
    );
}

#[test]
fn a_certificate_that_stands_in_both_files_is_sent_once() {
    let folder = TempDir::new().expect("a folder");
    let full = folder.path().join("fullchain.pem");
    let read = |name| fs::read_to_string(fixture(name)).expect("a fixture");
    fs::write(&full, read("server.pem") + &read("chain.pem")).expect("the folder is ours");
    for cert in [full, fixture("server.pem")] {
        let chain = Some(fixture("chain.pem"));
        let identity = identity::read(&TlsConfig { chain, ..files(cert, fixture("server.key")) });
        assert_eq!(identity.expect("a certificate").cert.len(), 2);
    }
}
