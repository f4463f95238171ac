//! TLS, as this machine trusts.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};

/// Trusts this machine's roots; `SSL_CERT_FILE` names others.
pub(crate) fn system() -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    trusting(roots)
}

/// Trusts nobody: for who speaks no TLS. A machine's roots take half a megabyte and some milliseconds.
pub(crate) fn none() -> ClientConfig {
    trusting(RootCertStore::empty())
}

/// Trusts these.
pub(crate) fn trusting(roots: RootCertStore) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has the cipher suites of both versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}
