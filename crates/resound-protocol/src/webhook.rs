//! Webhooks: what a server tells an application of its channels, and how it is written.
//!
//! `{"time_ms":1700000000123,"events":[{"name":"channel_occupied","channel":"private-orders.7"}]}`, signed
//! with the application's secret over the body's bytes (webhooks.md 3.1 and 3.2).

use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    json::{push, push_string},
    message::Published,
};

/// The header that names the key whose secret has signed.
pub const KEY_HEADER: &str = "X-Pusher-Key";
/// The header with the signature: lower-case hex of HMAC-SHA256 over the body.
pub const SIGNATURE_HEADER: &str = "X-Pusher-Signature";

/// A kind of things that happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A channel has got its first subscriber.
    ChannelOccupied,
    /// A channel has lost its last subscriber.
    ChannelVacated,
    /// A user's first connection has joined a presence channel.
    MemberAdded,
    /// A user's last connection has left a presence channel.
    MemberRemoved,
    /// A client has sent an event to the others of a private or presence channel.
    ClientEvent,
    /// Somebody has subscribed to a cache channel that remembers nothing.
    CacheMiss,
    /// So many connections are subscribed to a channel.
    SubscriptionCount,
}

impl Kind {
    /// All kinds, in the order of Pusher's documentation.
    pub const ALL: [Self; 7] = [
        Self::ChannelOccupied,
        Self::ChannelVacated,
        Self::MemberAdded,
        Self::MemberRemoved,
        Self::ClientEvent,
        Self::CacheMiss,
        Self::SubscriptionCount,
    ];

    /// The name in webhooks.
    ///
    /// ```
    /// use resound_protocol::webhook::Kind;
    ///
    /// assert_eq!(Kind::MemberAdded.name(), "member_added");
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Self::ChannelOccupied => "channel_occupied",
            Self::ChannelVacated => "channel_vacated",
            Self::MemberAdded => "member_added",
            Self::MemberRemoved => "member_removed",
            Self::ClientEvent => "client_event",
            Self::CacheMiss => "cache_miss",
            Self::SubscriptionCount => "subscription_count",
        }
    }

    /// The kind of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A set of kinds.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Kinds(u8);

impl Kinds {
    /// No kind.
    pub const NONE: Self = Self(0);
    /// Every kind.
    pub const ALL: Self = Self(0x7f);

    /// Whether a kind is in the set.
    ///
    /// ```
    /// use resound_protocol::webhook::{Kind, Kinds};
    ///
    /// let kinds: Kinds = [Kind::CacheMiss].into_iter().collect();
    /// assert!(kinds.contains(Kind::CacheMiss) && !kinds.contains(Kind::ClientEvent));
    /// ```
    pub fn contains(self, kind: Kind) -> bool {
        self.0 & (1 << kind as u8) != 0
    }

    /// The kinds of both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// With each beginning its end, and the other way round: whoever wants to know of one can only be told in time by who
    /// hears of both.
    ///
    /// ```
    /// use resound_protocol::webhook::{Kind, Kinds};
    ///
    /// let kinds = [Kind::MemberRemoved].into_iter().collect::<Kinds>().in_pairs();
    /// assert!(kinds.contains(Kind::MemberAdded) && !kinds.contains(Kind::ChannelVacated));
    /// ```
    #[must_use]
    pub fn in_pairs(self) -> Self {
        let pairs = [
            [Kind::ChannelOccupied, Kind::ChannelVacated],
            [Kind::MemberAdded, Kind::MemberRemoved],
        ];
        let wanted = pairs.into_iter().filter(|pair| pair.iter().any(|kind| self.contains(*kind)));
        self.union(wanted.flatten().collect())
    }

    /// The kinds, in the order of [`Kind::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(move |kind| self.contains(*kind))
    }
}

impl FromIterator<Kind> for Kinds {
    fn from_iter<T: IntoIterator<Item = Kind>>(kinds: T) -> Self {
        Self(kinds.into_iter().fold(0, |set, kind| set | 1 << kind as u8))
    }
}

impl fmt::Debug for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// Something that has happened in a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The channel's full name.
    pub channel: String,
    /// What has happened.
    pub what: What,
}

/// What has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// [`Kind::ChannelOccupied`].
    ChannelOccupied,
    /// [`Kind::ChannelVacated`].
    ChannelVacated,
    /// [`Kind::MemberAdded`].
    MemberAdded {
        /// Who.
        user_id: String,
    },
    /// [`Kind::MemberRemoved`].
    MemberRemoved {
        /// Who.
        user_id: String,
    },
    /// [`Kind::ClientEvent`].
    ClientEvent {
        /// Its name, with `client-`.
        event: String,
        /// The sender's text as it came, or the JSON of whatever else came.
        data: String,
        /// The sender's connection.
        socket_id: String,
        /// Who it is, on presence channels.
        user_id: Option<String>,
    },
    /// [`Kind::CacheMiss`].
    CacheMiss,
    /// [`Kind::SubscriptionCount`].
    SubscriptionCount {
        /// Connections that are subscribed.
        count: u64,
    },
}

impl What {
    /// A client's event as its subscribers get it.
    ///
    /// Pusher does not say how data that are no string appear; its PHP library needs a string. A client's
    /// string goes as it is, anything else as its JSON, nothing as `null`.
    pub fn client_event(published: &Published, socket_id: String, user_id: Option<String>) -> Self {
        let data = published.data_json().unwrap_or("null");
        let name = published.name_json();
        let event = serde_json::from_str(name).unwrap_or_else(|_| name.to_owned());
        Self::ClientEvent { event, data: text_of(data), socket_id, user_id }
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::ChannelOccupied => Kind::ChannelOccupied,
            Self::ChannelVacated => Kind::ChannelVacated,
            Self::MemberAdded { .. } => Kind::MemberAdded,
            Self::MemberRemoved { .. } => Kind::MemberRemoved,
            Self::ClientEvent { .. } => Kind::ClientEvent,
            Self::CacheMiss => Kind::CacheMiss,
            Self::SubscriptionCount { .. } => Kind::SubscriptionCount,
        }
    }
}

/// A JSON string's text, or the JSON itself.
fn text_of(json: &str) -> String {
    if json.starts_with('"') {
        return serde_json::from_str(json).unwrap_or_else(|_| json.to_owned());
    }
    json.to_owned()
}

impl Event {
    /// The event as it stands in `events`.
    ///
    /// ```
    /// use resound_protocol::webhook::{Event, What};
    ///
    /// let event = Event { channel: "presence-room.1".into(), what: What::MemberAdded { user_id: "7".into() } };
    /// assert_eq!(
    ///     event.to_json(),
    ///     r#"{"name":"member_added","channel":"presence-room.1","user_id":"7"}"#
    /// );
    /// ```
    pub fn to_json(&self) -> String {
        let mut out = Vec::with_capacity(128);
        push(&mut out, "{\"name\":\"");
        push(&mut out, self.what.kind().name());
        push(&mut out, "\",\"channel\":");
        push_string(&mut out, &self.channel);
        match &self.what {
            What::ChannelOccupied | What::ChannelVacated | What::CacheMiss => {}
            What::MemberAdded { user_id } | What::MemberRemoved { user_id } => {
                push_field(&mut out, "user_id", user_id);
            }
            What::ClientEvent { event, data, socket_id, user_id } => {
                push_field(&mut out, "event", event);
                push_field(&mut out, "data", data);
                push_field(&mut out, "socket_id", socket_id);
                if let Some(user_id) = user_id {
                    push_field(&mut out, "user_id", user_id);
                }
            }
            What::SubscriptionCount { count } => {
                push(&mut out, &format!(",\"subscription_count\":{count}"));
            }
        }
        push(&mut out, "}");
        String::from_utf8(out).expect("every part that is written is a str")
    }
}

fn push_field(out: &mut Vec<u8>, name: &str, text: &str) {
    push(out, ",\"");
    push(out, name);
    push(out, "\":");
    push_string(out, text);
}

/// The body of a webhook, of events that are JSON already.
///
/// ```
/// use resound_protocol::webhook::body;
///
/// let event = r#"{"name":"channel_vacated","channel":"c"}"#;
/// assert_eq!(
///     body(1_700_000_000_123, [event]),
///     r#"{"time_ms":1700000000123,"events":[{"name":"channel_vacated","channel":"c"}]}"#
/// );
/// ```
pub fn body<'a>(time_ms: u64, events_json: impl IntoIterator<Item = &'a str>) -> String {
    let mut body = format!("{{\"time_ms\":{time_ms},\"events\":[");
    for (at, event) in events_json.into_iter().enumerate() {
        if at > 0 {
            body.push(',');
        }
        body.push_str(event);
    }
    body.push_str("]}");
    body
}

/// A webhook as its receiver reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// When it was made: milliseconds since 1970.
    pub time_ms: u64,
    /// What has happened, in its order.
    pub events: Vec<Event>,
    /// Why entries of the list are none of these events: kinds that others know, fields that are missing.
    pub skipped: Vec<String>,
}

/// Why a body is no webhook.
#[derive(Debug, thiserror::Error)]
#[error("the body is no JSON of a webhook, {{\"time_ms\":…,\"events\":[…]}}: {0}")]
pub struct WebhookFault(#[from] serde_json::Error);

#[derive(Deserialize)]
struct Body<'a> {
    time_ms: u64,
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    name: String,
    channel: Option<String>,
    #[serde(borrow)]
    user_id: Option<&'a RawValue>,
    event: Option<String>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    socket_id: Option<String>,
    subscription_count: Option<u64>,
}

impl Webhook {
    /// Reads a body whose signature is right.
    ///
    /// # Errors
    /// If it is no webhook. Entries that are none of our events are left out, and said in `skipped`.
    pub fn parse(body: &[u8]) -> Result<Self, WebhookFault> {
        let Body { time_ms, events: entries } = serde_json::from_slice(body)?;
        let (mut events, mut skipped) = (Vec::with_capacity(entries.len().min(1024)), Vec::new());
        for entry in entries {
            match read(entry.get()) {
                Ok(event) => events.push(event),
                Err(reason) => skipped.push(reason),
            }
        }
        Ok(Self { time_ms, events, skipped })
    }
}

fn read(json: &str) -> Result<Event, String> {
    let entry: Entry<'_> =
        serde_json::from_str(json).map_err(|error| format!("an event can't be read: {error}"))?;
    let name = entry.name;
    let kind = Kind::parse(&name).ok_or_else(|| format!("{name:?} is no known event"))?;
    let need =
        |field: &str, value: Option<String>| value.ok_or_else(|| format!("{name} has no {field}"));
    // soketi sends numbers as the application signed them.
    let user_id = entry.user_id.map(|id| text_of(id.get()));
    let channel = need("channel", entry.channel)?;
    let what = match kind {
        Kind::ChannelOccupied => What::ChannelOccupied,
        Kind::ChannelVacated => What::ChannelVacated,
        Kind::CacheMiss => What::CacheMiss,
        Kind::MemberAdded => What::MemberAdded { user_id: need("user_id", user_id)? },
        Kind::MemberRemoved => What::MemberRemoved { user_id: need("user_id", user_id)? },
        Kind::ClientEvent => What::ClientEvent {
            event: need("event", entry.event)?,
            // soketi sends an object where ours and PHP's library have its text.
            data: text_of(entry.data.map_or("null", RawValue::get)),
            socket_id: need("socket_id", entry.socket_id)?,
            user_id,
        },
        Kind::SubscriptionCount => {
            let missing = || "subscription_count has no subscription_count".to_owned();
            What::SubscriptionCount { count: entry.subscription_count.ok_or_else(missing)? }
        }
    };
    Ok(Event { channel, what })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::Signer;

    fn event(channel: &str, what: What) -> Event {
        Event { channel: channel.to_owned(), what }
    }

    fn typing(data: &str) -> What {
        What::ClientEvent {
            event: "client-typing".to_owned(),
            data: data.to_owned(),
            socket_id: "123456.7891011".to_owned(),
            user_id: Some("7".to_owned()),
        }
    }

    fn all() -> Vec<Event> {
        vec![
            event("private-orders.7", What::ChannelOccupied),
            event("a", What::ChannelVacated),
            event("presence-room.1", What::MemberAdded { user_id: "7".to_owned() }),
            event("presence-room.1", What::MemberRemoved { user_id: "\"é".to_owned() }),
            event("presence-room.1", typing(r#"{"name":"Zoë"}"#)),
            event("cache-c", What::CacheMiss),
            event("a", What::SubscriptionCount { count: 3 }),
        ]
    }

    /// npm `pusher` 5.3.4 calls both valid (webhooks.md).
    #[test]
    fn the_vectors_of_the_specification_are_signed_alike() {
        let signer = Signer::new("resound-secret");
        let occupied = event("private-orders.7", What::ChannelOccupied).to_json();
        let first = body(1_700_000_000_123, [&*occupied]);
        assert_eq!(
            signer.hex(&[first.as_bytes()]),
            "56b6bbb49667fc642d3aa61ae0b7ef8bcfc8d2028c1d69d1ed6869e422214bfe"
        );
        let second = r#"{"time_ms":1700000000123,"events":[{"name":"member_added","channel":"presence-room.1","user_id":"7"},{"name":"client_event","channel":"presence-room.1","event":"client-typing","data":"{\"name\":\"Zo\u00eb\"}","socket_id":"123456.7891011","user_id":"7"}]}"#;
        assert!(signer.verify_hex(
            &[second.as_bytes()],
            "e39e71c63191d132af2af3920915fc4b00b232a3cf7c9dbb9b8135796c6f41fc"
        ));
        let read = Webhook::parse(second.as_bytes()).expect("a webhook");
        let added = What::MemberAdded { user_id: "7".to_owned() };
        let events = [event("presence-room.1", added), all().remove(4)];
        assert_eq!(read.events, events);
    }

    #[test]
    fn what_is_written_is_read_again() {
        let texts: Vec<String> = all().iter().map(Event::to_json).collect();
        let text = body(7, texts.iter().map(|text| &**text));
        let read = Webhook::parse(text.as_bytes()).expect("a webhook");
        assert_eq!(read, Webhook { time_ms: 7, events: all(), skipped: Vec::new() });
    }

    #[test]
    fn what_soketi_sends_is_read_and_what_nobody_knows_is_skipped() {
        let text = r#"{"time_ms":7,"events":[
            {"name":"client_event","channel":"private-a","event":"client-typing","data":{"n": 1},"socket_id":"1.2","user_id":7},
            {"name":"rate_limited","channel":"a"}, {"name":"member_added","channel":"presence-a"}, 7]}"#;
        let read = Webhook::parse(text.as_bytes()).expect("a webhook");
        let data = r#"{"n": 1}"#.to_owned();
        let (event, socket_id) = ("client-typing".to_owned(), "1.2".to_owned());
        let what = What::ClientEvent { event, data, socket_id, user_id: Some("7".to_owned()) };
        assert_eq!(read.events, [Event { channel: "private-a".to_owned(), what }]);
        assert_eq!(read.skipped.len(), 3);
        assert_eq!(read.skipped[0], r#""rate_limited" is no known event"#);
        assert_eq!(read.skipped[1], "member_added has no user_id");
    }

    #[test]
    fn what_is_no_webhook_is_refused() {
        for text in ["", "[]", "{}", r#"{"time_ms":1}"#, r#"{"time_ms":"1","events":[]}"#, "é"] {
            assert!(Webhook::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn names_and_sets_of_kinds_are_complete() {
        assert!(Kind::ALL.iter().all(|kind| Kind::parse(kind.name()) == Some(*kind)));
        assert_eq!(Kind::ALL.into_iter().collect::<Kinds>(), Kinds::ALL);
        assert_eq!(Kinds::ALL.iter().count(), 7);
        assert!(Kinds::NONE.iter().next().is_none());
        assert_eq!(Kind::parse("rate_limited"), None);
    }
}
