//! What listens at a port.

use std::{io, net::SocketAddr, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// A certificate for `localhost`, signed by itself, with its key.
const LOCALHOST: &[u8] = include_bytes!("localhost.pem");

/// A listener on a port of its own.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    listener: TcpListener,
}

impl Site {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        Self { address: listener.local_addr().expect("an address"), listener }
    }

    pub(crate) async fn accept(&self) -> TcpStream {
        self.listener.accept().await.expect("a connection").0
    }

    pub(crate) async fn accept_tls(&self) -> TlsStream<TcpStream> {
        self.try_accept_tls().await.expect("a handshake")
    }

    pub(crate) async fn try_accept_tls(&self) -> io::Result<TlsStream<TcpStream>> {
        TlsAcceptor::from(Arc::new(server_config())).accept(self.accept().await).await
    }

    /// Takes one request on a connection of its own, answers it, and returns it.
    pub(crate) async fn answer(&self, response: &str) -> String {
        answer(&mut self.accept().await, response).await
    }
}

/// Takes one request, answers it, and returns it.
pub(crate) async fn answer(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    response: &str,
) -> String {
    let mut request = Vec::new();
    while !is_whole(&request) {
        assert!(stream.read_buf(&mut request).await.expect("it sends") > 0, "a whole request");
    }
    stream.write_all(response.as_bytes()).await.expect("it reads");
    stream.flush().await.expect("it reads");
    String::from_utf8(request).expect("UTF-8")
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.is_none_or(|length| length.parse().is_ok_and(|length: usize| body.len() >= length))
}

/// A response of this status with this body.
pub(crate) fn response(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}

fn server_config() -> ServerConfig {
    ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("both versions")
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate()],
            PrivateKeyDer::from_pem_slice(LOCALHOST).expect("a key"),
        )
        .expect("they belong together")
}

fn certificate() -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(LOCALHOST).expect("a certificate")
}

/// Trusts the certificate of the sites.
pub(crate) fn trusting() -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(certificate()).expect("a root");
    ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("both versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}
