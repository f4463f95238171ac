//! Whatever a client says is read or refused, and what it sends to others is JSON.

#![no_main]

use libfuzzer_sys::fuzz_target;
use resound_protocol::{
    client::ClientMessage,
    member::{Member, User},
    message,
};
use serde_json::Value;

fuzz_target!(|text: &str| {
    match ClientMessage::parse(text) {
        Err(fault) => drop(fault.to_string()),
        Ok(ClientMessage::Event(event)) => {
            let frame = message::client_event(&event, Some("7"));
            let told: Value = serde_json::from_str(frame.payload()).expect("a frame is JSON");
            assert_eq!(told["event"], *event.name);
            assert_eq!(told["channel"], *event.channel);
            assert_eq!(told["user_id"], "7");
            let data = event.data.map(|data| serde_json::from_str::<Value>(data).expect("JSON"));
            assert_eq!(told.get("data"), data.as_ref());
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
