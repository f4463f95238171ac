//! What follows the end of a connection.

use std::time::Duration;

use expect_test::expect;
use tokio::time::Instant;

use super::scene::{bad, connected, good, scene};
use crate::{ConnectError, ConnectionError, ConnectionState};

/// Checks after how long the client comes back.
async fn check(code: u16, at_least: u64, at_most: u64) {
    let (client, mut server, peer) = connected().await;
    let mut news = client.channel("news").listen::<u32>(".n");
    peer.close(code).await;
    let closed = Instant::now();
    let mut peer = server.accept().await;
    let seconds = closed.elapsed().as_secs_f64();
    assert!((at_least as f64..=at_most as f64).contains(&seconds), "{code}: {seconds}");
    peer.confirm("news").await;
    peer.event("news", "n", 5.into()).await;
    assert_eq!(good(&mut news).await, 5);
}

#[tokio::test(start_paused = true)]
async fn from_4200_on_it_comes_back_at_once() {
    for code in [4200, 4201, 4299] {
        check(code, 0, 0).await;
    }
}

#[tokio::test(start_paused = true)]
async fn from_4100_on_and_after_other_codes_it_comes_back_after_a_second_or_two() {
    for code in [4100, 4199, 1000, 1001, 1011, 3000] {
        check(code, 1, 2).await;
    }
}

#[tokio::test(start_paused = true)]
async fn from_4000_on_it_never_comes_back_and_everybody_is_told() {
    for code in [4001, 4009, 4099, 4301] {
        let (client, mut server, peer) = connected().await;
        let news = client.channel("news");
        let (mut listener, mut states) = (news.listen::<u32>(".n"), client.states());
        peer.close(code).await;
        server.expect_nobody().await;
        let expected =
            format!("the client has ended: the server closed the connection with {code}: because");
        assert_eq!(bad(&mut listener).await, expected);
        assert!(listener.next().await.is_none());
        assert!(matches!(good(&mut states).await, ConnectionState::Connected { .. }));
        let ConnectionState::Ended { reason: Some(reason) } = good(&mut states).await else {
            panic!("not ended");
        };
        assert!(matches!(reason, ConnectionError::Closed { .. }));
        assert!(states.next().await.is_none());
        // Also those who come later.
        let mut late = client.channel("late").listen::<u32>(".n");
        assert_eq!(bad(&mut late).await, expected);
        assert!(late.next().await.is_none());
        assert!(news.subscribed().await.is_err());
        assert_eq!(client.socket_id(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_breaks_off_comes_back() {
    let (client, mut server, peer) = connected().await;
    let mut states = client.states();
    drop(peer);
    let _peer = server.accept().await;
    assert!(matches!(good(&mut states).await, ConnectionState::Connected { .. }));
    let ConnectionState::Waiting { retry_in, reason } = good(&mut states).await else {
        panic!("not waiting");
    };
    assert!(retry_in >= Duration::from_secs(1), "{retry_in:?}");
    expect!["the server closed the connection with 1006: it ended without saying why"]
        .assert_eq(&reason.to_string());
    assert!(matches!(good(&mut states).await, ConnectionState::Connecting));
    let ConnectionState::Connected { socket_id } = good(&mut states).await else {
        panic!("not connected");
    };
    assert_eq!(socket_id, "2.2");
}

#[tokio::test(start_paused = true)]
async fn the_first_attempt_tells_why_it_failed() {
    let (builder, mut server) = scene();
    let refusing = async {
        let mut peer = server.accept_silently().await;
        let data = r#"{"code":4001,"message":"Application does not exist"}"#;
        peer.send(serde_json::json!({ "event": "pusher:error", "data": data })).await;
        peer.close(4001).await;
    };
    let (client, ()) = tokio::join!(builder.connect(), refusing);
    expect!["the server closed the connection with 4001: Application does not exist"]
        .assert_eq(&client.expect_err("refused").to_string());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_greet_is_not_waited_for() {
    let (builder, mut server) = scene();
    let (client, _peer) = tokio::join!(builder.connect(), server.accept_silently());
    expect!["test:80 has not greeted within 15 seconds"]
        .assert_eq(&client.expect_err("no greeting").to_string());
}

#[tokio::test(start_paused = true)]
async fn who_greets_with_something_else_speaks_another_protocol() {
    let (builder, mut server) = scene();
    let greeting = async {
        let mut peer = server.accept_silently().await;
        peer.send(serde_json::json!([0])).await;
        peer
    };
    let (client, _peer) = tokio::join!(builder.connect(), greeting);
    let error = client.expect_err("no greeting");
    assert!(
        matches!(error, ConnectError::Connection(ConnectionError::NotPusher { .. })),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn who_only_starts_tries_until_there_is_a_server() {
    let (builder, mut server) = scene();
    let client = builder.start().expect("an address");
    let mut news = client.channel("news").listen::<u32>(".n");
    for _ in 0..3 {
        drop(server.accept_silently().await);
    }
    let mut peer = server.accept().await;
    peer.confirm("news").await;
    peer.event("news", "n", 1.into()).await;
    assert_eq!(good(&mut news).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_too_long_ends_the_connection() {
    let (client, mut server, mut peer) =
        super::scene::connected_with(|builder| builder.message_bytes_max(1000)).await;
    let mut states = client.states();
    peer.event("news", "n", "x".repeat(1000).into()).await;
    let _peer = server.accept().await;
    good(&mut states).await;
    let ConnectionState::Waiting { reason, .. } = good(&mut states).await else {
        panic!("not waiting");
    };
    assert!(reason.to_string().contains("too long"), "{reason}");
}
