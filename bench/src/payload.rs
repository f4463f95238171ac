//! Bodies of long polling: several messages in one answer, one message in one request.

use std::borrow::Cow;

use crate::connection::Ending;
use crate::dialect::{Protocol, Revision};

/// What stands between packets in Engine.IO 4.
const SEPARATOR: u8 = 0x1e;

/// What an answer to a poll carries.
#[derive(Debug, Default)]
pub(crate) struct Payload<'a> {
    pub(crate) messages: Vec<Cow<'a, [u8]>>,
    /// The session is over after these messages.
    pub(crate) ending: Option<Ending>,
}

impl<'a> Payload<'a> {
    pub(crate) fn parse(protocol: Protocol, body: &'a [u8]) -> Self {
        match protocol {
            Protocol::Pusher => lines(body),
            Protocol::SocketIo(Revision::Three) => counted(body),
            Protocol::SocketIo(Revision::Four) => {
                let messages = body.split(|byte| *byte == SEPARATOR).map(Cow::Borrowed);
                Self { messages: messages.collect(), ending: None }
            }
        }
    }
}

/// Engine.IO 3: `length:packet` one after the other. The length is that of a JavaScript string.
fn counted(mut body: &[u8]) -> Payload<'_> {
    let mut payload = Payload::default();
    while !body.is_empty() {
        let Some((packet, rest)) = first_counted(body) else {
            payload.ending = Some(Ending::Unreadable("a payload with wrong lengths"));
            break;
        };
        payload.messages.push(Cow::Borrowed(packet));
        body = rest;
    }
    payload
}

fn first_counted(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr::memchr(b':', body)?;
    let units: usize = std::str::from_utf8(&body[..colon]).ok()?.parse().ok()?;
    let rest = &body[colon + 1..];
    let end = match rest.get(..units) {
        Some(packet) if packet.is_ascii() => units,
        _ => byte_length(std::str::from_utf8(rest).ok()?, units)?,
    };
    Some(rest.split_at(end))
}

/// Bytes of so many UTF-16 code units, if characters end there.
fn byte_length(text: &str, units: usize) -> Option<usize> {
    let mut left = units;
    for (at, character) in text.char_indices() {
        if left == 0 {
            return Some(at);
        }
        left = left.checked_sub(character.len_utf16())?;
    }
    (left == 0).then_some(text.len())
}

/// Pusher's fallback, in the manner of SockJS: lines of a letter and JSON.
fn lines(body: &[u8]) -> Payload<'_> {
    let mut payload = Payload::default();
    for line in body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match line {
            b"o" | b"h" => {}
            [b'a', texts @ ..] => match serde_json::from_slice::<Vec<String>>(texts) {
                Ok(texts) => payload
                    .messages
                    .extend(texts.into_iter().map(|text| Cow::Owned(text.into_bytes()))),
                Err(_) => return payload.with_nonsense(),
            },
            [b'c', close @ ..] => match serde_json::from_slice(close) {
                Ok((code, reason)) => payload.ending = Some(Ending::Closed { code, reason }),
                Err(_) => return payload.with_nonsense(),
            },
            _ => return payload.with_nonsense(),
        }
    }
    payload
}

impl Payload<'_> {
    fn with_nonsense(self) -> Self {
        Self { ending: Some(Ending::Unreadable("a line that is none of SockJS")), ..self }
    }
}

/// Makes `out` the body of a request that carries one message.
pub(crate) fn write(out: &mut Vec<u8>, protocol: Protocol, message: &[u8]) {
    out.clear();
    match protocol {
        Protocol::Pusher => {
            let text = String::from_utf8_lossy(message);
            serde_json::to_writer(out, &[text]).expect("writing to a Vec cannot fail");
        }
        Protocol::SocketIo(Revision::Three) => {
            let units = String::from_utf8_lossy(message).encode_utf16().count();
            out.extend_from_slice(units.to_string().as_bytes());
            out.push(b':');
            out.extend_from_slice(message);
        }
        Protocol::SocketIo(Revision::Four) => out.extend_from_slice(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EIO3: Protocol = Protocol::SocketIo(Revision::Three);
    const EIO4: Protocol = Protocol::SocketIo(Revision::Four);

    #[track_caller]
    fn check(protocol: Protocol, body: &str, messages: &[&str], ending: Option<&str>) {
        let payload = Payload::parse(protocol, body.as_bytes());
        let found: Vec<_> =
            payload.messages.iter().map(|message| std::str::from_utf8(message).unwrap()).collect();
        assert_eq!(found, messages, "{body}");
        let found = payload.ending.map(|ending| ending.to_string());
        assert_eq!(found.as_deref(), ending, "{body}");
    }

    #[test]
    fn packets_of_engine_io_4_are_separated() {
        check(EIO4, "2", &["2"], None);
        check(EIO4, "40{\"sid\":\"1\"}\x1e42[\"€\"]", &["40{\"sid\":\"1\"}", "42[\"€\"]"], None);
    }

    #[test]
    fn packets_of_engine_io_3_are_counted_in_utf16() {
        check(EIO3, "", &[], None);
        check(EIO3, "1:32:40", &["3", "40"], None);
        // A euro sign is one unit in three bytes, a face two units in four bytes.
        check(EIO3, "7:42[\"€\"]8:42[\"😀\"]1:6", &["42[\"€\"]", "42[\"😀\"]", "6"], None);
    }

    #[test]
    fn lengths_that_are_wrong_end_the_session() {
        let wrong = Some("the server sent a payload with wrong lengths");
        for body in ["x", ":40", "5:40", "-1:4", "5:42[\"😀\"]"] {
            check(EIO3, body, &[], wrong);
        }
        check(EIO3, "2:407", &["40"], wrong);
    }

    #[test]
    fn lines_of_pushers_fallback_are_told_apart() {
        check(Protocol::Pusher, "o\n", &[], None);
        check(Protocol::Pusher, "h\n", &[], None);
        check(Protocol::Pusher, "a[\"{\\\"a\\\":1}\",\"b\"]\n", &["{\"a\":1}", "b"], None);
        let closed = Some("the server closed with code 4009 \"No\"");
        check(Protocol::Pusher, "a[\"x\"]\nc[4009,\"No\"]\n", &["x"], closed);
        let wrong = Some("the server sent a line that is none of SockJS");
        for body in ["x", "a", "a[1]", "c[1]", "<html>"] {
            check(Protocol::Pusher, body, &[], wrong);
        }
    }

    #[test]
    fn a_body_that_is_sent_can_be_read() {
        let mut out = Vec::new();
        write(&mut out, EIO3, "42[\"😀\"]".as_bytes());
        assert_eq!(out, "8:42[\"😀\"]".as_bytes());
        write(&mut out, EIO4, b"40");
        assert_eq!(out, b"40");
        write(&mut out, Protocol::Pusher, br#"{"event":"pusher:ping"}"#);
        assert_eq!(out, br#"["{\"event\":\"pusher:ping\"}"]"#);
    }
}
