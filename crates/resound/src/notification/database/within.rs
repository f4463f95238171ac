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
#[must_use = "it does nothing until `.send(…)`"]
pub struct WithinTransaction<'a> {
    notifier: Notifier,
    transaction: &'a mut dyn sending::Transaction,
}

impl<'a> WithinTransaction<'a> {
    /// Begins to notify somebody. What goes wrong with the row fails the sending; what goes wrong after the commit is in the log.
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
