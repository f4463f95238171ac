//! Channels that come and go.

use serde_json::json;

use super::scene::{bad, connected, good};
use crate::WhisperError;

fn unsubscribed(channel: &str) -> serde_json::Value {
    json!({ "event": "pusher:unsubscribe", "data": { "channel": channel } })
}

#[tokio::test(start_paused = true)]
async fn a_channel_is_subscribed_once_and_as_long_as_somebody_wants_it() {
    let (client, _server, mut peer) = connected().await;
    let news = client.channel("news");
    let other = client.channel("news");
    peer.confirm("news").await;
    news.subscribed().await.expect("confirmed");
    let listener = other.listen::<u32>(".n");
    drop((news, other));
    let clone = client.channel("other");
    peer.confirm("other").await;
    drop(listener);
    peer.expect(unsubscribed("news")).await;
    drop(clone.clone());
    drop(clone);
    peer.expect(unsubscribed("other")).await;
}

#[tokio::test(start_paused = true)]
async fn leaving_ends_the_listeners_of_all_handles() {
    let (client, _server, mut peer) = connected().await;
    let (news, other) = (client.channel("news"), client.channel("news"));
    let mut listener = other.listen::<u32>(".n");
    peer.confirm("news").await;
    news.leave();
    peer.expect(unsubscribed("news")).await;
    assert!(listener.next().await.is_none());
    assert!(other.subscribed().await.is_err());
    assert!(other.listen::<u32>(".n").next().await.is_none());
    // What is left over neither keeps nor ends a subscription of the same name.
    let again = client.channel("news");
    peer.confirm("news").await;
    drop((listener, other));
    again.subscribed().await.expect("confirmed");
    client.leave("news");
    peer.expect(unsubscribed("news")).await;
}

#[tokio::test(start_paused = true)]
async fn leave_takes_all_kinds_of_channels_as_echo_does() {
    let (client, _server, mut peer) = connected().await;
    let _room = client.join("room");
    let _news = client.channel("other");
    peer.confirm("other").await;
    peer.confirm_signed(json!({ "presence": { "ids": [], "hash": {} } })).await;
    client.leave("room");
    peer.expect(unsubscribed("presence-room")).await;
}

#[tokio::test(start_paused = true)]
async fn leaving_and_coming_back_is_asked_for_in_this_order() {
    let (client, _server, mut peer) = connected().await;
    drop(client.channel("never-asked"));
    let news = client.channel("news");
    peer.expect(json!({ "event": "pusher:subscribe", "data": { "auth": "", "channel": "news" } }))
        .await;
    drop(news);
    let news = client.channel("news");
    peer.expect(unsubscribed("news")).await;
    peer.confirm("news").await;
    news.subscribed().await.expect("confirmed");
}

#[tokio::test(start_paused = true)]
async fn after_a_reconnection_all_channels_are_subscribed_in_their_order() {
    let (client, mut server, mut peer) = connected().await;
    let names: Vec<String> = (0..20).map(|at| format!("channel-{at}")).collect();
    let channels: Vec<_> = names.iter().map(|name| client.channel(name)).collect();
    for name in &names {
        peer.confirm(name).await;
    }
    peer.close(4200).await;
    let mut peer = server.accept().await;
    for name in &names {
        peer.confirm(name).await;
    }
    for channel in &channels {
        channel.subscribed().await.expect("confirmed");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_reaches_who_waits_and_who_listens() {
    let (client, mut server, mut peer) = connected().await;
    let news = client.channel("news");
    let mut listener = news.listen::<u32>(".n");
    peer.next().await;
    let refusal = json!({ "type": "LimitReached", "error": "too many", "status": 4100 });
    peer.event("news", "pusher:subscription_error", refusal).await;
    let expected = "the server refused the subscription to news: too many";
    assert_eq!(news.subscribed().await.expect_err("refused").to_string(), expected);
    assert_eq!(bad(&mut listener).await, expected);
    assert_eq!(bad(&mut news.listen::<u32>(".n")).await, expected);
    // The next connection is another chance.
    peer.close(4200).await;
    let mut peer = server.accept().await;
    peer.confirm("news").await;
    news.subscribed().await.expect("confirmed");
    peer.event("news", "n", 1.into()).await;
    assert_eq!(good(&mut listener).await, 1);
}

/// Reverb refuses with an error that names no channel.
#[tokio::test(start_paused = true)]
async fn an_error_without_a_channel_explains_what_stays_unanswered() {
    let (client, _server, mut peer) = connected().await;
    let mut errors = client.errors();
    let orders = client.private("orders.1");
    peer.next().await;
    let error = json!({ "code": 4009, "message": "Connection is unauthorized" });
    peer.send(json!({ "event": "pusher:error", "data": error.to_string() })).await;
    assert_eq!(
        orders.subscribed().await.expect_err("unanswered").to_string(),
        "the server has not answered the subscription to private-orders.1; \
         it said: Connection is unauthorized (4009)"
    );
    assert_eq!(good(&mut errors).await.code, Some(4009));
    // It was meant for another one.
    peer.succeed("private-orders.1", json!({})).await;
    peer.event("private-orders.1", "n", 1.into()).await;
    let mut listener = orders.listen::<u32>(".n");
    bad(&mut listener).await; // why there was no subscription when it came
    assert_eq!(good(&mut listener).await, 1);
    orders.subscribed().await.expect("confirmed");
}

#[tokio::test(start_paused = true)]
async fn whispers_need_a_subscription_and_have_a_bound() {
    let (client, _server, mut peer) = connected().await;
    let room = client.private("room");
    assert!(matches!(room.whisper("typing", &1), Err(WhisperError::NotSubscribed { .. })));
    peer.confirm_signed(json!({})).await;
    room.subscribed().await.expect("confirmed");
    room.whisper("typing", &json!({ "n": 1 })).expect("room for it");
    peer.expect(json!({ "event": "client-typing", "channel": "private-room", "data": { "n": 1 } }))
        .await;
    let sent = (0..1000).take_while(|n| room.whisper("typing", n).is_ok()).count();
    assert_eq!(sent, 256);
    assert!(matches!(room.whisper("typing", &1), Err(WhisperError::Full { waiting: 256 })));
    for _ in 0..sent {
        peer.next().await.expect("a whisper");
    }
    room.whisper("typing", &1).expect("room for it");
}
