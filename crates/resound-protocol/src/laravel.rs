//! What Laravel's redis broadcaster publishes: `{"event":"…","data":{…},"socket":"…"}`.

mod slug;

use std::{borrow::Cow, fmt, ops::Range};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::client::Text;

pub use slug::redis_prefix;

/// An event that an application published to Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisEvent<'a> {
    /// The event's name.
    pub name: Cow<'a, str>,
    /// The name's JSON string, quotes included.
    pub name_json: &'a str,
    /// The payload: any JSON, `null` if the message has none.
    pub data_json: &'a str,
    /// The connection that does not get the event.
    pub socket: Option<Cow<'a, str>>,
}

/// Why a message is no event.
#[derive(Debug, thiserror::Error)]
pub enum RedisFault {
    /// Not JSON, or a field is missing or of a wrong type.
    #[error("the message is no JSON of an event: {0}")]
    Json(#[from] serde_json::Error),
    /// JSON, but an array, a string, a number.
    #[error("the message is not a JSON object")]
    NotAnObject,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    event: &'a RawValue,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    socket: Option<Text<'a>>,
}

impl<'a> RedisEvent<'a> {
    /// Reads a message.
    ///
    /// # Errors
    /// If it is not a JSON object, `event` is not a string, or `socket` is neither a string nor
    /// `null`.
    pub fn parse(text: &'a [u8]) -> Result<Self, RedisFault> {
        if !text.trim_ascii_start().starts_with(b"{") {
            return Err(RedisFault::NotAnObject);
        }
        let Message { event, data, socket } = serde_json::from_slice(text)?;
        let Text(name) = serde_json::from_str(event.get())?;
        Ok(Self {
            name,
            name_json: event.get(),
            data_json: data.map_or("null", RawValue::get),
            socket: socket.map(|text| text.0),
        })
    }
}

/// The payload in the form of Pusher's events: its JSON as a JSON string.
pub fn data_string(data_json: &str) -> String {
    serde_json::to_string(data_json).expect("a string is JSON")
}

/// The payload without the member `socket`, which Laravel leaves inside of it with the redis driver
/// but takes out with the pusher driver. Everything else stays byte for byte as it is.
pub fn without_socket(data_json: &str) -> Cow<'_, str> {
    let may_have_it = memchr::memmem::find(data_json.as_bytes(), SOCKET.as_bytes()).is_some();
    if !may_have_it || !data_json.trim_ascii_start().starts_with('{') {
        return Cow::Borrowed(data_json);
    }
    let mut deserializer = serde_json::Deserializer::from_str(data_json);
    match deserializer.deserialize_map(Members { json: data_json }) {
        Ok(members) if members.iter().any(|member| is_socket(data_json, member)) => {
            Cow::Owned(join_others(data_json, &members))
        }
        Ok(_) | Err(_) => Cow::Borrowed(data_json),
    }
}

/// The name of the member that is dropped, as PHP writes it.
const SOCKET: &str = r#""socket""#;

fn is_socket(json: &str, member: &Range<usize>) -> bool {
    json[member.clone()].starts_with(SOCKET)
}

/// Joins the members that are kept, with what was written between them.
fn join_others(json: &str, members: &[Range<usize>]) -> String {
    let (Some(first), Some(last)) = (members.first(), members.last()) else {
        return json.to_owned();
    };
    let mut out = String::with_capacity(json.len());
    out.push_str(&json[..first.start]);
    let mut is_first = true;
    for (at, member) in members.iter().enumerate() {
        if is_socket(json, member) {
            continue;
        }
        if !is_first {
            out.push_str(&json[members[at - 1].end..member.start]);
        }
        is_first = false;
        out.push_str(&json[member.clone()]);
    }
    out.push_str(&json[last.end..]);
    out
}

/// Finds where each member of an object begins and ends.
struct Members<'a> {
    json: &'a str,
}

impl<'de> Visitor<'de> for Members<'de> {
    type Value = Vec<Range<usize>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        // Both are parts of the same text, so their addresses tell where in it they are.
        let start = |part: &str| part.as_ptr().addr() - self.json.as_ptr().addr();
        let mut members = Vec::new();
        while let Some((name, value)) = map.next_entry::<&RawValue, &RawValue>()? {
            let value = value.get();
            members.push(start(name.get())..start(value) + value.len());
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_of_laravel_is_read() {
        let text =
            br#"{"event":"App\\Events\\Posted","data":{"id": 1.0,"socket":"1.2"},"socket":"1.2"}"#;
        let expected = RedisEvent {
            name: r"App\Events\Posted".into(),
            name_json: r#""App\\Events\\Posted""#,
            data_json: r#"{"id": 1.0,"socket":"1.2"}"#,
            socket: Some("1.2".into()),
        };
        assert_eq!(RedisEvent::parse(text).expect("an event"), expected);
    }

    #[test]
    fn data_and_socket_may_be_missing() {
        for text in [
            r#"{"event":"a"}"#,
            r#" {"event":"a","data":null,"socket":null} "#,
            r#"{"socket":null,"event":"a","more":[1]}"#,
        ] {
            let event = RedisEvent::parse(text.as_bytes()).expect("an event");
            assert_eq!((&*event.name, event.data_json, event.socket), ("a", "null", None));
        }
    }

    #[test]
    fn everything_else_is_no_event() {
        for text in [
            &b""[..],
            b"x",
            b"[\"a\",{},null]",
            b"\"a\"",
            b"{}",
            b"{\"event\":7}",
            b"{\"event\":null}",
            b"{\"event\":\"\\ud800\"}",
            b"{\"event\":\"a\",\"socket\":7}",
            b"{\"event\":\"a\",\"data\":}",
            b"{\"event\":\"a\"}{}",
            b"{\"event\":\"\xff\"}",
            // laravel-echo-server's own message, see `publishPresence`.
            br#"{"event":{"channel":"presence-x:members","members":[]}}"#,
        ] {
            assert!(RedisEvent::parse(text).is_err(), "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn data_become_a_string_as_with_pusher() {
        assert_eq!(data_string(r#"{"a":"\u00e9"}"#), r#""{\"a\":\"\\u00e9\"}""#);
        assert_eq!(data_string("null"), r#""null""#);
    }

    #[track_caller]
    fn check_without(data_json: &str, expected: &str) {
        assert_eq!(without_socket(data_json), expected);
    }

    #[test]
    fn the_socket_is_taken_out_wherever_it_is() {
        check_without(r#"{"a":1.0,"socket":"1.2"}"#, r#"{"a":1.0}"#);
        check_without(r#"{"socket":null,"a":1.0}"#, r#"{"a":1.0}"#);
        check_without(r#"{"a":1, "socket" : {"b":2} , "c":3 }"#, r#"{"a":1 , "c":3 }"#);
        check_without(r#"{"socket":1,"socket":2,"a":{"socket":3}}"#, r#"{"a":{"socket":3}}"#);
        check_without(r#"{"socket":"1.2"}"#, "{}");
        check_without(r#" {"socket":1} "#, " {} ");
    }

    #[test]
    fn every_other_payload_is_not_touched() {
        for data in [
            "null",
            r#""socket""#,
            r#"["socket"]"#,
            r#"{"a":"socket"}"#,
            r#"{"a":{"socket":1}}"#,
            r#"{"socket_id":1,"a":["socket"]}"#,
            r#"{ "a": "\"socket\":1" }"#,
            r#"{"socket""#,
        ] {
            assert!(matches!(without_socket(data), Cow::Borrowed(same) if same == data), "{data}");
        }
    }
}
