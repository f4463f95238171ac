//! Where notifications are kept.

mod memory;

use std::{future::Future, pin::Pin};

pub use memory::MemoryStore;

use crate::notification::{
    error::StoreError,
    notifiable::Owner,
    row::{DatabaseNotification, Row},
    timestamp::Timestamp,
};

/// How many notifications one question gets at most.
pub const PAGE_MAX: usize = 100;

/// How many notifications one question gets if it does not say, as in Laravel.
pub const PAGE_DEFAULT: usize = 15;

/// How many ids one call takes at most.
pub const IDS_MAX: usize = 500;

/// A store's answer, later.
pub type Storing<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Where notifications are kept: [`MemoryStore`], or with the features `sqlx-*` a `DatabaseStore`.
///
/// Applications use a store by their notifier and by an [`Inbox`](crate::notification::Inbox), which see to it that bounds
/// are kept.
pub trait Store: Send + Sync + 'static {
    /// Stores rows: all of them or none.
    ///
    /// # Errors
    /// Those of [`StoreError`].
    fn insert<'a>(&'a self, rows: &'a [Row]) -> Storing<'a, ()>;

    /// The notification of this id, if it is this owner's.
    ///
    /// # Errors
    /// Those of [`StoreError`].
    fn find<'a>(
        &'a self,
        owner: &'a Owner,
        id: &'a str,
    ) -> Storing<'a, Option<DatabaseNotification>>;

    /// The notifications of an owner, the newest first.
    ///
    /// # Errors
    /// Those of [`StoreError`].
    fn list<'a>(
        &'a self,
        owner: &'a Owner,
        page: &'a Page,
    ) -> Storing<'a, Vec<DatabaseNotification>>;

    /// How many notifications an owner has.
    ///
    /// # Errors
    /// Those of [`StoreError`].
    fn count<'a>(&'a self, owner: &'a Owner, filter: Filter) -> Storing<'a, u64>;

    /// Changes notifications of an owner, and only these.
    ///
    /// # Errors
    /// Those of [`StoreError`].
    fn change<'a>(
        &'a self,
        owner: &'a Owner,
        which: &'a Which,
        change: Change,
    ) -> Storing<'a, Changed>;
}

/// Read, unread, or both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Filter {
    /// Both.
    #[default]
    All,
    /// What was not read.
    Unread,
    /// What was read.
    Read,
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// Of which notifications.
    pub filter: Filter,
    /// Those that come after this one in the list, which is the owner's.
    pub after: Option<String>,
    /// How many at most.
    pub limit: usize,
}

/// Which notifications of an owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// Every one.
    All,
    /// Those of these ids, [`IDS_MAX`] at most.
    Ids(Vec<String>),
}

impl From<&str> for Which {
    fn from(id: &str) -> Self {
        Self::Ids(vec![id.to_owned()])
    }
}

impl From<String> for Which {
    fn from(id: String) -> Self {
        Self::Ids(vec![id])
    }
}

impl From<&String> for Which {
    fn from(id: &String) -> Self {
        id.as_str().into()
    }
}

impl From<Vec<String>> for Which {
    fn from(ids: Vec<String>) -> Self {
        Self::Ids(ids)
    }
}

impl From<&DatabaseNotification> for Which {
    fn from(notification: &DatabaseNotification) -> Self {
        notification.id.as_str().into()
    }
}

impl From<&[DatabaseNotification]> for Which {
    fn from(notifications: &[DatabaseNotification]) -> Self {
        Self::Ids(notifications.iter().map(|notification| notification.id.clone()).collect())
    }
}

impl From<&Vec<DatabaseNotification>> for Which {
    fn from(notifications: &Vec<DatabaseNotification>) -> Self {
        notifications.as_slice().into()
    }
}

/// What is done to notifications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// They are marked as read at this time; those that are so already stay as they are.
    Read(Timestamp),
    /// They are marked as unread, changed at this time; those that are so already stay as they are.
    Unread(Timestamp),
    /// They are deleted.
    Delete,
}

/// What became of a [`Change`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "it says which ids are unknown"]
pub struct Changed {
    /// How many notifications changed.
    pub count: u64,
    /// Ids that the owner has no notification of: there is none, or it is somebody else's. Nothing happened to them.
    pub unknown: Vec<String>,
}

impl Changed {
    /// How many changed, if all ids were known.
    ///
    /// # Errors
    /// The ids that were not, which is a 404 for whoever sent them.
    pub fn all_known(self) -> Result<u64, Vec<String>> {
        if self.unknown.is_empty() { Ok(self.count) } else { Err(self.unknown) }
    }
}
