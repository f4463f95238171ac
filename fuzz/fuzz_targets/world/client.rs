//! A client that believes what it is told, and checks that it makes sense.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use resound_hub::app::LiveApp;
use resound_protocol::{socket_id::SocketId, websocket::Frame};
use serde_json::Value;

/// Under this name the events of this test carry their number; no random message has it.
pub const MARK: &str = "the number of the event";

pub struct Client {
    pub app: Arc<LiveApp>,
    pub socket_id: String,
    /// Who it is on every presence channel.
    pub user: u8,
    /// The channels that it is in, with their members as it was told.
    pub channels: BTreeMap<String, BTreeSet<String>>,
    /// The events that it heard, by channel and number.
    pub heard: BTreeSet<(String, u64)>,
}

impl Client {
    pub fn new(app: Arc<LiveApp>, socket_id: SocketId, user: u8) -> Self {
        let socket_id = socket_id.to_string();
        Self { app, socket_id, user, channels: BTreeMap::new(), heard: BTreeSet::new() }
    }

    /// Key, socket id and user.
    pub fn identity(&self) -> (String, String, u8) {
        (self.app.key.to_string(), self.socket_id.clone(), self.user)
    }

    pub fn leave(&mut self, channel: &str) {
        self.channels.remove(channel);
    }

    pub fn take(&mut self, frame: &Frame) {
        let told: Value = serde_json::from_str(frame.payload()).expect("a frame is JSON");
        let event = told["event"].as_str().expect("a frame has an event");
        let channel = told["channel"].as_str();
        match (event, channel) {
            ("pusher_internal:subscription_succeeded", Some(channel)) => {
                let ids = data(&told)["presence"]["ids"].take();
                let members = ids.as_array().into_iter().flatten().map(id).collect();
                self.channels.insert(channel.to_owned(), members);
            }
            ("pusher_internal:member_added", Some(channel)) => {
                let is_new = self.members(channel).insert(id(&data(&told)["user_id"]));
                assert!(is_new, "a member is added once");
            }
            ("pusher_internal:member_removed", Some(channel)) => {
                let was_there = self.members(channel).remove(&id(&data(&told)["user_id"]));
                assert!(was_there, "a member is removed once");
            }
            ("e" | "client-e", Some(channel)) => self.take_event(channel, &data(&told)),
            ("pusher:subscription_error", Some(_)) => {}
            ("pusher:cache_miss" | "pusher_internal:subscription_count", Some(channel)) => {
                self.members(channel);
            }
            (event, None) => assert!(event.starts_with("pusher"), "{event}"),
            // Whatever a client made up; it is in the channel at least.
            (_, Some(channel)) => drop(self.members(channel)),
        }
    }

    fn take_event(&mut self, channel: &str, data: &Value) {
        self.members(channel);
        let Some(serial) = data[MARK].as_u64() else { return };
        assert_eq!(data["app"], *self.app.id, "an event of another application");
        let is_first = self.heard.insert((channel.to_owned(), serial));
        // What a cache channel remembers is heard at every subscription, by whomever.
        if !channel.contains("cache-") {
            assert!(is_first, "an event is heard once");
            assert_ne!(data["from"], *self.socket_id, "its own event");
            assert_ne!(data["except"], *self.socket_id, "an event that it is excepted from");
        }
    }

    fn members(&mut self, channel: &str) -> &mut BTreeSet<String> {
        self.channels.get_mut(channel).expect("only of channels that it is in")
    }
}

/// `data` is a string that contains JSON.
fn data(told: &Value) -> Value {
    told["data"].as_str().and_then(|data| serde_json::from_str(data).ok()).unwrap_or_default()
}

/// User ids are strings and numbers.
fn id(json: &Value) -> String {
    json.as_str().map_or_else(|| json.to_string(), str::to_owned)
}
