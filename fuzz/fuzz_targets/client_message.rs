//! Whatever a client says is read or refused, and what it sends to others is JSON.

#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use resound_protocol::{
    client::ClientMessage,
    member::{Member, User},
    message,
};
use serde_json::{Value, value::RawValue};

fuzz_target!(|text: &str| {
    match ClientMessage::parse(text) {
        Err(fault) => drop(fault.to_string()),
        Ok(ClientMessage::Event(event)) => {
            let frame = message::client_event(&event, Some("7"));
            let told: BTreeMap<&str, &RawValue> =
                serde_json::from_str(frame.frame().payload()).expect("a frame is JSON");
            let json = |text: &str| serde_json::to_string(text).expect("a string is JSON");
            assert_eq!(told["event"].get(), json(&event.name));
            assert_eq!(told["channel"].get(), json(&event.channel));
            assert_eq!(told["user_id"].get(), r#""7""#);
            // Byte for byte, so that also half of a surrogate pair arrives as it was sent.
            assert_eq!(told.get("data").map(|data| data.get()), event.data.as_deref());
        }
        Ok(ClientMessage::Subscribe(request)) => {
            let _ = Member::parse(request.channel_data.as_deref().unwrap_or_default());
        }
        Ok(ClientMessage::SignIn(request)) => {
            if let Ok(user) = User::parse(&request.user_data) {
                assert!(!user.id.is_empty());
                let frame = message::signin_success(&request.user_data);
                let told: Value = serde_json::from_str(frame.payload()).expect("a frame is JSON");
                assert_eq!(told["data"]["user_data"], *request.user_data);
            }
        }
        Ok(ClientMessage::Unsubscribe(_) | ClientMessage::Ping | ClientMessage::Pong) => {}
    }
});
