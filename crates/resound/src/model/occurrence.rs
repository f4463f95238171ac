//! What happens to a model, as an event.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{Serialize, Serializer, ser::Error as _};
use serde_json::value::RawValue;

use crate::{
    channel::Channel, event::Broadcast, json, model::Model, name::EventName, pending::Timing,
};

/// What happened to a model.
///
/// ```
/// use resound::model::ModelEvent;
///
/// let is_there = |event| !matches!(event, ModelEvent::Trashed | ModelEvent::Deleted);
/// assert!(is_there(ModelEvent::Restored));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ModelEvent {
    /// It is new.
    Created,
    /// It changed.
    Updated,
    /// It was moved to where it can be [restored](Self::Restored) from. Laravel: soft deletes.
    Trashed,
    /// It came back from there.
    Restored,
    /// It is gone.
    Deleted,
}

impl ModelEvent {
    /// The word at the end of the event's name.
    ///
    /// ```
    /// assert_eq!(resound::model::ModelEvent::Created.as_str(), "Created");
    /// ```
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "Created",
            Self::Updated => "Updated",
            Self::Trashed => "Trashed",
            Self::Restored => "Restored",
            Self::Deleted => "Deleted",
        }
    }
}

/// A model whose changes are broadcast. Laravel: the trait `BroadcastsEvents`.
///
/// Everything has a default; see the [module](crate::model) for what comes of it.
///
/// ```
/// use resound::{Channel, EventName, Model, model::{BroadcastsEvents, ModelEvent}};
/// use serde::Serialize;
///
/// #[derive(Serialize)]
/// struct Post { id: u64, blog: u64, title: String, views: u64 }
/// impl Model for Post {
///     fn key(&self) -> String { self.id.to_string() }
/// }
/// impl BroadcastsEvents for Post {
///     const UNOBSERVED: &'static [&'static str] = &["views"];
///
///     fn broadcast_on(&self, event: ModelEvent) -> Vec<Channel> {
///         match event {
///             ModelEvent::Deleted => Vec::new(), // not sent
///             _ => vec![Channel::private(self), Channel::private(format!("blogs.{}", self.blog))],
///         }
///     }
///     fn broadcast_as(&self, event: ModelEvent) -> Option<EventName> {
///         (event == ModelEvent::Created).then(|| EventName::exact("post.published"))
///     }
///     fn broadcast_with(&self, _: ModelEvent) -> Option<impl Serialize> {
///         Some(serde_json::json!({ "title": self.title }))
///     }
/// }
/// ```
pub trait BroadcastsEvents: Model + Serialize + 'static {
    /// Fields in which a difference is no change, `updated_at` by default.
    const UNOBSERVED: &'static [&'static str] = &["updated_at"];

    /// Where an event goes, the model's own private channel by default; to none, and it is not sent.
    /// Laravel: `broadcastOn($event)`.
    ///
    /// ```
    /// # use resound::{Broadcast, Channel, Model, model::{self, BroadcastsEvents, ModelEvent}};
    /// # #[derive(serde::Serialize)]
    /// # struct Post { id: u64, blog: u64 }
    /// # impl Model for Post { fn key(&self) -> String { self.id.to_string() } }
    /// impl BroadcastsEvents for Post {
    ///     fn broadcast_on(&self, event: ModelEvent) -> Vec<Channel> {
    ///         match event {
    ///             ModelEvent::Created => vec![Channel::private(format!("blogs.{}", self.blog))],
    ///             _ => vec![Channel::private(self)],
    ///         }
    ///     }
    /// }
    /// # assert_eq!(model::created(&Post { id: 7, blog: 1 }).channels(), [Channel::private("blogs.1")]);
    /// ```
    fn broadcast_on(&self, event: ModelEvent) -> Vec<Channel> {
        let _ = event;
        vec![Channel::private(self.channel())]
    }

    /// What an event is called; `None`, the default, stands for `PostUpdated` and its like.
    /// Laravel: `broadcastAs($event)`.
    ///
    /// ```
    /// # use resound::{Broadcast, EventName, Model, model::{self, BroadcastsEvents, ModelEvent}};
    /// # #[derive(serde::Serialize)]
    /// # struct Post { id: u64 }
    /// # impl Model for Post { fn key(&self) -> String { self.id.to_string() } }
    /// impl BroadcastsEvents for Post {
    ///     fn broadcast_as(&self, event: ModelEvent) -> Option<EventName> {
    ///         Some(EventName::exact(format!("post.{}", event.as_str().to_lowercase())))
    ///     }
    /// }
    /// # assert_eq!(model::created(&Post { id: 7 }).name(), EventName::exact("post.created"));
    /// ```
    fn broadcast_as(&self, event: ModelEvent) -> Option<EventName> {
        let _ = event;
        None
    }

    /// What subscribers get; `None`, the default, stands for `{"model":{…},…}`. Laravel: `broadcastWith($event)`.
    ///
    /// ```
    /// # use resound::{Model, model::{self, BroadcastsEvents, ModelEvent}};
    /// # use serde::Serialize;
    /// # #[derive(Serialize)]
    /// # struct Post { id: u64, title: String }
    /// # impl Model for Post { fn key(&self) -> String { self.id.to_string() } }
    /// impl BroadcastsEvents for Post {
    ///     fn broadcast_with(&self, _: ModelEvent) -> Option<impl Serialize> {
    ///         Some(serde_json::json!({ "title": self.title }))
    ///     }
    /// }
    /// # let post = Post { id: 7, title: "News".to_owned() };
    /// # assert_eq!(model::created(&post).json(), Some(r#"{"title":"News"}"#));
    /// ```
    fn broadcast_with(&self, event: ModelEvent) -> Option<impl Serialize> {
        let _ = event;
        None::<()>
    }

    /// Whether an event is sent before the sender goes on, [`Timing::Later`] by default.
    ///
    /// ```
    /// # use resound::{Broadcast, Model, Timing, model::{self, BroadcastsEvents, ModelEvent}};
    /// # #[derive(serde::Serialize)]
    /// # struct Post { id: u64 }
    /// # impl Model for Post { fn key(&self) -> String { self.id.to_string() } }
    /// impl BroadcastsEvents for Post {
    ///     fn broadcast_timing(&self, event: ModelEvent) -> Timing {
    ///         if event == ModelEvent::Deleted { Timing::Now } else { Timing::Later }
    ///     }
    /// }
    /// # assert_eq!(model::deleted(&Post { id: 7 }).timing(), Timing::Now);
    /// ```
    fn broadcast_timing(&self, event: ModelEvent) -> Timing {
        let _ = event;
        Timing::Later
    }

    /// The queue that events wait in. Laravel: `broadcastQueue`.
    ///
    /// ```
    /// # use resound::{Broadcast, Model, model::{self, BroadcastsEvents}};
    /// # use std::borrow::Cow;
    /// # #[derive(serde::Serialize)]
    /// # struct Post { id: u64 }
    /// # impl Model for Post { fn key(&self) -> String { self.id.to_string() } }
    /// impl BroadcastsEvents for Post {
    ///     fn broadcast_queue(&self) -> Option<Cow<'static, str>> {
    ///         Some("low".into())
    ///     }
    /// }
    /// # assert_eq!(model::created(&Post { id: 7 }).queue().as_deref(), Some("low"));
    /// ```
    fn broadcast_queue(&self) -> Option<Cow<'static, str>> {
        None
    }

    /// The broadcast connections that events are sent by; none, the default, means the broadcaster's default one.
    ///
    /// ```
    /// # use resound::{Broadcast, Model, model::{self, BroadcastsEvents}};
    /// # use std::borrow::Cow;
    /// # #[derive(serde::Serialize)]
    /// # struct Post { id: u64 }
    /// # impl Model for Post { fn key(&self) -> String { self.id.to_string() } }
    /// impl BroadcastsEvents for Post {
    ///     fn broadcast_connections(&self) -> Vec<Cow<'static, str>> {
    ///         vec!["reverb".into()]
    ///     }
    /// }
    /// # assert_eq!(model::created(&Post { id: 7 }).connections(), ["reverb"]);
    /// ```
    fn broadcast_connections(&self) -> Vec<Cow<'static, str>> {
        Vec::new()
    }
}

/// Something that happened to a model `M`: the event that the broadcaster sends.
///
/// In tests, `fake.assert_broadcast::<ModelEventOccurred<Post>>(|event| event.event == ModelEvent::Created)`.
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
/// broadcaster.created(&Post { id: 7 }).await;
/// fake.assert_broadcast::<ModelEventOccurred<Post>>(|it| it.event == ModelEvent::Created && it.key == "7");
/// # }
/// ```
pub struct ModelEventOccurred<M> {
    /// What happened.
    pub event: ModelEvent,
    /// To which model: its [`key`](Model::key).
    pub key: String,
    name: EventName,
    channels: Vec<Channel>,
    /// What can't be written as JSON is the sending's error.
    payload: Result<Box<RawValue>, String>,
    timing: Timing,
    queue: Option<Cow<'static, str>>,
    connections: Vec<Cow<'static, str>>,
    is_change: bool,
    of: PhantomData<fn() -> M>,
}

/// The public properties of Laravel's `BroadcastableModelEventOccurred`, in their order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Payload<'a, M> {
    model: &'a M,
    connection: (),
    queue: Option<Cow<'static, str>>,
    after_commit: bool,
}

impl<M: BroadcastsEvents> ModelEventOccurred<M> {
    pub(super) fn new(event: ModelEvent, model: &M) -> Self {
        let class = M::class();
        let short = class.rsplit('\\').next().unwrap_or(&class);
        let default_name = || EventName::exact(format!("{short}{}", event.as_str()));
        Self {
            event,
            key: model.key(),
            name: model.broadcast_as(event).unwrap_or_else(default_name),
            channels: model.broadcast_on(event),
            payload: payload(event, model).map_err(|error| error.to_string()),
            timing: model.broadcast_timing(event),
            queue: model.broadcast_queue(),
            connections: model.broadcast_connections(),
            is_change: true,
            of: PhantomData,
        }
    }

    /// The same, not sent if nothing changed.
    pub(super) fn only_if(mut self, is_change: bool) -> Self {
        self.is_change = is_change;
        self
    }
}

impl<M> ModelEventOccurred<M> {
    /// What is sent, as JSON; `None` if it can't be written as such.
    ///
    /// ```
    /// # use resound::{Model, model::{self, BroadcastsEvents}};
    /// # #[derive(serde::Serialize)]
    /// # struct Post { id: u64 }
    /// # impl Model for Post { fn key(&self) -> String { self.id.to_string() } }
    /// # impl BroadcastsEvents for Post {}
    /// let event = model::created(&Post { id: 7 });
    /// let json = r#"{"model":{"id":7},"connection":null,"queue":null,"afterCommit":false}"#;
    /// assert_eq!(event.json(), Some(json));
    /// ```
    pub fn json(&self) -> Option<&str> {
        self.payload.as_deref().ok().map(RawValue::get)
    }
}

fn payload<M: BroadcastsEvents>(event: ModelEvent, model: &M) -> serde_json::Result<Box<RawValue>> {
    let written = match model.broadcast_with(event) {
        Some(with) => json::encode(&with)?,
        None => {
            let queue = model.broadcast_queue();
            json::encode(&Payload { model, connection: (), queue, after_commit: false })?
        }
    };
    RawValue::from_string(written)
}

impl<M> Serialize for ModelEventOccurred<M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.payload.as_ref().map_err(S::Error::custom)?.serialize(serializer)
    }
}

impl<M> Broadcast for ModelEventOccurred<M> {
    fn channels(&self) -> Vec<Channel> {
        self.channels.clone()
    }

    fn name(&self) -> EventName {
        self.name.clone()
    }

    fn when(&self) -> bool {
        self.is_change
    }

    fn timing(&self) -> Timing {
        self.timing
    }

    fn queue(&self) -> Option<Cow<'static, str>> {
        self.queue.clone()
    }

    fn connections(&self) -> Vec<Cow<'static, str>> {
        self.connections.clone()
    }
}

impl<M> fmt::Debug for ModelEventOccurred<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelEventOccurred")
            .field("event", &self.event)
            .field("key", &self.key)
            .field("name", &self.name)
            .field("channels", &self.channels)
            .finish_non_exhaustive()
    }
}
