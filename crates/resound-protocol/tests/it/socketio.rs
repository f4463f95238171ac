//! What a client means is what is read, and what is written is JSON that means the same.

use proptest::prelude::*;
use resound_protocol::{
    channel::ChannelName,
    socketio::{self, ClientEvent, ClientPacket, recovery},
};
use serde_json::{Value, json};

use crate::json::json;

fn event(text: &str) -> ClientEvent<'_> {
    match ClientPacket::parse(text) {
        Ok(ClientPacket::Event { event, .. }) => event,
        other => panic!("{text} is no event: {other:?}"),
    }
}

proptest! {
    #[test]
    fn junk_is_refused_without_a_panic(text in prop_oneof![
        any::<String>(),
        "[0-6](/[a-z?]{0,3},?)?[0-9]{0,3}-?[\\[{\"a-z0-9,}\\]]{0,20}",
    ]) {
        match ClientPacket::parse(&text) {
            Ok(ClientPacket::Connect { auth, .. }) => {
                let _ = recovery(auth);
            }
            Ok(_) => {}
            Err(fault) => drop(fault.to_string()),
        }
    }

    #[test]
    fn a_subscription_carries_its_channel_and_headers(
        channel in any::<String>(),
        headers in prop::collection::btree_map(any::<String>(), any::<String>(), 0..5),
        ack in proptest::option::of(any::<u64>()),
    ) {
        let argument = json!({ "channel": channel, "auth": { "headers": headers } });
        let ack = ack.map(|number| number.to_string()).unwrap_or_default();
        let text = format!("2{ack}{}", json!(["subscribe", argument]));
        let headers = headers.into_iter().collect();
        prop_assert_eq!(event(&text), ClientEvent::Subscribe { channel: channel.into(), headers });
    }

    #[test]
    fn a_client_event_is_the_same_as_object_and_as_text(
        channel in any::<String>(), name in any::<String>(), data in json(),
    ) {
        let argument = json!({ "channel": channel, "event": name, "data": data });
        let object = format!("2{}", json!(["client event", argument]));
        let text = format!("2{}", json!(["client event", argument.to_string()]));
        prop_assert_eq!(event(&object), event(&text));
        let ClientEvent::ClientEvent(read) = event(&object) else {
            panic!("{object} is no client event");
        };
        prop_assert_eq!((&*read.channel, &*read.name), (&*channel, &*name));
        let read: Value = serde_json::from_str(&read.data.expect("data")).expect("JSON");
        prop_assert_eq!(read, data);
    }

    #[test]
    fn an_event_keeps_its_data_and_ends_with_its_offset_or_no_string(
        name in any::<String>(), data in json(), offset in proptest::option::of("[0-9a-z]{1,8}"),
    ) {
        let channel = ChannelName::parse("news", 200).expect("a valid name");
        let name_json = json!(name).to_string();
        let frame =
            socketio::event(&name_json, &channel, Some(&data.to_string()), offset.as_deref());
        let told: Value = serde_json::from_str(&frame.payload()[2..]).expect("JSON");
        prop_assert_eq!((&told[0], &told[1], &told[2]), (&json!(name), &json!("news"), &data));
        let last = told.as_array().and_then(|arguments| arguments.last()).and_then(Value::as_str);
        prop_assert_eq!(last, offset.as_deref());
    }

    #[test]
    fn data_come_out_of_their_string(data in json()) {
        let json = data.to_string();
        let data_json = json!(json).to_string();
        prop_assert_eq!(socketio::decode_data(&data_json), json);
    }

    #[test]
    fn data_that_are_no_json_stay_a_string(text in any::<String>()) {
        let data_json = json!(text).to_string();
        let is_json = serde_json::from_str::<Value>(&text).is_ok();
        let expected = if is_json { &text } else { &data_json };
        prop_assert_eq!(&socketio::decode_data(&data_json), expected);
    }
}
