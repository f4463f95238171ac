//! From the form of Pusher's payloads to that of Socket.IO.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use crate::client::Text;

/// The payload of a Pusher event as clients of Socket.IO want it. `data_json` is a JSON string with
/// its quotes: if its content is JSON, then that content; otherwise the string unchanged.
///
/// ```
/// use resound_protocol::socketio::decode_data;
///
/// assert_eq!(decode_data(r#""{\"id\":1}""#), r#"{"id":1}"#);
/// assert_eq!(decode_data(r#""hello""#), r#""hello""#);
/// ```
pub fn decode_data(data_json: &str) -> Cow<'_, str> {
    if !data_json.starts_with('"') {
        return Cow::Borrowed(data_json);
    }
    match serde_json::from_str(data_json) {
        Ok(Text(content)) if is_json(&content) => content,
        Ok(_) | Err(_) => Cow::Borrowed(data_json),
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}
