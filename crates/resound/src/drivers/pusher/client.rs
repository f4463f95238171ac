//! HTTP to a server, over connections that are kept.

use std::{error::Error, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Method, Request, header};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};

use crate::{drivers::pusher::options::Scheme, error::DriverError};

/// Bytes of an answer that are read: some ten thousand channels.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// Characters of an answer that an error repeats.
const EXCERPT_MAX: usize = 200;
/// How long a connection without a request is kept; servers keep theirs for longer.
const IDLE_MAX: Duration = Duration::from_secs(15);
/// How long it may take to connect.
const CONNECT_MAX: Duration = Duration::from_secs(3);

/// As other libraries name themselves.
const LIBRARY: &str = concat!("resound-rust ", env!("CARGO_PKG_VERSION"));

/// Connections to one server.
#[derive(Clone, Debug)]
pub(super) struct Client(legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// What the server answered.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Bytes,
}

impl Reply {
    /// The beginning of the body, in one line.
    pub(super) fn excerpt(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let words: Vec<&str> = text.split_whitespace().collect();
        words.join(" ").chars().take(EXCERPT_MAX).collect()
    }
}

impl Client {
    pub(super) fn new(scheme: Scheme) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_MAX));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls(scheme))
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_MAX)
            .build(connector);
        Self(client)
    }

    pub(super) async fn post(&self, url: &str, body: String) -> Result<Reply, DriverError> {
        self.ask(Method::POST, url, Bytes::from(body)).await
    }

    pub(super) async fn get(&self, url: &str) -> Result<Reply, DriverError> {
        self.ask(Method::GET, url, Bytes::new()).await
    }

    async fn ask(&self, method: Method, url: &str, body: Bytes) -> Result<Reply, DriverError> {
        let request = request(&method, url, &body)?;
        let server = request.uri().authority().map(ToString::to_string).unwrap_or_default();
        let mut answer = self.0.request(request).await;
        if answer.as_ref().is_err_and(is_broken_off) {
            answer = self.0.request(self::request(&method, url, &body)?).await;
        }
        let response = answer.map_err(|error| {
            DriverError::Unavailable(format!("{server} can't be reached: {}", chain(&error)))
        })?;
        let status = response.status().as_u16();
        // The body is read to its end, so that the connection can be used again.
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map(|body| body.to_bytes()).unwrap_or_default();
        Ok(Reply { status, body })
    }
}

fn request(method: &Method, url: &str, body: &Bytes) -> Result<Request<Full<Bytes>>, DriverError> {
    Request::builder()
        .method(method)
        .uri(url)
        .header(header::CONTENT_TYPE, "application/json")
        .header("X-Pusher-Library", LIBRARY)
        .body(Full::new(body.clone()))
        .map_err(|error| {
            // Behind the question mark is a signature.
            let address = url.split('?').next().unwrap_or_default();
            DriverError::Refused(format!("{address:?} is no address: {error}"))
        })
}

/// Whether a connection ended before the answer. Mostly it was one that the server had closed, and our request crossed
/// the news of it: Reverb closes all after one request, and does not say so before.
fn is_broken_off(error: &legacy::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<hyper::Error>());
    !error.is_connect() && !cause.is_some_and(hyper::Error::is_parse)
}

/// The roots are loaded only for who needs them: they take half a megabyte.
fn tls(scheme: Scheme) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    if scheme == Scheme::Https {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            tracing::warn!(
                "this machine has no root certificates: no broadcasting server can be reached over https \
                 (Debian's package ca-certificates has them)"
            );
        }
    }
    ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has the cipher suites of both versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// An error with its causes: the outermost of hyper's says only that it is one.
fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    let causes: Vec<String> = causes.map(ToString::to_string).collect();
    if causes.is_empty() { error.to_string() } else { causes.join(": ") }
}
