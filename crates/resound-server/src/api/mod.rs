//! The HTTP API: Pusher's routes, Reverb's extras, health, metrics and the welcome page.
//!
//! A request is answered by the shard that its connection is on. What concerns channels that
//! another shard owns is asked of that shard.
//!
//! # Layout
//!
//! * this module: routes
//! * `serve`, `connection`: connections
//! * `request`: who asks, whether the signature is right, the body
//! * `response`: answers and errors
//! * `events`, `channels`, `users`: Pusher's endpoints
//! * `echo_server`: those of laravel-echo-server, on the same paths
//! * `client_script`: socket.io-client for browsers
//! * `engine`, `xhr`: clients without WebSocket, of Engine.IO and of pusher-js; `polling`: their sessions
//! * `health`: `/up`, `/live`, `/ready`, `/metrics`

mod channels;
mod client_script;
mod connection;
mod echo_server;
mod engine;
mod events;
mod health;
mod polling;
mod request;
mod response;
mod serve;
mod users;
mod xhr;

use hyper::{
    Method, Request, StatusCode,
    body::{Body as _, Incoming},
};

use self::{
    connection::Client,
    request::Call,
    response::{Answer, AnyAnswer, Fault, whole},
};
pub(crate) use self::{
    request::limits as body_limits,
    serve::{serve, serve_metrics},
};
use crate::{shard::ShardHandle, transport::is_socketio, welcome};

/// Answers one request.
async fn respond(shard: &ShardHandle, client: &Client, request: Request<Incoming>) -> AnyAnswer {
    let path = request.uri().path().to_owned();
    if is_socketio(&path, &shard.shared.config) {
        return whole(engine::respond(shard, client, request).await);
    }
    if matches!(*request.method(), Method::GET | Method::HEAD)
        && let Some(script) = client_script::respond(&path, &shard.shared.config, request.headers())
    {
        return whole(script);
    }
    let prefix = &*shard.shared.config.path;
    let path = path.strip_prefix(prefix).unwrap_or(&path);
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    if let ["pusher", "app", key, server, session, kind] = segments[..] {
        let answer = xhr::respond(shard, client, request, [key, server, session, kind]).await;
        return answer.unwrap_or_else(|fault| whole(fault.into_response()));
    }
    let is_get = matches!(*request.method(), Method::GET | Method::HEAD);
    if let Some(route) = echo_server::route(shard, &request, &segments) {
        let answer = echo_server::respond(shard, request, route).await;
        count_answer(shard, &segments, &answer);
        return whole(answer);
    }
    let result = match (request.method(), &segments[..]) {
        (&Method::OPTIONS, ["apps", ..]) => Ok(response::preflight()),
        (&Method::POST, ["apps", app, "events"]) => {
            events::publish(Call::new(shard, request, path, app)).await
        }
        (&Method::POST, ["apps", app, "batch_events"]) => {
            events::publish_batch(Call::new(shard, request, path, app)).await
        }
        (_, ["apps", app, "channels"]) if is_get => {
            channels::list(Call::new(shard, request, path, app)).await
        }
        (_, ["apps", app, "channels", channel]) if is_get => {
            channels::one(Call::new(shard, request, path, app), channel).await
        }
        (_, ["apps", app, "channels", channel, "users"]) if is_get => {
            channels::users(Call::new(shard, request, path, app), channel).await
        }
        (_, ["apps", app, "connections"]) if is_get => {
            channels::connections(Call::new(shard, request, path, app)).await
        }
        (&Method::POST, ["apps", app, "users", user, "terminate_connections"]) => {
            users::terminate(Call::new(shard, request, path, app), user).await
        }
        (&Method::POST, ["welcome", "events"]) => {
            events::publish_from_welcome_page(shard, request).await
        }
        (_, ["up" | "live" | "ready" | "metrics"]) if is_get => {
            let is_public = shard.shared.config.metrics_address.is_none();
            health::respond(segments[0], &shard.shared, &shard.shards, is_public).await
        }
        (_, ["app", key]) if is_get && !key.is_empty() && shard.shared.is_draining() => {
            Err(response::shutting_down())
        }
        (_, ["app", key]) if is_get && !key.is_empty() => Ok(explain_upgrade(shard, key, &request)),
        (_, segments) => page(shard, path, is_get).ok_or_else(|| not_found(path, segments)),
    };
    let answer = result.unwrap_or_else(Fault::into_response);
    count_answer(shard, &segments, &answer);
    whole(answer)
}

/// Counts the bytes of an answer for its application.
fn count_answer(shard: &ShardHandle, segments: &[&str], answer: &Answer) {
    let ["apps", app_id, ..] = segments else { return };
    let bytes = answer.body().size_hint().exact().unwrap_or(0);
    shard.look(|shard| {
        let app = shard.hub().apps().by_id(&request::decode(app_id)).map(|app| app.number());
        if let Some(app) = app {
            shard.metrics_mut().app(app).response_bytes += bytes;
        }
    });
}

/// The welcome page connects to the development application, or to the only one; among several it
/// asks for a key rather than tell everybody one tenant's.
fn page(shard: &ShardHandle, path: &str, is_get: bool) -> Option<Answer> {
    if !is_get {
        return None;
    }
    let apps = shard.shared.apps();
    let development = shard.shared.development_app.as_deref().and_then(|id| apps.by_id(id));
    let only = || apps.iter().next().filter(|_| apps.iter().count() == 1);
    let app = development.or_else(only).map(|app| &***app);
    Some(response::asset(welcome::respond(path, app, &shard.shared.config)?))
}

/// What a person gets who opens the WebSocket's address in a browser, or whose proxy has dropped
/// the `Upgrade` header.
fn explain_upgrade(shard: &ShardHandle, key: &str, request: &Request<Incoming>) -> Answer {
    let key = request::decode(key);
    let known = if shard.shared.apps().by_key(&key).is_some() {
        "Its key is known"
    } else {
        "No application has this key, though: compare it with REVERB_APP_KEY"
    };
    let mentions_websocket =
        request.headers().keys().any(|name| name.as_str().starts_with("sec-websocket"));
    let cause = if mentions_websocket {
        "A WebSocket client sent this request, but its Upgrade and Connection headers did not arrive or its \
         Sec-WebSocket headers are not those of version 13: a proxy in between must pass Upgrade on \
         (nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"Upgrade\";)"
    } else {
        "This address speaks WebSocket: connect to it with pusher-js or Laravel Echo, not with a plain request"
    };
    response::upgrade_required(format!("{cause}. {known}.\n"))
}

/// 405 with `Allow` for a path that other methods have, 404 for every other.
fn not_found(path: &str, segments: &[&str]) -> Fault {
    let allow = match segments {
        ["apps", _, "events" | "batch_events"]
        | ["apps", _, "users", _, "terminate_connections"]
        | ["welcome", "events"] => "POST, OPTIONS",
        ["apps", _, "channels" | "connections"]
        | ["apps", _, "channels", _]
        | ["apps", _, "channels", _, "users"]
        | ["up" | "live" | "ready" | "metrics"] => "GET, HEAD, OPTIONS",
        ["app", key] if !key.is_empty() => "GET, HEAD, OPTIONS",
        _ => return Fault::new(StatusCode::NOT_FOUND, format!("Nothing is at {path}.")),
    };
    Fault::new(StatusCode::METHOD_NOT_ALLOWED, format!("Method not allowed; {path} takes {allow}."))
        .with_allow(allow)
}
