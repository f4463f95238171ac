//! The broadcaster's methods for models.

use crate::{
    broadcaster::Broadcaster,
    model::{BroadcastsEvents, ModelEvent, ModelEventOccurred, Snapshot},
    pending::PendingBroadcast,
};

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
    pub fn created<M: BroadcastsEvents>(
        &self,
        model: &M,
    ) -> PendingBroadcast<ModelEventOccurred<M>> {
        self.send(ModelEventOccurred::new(ModelEvent::Created, model))
    }

    /// A model was changed; if it was not, nothing is sent. Laravel: `broadcastUpdated()`.
    ///
    /// What it was before is a [`Snapshot`] or the model itself.
    pub fn updated<M: BroadcastsEvents>(
        &self,
        before: impl Into<Snapshot<M>>,
        after: &M,
    ) -> PendingBroadcast<ModelEventOccurred<M>> {
        let is_change = !before.into().changes(after).is_empty();
        self.send(ModelEventOccurred::new(ModelEvent::Updated, after).only_if(is_change))
    }

    /// A model was moved to where it can be restored from. Laravel: `broadcastTrashed()`.
    pub fn trashed<M: BroadcastsEvents>(
        &self,
        model: &M,
    ) -> PendingBroadcast<ModelEventOccurred<M>> {
        self.send(ModelEventOccurred::new(ModelEvent::Trashed, model))
    }

    /// A model came back from there. Laravel: `broadcastRestored()`.
    pub fn restored<M: BroadcastsEvents>(
        &self,
        model: &M,
    ) -> PendingBroadcast<ModelEventOccurred<M>> {
        self.send(ModelEventOccurred::new(ModelEvent::Restored, model))
    }

    /// A model was deleted. Laravel: `broadcastDeleted()`.
    pub fn deleted<M: BroadcastsEvents>(
        &self,
        model: &M,
    ) -> PendingBroadcast<ModelEventOccurred<M>> {
        self.send(ModelEventOccurred::new(ModelEvent::Deleted, model))
    }
}
