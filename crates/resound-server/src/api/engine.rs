//! Engine.IO over HTTP: `GET` fetches packets and waits for them, `POST` sends them.

use std::sync::Arc;

use bytes::Bytes;
use hyper::{
    HeaderMap, Method, Request, StatusCode,
    body::Incoming,
    header::{self, HeaderValue},
};
use resound_protocol::{
    engineio::{RequestFault, Version, payload::BodyKind},
    error::ClientError,
    socket_id::SocketId,
};

use super::{
    connection::Client,
    polling::{post, wait},
    request::{decode, read_body},
    response::{self, Answer},
};
use crate::{
    authorise::ClientHeaders,
    shard::{
        Shard, ShardHandle,
        engine::{NewSession, Posted},
        polling::{PollAnswer, PollName},
    },
    transport::{client_headers, parameter},
};

/// Bytes of the headers that a session keeps for the application, as many as a WebSocket's request may
/// have in all.
const KEPT_BYTES_MAX: usize = 16 * 1024;

/// What a request of Engine.IO says, besides its body.
struct Call<'a> {
    shard: &'a ShardHandle,
    query: &'a str,
    headers: &'a HeaderMap,
    version: Version,
}

/// Answers a request of Engine.IO.
pub(super) async fn respond(
    shard: &ShardHandle,
    client: &Client,
    request: Request<Incoming>,
) -> Answer {
    let (parts, body) = request.into_parts();
    let origin = parts.headers.get(header::ORIGIN);
    if parts.method == Method::OPTIONS {
        return preflight(origin, &parts.headers);
    }
    let query = parts.uri.query().unwrap_or("");
    let version = Version::parse(parameter(query, "EIO"));
    let call =
        Call { shard, query, headers: &parts.headers, version: version.unwrap_or(Version::V4) };
    let result = match (version, parameter(query, "transport")) {
        (_, Some("websocket")) => Err(call.explain_websocket().await),
        (None, Some("polling")) => Err(Fault::of(RequestFault::UnsupportedVersion)),
        (Some(_), Some("polling")) => call.polling(client, &parts.method, body).await,
        _ => Err(Fault::of(RequestFault::UnknownTransport)),
    };
    let mut answer = result.unwrap_or_else(|fault| fault.into_answer(shard));
    allow_origin(&mut answer, origin);
    answer
}

/// Why a request fails.
struct Fault {
    status: StatusCode,
    body: String,
    reason: &'static str,
}

impl Fault {
    fn of(fault: RequestFault) -> Self {
        let status = StatusCode::from_u16(fault.status()).unwrap_or(StatusCode::BAD_REQUEST);
        Self { status, body: fault.json(), reason: "engineio" }
    }

    fn refused(error: &ClientError) -> Self {
        let passes = matches!(
            error,
            ClientError::OverCapacity | ClientError::OverQuota | ClientError::ShuttingDown
        );
        let status = if passes { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::FORBIDDEN };
        let code = RequestFault::Forbidden.code();
        let message = serde_json::Value::from(error.to_string());
        let body = format!(r#"{{"code":{code},"message":{message}}}"#);
        Self { status, body, reason: error.label() }
    }

    fn into_answer(self, shard: &ShardHandle) -> Answer {
        shard.look(|shard| shard.metrics_mut().request_refused(self.reason));
        let mut answer = response::text("application/json", self.body);
        *answer.status_mut() = self.status;
        answer
    }
}

impl Call<'_> {
    /// A WebSocket's request that is no WebSocket's, or of a session that is not there.
    async fn explain_websocket(&self) -> Fault {
        let fault = match (self.session(), Version::parse(parameter(self.query, "EIO"))) {
            (_, None) => RequestFault::UnsupportedVersion,
            (Err(fault), _) => fault,
            (Ok(Some(name)), _) => match post(self.shard, &name, |s, name| s.find(name)).await {
                Some(Err(PollAnswer::Refused(fault))) => fault,
                _ => RequestFault::BadRequest,
            },
            (Ok(None), _) => match self.admit() {
                Err(error) => return Fault::refused(&error),
                Ok(_) if self.shard.shared.is_draining() => {
                    return Fault::refused(&ClientError::ShuttingDown);
                }
                Ok(_) => RequestFault::BadRequest,
            },
        };
        Fault::of(fault)
    }

    fn session(&self) -> Result<Option<PollName>, RequestFault> {
        let Some(sid) = parameter(self.query, "sid") else {
            return Ok(None);
        };
        let id = SocketId::parse(sid).ok_or(RequestFault::UnknownSession)?;
        Ok(Some(PollName::Engine(id)))
    }

    fn admit(&self) -> Result<resound_hub::app::AppNumber, ClientError> {
        let key = parameter(self.query, "key").map(decode);
        let origin = self.headers.get(header::ORIGIN).and_then(|value| value.to_str().ok());
        self.shard.look(|shard| shard.admit_socketio(key.as_deref(), origin))
    }

    async fn polling(
        &self,
        client: &Client,
        method: &Method,
        body: Incoming,
    ) -> Result<Answer, Fault> {
        match (self.session().map_err(Fault::of)?, method) {
            (None, &Method::GET) => {
                let name = self.open(client)?;
                self.fetch(client, name).await
            }
            (None, _) => Err(Fault::of(RequestFault::BadMethod)),
            (Some(name), &Method::GET) => self.fetch(client, name).await,
            (Some(name), &Method::POST) => self.take(name, body).await,
            (Some(_), _) => Err(Fault::of(RequestFault::BadRequest)),
        }
    }

    fn open(&self, client: &Client) -> Result<PollName, Fault> {
        let all = |name: &'static str| {
            let values = self.headers.get_all(name).iter();
            values
                .filter_map(|value| str::from_utf8(value.as_bytes()).ok().map(str::to_owned))
                .collect()
        };
        let app = self.admit().map_err(|error| self.refuse(&error))?;
        let headers = ClientHeaders { peer: client.peer(), ..client_headers(all) };
        if headers.bytes() > KEPT_BYTES_MAX {
            let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            return Err(Fault { status, ..Fault::of(RequestFault::BadRequest) });
        }
        let headers = Arc::new(headers);
        let new = NewSession::Engine { app, version: self.version, headers };
        self.shard.with(|shard| shard.open_polling(new)).map_err(|error| self.refuse(&error))
    }

    fn refuse(&self, error: &ClientError) -> Fault {
        if self.shard.look(Shard::may_log) {
            let origin = self.headers.get(header::ORIGIN).and_then(|value| value.to_str().ok());
            tracing::info!(origin, code = error.code(), reason = %error, "connection refused");
        }
        Fault::refused(error)
    }

    /// Fetches packets, or waits for some.
    async fn fetch(&self, client: &Client, name: PollName) -> Result<Answer, Fault> {
        match wait(self.shard, client, &name).await {
            Some(PollAnswer::Body(body) | PollAnswer::Last(body)) => {
                Ok(self.payload(body.into(), &name))
            }
            Some(PollAnswer::Refused(fault)) => Err(Fault::of(fault)),
            // Engine.IO 3 has no word for it and says 500.
            Some(PollAnswer::Overlap) if self.version == Version::V3 => Err(Fault {
                status: StatusCode::INTERNAL_SERVER_ERROR,
                ..Fault::of(RequestFault::BadRequest)
            }),
            Some(PollAnswer::Overlap | PollAnswer::Moved(_)) => {
                Err(Fault::of(RequestFault::BadRequest))
            }
            None if self.shard.shared.is_draining() => {
                Err(Fault::refused(&ClientError::ShuttingDown))
            }
            None => Ok(self.payload(Bytes::new(), &name)), // nobody reads it
        }
    }

    fn payload(&self, body: Bytes, name: &PollName) -> Answer {
        let mut answer = response::bytes("text/plain; charset=UTF-8", body);
        answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let (Version::V3, PollName::Engine(id)) = (self.version, name) {
            // Load balancers of existing installations go by it.
            let cookie = format!("io={id}; Path=/; HttpOnly; SameSite=Strict");
            if let Ok(cookie) = HeaderValue::try_from(cookie) {
                answer.headers_mut().insert(header::SET_COOKIE, cookie);
            }
        }
        answer
    }

    /// Takes packets.
    async fn take(&self, name: PollName, body: Incoming) -> Result<Answer, Fault> {
        let bytes_max = self.shard.shared.config.socketio.options.payload_bytes_max;
        let read = read_body(self.shard, self.headers, body, bytes_max, "max_payload");
        let body = match read.await {
            Ok(body) => body,
            Err(fault) => {
                if fault.status() == StatusCode::PAYLOAD_TOO_LARGE {
                    post(self.shard, &name, |shard, name| {
                        shard.end_polling(name, "the body of a request is too large (max_payload)");
                        Ok(())
                    })
                    .await;
                }
                let status = fault.status();
                return Err(Fault { status, ..Fault::of(RequestFault::BadRequest) });
            }
        };
        let kind = match self.headers.get(header::CONTENT_TYPE) {
            Some(kind) if kind.as_bytes().starts_with(b"application/octet-stream") => {
                BodyKind::Binary
            }
            _ => BodyKind::Text,
        };
        let posted = Arc::new(Posted::Engine(kind, body));
        let taken = post(self.shard, &name, move |shard, name| shard.take_posted(name, &posted));
        match taken.await {
            Some(Ok(())) => Ok(response::text("text/html", "ok".to_owned())),
            Some(Err(PollAnswer::Refused(fault))) => Err(Fault::of(fault)),
            Some(Err(_)) => Err(Fault::of(RequestFault::UnknownSession)),
            None => Err(Fault::refused(&ClientError::ShuttingDown)),
        }
    }
}

/// Lets a page read the answer; that of a page which may not connect says only that.
fn allow_origin(answer: &mut Answer, origin: Option<&HeaderValue>) {
    let headers = answer.headers_mut();
    let Some(origin) = origin else {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        return;
    };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
}

/// The answer to a browser that asks whether it may ask.
fn preflight(origin: Option<&HeaderValue>, asked: &HeaderMap) -> Answer {
    let mut answer = response::preflight();
    allow_origin(&mut answer, origin);
    if let Some(headers) = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        answer.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_HEADERS, headers.clone());
    }
    answer
}
