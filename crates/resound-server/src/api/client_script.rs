//! socket.io-client as servers of Socket.IO serve it, beside their requests' path: the unmodified
//! published files.

use bytes::Bytes;
use hyper::{
    HeaderMap, StatusCode,
    header::{self, HeaderValue},
};

use super::response::{self, Answer};
use crate::config::ServerConfig;

/// A file by its name: its entity tag and its text.
type Script = (&'static str, &'static str, &'static str);

/// `socket.io.js` is version 2, which pages of laravel-echo-server load and which Echo 1 and 2 can
/// resubscribe with; the other names are those that servers of version 4 give to theirs.
const SCRIPTS: [Script; 3] = [
    ("socket.io.js", "\"2.5.0\"", include_str!("../../assets/socket.io-2.js")),
    ("socket.io.min.js", "\"4.8.4\"", include_str!("../../assets/socket.io-4.min.js")),
    ("socket.io.esm.min.js", "\"4.8.4-esm\"", include_str!("../../assets/socket.io-4.esm.min.js")),
];

/// Answers a `GET` of one of the files, or of none.
pub(super) fn respond(path: &str, config: &ServerConfig, headers: &HeaderMap) -> Option<Answer> {
    let path = path.strip_prefix(&*config.path).unwrap_or(path);
    let name = path.strip_prefix(&*config.socketio.path)?.strip_prefix('/')?;
    let (_, tag, text) = SCRIPTS.iter().find(|(known, ..)| *known == name)?;
    if !config.socketio.enabled {
        return None;
    }
    let known = headers.get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
    let is_known = known.is_some_and(|known| known.contains(tag));
    let body = if is_known { "" } else { *text };
    let mut answer = response::bytes(
        "application/javascript; charset=utf-8",
        Bytes::from_static(body.as_bytes()),
    );
    if is_known {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = answer.headers_mut();
    headers.insert(header::ETAG, HeaderValue::from_static(tag));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=0"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    Some(answer)
}
