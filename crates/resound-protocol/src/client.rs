//! Messages from clients.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A message from a client, still borrowing from its text where it can.
#[derive(Debug, PartialEq, Eq)]
pub enum ClientMessage<'a> {
    /// `pusher:subscribe`.
    Subscribe(Subscribe<'a>),
    /// `pusher:unsubscribe` from the channel of this name.
    Unsubscribe(Cow<'a, str>),
    /// `pusher:ping`.
    Ping,
    /// `pusher:pong`.
    Pong,
    /// `pusher:signin`.
    SignIn(SignIn<'a>),
    /// Any event whose name is not Pusher's own: a client event if it begins with `client-`.
    Event(ClientEvent<'a>),
}

/// What `pusher:subscribe` says. Public channels carry an empty `auth` or none.
#[derive(Debug, PartialEq, Eq)]
pub struct Subscribe<'a> {
    /// The channel's name as it came.
    pub channel: Cow<'a, str>,
    /// `key:signature`.
    pub auth: Option<Cow<'a, str>>,
    /// A member's JSON, signed in exactly these bytes.
    pub channel_data: Option<Cow<'a, str>>,
}

/// What `pusher:signin` says.
#[derive(Debug, PartialEq, Eq)]
pub struct SignIn<'a> {
    /// `key:signature`.
    pub auth: Cow<'a, str>,
    /// The user's JSON, signed in exactly these bytes.
    pub user_data: Cow<'a, str>,
}

/// An event from one client to the others of a channel.
#[derive(Debug, PartialEq, Eq)]
pub struct ClientEvent<'a> {
    /// The event's name.
    pub name: Cow<'a, str>,
    /// The channel's name as it came.
    pub channel: Cow<'a, str>,
    /// The payload's JSON in the sender's own bytes; absent if the sender gave none.
    pub data: Option<Cow<'a, str>>,
}

/// Why a text is no message; the client gets 4200, the log gets this.
#[derive(Debug, thiserror::Error)]
pub enum MessageFault {
    /// Not JSON, or a field of a wrong type.
    #[error("the message is no JSON with an event: {0}")]
    Json(#[from] serde_json::Error),
    /// JSON, but an array, a string, a number.
    #[error("the message or its data is not a JSON object")]
    NotAnObject,
    /// `data` is missing where the event needs it.
    #[error("{0} needs data with {1}")]
    Incomplete(&'static str, &'static str),
    /// A `pusher:` event that no client sends.
    #[error("no client sends {0:?}")]
    UnknownEvent(String),
    /// A client event without a channel.
    #[error("the event has no channel")]
    NoChannel,
}

/// A string that borrows where it has no escapes, also inside an `Option`.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow)]
    channel: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<&'a RawValue>,
}

/// Tells `null`, which is data like any other, from no data.
pub(crate) fn present<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    channel: Option<Text<'a>>,
    #[serde(borrow)]
    auth: Option<Text<'a>>,
    #[serde(borrow)]
    channel_data: Option<Text<'a>>,
    #[serde(borrow)]
    user_data: Option<Text<'a>>,
}

impl<'a> ClientMessage<'a> {
    /// Reads a message.
    ///
    /// # Errors
    /// What Reverb answers with 4200 "Invalid message format": not JSON, not an object, no `event`
    /// or one that is no string, an unknown `pusher:` event, a subscription without a channel, a
    /// client event without a channel, and fields of wrong types.
    pub fn parse(text: &'a str) -> Result<Self, MessageFault> {
        let envelope: Envelope<'a> = object(text)?;
        match &*envelope.event {
            "pusher:subscribe" => subscribe(envelope.data),
            "pusher:unsubscribe" => {
                let data = data(envelope.data)?;
                let channel = data
                    .channel
                    .ok_or(MessageFault::Incomplete("pusher:unsubscribe", "a channel"))?;
                Ok(Self::Unsubscribe(channel.0))
            }
            "pusher:ping" => Ok(Self::Ping),
            "pusher:pong" => Ok(Self::Pong),
            "pusher:signin" => sign_in(envelope.data),
            name if name.starts_with("pusher:") || name.starts_with("pusher_internal:") => {
                Err(MessageFault::UnknownEvent(name.chars().take(100).collect()))
            }
            _ => {
                let channel = envelope.channel.ok_or(MessageFault::NoChannel)?.0;
                let data = envelope.data.map(|raw| raw.get().into());
                Ok(Self::Event(ClientEvent { name: envelope.event, channel, data }))
            }
        }
    }
}

fn subscribe<'a>(raw: Option<&'a RawValue>) -> Result<ClientMessage<'a>, MessageFault> {
    let Data { channel, auth, channel_data, .. } = data(raw)?;
    let channel = channel.ok_or(MessageFault::Incomplete("pusher:subscribe", "a channel"))?.0;
    let auth = auth.map(|text| text.0).filter(|text| !text.is_empty());
    Ok(ClientMessage::Subscribe(Subscribe {
        channel,
        auth,
        channel_data: channel_data.map(|text| text.0),
    }))
}

fn sign_in<'a>(raw: Option<&'a RawValue>) -> Result<ClientMessage<'a>, MessageFault> {
    let data = data(raw)?;
    let (Some(auth), Some(user_data)) = (data.auth, data.user_data) else {
        return Err(MessageFault::Incomplete("pusher:signin", "auth and user_data"));
    };
    Ok(ClientMessage::SignIn(SignIn { auth: auth.0, user_data: user_data.0 }))
}

/// Reads `data`, which is an object, or (Reverb takes it too) a string that contains one.
fn data<'a>(raw: Option<&'a RawValue>) -> Result<Data<'a>, MessageFault> {
    let text = raw.map(RawValue::get).filter(|text| *text != "null").unwrap_or("{}");
    if !text.starts_with('"') {
        return object(text);
    }
    let inner: String = serde_json::from_str(text)?;
    let data: Data<'_> = object(&inner)?;
    let own = |text: Option<Text<'_>>| text.map(|text| Text(Cow::Owned(text.0.into_owned())));
    Ok(Data {
        channel: own(data.channel),
        auth: own(data.auth),
        channel_data: own(data.channel_data),
        user_data: own(data.user_data),
    })
}

/// Reads an object; serde would take an array of the fields' values for one too.
fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, MessageFault> {
    if !text.trim_ascii_start().starts_with('{') {
        return Err(MessageFault::NotAnObject);
    }
    Ok(serde_json::from_str(text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &ClientMessage<'_>) {
        assert_eq!(&ClientMessage::parse(text).expect("a message"), expected);
    }

    fn subscription(channel: &'static str) -> Subscribe<'static> {
        Subscribe { channel: channel.into(), auth: None, channel_data: None }
    }

    #[test]
    fn subscriptions_are_read_in_every_form_that_clients_send() {
        let public = ClientMessage::Subscribe(subscription("news"));
        check(r#"{"event":"pusher:subscribe","data":{"auth":"","channel":"news"}}"#, &public);
        check(r#"{"event":"pusher:subscribe","data":{"channel":"news"}}"#, &public);
        check(r#"{"event":"pusher:subscribe","data":{"channel":"news","auth":null}}"#, &public);
        check(r#"{"event":"pusher:subscribe","data":"{\"channel\":\"news\"}"}"#, &public);
        let presence = ClientMessage::Subscribe(Subscribe {
            auth: Some("k:s".into()),
            channel_data: Some(r#"{"user_id":"7"}"#.into()),
            ..subscription("presence-a")
        });
        check(
            r#"{"event":"pusher:subscribe","data":{"auth":"k:s","channel_data":"{\"user_id\":\"7\"}","channel":"presence-a"}}"#,
            &presence,
        );
    }

    #[test]
    fn client_events_keep_the_bytes_of_their_data() {
        let event = |data: Option<&'static str>| {
            ClientMessage::Event(ClientEvent {
                name: "client-a".into(),
                channel: "private-b".into(),
                data: data.map(Into::into),
            })
        };
        for data in [r#"{"n": 1.0}"#, "[ ]", "7", "null", r#""\u00e9""#] {
            let text = format!(r#"{{"event":"client-a","channel":"private-b","data":{data}}}"#);
            check(&text, &event(Some(data)));
        }
        check(r#"{"event":"client-a","channel":"private-b"}"#, &event(None));
        check(r#"{"event":"client-a","channel":"private-b","user_id":"9"}"#, &event(None));
    }

    #[test]
    fn the_other_messages_are_told_apart() {
        check(r#"{"event":"pusher:ping","data":{}}"#, &ClientMessage::Ping);
        check(r#"{"event":"pusher:pong"}"#, &ClientMessage::Pong);
        check(
            r#"{"event":"pusher:unsubscribe","data":{"channel":"a"}}"#,
            &ClientMessage::Unsubscribe("a".into()),
        );
        check(
            r#"{"event":"pusher:signin","data":{"auth":"k:s","user_data":"{}"}}"#,
            &ClientMessage::SignIn(SignIn { auth: "k:s".into(), user_data: "{}".into() }),
        );
    }

    #[test]
    fn everything_else_is_no_message() {
        for text in [
            "",
            "x",
            "7",
            "[]",
            r#"["pusher:ping",null,null]"#,
            "null",
            "{}",
            r#"{"event":7}"#,
            r#"{"event":"pusher:foo"}"#,
            r#"{"event":"pusher_internal:member_added","channel":"a"}"#,
            r#"{"event":"pusher:subscribe"}"#,
            r#"{"event":"pusher:subscribe","data":{}}"#,
            r#"{"event":"pusher:subscribe","data":{"channel":7}}"#,
            r#"{"event":"pusher:subscribe","data":{"channel":"a","channel_data":{}}}"#,
            r#"{"event":"pusher:subscribe","data":"{"}"#,
            r#"{"event":"pusher:subscribe","data":[]}"#,
            r#"{"event":"pusher:unsubscribe","data":{}}"#,
            r#"{"event":"pusher:signin","data":{"auth":"a"}}"#,
            r#"{"event":"client-a"}"#,
            r#"{"event":"client-a","channel":{}}"#,
        ] {
            assert!(ClientMessage::parse(text).is_err(), "{text}");
        }
    }
}
