//! Messages: reading what clients and publishers say, writing what clients are told.

use divan::{Bencher, black_box, counter::BytesCount};
use resound_protocol::{
    api::{BodyLimits, EventBody},
    channel::{ChannelName, NameRule},
    client::ClientMessage,
    message,
};

const PAYLOAD_BYTES: [usize; 2] = [100, 8192];

const LIMITS: BodyLimits = BodyLimits {
    channel_names: NameRule::Pusher,
    channel_name_max: 200,
    event_name_max: 200,
    event_channels_max: 100,
    event_bytes_max: None,
    batch_max: 100,
};

const PING: &str = r#"{"event":"pusher:ping","data":{}}"#;
const SUBSCRIBE: &str = r#"{"event":"pusher:subscribe","data":{"auth":"","channel":"news"}}"#;
const SUBSCRIBE_PRESENCE: &str = r#"{"event":"pusher:subscribe","data":{"auth":"resound-key:9f6f0bdbcf45727339641e22501dd1ba6a95c42161871a416d443f69ea745172","channel_data":"{\"user_id\":\"7\",\"user_info\":{\"name\":\"Zoë\"}}","channel":"presence-room.1"}}"#;
const CLIENT_EVENT: &str =
    r#"{"event":"client-typing","channel":"presence-room.1","data":{"name":"Zoë","typing":true}}"#;

fn main() {
    divan::main();
}

/// An event's payload as publishers send it: a JSON string that contains JSON.
fn data_json(payload_bytes: usize) -> String {
    format!(r#""{{\"text\":\"{}\"}}""#, "x".repeat(payload_bytes.saturating_sub(11)))
}

#[divan::bench(args = ["ping", "subscribe", "subscribe_presence", "client_event"])]
fn parse_a_client_message(bencher: Bencher<'_, '_>, name: &str) {
    let text = match name {
        "ping" => PING,
        "subscribe" => SUBSCRIBE,
        "subscribe_presence" => SUBSCRIBE_PRESENCE,
        _ => CLIENT_EVENT,
    };
    bencher.bench(|| ClientMessage::parse(black_box(text)).is_ok());
}

#[divan::bench(args = PAYLOAD_BYTES)]
fn parse_a_publish(bencher: Bencher<'_, '_>, payload_bytes: usize) {
    let data = data_json(payload_bytes);
    let body =
        format!(r#"{{"name":"order.shipped","data":{data},"channels":["private-orders.7"]}}"#);
    bencher
        .counter(BytesCount::new(body.len()))
        .bench(|| EventBody::parse(black_box(body.as_bytes()), &LIMITS).is_ok());
}

#[divan::bench(args = PAYLOAD_BYTES)]
fn encode_an_event(bencher: Bencher<'_, '_>, payload_bytes: usize) {
    let data = data_json(payload_bytes);
    let channel = ChannelName::parse("private-orders.7", 200).expect("it is a valid name");
    bencher
        .counter(BytesCount::new(data.len()))
        .bench(|| message::event(black_box("\"order.shipped\""), &channel, &data));
}
