//! Events in the body of a publish, found by their fixed surroundings.

use memchr::memmem;

/// An event as the generator publishes it, both parts as they stand in the JSON.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Published<'a> {
    pub(crate) channel: &'a [u8],
    /// The data with its quotes.
    pub(crate) data: &'a [u8],
}

/// The events in a body of `events` or `batch_events`.
pub(crate) fn events(body: &[u8]) -> impl Iterator<Item = Published<'_>> {
    let mut rest = body;
    std::iter::from_fn(move || {
        let (event, after) = next_event(rest)?;
        rest = after;
        Some(event)
    })
}

fn next_event(body: &[u8]) -> Option<(Published<'_>, &[u8])> {
    let body = after(body, br#","data":"#)?;
    // No data of the generator contains this: its quotes are escaped.
    let end = memmem::find(body, br#","channel"#)?;
    let (data, rest) = body.split_at(end);
    let rest = after(rest, b":")?;
    let rest = after(rest, b"\"")?;
    let end = memchr::memchr(b'"', rest)?;
    let (channel, rest) = rest.split_at(end);
    Some((Published { channel, data }, rest))
}

fn after<'a>(text: &'a [u8], what: &[u8]) -> Option<&'a [u8]> {
    memmem::find(text, what).map(|at| &text[at + what.len()..])
}

/// The channel that a message of a client names.
pub(crate) fn channel(message: &[u8]) -> Option<&[u8]> {
    let rest = after(message, br#""channel":""#)?;
    memchr::memchr(b'"', rest).map(|end| &rest[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, expected: &[(&str, &str)]) {
        let found: Vec<(String, String)> = events(body.as_bytes())
            .map(|event| {
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                (text(event.channel), text(event.data))
            })
            .collect();
        let expected: Vec<(String, String)> =
            expected.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn one_event_is_found() {
        check(
            r#"{"name":"e","data":"{\"a\":\"x\"}","channels":["news"]}"#,
            &[("news", r#""{\"a\":\"x\"}""#)],
        );
    }

    #[test]
    fn every_event_of_a_batch_is_found() {
        check(
            r#"{"batch":[{"name":"e","data":"1","channel":"a"},{"name":"e","data":"2","channel":"b"}]}"#,
            &[("a", "\"1\""), ("b", "\"2\"")],
        );
    }

    #[test]
    fn a_body_of_another_shape_has_no_events() {
        for body in ["", "{}", r#"{"name":"e","data":"1"}"#, r#"{"data":"1","channels":[]}"#] {
            check(body, &[]);
        }
    }

    #[test]
    fn the_channel_of_a_message_is_found() {
        let message = br#"{"event":"pusher:subscribe","data":{"auth":"","channel":"news"}}"#;
        assert_eq!(channel(message), Some(&b"news"[..]));
        assert_eq!(channel(b"{}"), None);
    }
}
