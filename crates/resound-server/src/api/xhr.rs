//! pusher-js' fallback for clients without WebSocket: `xhr_streaming`, `xhr` (polling) and `xhr_send`
//! under `/pusher/app/{key}/{server}/{session}/`.
//!
//! An answer of `xhr_streaming` goes on until pusher-js has enough of it: beyond 256 KiB it asks anew,
//! with the same session. What is under way at that moment would be lost, so that the server says
//! nothing beyond that mark until it is asked.

use std::{cell::Cell, rc::Rc, sync::Arc, time::Duration};

use bytes::Bytes;
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::Incoming,
    header::{self, HeaderName, HeaderValue},
};
use resound_hub::hub::Admission;
use resound_protocol::{error::ClientError, message, xhr};

use super::{
    connection::Client,
    polling::{at_home, post, wait},
    request::{decode, read_body},
    response::{self, Answer, AnyAnswer, Fault, Lines, whole},
};
use crate::{
    shard::{
        Shard, ShardHandle,
        engine::{NewSession, Posted},
        polling::{PollAnswer, PollName},
    },
    transport::parameter,
};

/// Characters, as JavaScript counts them, after which pusher-js asks anew.
const STREAM_UNITS_MAX: usize = 256 * 1024;
/// How long a stream with so many is kept: its client has asked anew by then, or is gone.
const FULL: Duration = Duration::from_secs(10);
/// Characters of the parts of the path that a client makes up.
const NAME_CHARS_MAX: usize = 64;
/// Tells nginx to pass on every line at once.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// What a request asks for, by the end of its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Streaming,
    Polling,
    Send,
}

/// Answers a request for `/pusher/app/{key}/{server}/{session}/{kind}`.
pub(super) async fn respond(
    shard: &ShardHandle,
    client: &Client,
    request: Request<Incoming>,
    [key, server, session, kind]: [&str; 4],
) -> Result<AnyAnswer, Fault> {
    let kind = match kind {
        "xhr_streaming" => Kind::Streaming,
        "xhr" => Kind::Polling,
        "xhr_send" => Kind::Send,
        _ => {
            return Err(Fault::new(
                StatusCode::NOT_FOUND,
                "There is xhr_streaming, xhr and xhr_send.",
            ));
        }
    };
    match *request.method() {
        Method::OPTIONS => return Ok(whole(response::preflight())),
        Method::POST => {}
        _ => {
            let fault = Fault::new(StatusCode::METHOD_NOT_ALLOWED, "pusher-js sends POST here.");
            return Err(fault.with_allow("POST, OPTIONS"));
        }
    }
    if server.len() > NAME_CHARS_MAX || session.is_empty() || session.len() > NAME_CHARS_MAX {
        return Err(Fault::new(StatusCode::NOT_FOUND, "No session has such a name."));
    }
    let name = PollName::Xhr(format!("{key}/{server}/{session}").into());
    let (parts, body) = request.into_parts();
    if kind == Kind::Send {
        return take(shard, &name, &parts.headers, body).await.map(whole);
    }
    let query = parts.uri.query().unwrap_or("");
    let opened = open(shard, &name, &decode(key), query, &parts.headers).await;
    match (opened, kind) {
        (None, _) => Err(response::shutting_down()),
        (Some(Err(error)), _) => {
            refuse(shard, &parts.headers, &error);
            Ok(whole(lines(farewell(&error).into())))
        }
        (Some(Ok(())), Kind::Streaming) => Ok(stream(shard, client, name)),
        (Some(Ok(())), _) => match wait(shard, client, &name).await {
            Some(PollAnswer::Body(body) | PollAnswer::Last(body)) => Ok(whole(lines(body.into()))),
            Some(_) => Err(Fault::new(StatusCode::NOT_FOUND, "The session is over.")),
            None => Err(response::shutting_down()),
        },
    }
}

/// Begins the session, unless it has begun. `None` if the server ends meanwhile.
async fn open(
    shard: &ShardHandle,
    name: &PollName,
    key: &str,
    query: &str,
    headers: &HeaderMap,
) -> Option<Result<(), ClientError>> {
    let (name, key) = (name.clone(), key.to_owned());
    let protocol = parameter(query, "protocol").map(str::to_owned);
    let origin = headers.get(header::ORIGIN).and_then(|value| value.to_str().ok());
    let origin = origin.map(str::to_owned);
    let home = name.home(shard.shards.count());
    let open = move |shard: &mut Shard| {
        if shard.has_polling(&name) {
            return Ok(());
        }
        let (protocol, origin) = (protocol.as_deref(), origin.as_deref());
        let app = shard.hub().admit(&Admission { key: &key, protocol, origin })?;
        let PollName::Xhr(name) = name else {
            return Ok(());
        };
        shard.open_polling(NewSession::Xhr { app, name }).map(|_| ())
    };
    at_home(shard, home, open).await
}

fn refuse(shard: &ShardHandle, headers: &HeaderMap, error: &ClientError) {
    shard.look(|shard| shard.metrics_mut().refused(error));
    if shard.look(Shard::may_log) {
        let origin = headers.get(header::ORIGIN).and_then(|value| value.to_str().ok());
        tracing::info!(origin, code = error.code(), reason = %error, "connection refused");
    }
}

/// What a client gets that may not connect: the same as over WebSocket.
fn farewell(error: &ClientError) -> Vec<u8> {
    let mut body = xhr::open().as_bytes().to_vec();
    body.append(&mut xhr::messages([message::error(error).payload()]));
    body.append(&mut xhr::close(error.code(), &error.to_string()));
    body
}

/// Takes what a client says.
async fn take(
    shard: &ShardHandle,
    name: &PollName,
    headers: &HeaderMap,
    body: Incoming,
) -> Result<Answer, Fault> {
    let bytes_max = shard.shared.config.socketio.options.payload_bytes_max;
    let body = read_body(shard, headers, body, bytes_max, "max_payload").await?;
    let posted = Arc::new(Posted::Xhr(body));
    match post(shard, name, move |shard, name| shard.take_posted(name, &posted)).await {
        Some(Ok(())) => {
            let mut answer = lines(Bytes::new());
            *answer.status_mut() = StatusCode::NO_CONTENT;
            Ok(answer)
        }
        Some(Err(_)) => Err(Fault::new(StatusCode::NOT_FOUND, "The session is over.")),
        None => Err(response::shutting_down()),
    }
}

fn lines(body: Bytes) -> Answer {
    with_headers(response::bytes("application/javascript; charset=UTF-8", body))
}

fn with_headers<B>(mut answer: Response<B>) -> Response<B> {
    let headers = answer.headers_mut();
    let values = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::CACHE_CONTROL, "no-store, no-transform"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (BUFFERING, "no"),
    ];
    headers.extend(values.map(|(name, value)| (name, HeaderValue::from_static(value))));
    answer
}

/// An answer that goes on as long as the client listens.
fn stream(shard: &ShardHandle, client: &Client, name: PollName) -> AnyAnswer {
    let stream = Rc::new(Stream {
        shard: shard.clone(),
        client: client.clone(),
        name,
        units: Cell::new(0),
        is_over: Cell::new(false),
    });
    let next = move || {
        let stream = stream.clone();
        async move { stream.next().await }
    };
    with_headers(response::lines("application/javascript; charset=UTF-8", Lines::new(next)))
}

struct Stream {
    shard: ShardHandle,
    client: Client,
    name: PollName,
    /// Characters that have been sent.
    units: Cell<usize>,
    is_over: Cell<bool>,
}

impl Stream {
    async fn next(&self) -> Option<Bytes> {
        if self.is_over.get() {
            return None;
        }
        if self.units.get() > STREAM_UNITS_MAX {
            self.stay().await;
            return None;
        }
        let body = match wait(&self.shard, &self.client, &self.name).await? {
            PollAnswer::Body(body) => body,
            PollAnswer::Last(body) => {
                self.is_over.set(true);
                body
            }
            PollAnswer::Refused(_) | PollAnswer::Overlap | PollAnswer::Moved(_) => return None,
        };
        let text = String::from_utf8_lossy(&body);
        self.units.set(self.units.get() + text.encode_utf16().count());
        Some(body.into())
    }

    /// Stays silent while the session goes on in another request.
    async fn stay(&self) {
        tokio::select! {
            () = self.client.closed() => {}
            () = tokio::time::sleep(FULL) => {}
            () = self.shard.shared.until_draining() => {}
        }
    }
}
