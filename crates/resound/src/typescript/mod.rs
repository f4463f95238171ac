#![doc = include_str!("../../docs/typescript.md")]
//!
//! # Layout
//!
//! * `channels`: names of channels as types
//! * `declarations`: the types of payloads, by ts-rs
//! * `file`: the text, and the file it is in
//! * `difference`: what differs from the file

mod channels;
mod declarations;
mod difference;
mod file;

use std::{collections::BTreeMap, io, path::PathBuf};

use ts_rs::TS;

use crate::{
    channel::Channel,
    event::{Described, Payload},
    name::EventName,
    typescript::{channels::Patterns, declarations::Declarations},
};

pub use file::Written;

/// The events of an application, as a front end in TypeScript gets to know them; see the [module](self).
///
/// ```
/// use resound::{Broadcast, typescript::Types};
///
/// #[derive(serde::Serialize, Broadcast, ts_rs::TS)]
/// #[broadcast(private = "orders.{id}")]
/// struct OrderShipped { id: u64 }
///
/// let text = Types::new().event::<OrderShipped>().render()?;
/// assert!(text.contains("type OrderShipped = { id: number, };"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
#[must_use = "nothing is written until `.write(path)`"]
pub struct Types {
    declarations: Declarations,
    /// By the name that a page listens to.
    events: BTreeMap<String, Event>,
    notifications: BTreeMap<String, Event>,
    /// Channels without an event.
    channels: Patterns,
    twice: Vec<String>,
}

/// What is known of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Event {
    payload: String,
    channels: Patterns,
}

/// Why there are no types.
///
/// ```
/// use resound::{Channel, EventName, typescript::{Types, TypesError}};
///
/// let types = Types::new()
///     .event_named::<String>(EventName::short("Posted"), [Channel::public("news")])
///     .event_named::<bool>(EventName::short("Posted"), [Channel::public("news")]);
/// assert!(matches!(types.render(), Err(TypesError::Twice { name }) if name == "Posted"));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TypesError {
    /// Two types, or two events, have one name.
    #[error(
        "{name} is the name of two different types or events; rename one, for TypeScript by #[ts(rename = \"…\")]"
    )]
    Twice {
        /// The name.
        name: String,
    },
    /// A file could not be read or written.
    #[error("{} can't be read or written: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
    /// The file says something else than the types.
    #[error("{} is not what the types of the events are; write it anew\n{difference}", path.display())]
    Differs {
        /// The file.
        path: PathBuf,
        /// Lines with `-` are in the file, those with `+` belong there.
        difference: String,
    },
}

impl Types {
    /// No events yet.
    ///
    /// ```
    /// use resound::typescript::Types;
    ///
    /// let text = Types::new().render()?; // `TypedEcho`, which knows no events
    /// assert!(text.contains("TypedEcho"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an event that derives [`Broadcast`](macro@crate::Broadcast) and [`TS`]. One with `#[broadcast(with = …)]` is
    /// for [`event_as`](Types::event_as): this does not compile for it.
    ///
    /// ```compile_fail
    /// use resound::{Broadcast, typescript::Types};
    ///
    /// #[derive(serde::Serialize, Broadcast, ts_rs::TS)]
    /// #[broadcast(channel = "news", with = "something else")]
    /// struct Posted { id: u64 }
    ///
    /// let types = Types::new().event::<Posted>();
    /// ```
    ///
    /// ```
    /// use resound::{Broadcast, typescript::Types};
    ///
    /// #[derive(serde::Serialize, Broadcast, ts_rs::TS)]
    /// #[broadcast(channel = "news", name = "posted")]
    /// struct Posted { title: String }
    ///
    /// let text = Types::new().event::<Posted>().render()?;
    /// assert!(text.contains(r#"".posted": { payload: Posted; "#));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn event<E: Described + TS + 'static>(self) -> Self {
        const {
            assert!(
                matches!(E::PAYLOAD, Payload::Fields),
                "this event sends something else than its fields: use `.event_as::<Event, WhatItSends>()`"
            );
        };
        self.event_as::<E, E>()
    }

    /// Adds an event whose payload has another type.
    ///
    /// ```
    /// use resound::{Broadcast, typescript::Types};
    ///
    /// #[derive(serde::Serialize, ts_rs::TS)]
    /// struct Summary { title: String }
    ///
    /// #[derive(serde::Serialize, Broadcast)]
    /// #[broadcast(channel = "news", with = self.summary())]
    /// struct Posted { title: String, text: String }
    /// # impl Posted { fn summary(&self) -> Summary { Summary { title: self.title.clone() } } }
    ///
    /// let text = Types::new().event_as::<Posted, Summary>().render()?;
    /// assert!(text.contains(r#""Posted": { payload: Summary; "#));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn event_as<E: Described, P: TS + 'static>(self) -> Self {
        let channels = Patterns::of(E::CHANNELS.iter().copied());
        self.add::<P>(E::NAME, channels)
    }

    /// Adds an event that implements [`Broadcast`](trait@crate::Broadcast) by hand, or has no type: its name, and the
    /// channels, with braces around what differs.
    ///
    /// ```
    /// use resound::{Channel, EventName, typescript::Types};
    ///
    /// let types = Types::new().event_named::<String>(EventName::exact("greeting"), [Channel::private("user.{id}")]);
    /// assert!(types.render()?.contains("private: `user.${string}`;"));
    /// # Ok::<(), resound::typescript::TypesError>(())
    /// ```
    pub fn event_named<P: TS + 'static>(
        self,
        name: EventName,
        channels: impl IntoIterator<Item = Channel>,
    ) -> Self {
        let channels: Vec<Channel> = channels.into_iter().collect();
        self.add::<P>(name, Patterns::of(channels.iter().map(Channel::as_str)))
    }

    /// Adds a notification: its `type`, and the channels of those who get it. `id` and `type` are added to its payload.
    ///
    /// ```
    /// use resound::{Channel, typescript::Types};
    ///
    /// let channel = Channel::private("App.Models.User.{id}");
    /// let types = Types::new().notification::<u32>("invoice.paid", [channel]);
    /// assert!(types.render()?.contains(r#"number & { id: string; type: "invoice.paid" }"#));
    /// # Ok::<(), resound::typescript::TypesError>(())
    /// ```
    pub fn notification<P: TS + 'static>(
        mut self,
        kind: &str,
        channels: impl IntoIterator<Item = Channel>,
    ) -> Self {
        let kind = file::quoted(kind);
        let payload = format!("{} & {{ id: string; type: {kind} }}", self.payload::<P>());
        let channels: Vec<Channel> = channels.into_iter().collect();
        let channels = Patterns::of(channels.iter().map(Channel::as_str));
        if self.notifications.insert(kind.clone(), Event { payload, channels }).is_some() {
            self.twice.push(kind);
        }
        self
    }

    /// Adds a channel without events: one for whispers, or for presence alone.
    ///
    /// ```
    /// use resound::{Channel, typescript::Types};
    ///
    /// let types = Types::new().channel(&Channel::presence("room.{id}"));
    /// assert!(types.render()?.contains("room.${string}"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn channel(mut self, channel: &Channel) -> Self {
        self.channels.add(channel.as_str());
        self
    }

    fn add<P: TS + 'static>(mut self, name: EventName, channels: Patterns) -> Self {
        // What a page listens to: Echo puts its namespace in front of a name without a dot.
        let name = match name {
            EventName::Short(name) => name.into_owned(),
            EventName::Exact(name) => format!(".{name}"),
        };
        let payload = self.payload::<P>();
        let event = Event { payload, channels };
        if self.events.insert(name.clone(), event.clone()).is_some_and(|other| other != event) {
            self.twice.push(name);
        }
        self
    }

    /// The type of a payload; one without fields is sent as `[]`.
    fn payload<P: TS + 'static>(&mut self) -> String {
        let name = self.declarations.add::<P>();
        if P::inline(&declarations::config()) == "null" { "[]".to_owned() } else { name }
    }
}
