//! HTTP to the application.
//!
//! hyper-util's pooling client over hyper-rustls, not reqwest: reqwest brings 35 crates more (url and ICU's
//! tables, tower, a second way to everything that hyper does) for redirects, cookies and proxies, none
//! of which may happen here. hyper is in the server anyway; the pool, TLS and the certificates add
//! some 20.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request, Response,
    body::Body,
    header::{self, HeaderName},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};

use crate::authorise::{fault::Fault, tls::Trust};

/// Bytes of a body; a member of a presence channel is a tenth of it by default.
pub(crate) const BODY_BYTES_MAX: usize = 64 * 1024;
/// Bytes of an answer's head.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// How long a connection without a question is kept.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// Connections to the application.
#[derive(Clone, Debug)]
pub(crate) struct Client(legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// What the application answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) content_encoding: Option<String>,
    /// The body, or its first [`BODY_BYTES_MAX`] bytes.
    pub(crate) body: Vec<u8>,
    pub(crate) is_whole: bool,
}

impl Client {
    pub(crate) fn new(trust: Trust, connections_max: usize) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(trust.client())
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_MAX)
            .pool_max_idle_per_host(connections_max)
            .http1_max_buf_size(HEAD_BYTES_MAX)
            .build(connector);
        Self(client)
    }

    /// Sends a request and reads the answer; follows no redirect.
    ///
    /// An application may close a kept connection at any time, also just when it is used again. The
    /// question is then asked once more; that it is only a question makes this harmless.
    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Reply, Fault> {
        match self.send_once(request.clone()).await {
            Err(fault) if fault.may_be_stale() => self.send_once(request).await,
            result => result,
        }
    }

    async fn send_once(&self, request: Request<Full<Bytes>>) -> Result<Reply, Fault> {
        let response = self.0.request(request).await.map_err(|error| Fault::of(&error))?;
        Reply::read(response).await
    }
}

impl Reply {
    pub(crate) async fn read<B>(response: Response<B>) -> Result<Self, Fault>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let (parts, mut body) = response.into_parts();
        let text = |name: HeaderName| {
            let value = parts.headers.get(name)?;
            Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let mut reply = Self {
            status: parts.status.as_u16(),
            location: text(header::LOCATION),
            content_type: text(header::CONTENT_TYPE),
            content_encoding: text(header::CONTENT_ENCODING),
            body: Vec::new(),
            is_whole: true,
        };
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else {
                // What breaks off may still say why not, but not that a client may join.
                if reply.status == 200 {
                    return Err(Fault::Closed);
                }
                break;
            };
            let Some(data) = frame.data_ref() else { continue };
            let room = BODY_BYTES_MAX - reply.body.len();
            reply.body.extend_from_slice(&data[..data.len().min(room)]);
            if data.len() > room {
                reply.is_whole = false;
                break;
            }
        }
        Ok(reply)
    }

    /// Whether the body is a page.
    pub(crate) fn is_html(&self) -> bool {
        let declared = self.content_type.as_deref().is_some_and(|t| t.contains("html"));
        declared || self.body.trim_ascii_start().starts_with(b"<")
    }
}
