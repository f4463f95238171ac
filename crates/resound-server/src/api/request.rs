//! Who asks, and whether they may.

use std::{borrow::Cow, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::{
    HeaderMap, Method, Request, StatusCode,
    body::{Body as _, Incoming},
    header,
};
use percent_encoding::percent_decode_str;
use resound_hub::app::{AppOptions, LiveApp};
use resound_protocol::{
    api::{BodyLimits, Info},
    channel::NameRule,
    signature::{Query, RequestParts, verify_request},
};

use super::response::Fault;
use crate::{
    clock::unix_seconds,
    shard::{Shard, ShardHandle},
};

/// Bytes of a refused body that are read before it is answered.
const DISCARDED_BYTES_MAX: usize = 16 << 20;

/// A request to an application's API, not verified yet.
pub(super) struct Call<'s> {
    pub(super) shard: &'s ShardHandle,
    request: Request<Incoming>,
    path: String,
    app_id: String,
}

/// A request whose signature is right.
pub(super) struct Verified {
    pub(super) app: Arc<LiveApp>,
    pub(super) body: Bytes,
    query: String,
}

impl<'s> Call<'s> {
    /// `path` is the request's without the server's prefix: clients sign it so.
    pub(super) fn new(
        shard: &'s ShardHandle,
        request: Request<Incoming>,
        path: &str,
        app_id: &str,
    ) -> Self {
        Self { shard, request, path: path.to_owned(), app_id: decode(app_id) }
    }

    /// Finds the application, reads the body within its limit, and checks the signature.
    pub(super) async fn verify(self) -> Result<Verified, Fault> {
        let shard = self.shard;
        let app = shard.look(|shard| shard.hub().apps().by_id(&self.app_id).cloned());
        let Some(app) = app else {
            let message = format!("No matching application for ID [{}].", self.app_id);
            return Err(refuse(
                shard,
                "unknown_app_id",
                Fault::new(StatusCode::NOT_FOUND, message),
            ));
        };
        if !app.options.enabled {
            let message = "The application is disabled (enabled).";
            return Err(refuse(shard, "app_disabled", Fault::new(StatusCode::FORBIDDEN, message)));
        }
        let (parts, body) = self.request.into_parts();
        let bytes_max = app.options.request_bytes_max;
        let body = read_body(shard, &parts.headers, body, bytes_max, "max_request_size").await?;
        let query = parts.uri.query().unwrap_or("");
        let signed = RequestParts {
            method: signed_method(&parts.method),
            path: &self.path,
            raw_query: query,
            body: &body,
        };
        let tolerance = app.options.auth_timestamp_tolerance_seconds;
        if let Err(fault) =
            verify_request(signed, &app.key, app.signer(), unix_seconds(), tolerance)
        {
            if shard.look(Shard::may_log) {
                tracing::info!(app = %app.id, path = self.path, reason = %fault, "request refused");
            }
            let message = format!("Authentication signature invalid: {fault}.");
            return Err(refuse(
                shard,
                "bad_signature",
                Fault::new(StatusCode::UNAUTHORIZED, message),
            ));
        }
        shard.look(|shard| {
            let counts = shard.metrics_mut().app(app.number());
            counts.requests += 1;
            counts.request_bytes += body.len() as u64;
        });
        Ok(Verified { app, body, query: query.to_owned() })
    }
}

impl Verified {
    /// A parameter of the query, read as it was verified.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        Query::parse(&self.query).value(name).map(Cow::into_owned)
    }

    /// What `info` asks for.
    pub(super) fn info(&self) -> Info {
        Info::parse(self.parameter("info").as_deref().unwrap_or(""))
    }

    /// The limits of its body.
    pub(super) fn limits(&self) -> BodyLimits {
        limits(&self.app.options)
    }
}

pub(crate) fn limits(options: &AppOptions) -> BodyLimits {
    BodyLimits {
        channel_name_max: options.channel_name_max,
        channel_names: NameRule::Pusher,
        event_name_max: options.event_name_max,
        event_channels_max: options.event_channels_max,
        event_bytes_max: options.event_bytes_max,
        batch_max: options.batch_max,
    }
}

/// HEAD is a GET without a body, and signed as one.
fn signed_method(method: &Method) -> &str {
    if *method == Method::HEAD { "GET" } else { method.as_str() }
}

/// Counts a refusal.
pub(super) fn refuse(shard: &ShardHandle, reason: &'static str, fault: Fault) -> Fault {
    shard.look(|shard| shard.metrics_mut().request_refused(reason));
    fault
}

/// Reads a body of at most `bytes_max` bytes, which `setting` allows, within the time that a handshake may take, too.
pub(super) async fn read_body(
    shard: &ShardHandle,
    headers: &HeaderMap,
    mut body: Incoming,
    bytes_max: usize,
    setting: &'static str,
) -> Result<Bytes, Fault> {
    let too_large = |size: &dyn std::fmt::Display| {
        let message =
            format!("The request's body is {size} bytes, the limit is {bytes_max} ({setting}).");
        refuse(shard, "request_too_large", Fault::new(StatusCode::PAYLOAD_TOO_LARGE, message))
    };
    if let Some(announced) = body.size_hint().exact().filter(|size| *size > bytes_max as u64) {
        if !headers.contains_key(header::EXPECT) {
            discard(shard, body).await;
        }
        return Err(too_large(&announced));
    }
    let seconds = shard.shared.config.handshake_timeout_seconds;
    let collected = Limited::new(&mut body, bytes_max).collect();
    match tokio::time::timeout(Duration::from_secs(seconds.into()), collected).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            discard(shard, body).await;
            Err(too_large(&format_args!("more than {bytes_max}")))
        }
        Ok(Err(error)) => {
            let message = format!("The body could not be read: {error}.");
            Err(refuse(shard, "unreadable_body", Fault::new(StatusCode::BAD_REQUEST, message)))
        }
        Err(_) => {
            let message = format!(
                "The request's body did not come within {seconds} s (handshake_timeout_seconds)."
            );
            Err(refuse(shard, "request_too_slow", Fault::new(StatusCode::REQUEST_TIMEOUT, message)))
        }
    }
}

/// Reads the rest of a body that is refused: a client that is still sending when the connection
/// closes would not see the answer.
async fn discard(shard: &ShardHandle, body: Incoming) {
    let seconds = shard.shared.config.handshake_timeout_seconds;
    let mut rest = Limited::new(body, DISCARDED_BYTES_MAX);
    let read = async { while let Some(Ok(_)) = rest.frame().await {} };
    let _ = tokio::time::timeout(Duration::from_secs(seconds.into()), read).await;
}

/// A part of a path or query without its percent signs.
pub(super) fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
