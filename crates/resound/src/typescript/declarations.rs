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

/// What the file itself declares, and what of TypeScript's own it uses.
const RESERVED: [&str; 19] = [
    "Array",
    "Broadcasts",
    "BroadcastDriver",
    "ChannelKind",
    "ChannelName",
    "Echo",
    "EventName",
    "EventPayload",
    "Events",
    "EventsOn",
    "NotificationOn",
    "Notifications",
    "Omit",
    "OtherChannels",
    "Record",
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
            let text = ending_once(&format!("{docs}export {}\n", T::decl(&config)));
            if self.texts.insert(name.clone(), text.clone()).is_some_and(|other| other != text) {
                self.twice.push(name);
            }
        }
        T::visit_dependencies(self);
        T::visit_generics(self);
    }
}

/// Comments end where ts-rs ends them, and not at a `*/` in somebody's docs, as in `src/*/lib.rs`.
fn ending_once(text: &str) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut ended = String::with_capacity(text.len());
    let mut end = 0;
    for (at, line) in lines.iter().enumerate() {
        if line.trim() == "/**" {
            let comment = lines[at + 1..].iter().take_while(|line| line.trim().starts_with('*'));
            let last = comment.enumerate().find(|(_, line)| line.trim() == "*/");
            end = last.map_or(at, |(count, _)| at + 1 + count);
        }
        ended.push_str(&if at < end { line.replace("*/", "*\\/") } else { (*line).to_owned() });
    }
    ended
}
