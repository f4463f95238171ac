use crate::{
    driver::{Driver, Sending},
    envelope::Envelope,
};

/// Writes events to the log, in Laravel's words, at level `info`.
///
/// ```
/// use resound::{Broadcaster, drivers::Log};
///
/// let broadcaster = Broadcaster::builder().connection("log", Log).build();
/// # let _ = broadcaster;
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Log;

impl Driver for Log {
    fn send<'a>(&'a self, envelope: &'a Envelope) -> Sending<'a> {
        Box::pin(async move {
            tracing::info!("{}", text(envelope));
            Ok(())
        })
    }
}

fn text(envelope: &Envelope) -> String {
    let channels: Vec<_> = envelope.channels.iter().map(|channel| channel.as_str()).collect();
    let channels = channels.join(", ");
    let Envelope { name, payload, .. } = envelope;
    format!("Broadcasting [{name}] on channels [{channels}] with payload:\n{}", pretty(payload))
}

/// Indented by four, as PHP does: the text of the payload, in its order and with its escapes.
fn pretty(json: &str) -> String {
    let (mut pretty, mut depth, mut rest) = (String::with_capacity(json.len() * 2), 0, json);
    while let Some(c) = rest.chars().next() {
        let (token, after) = rest.split_at(if c == '"' { text_end(rest) } else { c.len_utf8() });
        rest = after.trim_start();
        match c {
            '{' | '[' if rest.starts_with(['}', ']']) => {
                pretty.extend([token, &rest[..1]]);
                rest = rest[1..].trim_start();
            }
            '{' | '[' => {
                depth += 1;
                pretty.extend([token, &line(depth)]);
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                pretty.extend([&line(depth), token]);
            }
            ',' => pretty.extend([token, &line(depth)]),
            ':' => pretty.push_str(": "),
            _ => pretty.push_str(token),
        }
    }
    pretty
}

/// Where the text ends that begins here.
fn text_end(json: &str) -> usize {
    let mut is_escaped = false;
    let end = json.bytes().skip(1).position(|byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    });
    end.map_or(json.len(), |end| end + 2)
}

fn line(depth: usize) -> String {
    format!("\n{}", "    ".repeat(depth))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Channel, broadcast};

    #[test]
    fn an_event_is_logged_in_laravels_words() {
        let event = broadcast::on([Channel::public("a"), Channel::private("b")])
            .name("order.shipped")
            .with(serde_json::json!({ "id": 7 }));
        assert_eq!(
            text(&Envelope::of(&event, "").expect("json")),
            "Broadcasting [order.shipped] on channels [a, private-b] with payload:\n{\n    \"id\": 7\n}"
        );
    }

    #[test]
    fn a_payload_is_laid_out_as_php_lays_it_out() {
        let payload = r#"{"b":"a\"{\\","a/é":[1.50,{}, [],{"n":null}],"e":[]}"#;
        let expected = r#"{
    "b": "a\"{\\",
    "a/é": [
        1.50,
        {},
        [],
        {
            "n": null
        }
    ],
    "e": []
}"#;
        assert_eq!(pretty(payload), expected);
        for same in ["[]", "{}", "\"a\"", "12345678901234567890123", "null", ""] {
            assert_eq!(pretty(same), same);
        }
    }
}
