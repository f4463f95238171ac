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
