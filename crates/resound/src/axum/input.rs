//! What a request asks: `channel_name` and `socket_id`, in a form, in JSON, or in the query.

use axum::{
    body::Body,
    http::{header::CONTENT_TYPE, request::Parts},
};
use http_body_util::{BodyExt as _, Limited};
use resound_protocol::signature::Query;
use serde::Deserialize;

use crate::{channels::Joining, socket::SocketId};

/// Bytes of a body; what more is sent with a question is not ours.
const BODY_BYTES_MAX: usize = 64 * 1024;

#[derive(Default, Deserialize)]
struct Fields {
    channel_name: Option<String>,
    socket_id: Option<String>,
}

/// Reads the question. What can't be read asks for nothing, and is denied.
pub(super) async fn read(parts: &Parts, body: Body) -> Joining {
    let body = Limited::new(body, BODY_BYTES_MAX).collect().await;
    let body = body.map(|body| body.to_bytes()).unwrap_or_default();
    let in_query = form(parts.uri.query().unwrap_or_default());
    let in_body = if is_json(parts) {
        serde_json::from_slice(&body).unwrap_or_default()
    } else {
        form(std::str::from_utf8(&body).unwrap_or_default())
    };
    let channel = in_body.channel_name.or(in_query.channel_name);
    let mut joining = Joining::new(channel.unwrap_or_default());
    joining.socket = socket(in_body.socket_id.or(in_query.socket_id));
    joining
}

/// An id that is none of Pusher's must be refused, not overlooked: without an id answers are not signed.
fn socket(id: Option<String>) -> SocketId {
    let Some(id) = id.filter(|id| !id.is_empty()) else { return SocketId::none() };
    let read = SocketId::from(&id);
    if read == SocketId::none() { SocketId::from("invalid") } else { read }
}

fn is_json(parts: &Parts) -> bool {
    let content_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| {
        let essence = value.split(';').next().unwrap_or_default().trim();
        let essence = essence.to_ascii_lowercase();
        essence == "application/json" || essence.ends_with("+json")
    })
}

fn form(text: &str) -> Fields {
    let query = Query::parse(text);
    let value = |key| query.value(key).map(|value| value.to_string());
    Fields { channel_name: value("channel_name"), socket_id: value("socket_id") }
}
