//! Writing JSON by hand, where one pass and no intermediate value are wanted.

/// Appends a text as a JSON string with its quotes.
pub(crate) fn push_string(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(&mut *out, text).expect("a string is JSON, and a Vec takes every byte");
}

/// Appends a JSON text as a JSON string: the double encoding of `data` in Pusher's messages.
pub(crate) fn push_encoded(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let mut inner = Vec::with_capacity(128);
    write(&mut inner);
    let inner = String::from_utf8(inner).expect("every part that is written is a str");
    push_string(out, &inner);
}

/// Appends a text that needs no escapes.
pub(crate) fn push(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}
