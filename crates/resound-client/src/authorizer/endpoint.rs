//! The application is asked, as Echo asks it.

use std::fmt;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    HeaderMap, Method, Request, Uri,
    header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use crate::{
    authorizer::{Authorization, AuthorizationRequest, Authorizer, Authorizing},
    error::{AuthorizeError, excerpt},
    tls,
};

/// Bytes of an answer.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// Characters that a form leaves as they are.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Asks the application's endpoint, `/broadcasting/auth` of Laravel and of `resound`: a POST of
/// `socket_id` and `channel_name` as a form, with the headers that tell who asks.
///
/// Certificates are checked against this machine's roots, or those of
/// [`tls_config`](Self::tls_config). No redirect is followed.
///
/// ```
/// use resound_client::{Client, EndpointAuthorizer};
///
/// let authorizer = EndpointAuthorizer::new("https://app.example/broadcasting/auth")?
///     .header("Authorization", "Bearer 1|abc")?;
/// let builder = Client::builder("wss://app.example/app/key").authorizer(authorizer);
/// # Ok::<(), resound_client::AuthorizeError>(())
/// ```
#[derive(Clone)]
pub struct EndpointAuthorizer {
    url: Uri,
    headers: HeaderMap,
    http: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl EndpointAuthorizer {
    /// Asks at this address, of `http` or `https`.
    ///
    /// # Errors
    /// [`AuthorizeError::Unreachable`] if it is no such address.
    ///
    /// ```
    /// use resound_client::EndpointAuthorizer;
    ///
    /// assert!(EndpointAuthorizer::new("http://localhost:8000/broadcasting/auth").is_ok());
    /// assert!(EndpointAuthorizer::new("/broadcasting/auth").is_err());
    /// ```
    pub fn new(url: &str) -> Result<Self, AuthorizeError> {
        let fault = |reason: String| AuthorizeError::Unreachable { url: url.to_owned(), reason };
        let uri: Uri = url.parse().map_err(|error| fault(format!("{error}")))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none() {
            return Err(fault("it begins with neither http:// nor https://".to_owned()));
        }
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        // Laravel redirects those to its login page who don't say that they want JSON.
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let is_tls = uri.scheme_str() == Some("https");
        let http = client(if is_tls { tls::system() } else { tls::none() });
        Ok(Self { url: uri, headers, http })
    }

    /// Adds a header to every request, such as `Authorization` or `Cookie`, in place of one of the same
    /// name.
    ///
    /// # Errors
    /// [`AuthorizeError::Other`] if it is no header.
    ///
    /// ```
    /// # use resound_client::EndpointAuthorizer;
    /// let authorizer = EndpointAuthorizer::new("http://localhost/broadcasting/auth")?
    ///     .header("Cookie", "laravel_session=abc")?;
    /// # Ok::<(), resound_client::AuthorizeError>(())
    /// ```
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, AuthorizeError> {
        let fault = |what: &str| AuthorizeError::Other(format!("{name:?} {what}"));
        let name: HeaderName = name.parse().map_err(|_| fault("is no name of a header"))?;
        let mut value: HeaderValue =
            value.parse().map_err(|_| fault("has a value that no header can have"))?;
        value.set_sensitive(true);
        self.headers.insert(name, value);
        Ok(self)
    }

    /// Trusts whom this configuration trusts. Default: the roots of this machine; `SSL_CERT_FILE` names
    /// others.
    #[must_use]
    pub fn tls_config(mut self, config: rustls::ClientConfig) -> Self {
        self.http = client(config);
        self
    }

    async fn ask(&self, request: &AuthorizationRequest) -> Result<Authorization, AuthorizeError> {
        let url = self.url.to_string();
        let unreachable = |reason: String| AuthorizeError::Unreachable { url: url.clone(), reason };
        let encode = |text: &str| percent_encode(text.as_bytes(), PLAIN).to_string();
        let body = format!(
            "socket_id={}&channel_name={}",
            encode(&request.socket_id),
            encode(&request.channel)
        );
        let body = Bytes::from(body);
        let mut answer = self.http.request(self.question(&body)).await;
        // Mostly a connection that the application had closed, while our question crossed the news of it.
        if answer.as_ref().is_err_and(|error| !error.is_connect()) {
            answer = self.http.request(self.question(&body)).await;
        }
        let response = answer.map_err(|error| unreachable(causes(&error)))?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), BODY_BYTES_MAX).collect().await;
        let body = body.map_err(|error| unreachable(error.to_string()))?.to_bytes();
        if status != 200 {
            return Err(AuthorizeError::Denied { url, status, body: excerpt(&body) });
        }
        serde_json::from_slice(&body).map_err(|error| AuthorizeError::Malformed {
            reason: format!("{error}; it begins with {:?}", excerpt(&body)),
            url,
        })
    }
}

impl EndpointAuthorizer {
    fn question(&self, body: &Bytes) -> Request<Full<Bytes>> {
        let mut question = Request::new(Full::from(body.clone()));
        *question.method_mut() = Method::POST;
        *question.uri_mut() = self.url.clone();
        *question.headers_mut() = self.headers.clone();
        question
    }
}

fn client(tls: rustls::ClientConfig) -> legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp);
    legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_max_idle_per_host(1)
        .http1_max_buf_size(BODY_BYTES_MAX)
        .build(connector)
}

/// An error with what caused it: hyper's own is "client error (Connect)".
fn causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    let mut text = error.to_string();
    for cause in causes {
        text = format!("{text}: {cause}");
    }
    text
}

impl Authorizer for EndpointAuthorizer {
    fn authorize<'a>(&'a self, request: &'a AuthorizationRequest) -> Authorizing<'a> {
        Box::pin(self.ask(request))
    }
}

impl fmt::Debug for EndpointAuthorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointAuthorizer").field("url", &self.url).finish_non_exhaustive()
    }
}
