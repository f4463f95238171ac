//! Notifications in memory.

use std::{
    future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    after_commit::Waits,
    notification::{
        error::StoreError,
        notifiable::Owner,
        row::{DatabaseNotification, Row},
        store::{Change, Changed, Filter, Page, Store, Storing, Which},
    },
};

/// How many notifications it holds.
const ROWS_MAX: usize = 100_000;

/// A store for tests and examples: it forgets everything with the process. Clones are the same store. It takes no part in transactions, and so stores
/// nothing within one, as a `DatabaseStore` does not: [`StoreError::OutsideTransaction`].
///
/// ```
/// use resound::{Fake, notification::{MemoryStore, Notifier}};
///
/// let (fake, store) = (Fake::new(), MemoryStore::new());
/// let notifier = Notifier::new(&fake.broadcaster(), store.clone());
/// # let _ = notifier;
/// assert!(store.all().is_empty());
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    /// The oldest first.
    rows: Arc<Mutex<Vec<DatabaseNotification>>>,
}

impl MemoryStore {
    /// A store without notifications.
    ///
    /// ```
    /// use resound::notification::MemoryStore;
    ///
    /// assert!(MemoryStore::new().all().is_empty());
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// All notifications, the oldest first.
    ///
    /// ```
    /// # use resound::{Broadcaster, notification::{MemoryStore, Notifier}};
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
    /// # let broadcaster = Broadcaster::null();
    /// let store = MemoryStore::new();
    /// let notifier = Notifier::new(&broadcaster, store.clone());
    /// notifier.send(&User { id: 1 }, InvoicePaid { amount: 5 }).await?;
    /// assert_eq!(store.all()[0].data, r#"{"amount":5}"#);
    /// # Ok(())
    /// # }
    /// ```
    pub fn all(&self) -> Vec<DatabaseNotification> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<DatabaseNotification>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn list(&self, owner: &Owner, page: &Page) -> Vec<DatabaseNotification> {
        let rows = self.lock();
        let is_before =
            |row: &&DatabaseNotification| page.after.as_deref() != Some(row.id.as_str());
        let newest_first = rows.iter().rev().filter(|row| row.owner == *owner);
        let skipped = match &page.after {
            Some(_) => newest_first.clone().take_while(is_before).count() + 1,
            None => 0,
        };
        newest_first
            .skip(skipped)
            .filter(|row| is_in(page.filter, row))
            .take(page.limit)
            .cloned()
            .collect()
    }

    fn change(&self, owner: &Owner, which: &Which, change: Change) -> Changed {
        let mut rows = self.lock();
        let is_meant = |row: &DatabaseNotification| match which {
            _ if row.owner != *owner => false,
            Which::All => true,
            Which::Ids(ids) => ids.contains(&row.id),
        };
        let mut changed = Changed::default();
        if let Which::Ids(ids) = which {
            let is_known = |id: &&String| rows.iter().any(|row| row.id == **id && is_meant(row));
            changed.unknown = ids.iter().filter(|id| !is_known(id)).cloned().collect();
        }
        let before = rows.len();
        match change {
            Change::Delete => rows.retain(|row| !is_meant(row)),
            Change::Read(at) => {
                for row in rows.iter_mut().filter(|row| is_meant(row) && !row.is_read()) {
                    (row.read_at, row.updated_at) = (Some(at), Some(at));
                    changed.count += 1;
                }
            }
            Change::Unread(at) => {
                for row in rows.iter_mut().filter(|row| is_meant(row) && row.is_read()) {
                    (row.read_at, row.updated_at) = (None, Some(at));
                    changed.count += 1;
                }
            }
        }
        changed.count += (before - rows.len()) as u64;
        changed
    }
}

fn is_in(filter: Filter, row: &DatabaseNotification) -> bool {
    match filter {
        Filter::All => true,
        Filter::Unread => !row.is_read(),
        Filter::Read => row.is_read(),
    }
}

fn ready<'a, T: Send + 'a>(answer: Result<T, StoreError>) -> Storing<'a, T> {
    Box::pin(future::ready(answer))
}

impl Store for MemoryStore {
    fn insert<'a>(&'a self, rows: &'a [Row]) -> Storing<'a, ()> {
        if Waits::ForTask.is_within() {
            return ready(Err(StoreError::OutsideTransaction));
        }
        let mut stored = self.lock();
        if stored.len() + rows.len() > ROWS_MAX {
            return ready(Err(StoreError::Full(stored.len())));
        }
        stored.extend(rows.iter().map(DatabaseNotification::from));
        ready(Ok(()))
    }

    fn find<'a>(
        &'a self,
        owner: &'a Owner,
        id: &'a str,
    ) -> Storing<'a, Option<DatabaseNotification>> {
        let is_it = |row: &&DatabaseNotification| row.id == id && row.owner == *owner;
        ready(Ok(self.lock().iter().find(is_it).cloned()))
    }

    fn list<'a>(
        &'a self,
        owner: &'a Owner,
        page: &'a Page,
    ) -> Storing<'a, Vec<DatabaseNotification>> {
        ready(Ok(self.list(owner, page)))
    }

    fn count<'a>(&'a self, owner: &'a Owner, filter: Filter) -> Storing<'a, u64> {
        let rows = self.lock();
        let is_counted = |row: &&DatabaseNotification| row.owner == *owner && is_in(filter, row);
        ready(Ok(rows.iter().filter(is_counted).count() as u64))
    }

    fn change<'a>(
        &'a self,
        owner: &'a Owner,
        which: &'a Which,
        change: Change,
    ) -> Storing<'a, Changed> {
        ready(Ok(self.change(owner, which, change)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_holds_no_more_than_its_bound() {
        let store = MemoryStore::new();
        let row = Row::new("1", "Paid", Owner::new("User", "1"), "1").expect("it fits");
        store.insert(&vec![row.clone(); ROWS_MAX]).await.unwrap();
        let error = store.insert(&[row]).await.unwrap_err().to_string();
        assert_eq!(error, "the store in memory holds 100000 notifications, no more fit");
        assert_eq!(store.all().len(), ROWS_MAX);
    }
}
