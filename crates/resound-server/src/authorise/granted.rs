//! What the body of a successful answer means.
//!
//! laravel-echo-server let a client in whenever the status was 200. Here the body must say so, because
//! a login page, a page for every unknown path, and the answer of the `log` broadcaster have the same
//! status.

use serde::Deserialize;
use serde_json::value::RawValue;

/// Why a body grants nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misread {
    /// There is none, as with the broadcasters `log` and `null`.
    Empty,
    /// It is `false`.
    False,
    /// It is a page.
    Html,
    /// It is JSON and no answer.
    Foreign,
    /// It names a member that is no JSON object.
    Member,
    /// It is longer than any authorisation.
    TooLong,
    /// It is something else.
    Text,
}

/// Reads a body: Laravel's `true`, `{"auth":…}`, `{"channel_data":{…}}` or
/// `{"auth":…,"channel_data":"…"}`. What is granted is the member as JSON, if there is one.
pub(crate) fn read(channel: &str, body: &[u8]) -> Result<Option<String>, Misread> {
    // Some editors leave a byte order mark in front of `<?php`, which then precedes every answer.
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii();
    match body {
        b"" => Err(Misread::Empty),
        b"true" => Ok(None),
        b"false" => Err(Misread::False),
        [b'<', ..] => Err(Misread::Html),
        [b'{', ..] => read_object(channel, body),
        _ => Err(other(body)),
    }
}

#[derive(Deserialize)]
struct Object<'a> {
    #[serde(borrow, default)]
    auth: Option<&'a RawValue>,
    #[serde(borrow, default)]
    channel_data: Option<&'a RawValue>,
}

fn read_object(channel: &str, body: &[u8]) -> Result<Option<String>, Misread> {
    let Object { auth, channel_data } = serde_json::from_slice(body).map_err(|_| other(body))?;
    let is_signed = auth.is_some_and(|auth| auth.get().starts_with('"') && auth.get() != "\"\"");
    match channel_data.map(member) {
        Some(Some(member)) => Ok(Some(member)),
        Some(None) if channel.starts_with("presence-") => Err(Misread::Member),
        Some(None) | None if is_signed => Ok(None),
        Some(None) | None => Err(Misread::Foreign),
    }
}

/// The member's JSON, which the drivers `pusher` and `reverb` send as a text.
fn member(data: &RawValue) -> Option<String> {
    let text = match data.get().as_bytes() {
        [b'{', ..] => return Some(data.get().to_owned()),
        [b'"', ..] => serde_json::from_str::<String>(data.get()).ok()?,
        _ => return None,
    };
    let is_object = text.trim_start().starts_with('{');
    (is_object && serde_json::from_str::<&RawValue>(&text).is_ok()).then_some(text)
}

fn other(body: &[u8]) -> Misread {
    let is_json = serde_json::from_slice::<&RawValue>(body).is_ok();
    if is_json { Misread::Foreign } else { Misread::Text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(channel: &str, body: &str, expected: Result<Option<&str>, Misread>) {
        let read = read(channel, body.as_bytes());
        assert_eq!(read.as_ref().map(Option::as_deref), expected.as_ref().copied(), "{body}");
    }

    #[test]
    fn every_driver_of_laravel_can_let_a_client_in() {
        check("private-a", "true", Ok(None));
        check("private-a", "\u{feff} true\n", Ok(None));
        check("private-a", r#"{"auth":"key:d5dd"}"#, Ok(None));
        check("private-encrypted-a", r#"{"auth":"key:d5dd","shared_secret":"x"}"#, Ok(None));
        let member = r#"{"user_id":1,"user_info":{"b":1.0,"a":"\u00e9"}}"#;
        check("presence-a", &format!(r#"{{"channel_data":{member}}}"#), Ok(Some(member)));
        check("private-a", &format!(r#"{{"channel_data":{member}}}"#), Ok(Some(member)));
        check(
            "presence-a",
            r#"{"auth":"key:d494","channel_data":"{\"user_id\":\"1\",\"user_info\":true}"}"#,
            Ok(Some(r#"{"user_id":"1","user_info":true}"#)),
        );
    }

    #[test]
    fn a_presence_channel_may_be_granted_without_a_member() {
        check("presence-a", "true", Ok(None));
        check("presence-a", r#"{"auth":"key:d5dd","channel_data":null}"#, Ok(None));
    }

    #[test]
    fn what_grants_nothing_lets_nobody_in() {
        for (body, why) in [
            ("", Misread::Empty),
            (" \r\n", Misread::Empty),
            ("false", Misread::False),
            ("<!DOCTYPE html><title>Login</title>", Misread::Html),
            ("\n <html>", Misread::Html),
            ("null", Misread::Foreign),
            ("1", Misread::Foreign),
            ("\"true\"", Misread::Foreign),
            ("[]", Misread::Foreign),
            (r#"["a",{"user_id":1}]"#, Misread::Foreign),
            ("{}", Misread::Foreign),
            (r#"{"message":"Unauthenticated."}"#, Misread::Foreign),
            (r#"{"auth":""}"#, Misread::Foreign),
            (r#"{"auth":false}"#, Misread::Foreign),
            (r#"{"auth":null,"channel_data":null}"#, Misread::Foreign),
            ("true true", Misread::Text),
            ("OK", Misread::Text),
            (r#"{"auth":"a""#, Misread::Text),
            ("\u{1f}\u{8b}", Misread::Text),
        ] {
            check("private-a", body, Err(why));
            check("presence-a", body, Err(why));
        }
        assert_eq!(read("private-a", b"{\"auth\":\"\xff\"}"), Err(Misread::Text));
    }

    #[test]
    fn a_member_is_an_object() {
        for data in ["1", "\"\"", "\"{\"", "\"[]\"", "[1]", "false", r#""\ud800""#] {
            let body = format!(r#"{{"auth":"key:d5dd","channel_data":{data}}}"#);
            check("presence-a", &body, Err(Misread::Member));
            check("private-a", &body, Ok(None));
            check("private-a", &format!(r#"{{"channel_data":{data}}}"#), Err(Misread::Foreign));
        }
    }
}
