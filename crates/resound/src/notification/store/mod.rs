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
///
/// ```
/// use resound::notification::{Filter, MemoryStore, Owner, Store};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// /// Works with whatever store there is.
/// async fn has_news(store: &dyn Store, owner: &Owner) -> bool {
///     store.count(owner, Filter::Unread).await.is_ok_and(|count| count > 0)
/// }
/// let ann = Owner::new(r"App\Models\User", "1");
/// assert!(!has_news(&MemoryStore::new(), &ann).await);
/// # }
/// ```
pub trait Store: Send + Sync + 'static {
    /// Stores rows: all of them or none.
    ///
    /// # Errors
    /// Those of [`StoreError`].
    ///
    /// ```
    /// use resound::notification::{MemoryStore, Owner, Row, Store};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ann = Owner::new(r"App\Models\User", "1");
    /// let row = Row::new("eb272d6b-e4a4-4e7a-8860-dd37d6070e40", "invoice.paid", ann, "{}")?;
    /// let store = MemoryStore::new();
    /// store.insert(&[row]).await?;
    /// assert_eq!(store.all().len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    fn insert<'a>(&'a self, rows: &'a [Row]) -> Storing<'a, ()>;

    /// The notification of this id, if it is this owner's.
    ///
    /// # Errors
    /// Those of [`StoreError`].
    ///
    /// ```
    /// use resound::notification::{MemoryStore, Owner, Row, Store};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let id = "eb272d6b-e4a4-4e7a-8860-dd37d6070e40";
    /// # let store = MemoryStore::new();
    /// let (ann, bo) = (Owner::new(r"App\Models\User", "1"), Owner::new(r"App\Models\User", "2"));
    /// store.insert(&[Row::new(id, "invoice.paid", ann.clone(), "{}")?]).await?;
    /// assert!(store.find(&ann, id).await?.is_some());
    /// assert!(store.find(&bo, id).await?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    fn find<'a>(
        &'a self,
        owner: &'a Owner,
        id: &'a str,
    ) -> Storing<'a, Option<DatabaseNotification>>;

    /// The notifications of an owner, the newest first.
    ///
    /// # Errors
    /// Those of [`StoreError`].
    ///
    /// ```
    /// use resound::notification::{DatabaseNotification, Owner, Page, Store, StoreError};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// /// What an implementation makes of a page.
    /// async fn page(store: &dyn Store, owner: &Owner, page: &Page) -> Result<Vec<DatabaseNotification>, StoreError> {
    ///     println!("at most {} notifications after {:?}", page.limit, page.after);
    ///     store.list(owner, page).await
    /// }
    /// # let _ = page;
    /// # }
    /// ```
    fn list<'a>(
        &'a self,
        owner: &'a Owner,
        page: &'a Page,
    ) -> Storing<'a, Vec<DatabaseNotification>>;

    /// How many notifications an owner has.
    ///
    /// # Errors
    /// Those of [`StoreError`].
    ///
    /// ```
    /// use resound::notification::{Filter, MemoryStore, Owner, Store};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ann = Owner::new(r"App\Models\User", "1");
    /// assert_eq!(MemoryStore::new().count(&ann, Filter::Unread).await?, 0);
    /// # Ok(())
    /// # }
    /// ```
    fn count<'a>(&'a self, owner: &'a Owner, filter: Filter) -> Storing<'a, u64>;

    /// Changes notifications of an owner, and only these.
    ///
    /// # Errors
    /// Those of [`StoreError`].
    ///
    /// ```
    /// use resound::notification::{Change, MemoryStore, Owner, Store, Which};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ann = Owner::new(r"App\Models\User", "1");
    /// let unknown = Which::from("eb272d6b-e4a4-4e7a-8860-dd37d6070e40");
    /// let changed = MemoryStore::new().change(&ann, &unknown, Change::Delete).await?;
    /// assert_eq!((changed.count, changed.unknown.len()), (0, 1));
    /// # Ok(())
    /// # }
    /// ```
    fn change<'a>(
        &'a self,
        owner: &'a Owner,
        which: &'a Which,
        change: Change,
    ) -> Storing<'a, Changed>;
}

/// Read, unread, or both.
///
/// ```
/// use resound::notification::{DatabaseNotification, Filter};
///
/// /// Of a store of one's own.
/// fn fits(filter: Filter, notification: &DatabaseNotification) -> bool {
///     match filter {
///         Filter::All => true,
///         Filter::Unread => !notification.is_read(),
///         Filter::Read => notification.is_read(),
///     }
/// }
/// # let owner = resound::notification::Owner::new("User", "1");
/// # let row = resound::notification::Row::new("1", "invoice.paid", owner, "{}")?;
/// # let notification = DatabaseNotification::from(&row);
/// assert!(fits(Filter::Unread, &notification) && fits(Filter::default(), &notification));
/// # Ok::<(), resound::notification::StoreError>(())
/// ```
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
///
/// ```
/// use resound::notification::{Filter, Page};
///
/// /// The words of SQL that a store of one's own would use.
/// fn sql(page: &Page) -> String {
///     let unread = if page.filter == Filter::Unread { " AND read_at IS NULL" } else { "" };
///     format!("WHERE notifiable_id = ?{unread} ORDER BY created_at DESC LIMIT {}", page.limit)
/// }
/// # let _ = sql;
/// ```
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
///
/// ```
/// use resound::notification::Which;
///
/// let ids = vec!["eb272d6b-e4a4-4e7a-8860-dd37d6070e40".to_owned()];
/// assert_eq!(Which::from(&ids[0]), Which::Ids(ids));
/// assert_ne!(Which::All, Which::Ids(Vec::new()));
/// ```
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
///
/// ```
/// use resound::notification::{Change, Timestamp};
///
/// /// The read mark that a change leaves; nothing of what is deleted.
/// fn read_at(change: Change) -> Option<Timestamp> {
///     match change {
///         Change::Read(at) => Some(at),
///         _ => None,
///     }
/// }
/// assert_eq!(read_at(Change::Unread(Timestamp::now())), None);
/// ```
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
///
/// ```
/// use resound::notification::Changed;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use resound::{Model, notification::Notifiable};
/// # #[derive(Clone, Debug)]
/// # struct User { id: u64 }
/// # impl Model for User { fn key(&self) -> String { self.id.to_string() } }
/// # impl Notifiable for User {}
/// # let notifier = resound::notification::Notifier::new(
/// #     &resound::Broadcaster::null(),
/// #     resound::notification::MemoryStore::new(),
/// # );
/// let changed: Changed = notifier.inbox(&User { id: 1 }).delete("made up").await?;
/// assert_eq!((changed.count, changed.unknown), (0, vec!["made up".to_owned()]));
/// # Ok(())
/// # }
/// ```
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
    ///
    /// ```
    /// # use resound::{Model, notification::Notifiable};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # #[derive(Clone, Debug)]
    /// # struct User { id: u64 }
    /// # impl Model for User { fn key(&self) -> String { self.id.to_string() } }
    /// # impl Notifiable for User {}
    /// # let notifier = resound::notification::Notifier::new(
    /// #     &resound::Broadcaster::null(),
    /// #     resound::notification::MemoryStore::new(),
    /// # );
    /// let changed = notifier.inbox(&User { id: 1 }).mark_as_read("made up").await?;
    /// match changed.all_known() {
    ///     Ok(count) => println!("{count} are read"),
    ///     Err(unknown) => assert_eq!(unknown, ["made up"]), // 404
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn all_known(self) -> Result<u64, Vec<String>> {
        if self.unknown.is_empty() { Ok(self.count) } else { Err(self.unknown) }
    }
}
