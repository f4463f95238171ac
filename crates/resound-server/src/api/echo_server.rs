//! laravel-echo-server's HTTP API, on the paths of Pusher's (`socketio.md` §7.8).
//!
//! It is open when the configuration is laravel-echo-server's. Who asks shows a key, in a header or
//! in the query, where Pusher's API wants a signature; a request with a signature is Pusher's,
//! unless nobody can sign for the application: Laravel's pusher driver signs with whatever it has,
//! and laravel-echo-server never looked at it.
//!
//! Deviations: a body that is no JSON is answered with 400, where it ended laravel-echo-server, as is
//! an empty list of channels; a list of one as `data` stays a list; the limits of Pusher's API and
//! its names of channels and events hold here, too.
//!
//! # Layout
//!
//! * this module: routes, keys, publishing
//! * `event`: the body of an event
//! * `questions`: what is answered to the others

mod event;
mod questions;

use std::{borrow::Cow, sync::Arc};

use hyper::{
    HeaderMap, Method, Request, StatusCode,
    body::Incoming,
    header::{self, HeaderValue},
};
use resound_hub::app::{BearerClient, LiveApp};
use resound_protocol::{
    api::{BodyFault, BodyLimits, EventBody},
    channel::NameRule,
    signature::{Query, Signer},
};
use serde::Serialize;

use super::{
    events::spread,
    request::{decode, limits, read_body, refuse},
    response::{self, Answer, Fault},
};
use crate::{
    config::EchoServerConfig,
    shard::{Shard, ShardHandle},
};

/// laravel-echo-server's words.
const UNAUTHORIZED: &str = "Unauthorized";
const NO_PRESENCE: &str = "User list is only possible for Presence Channels";

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// What a request is about.
pub(super) enum Route {
    /// `GET /`, which monitors look at.
    Root,
    /// A browser asks whether it may ask; the methods that the path takes.
    Preflight(&'static str),
    /// Something of an application, for the client with this id.
    App { client: String, asked: Asked },
}

/// What of an application is asked.
pub(super) enum Asked {
    Status,
    Channels,
    Channel(String),
    Users(String),
    Publish,
}

/// Says whether a request is laravel-echo-server's to answer, and which one it is.
pub(super) fn route(
    shard: &ShardHandle,
    request: &Request<Incoming>,
    segments: &[&str],
) -> Option<Route> {
    shard.shared.config.echo_server.as_ref()?;
    let method = request.method();
    let is_get = matches!(*method, Method::GET | Method::HEAD);
    let asked = match segments {
        // In place of the welcome page, which would tell everybody the application's key.
        [] | [""] if is_get => return Some(Route::Root),
        ["apps", _, "events"] if method == Method::OPTIONS => {
            return Some(Route::Preflight("POST"));
        }
        ["apps", _, _, ..] if method == Method::OPTIONS => {
            return Some(Route::Preflight("GET,HEAD"));
        }
        ["apps", _, "status"] if is_get => Asked::Status,
        ["apps", _, "channels"] if is_get => Asked::Channels,
        ["apps", _, "channels", channel] if is_get => Asked::Channel(decode(channel)),
        ["apps", _, "channels", channel, "users"] if is_get => Asked::Users(decode(channel)),
        ["apps", _, "events"] if method == Method::POST => Asked::Publish,
        _ => return None,
    };
    let client = decode(segments[1]);
    let query = Query::parse(request.uri().query().unwrap_or(""));
    if query.value("auth_signature").is_some() && shard.look(|shard| can_sign(shard, &client)) {
        return None;
    }
    Some(Route::App { client, asked })
}

fn can_sign(shard: &Shard, app_id: &str) -> bool {
    shard.hub().apps().by_id(app_id).is_some_and(|app| !app.options.secret_is_drawn)
}

/// Answers a request, with the headers that are configured.
pub(super) async fn respond(
    shard: &ShardHandle,
    request: Request<Incoming>,
    route: Route,
) -> Answer {
    let Some(config) = &shard.shared.config.echo_server else {
        return Fault::new(StatusCode::NOT_FOUND, "Nothing is here.").into_response();
    };
    let mut answer = match route {
        Route::Root => response::text("text/html; charset=utf-8", "OK".to_owned()),
        Route::Preflight(methods) => preflight(methods),
        Route::App { client, asked } => {
            let call = Call { shard, config, client };
            call.respond(request, asked).await.unwrap_or_else(|fault| refusal(&fault))
        }
    };
    for (name, value) in &config.api_headers {
        answer.headers_mut().insert(name, value.clone());
    }
    answer
}

fn preflight(methods: &'static str) -> Answer {
    let mut answer = response::text("text/html; charset=utf-8", methods.to_owned());
    answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
    answer
}

/// An answer that is a sentence.
#[derive(Serialize)]
struct Words<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

fn json(body: &impl Serialize) -> Answer {
    let body = serde_json::to_vec(body).expect("neither a map with odd keys nor a failing value");
    let mut answer = response::json(body);
    answer.headers_mut().insert(header::CONTENT_TYPE, JSON);
    // Which pages may read it is configured (apiOriginAllow).
    answer.headers_mut().remove(header::ACCESS_CONTROL_ALLOW_ORIGIN);
    answer
}

/// A refusal in laravel-echo-server's form, which is a sentence alone.
fn refusal(fault: &Fault) -> Answer {
    let mut answer = json(&Words { message: None, error: Some(fault.message()) });
    *answer.status_mut() = fault.status();
    answer
}

/// A request to an application's API, not authorised yet.
struct Call<'s> {
    shard: &'s ShardHandle,
    config: &'s EchoServerConfig,
    client: String,
}

impl Call<'_> {
    async fn respond(self, request: Request<Incoming>, asked: Asked) -> Result<Answer, Fault> {
        let shard = self.shard;
        let Some(app) = self.authorise(&request) else {
            return Err(self.unauthorized(request.uri().path()));
        };
        shard.look(|shard| shard.metrics_mut().app(app.number()).requests += 1);
        let query = request.uri().query().unwrap_or("");
        match asked {
            Asked::Status => Ok(json(&questions::status(shard, &app))),
            Asked::Channels => {
                let prefix = Query::parse(query).value("filter_by_prefix").map(Cow::into_owned);
                Ok(json(&questions::channels(shard, &app, prefix.unwrap_or_default()).await))
            }
            Asked::Channel(channel) => Ok(json(&questions::channel(shard, &app, &channel).await)),
            Asked::Users(channel) if !channel.starts_with("presence-") => {
                Err(Fault::new(StatusCode::BAD_REQUEST, NO_PRESENCE))
            }
            Asked::Users(channel) => Ok(json(&questions::users(shard, &app, channel).await)),
            Asked::Publish => self.publish(&app, request).await,
        }
    }

    /// The application, if the key is the client's.
    fn authorise(&self, request: &Request<Incoming>) -> Option<Arc<LiveApp>> {
        let given = given_key(request.headers(), request.uri().query().unwrap_or(""))?;
        let app = self.shard.look(|shard| {
            let (app, client) = shard.hub().apps().by_bearer_client(&self.client)?;
            is_key(app.signer(), client, &given).then(|| app.clone())
        });
        app.filter(|app| app.options.enabled)
    }

    fn unauthorized(&self, path: &str) -> Fault {
        if self.shard.look(Shard::may_log) {
            let (app, reason) = (&self.client, "no client has this id and key");
            tracing::info!(app, path, reason, "request refused");
        }
        refuse(self.shard, "bad_key", Fault::new(StatusCode::FORBIDDEN, UNAUTHORIZED))
    }

    async fn publish(&self, app: &LiveApp, request: Request<Incoming>) -> Result<Answer, Fault> {
        let shard = self.shard;
        if !self.config.http_events {
            let message = "Events are not taken over HTTP (subscribers.http).";
            return Err(refuse(
                shard,
                "http_events_off",
                Fault::new(StatusCode::NOT_FOUND, message),
            ));
        }
        let (parts, body) = request.into_parts();
        let bytes_max = app.options.request_bytes_max;
        let body = read_body(shard, &parts.headers, body, bytes_max, "max_request_size").await?;
        shard.look(|shard| {
            shard.metrics_mut().app(app.number()).request_bytes += body.len() as u64;
        });
        let refused = |fault| {
            let fault = body_fault(&fault);
            if shard.look(Shard::may_log) {
                tracing::info!(app = %app.id, reason = fault.message(), "publish refused");
            }
            refuse(shard, "invalid_body", fault)
        };
        let pusher_body = event::pusher_body(&body).map_err(refused)?;
        let channel_names = NameRule::EchoServer;
        let limits = BodyLimits { channel_names, ..limits(&app.options) };
        let event = EventBody::parse(pusher_body.as_bytes(), &limits).map_err(refused)?;
        spread(shard, app, std::slice::from_ref(&event)).await;
        Ok(json(&Words { message: Some("ok"), error: None }))
    }
}

/// The key in the header, or else the one in the query.
fn given_key(headers: &HeaderMap, query: &str) -> Option<String> {
    let Some(header) = headers.get(header::AUTHORIZATION) else {
        return Query::parse(query).value("auth_key").map(Cow::into_owned);
    };
    let text = header.to_str().ok()?;
    Some(text.strip_prefix("Bearer ").unwrap_or(text).to_owned())
}

/// Compares signatures of the keys in place of the keys: how long that takes tells nothing about
/// how much of the key is right.
fn is_key(signer: &Signer, client: &BearerClient, given: &str) -> bool {
    signer.verify_hex(&[given.as_bytes()], &signer.hex(&[client.key.as_bytes()]))
}

/// laravel-echo-server knows one status for bodies.
fn body_fault(fault: &BodyFault) -> Fault {
    let status = match fault {
        BodyFault::Json(_) | BodyFault::Fields(_) => StatusCode::BAD_REQUEST,
        BodyFault::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
    };
    Fault::new(status, fault.to_string())
}
