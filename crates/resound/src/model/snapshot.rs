//! How a model was.

use std::marker::PhantomData;

use serde_json::Value;

use crate::model::BroadcastsEvents;

/// How a model was before it was changed: its serialised fields. It borrows nothing, and the model need not be `Clone`.
///
/// ```
/// # use resound::{Model, model::{BroadcastsEvents, Snapshot}};
/// # #[derive(serde::Serialize)]
/// # struct Post { id: u64, title: String, updated_at: u64 }
/// # impl Model for Post { fn key(&self) -> String { self.id.to_string() } }
/// # impl BroadcastsEvents for Post {}
/// let mut post = Post { id: 1, title: "a".to_owned(), updated_at: 1 };
/// let before = Snapshot::of(&post);
/// post.updated_at = 2;
/// assert!(before.changes(&post).is_empty());
/// post.title = "b".to_owned();
/// assert_eq!(before.changes(&post), ["title"]);
/// ```
#[derive(Debug)]
pub struct Snapshot<M> {
    /// `None` if it can't be written as JSON: then everything is a change, and the sending says what is wrong.
    fields: Option<Value>,
    of: PhantomData<fn() -> M>,
}

impl<M> Clone for Snapshot<M> {
    fn clone(&self) -> Self {
        Self { fields: self.fields.clone(), of: PhantomData }
    }
}

impl<M: BroadcastsEvents> Snapshot<M> {
    /// Takes one.
    ///
    /// ```
    /// # use resound::{Model, model::{BroadcastsEvents, Snapshot}};
    /// # #[derive(serde::Serialize)]
    /// # struct Post { id: u64 }
    /// # impl Model for Post { fn key(&self) -> String { self.id.to_string() } }
    /// # impl BroadcastsEvents for Post {}
    /// # let post = Post { id: 7 };
    /// let before = Snapshot::of(&post);
    /// assert!(before.changes(&post).is_empty());
    /// ```
    pub fn of(model: &M) -> Self {
        Self { fields: serde_json::to_value(model).ok(), of: PhantomData }
    }

    /// The names of the fields that differ by now, without those of [`BroadcastsEvents::UNOBSERVED`]. Laravel: `getChanges()`.
    ///
    /// A model that is no struct with fields has one without a name.
    ///
    /// ```
    /// # use resound::{Model, model::{BroadcastsEvents, Snapshot}};
    /// #[derive(serde::Serialize)]
    /// struct Post { id: u64, title: &'static str, votes: u64 }
    /// # impl Model for Post { fn key(&self) -> String { self.id.to_string() } }
    /// # impl BroadcastsEvents for Post {}
    ///
    /// let before = Snapshot::of(&Post { id: 7, title: "Draft", votes: 0 });
    /// assert_eq!(before.changes(&Post { id: 7, title: "News", votes: 0 }), ["title"]);
    /// ```
    pub fn changes(&self, after: &M) -> Vec<String> {
        let (Some(before), Ok(after)) = (&self.fields, serde_json::to_value(after)) else {
            return vec![String::new()];
        };
        let (Some(old), Some(new)) = (before.as_object(), after.as_object()) else {
            return if *before == after { Vec::new() } else { vec![String::new()] };
        };
        let gone = old.keys().filter(|name| !new.contains_key(*name));
        let differs = |name: &&String| old.get(*name) != new.get(*name);
        let is_observed = |name: &&String| !M::UNOBSERVED.contains(&name.as_str());
        new.keys().filter(differs).chain(gone).filter(is_observed).cloned().collect()
    }
}

impl<M: BroadcastsEvents> From<&M> for Snapshot<M> {
    fn from(model: &M) -> Self {
        Self::of(model)
    }
}
