//! TLS on the listener.
//!
//! # Layout
//!
//! * this module: what all connections of the listener share, and a new certificate in place of the old
//! * `identity`: the certificate and its private key, read from files; `private_key`: the forms of that;
//!   `fault`: what is wrong with the files
//! * `session`: one connection, between its socket and who reads and writes it; `machine`: the protocol,
//!   without sockets; `plaintext`: what comes out of it

mod fault;
mod identity;
mod machine;
mod plaintext;
mod private_key;
mod session;

use std::sync::{Arc, Mutex, PoisonError};

use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

pub(crate) use self::{
    fault::IdentityFault,
    session::{Received, Session, SessionFault},
};
use crate::config::TlsConfig;

/// The only protocol that is spoken within TLS.
const ALPN: &[u8] = b"http/1.1";

/// What a listener needs that speaks TLS.
#[derive(Debug)]
pub(crate) struct Tls {
    config: Arc<ServerConfig>,
    current: Arc<Current>,
}

/// The certificate that clients are shown. It is locked once in a handshake.
#[derive(Debug)]
struct Current(Mutex<Arc<CertifiedKey>>);

impl Tls {
    /// Reads the certificate.
    ///
    /// # Errors
    ///
    /// With what is wrong with which file.
    pub(crate) fn load(files: &TlsConfig) -> Result<Self, IdentityFault> {
        let identity = identity::read(files)?;
        let current = Arc::new(Current(Mutex::new(Arc::new(identity))));
        let builder = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into());
        let mut config = builder
            .with_safe_default_protocol_versions()
            .expect("the provider has the cipher suites of both versions")
            .with_no_client_auth()
            .with_cert_resolver(current.clone());
        config.alpn_protocols = vec![ALPN.to_vec()];
        // Who comes back shows its ticket and spares us the signature; it is the client that keeps it.
        match aws_lc_rs::Ticketer::new() {
            Ok(ticketer) => config.ticketer = ticketer,
            Err(error) => tracing::warn!(%error, "TLS goes without tickets"),
        }
        Ok(Self { config: Arc::new(config), current })
    }

    /// Reads the certificate again; from then on new connections are shown that one.
    ///
    /// # Errors
    ///
    /// With what is wrong with which file; then everything stays.
    pub(crate) fn reload(&self, files: &TlsConfig) -> Result<(), IdentityFault> {
        let identity = Arc::new(identity::read(files)?);
        *self.current.0.lock().unwrap_or_else(PoisonError::into_inner) = identity;
        Ok(())
    }

    /// Begins a connection.
    ///
    /// # Errors
    ///
    /// If the configuration allows none, which [`Self::load`] does not make.
    pub(crate) fn session(&self) -> Result<Box<Session>, rustls::Error> {
        Session::new(self.config.clone()).map(Box::new)
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

#[cfg(test)]
mod tests;
