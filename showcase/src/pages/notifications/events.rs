use resound::{
    Broadcast,
    notification::{Notification, Via},
};
use serde::Serialize;

use crate::visitor::User;

/// Somebody waves at somebody.
#[derive(Serialize)]
pub struct Waved {
    pub text: String,
    pub link: String,
}

impl Notification<User> for Waved {
    fn via(&self, _: &User) -> Vec<Via> {
        vec![Via::Database, Via::Broadcast]
    }
}

/// For the other tabs of a user, in which some notifications are still unread.
#[derive(Serialize, Broadcast)]
#[broadcast(private = "App.Models.User.{user}")]
pub struct NotificationsRead {
    pub user: i64,
}
