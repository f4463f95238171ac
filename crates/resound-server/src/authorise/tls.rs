//! Whom a connection over TLS trusts.

use std::sync::Arc;

use rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use crate::config::{AuthConfig, AuthHost, Scheme};

/// Whose certificates are believed.
#[derive(Debug)]
pub(crate) enum Trust {
    /// Those that this machine's roots have signed; `SSL_CERT_FILE` names others.
    System,
    /// Those that these roots have signed.
    Roots(RootCertStore),
    /// Anybody's.
    Anybody,
}

impl Trust {
    /// What the configuration asks for. Where nothing is asked over TLS no roots are loaded: they
    /// take half a megabyte.
    pub(crate) fn of(config: &AuthConfig) -> Self {
        let is_plain =
            |host: &AuthHost| matches!(host, AuthHost::Site(site) if site.scheme == Scheme::Http);
        if !config.verify_tls {
            return Self::Anybody;
        }
        if config.hosts.iter().all(is_plain) {
            return Self::Roots(RootCertStore::empty());
        }
        Self::System
    }

    /// The client's side of TLS.
    pub(crate) fn client(self) -> ClientConfig {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("the provider has the cipher suites of both versions");
        let builder = match self {
            Self::System => builder.with_root_certificates(system_roots()),
            Self::Roots(roots) => builder.with_root_certificates(roots),
            Self::Anybody => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Credulous { provider })),
        };
        builder.with_no_client_auth()
    }
}

fn system_roots() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let errors: Vec<_> = found.errors.iter().map(ToString::to_string).collect();
        let reason = errors.join("; ");
        tracing::warn!(
            reason,
            "this machine has no root certificates: no https application can authorise clients \
             (Debian's package ca-certificates has them)"
        );
    }
    roots
}

/// Believes any certificate, but checks that the other side has the key of the one that it shows.
#[derive(Debug)]
struct Credulous {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Credulous {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
