//! The HTTP fallback of pusher-js, in the manner of SockJS.
//!
//! The client POSTs to `…/xhr_streaming` or `…/xhr` and reads the answer line by line: a letter and
//! JSON. Its own messages are JSON in JSON, in the body of a POST to `…/xhr_send`. No line is empty:
//! the client would not read on.

use std::{borrow::Cow, fmt};

use serde::{
    Deserializer,
    de::{Error, SeqAccess, Visitor},
};

use crate::{client::Text, json::push_string};

/// Messages that one POST may carry. pusher-js sends one at a time.
pub const MESSAGES_MAX: usize = 1_000;

/// Why a body carries no messages.
#[derive(Debug, thiserror::Error)]
pub enum BodyFault {
    /// Not JSON, or neither an array of strings nor a string.
    #[error("the body is no JSON array of strings: {0}")]
    Json(#[from] serde_json::Error),
}

/// The first line of a session. pusher-js takes a second one for the loss of its session.
pub fn open() -> &'static str {
    "o\n"
}

/// A sign of life. Over `xhr_streaming` the client answers it with a body of no messages.
pub fn heartbeat() -> &'static str {
    "h\n"
}

/// A line of messages.
pub fn messages<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    let mut line = Vec::with_capacity(256);
    line.extend_from_slice(b"a[");
    for (at, text) in texts.into_iter().enumerate() {
        if at > 0 {
            line.push(b',');
        }
        push_string(&mut line, text);
    }
    line.extend_from_slice(b"]\n");
    line
}

/// The last line of a session: code and reason as in a WebSocket's close frame.
pub fn close(code: u16, reason: &str) -> Vec<u8> {
    let mut line = format!("c[{code},").into_bytes();
    push_string(&mut line, reason);
    line.extend_from_slice(b"]\n");
    line
}

/// Reads the body of a POST to `xhr_send`: an array of messages, of none when it is the client's
/// sign of life, or one message alone.
///
/// # Errors
/// If it is anything else, or more than [`MESSAGES_MAX`] messages.
pub fn received(body: &[u8]) -> Result<Vec<Cow<'_, str>>, BodyFault> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let messages = deserializer.deserialize_any(Messages)?;
    deserializer.end()?;
    Ok(messages)
}

struct Messages;

impl<'de> Visitor<'de> for Messages {
    type Value = Vec<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("messages")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(vec![Cow::Borrowed(text)])
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(vec![Cow::Owned(text.to_owned())])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut messages = Vec::new();
        while let Some(Text(message)) = items.next_element()? {
            if messages.len() == MESSAGES_MAX {
                return Err(Error::custom(format!("it has more than {MESSAGES_MAX} messages")));
            }
            messages.push(message);
        }
        Ok(messages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_letter_and_json() {
        assert_eq!((open(), heartbeat()), ("o\n", "h\n"));
        let text = "{\"event\":\"a\n\",\"data\":\"\\u2028\u{2028}\"}";
        assert_eq!(
            str::from_utf8(&messages([text, "b"])),
            Ok(
                "a[\"{\\\"event\\\":\\\"a\\n\\\",\\\"data\\\":\\\"\\\\u2028\u{2028}\\\"}\",\"b\"]\n"
            )
        );
        assert_eq!(messages([]), b"a[]\n");
        assert_eq!(close(4009, "a \"b\"\n"), b"c[4009,\"a \\\"b\\\"\\n\"]\n");
    }

    #[test]
    fn a_body_has_messages_or_is_a_sign_of_life() {
        let texts = |body: &'static str| received(body.as_bytes()).expect("messages");
        assert_eq!(texts("[]"), [""; 0]);
        assert_eq!(texts(r#"["{\"event\":\"pusher:ping\"}"]"#), [r#"{"event":"pusher:ping"}"#]);
        assert_eq!(texts(r#" ["a","é\n"] "#), ["a", "é\n"]);
        assert_eq!(texts(r#""a""#), ["a"]);
        assert_eq!(texts(r#""\"a\"""#), ["\"a\""]);
    }

    #[test]
    fn every_other_body_is_refused() {
        for body in [
            &b""[..],
            b"x",
            b"{}",
            b"7",
            b"null",
            b"[7]",
            b"[null]",
            b"[[\"a\"]]",
            b"[\"a\"",
            b"[\"a\"]]",
            b"\"a\"\"b\"",
            b"[\"\xff\"]",
            b"[\"\\ud800\"]",
        ] {
            assert!(received(body).is_err(), "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn a_body_has_a_limit_of_messages() {
        let body = |count: usize| format!("[{}]", vec!["\"a\""; count].join(","));
        assert_eq!(received(body(MESSAGES_MAX).as_bytes()).expect("messages").len(), MESSAGES_MAX);
        let fault = received(body(MESSAGES_MAX + 1).as_bytes()).expect_err("too many");
        assert!(fault.to_string().contains("more than 1000 messages"), "{fault}");
    }
}
