//! A message of Redis on its way to the subscribers of its channel.

use std::borrow::Cow;

use resound_hub::app::{AppOptions, LiveApp};
use resound_protocol::{
    api::{EventBody, Info},
    channel::ChannelName,
    laravel::{self, RedisEvent},
};
use tokio::sync::OwnedSemaphorePermit;

use super::status::Skip;

/// An event that owns its texts, for a shard.
#[derive(Debug)]
pub(crate) struct OwnedEvent {
    name_json: Box<str>,
    data_json: Box<str>,
    channel: ChannelName,
    socket_id: Option<String>,
    /// Its share of the memory that events on their way may take; given back with the event.
    weight: Option<OwnedSemaphorePermit>,
}

/// Why a message is not passed on, and what there is to say about it.
#[derive(Debug)]
pub(crate) struct Skipped {
    pub(crate) why: Skip,
    pub(crate) reason: String,
}

impl OwnedEvent {
    /// Reads a message: Laravel's JSON, on a channel and with a name that are valid, within the
    /// application's limits, as for the HTTP API.
    pub(crate) fn read(channel: &[u8], payload: &[u8], app: &LiveApp) -> Result<Self, Skipped> {
        let skip = |why| move |reason: String| Skipped { why, reason };
        let event = RedisEvent::parse(payload)
            .map_err(|fault| skip(Skip::NotLaravel)(fault.to_string()))?;
        let options = &app.options;
        let channel = channel_name(channel, options).map_err(skip(Skip::Channel))?;
        check_name(&event.name, options).map_err(skip(Skip::EventName))?;
        let data = laravel::without_socket(event.data_json);
        check_size(&data, options).map_err(skip(Skip::TooLarge))?;
        Ok(Self {
            name_json: event.name_json.into(),
            data_json: laravel::data_string(&data).into(),
            channel,
            socket_id: event.socket.map(Cow::into_owned),
            weight: None,
        })
    }

    /// The event for the hub.
    pub(crate) fn body(&self) -> EventBody<'_> {
        EventBody {
            name_json: &self.name_json,
            data_json: &self.data_json,
            channels: vec![self.channel.clone()],
            socket_id: self.socket_id.clone(),
            info: Info::default(),
        }
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.name_json.len() + self.data_json.len() + self.channel.as_str().len()
    }

    /// Takes its share of the memory along.
    pub(crate) fn with_weight(mut self, weight: OwnedSemaphorePermit) -> Self {
        self.weight = Some(weight);
        self
    }
}

fn channel_name(name: &[u8], options: &AppOptions) -> Result<ChannelName, String> {
    let name = std::str::from_utf8(name).map_err(|_| "the channel name is no UTF-8".to_owned())?;
    ChannelName::parse_lenient(name, options.channel_name_max).map_err(|fault| fault.to_string())
}

fn check_name(name: &str, options: &AppOptions) -> Result<(), String> {
    let (length, max) = (name.chars().count(), options.event_name_max);
    if length > max {
        return Err(format!(
            "the name of the event has {length} characters, the limit is {max} (max_event_name_length)"
        ));
    }
    // As for the HTTP API: a forged `pusher_internal:member_added` confuses clients.
    if name.starts_with("pusher:") || name.starts_with("pusher_internal:") {
        return Err("names that begin with pusher: or pusher_internal: are reserved".to_owned());
    }
    Ok(())
}

fn check_size(data: &str, options: &AppOptions) -> Result<(), String> {
    match options.event_bytes_max {
        Some(max) if data.len() > max => {
            let size = data.len();
            Err(format!(
                "the data of the event is {size} bytes, the limit is {max} (max_event_size)"
            ))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use resound_hub::app::{App, Apps};

    use super::*;

    fn read(channel: &[u8], payload: &str) -> Result<OwnedEvent, Skipped> {
        let options =
            AppOptions { event_name_max: 20, event_bytes_max: Some(20), ..AppOptions::default() };
        let app = App { id: "1".into(), key: "k".into(), secret: "s".into(), options };
        let apps = Apps::new([app]);
        OwnedEvent::read(channel, payload.as_bytes(), apps.by_id("1").expect("it was added"))
    }

    #[test]
    fn an_event_of_laravel_is_one_of_the_api() {
        let payload = r#"{"event":"App\\E","data":{"a":1.0,"socket":"1.2"},"socket":"1.2"}"#;
        let event = read(b"private-x", payload).expect("an event");
        let body = event.body();
        assert_eq!((body.name_json, body.data_json), (r#""App\\E""#, r#""{\"a\":1.0}""#));
        assert_eq!(body.channels[0].as_str(), "private-x");
        assert_eq!(body.socket_id.as_deref(), Some("1.2"));
        assert!(event.bytes() >= 25);
    }

    #[track_caller]
    fn check_skipped(channel: &[u8], payload: &str, why: Skip, reason: &str) {
        let skipped = read(channel, payload).expect_err("skipped");
        assert_eq!(skipped.why, why, "{payload}");
        assert!(skipped.reason.contains(reason), "{}", skipped.reason);
    }

    #[test]
    fn what_the_api_would_refuse_is_skipped() {
        let good = r#"{"event":"e","data":{},"socket":null}"#;
        check_skipped(b"a\tb", good, Skip::Channel, "has '\\t'");
        check_skipped(b"", good, Skip::Channel, "must not be empty");
        check_skipped(b"\xff", good, Skip::Channel, "no UTF-8");
        check_skipped(&[b'x'; 201], good, Skip::Channel, "max_channel_name_length");
        let payload = r#"{"event":"pusher:error","data":{},"socket":null}"#;
        check_skipped(b"c", payload, Skip::EventName, "reserved");
        let payload = r#"{"event":"a name of 21 signs xx","data":{},"socket":null}"#;
        check_skipped(b"c", payload, Skip::EventName, "max_event_name_length");
        let payload = r#"{"event":"e","data":{"a":"more than 20 bytes"},"socket":null}"#;
        check_skipped(b"c", payload, Skip::TooLarge, "max_event_size");
        for payload in ["", "x", "[]", "{}", r#"{"event":{},"data":1}"#, "{\"event\":\"\\ud800\"}"]
        {
            check_skipped(b"c", payload, Skip::NotLaravel, "");
        }
    }
}
