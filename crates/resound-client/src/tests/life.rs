//! Tasks and how they end.

use std::time::Duration;

use serde_json::json;
use tokio::{runtime::Handle, time::Instant};

use super::scene::{Counting, connected, connected_with, scene};
use crate::ConnectionState;

/// Waits until no task is left but the test's own.
async fn expect_no_tasks() {
    let until = Instant::now() + Duration::from_secs(60);
    while Handle::current().metrics().num_alive_tasks() > 0 {
        assert!(Instant::now() < until, "a task is left");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn dropping_the_last_client_closes_the_connection_and_ends_the_task() {
    let (client, _server, mut peer) = connected().await;
    assert_eq!(Handle::current().metrics().num_alive_tasks(), 1);
    let clone = client.clone();
    let news = client.channel("news");
    let mut listener = news.listen::<u32>(".n");
    peer.confirm("news").await;
    drop(client);
    news.subscribed().await.expect("the clone is there");
    drop(clone);
    assert_eq!(peer.next().await, None);
    assert!(listener.next().await.is_none());
    expect_no_tasks().await;
}

/// While it dials, while it waits for a greeting, while it waits to come back, while the server is
/// asked, while the authorizer is.
#[tokio::test(start_paused = true)]
async fn the_task_ends_whatever_it_is_doing() {
    let (builder, mut server) = scene();
    let client = builder.start().expect("an address");
    drop(client);
    expect_no_tasks().await;
    let (builder, mut other) = scene();
    let client = builder.start().expect("an address");
    let silent = other.accept_silently().await;
    drop(client);
    expect_no_tasks().await;
    drop(silent);
    let (client, server_of_waiting, peer) = connected().await;
    peer.close(4100).await;
    drop(client);
    expect_no_tasks().await;
    drop(server_of_waiting);
    let (client, _server, mut peer) =
        connected_with(|builder| builder.authorizer(Counting::default())).await;
    let channels: Vec<_> = (0..20).map(|at| client.private(&format!("c{at}"))).collect();
    peer.next().await;
    drop(client);
    expect_no_tasks().await;
    drop(channels);
    server.expect_nobody().await;
}

/// A server that does not read any more, and never closes.
#[tokio::test(start_paused = true)]
async fn a_server_that_has_fallen_silent_does_not_hold_up_the_end() {
    let (client, _server, mut peer) = connected().await;
    let room = client.private("room");
    peer.confirm_signed(json!({})).await;
    room.subscribed().await.expect("confirmed");
    let long = "x".repeat(64 * 1024);
    for _ in 0..4 {
        room.whisper("long", &long).expect("room for it");
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let began = Instant::now();
    client.close().await;
    assert!(began.elapsed() <= Duration::from_secs(4), "{:?}", began.elapsed());
    expect_no_tasks().await;
    drop(peer);
}

#[tokio::test(start_paused = true)]
async fn closing_sends_what_waits_and_says_goodbye() {
    let (client, _server, mut peer) = connected().await;
    let room = client.private("room");
    peer.confirm_signed(json!({})).await;
    room.subscribed().await.expect("confirmed");
    let mut states = client.states();
    for n in 0..3 {
        room.whisper("n", &n).expect("room for it");
    }
    let reading = async {
        for n in 0..3 {
            let said = peer.next().await.expect("a whisper");
            assert_eq!(said["data"], n);
        }
        assert_eq!(peer.next().await, None);
    };
    let other = client.clone();
    tokio::join!(client.close(), reading);
    assert!(matches!(other.state(), ConnectionState::Ended { reason: None }));
    while let Some(state) = states.next().await {
        state.expect("a state");
    }
    other.close().await;
    expect_no_tasks().await;
}
