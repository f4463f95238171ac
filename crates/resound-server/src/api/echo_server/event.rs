//! An event in laravel-echo-server's words.

use resound_protocol::{api::BodyFault, socket_id::SocketId};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

/// laravel-echo-server's words.
const INCOMPLETE: &str = "Event must include channel, event name and data";

#[derive(Deserialize)]
struct RawEvent<'a> {
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    channels: Option<&'a RawValue>,
    #[serde(borrow)]
    channel: Option<&'a RawValue>,
    #[serde(borrow)]
    socket_id: Option<&'a RawValue>,
}

/// The same event as a body of Pusher's API, whose `data` is always a text. Of `channel` and
/// `channels` the latter counts in both.
pub(super) fn pusher_body(body: &[u8]) -> Result<String, BodyFault> {
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(BodyFault::Json("it does not begin with {".to_owned()));
    }
    let raw: RawEvent<'_> =
        serde_json::from_slice(body).map_err(|error| BodyFault::Json(error.to_string()))?;
    let [name, data, channels, channel, socket_id] =
        [raw.name, raw.data, raw.channels, raw.channel, raw.socket_id]
            .map(|json| json.map(RawValue::get).filter(|json| is_truthy(json)));
    let channels = channels.map(|json| ("channels", json));
    let target = channels.or(channel.map(|json| ("channel", json)));
    let (Some(name), Some(data), Some((key, channels))) = (name, data, target) else {
        return Err(BodyFault::Fields(vec![("channel".to_owned(), INCOMPLETE.to_owned())]));
    };
    let data = match data.as_bytes()[0] {
        b'"' => data.to_owned(),
        _ => Value::from(data).to_string(),
    };
    let sender = sender(socket_id);
    Ok(format!(r#"{{"name":{name},"data":{data},"{key}":{channels}{sender}}}"#))
}

/// What JavaScript takes for something.
fn is_truthy(json: &str) -> bool {
    !matches!(json, "\"\"" | "null" | "false" | "0")
}

/// An id of another form is nobody's here; laravel-echo-server, too, then sends to everybody.
fn sender(socket_id: Option<&str>) -> String {
    socket_id
        .and_then(|json| serde_json::from_str::<String>(json).ok())
        .filter(|id| SocketId::is_well_formed(id))
        .map_or_else(String::new, |id| format!(r#","socket_id":"{id}""#))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, expected: &str) {
        assert_eq!(pusher_body(body.as_bytes()).expect(body), expected);
    }

    #[test]
    fn data_becomes_a_text() {
        check(
            r#"{"channel":"news","name":"e","data":{"a": [1.0, "\u00e9"]}}"#,
            r#"{"name":"e","data":"{\"a\": [1.0, \"\\u00e9\"]}","channel":"news"}"#,
        );
        for (data, text) in
            [("7", r#""7""#), ("true", r#""true""#), ("[]", r#""[]""#), (r#""x\n""#, r#""x\n""#)]
        {
            check(
                &format!(r#"{{"data":{data},"channels":["a","b"],"name":"e"}}"#),
                &format!(r#"{{"name":"e","data":{text},"channels":["a","b"]}}"#),
            );
        }
    }

    #[test]
    fn a_sender_is_passed_on_if_it_can_be_one() {
        for (id, passed) in [
            (r#""123.456""#, r#","socket_id":"123.456""#),
            (r#""Na3z-_""#, ""),
            ("123.456", ""),
            ("null", ""),
            (r#""""#, ""),
        ] {
            check(
                &format!(r#"{{"name":"e","data":"x","channel":"a","socket_id":{id}}}"#),
                &format!(r#"{{"name":"e","data":"x","channel":"a"{passed}}}"#),
            );
        }
    }

    #[test]
    fn what_is_missing_or_falsy_makes_no_event() {
        for body in [
            "{}",
            r#"{"name":"e","data":"x"}"#,
            r#"{"name":"","data":"x","channel":"a"}"#,
            r#"{"name":"e","data":"","channel":"a"}"#,
            r#"{"name":"e","data":0,"channel":"a"}"#,
            r#"{"name":"e","data":null,"channel":"a"}"#,
            r#"{"name":"e","data":false,"channels":null}"#,
        ] {
            let fault = pusher_body(body.as_bytes()).expect_err(body);
            assert_eq!(fault.to_string(), INCOMPLETE, "{body}");
        }
    }

    #[test]
    fn what_is_no_json_object_makes_no_event() {
        for body in ["", "x", "[1,2,3,4,5]", "\"text\"", "{", r#"{"name":}"#, "\u{0}"] {
            let fault = pusher_body(body.as_bytes()).expect_err(body);
            assert!(matches!(fault, BodyFault::Json(_)), "{body}: {fault}");
        }
    }
}
