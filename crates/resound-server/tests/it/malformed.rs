//! Messages that are none, or not allowed: an error each, and the connection stays.

use serde_json::json;

use crate::{
    client::{CLOSE, Client, Said, error, subscription},
    server::Server,
    settings::Settings,
};

#[track_caller]
fn check(client: &mut Client, text: &str, code: u16, message: &str) {
    client.send(text);
    assert_eq!(client.next(), Said::Text(error(code, message)), "{text}");
}

#[test]
fn what_is_no_message_is_answered_with_4200() {
    let server = Server::default();
    let mut client = server.connect();
    for text in [
        "",
        "x",
        "7",
        "null",
        "[]",
        "\"pusher:ping\"",
        "{}",
        "{",
        r#"{"event":7}"#,
        r#"{"event":null}"#,
        r#"{"event":["pusher:ping"]}"#,
        r#"{"data":{}}"#,
        r#"{"event":"pusher:subscribe"}"#,
        r#"{"event":"pusher:subscribe","data":7}"#,
        r#"{"event":"pusher:subscribe","data":[]}"#,
        r#"{"event":"pusher:subscribe","data":"x"}"#,
        r#"{"event":"pusher:subscribe","data":{}}"#,
        r#"{"event":"pusher:subscribe","data":{"channel":7}}"#,
        r#"{"event":"pusher:subscribe","data":{"channel":"a","auth":7}}"#,
        r#"{"event":"pusher:subscribe","data":{"channel":"a","channel_data":{}}}"#,
        r#"{"event":"pusher:unsubscribe"}"#,
        r#"{"event":"pusher:unsubscribe","data":{}}"#,
        r#"{"event":"pusher:signin","data":{}}"#,
        r#"{"event":"pusher:signin","data":{"auth":7,"user_data":"{}"}}"#,
        r#"{"event":"pusher:unknown","data":{}}"#,
        r#"{"event":"pusher_internal:member_added","channel":"presence-a","data":"{}"}"#,
        r#"{"event":"client-a","data":{}}"#,
        r#"{"event":"client-a","channel":7}"#,
        "{\"event\":\"pusher:ping\u{1}\"}",
        r#"{"event":"pusher:ping"}{"event":"pusher:ping"}"#,
    ] {
        check(&mut client, text, 4200, "Invalid message format");
    }
    let deep = format!(r#"{{"event":"client-a","data":{}"#, "[".repeat(9000));
    check(&mut client, &deep, 4200, "Invalid message format");
    client.expect_pong();
}

/// soketi ends the whole process at a subscription without data.
#[test]
fn data_may_be_a_string_of_json_as_with_reverb() {
    let server = Server::default();
    let mut client = server.connect();
    client.send(r#"{"event":"pusher:subscribe","data":"{\"channel\":\"news\"}"}"#);
    client.expect(crate::client::succeeded("news"));
    client.send(r#"{"event":"pusher:subscribe","data":{"channel":"more"}}"#);
    client.expect(crate::client::succeeded("more"));
}

#[test]
fn reverbs_limiter_answers_with_4301_and_closes_if_it_is_told_to() {
    let limiter = |terminate: bool| {
        let fields = "enabled = true, max_attempts = 3, decay_seconds = 60";
        let line = format!("rate_limiting = {{ {fields}, terminate_on_limit = {terminate} }}");
        Server::start(&Settings::app(&line))
    };
    let server = limiter(false);
    let mut client = server.connect();
    (0..3).for_each(|_| client.expect_pong());
    for _ in 0..3 {
        check(&mut client, r#"{"event":"pusher:ping"}"#, 4301, "Rate limit exceeded");
    }
    client.send_frame(CLOSE, b"\x03\xe8");
    client.expect_close(1000, "");

    let server = limiter(true);
    let mut client = server.connect();
    (0..3).for_each(|_| client.expect_pong());
    check(&mut client, r#"{"event":"pusher:ping"}"#, 4301, "Rate limit exceeded");
    client.expect_close(4301, "Rate limit exceeded");
}

#[test]
fn a_connection_cannot_be_in_more_channels_than_allowed() {
    let server = Server::start(&Settings::app("max_channels_per_connection = 2"));
    let mut client = server.connect();
    client.subscribe("a");
    client.subscribe("b");
    client.subscribe("b");
    let reason = "The connection is in 2 channels already (max_channels_per_connection)";
    check(&mut client, &subscription("c"), 4100, reason);
    let data = json!(format!(r#"{{"type":"LimitReached","error":"{reason}","status":4100}}"#));
    client
        .expect(format!(r#"{{"event":"pusher:subscription_error","channel":"c","data":{data}}}"#));
    client.unsubscribe("a");
    client.subscribe("c");
}
