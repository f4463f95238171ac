//! Several events in one request, against a server that a test holds in its hand, and against the real one.

use std::time::Duration;

use resound::{
    Broadcaster, Channel,
    broadcast::{self, AnonymousEvent},
    driver::Credentials,
    encryption::MasterKey,
};
use serde_json::{Value, json};

use crate::{
    process,
    pusher::{Seen, Server, broadcaster_of, ok},
};

const PATIENCE: Duration = Duration::from_secs(20);

fn event(name: &'static str) -> AnonymousEvent {
    broadcast::public("news").name(name)
}

/// Queues events before the first is sent, and waits until all are gone.
async fn send(broadcaster: &Broadcaster, events: Vec<AnonymousEvent>) {
    for event in events {
        broadcaster.send(event).await;
    }
    broadcaster.flush(PATIENCE).await.expect("they are sent");
}

/// What was asked: the end of the path, and the names of the events.
fn requests(server: &Server) -> Vec<String> {
    let line = |seen: Seen| {
        let path = seen.uri.split('?').next().unwrap_or_default().rsplit('/').next();
        let body: Value = serde_json::from_str(&seen.body).expect("JSON");
        let items = body["batch"].as_array().cloned().unwrap_or_else(|| vec![body]);
        let names = items.iter().map(|item| item["name"].as_str().expect("a name"));
        format!("{} {}", path.unwrap_or_default(), names.collect::<Vec<_>>().join(" "))
    };
    server.seen().into_iter().map(line).collect()
}

#[tokio::test]
async fn what_waits_goes_in_one_signed_request() {
    let server = Server::start(ok).await;
    let events = vec![event("a").with(json!({ "id": 1 })), event("b").to_others("1.2")];
    let broadcaster = server.broadcaster();
    for event in events {
        broadcaster.send(event).await;
    }
    broadcaster.flush(PATIENCE).await.unwrap();
    let seen = server.seen().pop().expect("a request");
    assert!(seen.uri.starts_with("/apps/1001/batch_events?auth_key=resound-key&"), "{}", seen.uri);
    assert_eq!(
        seen.body,
        r#"{"batch":[{"name":"a","data":"{\"id\":1}","channel":"news"},{"name":"b","data":"[]","channel":"news","socket_id":"1.2"}]}"#
    );
}

#[tokio::test]
async fn a_batch_has_ten_events_at_most_counted_by_their_channels() {
    let server = Server::start(ok).await;
    let several = |name, channels: usize| {
        broadcast::on((0..channels).map(|n| Channel::public(format!("c{n}")))).name(name)
    };
    let events = vec![several("a", 4), several("b", 6), event("c"), several("d", 11), event("e")];
    send(&server.broadcaster(), events).await;
    let items = |name: &str, count: usize| vec![name; count].join(" ");
    let first = format!("batch_events {} {}", items("a", 4), items("b", 6));
    // The one for eleven channels goes alone, in the form that has room for a hundred.
    assert_eq!(requests(&server), [&*first, "events c", "events d", "events e"]);
}

#[tokio::test]
async fn large_events_go_alone() {
    let server = Server::start(ok).await;
    let large = |name| event(name).with("x".repeat(5000));
    let events = vec![large("a"), event("b"), large("c"), large("d")];
    send(&server.broadcaster(), events).await;
    assert_eq!(requests(&server), ["batch_events a b", "events c", "events d"]);
}

#[tokio::test]
async fn a_refused_batch_is_sent_one_by_one_so_that_only_the_bad_event_is_lost() {
    let server = Server::start(|seen| match seen.body.contains("bad") {
        true => (413, "too large"),
        false => (200, "{}"),
    })
    .await;
    let broadcaster = server.broadcaster();
    send(&broadcaster, ["a", "bad", "c"].map(event).into()).await;
    send(&broadcaster, ["d", "e"].map(event).into()).await;
    assert_eq!(
        requests(&server),
        ["batch_events a bad c", "events a", "events bad", "events c", "batch_events d e"]
    );
    let stats = broadcaster.stats("reverb").unwrap();
    assert_eq!((stats.sent, stats.dropped), (4, 1));
}

#[tokio::test]
async fn a_server_without_batches_is_remembered() {
    let server = Server::start(|seen| match seen.uri.contains("/batch_events") {
        true => (404, "Not found."),
        false => (200, "{}"),
    })
    .await;
    let broadcaster = server.broadcaster();
    send(&broadcaster, ["a", "b"].map(event).into()).await;
    send(&broadcaster, ["c", "d"].map(event).into()).await;
    assert_eq!(
        requests(&server),
        ["batch_events a b", "events a", "events b", "events c", "events d"]
    );
}

#[tokio::test]
async fn encrypted_events_of_a_batch_are_encrypted_each() {
    let server = Server::start(ok).await;
    let key = MasterKey::from_base64("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
    let credentials = Credentials::new("resound-key", "resound-secret").master_key(key);
    let broadcaster = broadcaster_of(server.address.port(), credentials);
    let channels = [Channel::encrypted("a"), Channel::public("b"), Channel::encrypted("c")];
    let events = vec![broadcast::on(channels).name("x").with("secret text"), event("y")];
    send(&broadcaster, events).await;
    let seen = server.seen();
    let body: Value = serde_json::from_str(&seen[0].body).unwrap();
    let item = |n: usize| (body["batch"][n]["channel"].as_str(), body["batch"][n]["data"].as_str());
    assert_eq!(seen.len(), 1);
    assert_eq!(item(0), (Some("b"), Some(r#""secret text""#)));
    assert_eq!(item(3), (Some("news"), Some("[]")));
    for (n, channel) in [(1, "private-encrypted-a"), (2, "private-encrypted-c")] {
        let (named, data) = item(n);
        assert_eq!(named, Some(channel));
        assert!(data.is_some_and(|data| data.starts_with(r#"{"nonce":"#)), "{body}");
    }
}

#[tokio::test]
async fn without_a_key_the_encrypted_event_alone_is_lost() {
    let server = Server::start(ok).await;
    let broadcaster = server.broadcaster();
    let events = vec![event("a"), broadcast::on([Channel::encrypted("b")]).name("b"), event("c")];
    send(&broadcaster, events).await;
    assert_eq!(requests(&server), ["events a", "events c"]);
    assert_eq!(broadcaster.stats("reverb").unwrap().dropped, 1);
}

#[tokio::test]
async fn the_real_server_delivers_batches_in_their_order() {
    let server = process::Server::start();
    let broadcaster = broadcaster_of(server.port, Credentials::new(process::KEY, process::SECRET));
    let mut client = server.connect();
    client.subscribe("news", &json!({}));
    for n in 0..25 {
        broadcaster.send(broadcast::public("news").name(format!("n{n}"))).await;
    }
    broadcaster.flush(PATIENCE).await.unwrap();
    for n in 0..25 {
        let frame = format!(r#"{{"event":"n{n}","channel":"news","data":"[]"}}"#);
        assert_eq!(client.receive(), frame);
    }
}
