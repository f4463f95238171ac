//! Who gets what.

use serde::Deserialize;
use serde_json::{Value, json};

use super::scene::{bad, connected, connected_with, good};
use crate::{ListenError, Member};

#[derive(Debug, Deserialize, PartialEq, Eq)]
struct Order {
    id: u64,
}

#[tokio::test(start_paused = true)]
async fn listeners_get_the_events_they_ask_for() {
    let (client, _server, mut peer) = connected().await;
    let orders = client.channel("orders");
    let mut shipped = orders.listen::<Order>("OrderShipped");
    let mut custom = orders.listen_raw(".order.shipped");
    let mut notified = orders.notification::<Order>();
    let mut all = orders.listen_to_all();
    peer.confirm("orders").await;
    peer.event("orders", r"App\Events\OrderShipped", json!({ "id": 7 })).await;
    peer.event("orders", "pusher:cache_miss", json!({})).await;
    peer.event("orders", "order.shipped", json!([1])).await;
    let name = r"Illuminate\Notifications\Events\BroadcastNotificationCreated";
    peer.event("orders", name, json!({ "id": 9 })).await;
    peer.event("others", r"App\Events\OrderShipped", json!({ "id": 8 })).await;
    assert_eq!(good(&mut shipped).await, Order { id: 7 });
    let event = good(&mut custom).await;
    assert_eq!((&*event.name, &*event.channel, &*event.text), ("order.shipped", "orders", "[1]"));
    assert_eq!(good(&mut notified).await, Order { id: 9 });
    for name in ["OrderShipped", ".order.shipped", &format!(".{name}")] {
        assert_eq!(good(&mut all).await.name, name);
    }
}

#[tokio::test(start_paused = true)]
async fn data_of_another_type_is_an_error_and_no_end() {
    let (client, _server, mut peer) = connected().await;
    let mut shipped = client.channel("orders").listen::<Order>(".s");
    peer.confirm("orders").await;
    peer.event("orders", "s", json!({ "id": "x" })).await;
    peer.event("orders", "s", json!({ "id": 1 })).await;
    let error = bad(&mut shipped).await;
    assert!(error.starts_with("the data of s on orders is not of the expected type: "), "{error}");
    assert_eq!(good(&mut shipped).await, Order { id: 1 });
}

#[tokio::test(start_paused = true)]
async fn a_slow_listener_is_told_what_it_missed_and_slows_down_nobody() {
    let (client, _server, mut peer) = connected_with(|builder| builder.queue_events_max(10)).await;
    let news = client.channel("news");
    let (mut slow, mut quick) = (news.listen::<u32>(".n"), news.listen::<u32>(".n"));
    peer.confirm("news").await;
    for n in 0..100 {
        peer.event("news", "n", n.into()).await;
        assert_eq!(good(&mut quick).await, n);
    }
    assert!(matches!(slow.next().await, Some(Err(ListenError::Missed(90)))));
    for n in 90..100 {
        assert_eq!(good(&mut slow).await, n);
    }
}

#[tokio::test(start_paused = true)]
async fn members_are_told_who_is_here_who_joins_and_who_leaves() {
    let (client, mut server, mut peer) = connected().await;
    let room = client.join("room");
    let (mut here, mut joining, mut leaving) = (room.here(), room.joining(), room.leaving());
    let list = json!({ "presence": { "ids": ["7"], "hash": { "7": { "name": "Zoë" } } } });
    peer.confirm_signed(list).await;
    let zoe = Member::new("7", json!({ "name": "Zoë" }));
    let bo = Member::new("8", json!({ "name": "Bo" }));
    assert_eq!(good(&mut here).await, vec![zoe.clone()]);
    let data = json!({ "user_id": 8, "user_info": { "name": "Bo" } });
    peer.event("presence-room", "pusher_internal:member_added", data).await;
    assert_eq!(good(&mut joining).await, bo);
    assert_eq!(room.members(), [zoe.clone(), bo.clone()]);
    assert_eq!(good(&mut room.here()).await, [zoe.clone(), bo.clone()]);
    peer.event("presence-room", "pusher_internal:member_removed", json!({ "user_id": "8" })).await;
    assert_eq!(good(&mut leaving).await, bo);
    // After a reconnection the whole list comes again.
    peer.close(4200).await;
    let mut peer = server.accept().await;
    peer.confirm_signed(json!({ "presence": { "ids": [], "hash": [] } })).await;
    assert!(good(&mut here).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn whispers_are_heard_and_tell_who_it_was() {
    let (client, _server, mut peer) = connected().await;
    let room = client.join("room");
    let mut typing = room.listen_for_whisper::<Value>("typing");
    let mut raw = room.listen_raw(".client-typing");
    peer.confirm_signed(json!({ "presence": { "ids": [], "hash": {} } })).await;
    peer.send(json!({ "event": "client-typing", "channel": "presence-room",
        "data": { "n": 1 }, "user_id": "8" }))
        .await;
    assert_eq!(good(&mut typing).await, json!({ "n": 1 }));
    assert_eq!(good(&mut raw).await.user_id.as_deref(), Some("8"));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_message_is_reported_and_harmless() {
    let (client, _server, mut peer) = connected().await;
    let mut errors = client.errors();
    peer.send(json!(["no", "message"])).await;
    let error = good(&mut errors).await;
    assert!(error.message.starts_with("the server sent what is no message"), "{error}");
    let _news = client.channel("news");
    peer.confirm("news").await;
}
