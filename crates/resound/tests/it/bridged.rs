//! An application that speaks TLS itself: sockets can't be taken out of it.

use std::{io, net::SocketAddr, sync::Arc};

use axum::serve::Listener;
use resound::{broadcast, embedded::Options};
use resound_client::{Client, ConnectionState};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::application::{Application, next};

const CERTIFICATES: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../resound-server/tests/certificates");

struct TlsListener(TcpListener, TlsAcceptor);

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            let Ok((stream, address)) = self.0.accept().await else { continue };
            if let Ok(stream) = self.1.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

fn certificates(name: &str) -> Vec<CertificateDer<'static>> {
    let read = CertificateDer::pem_file_iter(format!("{CERTIFICATES}/{name}.pem"));
    read.expect("a file").collect::<Result<_, _>>().expect("certificates")
}

async fn start() -> (Application, Client) {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let chain = [certificates("server"), certificates("chain")].concat();
    let key = PrivateKeyDer::from_pem_file(format!("{CERTIFICATES}/server.key")).expect("a key");
    let config = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .expect("a configuration");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let listener = TlsListener(listener, TlsAcceptor::from(Arc::new(config)));
    let app = Application::on(listener, address, Options::new()).await;

    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates("root"));
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("a configuration")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let url = format!("wss://localhost:{}/app/{}", address.port(), app.embedded.key());
    let client = Client::builder(&url).tls_config(config).connect().await.expect("it connects");
    (app, client)
}

#[tokio::test]
async fn a_client_over_tls_gets_events_and_leaves_nothing() {
    let (app, client) = start().await;
    let news = client.channel("news");
    let mut events = news.listen::<Value>(".n");
    news.subscribed().await.expect("it may join");
    let text = "x".repeat(9_000);
    for _ in 0..50 {
        let event = broadcast::public("news").name("n").with(json!(text));
        app.broadcaster.send(event).now().result().await.expect("it is sent");
    }
    for _ in 0..50 {
        assert_eq!(next(&mut events).await, json!(text));
    }
    assert_eq!(app.embedded.server().sockets(), 3, "its own, and the pair that carries it");
    drop((news, events, client));
    app.until_empty().await;
}

#[tokio::test]
async fn a_shutdown_reaches_clients_over_tls() {
    let (app, client) = start().await;
    let mut states = client.states();
    app.embedded.shutdown().await;
    while matches!(next(&mut states).await, ConnectionState::Connected { .. }) {}
    app.until("the bridge is gone", async || app.embedded.server().sockets() == 0).await;
}
