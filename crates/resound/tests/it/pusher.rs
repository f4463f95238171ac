//! The driver `pusher` against a server that a test holds in its hand.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::{ConnectInfo, State},
    http::{HeaderMap, StatusCode, Uri},
};
use resound::{
    Broadcaster, Channel, DriverError, SendError, broadcast,
    driver::Credentials,
    drivers::{Pusher, PusherOptions, Scheme},
    encryption::MasterKey,
};
use resound_protocol::signature::{Query, RequestParts, Signer, verify_request};
use tokio::net::TcpListener;

/// A request that arrived.
pub(crate) struct Seen {
    peer: SocketAddr,
    pub(crate) uri: String,
    headers: HeaderMap,
    pub(crate) body: String,
}

/// What is answered to a request.
pub(crate) type Script = fn(&Seen) -> (u16, &'static str);

#[derive(Clone)]
pub(crate) struct Server {
    script: Script,
    seen: Arc<Mutex<Vec<Seen>>>,
    pub(crate) address: SocketAddr,
}

impl Server {
    pub(crate) async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("it works");
        let address = listener.local_addr().expect("it works");
        let server = Self { script, seen: Arc::default(), address };
        let app = Router::new().fallback(take).with_state(server.clone());
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async { axum::serve(listener, app).await });
        server
    }

    pub(crate) fn broadcaster(&self) -> Broadcaster {
        broadcaster(self.address.port())
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().expect("it works"))
    }
}

async fn take(
    State(server): State<Server>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, &'static str) {
    let body = String::from_utf8(body.into()).expect("it works");
    let seen = Seen { peer, uri: uri.to_string(), headers, body };
    let (status, answer) = (server.script)(&seen);
    server.seen.lock().expect("it works").push(seen);
    (StatusCode::from_u16(status).expect("it works"), answer)
}

/// Takes everything.
pub(crate) fn ok(_: &Seen) -> (u16, &'static str) {
    (200, "{}")
}

fn broadcaster(port: u16) -> Broadcaster {
    broadcaster_of(port, Credentials::new("resound-key", "resound-secret"))
}

pub(crate) fn broadcaster_of(port: u16, credentials: Credentials) -> Broadcaster {
    let options = PusherOptions {
        scheme: Scheme::Http,
        port,
        ..PusherOptions::new("1001", credentials, "127.0.0.1")
    };
    Broadcaster::builder().connection("reverb", Pusher::new(options)).build()
}

fn event() -> broadcast::AnonymousEvent {
    broadcast::private("orders.7").name("order.shipped").with(serde_json::json!({ "id": 7 }))
}

#[tokio::test]
async fn requests_are_signed_and_say_what_they_are() {
    let server = Server::start(ok).await;
    server.broadcaster().send(event()).to_others("1.2").now().result().await.unwrap();
    let seen = server.seen().pop().expect("a request");
    assert_eq!(
        seen.body,
        r#"{"name":"order.shipped","data":"{\"id\":7}","channel":"private-orders.7","socket_id":"1.2"}"#
    );
    assert_eq!(seen.headers["content-type"], "application/json");
    assert!(seen.headers["x-pusher-library"].to_str().unwrap().starts_with("resound-rust "));
    let (path, raw_query) = seen.uri.split_once('?').unwrap();
    assert_eq!(path, "/apps/1001/events");
    let query = Query::parse(raw_query);
    let now: u64 = query.value("auth_timestamp").unwrap().parse().unwrap();
    let parts = RequestParts { method: "POST", path, raw_query, body: seen.body.as_bytes() };
    let signer = Signer::new("resound-secret");
    verify_request(parts, "resound-key", &signer, now, Some(10)).unwrap();
}

#[tokio::test]
async fn a_hundred_channels_go_in_one_request_and_one_more_in_another() {
    let server = Server::start(ok).await;
    let channels: Vec<Channel> = (1..=101).map(|n| Channel::public(format!("c{n}"))).collect();
    let event = broadcast::on(&channels).name("x");
    server.broadcaster().send(event).now().result().await.unwrap();
    let bodies: Vec<String> = server.seen().into_iter().map(|seen| seen.body).collect();
    assert_eq!(bodies.len(), 2);
    assert!(bodies[0].contains(r#""channels":["c1","c2","#) && bodies[0].ends_with(r#""c100"]}"#));
    assert_eq!(bodies[1], r#"{"name":"x","data":"[]","channel":"c101"}"#);
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let server = Server::start(ok).await;
    let broadcaster = server.broadcaster();
    for _ in 0..3 {
        broadcaster.send(event()).now().result().await.unwrap();
    }
    let peers: Vec<_> = server.seen().iter().map(|seen| seen.peer).collect();
    assert_eq!((peers.len(), peers[0]), (3, peers[2]));
}

#[tokio::test]
async fn what_the_server_says_is_in_the_error() {
    let server = Server::start(|_| (401, "Authentication\n signature invalid.")).await;
    let error = server.broadcaster().send(event()).now().result().await.unwrap_err();
    let port = server.address.port();
    assert_eq!(
        error.to_string(),
        format!(
            "the broadcast connection reverb failed: http://127.0.0.1:{port} answered 401 \
             Authentication signature invalid."
        )
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let error = broadcaster(port).send(event()).now().result().await.unwrap_err();
    let SendError::Driver { fault: DriverError::Unavailable(message), .. } = error else {
        panic!("{error}");
    };
    assert!(message.starts_with(&format!("127.0.0.1:{port} can't be reached: ")), "{message}");
    assert!(message.contains("refused"), "{message}");
}

#[tokio::test]
async fn nothing_is_sent_in_clear_on_an_encrypted_channel() {
    let server = Server::start(ok).await;
    let event = broadcast::on([Channel::public("a"), Channel::encrypted("b")]);
    let error = server.broadcaster().send(event).now().result().await.unwrap_err();
    assert!(matches!(error, SendError::Driver { fault: DriverError::Refused(_), .. }), "{error}");
    let bodies: Vec<String> = server.seen().into_iter().map(|seen| seen.body).collect();
    assert_eq!(bodies, [r#"{"name":"AnonymousEvent","data":"[]","channel":"a"}"#]);
}

#[tokio::test]
async fn with_a_key_each_encrypted_channel_gets_a_payload_of_its_own() {
    let server = Server::start(ok).await;
    let key = MasterKey::from_base64("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
    let credentials = Credentials::new("resound-key", "resound-secret").master_key(key);
    let broadcaster = broadcaster_of(server.address.port(), credentials);
    let channels = [Channel::encrypted("a"), Channel::public("b"), Channel::encrypted("c")];
    let event = broadcast::on(channels).name("x").with("secret text");
    broadcaster.send(event).now().result().await.unwrap();
    let bodies: Vec<String> = server.seen().into_iter().map(|seen| seen.body).collect();
    assert_eq!(bodies[0], r#"{"name":"x","data":"\"secret text\"","channel":"b"}"#);
    for (body, channel) in [(&bodies[1], "a"), (&bodies[2], "c")] {
        assert!(body.starts_with(r#"{"name":"x","data":"{\"nonce\":\""#), "{body}");
        assert!(
            body.ends_with(&format!(r#"\"}}","channel":"private-encrypted-{channel}"}}"#)),
            "{body}"
        );
        assert!(!body.contains("secret text"), "{body}");
    }
    assert_ne!(bodies[1].get(..120), bodies[2].get(..120));
}

#[test]
fn connections_of_a_runtime_that_has_ended_are_not_used() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let servers =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let servers = servers.expect("it works");
    let server = servers.block_on(Server::start(ok));
    let broadcaster = server.broadcaster();
    for _ in 0..3 {
        runtime().block_on(async {
            for _ in 0..2 {
                broadcaster.send(event()).now().result().await.expect("it is sent");
                broadcaster.send(event()).await;
                broadcaster.flush(std::time::Duration::from_secs(5)).await.expect("it is sent");
            }
        });
    }
    assert_eq!(server.seen().len(), 12);
}

#[tokio::test]
async fn a_host_that_is_none_is_named_without_the_signature() {
    let credentials = Credentials::new("resound-key", "resound-secret");
    let options = PusherOptions::new("1001", credentials, "a host");
    let broadcaster = Broadcaster::builder().connection("reverb", Pusher::new(options)).build();
    let error = broadcaster.send(event()).now().result().await.unwrap_err().to_string();
    assert!(error.contains(r#""https://a host:443/apps/1001/events" is no address"#), "{error}");
}

/// Answers one request on each connection, and closes it when the next one is there: when it has crossed the news.
fn closing_server() -> u16 {
    use std::io::{Read as _, Write as _};

    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("it works");
    let port = listener.local_addr().expect("it works").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut bytes) = (stream.expect("it works"), [0; 4096]);
            let _first = stream.read(&mut bytes);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
            let _second = stream.read(&mut bytes);
        }
    });
    port
}

#[tokio::test]
async fn a_server_that_closes_every_connection_fails_no_page() {
    let broadcaster = broadcaster(closing_server());
    for _ in 0..20 {
        broadcaster.send(event()).now().result().await.expect("it is sent");
    }
}
