//! Answers and errors.

use std::{
    borrow::Cow,
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::{
    HeaderMap, Response, StatusCode,
    body::{Body, Frame, SizeHint},
    header::{self, HeaderName, HeaderValue},
};
use resound_protocol::api::BodyFault;
use serde_json::{Map, Value, json};

use crate::welcome::Asset;

/// An answer of the API.
pub(crate) type Answer = Response<Full<Bytes>>;

/// An answer that may go on.
pub(crate) type AnyAnswer = Response<Either<Full<Bytes>, Lines>>;

/// A body that goes on, line by line.
pub(crate) struct Lines {
    next: Box<dyn FnMut() -> NextLines>,
    waiting: Option<NextLines>,
}

type NextLines = Pin<Box<dyn Future<Output = Option<Bytes>>>>;

impl Lines {
    /// Asks `next` for lines as long as there are some.
    pub(crate) fn new<F>(mut next: impl FnMut() -> F + 'static) -> Self
    where
        F: Future<Output = Option<Bytes>> + 'static,
    {
        Self { next: Box::new(move || Box::pin(next())), waiting: None }
    }
}

impl Body for Lines {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = &mut *self;
        let waiting = this.waiting.get_or_insert_with(|| (this.next)());
        let lines = std::task::ready!(waiting.as_mut().poll(cx));
        this.waiting = None;
        Poll::Ready(lines.map(|lines| Ok(Frame::data(lines))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

/// An answer that does not go on.
pub(crate) fn whole(answer: Answer) -> AnyAnswer {
    answer.map(Either::Left)
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const ALLOWED_HEADERS: &str = "Origin, Content-Type, X-Auth-Token, X-Requested-With, Accept, Authorization, \
    X-CSRF-TOKEN, XSRF-TOKEN, X-Socket-Id";

/// An answer in JSON.
pub(crate) fn json(body: impl Into<Bytes>) -> Answer {
    let mut response = Response::new(Full::new(body.into()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, JSON);
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

/// `{}`, the success of every request that asked for nothing.
pub(crate) fn empty_object() -> Answer {
    json(Bytes::from_static(b"{}"))
}

/// A plain text.
pub(crate) fn text(content_type: &'static str, body: String) -> Answer {
    let mut response = Response::new(Full::new(body.into()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Bytes of a type.
pub(crate) fn bytes(content_type: &'static str, body: Bytes) -> Answer {
    let mut response = Response::new(Full::new(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// An answer that goes on.
pub(crate) fn lines(content_type: &'static str, lines: Lines) -> AnyAnswer {
    let mut response = Response::new(Either::Right(lines));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// A sentence for whoever opens a WebSocket's address without speaking WebSocket.
pub(crate) fn upgrade_required(sentence: String) -> Answer {
    let mut response = text("text/plain; charset=utf-8", sentence);
    *response.status_mut() = StatusCode::UPGRADE_REQUIRED;
    let values = [
        (header::UPGRADE, "websocket"),
        (header::CONNECTION, "Upgrade"),
        (header::SEC_WEBSOCKET_VERSION, "13"),
    ];
    response
        .headers_mut()
        .extend(values.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}

/// A part of the welcome page.
pub(crate) fn asset(asset: Asset) -> Answer {
    let headers: Vec<_> = asset.headers().collect();
    let mut response = Response::new(Full::new(match asset.body {
        Cow::Borrowed(body) => Bytes::from_static(body.as_bytes()),
        Cow::Owned(body) => Bytes::from(body),
    }));
    *response.status_mut() = StatusCode::from_u16(asset.status).unwrap_or_default();
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The answer to a browser that asks whether it may ask (soketi's list).
pub(crate) fn preflight() -> Answer {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    let values = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, DELETE, OPTIONS"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
    ];
    headers.extend(values.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}

/// The answer to who comes while the process ends.
pub(crate) fn shutting_down() -> Fault {
    Fault::new(StatusCode::SERVICE_UNAVAILABLE, "The server is shutting down.")
        .with(header::RETRY_AFTER, "1")
}

/// A request that is refused.
#[derive(Debug)]
pub(crate) struct Fault {
    status: StatusCode,
    message: String,
    fields: Vec<(String, String)>,
    headers: HeaderMap,
}

impl Fault {
    /// A refusal with a sentence for the developer who sent the request.
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), fields: Vec::new(), headers: HeaderMap::new() }
    }

    fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    pub(crate) fn with_allow(self, methods: &'static str) -> Self {
        self.with(header::ALLOW, methods)
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn into_response(self) -> Answer {
        let mut body = Map::new();
        body.insert("error".to_owned(), Value::String(self.message));
        body.insert("code".to_owned(), json!(self.status.as_u16()));
        if !self.fields.is_empty() {
            let mut errors = Map::new();
            for (field, message) in self.fields {
                errors.insert(field, json!([message]));
            }
            body.insert("errors".to_owned(), Value::Object(errors));
        }
        let mut response = json(Value::Object(body).to_string());
        *response.status_mut() = self.status;
        response.headers_mut().extend(self.headers);
        response
    }
}

impl From<BodyFault> for Fault {
    fn from(fault: BodyFault) -> Self {
        let status = match &fault {
            BodyFault::Json(_) => StatusCode::BAD_REQUEST,
            BodyFault::Fields(_) => StatusCode::UNPROCESSABLE_ENTITY,
            BodyFault::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        };
        let message = fault.to_string();
        let fields = match fault {
            BodyFault::Fields(fields) => fields,
            BodyFault::Json(_) | BodyFault::TooLarge { .. } => Vec::new(),
        };
        Self { fields, ..Self::new(status, message) }
    }
}
