//! `#[derive(Broadcast)]`.

use std::{borrow::Cow, fmt};

use resound::{Broadcast, Channel, Envelope, EventName, Model, Timing};
use serde::Serialize;

#[track_caller]
fn check(event: &impl Broadcast, channels: &[&str], name: &str, payload: &str) {
    let envelope = Envelope::of(event, "App\\Events").expect("JSON");
    let names: Vec<_> = envelope.channels.iter().map(Channel::as_str).collect();
    assert_eq!((&*names, &*envelope.name, &*envelope.payload), (channels, name, payload));
}

#[derive(Serialize, Broadcast)]
#[broadcast(private = "orders.{user_id}", name = "order.updated")]
struct OrderUpdated {
    user_id: u64,
    status: Status,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Shipped,
}

#[test]
fn an_event_is_sent_to_the_channel_of_its_field() {
    let event = OrderUpdated { user_id: 7, status: Status::Shipped };
    check(&event, &["private-orders.7"], "order.updated", r#"{"user_id":7,"status":"shipped"}"#);
    assert!(event.when());
    assert_eq!(event.timing(), Timing::Later);
    assert_eq!(event.queue(), None);
    assert!(event.connections().is_empty());
}

#[derive(Serialize, Broadcast)]
#[broadcast(
    channel = "all",
    private = "p.{id}",
    presence = "room.{room.id}",
    encrypted = "e.{key()}"
)]
#[broadcast(public = "two.{id}.{room.id}")]
struct Many {
    id: u64,
    room: Room,
}

#[derive(Serialize)]
struct Room {
    id: &'static str,
}

impl Many {
    fn key(&self) -> String {
        format!("{}-{}", self.id, self.room.id)
    }
}

#[test]
fn several_channels_of_all_kinds_keep_their_order() {
    check(
        &Many { id: 1, room: Room { id: "a" } },
        &["all", "private-p.1", "presence-room.a", "private-encrypted-e.1-a", "two.1.a"],
        r"App\Events\Many",
        r#"{"id":1,"room":{"id":"a"}}"#,
    );
}

#[derive(Serialize, Broadcast)]
#[broadcast(private = "pairs.{0}.{1.id}")]
struct Pair(u8, Room);

#[derive(Serialize, Broadcast)]
#[broadcast(channel = "raw.{type}.{self.r#type}")]
struct Raw {
    r#type: u8,
}

#[test]
fn fields_without_names_and_with_raw_names_are_found() {
    check(
        &Pair(1, Room { id: "x" }),
        &["private-pairs.1.x"],
        r"App\Events\Pair",
        r#"[1,{"id":"x"}]"#,
    );
    check(&Raw { r#type: 2 }, &["raw.2.2"], r"App\Events\Raw", r#"{"type":2}"#);
}

#[derive(Serialize)]
struct User {
    id: u64,
}
impl Model for User {
    fn key(&self) -> String {
        self.id.to_string()
    }
}

#[derive(Serialize, Broadcast)]
#[broadcast(private = &self.user, channels = self.topics.iter().map(|topic| format!("topic.{topic}")))]
#[broadcast(namespace = "Shop.Events", when = self.user.id > 1, now, queue = "high")]
#[broadcast(
    connection = "reverb",
    connection = "log",
    with = "Summary { count: self.topics.len() }"
)]
struct Everything {
    user: User,
    topics: Vec<u8>,
}

#[derive(Serialize)]
struct Summary {
    count: usize,
}

#[test]
fn everything_can_be_said_in_attributes() {
    let event = Everything { user: User { id: 1 }, topics: vec![3, 4] };
    check(
        &event,
        &["private-App.Models.User.1", "topic.3", "topic.4"],
        r"Shop\Events\Everything",
        r#"{"count":2}"#,
    );
    assert!(!event.when());
    assert!(Everything { user: User { id: 2 }, ..event }.when());
    let event = Everything { user: User { id: 1 }, topics: Vec::new() };
    assert_eq!(event.timing(), Timing::Now);
    assert_eq!(event.queue(), Some(Cow::Borrowed("high")));
    assert_eq!(event.connections(), ["reverb", "log"]);
}

#[derive(Serialize, Broadcast)]
#[broadcast(channel = "of.{value}", crate = "resound")]
struct Generic<'a, T: fmt::Display> {
    value: &'a T,
}

#[test]
fn events_may_be_generic() {
    check(&Generic { value: &5 }, &["of.5"], r"App\Events\Generic", r#"{"value":5}"#);
}

#[derive(Serialize, Broadcast)]
#[broadcast(channel = "news")]
struct Unit;

#[derive(Serialize, Broadcast)]
#[broadcast(channel = "news", namespace = "")]
struct Bare;

#[derive(Serialize, Broadcast)]
#[broadcast(channel = "news", namespace = "\\Shop\\Events\\")]
struct Slashed;

#[test]
fn a_namespace_may_be_none_or_have_slashes_around_it() {
    check(&Bare, &["news"], "Bare", "[]");
    check(&Slashed, &["news"], r"Shop\Events\Slashed", "[]");
}

#[test]
fn an_event_without_fields_is_an_empty_list() {
    check(&Unit, &["news"], r"App\Events\Unit", "[]");
    assert_eq!(Unit.name(), EventName::short("Unit"));
}

/// Names that the derive's own code could be taken for.
#[allow(dead_code, non_camel_case_types, reason = "they are only in the way")]
mod in_the_way {
    use ::resound::Broadcast;

    pub(super) mod elsewhere {
        pub(crate) use ::resound as sound;
    }
    type Vec = ();
    type Option = ();
    type Result = ();
    type String = ();
    type Channel = ();
    type Timing = ();
    mod std {}
    mod core {}
    mod resound {}
    pub(super) fn channels() -> [&'static str; 2] {
        ["a", "b"]
    }
    pub(super) fn name(name: &str) -> ::std::string::String {
        name.to_owned()
    }

    #[derive(serde::Serialize, Broadcast)]
    #[broadcast(channels = channels(), private = name(self.channels), presence = "{channels}.{name}")]
    #[broadcast(crate = "elsewhere::sound", now, queue = "q", connection = "c", with = name("with"))]
    pub(super) struct Event {
        pub(super) channels: &'static str,
        pub(super) name: u8,
    }
}

#[test]
fn names_of_the_application_are_its_own() {
    let event = in_the_way::Event { channels: "x", name: 7 };
    check(&event, &["a", "b", "private-x", "presence-x.7"], r"App\Events\Event", r#""with""#);
}

macro_rules! event {
    ($name:ident, $channel:literal, $field:ident) => {
        #[derive(Serialize, Broadcast)]
        #[broadcast(channel = $channel, private = "own.{id}", when = self.id > 0, with = "self.id")]
        struct $name {
            $field: u8,
            id: u8,
        }
    };
}
event!(Made, "made.{other}.{id}", other);

#[test]
fn a_macro_may_write_events() {
    let event = Made { other: 1, id: 2 };
    check(&event, &["made.1.2", "private-own.2"], r"App\Events\Made", "2");
    assert!(event.when());
}

#[derive(Serialize, Broadcast)]
#[broadcast(channel = "{kind.0.1}.{items.len()}.{self.kind.1}.{self.r#in}")]
struct r#Bounded<T, const N: usize = 3>
where
    T: Serialize,
{
    kind: ((u8, char), u8),
    items: Vec<T>,
    r#in: u8,
    #[serde(skip)]
    _sizes: [u8; N],
}

#[test]
fn events_may_have_bounds_and_sizes() {
    let event = Bounded { kind: ((1, 'a'), 2), items: vec!["x"], r#in: 5, _sizes: [0; 3] };
    check(
        &event,
        &["a.1.2.5"],
        r"App\Events\Bounded",
        r#"{"kind":[[1,"a"],2],"items":["x"],"in":5}"#,
    );
}
