//! One receiver's address, and how a request to it is made.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    HeaderMap, Method, Request, Uri,
    header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT},
};
use resound_hub::app::LiveApp;
use resound_hub::webhook::Webhook;
use resound_protocol::{
    signature::Signer,
    webhook::{KEY_HEADER, SIGNATURE_HEADER},
};
use tokio::time::timeout;

use super::report::words;
use crate::authorise::{Client, Fault, Reply};

/// How long a receiver may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// Who we are.
const AGENT: &str = concat!("Resound/", env!("CARGO_PKG_VERSION"));

/// Signs and sends.
#[derive(Debug)]
pub(super) struct Courier {
    uri: Uri,
    headers: HeaderMap,
    signer: Signer,
    client: Client,
}

impl Courier {
    /// `None` for what the configuration does not let through: no URL, no header.
    pub(super) fn new(app: &LiveApp, webhook: &Webhook, client: Client) -> Option<Self> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        for (name, value) in &webhook.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            headers.insert(name, HeaderValue::from_str(value).ok()?);
        }
        // Exactly so: npm's library takes no charset.
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let name = HeaderName::from_bytes(KEY_HEADER.as_bytes()).ok()?;
        headers.insert(name, HeaderValue::from_str(&app.key).ok()?);
        let uri = webhook.url.parse().ok()?;
        Some(Self { uri, headers, signer: app.signer().clone(), client })
    }

    /// The request for a body; sent again it is the same.
    pub(super) fn request(&self, body: String) -> Option<Request<Full<Bytes>>> {
        let signature = self.signer.hex(&[body.as_bytes()]);
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        let name = HeaderName::from_bytes(SIGNATURE_HEADER.as_bytes()).ok()?;
        request.headers_mut().insert(name, HeaderValue::from_str(&signature).ok()?);
        Some(request)
    }

    /// Sends a request once; why it was not taken.
    pub(super) async fn send(&self, request: Request<Full<Bytes>>) -> Result<(), String> {
        match timeout(ANSWER_MAX, self.client.send(request)).await {
            Ok(Ok(reply)) => verdict(&reply),
            Ok(Err(fault)) => Err(words(&fault)),
            Err(_) => Err(words(&Fault::Silence)),
        }
    }
}

fn verdict(reply: &Reply) -> Result<(), String> {
    match (reply.status, &reply.location) {
        (200..=299, _) => Ok(()),
        (300..=399, Some(location)) => {
            Err(format!("redirected to {location}, which is not followed: configure that address"))
        }
        (status, _) => Err(format!("answered with status {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict_of(status: u16, location: Option<&str>) -> Result<(), String> {
        let location = location.map(str::to_owned);
        verdict(&Reply { status, location, ..Reply::default() })
    }

    #[test]
    fn only_2xx_means_that_it_was_taken() {
        assert_eq!(verdict_of(200, None), Ok(()));
        assert_eq!(verdict_of(204, None), Ok(()));
        assert_eq!(verdict_of(500, None), Err("answered with status 500".to_owned()));
        let moved = verdict_of(301, Some("https://a.example/")).expect_err("not followed");
        assert!(moved.starts_with("redirected to https://a.example/"), "{moved}");
    }
}
