use resound::{Broadcast, Channel};
use serde::Serialize;

use super::store::Message;

/// For everybody in the room.
#[derive(Serialize, Broadcast)]
#[broadcast(presence = "chat.{room}", with = &self.message)]
pub struct MessageSent {
    pub room: i64,
    pub message: Message,
}

/// For the members of a room who look at another one.
#[derive(Serialize, Broadcast)]
#[broadcast(channels = self.inboxes())]
pub struct SomethingNew {
    #[serde(skip)]
    pub users: Vec<i64>,
    pub room: i64,
    /// What they call the room.
    pub title: String,
}

impl SomethingNew {
    fn inboxes(&self) -> Vec<Channel> {
        self.users.iter().map(|user| Channel::private(format!("chat.inbox.{user}"))).collect()
    }
}
