//! The types of payloads, by ts-rs.

use std::{
    any::TypeId,
    collections::{BTreeMap, HashSet},
};

use ts_rs::{Config, TS, TypeVisitor};

/// Declarations by their names.
#[derive(Debug, Default)]
pub(super) struct Declarations {
    seen: HashSet<TypeId>,
    texts: BTreeMap<String, String>,
    /// Names that two types have.
    twice: Vec<String>,
}

/// What the file itself declares.
const RESERVED: [&str; 15] = [
    "Broadcasts",
    "BroadcastDriver",
    "ChannelKind",
    "ChannelName",
    "Echo",
    "EventName",
    "EventPayload",
    "EventsOn",
    "NotificationOn",
    "Notifications",
    "OtherChannels",
    "TypedChannel",
    "TypedEcho",
    "TypedPresenceChannel",
    "TypedPrivateChannel",
];

/// `JSON.parse` makes a number of every integer, never a `bigint`.
pub(super) fn config() -> Config {
    Config::new().with_large_int("number")
}

impl Declarations {
    /// Adds a type with all that it is made of, and gives its name.
    pub(super) fn add<T: TS + 'static + ?Sized>(&mut self) -> String {
        self.visit::<T>();
        T::name(&config())
    }

    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.texts.values().map(String::as_str)
    }

    /// A name that two types have, or one that the file has for itself.
    pub(super) fn twice(&self) -> Option<&String> {
        let is_reserved = |name: &&String| RESERVED.contains(&name.as_str());
        self.twice.first().or_else(|| self.texts.keys().find(is_reserved))
    }
}

impl TypeVisitor for Declarations {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if !self.seen.insert(TypeId::of::<T>()) {
            return;
        }
        // Types of the language itself have no file that they would be written to, and no declaration.
        if T::output_path().is_some() {
            let config = config();
            let (name, docs) = (T::ident(&config), T::docs().unwrap_or_default());
            let text = format!("{docs}export {}\n", T::decl(&config));
            if self.texts.insert(name.clone(), text.clone()).is_some_and(|other| other != text) {
                self.twice.push(name);
            }
        }
        T::visit_dependencies(self);
        T::visit_generics(self);
    }
}
