//! What clients of Socket.IO should not say, and what they may not say so often.

use expect_test::{Expect, expect};
use resound_hub::app::{AppOptions, RateLimit};
use resound_protocol::engineio::Version;
use serde_json::json;

use crate::{
    echo::{ask, echo3, echo4, emit, grant, leave, open, send_binary, whisper_to},
    scene::{
        Step, check, check_with, connect, control_frame, count_connections, publish, say, wait,
    },
};

/// A client says this, and then wants into a channel: it hears of it if it is still there.
#[track_caller]
fn check_said(text: &str, expected: Expect) {
    let text = text.to_owned();
    let steps = move |client: fn(&'static str) -> Step| {
        [client("ann"), say("ann", &text), ask("ann", "news"), publish("news", "e", "{}")]
    };
    check(&steps(echo4), expected);
}

#[test]
fn what_is_no_packet_ends_the_connection() {
    for text in [
        "",
        "7",
        "x",
        "4",
        "47",
        "4x",
        "42",
        "42{}",
        "42[]",
        "42[null]",
        "42[\"a\"",
        "41{}",
        "40[]",
        "4511-[]",
        "450-[]",
        "45[]",
        "42[\"connect\"]",
        "b",
    ] {
        let steps = [echo4("ann"), say("ann", text), count_connections()];
        let transcript =
            crate::scene::Scene::new(1, AppOptions::default(), Default::default()).play(&steps);
        assert!(
            transcript.contains("closed 4200 Invalid message format\n0 connections"),
            "{text}: {transcript}"
        );
    }
}

#[test]
fn what_is_merely_wrong_is_passed_over() {
    check_said(
        r#"42["subscribe"]"#,
        expect![[r#"
        ann note: refused with invalid_message: the argument of "subscribe" is wrong: it is not a JSON object
        ann < 42["e","news",{},#1]
    "#]],
    );
    check_said(
        r#"42["subscribe",{"channel":7}]"#,
        expect![[r#"
        ann note: refused with invalid_message: the argument of "subscribe" is wrong: invalid type: integer `7`, expected a string at line 1 column 12
        ann < 42["e","news",{},#1]
    "#]],
    );
    check_said(
        r#"42["client event","x"]"#,
        expect![[r#"
        ann note: refused with invalid_message: the argument of "client event" is wrong: it is not a JSON object
        ann < 42["e","news",{},#1]
    "#]],
    );
    check_said(
        r#"42["disco",{}]"#,
        expect![[r#"
        ann note: refused with invalid_message: nobody listens to the event "disco"
        ann < 42["e","news",{},#1]
    "#]],
    );
    check_said(
        "43[]",
        expect![[r#"
        ann < 42["e","news",{},#1]
    "#]],
    );
    check_said(
        "6",
        expect![[r#"
        ann < 42["e","news",{},#1]
    "#]],
    );
}

#[test]
fn a_packet_before_connect_ends_the_connection() {
    check(
        &[
            open("ann", Version::V4),
            open("bob", Version::V4),
            open("cid", Version::V4),
            ask("ann", "news"),
            say("bob", "41"),
            say("cid", r#"451-["x",{"_placeholder":true,"num":0}]"#),
            count_connections(),
        ],
        expect![[r#"
            ann < 0{"sid":"900.9","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}
            bob < 0{"sid":"901.9","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}
            cid < 0{"sid":"902.9","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}
            ann note: refused with invalid_message: a packet before CONNECT
            ann closed 4200 Invalid message format
            bob note: refused with invalid_message: a packet before CONNECT
            bob closed 4200 Invalid message format
            cid note: refused with invalid_message: a packet before CONNECT
            cid closed 4200 Invalid message format
            0 connections
        "#]],
    );
}

#[test]
fn binary_events_are_passed_over_with_their_attachments() {
    check(
        &[
            echo4("ann"),
            echo3("bob"),
            say("ann", r#"452-["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#),
            send_binary("ann", &[1, 2, 3]),
            send_binary("ann", &[]),
            say("bob", r#"461-0[{"_placeholder":true,"num":0}]"#),
            say("bob", "bAQID"),
            ask("ann", "news"),
            ask("bob", "news"),
            publish("news", "e", "{}"),
        ],
        expect![[r#"
            ann note: refused with invalid_message: an event with binary data, of which there are none here
            bob note: refused with invalid_message: an event with binary data, of which there are none here
            ann < 42["e","news",{},#1]
            bob < 42["e","news",{},#1]
        "#]],
    );
}

#[test]
fn attachments_that_are_not_due_or_do_not_come_end_the_connection() {
    check(
        &[
            echo4("ann"),
            echo3("bob"),
            send_binary("ann", &[4, 1]),
            say("bob", r#"451-["x",{"_placeholder":true,"num":0}]"#),
            say("bob", "2"),
            ask("bob", "news"),
            count_connections(),
        ],
        expect![[r#"
            ann note: refused with invalid_message: an attachment that belongs to no packet
            ann closed 4200 Invalid message format
            bob note: refused with invalid_message: an event with binary data, of which there are none here
            bob < 3
            bob note: refused with invalid_message: a packet where an attachment is due
            bob closed 4200 Invalid message format
            0 connections
        "#]],
    );
}

#[test]
fn a_binary_event_beyond_the_rate_does_not_end_the_connection_with_its_attachment() {
    let rate_limit = RateLimit { max_attempts: 2, decay_seconds: 5, terminate_on_limit: false };
    check_with(
        AppOptions { rate_limit: Some(rate_limit), ..AppOptions::default() },
        &[
            echo3("ann"),
            ask("ann", "news"),
            ask("ann", "news"),
            say("ann", r#"451-["x",{"_placeholder":true,"num":0}]"#),
            send_binary("ann", &[4, 1]),
            wait(5),
            ask("ann", "other"),
            publish("other", "e", "{}"),
        ],
        expect![[r#"
            ann note: refused with rate_limit: rate_limiting
            ann < 42["e","other",{},#1]
        "#]],
    );
}

#[test]
fn a_client_that_speaks_too_often_is_not_heard() {
    let rate_limit = RateLimit { max_attempts: 3, decay_seconds: 5, terminate_on_limit: false };
    check_with(
        AppOptions { rate_limit: Some(rate_limit), ..AppOptions::default() },
        &[
            echo4("ann"),
            ask("ann", "a"),
            ask("ann", "b"),
            ask("ann", "c"),
            publish("c", "e", "{}"),
            wait(5),
            ask("ann", "c"),
            publish("c", "e", "{}"),
        ],
        expect![[r#"
            ann note: refused with rate_limit: rate_limiting
            ann < 42["e","c",{},#1]
        "#]],
    );
}

#[test]
fn a_client_that_speaks_too_often_is_closed_where_the_application_says_so() {
    let rate_limit = RateLimit { max_attempts: 2, decay_seconds: 5, terminate_on_limit: true };
    check_with(
        AppOptions { rate_limit: Some(rate_limit), ..AppOptions::default() },
        &[echo3("ann"), ask("ann", "a"), ask("ann", "b"), ask("ann", "c"), count_connections()],
        expect![[r#"
            ann note: refused with rate_limit: rate_limiting
            ann closed 4301 Rate limit exceeded
            0 connections
        "#]],
    );
}

#[test]
fn whispers_have_a_rate() {
    check_with(
        AppOptions { client_events_per_second: Some(2), ..AppOptions::default() },
        &[
            echo3("ann"),
            echo4("bob"),
            ask("ann", "private-a"),
            ask("bob", "private-a"),
            grant("ann", "private-a"),
            grant("bob", "private-a"),
            whisper_to("ann", "private-a", "client-1", &json!({})),
            whisper_to("ann", "private-a", "client-2", &json!({})),
            whisper_to("ann", "private-a", "client-3", &json!({})),
        ],
        expect![[r#"
            bob < 42["client-1","private-a",{},#1]
            bob < 42["client-2","private-a",{},#2]
            ann note: refused with client_event_rate: client event
        "#]],
    );
}

#[test]
fn a_connection_has_a_bounded_number_of_channels_those_included_that_it_has_asked_for() {
    check_with(
        AppOptions { channels_per_connection_max: 2, ..AppOptions::default() },
        &[
            echo3("ann"),
            ask("ann", "a"),
            ask("ann", "private-b"),
            ask("ann", "c"),
            ask("ann", "private-d"),
            leave("ann", "private-b"),
            ask("ann", "c"),
            publish("c", "e", "{}"),
        ],
        expect![[r#"
            ann note: no subscription to c: The connection is in 2 channels already (max_channels_per_connection)
            ann < 42["subscription_error","c",429]
            ann note: no subscription to private-d: The connection is in 2 channels already (max_channels_per_connection)
            ann < 42["subscription_error","private-d",429]
            ann < 42["e","c",{},#1]
        "#]],
    );
}

#[test]
fn the_application_has_a_bounded_number_of_a_clients_questions_before_it() {
    let mut steps = vec![echo4("ann")];
    for number in 0..256 {
        let channel = format!("private-{number}");
        steps.extend([ask("ann", &channel), leave("ann", &channel)]);
    }
    steps.extend([
        ask("ann", "private-more"),
        grant("ann", "private-7"),
        ask("ann", "private-more"),
        ask("ann", "private-others"),
        grant("ann", "private-more"),
        publish("private-more", "e", "{}"),
    ]);
    check(
        &steps,
        expect![[r#"
        ann note: no subscription to private-more: 256 subscriptions wait for the application already
        ann < 42["subscription_error","private-more",429]
        ann note: no subscription to private-others: 256 subscriptions wait for the application already
        ann < 42["subscription_error","private-others",429]
        ann < 42["e","private-more",{},#1]
    "#]],
    );
}

#[test]
fn control_frames_of_a_client_of_engine_io_4_do_not_keep_its_pings_away() {
    check(
        &[
            echo4("ann"),
            connect("pia"),
            wait(20),
            control_frame("ann"),
            wait(6),
            control_frame("ann"),
            wait(20),
            emit("ann", "x", &json!({})),
        ],
        expect![[r#"
            after 5 s
            ann < 2
            after 19 s
            ann closed 4201 Pong reply not received in time
        "#]],
    );
}
