//! Bodies of the HTTP API.
//!
//! A body is read in one pass that leaves names and payloads as the publisher's own JSON; then each
//! field is checked. What Reverb refuses is refused in Laravel's words.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::channel::{ChannelName, NameRule};

/// The limits of an application that a body can break.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimits {
    /// Characters of a channel's name.
    pub channel_name_max: usize,
    /// Which names are valid.
    pub channel_names: NameRule,
    /// Characters of an event's name.
    pub event_name_max: usize,
    /// Channels of one event.
    pub event_channels_max: usize,
    /// Bytes of an event's data after its JSON escapes are resolved.
    pub event_bytes_max: Option<usize>,
    /// Events of one batch.
    pub batch_max: usize,
}

/// An event to publish.
#[derive(Debug, PartialEq, Eq)]
pub struct EventBody<'a> {
    /// The name's JSON string, quotes included.
    pub name_json: &'a str,
    /// The payload's JSON string, quotes included.
    pub data_json: &'a str,
    /// At least one; only one in a batch.
    pub channels: Vec<ChannelName>,
    /// The connection that does not get the event.
    pub socket_id: Option<String>,
    /// What the publisher wants to know of the channels.
    pub info: Info,
}

/// What `info` asks for: a comma list; unknown words are ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// `user_count`: distinct users of a presence channel.
    pub user_count: bool,
    /// `subscription_count`: connections.
    pub subscription_count: bool,
    /// `cache`: the remembered event of a cache channel.
    pub cache: bool,
}

impl Info {
    /// Reads a comma list.
    pub fn parse(text: &str) -> Self {
        let asks = |word: &str| text.split(',').any(|part| part.trim() == word);
        Self {
            user_count: asks("user_count"),
            subscription_count: asks("subscription_count"),
            cache: asks("cache"),
        }
    }

    /// Whether anything is asked.
    pub fn is_asked(&self) -> bool {
        *self != Self::default()
    }
}

/// Why a body is refused.
#[derive(Debug, thiserror::Error)]
pub enum BodyFault {
    /// 400: not JSON, or not an object.
    #[error("The body is not a JSON object: {0}.")]
    Json(String),
    /// 422: a field is missing or wrong; the field's name and what is wrong with it.
    #[error("{}", .0.first().map_or("", |(_, message)| message))]
    Fields(Vec<(String, String)>),
    /// 413: an event's data is larger than allowed.
    #[error("The data of the event is {size} bytes, the limit is {max} (max_event_size).")]
    TooLarge {
        /// Bytes of the data.
        size: usize,
        /// The application's limit.
        max: usize,
    },
}

#[derive(Deserialize)]
struct RawEvent<'a> {
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    channels: Option<&'a RawValue>,
    #[serde(borrow)]
    channel: Option<&'a RawValue>,
    #[serde(borrow)]
    socket_id: Option<&'a RawValue>,
    #[serde(borrow)]
    info: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawBatch<'a> {
    #[serde(borrow)]
    batch: Option<&'a RawValue>,
}

impl<'a> EventBody<'a> {
    /// Reads the body of `POST /events`. Of `channel` and `channels` the latter counts, as with
    /// Reverb and soketi.
    ///
    /// # Errors
    /// See [`BodyFault`].
    pub fn parse(body: &'a [u8], limits: &BodyLimits) -> Result<Self, BodyFault> {
        let raw: RawEvent<'a> = object(body)?;
        let mut checker = Checker::new("", limits);
        let channels = checker.channels(raw.channels, raw.channel);
        checker.event(&raw, channels)
    }

    /// Reads the body of `POST /batch_events`: events of one channel each.
    ///
    /// # Errors
    /// See [`BodyFault`]; the fields are named `batch.0.data` as Laravel names them.
    pub fn parse_batch(body: &'a [u8], limits: &BodyLimits) -> Result<Vec<Self>, BodyFault> {
        let raw: RawBatch<'a> = object(body)?;
        let fault = |message: String| BodyFault::Fields(vec![("batch".to_owned(), message)]);
        let Some(batch) = raw.batch else {
            return Err(fault(required("batch")));
        };
        let Ok(items) = serde_json::from_str::<Vec<&'a RawValue>>(batch.get()) else {
            return Err(fault("The batch field must be an array.".to_owned()));
        };
        if items.is_empty() {
            return Err(fault(required("batch")));
        }
        if items.len() > limits.batch_max {
            let (size, max) = (items.len(), limits.batch_max);
            return Err(fault(format!(
                "The batch has {size} events, the limit is {max} (max_batch_size)."
            )));
        }
        items.into_iter().enumerate().map(|(at, item)| batch_item(at, item, limits)).collect()
    }
}

fn batch_item<'a>(
    at: usize,
    item: &'a RawValue,
    limits: &BodyLimits,
) -> Result<EventBody<'a>, BodyFault> {
    let prefix = format!("batch.{at}.");
    let Ok(raw) = object::<RawEvent<'a>>(item.get().as_bytes()) else {
        let field = prefix.trim_end_matches('.');
        return Err(BodyFault::Fields(vec![(
            field.to_owned(),
            format!("The {field} field must be an object."),
        )]));
    };
    let mut checker = Checker::new(&prefix, limits);
    let channel =
        checker.string("channel", raw.channel).and_then(|name| checker.channel("channel", &name));
    checker.event(&raw, channel.into_iter().collect())
}

fn object<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, BodyFault> {
    let first = body.trim_ascii_start().first();
    if first != Some(&b'{') {
        let what = if first.is_none() { "it is empty" } else { "it does not begin with {" };
        return Err(BodyFault::Json(what.to_owned()));
    }
    serde_json::from_slice(body).map_err(|e| BodyFault::Json(e.to_string()))
}

fn required(field: &str) -> String {
    format!("The {field} field is required.")
}

/// Collects what is wrong with the fields of one event.
struct Checker<'l> {
    prefix: &'l str,
    limits: &'l BodyLimits,
    faults: Vec<(String, String)>,
}

impl<'l> Checker<'l> {
    fn new(prefix: &'l str, limits: &'l BodyLimits) -> Self {
        Self { prefix, limits, faults: Vec::new() }
    }

    fn fault(&mut self, field: &str, message: impl FnOnce(&str) -> String) {
        let field = format!("{}{field}", self.prefix);
        let message = message(&field);
        self.faults.push((field, message));
    }

    /// The JSON of a required string that is not empty.
    fn string_json<'a>(&mut self, field: &str, raw: Option<&'a RawValue>) -> Option<&'a str> {
        match raw.map(RawValue::get) {
            None | Some("\"\"") => self.fault(field, required),
            Some(json) if json.starts_with('"') => return Some(json),
            Some(_) => self.fault(field, |field| format!("The {field} field must be a string.")),
        }
        None
    }

    fn string(&mut self, field: &str, raw: Option<&RawValue>) -> Option<String> {
        let json = self.string_json(field, raw)?;
        let text = serde_json::from_str(json).ok();
        if text.is_none() {
            self.fault(field, |field| {
                format!("The {field} field has an escape that stands for no character.")
            });
        }
        text
    }

    fn optional_string(&mut self, field: &str, raw: Option<&RawValue>) -> Option<String> {
        raw.filter(|raw| raw.get() != "\"\"").and_then(|raw| self.string(field, Some(raw)))
    }

    fn channel(&mut self, field: &str, name: &str) -> Option<ChannelName> {
        self.limits
            .channel_names
            .parse(name, self.limits.channel_name_max)
            .map_err(|fault| {
                self.fault(field, |field| {
                    format!("The {field} field is no channel name: {fault}.")
                });
            })
            .ok()
    }

    fn channels(&mut self, many: Option<&RawValue>, one: Option<&RawValue>) -> Vec<ChannelName> {
        match (many, one) {
            (Some(many), _) => self.channel_list(many),
            (None, Some(one)) => {
                let name = self.string("channel", Some(one));
                name.and_then(|name| self.channel("channel", &name)).into_iter().collect()
            }
            (None, None) => {
                self.fault("channels", |_| {
                    "The channels field is required when channel is not present.".to_owned()
                });
                self.fault("channel", |_| {
                    "The channel field is required when channels is not present.".to_owned()
                });
                Vec::new()
            }
        }
    }

    fn channel_list(&mut self, raw: &RawValue) -> Vec<ChannelName> {
        let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(raw.get()) else {
            self.fault("channels", |field| format!("The {field} field must be an array."));
            return Vec::new();
        };
        let (size, max) = (items.len(), self.limits.event_channels_max);
        if size == 0 {
            self.fault("channels", required);
        }
        if size > max {
            self.fault("channels", |_| {
                format!("The event has {size} channels, the limit is {max} (max_event_channels).")
            });
            return Vec::new();
        }
        let mut channels = Vec::with_capacity(size);
        for (at, item) in items.into_iter().enumerate() {
            let field = format!("channels.{at}");
            let name = self.string(&field, Some(item));
            let channel = name.and_then(|name| self.channel(&field, &name));
            // A channel that is named twice is still one channel.
            channels.extend(channel.filter(|channel| !channels.contains(channel)));
        }
        channels
    }

    fn name<'a>(&mut self, raw: Option<&'a RawValue>) -> Option<&'a str> {
        let json = self.string_json("name", raw)?;
        let name = self.string("name", raw)?;
        let (length, max) = (name.chars().count(), self.limits.event_name_max);
        if length > max {
            self.fault("name", |_| {
                format!("The name of the event has {length} characters, the limit is {max} (max_event_name_length).")
            });
        }
        // Pusher reserves these names; a forged `pusher_internal:member_added` confuses clients.
        if name.starts_with("pusher:") || name.starts_with("pusher_internal:") {
            self.fault("name", |field| {
                format!("The {field} field must not begin with pusher: or pusher_internal:, which are reserved.")
            });
        }
        Some(json)
    }

    fn socket_id(&mut self, raw: Option<&RawValue>) -> Option<String> {
        let id = self.optional_string("socket_id", raw)?;
        if !crate::socket_id::SocketId::is_well_formed(&id) {
            self.fault("socket_id", |field| {
                format!("The {field} field must be two numbers joined by a dot, as pusher.connection.socket_id is.")
            });
        }
        Some(id)
    }

    fn event<'a>(
        &mut self,
        raw: &RawEvent<'a>,
        channels: Vec<ChannelName>,
    ) -> Result<EventBody<'a>, BodyFault> {
        let name = self.name(raw.name);
        let data = self.string_json("data", raw.data);
        let socket_id = self.socket_id(raw.socket_id);
        let info = self.optional_string("info", raw.info);
        let (Some(name_json), Some(data_json), true) = (name, data, self.faults.is_empty()) else {
            return Err(BodyFault::Fields(std::mem::take(&mut self.faults)));
        };
        self.check_size(data_json)?;
        let info = Info::parse(info.as_deref().unwrap_or(""));
        Ok(EventBody { name_json, data_json, channels, socket_id, info })
    }

    /// Escapes only make a text longer, so that the JSON's length decides nearly always.
    fn check_size(&self, data_json: &str) -> Result<(), BodyFault> {
        let Some(max) = self.limits.event_bytes_max else {
            return Ok(());
        };
        if data_json.len() - 2 <= max {
            return Ok(());
        }
        let size = serde_json::from_str::<String>(data_json)
            .map_or(data_json.len() - 2, |data| data.len());
        if size > max { Err(BodyFault::TooLarge { size, max }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: BodyLimits = BodyLimits {
        channel_name_max: 20,
        channel_names: NameRule::Pusher,
        event_name_max: 10,
        event_channels_max: 2,
        event_bytes_max: Some(8),
        batch_max: 2,
    };

    #[track_caller]
    fn fault(body: &str) -> String {
        fault_text(EventBody::parse(body.as_bytes(), &LIMITS).expect_err("a fault"))
    }

    #[track_caller]
    fn batch_fault(body: &str) -> String {
        fault_text(EventBody::parse_batch(body.as_bytes(), &LIMITS).expect_err("a fault"))
    }

    fn fault_text(fault: BodyFault) -> String {
        let BodyFault::Fields(fields) = fault else {
            return fault.to_string();
        };
        let lines: Vec<String> =
            fields.iter().map(|(field, text)| format!("{field}: {text}")).collect();
        lines.join("\n")
    }

    #[test]
    fn an_event_keeps_the_publishers_json() {
        let body = r#" {"name":"a\\b","data":"\"\u20ac\"","channel":"x","socket_id":"1.2","info":"user_count"}"#;
        let event = EventBody::parse(body.as_bytes(), &LIMITS).expect("an event");
        assert_eq!((event.name_json, event.data_json), (r#""a\\b""#, r#""\"\u20ac\"""#));
        assert_eq!(event.channels.iter().map(ChannelName::as_str).collect::<Vec<_>>(), ["x"]);
        assert_eq!(event.socket_id.as_deref(), Some("1.2"));
        assert_eq!(event.info, Info { user_count: true, ..Info::default() });
        let body = r#"{"name":"a","data":"{}","channels":["x","y"],"channel":"z","socket_id":null,"more":1}"#;
        let event = EventBody::parse(body.as_bytes(), &LIMITS).expect("an event");
        assert_eq!(event.channels.len(), 2);
        assert_eq!(event.socket_id, None);
    }

    #[test]
    fn a_channel_that_is_named_twice_gets_the_event_once() {
        let body = br#"{"name":"a","data":"x","channels":["c","c"]}"#;
        assert_eq!(EventBody::parse(body, &LIMITS).expect("an event").channels.len(), 1);
    }

    #[test]
    fn what_is_no_json_object_says_so() {
        for body in ["", " ", "x", "[]", "7", "{", "{\"name\":\"a\u{1}\"}"] {
            assert!(
                matches!(EventBody::parse(body.as_bytes(), &LIMITS), Err(BodyFault::Json(_))),
                "{body:?}"
            );
        }
        assert!(matches!(
            EventBody::parse(b"{\"name\":\"\xff\"}", &LIMITS),
            Err(BodyFault::Json(_))
        ));
    }

    #[test]
    fn missing_and_wrong_fields_are_named_as_laravel_names_them() {
        assert_eq!(fault(r#"{"data":"x","channel":"a"}"#), "name: The name field is required.");
        assert_eq!(fault(r#"{"name":"a","channel":"a"}"#), "data: The data field is required.");
        assert_eq!(
            fault(r#"{"name":"a","data":"","channel":"a"}"#),
            "data: The data field is required."
        );
        assert_eq!(
            fault(r#"{"name":"a","data":{},"channel":"a"}"#),
            "data: The data field must be a string."
        );
        assert_eq!(
            fault(r#"{"name":"a","data":"x"}"#),
            "channels: The channels field is required when channel is not present.\n\
             channel: The channel field is required when channels is not present."
        );
        assert_eq!(
            fault(r#"{"name":"a","data":"x","channels":"a"}"#),
            "channels: The channels field must be an array."
        );
        assert_eq!(
            fault(r#"{"name":"a","data":"x","channels":[]}"#),
            "channels: The channels field is required."
        );
        assert_eq!(
            fault(r#"{"name":"a","data":"x","channels":["a",7]}"#),
            "channels.1: The channels.1 field must be a string."
        );
    }

    #[test]
    fn limits_name_themselves_the_size_and_the_setting() {
        assert_eq!(
            fault(r#"{"name":"a","data":"x","channels":["a","b","c"]}"#),
            "channels: The event has 3 channels, the limit is 2 (max_event_channels)."
        );
        assert_eq!(
            fault(r#"{"name":"abcdefghijk","data":"x","channel":"a"}"#),
            "name: The name of the event has 11 characters, the limit is 10 (max_event_name_length)."
        );
        assert_eq!(
            fault(r#"{"name":"a","data":"123456789","channel":"a"}"#),
            "The data of the event is 9 bytes, the limit is 8 (max_event_size)."
        );
        assert!(
            EventBody::parse(br#"{"name":"a","data":"\u0041\u0041\u0041","channel":"a"}"#, &LIMITS)
                .is_ok()
        );
        assert_eq!(
            fault(r#"{"name":"a","data":"x","channel":"a b"}"#),
            "channel: The channel field is no channel name: a channel name has only letters, digits and _-=@,.; \
             but this one has ' '."
        );
        assert_eq!(
            fault(r#"{"name":"pusher:a","data":"x","channel":"a"}"#),
            "name: The name field must not begin with pusher: or pusher_internal:, which are reserved."
        );
        assert!(
            fault(r#"{"name":"a","data":"x","channel":"a","socket_id":"x"}"#)
                .starts_with("socket_id: ")
        );
    }

    #[test]
    fn batches_name_the_event_that_is_wrong() {
        let event = r#"{"name":"a","data":"x","channel":"c"}"#;
        let body = format!(r#"{{"batch":[{event},{event}]}}"#);
        assert_eq!(EventBody::parse_batch(body.as_bytes(), &LIMITS).expect("a batch").len(), 2);
        assert_eq!(batch_fault("{}"), "batch: The batch field is required.");
        assert_eq!(batch_fault(r#"{"batch":[]}"#), "batch: The batch field is required.");
        assert_eq!(batch_fault(r#"{"batch":{}}"#), "batch: The batch field must be an array.");
        assert_eq!(
            batch_fault(r#"{"batch":[7]}"#),
            "batch.0: The batch.0 field must be an object."
        );
        assert_eq!(
            batch_fault(&format!(r#"{{"batch":[{event},{event},{event}]}}"#)),
            "batch: The batch has 3 events, the limit is 2 (max_batch_size)."
        );
        assert_eq!(
            batch_fault(&format!(r#"{{"batch":[{event},{{"name":"a","channel":"c"}}]}}"#)),
            "batch.1.data: The batch.1.data field is required."
        );
        assert_eq!(
            batch_fault(r#"{"batch":[{"name":"a","data":"x","channels":["c"]}]}"#),
            "batch.0.channel: The batch.0.channel field is required."
        );
    }
}
