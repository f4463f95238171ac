//! What is no server.

use resound_client::{Client, ConnectError, ConnectionError};

use crate::site::{Site, response};

async fn error(url: String) -> ConnectError {
    Client::connect(&url).await.expect_err("no server")
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_named() {
    let Site { address, .. } = Site::new().await;
    let error = error(format!("ws://{address}/app/key")).await.to_string();
    assert!(error.starts_with(&format!("{address} cannot be reached: ")), "{error}");
}

#[tokio::test]
async fn a_web_server_that_opens_no_websocket_says_why() {
    let site = Site::new().await;
    let url = format!("ws://{}/app/key", site.address);
    let answering = response("404 Not Found", "There is no\n app here.");
    let (error, request) = tokio::join!(error(url), site.answer(&answering));
    let expected =
        format!("{} opened no WebSocket but answered 404: There is no app here.", site.address);
    assert_eq!(error.to_string(), expected);
    let version = env!("CARGO_PKG_VERSION");
    let line =
        format!("GET /app/key?protocol=7&client=resound-rust&version={version} HTTP/1.1\r\n");
    assert!(request.starts_with(&line), "{request}");
}

#[tokio::test]
async fn what_does_not_speak_http_says_so() {
    let site = Site::new().await;
    let url = format!("ws://{}/app/key", site.address);
    let (error, _) = tokio::join!(error(url), site.answer("+OK ready\r\n\r\n"));
    assert!(
        matches!(error, ConnectError::Connection(ConnectionError::NotPusher { .. })),
        "{error}"
    );
}

#[tokio::test]
async fn headers_of_the_handshake_can_be_chosen() {
    let site = Site::new().await;
    let builder = Client::builder(&format!("ws://{}/app/key", site.address));
    let builder = builder.header("Origin", "https://a.example").expect("a header");
    let answering = response("403 Forbidden", "");
    let (client, request) = tokio::join!(builder.connect(), site.answer(&answering));
    let request = request.to_ascii_lowercase();
    assert!(request.contains("\r\norigin: https://a.example\r\n"), "{request}");
    assert!(client.expect_err("refused").to_string().ends_with("answered 403: (nothing else)"));
    assert!(Client::builder("ws://a/app/k").header("a b", "c").is_err());
}
