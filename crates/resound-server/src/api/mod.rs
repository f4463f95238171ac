//! The HTTP API: Pusher's routes, Reverb's extras, health, metrics and the welcome page.
//!
//! A request is answered by the shard that its connection is on. What concerns channels that
//! another shard owns is asked of that shard.
//!
//! # Layout
//!
//! * [`mod@self`]: connections and routes
//! * `request`: who asks, whether the signature is right, the body
//! * `response`: answers and errors
//! * `events`, `channels`, `users`: Pusher's endpoints
//! * `health`: `/up`, `/live`, `/ready`, `/metrics`

mod channels;
mod events;
mod health;
mod request;
mod response;
mod users;

use std::{convert::Infallible, io::Cursor, net::TcpListener, sync::Arc, time::Duration};

use hyper::{
    Method, Request, StatusCode,
    body::{Body as _, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncReadExt as _;

use self::{
    request::Call,
    response::{Answer, Fault},
};
use crate::{
    server::Shared,
    shard::{HttpConnection, ShardHandle, mailbox::Shards},
    welcome,
};

/// How long a kept-alive connection may wait for its next request.
const IDLE_SECONDS: u64 = 75;
/// Bytes of a request's head and of what is read ahead of a body.
const BUFFER_BYTES: usize = 64 * 1024;

/// Serves a connection that turned out to speak HTTP.
pub(crate) async fn serve(shard: ShardHandle, connection: HttpConnection) {
    let shared = shard.shared.clone();
    let _counted = shared.sockets.stay();
    serve_connection(shard, connection).await;
}

async fn serve_connection(shard: ShardHandle, connection: HttpConnection) {
    let HttpConnection { stream, read } = connection;
    let stream = match tokio::net::TcpStream::from_std(stream) {
        Ok(stream) => stream,
        Err(error) => return tracing::warn!(%error, "an HTTP connection could not be taken in"),
    };
    let (reader, writer) = stream.into_split();
    let io = tokio::io::join(Cursor::new(read).chain(reader), writer);
    let shared = shard.shared.clone();
    let service = service_fn(move |request| {
        let shard = shard.clone();
        async move {
            let _counted = shard.shared.requests.stay();
            Ok::<_, Infallible>(respond(&shard, request).await)
        }
    });
    serve_http(io, service, shared.until_draining()).await;
}

/// Serves until the client or `end` ends it; then a request that has begun is still answered.
async fn serve_http<I, S>(io: I, service: S, end: impl Future<Output = ()>)
where
    I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    S: hyper::service::Service<Request<Incoming>, Response = Answer, Error = Infallible>,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(IDLE_SECONDS))
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(io), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = end => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "an HTTP connection ended early");
    }
}

/// Answers one request.
async fn respond(shard: &ShardHandle, request: Request<Incoming>) -> Answer {
    let path = request.uri().path().to_owned();
    let prefix = &*shard.shared.config.path;
    let path = path.strip_prefix(prefix).unwrap_or(&path);
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let is_get = matches!(*request.method(), Method::GET | Method::HEAD);
    let result = match (request.method(), &segments[..]) {
        (&Method::OPTIONS, _) => Ok(response::preflight()),
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
        (_, ["app", key]) if is_get && !key.is_empty() => Ok(explain_upgrade(shard, key, &request)),
        (_, segments) => page(shard, path, is_get).ok_or_else(|| not_found(path, segments)),
    };
    let answer = result.unwrap_or_else(Fault::into_response);
    if let ["apps", app, ..] = segments[..] {
        count_answer(shard, app, &answer);
    }
    answer
}

/// Counts the bytes of an answer for its application.
fn count_answer(shard: &ShardHandle, app_id: &str, answer: &Answer) {
    let bytes = answer.body().size_hint().exact().unwrap_or(0);
    shard.with(|shard| {
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

/// Serves health and metrics on a listener of their own; without one it never ends.
pub(crate) async fn serve_metrics(
    shared: Arc<Shared>,
    shards: Shards,
    listener: Option<TcpListener>,
) -> std::io::Result<()> {
    let Some(listener) = listener else {
        return std::future::pending().await;
    };
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection for metrics could not be accepted");
                tokio::time::sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        while connections.try_join_next().is_some() {}
        if connections.len() >= METRICS_CONNECTIONS_MAX {
            continue; // dropping it closes it
        }
        let (shared, shards) = (shared.clone(), shards.clone());
        connections.spawn(async move {
            let service = service_fn(|request: Request<Incoming>| {
                let (shared, shards) = (shared.clone(), shards.clone());
                async move {
                    let name = request.uri().path().trim_start_matches('/').to_owned();
                    let answer = health::respond(&name, &shared, &shards, true).await;
                    Ok::<_, Infallible>(answer.unwrap_or_else(Fault::into_response))
                }
            });
            // Also while the process ends somebody may ask whether it is ready.
            serve_http(stream, service, std::future::pending()).await;
        });
    }
}

/// Connections of the metrics listener.
const METRICS_CONNECTIONS_MAX: usize = 64;
/// How long its clients wait when there was no descriptor for one of them.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
