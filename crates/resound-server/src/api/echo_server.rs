//! laravel-echo-server's HTTP API, on the paths of Pusher's (`socketio.md` §7.8).
//!
//! It is open when the configuration is laravel-echo-server's. Who asks shows a key, in a header or
//! in the query, where Pusher's API wants a signature; a request with a signature is Pusher's,
//! unless nobody can sign for the application: Laravel's pusher driver signs with whatever it has,
//! and laravel-echo-server never looked at it.
//!
//! Deviations: a body that is no JSON is answered with 400, where it ended laravel-echo-server; the
//! limits of Pusher's API hold here, too.
//!
//! # Layout
//!
//! * this module: routes, keys, answers
//! * `event`: the body of an event

mod event;

use std::{borrow::Cow, fs, sync::Arc};

use hyper::{
    HeaderMap, Method, Request, StatusCode,
    body::{Bytes, Incoming},
    header::{self, HeaderValue},
};
use resound_hub::{
    app::{BearerClient, LiveApp},
    peer::owner_of,
};
use resound_protocol::{
    api::{BodyFault, EventBody},
    signature::{Query, Signer},
};
use serde_json::{Map, Value, json};

use super::{
    channels,
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
        [""] if is_get => return Some(Route::Root),
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
            call.respond(request, asked).await.unwrap_or_else(refusal)
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

fn answer(body: impl Into<Bytes>) -> Answer {
    let mut answer = response::json(body);
    answer.headers_mut().insert(header::CONTENT_TYPE, JSON);
    // Which pages may read it is configured (apiOriginAllow).
    answer.headers_mut().remove(header::ACCESS_CONTROL_ALLOW_ORIGIN);
    answer
}

/// A refusal in laravel-echo-server's form, which is a sentence alone.
fn refusal(fault: Fault) -> Answer {
    let mut answer = answer(json!({ "error": fault.message() }).to_string());
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
        let app = self.authorise(&request)?;
        let query = request.uri().query().unwrap_or("");
        let value = match asked {
            Asked::Status => self.status(&app),
            Asked::Channels => {
                let prefix = Query::parse(query).value("filter_by_prefix").map(Cow::into_owned);
                self.channels(&app, prefix.unwrap_or_default()).await
            }
            Asked::Channel(channel) => self.channel(&app, &channel).await,
            Asked::Users(channel) => self.users(&app, channel).await?,
            Asked::Publish => self.publish(&app, request).await?,
        };
        Ok(answer(value.to_string()))
    }

    /// The application, if the key is the client's.
    fn authorise(&self, request: &Request<Incoming>) -> Result<Arc<LiveApp>, Fault> {
        let shard = self.shard;
        let app = shard.look(|shard| {
            let (app, client) = shard.hub().apps().by_bearer_client(&self.client)?;
            let given = given_key(request.headers(), request.uri().query().unwrap_or(""))?;
            is_key(app.signer(), client, &given).then(|| app.clone())
        });
        let Some(app) = app.filter(|app| app.options.enabled) else {
            if shard.look(Shard::may_log) {
                let (app, path) = (&self.client, request.uri().path());
                tracing::info!(
                    app,
                    path,
                    reason = "no client has this id and key",
                    "request refused"
                );
            }
            let fault = Fault::new(StatusCode::FORBIDDEN, UNAUTHORIZED);
            return Err(refuse(shard, "bad_key", fault));
        };
        shard.look(|shard| shard.metrics_mut().app(app.number()).requests += 1);
        Ok(app)
    }

    fn status(&self, app: &LiveApp) -> Value {
        let resident = resident_bytes();
        json!({
            "subscription_count": app.connections(),
            "uptime": self.shard.shared.clock.now().micros() as f64 / 1e6,
            // Node's names. There is no heap here that a collector looks through.
            "memory_usage": {
                "rss": resident, "heapTotal": resident, "heapUsed": resident,
                "external": 0, "arrayBuffers": 0,
            },
        })
    }

    async fn channels(&self, app: &LiveApp, prefix: String) -> Value {
        let found = channels::occupied(self.shard, app.number(), prefix).await;
        let channels = found.into_iter().map(|(name, known)| {
            let known = json!({ "subscription_count": known.subscriptions, "occupied": true });
            (name.to_string(), known)
        });
        json!({ "channels": channels.collect::<Map<_, _>>() })
    }

    async fn channel(&self, app: &LiveApp, name: &str) -> Value {
        let known = channels::ask(self.shard, app, name).await;
        let count = known.subscriptions;
        let mut value = json!({ "subscription_count": count, "occupied": count > 0 });
        if name.starts_with("presence-") {
            value["user_count"] = json!(known.users.unwrap_or(0));
        }
        value
    }

    async fn users(&self, app: &LiveApp, name: String) -> Result<Value, Fault> {
        if !name.starts_with("presence-") {
            return Err(Fault::new(StatusCode::BAD_REQUEST, NO_PRESENCE));
        }
        let Some(key) = channels::key(app, &name) else { return Ok(json!({ "users": [] })) };
        let shards = &self.shard.shards;
        let (owner, number) = (owner_of(&key, shards.count()), app.number());
        let members = shards
            .ask(owner, move |hub, _, _| hub.members(number, &name).cloned().collect::<Vec<_>>())
            .await;
        let users = members.unwrap_or_default().into_iter().map(|member| {
            let mut user = json!({ "id": channels::raw(&member.user_id_json) });
            if let Some(info) = &member.user_info_json {
                user["user_info"] = channels::raw(info);
            }
            user
        });
        Ok(json!({ "users": users.collect::<Vec<_>>() }))
    }

    async fn publish(&self, app: &LiveApp, request: Request<Incoming>) -> Result<Value, Fault> {
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
        let body = read_body(shard, &parts.headers, body, bytes_max).await?;
        shard.look(|shard| {
            shard.metrics_mut().app(app.number()).request_bytes += body.len() as u64;
        });
        let refused = |fault| {
            let fault: Fault = fault;
            if shard.look(Shard::may_log) {
                tracing::info!(app = %app.id, reason = fault.message(), "publish refused");
            }
            refuse(shard, "invalid_body", fault)
        };
        let pusher_body = event::pusher_body(&body).map_err(refused)?;
        let event = EventBody::parse(pusher_body.as_bytes(), &limits(&app.options));
        let event = event.map_err(fault).map_err(refused)?;
        spread(shard, app, std::slice::from_ref(&event)).await;
        Ok(json!({ "message": "ok" }))
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
fn fault(fault: BodyFault) -> Fault {
    let status = match &fault {
        BodyFault::Json(_) | BodyFault::Fields(_) => StatusCode::BAD_REQUEST,
        BodyFault::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
    };
    Fault::new(status, fault.to_string())
}

/// Resident memory; 0 where the system does not tell.
fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    number.unwrap_or(0) * 1024
}
