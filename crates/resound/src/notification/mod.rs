#![doc = include_str!("../../docs/notifications.md")]
//!
//! # Layout
//!
//! * `notice`, `notifiable`, `via`: what is said, to whom, and by which ways
//! * `notifier`, `sending`: the handle, and one notification on its way
//! * `plan`, `merged`, `created`: what is to be done for one notifiable; the event that is broadcast
//! * `shelving`: the rows of many
//! * `channel`: ways of the application's own
//! * `store`, `row`, `inbox`: where notifications are kept, and how they are asked for; `database`: in a database
//! * `fake`: assertions for tests
//! * `error`, `id`, `timestamp`: the words that these share

mod channel;
mod created;
#[cfg(feature = "_sql")]
mod database;
mod error;
mod fake;
mod id;
mod inbox;
mod merged;
mod notice;
mod notifiable;
mod notifier;
mod plan;
mod row;
mod sending;
mod shelving;
mod store;
mod timestamp;
mod via;

pub use channel::{Channel, ChannelError, Delivering, Delivery};
pub use created::BroadcastNotificationCreated;
#[cfg(feature = "_sql")]
pub(crate) use database::Table;
#[cfg(feature = "_sql")]
pub use database::{DatabaseStore, WithinTransaction};
pub use error::{Failure, NotifyError, Reason, StoreError};
pub use fake::{FoundNotifications, NotificationFake, SentNotification};
pub use inbox::{Inbox, Listing};
pub use notice::{BROADCAST_NAME, Notification};
pub use notifiable::{Notifiable, OnDemand, Owner};
pub use notifier::{Builder, NAMESPACE, Notifier, Receipt};
pub use row::{DATA_BYTES_MAX, DatabaseNotification, NAME_BYTES_MAX, Row};
pub use sending::{Answer, Many, One, PendingNotification};
pub use store::{
    Change, Changed, Filter, IDS_MAX, MemoryStore, PAGE_DEFAULT, PAGE_MAX, Page, Store, Storing,
    Which,
};
pub use timestamp::Timestamp;
pub use via::Via;
