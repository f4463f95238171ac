//! The stored notifications of one notifiable.

use std::{
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
    sync::Arc,
};

use crate::notification::{
    error::StoreError,
    notifiable::Owner,
    row::DatabaseNotification,
    store::{Change, Changed, Filter, IDS_MAX, PAGE_DEFAULT, PAGE_MAX, Page, Store, Which},
    timestamp::Timestamp,
};

/// The stored notifications of one notifiable, and never those of another.
///
/// It begins with [`Notifier::inbox`](crate::notification::Notifier::inbox).
///
/// ```
/// # use resound::{Model, notification::{Notifiable, Notifier, StoreError, Which}};
/// # struct User;
/// # impl Model for User { fn key(&self) -> String { "1".to_owned() } }
/// # impl Notifiable for User {}
/// async fn page(notifier: &Notifier, user: &User, last_seen: &str) -> Result<(), StoreError> {
///     let inbox = notifier.inbox(user);
///     let newest = inbox.all().await?;                                  // 15 of them
///     let older = inbox.all().after(last_seen).limit(30).await?;        // the next 30
///     let unread = inbox.unread().await?;
///     let badge = inbox.unread_count().await?;
///
///     inbox.mark_as_read(&unread).await?;                               // those that were shown
///     inbox.mark_as_read(Which::All).await?;
///     if let Err(unknown) = inbox.delete(last_seen).await?.all_known() {
///         println!("{unknown:?} are none of theirs");
///     }
/// #   let _ = (newest, older, badge);
/// #   Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct Inbox {
    /// `None` if the notifier has none.
    store: Option<Arc<dyn Store>>,
    owner: Owner,
}

impl Inbox {
    /// The inbox of an owner in a store.
    ///
    /// ```
    /// use resound::notification::{Inbox, MemoryStore, Owner};
    ///
    /// let inbox = Inbox::new(MemoryStore::new(), Owner::new(r"App\Models\User", "1"));
    /// # let _ = inbox;
    /// ```
    pub fn new(store: impl Store, owner: Owner) -> Self {
        Self::of(Some(Arc::new(store)), owner)
    }

    pub(crate) fn of(store: Option<Arc<dyn Store>>, owner: Owner) -> Self {
        Self { store, owner }
    }

    /// Asks for notifications, the newest first. Laravel: `notifications`.
    ///
    /// ```
    /// # use resound::{Model, notification::Notifiable};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # #[derive(Clone, Debug)]
    /// # struct User { id: u64 }
    /// # impl Model for User { fn key(&self) -> String { self.id.to_string() } }
    /// # impl Notifiable for User {}
    /// # #[derive(Clone, serde::Serialize)]
    /// # struct InvoicePaid { amount: u64 }
    /// # impl<N: Notifiable> resound::notification::Notification<N> for InvoicePaid {
    /// #     fn via(&self, _: &N) -> Vec<resound::notification::Via> {
    /// #         vec!["database".into(), "broadcast".into()]
    /// #     }
    /// # }
    /// # let notifier = resound::notification::Notifier::new(
    /// #     &resound::Broadcaster::null(),
    /// #     resound::notification::MemoryStore::new(),
    /// # );
    /// # let user = User { id: 1 };
    /// # notifier.send(&user, InvoicePaid { amount: 5 }).await?;
    /// let page = notifier.inbox(&user).all().limit(30).await?;
    /// assert_eq!(page[0].data, r#"{"amount":5}"#);
    /// # Ok(())
    /// # }
    /// ```
    pub fn all(&self) -> Listing<'_> {
        self.listing(Filter::All)
    }

    /// Asks for those that were not read. Laravel: `unreadNotifications`.
    ///
    /// ```
    /// # use resound::{Model, notification::Notifiable};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # #[derive(Clone, Debug)]
    /// # struct User { id: u64 }
    /// # impl Model for User { fn key(&self) -> String { self.id.to_string() } }
    /// # impl Notifiable for User {}
    /// # #[derive(Clone, serde::Serialize)]
    /// # struct InvoicePaid { amount: u64 }
    /// # impl<N: Notifiable> resound::notification::Notification<N> for InvoicePaid {
    /// #     fn via(&self, _: &N) -> Vec<resound::notification::Via> {
    /// #         vec!["database".into(), "broadcast".into()]
    /// #     }
    /// # }
    /// # let notifier = resound::notification::Notifier::new(
    /// #     &resound::Broadcaster::null(),
    /// #     resound::notification::MemoryStore::new(),
    /// # );
    /// # let user = User { id: 1 };
    /// # notifier.send(&user, InvoicePaid { amount: 5 }).await?;
    /// let inbox = notifier.inbox(&user);
    /// let unread = inbox.unread().await?;
    /// inbox.mark_as_read(&unread).await?.all_known().expect("they are the user's own");
    /// assert!(inbox.unread().await?.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn unread(&self) -> Listing<'_> {
        self.listing(Filter::Unread)
    }

    /// Asks for those that were read. Laravel: `readNotifications`.
    ///
    /// ```
    /// # use resound::{Model, notification::Notifiable};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # #[derive(Clone, Debug)]
    /// # struct User { id: u64 }
    /// # impl Model for User { fn key(&self) -> String { self.id.to_string() } }
    /// # impl Notifiable for User {}
    /// # #[derive(Clone, serde::Serialize)]
    /// # struct InvoicePaid { amount: u64 }
    /// # impl<N: Notifiable> resound::notification::Notification<N> for InvoicePaid {
    /// #     fn via(&self, _: &N) -> Vec<resound::notification::Via> {
    /// #         vec!["database".into(), "broadcast".into()]
    /// #     }
    /// # }
    /// # let notifier = resound::notification::Notifier::new(
    /// #     &resound::Broadcaster::null(),
    /// #     resound::notification::MemoryStore::new(),
    /// # );
    /// # let user = User { id: 1 };
    /// let receipt = notifier.send(&user, InvoicePaid { amount: 5 }).await?;
    /// let inbox = notifier.inbox(&user);
    /// assert_eq!(inbox.mark_as_read(&receipt.id).await?.count, 1);
    /// assert_eq!(inbox.read().await?[0].id, receipt.id);
    /// # Ok(())
    /// # }
    /// ```
    pub fn read(&self) -> Listing<'_> {
        self.listing(Filter::Read)
    }

    /// How many were not read.
    ///
    /// # Errors
    /// If the store fails.
    ///
    /// ```
    /// # use resound::{Model, notification::Notifiable};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # #[derive(Clone, Debug)]
    /// # struct User { id: u64 }
    /// # impl Model for User { fn key(&self) -> String { self.id.to_string() } }
    /// # impl Notifiable for User {}
    /// # #[derive(Clone, serde::Serialize)]
    /// # struct InvoicePaid { amount: u64 }
    /// # impl<N: Notifiable> resound::notification::Notification<N> for InvoicePaid {
    /// #     fn via(&self, _: &N) -> Vec<resound::notification::Via> {
    /// #         vec!["database".into(), "broadcast".into()]
    /// #     }
    /// # }
    /// # let notifier = resound::notification::Notifier::new(
    /// #     &resound::Broadcaster::null(),
    /// #     resound::notification::MemoryStore::new(),
    /// # );
    /// # let user = User { id: 1 };
    /// # notifier.send(&user, InvoicePaid { amount: 5 }).await?;
    /// let badge = notifier.inbox(&user).unread_count().await?;
    /// assert_eq!(badge, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn unread_count(&self) -> Result<u64, StoreError> {
        self.store()?.count(&self.owner, Filter::Unread).await
    }

    /// How many there are.
    ///
    /// # Errors
    /// If the store fails.
    ///
    /// ```
    /// # use resound::{Model, notification::Notifiable};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # #[derive(Clone, Debug)]
    /// # struct User { id: u64 }
    /// # impl Model for User { fn key(&self) -> String { self.id.to_string() } }
    /// # impl Notifiable for User {}
    /// # #[derive(Clone, serde::Serialize)]
    /// # struct InvoicePaid { amount: u64 }
    /// # impl<N: Notifiable> resound::notification::Notification<N> for InvoicePaid {
    /// #     fn via(&self, _: &N) -> Vec<resound::notification::Via> {
    /// #         vec!["database".into(), "broadcast".into()]
    /// #     }
    /// # }
    /// # let notifier = resound::notification::Notifier::new(
    /// #     &resound::Broadcaster::null(),
    /// #     resound::notification::MemoryStore::new(),
    /// # );
    /// # let (ann, bo) = (User { id: 1 }, User { id: 2 });
    /// notifier.send(&ann, InvoicePaid { amount: 5 }).await?;
    /// assert_eq!(notifier.inbox(&ann).count().await?, 1);
    /// assert_eq!(notifier.inbox(&bo).count().await?, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn count(&self) -> Result<u64, StoreError> {
        self.store()?.count(&self.owner, Filter::All).await
    }

    /// The notification of this id; `None` if there is none, or if it is somebody else's.
    ///
    /// # Errors
    /// If the store fails.
    ///
    /// ```
    /// # use resound::{Model, notification::Notifiable};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # #[derive(Clone, Debug)]
    /// # struct User { id: u64 }
    /// # impl Model for User { fn key(&self) -> String { self.id.to_string() } }
    /// # impl Notifiable for User {}
    /// # #[derive(Clone, serde::Serialize)]
    /// # struct InvoicePaid { amount: u64 }
    /// # impl<N: Notifiable> resound::notification::Notification<N> for InvoicePaid {
    /// #     fn via(&self, _: &N) -> Vec<resound::notification::Via> {
    /// #         vec!["database".into(), "broadcast".into()]
    /// #     }
    /// # }
    /// # let notifier = resound::notification::Notifier::new(
    /// #     &resound::Broadcaster::null(),
    /// #     resound::notification::MemoryStore::new(),
    /// # );
    /// # let (ann, bo) = (User { id: 1 }, User { id: 2 });
    /// let receipt = notifier.send(&ann, InvoicePaid { amount: 5 }).await?;
    /// assert!(notifier.inbox(&ann).find(&receipt.id).await?.is_some());
    /// assert!(notifier.inbox(&bo).find(&receipt.id).await?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn find(&self, id: &str) -> Result<Option<DatabaseNotification>, StoreError> {
        self.store()?.find(&self.owner, id).await
    }

    /// Marks notifications as read. Those that are stay as they are. Laravel: `markAsRead`.
    ///
    /// # Errors
    /// If the store fails, or for more than [`IDS_MAX`] ids.
    ///
    /// ```
    /// use resound::notification::Which;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use resound::{Model, notification::Notifiable};
    /// # #[derive(Clone, Debug)]
    /// # struct User { id: u64 }
    /// # impl Model for User { fn key(&self) -> String { self.id.to_string() } }
    /// # impl Notifiable for User {}
    /// # #[derive(Clone, serde::Serialize)]
    /// # struct InvoicePaid { amount: u64 }
    /// # impl<N: Notifiable> resound::notification::Notification<N> for InvoicePaid {
    /// #     fn via(&self, _: &N) -> Vec<resound::notification::Via> {
    /// #         vec!["database".into(), "broadcast".into()]
    /// #     }
    /// # }
    /// # let notifier = resound::notification::Notifier::new(
    /// #     &resound::Broadcaster::null(),
    /// #     resound::notification::MemoryStore::new(),
    /// # );
    /// # let user = User { id: 1 };
    /// # let receipt = notifier.send(&user, InvoicePaid { amount: 5 }).await?;
    /// let inbox = notifier.inbox(&user);
    /// assert_eq!(inbox.mark_as_read(&receipt.id).await?.count, 1);
    /// assert_eq!(inbox.mark_as_read(Which::All).await?.count, 0); // it is read already
    /// # Ok(())
    /// # }
    /// ```
    pub async fn mark_as_read(&self, which: impl Into<Which>) -> Result<Changed, StoreError> {
        self.change(which.into(), Change::Read(Timestamp::now())).await
    }

    /// Marks notifications as unread. Those that are stay as they are. Laravel: `markAsUnread`.
    ///
    /// # Errors
    /// If the store fails, or for more than [`IDS_MAX`] ids.
    ///
    /// ```
    /// use resound::notification::Which;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use resound::{Model, notification::Notifiable};
    /// # #[derive(Clone, Debug)]
    /// # struct User { id: u64 }
    /// # impl Model for User { fn key(&self) -> String { self.id.to_string() } }
    /// # impl Notifiable for User {}
    /// # #[derive(Clone, serde::Serialize)]
    /// # struct InvoicePaid { amount: u64 }
    /// # impl<N: Notifiable> resound::notification::Notification<N> for InvoicePaid {
    /// #     fn via(&self, _: &N) -> Vec<resound::notification::Via> {
    /// #         vec!["database".into(), "broadcast".into()]
    /// #     }
    /// # }
    /// # let notifier = resound::notification::Notifier::new(
    /// #     &resound::Broadcaster::null(),
    /// #     resound::notification::MemoryStore::new(),
    /// # );
    /// # let user = User { id: 1 };
    /// # let receipt = notifier.send(&user, InvoicePaid { amount: 5 }).await?;
    /// let inbox = notifier.inbox(&user);
    /// assert_eq!(inbox.mark_as_read(Which::All).await?.count, 1);
    /// assert_eq!(inbox.mark_as_unread(&receipt.id).await?.count, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn mark_as_unread(&self, which: impl Into<Which>) -> Result<Changed, StoreError> {
        self.change(which.into(), Change::Unread(Timestamp::now())).await
    }

    /// Deletes notifications.
    ///
    /// # Errors
    /// If the store fails, or for more than [`IDS_MAX`] ids.
    ///
    /// ```
    /// # use resound::{Model, notification::Notifiable};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # #[derive(Clone, Debug)]
    /// # struct User { id: u64 }
    /// # impl Model for User { fn key(&self) -> String { self.id.to_string() } }
    /// # impl Notifiable for User {}
    /// # #[derive(Clone, serde::Serialize)]
    /// # struct InvoicePaid { amount: u64 }
    /// # impl<N: Notifiable> resound::notification::Notification<N> for InvoicePaid {
    /// #     fn via(&self, _: &N) -> Vec<resound::notification::Via> {
    /// #         vec!["database".into(), "broadcast".into()]
    /// #     }
    /// # }
    /// # let notifier = resound::notification::Notifier::new(
    /// #     &resound::Broadcaster::null(),
    /// #     resound::notification::MemoryStore::new(),
    /// # );
    /// # let user = User { id: 1 };
    /// # notifier.send(&user, InvoicePaid { amount: 5 }).await?;
    /// let inbox = notifier.inbox(&user);
    /// let old = inbox.all().limit(100).await?;
    /// assert_eq!(inbox.delete(&old).await?.count, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn delete(&self, which: impl Into<Which>) -> Result<Changed, StoreError> {
        self.change(which.into(), Change::Delete).await
    }

    fn store(&self) -> Result<&dyn Store, StoreError> {
        self.store.as_deref().ok_or(StoreError::Missing)
    }

    fn listing(&self, filter: Filter) -> Listing<'_> {
        Listing { inbox: self, page: Page { filter, after: None, limit: PAGE_DEFAULT } }
    }

    async fn change(&self, mut which: Which, change: Change) -> Result<Changed, StoreError> {
        if let Which::Ids(ids) = &mut which {
            ids.sort_unstable();
            ids.dedup();
            if ids.is_empty() {
                return Ok(Changed::default());
            }
            if ids.len() > IDS_MAX {
                return Err(StoreError::TooManyIds { count: ids.len(), count_max: IDS_MAX });
            }
        }
        self.store()?.change(&self.owner, &which, change).await
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").field("owner", &self.owner).finish_non_exhaustive()
    }
}

/// A question for notifications, which is asked when it is awaited.
///
/// ```
/// # use resound::{Model, notification::Notifiable};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # #[derive(Clone, Debug)]
/// # struct User { id: u64 }
/// # impl Model for User { fn key(&self) -> String { self.id.to_string() } }
/// # impl Notifiable for User {}
/// # #[derive(Clone, serde::Serialize)]
/// # struct InvoicePaid { amount: u64 }
/// # impl<N: Notifiable> resound::notification::Notification<N> for InvoicePaid {
/// #     fn via(&self, _: &N) -> Vec<resound::notification::Via> {
/// #         vec!["database".into(), "broadcast".into()]
/// #     }
/// # }
/// # let notifier = resound::notification::Notifier::new(
/// #     &resound::Broadcaster::null(),
/// #     resound::notification::MemoryStore::new(),
/// # );
/// # let user = User { id: 1 };
/// # notifier.send(&user, InvoicePaid { amount: 5 }).await?;
/// let inbox = notifier.inbox(&user);
/// let newest = inbox.unread().limit(1).await?;
/// let rest = inbox.unread().after(&newest[0].id).await?;
/// assert!(rest.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "notifications are read when this is awaited"]
pub struct Listing<'a> {
    inbox: &'a Inbox,
    page: Page,
}

impl Listing<'_> {
    /// So many at most: [`PAGE_DEFAULT`] by default, [`PAGE_MAX`] if it is more.
    ///
    /// ```
    /// # use resound::{Model, notification::Notifiable};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # #[derive(Clone, Debug)]
    /// # struct User { id: u64 }
    /// # impl Model for User { fn key(&self) -> String { self.id.to_string() } }
    /// # impl Notifiable for User {}
    /// # #[derive(Clone, serde::Serialize)]
    /// # struct InvoicePaid { amount: u64 }
    /// # impl<N: Notifiable> resound::notification::Notification<N> for InvoicePaid {
    /// #     fn via(&self, _: &N) -> Vec<resound::notification::Via> {
    /// #         vec!["database".into(), "broadcast".into()]
    /// #     }
    /// # }
    /// # let notifier = resound::notification::Notifier::new(
    /// #     &resound::Broadcaster::null(),
    /// #     resound::notification::MemoryStore::new(),
    /// # );
    /// # let user = User { id: 1 };
    /// for amount in [5, 7] {
    ///     notifier.send(&user, InvoicePaid { amount }).await?;
    /// }
    /// assert_eq!(notifier.inbox(&user).all().limit(1).await?[0].data, r#"{"amount":7}"#);
    /// # Ok(())
    /// # }
    /// ```
    pub fn limit(mut self, limit: usize) -> Self {
        self.page.limit = limit.min(PAGE_MAX);
        self
    }

    /// Those behind the one of this id: the last one of the page before.
    ///
    /// ```
    /// # use resound::{Model, notification::Notifiable};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # #[derive(Clone, Debug)]
    /// # struct User { id: u64 }
    /// # impl Model for User { fn key(&self) -> String { self.id.to_string() } }
    /// # impl Notifiable for User {}
    /// # #[derive(Clone, serde::Serialize)]
    /// # struct InvoicePaid { amount: u64 }
    /// # impl<N: Notifiable> resound::notification::Notification<N> for InvoicePaid {
    /// #     fn via(&self, _: &N) -> Vec<resound::notification::Via> {
    /// #         vec!["database".into(), "broadcast".into()]
    /// #     }
    /// # }
    /// # let notifier = resound::notification::Notifier::new(
    /// #     &resound::Broadcaster::null(),
    /// #     resound::notification::MemoryStore::new(),
    /// # );
    /// # let user = User { id: 1 };
    /// notifier.send(&user, InvoicePaid { amount: 5 }).await?;
    /// let last_seen = notifier.send(&user, InvoicePaid { amount: 7 }).await?.id;
    /// let older = notifier.inbox(&user).all().after(last_seen).await?;
    /// assert_eq!(older[0].data, r#"{"amount":5}"#);
    /// # Ok(())
    /// # }
    /// ```
    pub fn after(mut self, id: impl Into<String>) -> Self {
        self.page.after = Some(id.into());
        self
    }
}

impl<'a> IntoFuture for Listing<'a> {
    type Output = Result<Vec<DatabaseNotification>, StoreError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    /// Fails with [`StoreError::Unknown`] if the notifiable has no notification of the id that was given.
    fn into_future(self) -> Self::IntoFuture {
        let Self { inbox, page } = self;
        let owner = &inbox.owner;
        Box::pin(async move {
            let store = inbox.store()?;
            if let Some(id) = &page.after
                && store.find(owner, id).await?.is_none()
            {
                return Err(StoreError::Unknown { owner: owner.clone(), id: id.clone() });
            }
            store.list(owner, &page).await
        })
    }
}
