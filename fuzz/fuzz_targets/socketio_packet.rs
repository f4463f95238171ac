//! Whatever a client of Socket.IO says is read or refused, and what it sends to others is JSON.

#![no_main]

use libfuzzer_sys::fuzz_target;
use resound_protocol::{
    channel::ChannelName,
    engineio::Version,
    socketio::{
        self, ATTACHMENTS_MAX, ClientEvent, ClientPacket, HEADERS_MAX, NAMESPACE_BYTES_MAX,
        decode_data, recovery,
    },
};
use serde_json::value::RawValue;

fn check_namespace(namespace: &str) {
    assert!(namespace.starts_with('/') && namespace.len() <= NAMESPACE_BYTES_MAX);
    assert!(!namespace.contains([',', '?', '\u{1e}']));
    let frame = socketio::connect_error(Version::V4, namespace, "Invalid namespace");
    assert!(frame.payload().starts_with("44"));
}

fn check_event(event: ClientEvent<'_>) {
    match event {
        ClientEvent::Subscribe { headers, .. } => assert!(headers.len() <= HEADERS_MAX),
        ClientEvent::ClientEvent(event) => {
            let Ok(channel) = ChannelName::parse(&event.channel, 200) else {
                return;
            };
            let name_json = serde_json::to_string(&event.name).expect("a string is JSON");
            let frame = socketio::event(&name_json, &channel, event.data.as_deref(), None);
            let told: Vec<&RawValue> =
                serde_json::from_str(&frame.payload()[2..]).expect("a frame is JSON");
            assert_eq!(told[0].get(), name_json);
            assert_eq!(told[2].get(), event.data.as_deref().unwrap_or("null"));
            assert!(!told[told.len() - 1].get().starts_with('"'), "no string passes for an offset");
        }
        ClientEvent::Unsubscribe { .. } | ClientEvent::Unknown { .. } => {}
    }
}

fuzz_target!(|text: &str| {
    match ClientPacket::parse(text) {
        Err(fault) => drop(fault.to_string()),
        Ok(ClientPacket::Connect { namespace, auth }) => {
            check_namespace(namespace);
            let _ = recovery(auth);
        }
        Ok(ClientPacket::Disconnect { namespace }) => check_namespace(namespace),
        Ok(ClientPacket::Event { namespace, event, .. }) => {
            check_namespace(namespace);
            check_event(event);
        }
        Ok(ClientPacket::Binary { attachments }) => {
            assert!((1..=ATTACHMENTS_MAX).contains(&attachments));
        }
        Ok(ClientPacket::Ack | ClientPacket::ConnectError) => {}
    }
    let quoted = serde_json::to_string(text).expect("a string is JSON");
    let decoded = decode_data(&quoted);
    assert!(decoded == text || decoded == quoted);
    assert!(serde_json::from_str::<&RawValue>(&decoded).is_ok());
});
