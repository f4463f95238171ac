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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(data_json: &str, expected: &str) {
        assert_eq!(decode_data(data_json), expected);
    }

    #[test]
    fn json_in_a_string_comes_out() {
        check(r#""{\"a\":\"\\u00e9 \\ud800\"}""#, r#"{"a":"\u00e9 \ud800"}"#);
        check(r#""[1.0,\n2]""#, "[1.0,\n2]");
        check(r#""null""#, "null");
        check(r#""\"x\"""#, r#""x""#);
    }

    #[test]
    fn every_other_string_stays() {
        for data in [r#""""#, r#""hello""#, r#""{""#, r#""{}{}""#, r#""\ud800""#, r#""a\"b""#] {
            check(data, data);
        }
    }

    #[test]
    fn only_what_has_escapes_is_copied() {
        assert!(matches!(decode_data(r#""[1,2]""#), Cow::Borrowed("[1,2]")));
        assert!(matches!(decode_data(r#""hello""#), Cow::Borrowed(_)));
        assert!(matches!(decode_data(r#""\u0031""#), Cow::Owned(_)));
    }
}
