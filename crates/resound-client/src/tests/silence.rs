//! Silence, and what is done about it.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::scene::{connected, connected_with, good};
use crate::{ConnectionError, ConnectionState};

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_pinged_and_then_left_at_once() {
    let (client, mut server, mut peer) = connected().await;
    let began = Instant::now();
    peer.expect(json!({ "event": "pusher:ping", "data": {} })).await;
    assert_eq!(began.elapsed(), Duration::from_secs(30)); // the server's own wish
    let mut states = client.states();
    let _peer = server.accept().await;
    assert_eq!(began.elapsed(), Duration::from_secs(60));
    good(&mut states).await;
    let ConnectionState::Waiting { reason, retry_in } = good(&mut states).await else {
        panic!("not waiting");
    };
    assert!(matches!(reason, ConnectionError::Silent { seconds: 30 }), "{reason}");
    assert_eq!(retry_in, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn anything_that_comes_is_a_sign_of_life() {
    let (_client, _server, mut peer) = connected().await;
    let began = Instant::now();
    for _ in 0..5 {
        peer.expect(json!({ "event": "pusher:ping", "data": {} })).await;
        peer.event("unknown", "n", json!({})).await;
    }
    assert_eq!(began.elapsed(), Duration::from_secs(150));
}

#[tokio::test(start_paused = true)]
async fn the_shorter_of_both_wishes_counts() {
    let brief = Duration::from_secs(5);
    let (_client, _server, mut peer) =
        connected_with(|builder| builder.activity_timeout(brief)).await;
    let began = Instant::now();
    peer.expect(json!({ "event": "pusher:ping", "data": {} })).await;
    assert_eq!(began.elapsed(), brief);
}

#[tokio::test(start_paused = true)]
async fn the_servers_pings_are_answered() {
    let (_client, _server, mut peer) = connected().await;
    peer.send(json!({ "event": "pusher:ping" })).await;
    peer.expect(json!({ "event": "pusher:pong", "data": {} })).await;
}

#[tokio::test(start_paused = true)]
async fn patience_without_end_is_allowed() {
    let (client, _server, mut peer) = connected_with(|builder| {
        let endless = Duration::MAX;
        builder.activity_timeout(endless).pong_timeout(endless).authorize_timeout(endless)
    })
    .await;
    peer.expect(json!({ "event": "pusher:ping", "data": {} })).await;
    let _news = client.channel("news");
    peer.confirm("news").await;
}
