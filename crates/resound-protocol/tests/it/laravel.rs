//! What Laravel publishes is read, and nothing but its socket is taken out of its data.

use proptest::prelude::*;
use resound_protocol::laravel::{RedisEvent, data_string, without_socket};
use serde_json::{Value, json};

use crate::json::{json, object};

proptest! {
    #[test]
    fn an_event_is_read_as_it_was_published(
        event in any::<String>(), data in json(), socket in proptest::option::of(any::<String>()),
    ) {
        let text = json!({ "event": event, "data": data, "socket": socket }).to_string();
        let read = RedisEvent::parse(text.as_bytes()).expect("an event");
        prop_assert_eq!(&*read.name, &*event);
        prop_assert_eq!(read.name_json, json!(event).to_string());
        prop_assert_eq!(read.data_json, data.to_string());
        prop_assert_eq!(read.socket.as_deref(), socket.as_deref());
        let text: String = serde_json::from_str(&data_string(read.data_json)).expect("a string");
        prop_assert_eq!(text, data.to_string());
    }

    #[test]
    fn data_lose_their_socket_and_nothing_else(mut data in object()) {
        let (dense, spread) = (data.to_string(), format!("{data:#}"));
        data.as_object_mut().expect("an object").remove("socket");
        prop_assert_eq!(without_socket(&dense), data.to_string());
        let read: Value = serde_json::from_str(&without_socket(&spread)).expect("JSON");
        prop_assert_eq!(read, data);
    }

    #[test]
    fn junk_is_refused_without_a_panic(text in prop_oneof![
        prop::collection::vec(any::<u8>(), 0..50),
        "[\\[\\]\"\\\\a,u:{}]{0,20}(\"socket\")?[\\[\\]\"\\\\a,u:{}]{0,20}"
            .prop_map(String::into_bytes),
    ]) {
        let _ = RedisEvent::parse(&text);
        if let Ok(text) = str::from_utf8(&text) {
            let _ = without_socket(text);
        }
    }
}
