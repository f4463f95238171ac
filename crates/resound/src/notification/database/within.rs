//! Notifications that are stored in a transaction of the application's.

use crate::{
    after_commit::Waits,
    notification::{
        Many, Notifiable, Notification, Notifier, One, PendingNotification, database::insert,
        row::Row, sending, store::Storing,
    },
    sql::{Backend, Transaction},
};

impl Notifier {
    /// Notifies within a transaction: the row is a part of it, and everything else waits for its commit. Rolled back, nobody hears of
    /// anything.
    ///
    /// The table is that of the transaction's database; the notifier's own store is not asked.
    ///
    /// ```
    /// # use resound::{Broadcaster, Model, notification::{Notifiable, Notification, Notifier, Via}};
    /// # struct User;
    /// # impl Model for User { fn key(&self) -> String { "1".to_owned() } }
    /// # impl Notifiable for User {}
    /// # #[derive(serde::Serialize)]
    /// # struct InvoicePaid;
    /// # impl<N: Notifiable> Notification<N> for InvoicePaid { fn via(&self, _: &N) -> Vec<Via> { vec![] } }
    /// # #[cfg(feature = "sqlx-sqlite")]
    /// async fn pay(
    ///     broadcaster: &Broadcaster,
    ///     notifier: &Notifier,
    ///     pool: &sqlx::SqlitePool,
    ///     user: &User,
    /// ) -> Result<(), Box<dyn std::error::Error>> {
    ///     let mut tx = broadcaster.begin(pool).await?;
    ///     sqlx::query("UPDATE invoices SET paid = 1 WHERE id = 7").execute(&mut *tx).await?;
    ///     notifier.within(&mut tx).send(user, InvoicePaid).await?;
    ///     Ok(tx.commit().await?)
    /// }
    /// ```
    pub fn within<'a, 'c: 'a, DB: Backend>(
        &self,
        transaction: &'a mut Transaction<'c, DB>,
    ) -> WithinTransaction<'a> {
        WithinTransaction { notifier: self.clone(), transaction }
    }
}

/// A notifier within a transaction: see [`Notifier::within`].
///
/// ```
/// # use resound::notification::{DatabaseStore, Notifier};
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
/// # let options = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
/// # let pool = options.connect("sqlite::memory:").await?;
/// # resound::sql::migrate(&pool).await?;
/// # let fake = resound::Fake::new();
/// # let broadcaster = fake.broadcaster();
/// # let notifier = Notifier::new(&broadcaster, DatabaseStore::new(&pool));
/// # let user = User { id: 1 };
/// let mut tx = broadcaster.begin(&pool).await?;
/// notifier.within(&mut tx).send(&user, InvoicePaid { amount: 5 }).await?;
/// tx.rollback().await?; // neither stored nor broadcast
/// fake.assert_nothing();
/// assert_eq!(notifier.inbox(&user).count().await?, 0);
/// # Ok(())
/// # }
/// ```
#[must_use = "it does nothing until `.send(…)`"]
pub struct WithinTransaction<'a> {
    notifier: Notifier,
    transaction: &'a mut dyn sending::Transaction,
}

impl<'a> WithinTransaction<'a> {
    /// Begins to notify somebody. What goes wrong with the row fails the sending; what goes wrong after the commit is in the log.
    ///
    /// ```
    /// # use resound::notification::{DatabaseStore, Notifier};
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
    /// # let options = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
    /// # let pool = options.connect("sqlite::memory:").await?;
    /// # resound::sql::migrate(&pool).await?;
    /// # let fake = resound::Fake::new();
    /// # let broadcaster = fake.broadcaster();
    /// # let notifier = Notifier::new(&broadcaster, DatabaseStore::new(&pool));
    /// # let user = User { id: 1 };
    /// let mut tx = broadcaster.begin(&pool).await?;
    /// let receipt = notifier.within(&mut tx).send(&user, InvoicePaid { amount: 5 }).await?;
    /// tx.commit().await?;
    /// assert!(notifier.inbox(&user).find(&receipt.id).await?.is_some());
    /// # assert_eq!(fake.events().len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn send<N, T>(
        self,
        notifiable: &'a N,
        notification: T,
    ) -> PendingNotification<'a, N, T, One>
    where
        N: Notifiable + Sync,
        T: Notification<N> + Send + Sync + 'static,
    {
        self.notifier.send(notifiable, notification).within(self.transaction)
    }

    /// Begins to notify many.
    ///
    /// ```
    /// # use resound::notification::{DatabaseStore, Notifier};
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
    /// # let options = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
    /// # let pool = options.connect("sqlite::memory:").await?;
    /// # resound::sql::migrate(&pool).await?;
    /// # let fake = resound::Fake::new();
    /// # let broadcaster = fake.broadcaster();
    /// # let notifier = Notifier::new(&broadcaster, DatabaseStore::new(&pool));
    /// let users = [User { id: 1 }, User { id: 2 }];
    /// let mut tx = broadcaster.begin(&pool).await?;
    /// notifier.within(&mut tx).send_many(&users, InvoicePaid { amount: 5 }).await?;
    /// tx.commit().await?;
    /// assert_eq!(fake.events().len(), 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_many<N, T>(
        self,
        notifiables: impl IntoIterator<Item = &'a N>,
        notification: T,
    ) -> PendingNotification<'a, N, T, Many>
    where
        N: Notifiable + Sync,
        T: Notification<N> + Send + Sync + 'static,
    {
        self.notifier.send_many(notifiables, notification).within(self.transaction)
    }
}

impl std::fmt::Debug for WithinTransaction<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WithinTransaction")
            .field("notifier", &self.notifier)
            .finish_non_exhaustive()
    }
}

impl<DB: Backend> sending::Transaction for Transaction<'_, DB> {
    fn insert<'a>(&'a mut self, rows: &'a [Row]) -> Storing<'a, ()> {
        Box::pin(insert::<DB>(self, rows))
    }

    fn waits(&self) -> Waits {
        self.scope().waits()
    }
}
