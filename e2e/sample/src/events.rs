//! What is broadcast.

use resound::Broadcast;
use serde::Serialize;
use serde_json::Value;

/// The status of an order has changed.
#[derive(Serialize, Broadcast)]
#[broadcast(private = "orders.{order_id}")]
pub(crate) struct OrderUpdated {
    pub(crate) order_id: u64,
    pub(crate) status: String,
}

/// A headline, for everybody, under a name of its own.
#[derive(Serialize, Broadcast)]
#[broadcast(channel = "news", name = "headline")]
pub(crate) struct Headline {
    pub(crate) text: String,
}

/// Somebody said something in a room.
#[derive(Serialize, Broadcast)]
#[broadcast(presence = "room.{room}")]
pub(crate) struct Said {
    pub(crate) room: u64,
    pub(crate) text: String,
}

/// Something that servers must not read.
#[derive(Serialize, Broadcast)]
#[broadcast(encrypted = "vault")]
pub(crate) struct Sealed {
    pub(crate) secret: Value,
}

/// One event, several channels.
#[derive(Serialize, Broadcast)]
#[broadcast(channel = "news", private = "orders.1", presence = "room.1", now)]
pub(crate) struct Everywhere {
    pub(crate) text: String,
}
