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
///
/// ```
/// # use resound::{Fake, Model, model::{self, BroadcastsEvents, ModelEventOccurred}};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// #[derive(Clone, serde::Serialize)]
/// struct Post { id: u64, title: String }
/// # impl Model for Post { fn key(&self) -> String { self.id.to_string() } }
/// # impl BroadcastsEvents for Post {}
///
/// let before = Post { id: 7, title: "Draft".to_owned() };
/// let after = Post { title: "News".to_owned(), ..before.clone() };
/// # let fake = Fake::new();
/// # let broadcaster = fake.broadcaster();
/// broadcaster.send(model::updated(&before, &after)).await;
/// broadcaster.send(model::updated(&after, &after)).await;  // no change, no event
/// fake.assert_count::<ModelEventOccurred<Post>>(1);
/// # }
/// ```
pub fn updated<M: BroadcastsEvents>(
    before: impl Into<Snapshot<M>>,
    after: &M,
) -> ModelEventOccurred<M> {
    let is_change = !before.into().changes(after).is_empty();
    ModelEventOccurred::new(ModelEvent::Updated, after).only_if(is_change)
}

/// The event that a model was moved to where it can be restored from. [`Broadcaster::trashed`] sends it.
///
/// ```
/// # use resound::{Broadcast, EventName, Model, model::{self, BroadcastsEvents}};
/// # #[derive(serde::Serialize)]
/// # struct Post { id: u64 }
/// # impl Model for Post { fn key(&self) -> String { self.id.to_string() } }
/// # impl BroadcastsEvents for Post {}
/// let event = model::trashed(&Post { id: 7 });
/// assert_eq!(event.name(), EventName::exact("PostTrashed"));
/// ```
pub fn trashed<M: BroadcastsEvents>(model: &M) -> ModelEventOccurred<M> {
    ModelEventOccurred::new(ModelEvent::Trashed, model)
}

/// The event that a model came back from there. [`Broadcaster::restored`] sends it.
///
/// ```
/// # use resound::{Broadcast, EventName, Model, model::{self, BroadcastsEvents}};
/// # #[derive(serde::Serialize)]
/// # struct Post { id: u64 }
/// # impl Model for Post { fn key(&self) -> String { self.id.to_string() } }
/// # impl BroadcastsEvents for Post {}
/// let event = model::restored(&Post { id: 7 });
/// assert_eq!(event.name(), EventName::exact("PostRestored"));
/// ```
pub fn restored<M: BroadcastsEvents>(model: &M) -> ModelEventOccurred<M> {
    ModelEventOccurred::new(ModelEvent::Restored, model)
}

/// The event that a model was deleted. [`Broadcaster::deleted`] sends it.
///
/// ```
/// # use resound::{Broadcast, Channel, Model, model::{self, BroadcastsEvents}};
/// # #[derive(serde::Serialize)]
/// # struct Post { id: u64 }
/// # impl Model for Post { fn key(&self) -> String { self.id.to_string() } }
/// # impl BroadcastsEvents for Post {}
/// let event = model::deleted(&Post { id: 7 });
/// assert_eq!(event.channels(), [Channel::private("App.Models.Post.7")]);
/// ```
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
    ///
    /// ```
    /// # use resound::{Model, model::{BroadcastsEvents, ModelEvent, ModelEventOccurred, Snapshot}};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # #[derive(serde::Serialize)]
    /// # struct Post { id: u64, title: String }
    /// # impl Model for Post { fn key(&self) -> String { self.id.to_string() } }
    /// # impl BroadcastsEvents for Post {}
    /// # let fake = resound::Fake::new();
    /// # let broadcaster = fake.broadcaster();
    /// # let mut post = Post { id: 7, title: "Draft".to_owned() };
    /// let before = Snapshot::of(&post);
    /// post.title = "News".to_owned();
    /// broadcaster.updated(before, &post).await;
    /// # fake.assert_broadcast::<ModelEventOccurred<Post>>(|it| it.event == ModelEvent::Updated);
    /// # }
    /// ```
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
    ///
    /// ```
    /// # use resound::{Model, model::{BroadcastsEvents, ModelEvent, ModelEventOccurred}};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # #[derive(serde::Serialize)]
    /// # struct Post { id: u64 }
    /// # impl Model for Post { fn key(&self) -> String { self.id.to_string() } }
    /// # impl BroadcastsEvents for Post {}
    /// # let fake = resound::Fake::new();
    /// # let broadcaster = fake.broadcaster();
    /// # let post = Post { id: 7 };
    /// // UPDATE posts SET deleted_at = …
    /// broadcaster.trashed(&post).await;
    /// # fake.assert_broadcast::<ModelEventOccurred<Post>>(|it| it.event == ModelEvent::Trashed);
    /// # }
    /// ```
    pub fn trashed<M>(&self, model: &M) -> PendingBroadcast<ModelEventOccurred<M>>
    where
        M: BroadcastsEvents,
    {
        self.send(trashed(model))
    }

    /// A model came back from there. Laravel: `broadcastRestored()`.
    ///
    /// ```
    /// # use resound::{Model, model::{BroadcastsEvents, ModelEvent, ModelEventOccurred}};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # #[derive(serde::Serialize)]
    /// # struct Post { id: u64 }
    /// # impl Model for Post { fn key(&self) -> String { self.id.to_string() } }
    /// # impl BroadcastsEvents for Post {}
    /// # let fake = resound::Fake::new();
    /// # let broadcaster = fake.broadcaster();
    /// # let post = Post { id: 7 };
    /// // UPDATE posts SET deleted_at = NULL …
    /// broadcaster.restored(&post).await;
    /// # fake.assert_broadcast::<ModelEventOccurred<Post>>(|it| it.event == ModelEvent::Restored);
    /// # }
    /// ```
    pub fn restored<M>(&self, model: &M) -> PendingBroadcast<ModelEventOccurred<M>>
    where
        M: BroadcastsEvents,
    {
        self.send(restored(model))
    }

    /// A model was deleted. Laravel: `broadcastDeleted()`.
    ///
    /// ```
    /// # use resound::{Model, model::{BroadcastsEvents, ModelEvent, ModelEventOccurred}};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # #[derive(serde::Serialize)]
    /// # struct Post { id: u64 }
    /// # impl Model for Post { fn key(&self) -> String { self.id.to_string() } }
    /// # impl BroadcastsEvents for Post {}
    /// # let fake = resound::Fake::new();
    /// # let broadcaster = fake.broadcaster();
    /// # let post = Post { id: 7 };
    /// // DELETE FROM posts …
    /// broadcaster.deleted(&post).to_others("123.456").await;
    /// # fake.assert_broadcast::<ModelEventOccurred<Post>>(|it| it.event == ModelEvent::Deleted);
    /// # }
    /// ```
    pub fn deleted<M>(&self, model: &M) -> PendingBroadcast<ModelEventOccurred<M>>
    where
        M: BroadcastsEvents,
    {
        self.send(deleted(model))
    }
}
