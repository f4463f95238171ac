//! `wss` and `https`.

use futures_util::SinkExt as _;
use resound_client::{
    AuthorizationRequest, Authorizer as _, Client, ConnectError, ConnectionError,
    EndpointAuthorizer,
};
use tokio_tungstenite::{accept_async, tungstenite::Message};

use crate::site::{Site, answer, response, trusting};

#[tokio::test]
async fn wss_is_spoken_with_who_is_trusted() {
    let site = Site::new().await;
    let url = format!("wss://localhost:{}/app/key", site.address.port());
    let greeting = async {
        let mut socket = accept_async(site.accept_tls().await).await.expect("a handshake");
        let data = r#"{"socket_id":"1.2","activity_timeout":30}"#;
        let greeting =
            serde_json::json!({ "event": "pusher:connection_established", "data": data });
        socket.send(Message::text(greeting.to_string())).await.expect("it reads");
        socket
    };
    let builder = Client::builder(&url).tls_config(trusting());
    let (client, _socket) = tokio::join!(builder.connect(), greeting);
    assert_eq!(client.expect("a greeting").socket_id().as_deref(), Some("1.2"));
}

#[tokio::test]
async fn a_certificate_that_is_not_believed_is_named() {
    let site = Site::new().await;
    let url = format!("wss://127.0.0.1:{}/app/key", site.address.port());
    let builder = Client::builder(&url).tls_config(trusting());
    let (client, handshake) = tokio::join!(builder.connect(), site.try_accept_tls());
    assert!(handshake.is_err());
    let error = client.expect_err("another name");
    assert!(matches!(error, ConnectError::Connection(ConnectionError::Tls { .. })), "{error}");
}

#[tokio::test]
async fn the_application_is_asked_over_https() {
    let site = Site::new().await;
    let url = format!("https://localhost:{}/broadcasting/auth", site.address.port());
    let authorizer = EndpointAuthorizer::new(&url).expect("an address").tls_config(trusting());
    let answering = async {
        let mut stream = site.accept_tls().await;
        answer(&mut stream, &response("200 OK", r#"{"auth":"key:signature"}"#)).await
    };
    let request = AuthorizationRequest::new("1.2", "private-a");
    let (answer, _) = tokio::join!(authorizer.authorize(&request), answering);
    assert_eq!(answer.expect("an authorisation").auth, "key:signature");
}
