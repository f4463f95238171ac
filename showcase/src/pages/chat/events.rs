use resound::{
    Broadcast,
    notification::{Notification, Via},
};
use serde::Serialize;

use super::store::{Message, Room};
use crate::visitor::{User, Visitor};

/// For everybody in the room.
#[derive(Serialize, Broadcast)]
#[broadcast(presence = "chat.{room}", with = &self.message)]
pub struct MessageSent {
    pub room: i64,
    pub message: Message,
}

/// For the members of a room who look at something else.
#[derive(Debug, PartialEq, Serialize)]
pub struct MessageReceived {
    pub text: String,
    pub link: String,
    /// What they call the room.
    pub title: String,
}

/// How much of a message it says.
const EXCERPT_CHARACTERS: usize = 80;

impl MessageReceived {
    pub fn new(room: &Room, author: &Visitor, message: &str) -> Self {
        let mut excerpt: String = message.chars().take(EXCERPT_CHARACTERS).collect();
        if excerpt.len() < message.len() {
            excerpt.push('…');
        }
        let (title, text) = if room.is_of_two {
            (author.name.clone(), format!("{}: {excerpt}", author.name))
        } else {
            (room.title.clone(), format!("{} in {}: {excerpt}", author.name, room.title))
        };
        Self { text, link: room.link(), title }
    }
}

impl Notification<User> for MessageReceived {
    fn via(&self, _: &User) -> Vec<Via> {
        vec![Via::Database, Via::Broadcast]
    }
}
