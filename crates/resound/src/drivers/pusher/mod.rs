//! Any server with Pusher's HTTP API: Resound, Reverb, soketi, Pusher itself.
//!
//! # Layout
//!
//! * `options`: where the server is, and who we are
//! * `body`: what is said
//! * `batch`: several events in one request
//! * `figures`: what the server tells
//! * `client`: HTTP

mod batch;
mod body;
mod client;
mod figures;
mod options;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use resound_protocol::signature::{Signer, sign_request};

use crate::{
    driver::{Answers, Driver, Sending, SendingBatch},
    drivers::pusher::client::{Client, Reply},
    envelope::Envelope,
    error::DriverError,
    figures::Asking,
    front_end::EchoOptions,
};

pub use options::{PusherOptions, Scheme};

/// The drivers `pusher` and `reverb`: events go to a server by Pusher's HTTP API.
///
/// Connections are kept and used again. One request carries at most 100 channels of one event, or as many events of
/// the queue as [`PusherOptions::batch_max`] says.
///
/// ```
/// use resound::{Broadcaster, driver::Credentials, drivers::{Pusher, PusherOptions, Scheme}};
///
/// let credentials = Credentials::new("resound-key", "resound-secret");
/// let options = PusherOptions {
///     scheme: Scheme::Http,
///     port: 8080,
///     ..PusherOptions::new("1001", credentials, "127.0.0.1")
/// };
/// let broadcaster = Broadcaster::builder().connection("reverb", Pusher::new(options)).build();
/// # let _ = broadcaster;
/// ```
#[derive(Debug)]
pub struct Pusher {
    options: PusherOptions,
    signer: Signer,
    client: Client,
    /// What is signed, `/apps/{id}/events`, without the prefix.
    path: String,
    /// The same for several events, `/apps/{id}/batch_events`.
    batch_path: String,
    /// Whether the server knows nothing of batches.
    has_no_batches: AtomicBool,
}

/// Channels of one request. Pusher HTTP API, "Publishing an event on multiple channels".
const CHANNELS_MAX: usize = 100;

impl Pusher {
    /// Prepares the driver; nothing is sent yet.
    ///
    /// ```
    /// use resound::{Broadcaster, driver::Credentials, drivers::{Pusher, PusherOptions}};
    ///
    /// let options = PusherOptions::new("1001", Credentials::new("key", "secret"), "ws.example.org");
    /// let broadcaster = Broadcaster::builder().connection("reverb", Pusher::new(options)).build();
    /// assert_eq!(broadcaster.front_end().key, "key");
    /// ```
    pub fn new(options: PusherOptions) -> Self {
        Self {
            signer: Signer::new(&options.credentials.secret),
            client: Client::new(options.scheme),
            path: format!("/apps/{}/events", options.app_id),
            batch_path: format!("/apps/{}/batch_events", options.app_id),
            has_no_batches: AtomicBool::new(false),
            options,
        }
    }

    async fn post(&self, envelope: &Envelope) -> Result<(), DriverError> {
        let sealed = self.sealed(envelope)?;
        let body = body::event(sealed.as_ref().unwrap_or(envelope));
        match self.request(&self.path, body).await? {
            Reply { status: 200..=299, .. } => Ok(()),
            reply => Err(self.fault(&reply)),
        }
    }

    async fn request(&self, path: &str, body: String) -> Result<Reply, DriverError> {
        let url = self.url("POST", path, &[], &body, unix_seconds());
        self.client.post(&url, body).await
    }

    /// The event with its payload encrypted, if it is one for an encrypted channel.
    fn sealed(&self, envelope: &Envelope) -> Result<Option<Envelope>, DriverError> {
        let Some(channel) = envelope.channels.iter().find(|channel| channel.is_encrypted()) else {
            return Ok(None);
        };
        if envelope.channels.len() > 1 {
            return Err(DriverError::Refused(format!(
                "{channel} is encrypted and must come alone"
            )));
        }
        let sealed = self.options.credentials.seal(channel.as_str(), &envelope.payload);
        let payload = sealed.map_err(DriverError::Refused)?;
        Ok(Some(Envelope { payload, ..envelope.clone() }))
    }

    /// The address of a request, with its signature.
    fn url(
        &self,
        method: &str,
        path: &str,
        query: &[(&str, &str)],
        body: &str,
        now: u64,
    ) -> String {
        let key = &self.options.credentials.key;
        let query = sign_request(method, path, query, body.as_bytes(), key, &self.signer, now);
        format!("{}{path}?{query}", self.options.base())
    }

    fn fault(&self, reply: &Reply) -> DriverError {
        let server = self.options.base();
        let status = reply.status;
        let message =
            format!("{server} answered {status} {}", reply.excerpt()).trim_end().to_owned();
        // Those that say "not this time"; a 500 is about the event and would come again.
        match status {
            408 | 425 | 429 | 502 | 503 | 504 => DriverError::Unavailable(message),
            _ => DriverError::Refused(message),
        }
    }
}

impl Driver for Pusher {
    fn send<'a>(&'a self, envelope: &'a Envelope) -> Sending<'a> {
        Box::pin(self.post(envelope))
    }

    fn send_batch<'a>(&'a self, envelopes: &'a [Arc<Envelope>]) -> SendingBatch<'a> {
        Box::pin(self.post_batch(envelopes))
    }

    fn batch_max(&self) -> usize {
        let has_batches = !self.has_no_batches.load(Ordering::Relaxed);
        if has_batches { self.options.batch_max } else { 1 }
    }

    fn channels_max(&self) -> usize {
        CHANNELS_MAX
    }

    fn front_end(&self) -> EchoOptions {
        self.options.front_end()
    }

    fn figures<'a>(&'a self, prefix: &'a str) -> Asking<'a> {
        Box::pin(self.ask_figures(prefix))
    }

    fn answers(&self) -> Answers {
        Answers::Pusher(self.options.credentials.clone())
    }
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::Credentials;

    #[test]
    fn requests_are_signed_as_pushers_libraries_sign_them() {
        let credentials = Credentials::new("resound-key", "resound-secret");
        let pusher = Pusher::new(PusherOptions {
            path: "/ws".to_owned(),
            ..PusherOptions::new("1001", credentials, "example.org")
        });
        // Vector A of Pusher's HTTP API in our notes, verified with npm's pusher.
        let body = r#"{"name":"order.shipped","channels":["private-orders.7"],"data":"{\"id\":7,\"status\":\"shipped\"}"}"#;
        assert_eq!(
            pusher.url("POST", &pusher.path, &[], body, 1_700_000_000),
            "https://example.org:443/ws/apps/1001/events?auth_key=resound-key&auth_timestamp=1700000000\
             &auth_version=1.0&body_md5=a1e6a00d7454c5a4fb3d869dd5744964\
             &auth_signature=e23d7f69c39a8c0043f5118231314998642c524ee31c09fa5ab8728fd7ac8f0d"
        );
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let pusher = Pusher::new(PusherOptions::new("1", Credentials::new("k", "s"), "h"));
        let fault = |status| pusher.fault(&Reply { status, body: "x".into() });
        for status in [429, 502, 503, 504] {
            assert!(matches!(fault(status), DriverError::Unavailable(_)), "{status}");
        }
        for status in [301, 400, 401, 403, 404, 413, 422, 500] {
            assert!(matches!(fault(status), DriverError::Refused(_)), "{status}");
        }
        assert_eq!(fault(401).to_string(), "https://h:443 answered 401 x");
    }
}
