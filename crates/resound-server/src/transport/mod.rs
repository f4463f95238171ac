//! The opening handshake of WebSocket (RFC 6455, section 4.2).
//!
//! A connection's first request decides what it is: a WebSocket of `/app/{key}` or of Socket.IO, which
//! stays with the shard, or anything else, which the HTTP library takes over, bad requests included.

use std::net::Ipv4Addr;

use bytes::Bytes;
use hyper::{Version as HttpVersion, http::request::Parts};
use percent_encoding::percent_decode_str;
use resound_hub::hub::Admission;
use resound_protocol::{
    engineio::Version,
    socket_id::SocketId,
    websocket::{accept_key, is_valid_key},
};

use crate::{authorise::ClientHeaders, config::ServerConfig};

/// Bytes of a request's head; a longer one is the HTTP library's to refuse.
const HEAD_BYTES_MAX: usize = 16 * 1024;
const HEADERS_MAX: usize = 64;

/// What the beginning of a connection turns out to be.
#[derive(Debug)]
pub(crate) enum Opening {
    /// More is to come.
    Incomplete,
    /// A request for the HTTP API.
    Http,
    /// A WebSocket of an application.
    WebSocket(Box<Upgrade>),
}

/// A client that wants to speak WebSocket.
#[derive(Debug)]
pub(crate) struct Upgrade {
    pub(crate) target: Target,
    pub(crate) origin: Option<String>,
    /// What is kept of the request of a client of Socket.IO.
    pub(crate) headers: Option<ClientHeaders>,
    /// The answer that completes the handshake; `None` once it has been given.
    pub(crate) answer: Option<Handshake>,
    /// Where the first frame begins.
    pub(crate) head_bytes: usize,
}

/// The answer that completes the handshake.
#[derive(Debug)]
pub(crate) struct Handshake {
    accept: String,
    subprotocol: Option<String>,
}

/// What the client wants to speak over it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Pusher's protocol.
    Pusher {
        /// The application's key.
        key: String,
        /// The version.
        protocol: Option<String>,
    },
    /// Socket.IO.
    Engine(EngineTarget),
}

/// What a client of Engine.IO says in its query.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct EngineTarget {
    pub(crate) version: Version,
    /// The key of the application, if it names one.
    pub(crate) key: Option<String>,
    /// The session that goes on over the WebSocket.
    pub(crate) session: Option<SocketId>,
}

impl Target {
    /// The key of the application, if the client names one.
    pub(crate) fn key(&self) -> Option<&str> {
        match self {
            Self::Pusher { key, .. } => Some(key),
            Self::Engine(target) => target.key.as_deref(),
        }
    }
}

impl Upgrade {
    /// What the hub decides by.
    pub(crate) fn admission(&self) -> Admission<'_> {
        let protocol = match &self.target {
            Target::Pusher { protocol, .. } => protocol.as_deref(),
            Target::Engine(_) => None,
        };
        let key = self.target.key().unwrap_or("");
        Admission { key, protocol, origin: self.origin.as_deref() }
    }
}

/// Looks at what a connection has sent so far.
pub(crate) fn read_opening(head: &[u8], config: &ServerConfig) -> Opening {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(head) {
        Ok(httparse::Status::Complete(head_bytes)) => upgrade(&request, config)
            .map_or(Opening::Http, |upgrade| {
                Opening::WebSocket(Box::new(Upgrade { head_bytes, ..upgrade }))
            }),
        Ok(httparse::Status::Partial) if head.len() < HEAD_BYTES_MAX => Opening::Incomplete,
        Ok(httparse::Status::Partial) | Err(_) => Opening::Http,
    }
}

/// Looks at a request that somebody else has parsed: whether it opens a WebSocket.
pub(crate) fn upgrade_of(request: &Parts, config: &ServerConfig) -> Option<Upgrade> {
    upgrade(request, config)
}

/// The key in `/app/{key}`, with or without the prefix: a proxy may have stripped it.
pub(crate) fn app_key<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    let path = path.strip_prefix(prefix).unwrap_or(path);
    let key = path.strip_prefix("/app/")?;
    (!key.is_empty() && !key.contains('/')).then_some(key)
}

/// Whether a path is the one of Socket.IO, with or without the prefix.
pub(crate) fn is_socketio(path: &str, config: &ServerConfig) -> bool {
    let path = path.strip_prefix(&*config.path).unwrap_or(path);
    let rest = path.strip_prefix(&*config.socketio.path);
    config.socketio.enabled && matches!(rest, Some("" | "/"))
}

fn target(path: &str, query: &str, config: &ServerConfig) -> Option<Target> {
    if is_socketio(path, config) {
        return engine_target(query).map(Target::Engine);
    }
    let key = app_key(path, &config.path)?;
    Some(Target::Pusher {
        key: percent_decode_str(key).decode_utf8_lossy().into_owned(),
        protocol: parameter(query, "protocol").map(str::to_owned),
    })
}

/// `None` if the HTTP API is to say what is wrong.
fn engine_target(query: &str) -> Option<EngineTarget> {
    if parameter(query, "transport") != Some("websocket") {
        return None;
    }
    let version = Version::parse(parameter(query, "EIO"))?;
    let session = match parameter(query, "sid") {
        Some(sid) => Some(SocketId::parse(sid)?),
        None => None,
    };
    let key = parameter(query, "key");
    let key = key.map(|key| percent_decode_str(key).decode_utf8_lossy().into_owned());
    Some(EngineTarget { version, key, session })
}

/// A request's head, whoever has parsed it.
trait Head {
    fn method(&self) -> &str;
    /// Path and query.
    fn url(&self) -> &str;
    fn is_http11(&self) -> bool;
    /// The values of all headers of a name.
    fn values<'a>(&'a self, name: &'static str) -> impl Iterator<Item = &'a str>;
}

impl Head for httparse::Request<'_, '_> {
    fn method(&self) -> &str {
        self.method.unwrap_or_default()
    }

    fn url(&self) -> &str {
        self.path.unwrap_or_default()
    }

    fn is_http11(&self) -> bool {
        self.version == Some(1)
    }

    fn values<'a>(&'a self, name: &'static str) -> impl Iterator<Item = &'a str> {
        let named = self.headers.iter().filter(move |h| h.name.eq_ignore_ascii_case(name));
        named.filter_map(|header| std::str::from_utf8(header.value).ok()).map(str::trim)
    }
}

impl Head for Parts {
    fn method(&self) -> &str {
        self.method.as_str()
    }

    fn url(&self) -> &str {
        self.uri.path_and_query().map_or("", |url| url.as_str())
    }

    fn is_http11(&self) -> bool {
        self.version == HttpVersion::HTTP_11
    }

    fn values<'a>(&'a self, name: &'static str) -> impl Iterator<Item = &'a str> {
        let values = self.headers.get_all(name).into_iter();
        values.filter_map(|value| std::str::from_utf8(value.as_bytes()).ok()).map(str::trim)
    }
}

fn upgrade(request: &impl Head, config: &ServerConfig) -> Option<Upgrade> {
    let url = request.url();
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let target = target(path, query, config)?;
    let header = |name: &'static str| request.values(name).next();
    // A list may be spread over several headers of one name. RFC 9110, section 5.3.
    let says = |name: &'static str, token: &str| {
        request
            .values(name)
            .flat_map(|value| value.split(','))
            .any(|part| part.trim().eq_ignore_ascii_case(token))
    };
    let socket_key = header("sec-websocket-key").filter(|key| is_valid_key(key))?;
    let is_upgrade = request.method() == "GET"
        && request.is_http11()
        && says("upgrade", "websocket")
        && says("connection", "upgrade")
        && header("sec-websocket-version") == Some("13");
    is_upgrade.then(|| Upgrade {
        origin: header("origin").map(str::to_owned),
        headers: match &target {
            Target::Pusher { .. } => None,
            Target::Engine(_) => {
                Some(client_headers(|name| request.values(name).map(str::to_owned).collect()))
            }
        },
        target,
        answer: Some(Handshake::new(socket_key, header("sec-websocket-protocol"))),
        head_bytes: 0,
    })
}

/// Keeps what the application may be told of a client; `all` finds the headers of a name in its request.
/// Where it comes from is to be added. Of several headers of a name that has one the first counts.
pub(crate) fn client_headers(all: impl Fn(&'static str) -> Vec<String>) -> ClientHeaders {
    let first = |name| all(name).into_iter().next().map(String::into_boxed_str);
    let joined = |name, separator: &str| {
        let values = all(name);
        (!values.is_empty()).then(|| values.join(separator).into_boxed_str())
    };
    ClientHeaders {
        cookie: joined("cookie", "; "),
        referer: first("referer"),
        origin: first("origin"),
        user_agent: first("user-agent"),
        forwarded_for: joined("x-forwarded-for", ", "),
        peer: Ipv4Addr::UNSPECIFIED.into(),
    }
}

/// A parameter as it stands in the query.
pub(crate) fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query
        .split('&')
        .find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name))
        .map(|(_, value)| value)
}

impl Handshake {
    /// A client that asks for subprotocols gets the first: some fail without an answer, and pusher-js
    /// asks for none.
    fn new(socket_key: &str, subprotocols: Option<&str>) -> Self {
        let first = subprotocols.and_then(|list| list.split(',').next()).map(str::trim);
        let subprotocol = first.filter(|name| !name.is_empty()).map(str::to_owned);
        Self { accept: accept_key(socket_key), subprotocol }
    }

    /// The headers of the answer, whose status is 101.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let headers = [
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Accept", &*self.accept),
        ];
        let subprotocol = self.subprotocol.as_deref().map(|name| ("Sec-WebSocket-Protocol", name));
        headers.into_iter().chain(subprotocol)
    }

    /// The answer as it is sent.
    pub(crate) fn bytes(&self) -> Bytes {
        let mut response = "HTTP/1.1 101 Switching Protocols\r\n".to_owned();
        for (name, value) in self.headers() {
            response.extend([name, ": ", value, "\r\n"]);
        }
        response.push_str("\r\n");
        response.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADERS: &str = "Host: h\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

    #[track_caller]
    fn open(text: &str) -> Upgrade {
        let Opening::WebSocket(upgrade) = read_opening(text.as_bytes(), &config("/ws")) else {
            panic!("no WebSocket: {text}");
        };
        *upgrade
    }

    fn config(path: &str) -> ServerConfig {
        ServerConfig { path: path.to_owned(), ..ServerConfig::default() }
    }

    #[test]
    fn the_request_of_pusher_js_opens_a_websocket() {
        let text = format!(
            "GET /ws/app/my-key?protocol=7&client=js&version=8.6.0&flash=false HTTP/1.1\r\n{HEADERS}\
             Origin: https://a.example\r\nSec-WebSocket-Protocol: a, b\r\n\r\nrest"
        );
        let upgrade = open(&text);
        let target = Target::Pusher { key: "my-key".to_owned(), protocol: Some("7".to_owned()) };
        assert_eq!(upgrade.target, target);
        assert_eq!(upgrade.origin.as_deref(), Some("https://a.example"));
        assert_eq!(&text[upgrade.head_bytes..], "rest");
        let response =
            String::from_utf8(upgrade.answer.expect("an answer").bytes().to_vec()).expect("text");
        assert!(
            response.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
            "{response}"
        );
        assert!(response.contains("Sec-WebSocket-Protocol: a\r\n"), "{response}");
    }

    #[test]
    fn a_request_that_somebody_else_has_parsed_is_read_by_the_same_rules() {
        let request = |version, connection: &str| {
            let request = hyper::Request::get("http://h/app/k?protocol=7")
                .version(version)
                .header("upgrade", "websocket")
                .header("connection", connection)
                .header("sec-websocket-version", "13")
                .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
                .header("origin", "https://a.example");
            let (parts, ()) = request.body(()).expect("a request").into_parts();
            upgrade_of(&parts, &config(""))
        };
        let upgrade = request(HttpVersion::HTTP_11, "keep-alive, Upgrade").expect("a WebSocket");
        let target = Target::Pusher { key: "k".to_owned(), protocol: Some("7".to_owned()) };
        assert_eq!((upgrade.target, upgrade.head_bytes), (target, 0));
        assert_eq!(upgrade.origin.as_deref(), Some("https://a.example"));
        assert!(request(HttpVersion::HTTP_11, "keep-alive").is_none());
        assert!(request(HttpVersion::HTTP_2, "Upgrade").is_none());
    }

    #[test]
    fn the_prefix_may_be_stripped_by_a_proxy() {
        let upgrade = open(&format!("GET /app/k HTTP/1.1\r\n{HEADERS}\r\n"));
        assert_eq!(upgrade.target.key(), Some("k"));
        open(&format!("GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n{HEADERS}\r\n"));
    }

    #[test]
    fn a_client_of_socket_io_says_what_it_is_in_its_query() {
        let open = |query: &str| {
            open(&format!(
                "GET /ws/socket.io/?{query} HTTP/1.1\r\n{HEADERS}Cookie: a=b\r\nReferer: http://p/\r\n\r\n"
            ))
        };
        let upgrade = open("EIO=4&transport=websocket&t=abc");
        let headers = upgrade.headers.expect("they are kept");
        assert_eq!(headers.cookie.as_deref(), Some("a=b"));
        assert_eq!(headers.referer.as_deref(), Some("http://p/"));
        let target = |version, key: Option<&str>, session| {
            Target::Engine(EngineTarget { version, key: key.map(str::to_owned), session })
        };
        assert_eq!(upgrade.target, target(Version::V4, None, None));
        let upgrade = open("key=a%20b&EIO=3&transport=websocket&sid=1.2");
        assert_eq!(upgrade.target, target(Version::V3, Some("a b"), SocketId::parse("1.2")));
    }

    #[test]
    fn headers_of_one_name_are_joined_where_their_order_says_something() {
        let upgrade = open(&format!(
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n{HEADERS}Cookie: a=1\r\n\
             X-Forwarded-For: 6.6.6.6\r\nCookie: b=\u{fc}\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n"
        ));
        let headers = upgrade.headers.expect("they are kept");
        assert_eq!(headers.cookie.as_deref(), Some("a=1; b=\u{fc}"));
        assert_eq!(headers.forwarded_for.as_deref(), Some("6.6.6.6, 203.0.113.9"));
    }

    #[test]
    fn everything_else_is_for_the_http_api() {
        let without = |header: &str| {
            let kept: Vec<&str> =
                HEADERS.split_inclusive("\r\n").filter(|line| !line.starts_with(header)).collect();
            format!("GET /app/k HTTP/1.1\r\n{}\r\n", kept.concat())
        };
        for text in [
            format!("GET /app/ HTTP/1.1\r\n{HEADERS}\r\n"),
            format!("GET /app/k/ HTTP/1.1\r\n{HEADERS}\r\n"),
            format!("GET /other HTTP/1.1\r\n{HEADERS}\r\n"),
            format!("GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\n{HEADERS}\r\n"),
            format!("GET /socket.io/?EIO=5&transport=websocket HTTP/1.1\r\n{HEADERS}\r\n"),
            format!("GET /socket.io/?EIO=4&transport=websocket&sid=x HTTP/1.1\r\n{HEADERS}\r\n"),
            format!("POST /app/k HTTP/1.1\r\n{HEADERS}\r\n"),
            without("Upgrade"),
            without("Connection"),
            without("Sec-WebSocket-Version"),
            without("Sec-WebSocket-Key"),
            "\0\0\0\0".to_owned(),
        ] {
            assert!(
                matches!(read_opening(text.as_bytes(), &config("/ws")), Opening::Http),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_head_is_waited_for_but_not_for_ever() {
        let text = format!("GET /app/k HTTP/1.1\r\n{HEADERS}\r\n");
        for at in 0..text.len() {
            assert!(
                matches!(read_opening(&text.as_bytes()[..at], &config("")), Opening::Incomplete),
                "{at}"
            );
        }
        let endless = format!("GET /app/k HTTP/1.1\r\nA: {}", "a".repeat(HEAD_BYTES_MAX));
        assert!(matches!(read_opening(endless.as_bytes(), &config("")), Opening::Http));
    }
}
