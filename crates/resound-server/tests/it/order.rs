//! All subscribers of a channel see the same order, whoever publishes from wherever.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    client::{Client, data},
    http::Http,
    server::Server,
    settings::Settings,
};

const PUBLISHERS: usize = 8;
const EVENTS: usize = 60;
const CHANNELS: [&str; 3] = ["news", "private-a", "orders.7"];

/// Publishes events with numbers to all channels in turn.
fn publish(mut http: Http, publisher: usize) {
    for at in 0..EVENTS {
        let data = json!({ "publisher": publisher, "at": at }).to_string();
        http.publish(CHANNELS[at % CHANNELS.len()], "e", &data);
    }
}

/// What a subscriber sees in each channel: pairs of publisher and number.
fn listen(client: &mut Client) -> BTreeMap<String, Vec<(u64, u64)>> {
    let mut seen = BTreeMap::<String, Vec<(u64, u64)>>::new();
    for _ in 0..PUBLISHERS * EVENTS {
        let message: Value = serde_json::from_str(&client.text()).expect("JSON");
        let [publisher, at] =
            ["publisher", "at"].map(|key| data(&message)[key].as_u64().expect("a number"));
        let channel = message["channel"].as_str().expect("a string").to_owned();
        seen.entry(channel).or_default().push((publisher, at));
    }
    seen
}

#[track_caller]
fn check(shards: usize) {
    let server = Server::start(&Settings::server(&format!("shards = {shards}")));
    let mut clients: Vec<Client> = (0..6).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.subscribe("news");
        client.subscribe_private("private-a");
        client.subscribe("orders.7");
    }
    let seen: Vec<_> = std::thread::scope(|scope| {
        for publisher in 0..PUBLISHERS {
            let http = server.http();
            scope.spawn(move || publish(http, publisher));
        }
        let listeners: Vec<_> =
            clients.iter_mut().map(|client| scope.spawn(|| listen(client))).collect();
        listeners.into_iter().map(|listener| listener.join().expect("no panic")).collect()
    });
    for other in &seen[1..] {
        assert_eq!(other, &seen[0]);
    }
    for (channel, events) in &seen[0] {
        let mut next = [0; PUBLISHERS];
        for (publisher, at) in events {
            let next = &mut next[*publisher as usize];
            assert!(*at >= *next, "{channel}: what one publisher sends stays in order");
            *next = at + 1;
        }
        assert_eq!(events.len(), PUBLISHERS * EVENTS / CHANNELS.len());
    }
}

#[test]
fn with_one_shard() {
    check(1);
}

#[test]
fn with_two_shards() {
    check(2);
}

#[test]
fn with_four_shards() {
    check(4);
}

#[test]
fn client_events_of_many_arrive_in_the_same_order_at_the_others() {
    let server = Server::default();
    let mut senders: Vec<Client> = (0..4).map(|_| server.connect()).collect();
    let mut listeners = [server.connect(), server.connect()];
    for client in senders.iter_mut().chain(&mut listeners) {
        client.subscribe_private("private-a");
    }
    std::thread::scope(|scope| {
        for (number, sender) in senders.iter_mut().enumerate() {
            scope.spawn(move || {
                for at in 0..50 {
                    let data = json!([number, at]);
                    let event =
                        json!({ "event": "client-a", "channel": "private-a", "data": data });
                    sender.send(event.to_string());
                }
            });
        }
    });
    let [first, second] =
        listeners.each_mut().map(|listener| (0..200).map(|_| listener.text()).collect::<Vec<_>>());
    assert_eq!(first, second);
    // A sender hears the others in that order, and nothing of its own.
    for (number, sender) in senders.iter_mut().enumerate() {
        let own = format!("\"data\":[{number},");
        for text in first.iter().filter(|text| !text.contains(&own)) {
            sender.expect(text);
        }
        sender.expect_pong();
    }
}
