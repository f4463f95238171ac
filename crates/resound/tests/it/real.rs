//! An application, the real server, and a subscriber.

use std::time::Duration;

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::FromRequestParts,
    http::{Request, request::Parts},
};
use resound::{Broadcast, Broadcaster, Channel, Channels, Member, Path, broadcast};
use serde::Serialize;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::process::{Client, Server};

#[derive(Serialize, Broadcast)]
#[broadcast(private = "orders.{user_id}")]
struct OrderShipped {
    user_id: u64,
    path: &'static str,
}

#[derive(Clone)]
struct User;

impl<S: Sync> FromRequestParts<S> for User {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self)
    }
}

/// What the application answers to a client that wants to join.
pub(crate) async fn ask(broadcaster: &Broadcaster, client: &Client, channel: &str) -> Value {
    let channels = Channels::<()>::new()
        .user::<User>()
        .private("orders.{id}", |_: User, Path(id): Path<u64>| async move { id == 7 })
        .presence("room.{id}", |_: User| async {
            Some(Member::new(7).info(json!({ "name": "Zoë / 7" })))
        });
    let router: Router = resound::axum::routes(broadcaster, channels);
    let body = format!("socket_id={}&channel_name={channel}", client.id);
    let request = Request::post("/broadcasting/auth").body(Body::from(body)).expect("an answer");
    let response = router.oneshot(request).await.expect("an answer");
    assert_eq!(response.status(), 200);
    let body = to_bytes(response.into_body(), usize::MAX).await.expect("an answer");
    serde_json::from_slice(&body).expect("an answer")
}

#[tokio::test]
async fn an_event_arrives_byte_for_byte_as_laravels_would() {
    let server = Server::start();
    let broadcaster = server.broadcaster();
    let mut client = server.connect();
    let answer = ask(&broadcaster, &client, "private-orders.7").await;
    let joined = client.subscribe("private-orders.7", &answer);
    assert_eq!(joined["event"], "pusher_internal:subscription_succeeded");

    let event = OrderShipped { user_id: 7, path: "/é" };
    broadcaster.send(event).now().result().await.unwrap();
    assert_eq!(
        client.receive(),
        r#"{"event":"App\\Events\\OrderShipped","channel":"private-orders.7","data":"{\"user_id\":7,\"path\":\"\\\/\\u00e9\"}"}"#
    );
}

#[tokio::test]
async fn others_get_an_event_that_its_sender_does_not() {
    let server = Server::start();
    let broadcaster = server.broadcaster();
    let (mut sender, mut other) = (server.connect(), server.connect());
    for client in [&mut sender, &mut other] {
        client.subscribe("news", &json!({}));
    }
    let event = |name| broadcast::public("news").name(name);
    broadcaster.send(event("first")).to_others(&sender.id).await;
    broadcaster.send(event("second")).await;
    broadcaster.flush(Duration::from_secs(10)).await.unwrap();
    let frame = |name| format!(r#"{{"event":"{name}","channel":"news","data":"[]"}}"#);
    assert_eq!(other.receive(), frame("first"));
    assert_eq!(other.receive(), frame("second"));
    assert_eq!(sender.receive(), frame("second"));
}

#[tokio::test]
async fn a_member_is_listed_as_the_application_says() {
    let server = Server::start();
    let broadcaster = server.broadcaster();
    let mut client = server.connect();
    let answer = ask(&broadcaster, &client, "presence-room.1").await;
    let joined = client.subscribe("presence-room.1", &answer);
    let data: Value = serde_json::from_str(joined["data"].as_str().expect("a text")).unwrap();
    assert_eq!(data["presence"]["hash"], json!({ "7": { "name": "Zoë / 7" } }));
}

#[tokio::test]
async fn a_hundred_and_one_channels_get_their_event() {
    let server = Server::start();
    let broadcaster = server.broadcaster();
    let mut client = server.connect();
    client.subscribe("c1", &json!({}));
    client.subscribe("c101", &json!({}));
    let channels: Vec<Channel> = (1..=101).map(|n| Channel::public(format!("c{n}"))).collect();
    broadcaster.send(broadcast::on(&channels).name("x")).now().result().await.unwrap();
    assert_eq!(client.receive(), r#"{"event":"x","channel":"c1","data":"[]"}"#);
    assert_eq!(client.receive(), r#"{"event":"x","channel":"c101","data":"[]"}"#);
}

#[tokio::test]
async fn what_the_server_refuses_is_told_in_its_words() {
    let server = Server::start();
    let event = broadcast::public("not a name").name("x");
    let error = server.broadcaster().send(event).now().result().await.unwrap_err().to_string();
    assert!(error.contains("answered 422") && error.contains("is no channel name"), "{error}");
}
