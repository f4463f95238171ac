#![doc = include_str!("../docs/resound.md")]
//!
//! # Layout
//!
//! * [`event`], [`name`], [`channel`], [`model`]: what is broadcast, under which name, and where
//! * [`broadcast`](mod@broadcast): events without a type of their own
//! * [`broadcaster`], [`pending`]: the handle, and one event on its way; [`global`](mod@global): one for all
//! * [`after_commit`]: events that wait for the end of a transaction; `sql`: transactions, a durable queue and its worker
//! * [`queue`]: where events wait, if not in memory
//! * [`config`]: Laravel's environment variables
//! * [`connection`]: what stands between a page and a server that is down
//! * [`driver`], [`drivers`]: how a server is reached
//! * [`envelope`], [`error`], [`socket`]: the words that these share
//! * `embedded`: the server inside this process
//! * `encryption`: payloads that the server can't read
//! * [`channels`]: who may join
//! * [`figures`]: what a server tells
//! * [`front_end`]: Echo's options for a page
//! * [`hooks`]: what is called when somebody joins, leaves, or says something
//! * [`fake`]: assertions for tests
//! * [`notification`]: what users are told, stored and broadcast
//! * `typescript`: the types of events for a front end
//! * `axum`: routes and extractors for axum

pub mod after_commit;
pub mod broadcast;
pub mod broadcaster;
pub mod channel;
pub mod channels;
pub mod config;
pub mod connection;
mod detached;
pub mod driver;
pub mod drivers;
#[cfg(feature = "embedded")]
pub mod embedded;
#[cfg(feature = "encryption")]
pub mod encryption;
pub mod envelope;
pub mod error;
pub mod event;
pub mod fake;
pub mod figures;
pub mod front_end;
pub mod global;
pub mod hooks;
mod json;
pub mod model;
pub mod name;
pub mod notification;
mod parcel;
pub mod pending;
pub mod queue;
pub mod socket;
#[cfg(feature = "_sql")]
pub mod sql;
#[cfg(feature = "typescript")]
pub mod typescript;

#[cfg(feature = "axum")]
pub mod axum;

pub use crate::{
    broadcaster::{Broadcaster, Builder},
    channel::Channel,
    channels::{Channels, Member, Path},
    envelope::Envelope,
    error::{DriverError, SendError},
    event::Broadcast,
    fake::Fake,
    global::broadcast,
    hooks::Hooks,
    model::Model,
    name::EventName,
    notification::{Notifiable, Notification, NotificationFake, Notifier},
    pending::{Outcome, PendingBroadcast, Timing},
    socket::SocketId,
};

/// Implements [`Broadcast`](trait@Broadcast) for a struct; see there for all that it understands.
#[cfg(feature = "macros")]
pub use resound_macros::Broadcast;

#[doc(hidden)]
pub mod __private {
    //! What the derive macro writes into the code of others.
    pub use serde::Serialize;
}
