//! The client's side of TLS, and a server that speaks it.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
    client::Resumption,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject as _},
    version::{TLS12, TLS13},
};

use crate::{
    client::Client,
    http::Http,
    server::Server,
    settings::{KEY, Settings},
};

/// A connection over TLS.
pub(crate) type Tls<S = TcpStream> = StreamOwned<ClientConnection, S>;

/// A file of the tests' certificates.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/certificates").join(name)
}

/// The lines of a `resound.toml` for the certificate of `localhost`, behind these.
pub(crate) fn lines(before: &str) -> String {
    let [cert, key, chain] = ["server.pem", "server.key", "chain.pem"].map(fixture);
    format!("{before}\n[tls]\ncert = {cert:?}\nkey = {key:?}\nchain = {chain:?}")
}

/// A server with two shards that speaks TLS.
pub(crate) fn start() -> Server {
    Server::start(&Settings::server(&lines("shards = 2")))
}

/// A certificate of a file.
pub(crate) fn certificate(name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(fixture(name)).expect("a certificate")
}

/// A client that trusts the tests' root and nobody else, and remembers no session.
pub(crate) fn config(versions: &[&'static SupportedProtocolVersion]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(certificate("root.pem")).expect("a root");
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("versions that the provider has");
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.resumption = Resumption::disabled();
    config
}

/// The usual one.
pub(crate) fn usual() -> ClientConfig {
    config(&[&TLS13, &TLS12])
}

/// A connection that has said nothing, not even that it wants TLS.
pub(crate) fn over<S: Read + Write>(config: ClientConfig, stream: S) -> Tls<S> {
    let name = "localhost".try_into().expect("a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a sound configuration");
    StreamOwned::new(connection, stream)
}

/// A connection whose handshake is complete.
#[track_caller]
pub(crate) fn connect_with(server: &Server, config: ClientConfig) -> Tls {
    let mut tls = over(config, server.tcp());
    complete(&mut tls).expect("a handshake");
    tls
}

/// Completes a handshake.
pub(crate) fn complete<S: Read + Write>(tls: &mut Tls<S>) -> io::Result<()> {
    while tls.conn.is_handshaking() {
        tls.conn.complete_io(&mut tls.sock)?;
    }
    Ok(())
}

/// The usual connection.
#[track_caller]
pub(crate) fn connect(server: &Server) -> Tls {
    connect_with(server, usual())
}

/// A greeted client of Pusher's protocol over a connection.
#[track_caller]
pub(crate) fn greeted<S: Read + Write>(stream: S) -> Client<S> {
    let mut client =
        Client::open(stream, &format!("/app/{KEY}?protocol=7&client=js&version=8.6.0"), "");
    client.greet();
    client
}

/// A greeted client.
#[track_caller]
pub(crate) fn client(server: &Server) -> Client<Tls> {
    greeted(connect(server))
}

/// An HTTPS connection.
#[track_caller]
pub(crate) fn http(server: &Server) -> Http<Tls> {
    Http::new(connect(server))
}

/// Waits until so many WebSockets and sessions are left, as the API counts them.
#[track_caller]
pub(crate) fn wait_until_connected(server: &Server, count: usize) {
    let expected = format!(r#"{{"connections":{count}}}"#);
    let mut http = http(server);
    server.wait_until(|| http.signed("GET", "/connections", &[], "").body == expected);
}

/// Says farewell as TLS wants it, and closes.
pub(crate) fn bid_farewell<S: Read + Write>(mut tls: Tls<S>) {
    tls.conn.send_close_notify();
    let _ = tls.flush(); // the server may be gone
}
