//! Packets from clients.

use std::{borrow::Cow, fmt};

use serde::{
    Deserializer,
    de::{Error, IgnoredAny, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{client::Text, socketio::argument::ClientEvent};

/// Attachments that one packet may announce, as in socket.io-parser.
pub const ATTACHMENTS_MAX: u32 = 10;

/// Bytes of a namespace's name. A refusal repeats it.
pub const NAMESPACE_BYTES_MAX: usize = 200;

/// Names that no event has, because they are those of the libraries' own events.
const RESERVED: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

/// A packet from a client, still borrowing from its text where it can.
#[derive(Debug, PartialEq, Eq)]
pub enum ClientPacket<'a> {
    /// `0`: the client joins a namespace.
    Connect {
        /// `/` if the packet names none, without a query.
        namespace: &'a str,
        /// The JSON object that came with it, in version 4 of Engine.IO.
        auth: Option<&'a str>,
    },
    /// `1`: the client leaves a namespace.
    Disconnect {
        /// `/` if the packet names none.
        namespace: &'a str,
    },
    /// `2`: an event.
    Event {
        /// `/` if the packet names none.
        namespace: &'a str,
        /// The number with which the client wants the event acknowledged.
        ack: Option<u64>,
        /// What it says.
        event: ClientEvent<'a>,
    },
    /// `3`: the acknowledgement of an event. None is ever asked for here.
    Ack,
    /// `4`: only a server sends it.
    ConnectError,
    /// `5` and `6`: an event or an acknowledgement with attachments. Nothing of ours is binary.
    Binary {
        /// How many binary messages follow.
        attachments: u32,
    },
}

/// Why a text is no packet, or its event says nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SocketIoFault {
    /// It is empty or begins with no type.
    #[error("a Socket.IO packet begins with a digit from 0 to 6")]
    Type,
    /// The name of the namespace is too long or has control characters.
    #[error(
        "the namespace has control characters or more than {NAMESPACE_BYTES_MAX} bytes: it has {0}"
    )]
    Namespace(usize),
    /// The number of the acknowledgement is beyond all numbers.
    #[error("the number of the acknowledgement is too large")]
    AckNumber,
    /// The number of attachments is missing, 0 or too large.
    #[error("a binary packet has from 1 to {ATTACHMENTS_MAX} attachments")]
    Attachments,
    /// What follows is not the JSON that the type of the packet has.
    #[error("{0}: {1}")]
    Json(&'static str, serde_json::Error),
    /// What follows is JSON, but not of the kind that the type of the packet has.
    #[error("{0}")]
    Payload(&'static str),
    /// An event with a name of the libraries' own events.
    #[error("an event of a client must not be named {0}")]
    Reserved(&'static str),
    /// An event of laravel-echo-server whose argument is not what it takes.
    #[error("the argument of {0:?} is wrong: {1}")]
    Argument(&'static str, serde_json::Error),
}

impl SocketIoFault {
    /// Whether the connection ends with it. A wrong argument is the application's fault, not the
    /// protocol's: the event is passed over.
    pub fn is_fatal(&self) -> bool {
        !matches!(self, Self::Argument(..))
    }
}

impl<'a> ClientPacket<'a> {
    /// Reads the content of an Engine.IO message.
    ///
    /// # Errors
    /// What socket.io-parser refuses: an unknown type, JSON of the wrong kind, reserved names, too
    /// many attachments. Unlike there, an event needs a payload.
    pub fn parse(text: &'a str) -> Result<Self, SocketIoFault> {
        let mut rest = text.chars();
        let kind = rest.next().ok_or(SocketIoFault::Type)?;
        let rest = rest.as_str();
        match kind {
            '0' => {
                let (namespace, payload) = namespace(rest)?;
                Ok(Self::Connect { namespace, auth: auth(payload)? })
            }
            '1' => {
                let (namespace, payload) = namespace(rest)?;
                if !payload.is_empty() {
                    return Err(SocketIoFault::Payload("a disconnect packet has no payload"));
                }
                Ok(Self::Disconnect { namespace })
            }
            '2' => {
                let (namespace, rest) = namespace(rest)?;
                let (ack, payload) = ack(rest)?;
                Ok(Self::Event { namespace, ack, event: event(payload)? })
            }
            '3' => Ok(Self::Ack),
            '4' => Ok(Self::ConnectError),
            '5' | '6' => Ok(Self::Binary { attachments: attachments(rest)? }),
            _ => Err(SocketIoFault::Type),
        }
    }
}

/// Takes the namespace off the front. Version 2 appends a query to its name.
fn namespace(text: &str) -> Result<(&str, &str), SocketIoFault> {
    if !text.starts_with('/') {
        return Ok(("/", text));
    }
    let (name, rest) = text.split_once(',').unwrap_or((text, ""));
    let name = name.split_once('?').map_or(name, |(name, _)| name);
    if name.len() > NAMESPACE_BYTES_MAX || name.contains(char::is_control) {
        return Err(SocketIoFault::Namespace(name.len()));
    }
    Ok((name, rest))
}

/// Takes the number of the acknowledgement off the front.
fn ack(text: &str) -> Result<(Option<u64>, &str), SocketIoFault> {
    let end = text.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    if digits.is_empty() {
        return Ok((None, rest));
    }
    let number = digits.parse().map_err(|_| SocketIoFault::AckNumber)?;
    Ok((Some(number), rest))
}

fn attachments(text: &str) -> Result<u32, SocketIoFault> {
    let (digits, _) = text.split_once('-').ok_or(SocketIoFault::Attachments)?;
    let is_number = digits.bytes().all(|b| b.is_ascii_digit());
    let number = digits.parse().ok().filter(|number| (1..=ATTACHMENTS_MAX).contains(number));
    number.filter(|_| is_number).ok_or(SocketIoFault::Attachments)
}

fn auth(payload: &str) -> Result<Option<&str>, SocketIoFault> {
    const FORM: &str = "a connect packet has a JSON object or nothing";
    if payload.is_empty() {
        return Ok(None);
    }
    let raw: &RawValue =
        serde_json::from_str(payload).map_err(|fault| SocketIoFault::Json(FORM, fault))?;
    if !raw.get().starts_with('{') {
        return Err(SocketIoFault::Payload(FORM));
    }
    Ok(Some(raw.get()))
}

fn event(payload: &str) -> Result<ClientEvent<'_>, SocketIoFault> {
    const FORM: &str = "an event packet has a JSON array that begins with a name";
    let json = |fault| SocketIoFault::Json(FORM, fault);
    let mut deserializer = serde_json::Deserializer::from_str(payload);
    let (name, argument) = deserializer.deserialize_seq(EventVisitor).map_err(json)?;
    deserializer.end().map_err(json)?;
    let name = match name.get().as_bytes().first() {
        Some(b'"') => serde_json::from_str::<Text<'_>>(name.get()).map_err(json)?.0,
        // socket.io-parser takes numbers for names, too.
        Some(b'-' | b'0'..=b'9') => Cow::Borrowed(name.get()),
        _ => return Err(SocketIoFault::Payload(FORM)),
    };
    if let Some(reserved) = RESERVED.into_iter().find(|reserved| *reserved == name) {
        return Err(SocketIoFault::Reserved(reserved));
    }
    ClientEvent::parse(name, argument.map_or("null", RawValue::get))
}

/// Reads an event's name and its first argument; further ones mean nothing.
struct EventVisitor;

impl<'de> Visitor<'de> for EventVisitor {
    type Value = (&'de RawValue, Option<&'de RawValue>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name and arguments")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let name = items.next_element()?.ok_or_else(|| A::Error::custom("the array is empty"))?;
        let argument = items.next_element()?;
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok((name, argument))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &ClientPacket<'_>) {
        assert_eq!(&ClientPacket::parse(text).expect("a packet"), expected);
    }

    fn event<'a>(namespace: &'a str, ack: Option<u64>, name: &'a str) -> ClientPacket<'a> {
        let event = ClientEvent::Unknown { name: name.into() };
        ClientPacket::Event { namespace, ack, event }
    }

    #[test]
    fn connecting_names_a_namespace_and_carries_an_object() {
        let connect = |namespace, auth| ClientPacket::Connect { namespace, auth };
        check("0", &connect("/", None));
        check(r#"0{"token":"t"}"#, &connect("/", Some(r#"{"token":"t"}"#)));
        check("0/admin,", &connect("/admin", None));
        check("0/admin", &connect("/admin", None));
        check("0/admin?token=t,", &connect("/admin", None));
        check(r#"0/admin,{"a":1}"#, &connect("/admin", Some(r#"{"a":1}"#)));
    }

    #[test]
    fn disconnecting_has_no_payload() {
        check("1", &ClientPacket::Disconnect { namespace: "/" });
        check("1/admin,", &ClientPacket::Disconnect { namespace: "/admin" });
        assert!(ClientPacket::parse("1{}").is_err());
    }

    #[test]
    fn events_have_a_name_and_may_want_an_acknowledgement() {
        check(r#"2["a"]"#, &event("/", None, "a"));
        check(r#"2["a",1,[2],{"b":3}]"#, &event("/", None, "a"));
        check(r#"20["a"]"#, &event("/", Some(0), "a"));
        check(r#"2/admin,12["é\n"]"#, &event("/admin", Some(12), "é\n"));
        check("2[7]", &event("/", None, "7"));
    }

    #[test]
    fn binary_packets_announce_their_attachments() {
        let json = r#"["bin",{"_placeholder":true,"num":0}]"#;
        for (text, attachments) in [(format!("51-{json}"), 1), (format!("610-/a,3{json}"), 10)] {
            check(&text, &ClientPacket::Binary { attachments });
        }
        for text in ["5", "5-[]", "5[]", "50-[]", "511-[]", "5+1-[]", "5x-[]", "599999999999-[]"] {
            let fault = ClientPacket::parse(text).expect_err(text);
            assert!(matches!(fault, SocketIoFault::Attachments), "{text}: {fault}");
        }
    }

    #[test]
    fn acknowledgements_and_errors_are_not_read() {
        check("30[]", &ClientPacket::Ack);
        check(r#"4"x""#, &ClientPacket::ConnectError);
    }

    #[test]
    fn names_of_the_libraries_own_events_are_refused() {
        for name in RESERVED {
            let fault = ClientPacket::parse(&format!("2[\"{name}\"]")).expect_err(name).to_string();
            assert_eq!(fault, format!("an event of a client must not be named {name}"));
        }
    }

    #[test]
    fn everything_else_is_no_packet() {
        for text in [
            "",
            "7",
            "x",
            "é",
            "0[]",
            r#"0"x""#,
            "0{",
            "0{}{}",
            "2",
            "21",
            "2{}",
            "2[]",
            "2[null]",
            "2[{}]",
            r#"2["a""#,
            r#"2["a"]]"#,
            r#"2["a",]"#,
            r#"2"a""#,
            r#"299999999999999999999["a"]"#,
        ] {
            let fault = ClientPacket::parse(text).expect_err(text);
            assert!(fault.is_fatal(), "{text}: {fault}");
        }
    }

    #[test]
    fn namespaces_have_a_limit() {
        let text = |bytes: usize| format!("0/{}", "n".repeat(bytes - 1));
        assert!(ClientPacket::parse(&text(NAMESPACE_BYTES_MAX)).is_ok());
        assert!(ClientPacket::parse(&text(NAMESPACE_BYTES_MAX + 1)).is_err());
        assert!(ClientPacket::parse(&format!("0/a?{}", "q".repeat(1_000))).is_ok());
        assert!(ClientPacket::parse("0/a\u{1e}b").is_err());
    }
}
