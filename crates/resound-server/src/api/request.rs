//! Who asks, and whether they may.

use std::{borrow::Cow, sync::Arc};

use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::{Method, Request, StatusCode, body::Body as _, body::Incoming};
use percent_encoding::percent_decode_str;
use resound_hub::app::{AppOptions, LiveApp};
use resound_protocol::{
    api::{BodyLimits, Info},
    signature::{Query, RequestParts, verify_request},
};

use super::response::Fault;
use crate::{clock::unix_seconds, shard::ShardHandle};

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
        let app = shard.with(|shard| shard.hub().apps().by_id(&self.app_id).cloned());
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
        let body = read_body(body, app.options.request_bytes_max)
            .await
            .map_err(|fault| refuse(shard, "request_too_large", fault))?;
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
            tracing::info!(app = %app.id, path = self.path, reason = %fault, "request refused");
            let message = format!("Authentication signature invalid: {fault}.");
            return Err(refuse(
                shard,
                "bad_signature",
                Fault::new(StatusCode::UNAUTHORIZED, message),
            ));
        }
        shard.with(|shard| {
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

pub(super) fn limits(options: &AppOptions) -> BodyLimits {
    BodyLimits {
        channel_name_max: options.channel_name_max,
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
    shard.with(|shard| shard.metrics_mut().request_refused(reason));
    fault
}

/// Reads a body of at most `bytes_max` bytes.
pub(super) async fn read_body(body: Incoming, bytes_max: usize) -> Result<Bytes, Fault> {
    let too_large = |size: &dyn std::fmt::Display| {
        let message = format!(
            "The request's body is {size} bytes, the limit is {bytes_max} (max_request_size)."
        );
        Fault::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    };
    if let Some(announced) = body.size_hint().exact().filter(|size| *size > bytes_max as u64) {
        return Err(too_large(&announced));
    }
    match Limited::new(body, bytes_max).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(too_large(&format_args!("more than {bytes_max}")))
        }
        Err(error) => Err(Fault::new(
            StatusCode::BAD_REQUEST,
            format!("The body could not be read: {error}."),
        )),
    }
}

/// A part of a path or query without its percent signs.
pub(super) fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
