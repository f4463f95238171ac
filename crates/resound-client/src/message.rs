//! Messages as a client reads and writes them.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use crate::{authorizer::Authorization, error::ServerError, presence};

/// A message from the server, by what is to be done with it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Incoming {
    Established {
        socket_id: String,
        activity_seconds: Option<u64>,
    },
    Ping,
    Error(ServerError),
    /// What concerns one channel.
    Channel {
        channel: String,
        what: ChannelMessage,
    },
    /// Nothing is to be done: a pong, or what a later version of the protocol says.
    Nothing,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ChannelMessage {
    Succeeded(String),
    Refused(String),
    MemberAdded(String),
    MemberRemoved(String),
    Event { name: String, text: String, user_id: Option<String> },
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow)]
    channel: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    user_id: Option<Value>,
}

#[derive(Deserialize)]
struct Established {
    socket_id: String,
    activity_timeout: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Error {
    code: Option<u16>,
    message: Option<String>,
    /// soketi's name for it.
    error: Option<String>,
}

impl Incoming {
    /// Reads a message.
    pub(crate) fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let Envelope { event, channel, data, user_id } = serde_json::from_str(text)?;
        let data = data.map(plain).unwrap_or_default();
        match (&*event, channel) {
            ("pusher:connection_established", _) => {
                let Established { socket_id, activity_timeout } = serde_json::from_str(&data)?;
                Ok(Self::Established { socket_id, activity_seconds: activity_timeout })
            }
            ("pusher:ping", _) => Ok(Self::Ping),
            ("pusher:pong", _) => Ok(Self::Nothing),
            ("pusher:error", _) => {
                let Error { code, message, error } =
                    serde_json::from_str(&data).unwrap_or_default();
                let message = message.or(error).unwrap_or(data);
                Ok(Self::Error(ServerError { code, message }))
            }
            (_, None) => Ok(Self::Nothing),
            (_, Some(channel)) => {
                let what = ChannelMessage::new(&event, data, user_id.as_ref());
                Ok(what.map_or(Self::Nothing, |what| Self::Channel {
                    channel: channel.into_owned(),
                    what,
                }))
            }
        }
    }
}

impl ChannelMessage {
    fn new(event: &str, data: String, user_id: Option<&Value>) -> Option<Self> {
        let Some(internal) = event.strip_prefix("pusher_internal:") else {
            if event == "pusher:subscription_error" {
                let Error { message, error, .. } = serde_json::from_str(&data).unwrap_or_default();
                return Some(Self::Refused(error.or(message).unwrap_or(data)));
            }
            let user_id = user_id.and_then(presence::id);
            return Some(Self::Event { name: event.to_owned(), text: data, user_id });
        };
        match internal {
            "subscription_succeeded" => Some(Self::Succeeded(data)),
            "member_added" => Some(Self::MemberAdded(data)),
            "member_removed" => Some(Self::MemberRemoved(data)),
            // The name under which pusher-js hands it on.
            "subscription_count" => {
                let name = "pusher:subscription_count".to_owned();
                Some(Self::Event { name, text: data, user_id: None })
            }
            _ => None,
        }
    }
}

/// The data without the string around it, which most servers put around all data.
fn plain(raw: &RawValue) -> String {
    serde_json::from_str::<String>(raw.get()).unwrap_or_else(|_| match raw.get() {
        "null" => String::new(),
        json => json.to_owned(),
    })
}

pub(crate) const PING: &str = r#"{"event":"pusher:ping","data":{}}"#;
pub(crate) const PONG: &str = r#"{"event":"pusher:pong","data":{}}"#;

/// Asks for a subscription; that to a public channel has an empty `auth`, as of pusher-js.
pub(crate) fn subscribe(channel: &str, authorization: Option<&Authorization>) -> String {
    let auth = authorization.map_or("", |authorization| &authorization.auth);
    let mut data = json!({ "auth": auth, "channel": channel });
    if let Some(channel_data) = authorization.and_then(|given| given.channel_data.as_deref()) {
        data["channel_data"] = channel_data.into();
    }
    json!({ "event": "pusher:subscribe", "data": data }).to_string()
}

pub(crate) fn unsubscribe(channel: &str) -> String {
    json!({ "event": "pusher:unsubscribe", "data": { "channel": channel } }).to_string()
}

pub(crate) fn client_event(name: &str, channel: &str, data: &Value) -> String {
    json!({ "event": name, "data": data, "channel": channel }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &Incoming) {
        assert_eq!(&Incoming::parse(text).expect("a message"), expected);
    }

    fn event(text: &str) -> Incoming {
        let what =
            ChannelMessage::Event { name: "e".to_owned(), text: text.to_owned(), user_id: None };
        Incoming::Channel { channel: "c".to_owned(), what }
    }

    #[test]
    fn data_may_be_a_string_of_json_or_json() {
        check(r#"{"event":"e","channel":"c","data":"{\"n\":1}"}"#, &event(r#"{"n":1}"#));
        check(r#"{"event":"e","channel":"c","data":{"n":1}}"#, &event(r#"{"n":1}"#));
        check(r#"{"event":"e","channel":"c"}"#, &event(""));
        check(r#"{"event":"e","channel":"c","data":null}"#, &event(""));
    }

    #[test]
    fn errors_of_reverb_pusher_and_soketi_are_read() {
        let error = |code, message: &str| {
            Incoming::Error(ServerError { code, message: message.to_owned() })
        };
        let reverb = r#"{"event":"pusher:error","data":"{\"code\":4009,\"message\":\"No\"}"}"#;
        check(reverb, &error(Some(4009), "No"));
        check(
            r#"{"event":"pusher:error","data":{"message":"No","code":4009}}"#,
            &error(Some(4009), "No"),
        );
        check(r#"{"event":"pusher:error","data":"no"}"#, &error(None, "no"));
        let soketi = r#"{"event":"pusher:subscription_error","channel":"c","data":{"type":"AuthError","error":"No","status":401}}"#;
        let what = ChannelMessage::Refused("No".to_owned());
        check(soketi, &Incoming::Channel { channel: "c".to_owned(), what });
    }

    #[test]
    fn what_is_unknown_is_nothing_and_what_is_no_message_is_an_error() {
        check(r#"{"event":"pusher_internal:new","channel":"c"}"#, &Incoming::Nothing);
        check(r#"{"event":"pusher:new"}"#, &Incoming::Nothing);
        check(r#"{"event":"pusher:pong","data":{}}"#, &Incoming::Nothing);
        for text in
            ["", "[]", "{}", r#"{"event":1}"#, r#"{"event":"pusher:connection_established"}"#]
        {
            assert!(Incoming::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn subscriptions_are_asked_for_in_the_words_of_pusher_js() {
        let data = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
        assert_eq!(
            data(&subscribe("news", None)),
            json!({ "event": "pusher:subscribe", "data": { "auth": "", "channel": "news" } })
        );
        let mut given = Authorization::new("k:s".to_owned());
        given.channel_data = Some("{}".to_owned());
        given.shared_secret = Some("never sent".to_owned());
        assert_eq!(
            data(&subscribe("presence-a", Some(&given))),
            json!({ "event": "pusher:subscribe",
                "data": { "auth": "k:s", "channel": "presence-a", "channel_data": "{}" } })
        );
    }
}
