//! What is published arrives: everywhere, whole, as it was.

use std::io::Read;

use serde_json::{Value, json};

use crate::{
    client::{Client, Said, event, succeeded},
    server::Server,
    settings::Settings,
};

#[test]
fn a_payload_arrives_byte_by_byte_as_it_was_published() {
    let server = Server::default();
    let mut clients = [server.connect(), server.connect()];
    for client in &mut clients {
        client.subscribe("news");
    }
    // The JSON of the string `data`, as the publisher's library has written it.
    for data in [
        r#""{}""#,
        r#""[]""#,
        r#""{\"n\":1.0}""#,
        r#""{\"n\":1e3,\"big\":12345678901234567890}""#,
        r#""plain text""#,
        r#""{\"s\":\"😀\"}""#,
        r#""{\"s\":\"\ud83d\ude00\"}""#,
        r#""\u2028\u2029""#,
        "\"\u{2028}\u{2029}\u{fffd}\u{feff}\"",
        r#""https:\/\/a.example\/""#,
        r#""{\"u\":\"https:\\\/\\\/a.example\"}""#,
        r#""\u0000\u001f\u007f""#,
        r#"" {  \"a\" :\n 1 } ""#,
        r#""{\"a\":1,\"a\":2}""#,
        r#""\ud800""#,
    ] {
        let body = format!(r#"{{"name":"e","channel":"news","data":{data}}}"#);
        server.post("/events", &body).check(200, "{}");
        let batch = format!(r#"{{"batch":[{body}]}}"#);
        server.post("/batch_events", &batch).check(200, "{}");
        for client in &mut clients {
            for _ in 0..2 {
                client.expect(format!(r#"{{"event":"e","channel":"news","data":{data}}}"#));
            }
        }
    }
}

#[test]
fn an_events_name_arrives_as_it_was_published() {
    let server = Server::default();
    let mut client = server.connect();
    client.subscribe("news");
    for name in
        [r#""App\\Events\\OrderShipped""#, r#""order.shipped""#, r#""Zo\u00eb😀""#, r#"".x""#]
    {
        let body = format!(r#"{{"name":{name},"channel":"news","data":"x"}}"#);
        server.post("/events", &body).check(200, "{}");
        client.expect(format!(r#"{{"event":{name},"channel":"news","data":"x"}}"#));
    }
}

#[test]
fn large_payloads_arrive_whole() {
    let server = Server::start(&Settings::app("max_request_size = 2000000"));
    let mut clients = [server.connect(), server.connect()];
    for client in &mut clients {
        client.subscribe("news");
    }
    for length in [1, 100, 125, 126, 65_400, 65_536, 300_000] {
        let payload = "é".repeat(length);
        server.publish("news", "large", &payload);
        for client in &mut clients {
            client.expect(event("large", "news", &payload));
        }
    }
}

#[test]
fn an_event_to_a_hundred_channels_arrives_in_each() {
    let server = Server::default();
    let mut clients = [server.connect(), server.connect()];
    let names: Vec<String> = (0..100).map(|at| format!("channel-{at}")).collect();
    for client in &mut clients {
        for name in &names {
            client.subscribe(name);
        }
    }
    let body = json!({ "name": "e", "channels": names, "data": "x" }).to_string();
    server.post("/events", &body).check(200, "{}");
    for client in &mut clients {
        let mut seen: Vec<String> = (0..100).map(|_| client.text()).collect();
        seen.sort();
        let mut expected: Vec<String> = names.iter().map(|name| event("e", name, "x")).collect();
        expected.sort();
        assert_eq!(seen, expected);
    }
}

#[test]
fn five_hundred_subscribers_get_every_event_in_order() {
    let server = Server::default();
    let mut clients: Vec<Client> = (0..500).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.subscribe("news");
    }
    let mut http = server.http();
    for at in 0..20 {
        http.publish("news", "e", &at.to_string());
    }
    for client in &mut clients {
        for at in 0..20 {
            client.expect(event("e", "news", &at.to_string()));
        }
    }
}

/// A batch of `count` events for one channel.
fn batch(channel: &str, count: usize) -> String {
    let item = |at: usize| json!({ "channel": channel, "name": "e", "data": at.to_string() });
    json!({ "batch": (0..count).map(item).collect::<Vec<Value>>() }).to_string()
}

#[test]
fn the_events_of_a_batch_arrive_in_order() {
    let server = Server::default();
    let mut clients: Vec<Client> = (0..50).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.subscribe("news");
    }
    let mut http = server.http();
    for _ in 0..5 {
        http.signed("POST", "/batch_events", &[], &batch("news", 100)).check(200, "{}");
    }
    for client in &mut clients {
        for at in (0..5).flat_map(|_| 0..100) {
            client.expect(event("e", "news", &at.to_string()));
        }
    }
}

#[test]
fn the_events_of_a_batch_are_joined_into_one_write() {
    let server = Server::default();
    let mut clients = [server.connect(), server.connect()];
    for client in &mut clients {
        client.subscribe("news");
    }
    server.post("/batch_events", &batch("news", 100)).check(200, "{}");
    for client in &mut clients {
        let frames: Vec<u8> = (0..100)
            .flat_map(|at| {
                let text = event("e", "news", &at.to_string());
                [&[0x81, text.len() as u8][..], text.as_bytes()].concat()
            })
            .collect();
        let mut buffer = vec![0; 64 * 1024];
        let count = client.stream.read(&mut buffer).expect("the frames");
        assert_eq!(String::from_utf8_lossy(&buffer[..count]), String::from_utf8_lossy(&frames));
    }
}

#[test]
fn a_cache_channel_gives_its_last_event_to_whoever_comes_later() {
    let server = Server::default();
    let channel = "cache-price";
    let subscribe = |client: &mut Client| {
        client.send(crate::client::subscription(channel));
        client.expect(succeeded(channel));
    };
    let mut early = server.connect();
    subscribe(&mut early);
    early.expect(r#"{"event":"pusher:cache_miss","channel":"cache-price"}"#);
    for price in ["1", "2"] {
        let body = json!({ "name": "price", "channel": channel, "data": price,
                           "socket_id": early.socket_id });
        server.post("/events", &body.to_string()).check(200, "{}");
    }
    drop(early);
    server.wait_until_empty();
    // Nobody is there any more; and the one who was left out gets it when it returns.
    for _ in 0..2 {
        let mut late = server.connect();
        subscribe(&mut late);
        late.expect(event("price", channel, "2"));
        subscribe(&mut late);
        late.expect(event("price", channel, "2"));
    }
}

#[test]
fn a_cache_channel_does_not_remember_client_events_and_forgets_in_time() {
    let server = Server::start(&Settings::app("cache_ttl = 1"));
    let channel = "private-cache-a";
    let [mut ann, mut bob] = [server.connect(), server.connect()];
    ann.subscribe_private(channel);
    ann.expect(r#"{"event":"pusher:cache_miss","channel":"private-cache-a"}"#);
    bob.subscribe_private(channel);
    bob.expect(r#"{"event":"pusher:cache_miss","channel":"private-cache-a"}"#);
    ann.send(r#"{"event":"client-a","channel":"private-cache-a","data":1}"#);
    bob.expect(r#"{"event":"client-a","channel":"private-cache-a","data":1}"#);
    let mut late = server.connect();
    late.subscribe_private(channel);
    late.expect(r#"{"event":"pusher:cache_miss","channel":"private-cache-a"}"#);
    server.publish(channel, "price", "1");
    server.wait_until(|| {
        let answer = server.query(&format!("/channels/{channel}"), &[("info", "cache")]);
        answer.json()["cache"].is_null()
    });
    let mut later = server.connect();
    later.subscribe_private(channel);
    later.expect(r#"{"event":"pusher:cache_miss","channel":"private-cache-a"}"#);
}

#[test]
fn a_client_that_has_left_gets_nothing_more() {
    let server = Server::default();
    let mut client = server.connect();
    client.subscribe("news");
    client.subscribe("other");
    client.unsubscribe("news");
    client.expect_pong();
    server.publish("news", "lost", "x");
    server.publish("other", "next", "x");
    assert_eq!(client.next(), Said::Text(event("next", "other", "x")));
}
