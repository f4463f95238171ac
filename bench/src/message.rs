//! Messages of the Pusher protocol: what the generator says, and what it is told apart from events.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::mark::{MARK_BYTES, Mark};
use crate::target::Target;

/// The answer to `pusher:ping`.
pub(crate) const PONG: &[u8] = br#"{"event":"pusher:pong","data":{}}"#;

/// Bytes of an event's data without padding: `{"mark":"…","pad":""}`.
pub(crate) const PAYLOAD_BYTES_MIN: usize = 9 + MARK_BYTES + 9 + 2;

/// How the data of an event stands in the JSON around it.
#[derive(Clone, Copy)]
pub(crate) enum Encoding {
    /// As an object, as clients send it.
    Object,
    /// As a string that contains JSON, as publishers send it.
    Text,
}

/// Appends the data of an event: `bytes` long (before its quotes are escaped), a mark and padding.
pub(crate) fn write_payload(out: &mut Vec<u8>, mark: Mark, bytes: usize, encoding: Encoding) {
    let [open, middle, close]: [&[u8]; 3] = match encoding {
        Encoding::Object => [br#"{"mark":""#, br#"","pad":""#, br#""}"#],
        Encoding::Text => [br#"{\"mark\":\""#, br#"\",\"pad\":\""#, br#"\"}"#],
    };
    out.extend_from_slice(open);
    mark.write(out);
    out.extend_from_slice(middle);
    out.resize(out.len() + bytes.saturating_sub(PAYLOAD_BYTES_MIN), b'x');
    out.extend_from_slice(close);
}

/// Subscribes to a channel; `user` is who enters, if it is a presence channel.
pub(crate) fn subscribe(
    target: &Target,
    socket_id: &str,
    channel: &str,
    user: Option<&str>,
) -> String {
    if let Some(user) = user {
        let data = format!(r#"{{"user_id":"{user}","user_info":{{"name":"User {user}"}}}}"#);
        let auth = target.channel_auth(socket_id, channel, Some(&data));
        let data = Value::String(data);
        return format!(
            r#"{{"event":"pusher:subscribe","data":{{"auth":"{auth}","channel_data":{data},"channel":"{channel}"}}}}"#
        );
    }
    let private = channel.starts_with("private-");
    let auth = if private { target.channel_auth(socket_id, channel, None) } else { String::new() };
    format!(r#"{{"event":"pusher:subscribe","data":{{"auth":"{auth}","channel":"{channel}"}}}}"#)
}

/// Leaves a channel.
pub(crate) fn unsubscribe(channel: &str) -> String {
    format!(r#"{{"event":"pusher:unsubscribe","data":{{"channel":"{channel}"}}}}"#)
}

/// Appends an event from one client to the others of a channel.
pub(crate) fn write_client_event(out: &mut Vec<u8>, channel: &str, mark: Mark, bytes: usize) {
    out.extend_from_slice(br#"{"event":"client-bench","channel":""#);
    out.extend_from_slice(channel.as_bytes());
    out.extend_from_slice(br#"","data":"#);
    write_payload(out, mark, bytes, Encoding::Object);
    out.push(b'}');
}

/// A message from the server that is not one of the generator's events.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Control {
    /// The Engine.IO session below a connection has begun.
    Open {
        session: String,
        ping_milliseconds: u64,
    },
    /// The connection is established; without an id of its own it has that of its session.
    Established {
        socket_id: Option<String>,
    },
    /// A subscription succeeded; `members` are the users of a presence channel, otherwise none.
    Subscribed {
        members: Vec<String>,
    },
    MemberAdded {
        user: String,
    },
    MemberRemoved {
        user: String,
    },
    Ping,
    /// The server closed this.
    Closed(&'static str),
    /// `pusher:error` or a refused subscription, for a person to read.
    Error(String),
    Other,
}

impl Control {
    pub(crate) fn parse(message: &[u8]) -> Self {
        let Ok(envelope) = serde_json::from_slice::<Envelope<'_>>(message) else {
            return Self::Other;
        };
        match envelope.event.as_ref() {
            "pusher:connection_established" => envelope
                .data::<Established>()
                .map_or(Self::Other, |data| Self::Established { socket_id: Some(data.socket_id) }),
            "pusher_internal:subscription_succeeded" => Self::Subscribed {
                members: envelope
                    .data::<Subscribed>()
                    .and_then(Subscribed::users)
                    .unwrap_or_default(),
            },
            "pusher_internal:member_added" => envelope
                .data::<Member>()
                .map_or(Self::Other, |data| Self::MemberAdded { user: text(data.user_id) }),
            "pusher_internal:member_removed" => envelope
                .data::<Member>()
                .map_or(Self::Other, |data| Self::MemberRemoved { user: text(data.user_id) }),
            "pusher:ping" => Self::Ping,
            "pusher:error" | "pusher:subscription_error" => {
                let complaint = envelope.data::<Complaint>().and_then(Complaint::sentence);
                let raw = || String::from_utf8_lossy(message).into_owned();
                Self::Error(complaint.unwrap_or_else(raw))
            }
            _ => Self::Other,
        }
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

impl Envelope<'_> {
    /// The data, which servers send as a string that contains JSON or as the JSON itself.
    fn data<T: DeserializeOwned>(&self) -> Option<T> {
        let raw = self.data?.get();
        if !raw.starts_with('"') {
            return serde_json::from_str(raw).ok();
        }
        let text: String = serde_json::from_str(raw).ok()?;
        serde_json::from_str(&text).ok()
    }
}

#[derive(Deserialize)]
struct Established {
    socket_id: String,
}

#[derive(Deserialize)]
struct Subscribed {
    presence: Option<Presence>,
}

#[derive(Deserialize)]
struct Presence {
    ids: Vec<Value>,
}

#[derive(Deserialize)]
struct Member {
    user_id: Value,
}

/// What stands in `pusher:error`, or in `pusher:subscription_error`.
#[derive(Deserialize)]
struct Complaint {
    #[serde(alias = "status")]
    code: u16,
    #[serde(alias = "error")]
    message: String,
}

impl Complaint {
    fn sentence(self) -> Option<String> {
        let Self { code, message } = self;
        (!message.is_empty()).then(|| format!("the server says \"{message}\" (code {code})"))
    }
}

impl Subscribed {
    fn users(self) -> Option<Vec<String>> {
        Some(self.presence?.ids.into_iter().map(text).collect())
    }
}

/// A user id, which may be a string or a number.
fn text(id: Value) -> String {
    if let Value::String(text) = id {
        return text;
    }
    id.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mark::MarkFinder;
    use crate::target::resolve;

    const MARK: Mark = Mark { due: 77, number: 5, stream: 3, run: 1 };

    #[test]
    fn a_payload_has_the_length_that_was_asked_for_and_contains_its_mark() {
        for bytes in [PAYLOAD_BYTES_MIN, 100, 5000] {
            let mut object = Vec::new();
            write_payload(&mut object, MARK, bytes, Encoding::Object);
            assert_eq!(object.len(), bytes);
            let mut escaped = b"\"".to_vec();
            write_payload(&mut escaped, MARK, bytes, Encoding::Text);
            escaped.push(b'"');
            let text: String = serde_json::from_slice(&escaped).unwrap();
            assert_eq!(text.as_bytes(), object);
            for form in [object, escaped] {
                assert_eq!(MarkFinder::default().find(&form), Some(MARK));
            }
        }
    }

    #[test]
    fn every_message_that_is_sent_is_json() {
        let target = Target::new(resolve("127.0.0.1:1").unwrap(), "app", "key", "secret");
        let mut event = Vec::new();
        write_client_event(&mut event, "private-a", MARK, 100);
        let sent = [
            subscribe(&target, "1.2", "news", None),
            subscribe(&target, "1.2", "private-a", None),
            subscribe(&target, "1.2", "presence-a", Some("u1")),
            unsubscribe("news"),
            String::from_utf8(event).unwrap(),
            String::from_utf8(PONG.to_vec()).unwrap(),
        ];
        for message in sent {
            let parsed: Value = serde_json::from_str(&message).unwrap();
            assert!(parsed["event"].is_string(), "{message}");
        }
    }

    #[track_caller]
    fn check(message: &str, expected: &Control) {
        assert_eq!(&Control::parse(message.as_bytes()), expected);
    }

    #[test]
    fn messages_of_the_server_are_told_apart() {
        let one = |user: &str| user.to_owned();
        check(
            r#"{"event":"pusher:connection_established","data":"{\"socket_id\":\"12.34\",\"activity_timeout\":30}"}"#,
            &Control::Established { socket_id: Some("12.34".into()) },
        );
        check(
            r#"{"event":"pusher_internal:subscription_succeeded","channel":"news"}"#,
            &Control::Subscribed { members: vec![] },
        );
        check(
            r#"{"event":"pusher_internal:subscription_succeeded","channel":"presence-a","data":"{\"presence\":{\"ids\":[\"u1\",2],\"hash\":{\"u1\":null},\"count\":2}}"}"#,
            &Control::Subscribed { members: vec![one("u1"), one("2")] },
        );
        check(
            r#"{"event":"pusher_internal:member_added","channel":"presence-a","data":{"user_id":"u7"}}"#,
            &Control::MemberAdded { user: one("u7") },
        );
        check(
            r#"{"event":"pusher_internal:member_removed","channel":"presence-a","data":"{\"user_id\":\"u7\"}"}"#,
            &Control::MemberRemoved { user: one("u7") },
        );
        check(r#"{"event":"pusher:ping"}"#, &Control::Ping);
        check(
            r#"{"event":"pusher:error","data":"{\"code\":4009,\"message\":\"Origin not allowed\"}"}"#,
            &Control::Error("the server says \"Origin not allowed\" (code 4009)".into()),
        );
        check(
            r#"{"event":"pusher:subscription_error","channel":"c","data":{"type":"AuthError","error":"No","status":401}}"#,
            &Control::Error("the server says \"No\" (code 401)".into()),
        );
        let unusual = r#"{"event":"pusher:error","data":"whatever"}"#;
        check(unusual, &Control::Error(unusual.into()));
        check(r#"{"event":"whatever","data":5}"#, &Control::Other);
        check("no json at all", &Control::Other);
    }
}
