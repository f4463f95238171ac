//! What is published to Redis is read or refused, and its data lose nothing but their socket.

#![no_main]

use libfuzzer_sys::fuzz_target;
use resound_protocol::laravel::{RedisEvent, data_string, without_socket};
use serde_json::{Value, value::RawValue};

fuzz_target!(|text: &[u8]| {
    let event = match RedisEvent::parse(text) {
        Ok(event) => event,
        Err(fault) => return drop(fault.to_string()),
    };
    let name: String = serde_json::from_str(event.name_json).expect("a JSON string");
    assert_eq!(name, event.name);
    let string: String = serde_json::from_str(&data_string(event.data_json)).expect("a string");
    assert_eq!(string, event.data_json);
    let without = without_socket(event.data_json);
    assert!(serde_json::from_str::<&RawValue>(&without).is_ok(), "{without}");
    // Escapes are left out: they could spell the member's name, and halves of surrogate pairs are
    // no text for serde_json but are passed on.
    if event.data_json.contains('\\') {
        return;
    }
    let mut expected: Value = serde_json::from_str(event.data_json).unwrap_or_default();
    if let Some(object) = expected.as_object_mut() {
        object.remove("socket");
    }
    assert_eq!(serde_json::from_str::<Value>(&without).unwrap_or_default(), expected);
});
