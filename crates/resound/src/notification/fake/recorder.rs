//! A notification on its way to the record.

use std::sync::Arc;

use crate::{
    after_commit::{Held, Waits},
    error::SendError,
    notification::{
        error::{Failure, Reason, StoreError},
        fake::record::{Record, Sent},
        notifier::{Notifier, Receipt},
        via::Via,
    },
    parcel::Parcel,
};

/// Takes notifications in tests: what waits for a transaction waits, and what fails within one fails.
pub(crate) struct Recorder<'a> {
    pub(crate) record: &'a Arc<Record>,
    pub(crate) notifier: &'a Notifier,
    pub(crate) waits: Waits,
    /// Whether a row would not be a part of the transaction that the sender is within.
    pub(crate) is_refused: bool,
}

impl Recorder<'_> {
    /// Remembers a notification for one notifiable, when its transaction is committed if there is one.
    ///
    /// # Errors
    /// Those of a notifier with a store in a database.
    pub(crate) async fn record<T: Send + Sync + 'static>(
        &self,
        notification: &Arc<T>,
        planned: Result<Sent, Box<Failure>>,
    ) -> Result<Receipt, Box<Failure>> {
        let sent = planned?;
        let receipt = Receipt { id: sent.id.clone(), via: sent.via.clone() };
        let Some(last) = sent.via.last().cloned() else { return Ok(receipt) };
        let owner = sent.owner.clone();
        let failed = |via, reason| Failure { id: receipt.id.clone(), owner, via, reason };
        if self.is_refused && sent.via.contains(&Via::Database) {
            let reason = Reason::Store(Arc::new(StoreError::OutsideTransaction));
            return Err(Box::new(failed(Via::Database, reason)));
        }
        let parcel = Parcel::Work(self.record.later(notification, sent));
        match self.deliver(parcel).await {
            Ok(()) => Ok(receipt),
            Err(error) => Err(Box::new(failed(last, error.into()))),
        }
    }

    async fn deliver(&self, parcel: Parcel) -> Result<(), SendError> {
        let broadcaster = self.notifier.broadcaster().clone();
        let held = self.waits.hold(Held { broadcaster, parcel })?;
        let Some(Held { broadcaster, parcel }) = held else { return Ok(()) };
        broadcaster.deliver(parcel).await
    }
}
