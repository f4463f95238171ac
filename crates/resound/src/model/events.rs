//! What happened to a model: events for whoever sends, and the broadcaster's own methods for them.

use crate::{
    broadcaster::Broadcaster,
    model::{BroadcastsEvents, ModelEvent, ModelEventOccurred, Snapshot},
    pending::PendingBroadcast,
};

/// The event that a model was created, for whatever sends events: a transaction, say.
/// [`Broadcaster::created`] sends it.
///
/// ```
/// # use resound::{Broadcaster, Model, model::{self, BroadcastsEvents}};
/// # #[derive(serde::Serialize)]
/// # struct Post { id: u64 }
/// # impl Model for Post { fn key(&self) -> String { self.id.to_string() } }
/// # impl BroadcastsEvents for Post {}
/// # #[cfg(feature = "sqlx-sqlite")]
/// async fn publish(broadcaster: &Broadcaster, pool: &sqlx::SqlitePool) -> Result<(), sqlx::Error> {
///     let mut tx = broadcaster.begin(pool).await?;
///     sqlx::query("INSERT INTO posts (id) VALUES (7)").execute(&mut *tx).await?;
///     tx.send(model::created(&Post { id: 7 })).await;
///     tx.commit().await
/// }
/// ```
pub fn created<M: BroadcastsEvents>(model: &M) -> ModelEventOccurred<M> {
    ModelEventOccurred::new(ModelEvent::Created, model)
}

/// The event that a model was changed, which is not sent if it was not. [`Broadcaster::updated`] sends it.
pub fn updated<M: BroadcastsEvents>(
    before: impl Into<Snapshot<M>>,
    after: &M,
) -> ModelEventOccurred<M> {
    let is_change = !before.into().changes(after).is_empty();
    ModelEventOccurred::new(ModelEvent::Updated, after).only_if(is_change)
}

/// The event that a model was moved to where it can be restored from. [`Broadcaster::trashed`] sends it.
pub fn trashed<M: BroadcastsEvents>(model: &M) -> ModelEventOccurred<M> {
    ModelEventOccurred::new(ModelEvent::Trashed, model)
}

/// The event that a model came back from there. [`Broadcaster::restored`] sends it.
pub fn restored<M: BroadcastsEvents>(model: &M) -> ModelEventOccurred<M> {
    ModelEventOccurred::new(ModelEvent::Restored, model)
}

/// The event that a model was deleted. [`Broadcaster::deleted`] sends it.
pub fn deleted<M: BroadcastsEvents>(model: &M) -> ModelEventOccurred<M> {
    ModelEventOccurred::new(ModelEvent::Deleted, model)
}

/// What happened to a [model](crate::model). Each gives what [`Broadcaster::send`] gives: it is sent when it is awaited.
impl Broadcaster {
    /// A model was created. Laravel: `broadcastCreated()`.
    ///
    /// ```
    /// # use resound::{Broadcaster, Model, model::BroadcastsEvents};
    /// # #[derive(serde::Serialize)]
    /// # struct Post { id: u64 }
    /// # impl Model for Post { fn key(&self) -> String { self.id.to_string() } }
    /// # impl BroadcastsEvents for Post {}
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # let broadcaster = Broadcaster::null();
    /// broadcaster.created(&Post { id: 7 }).to_others("123.456").await;
    /// # }
    /// ```
    pub fn created<M>(&self, model: &M) -> PendingBroadcast<ModelEventOccurred<M>>
    where
        M: BroadcastsEvents,
    {
        self.send(created(model))
    }

    /// A model was changed; if it was not, nothing is sent. Laravel: `broadcastUpdated()`.
    ///
    /// What it was before is a [`Snapshot`] or the model itself.
    pub fn updated<M>(
        &self,
        before: impl Into<Snapshot<M>>,
        after: &M,
    ) -> PendingBroadcast<ModelEventOccurred<M>>
    where
        M: BroadcastsEvents,
    {
        self.send(updated(before, after))
    }

    /// A model was moved to where it can be restored from. Laravel: `broadcastTrashed()`.
    pub fn trashed<M>(&self, model: &M) -> PendingBroadcast<ModelEventOccurred<M>>
    where
        M: BroadcastsEvents,
    {
        self.send(trashed(model))
    }

    /// A model came back from there. Laravel: `broadcastRestored()`.
    pub fn restored<M>(&self, model: &M) -> PendingBroadcast<ModelEventOccurred<M>>
    where
        M: BroadcastsEvents,
    {
        self.send(restored(model))
    }

    /// A model was deleted. Laravel: `broadcastDeleted()`.
    pub fn deleted<M>(&self, model: &M) -> PendingBroadcast<ModelEventOccurred<M>>
    where
        M: BroadcastsEvents,
    {
        self.send(deleted(model))
    }
}
