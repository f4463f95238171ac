//! Requests to the server inside that are no WebSockets.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::Bytes;
use hyper::body::Frame;
use resound_protocol::signature::{Signer, sign_request};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::application::{Application, DEADLINE, next};
use resound::embedded::Options;

const SECRET: &str = "a-secret-of-ours";

async fn start() -> Application {
    Application::with(Options::new().app("1001", "key", SECRET)).await
}

fn signed(method: &str, path: &str, body: &str, secret: &str) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.expect("it is later").as_secs();
    let query = sign_request(method, path, &[], body.as_bytes(), "key", &Signer::new(secret), now);
    format!("{path}?{query}")
}

#[tokio::test]
async fn the_http_api_publishes_what_is_signed() {
    let app = start().await;
    let client = app.connect(1).await;
    let news = client.channel("news");
    let mut events = news.listen::<serde_json::Value>(".n");
    news.subscribed().await.expect("it may join");
    let body = r#"{"name":"n","channel":"news","data":"7"}"#;
    let answer = app.post(&signed("POST", "/apps/1001/events", body, SECRET), body).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("{}"), "{answer}");
    assert_eq!(next(&mut events).await, json!(7));
    let answer = app.get(&signed("GET", "/apps/1001/channels", "", SECRET)).await;
    assert!(answer.ends_with(r#"{"channels":{"news":{}}}"#), "{answer}");
}

#[tokio::test]
async fn a_request_with_a_wrong_signature_is_refused() {
    let app = start().await;
    let body = r#"{"name":"n","channel":"news","data":"7"}"#;
    let answer = app.post(&signed("POST", "/apps/1001/events", body, "another"), body).await;
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    assert!(answer.contains("Authentication signature invalid"), "{answer}");
    assert_eq!(app.embedded.stats().await.published, 0);
}

#[tokio::test]
async fn bodies_are_bounded() {
    let app = start().await;
    let body = "x".repeat(10_001);
    let answer = app.post("/apps/1001/events", &body).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    // Also of a client that does not say how long they are.
    let chunk = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let head = "POST /apps/1001/events HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    let answer = app.request(&format!("{head}{chunk}")).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    app.until_empty().await;
}

#[tokio::test]
async fn health_and_metrics_are_told() {
    let app = start().await;
    assert!(app.get("/ready").await.ends_with(r#"{"ready":true}"#));
    let metrics = app.get("/metrics").await;
    assert!(metrics.contains("resound_"), "{metrics}");
}

#[tokio::test]
async fn a_request_that_should_have_been_a_websocket_is_told_why_it_is_none() {
    let app = start().await;
    let answer = app.get("/app/key").await;
    assert!(answer.starts_with("HTTP/1.1 426") && answer.contains("Its key is known"), "{answer}");
}

#[tokio::test]
async fn a_client_without_websocket_gets_events_as_they_come() {
    let app = start().await;
    let mut stream = TcpStream::connect(app.address).await.expect("it accepts");
    let path = "/pusher/app/key/1/abc/xhr_streaming?protocol=7";
    let request = format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let mut text = String::new();
    until_heard(&mut stream, &mut text, "connection_established").await;
    let subscribe = r#"["{\"event\":\"pusher:subscribe\",\"data\":{\"channel\":\"news\"}}"]"#;
    let answer = app.post("/pusher/app/key/1/abc/xhr_send?t=1&n=1", subscribe).await;
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    until_heard(&mut stream, &mut text, "subscription_succeeded").await;
    let event = resound::broadcast::public("news").name("n").with(json!({ "a": 1 }));
    app.broadcaster.send(event).now().result().await.expect("it is sent");
    until_heard(&mut stream, &mut text, "news").await;
    assert_eq!(app.embedded.connections(), 1);
    assert_eq!(
        app.embedded.server().sockets(),
        3,
        "its own, and the pair that it is answered over"
    );
    // It goes away without a word.
    drop(stream);
    app.until_empty().await;
}

async fn until_heard(stream: &mut TcpStream, text: &mut String, what: &str) {
    let heard = async {
        while !text.contains(what) {
            let mut bytes = [0; 4096];
            let count = stream.read(&mut bytes).await.expect("it can be read");
            assert_ne!(count, 0, "it ended: {text}");
            text.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
    };
    tokio::time::timeout(DEADLINE, heard).await.expect("it comes");
    text.clear();
}

#[tokio::test]
async fn a_stream_ends_with_the_server() {
    let app = start().await;
    let mut stream = TcpStream::connect(app.address).await.expect("it accepts");
    let request = "POST /pusher/app/key/1/abc/xhr_streaming?protocol=7 HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let mut text = String::new();
    until_heard(&mut stream, &mut text, "connection_established").await;
    app.embedded.shutdown().await;
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.expect("it ends");
    let rest = String::from_utf8_lossy(&rest);
    assert!(rest.contains("4100"), "{rest}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_comes_before_the_body_has_ended_arrives() {
    let app = start().await;
    for _ in 0..100 {
        let request = hyper::Request::post("/apps/9/events").body(Pieces(100)).expect("one");
        let answer = app.embedded.server().answer(request, None).await;
        assert_eq!(answer.status(), 404, "it is not worth another try, as a 503 would be");
    }
    app.until_empty().await;
}

/// So many pieces of a body, as from a client that says more and more.
struct Pieces(u32);

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Some(left) = self.0.checked_sub(1) else { return Poll::Ready(None) };
        self.0 = left;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 30_000])))))
    }
}
