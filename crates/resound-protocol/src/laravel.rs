//! What Laravel's redis broadcaster publishes: `{"event":"…","data":{…},"socket":"…"}`.

use std::{borrow::Cow, fmt, ops::Range};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::client::Text;

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
