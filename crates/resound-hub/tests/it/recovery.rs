//! Clients of socket.io-client 4 return to their sessions.

use expect_test::expect;
use resound_hub::{
    app::{App, AppOptions},
    socketio::SocketIoOptions,
};
use resound_protocol::engineio::Version;
use serde_json::json;

use crate::{
    echo::{
        ask, back, back_saying, check_recovery, cut, cut_losing, cut_unnoticed, deny, echo3, echo4,
        emit, grant, grant_as, granted, leave, open, pass, show_census, show_questions, whisper_to,
    },
    scene::{
        Scene, Step, check, check_on_two_shards, check_socketio, connect, count_connections,
        disconnect, hold, join, publish, publish_except, release, reload, say, step, terminate,
        wait,
    },
    world::{Heard, app, offset_in},
};

const ANN: &str = r#"{"user_id":1}"#;
const PIA: &str = r#"{"user_id":"pia"}"#;

/// Ten seconds to return, and pings that take a second.
fn brief() -> SocketIoOptions {
    SocketIoOptions {
        ping_interval_seconds: 1,
        ping_timeout_seconds: 1,
        recovery_seconds: 10,
        ..SocketIoOptions::default()
    }
}

/// No pings, where they would only be in the way.
fn quiet() -> SocketIoOptions {
    SocketIoOptions { ping_interval_seconds: 10_000, ..brief() }
}

#[test]
fn what_was_missed_comes_once_and_in_order() {
    check(
        &[
            echo4("ann"),
            ask("ann", "news"),
            ask("ann", "other"),
            publish("news", "1", "{}"),
            publish("other", "2", "{}"),
            publish("news", "3", "{}"),
            cut_losing("ann", 2),
            publish("news", "4", "{}"),
            publish("elsewhere", "-", "{}"),
            publish("other", "5", "{}"),
            back("ann"),
            publish("news", "6", "{}"),
            cut("ann"),
            back("ann"),
            cut_losing("ann", 1),
            back("ann"),
            publish("other", "7", "{}"),
        ],
        expect![[r#"
            ann < 42["1","news",{},#1]
            ann < 42["2","other",{},#2]
            ann < 42["3","news",{},#3]
            ann < 40{"sid":<ann>,"pid":<ann's>}
            ann < 42["2","other",{},#2]
            ann < 42["3","news",{},#3]
            ann < 42["4","news",{},#4]
            ann < 42["5","other",{},#5]
            ann < 42["6","news",{},#6]
            ann < 40{"sid":<ann>,"pid":<ann's>}
            ann < 40{"sid":<ann>,"pid":<ann's>}
            ann < 42["7","other",{},#7]
        "#]],
    );
}

#[test]
fn who_had_received_nothing_misses_everything_since_it_was_let_in() {
    check(
        &[
            publish("news", "before", "{}"),
            echo4("ann"),
            echo4("bob"),
            ask("bob", "news"),
            publish("news", "before", "{}"),
            ask("ann", "news"),
            publish("news", "1", "{}"),
            cut_losing("ann", 1),
            publish("news", "2", "{}"),
            back("ann"),
        ],
        expect![[r#"
            bob < 42["before","news",{},#1]
            ann < 42["1","news",{},#2]
            bob < 42["1","news",{},#2]
            bob < 42["2","news",{},#3]
            ann < 40{"sid":<ann>,"pid":<ann's>}
            ann < 42["1","news",{},#2]
            ann < 42["2","news",{},#3]
        "#]],
    );
}

#[test]
fn who_missed_nothing_gets_nothing() {
    check(
        &[
            echo4("ann"),
            cut("ann"),
            back("ann"),
            ask("ann", "news"),
            publish("news", "1", "{}"),
            cut("ann"),
            back("ann"),
            count_connections(),
        ],
        expect![[r#"
            ann < 40{"sid":<ann>,"pid":<ann's>}
            ann < 42["1","news",{},#1]
            ann < 40{"sid":<ann>,"pid":<ann's>}
            1 connections
        "#]],
    );
}

#[test]
fn a_member_that_is_cut_is_present_until_its_time_is_over() {
    check_recovery(
        quiet(),
        &[
            connect("pia"),
            echo4("ann"),
            join("pia", "presence-a", PIA),
            ask("ann", "presence-a"),
            grant_as("ann", "presence-a", ANN),
            cut("ann"),
            wait(9),
            count_connections(),
            echo3("bob"),
            ask("bob", "presence-a"),
            grant_as("bob", "presence-a", r#"{"user_id":"bob"}"#),
            wait(20),
            show_census(),
        ],
        expect![[r#"
            pia < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[\"pia\"],\"hash\":{\"pia\":null},\"count\":1}}","channel":"presence-a"}
            pia < {"event":"pusher_internal:member_added","data":"{\"user_id\":1}","channel":"presence-a"}
            ann < 42["presence:subscribed","presence-a",[{"user_id":1},{"user_id":"pia"}]]
            1 connections
            pia < {"event":"pusher_internal:member_added","data":"{\"user_id\":\"bob\"}","channel":"presence-a"}
            bob < 42["presence:subscribed","presence-a",[{"user_id":"bob"},{"user_id":1},{"user_id":"pia"}]]
            after 1 s
            pia < {"event":"pusher_internal:member_removed","data":"{\"user_id\":1}","channel":"presence-a"}
            bob < 42["presence:leaving","presence-a",{"user_id":1},#1]
            2 connections with 2 subscriptions, 1 channels, 0 kept
        "#]],
    );
}

#[test]
fn a_member_that_returns_has_not_left() {
    check_recovery(
        quiet(),
        &[
            connect("pia"),
            echo4("ann"),
            join("pia", "presence-a", PIA),
            ask("ann", "presence-a"),
            grant_as("ann", "presence-a", ANN),
            cut("ann"),
            echo3("bob"),
            ask("bob", "presence-a"),
            grant_as("bob", "presence-a", r#"{"user_id":"bob"}"#),
            wait(9),
            back("ann"),
            wait(20),
            whisper_to("ann", "presence-a", "client-x", &json!({})),
            leave("ann", "presence-a"),
        ],
        expect![[r#"
            pia < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[\"pia\"],\"hash\":{\"pia\":null},\"count\":1}}","channel":"presence-a"}
            pia < {"event":"pusher_internal:member_added","data":"{\"user_id\":1}","channel":"presence-a"}
            ann < 42["presence:subscribed","presence-a",[{"user_id":1},{"user_id":"pia"}]]
            pia < {"event":"pusher_internal:member_added","data":"{\"user_id\":\"bob\"}","channel":"presence-a"}
            bob < 42["presence:subscribed","presence-a",[{"user_id":"bob"},{"user_id":1},{"user_id":"pia"}]]
            ann < 40{"sid":<ann>,"pid":<ann's>}
            ann < 42["presence:joining","presence-a",{"user_id":"bob"},#1]
            pia < {"event":"client-x","channel":"presence-a","data":{},"user_id":"1"}
            bob < 42["client-x","presence-a",{},#2]
            pia < {"event":"pusher_internal:member_removed","data":"{\"user_id\":1}","channel":"presence-a"}
            bob < 42["presence:leaving","presence-a",{"user_id":1},#3]
        "#]],
    );
}

#[test]
fn who_returns_too_late_is_told() {
    check_recovery(
        quiet(),
        &[
            echo4("ann"),
            ask("ann", "news"),
            publish("news", "1", "{}"),
            cut("ann"),
            publish("news", "2", "{}"),
            wait(10),
            back("ann"),
            publish("news", "3", "{}"),
            ask("ann", "news"),
            publish("news", "4", "{}"),
        ],
        expect![[r#"
            ann < 42["1","news",{},#1]
            ann < 40{"sid":<ann2>,"pid":<ann2's>}
            ann < 42["4","news",{},#2]
        "#]],
    );
}

#[test]
fn a_silent_connection_is_kept_from_its_end_on() {
    check_recovery(
        brief(),
        &[
            echo4("ann"),
            ask("ann", "news"),
            cut_unnoticed("ann", 0),
            publish("news", "1", "{}"),
            wait(11),
            publish("news", "2", "{}"),
            back("ann"),
        ],
        expect![[r#"
            ann < 42["1","news",{},#1]
            after 1 s
            ann < 2
            after 2 s
            ann closed 4201 Pong reply not received in time
            ann < 40{"sid":<ann>,"pid":<ann's>}
            ann < 42["1","news",{},#1]
            ann < 42["2","news",{},#2]
        "#]],
    );
}

#[test]
fn a_client_that_returns_before_its_end_is_noticed_takes_the_session_over() {
    check(
        &[
            echo4("ann"),
            ask("ann", "presence-a"),
            grant_as("ann", "presence-a", ANN),
            publish("presence-a", "1", "{}"),
            cut_unnoticed("ann", 1),
            publish("presence-a", "2", "{}"),
            back("ann"),
            publish("presence-a", "3", "{}"),
            count_connections(),
            show_census(),
        ],
        expect![[r#"
            ann < 42["presence:subscribed","presence-a",[{"user_id":1}]]
            ann < 42["1","presence-a",{},#1]
            ann < 42["2","presence-a",{},#2]
            ann closed 4100 The session goes on in another connection
            ann < 40{"sid":<ann>,"pid":<ann's>}
            ann < 42["1","presence-a",{},#1]
            ann < 42["2","presence-a",{},#2]
            ann < 42["3","presence-a",{},#3]
            1 connections
            1 connections with 1 subscriptions, 1 channels, 0 kept
        "#]],
    );
}

#[test]
fn a_session_is_given_to_none_but_its_client() {
    check(
        &[
            echo4("ann"),
            ask("ann", "news"),
            cut("ann"),
            publish("news", "1", "{}"),
            back_saying("ann", |_| r#"40{"pid":"1.1-000000000000abc2","offset":"1"}"#.into()),
            back_saying("ann", |_| r#"40{"pid":"7.1-000000000000abc1"}"#.into()),
            back_saying("ann", |_| r#"40{"pid":"1.1"}"#.into()),
            back_saying("ann", |_| r#"40{"pid":7}"#.into()),
            back_saying("ann", |_| r#"40{"pid":"1.1-000000000000abc1"}"#.into()),
        ],
        expect![[r#"
            ann < 40{"sid":<ann2>,"pid":<ann2's>}
            ann < 40{"sid":<ann3>,"pid":<ann3's>}
            ann < 40{"sid":<ann4>,"pid":<ann4's>}
            ann < 40{"sid":<ann5>,"pid":<ann5's>}
            ann < 40{"sid":<ann>,"pid":<ann's>}
            ann < 42["1","news",{},#1]
        "#]],
    );
}

#[test]
fn a_session_that_was_left_is_not_given_back() {
    check(
        &[
            echo4("ann"),
            say("ann", "41"),
            back("ann"),
            say("ann", "42{}"),
            back("ann"),
            disconnect("ann"),
            back("ann"),
            say("ann", "1"),
            back("ann"),
        ],
        expect![[r#"
            ann closed 1000 Disconnected
            ann < 40{"sid":<ann2>,"pid":<ann2's>}
            ann note: refused with invalid_message: an event packet has a JSON array that begins with a name: invalid type: map, expected a name and arguments at line 1 column 0
            ann closed 4200 Invalid message format
            ann < 40{"sid":<ann3>,"pid":<ann3's>}
            ann < 40{"sid":<ann4>,"pid":<ann4's>}
            ann closed 1000 Disconnected
            ann < 40{"sid":<ann4>,"pid":<ann4's>}
        "#]],
    );
}

#[test]
fn a_session_is_given_back_once() {
    check(
        &[
            echo4("ann"),
            ask("ann", "news"),
            cut("ann"),
            publish("news", "1", "{}"),
            back("ann"),
            open("eve", Version::V4),
            back_saying("ann", |scene| scene.world.returning(0)),
            publish("news", "2", "{}"),
            count_connections(),
        ],
        expect![[r#"
            ann < 40{"sid":<ann>,"pid":<ann's>}
            ann < 42["1","news",{},#1]
            eve < 0{"sid":"902.9","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}
            ann closed 4100 The session goes on in another connection
            ann < 40{"sid":<ann>,"pid":<ann's>}
            ann < 42["1","news",{},#1]
            ann < 42["2","news",{},#2]
            2 connections
        "#]],
    );
}

#[test]
fn an_offset_that_nobody_sent_is_refused() {
    for offset in ["0", "ffff", "", "x", "-1", "99999999999999999999"] {
        let connect = format!(r#"40{{"pid":"1.1-000000000000abc1","offset":"{offset}"}}"#);
        check(
            &[
                echo4("ann"),
                ask("ann", "news"),
                cut("ann"),
                publish("news", "1", "{}"),
                back_saying("ann", move |_| connect.clone()),
            ],
            expect![[r#"
                ann < 40{"sid":<ann2>,"pid":<ann2's>}
            "#]],
        );
    }
}

/// Ann has the first event, then happens what `last` says, and the log forgets it all. She is cut.
fn after_a_silence(last: Vec<Step>) -> Vec<Step> {
    let mut steps = vec![
        echo4("ann"),
        echo3("bob"),
        ask("ann", "private-a"),
        ask("bob", "private-a"),
        grant("ann", "private-a"),
        grant("bob", "private-a"),
        publish("private-a", "1", "{}"),
    ];
    steps.extend(last);
    steps.push(pass(20));
    steps.push(step(|scene| assert_eq!(scene.world.census().remembered, 0)));
    steps
}

#[track_caller]
fn check_after_a_silence(last: Vec<Step>, then: Vec<Step>, expected: expect_test::Expect) {
    let mut steps = after_a_silence(last);
    steps.extend(then);
    check_recovery(brief(), &steps, expected);
}

#[test]
fn who_received_the_last_event_that_is_forgotten_misses_what_came_since() {
    check_after_a_silence(
        vec![publish("private-a", "2", "{}")],
        vec![cut("ann"), publish("private-a", "3", "{}"), back("ann")],
        expect![[r#"
            ann < 42["1","private-a",{},#1]
            bob < 42["1","private-a",{},#1]
            ann < 42["2","private-a",{},#2]
            bob < 42["2","private-a",{},#2]
            bob < 42["3","private-a",{},#3]
            ann < 40{"sid":<ann>,"pid":<ann's>}
            ann < 42["3","private-a",{},#3]
        "#]],
    );
}

#[test]
fn who_missed_an_event_that_is_forgotten_is_told() {
    check_after_a_silence(
        vec![publish("private-a", "2", "{}")],
        vec![
            // As if the second event had not arrived: no client that answers pings does that.
            back_saying("ann", |scene| {
                let pid = scene.world.pid(0).expect("she was in");
                let offset = offset_of(scene, "\"1\"");
                format!(r#"40{{"pid":"{pid}","offset":"{offset}"}}"#)
            }),
        ],
        expect![[r#"
            ann < 42["1","private-a",{},#1]
            bob < 42["1","private-a",{},#1]
            ann < 42["2","private-a",{},#2]
            bob < 42["2","private-a",{},#2]
            ann closed 4100 The session goes on in another connection
            ann < 40{"sid":<ann2>,"pid":<ann2's>}
        "#]],
    );
}

fn offset_of(scene: &Scene, event: &str) -> String {
    let frame = |heard: &Heard| match heard {
        Heard::Frame(text) if text.contains(event) => offset_in(text),
        _ => None,
    };
    scene.world.client(0).heard.iter().find_map(frame).expect("she received it")
}

#[test]
fn ones_own_whisper_that_is_forgotten_was_not_missed() {
    check_after_a_silence(
        vec![
            whisper_to("ann", "private-a", "client-mine", &json!({})),
            whisper_to("ann", "private-a", "client-mine-too", &json!({})),
        ],
        vec![cut("ann"), publish("private-a", "3", "{}"), back("ann")],
        expect![[r#"
            ann < 42["1","private-a",{},#1]
            bob < 42["1","private-a",{},#1]
            bob < 42["client-mine","private-a",{},#2]
            bob < 42["client-mine-too","private-a",{},#3]
            bob < 42["3","private-a",{},#4]
            ann < 40{"sid":<ann>,"pid":<ann's>}
            ann < 42["3","private-a",{},#4]
        "#]],
    );
}

#[test]
fn an_event_to_others_that_is_forgotten_was_not_missed() {
    check_after_a_silence(
        vec![
            whisper_to("bob", "private-a", "client-bobs", &json!({})),
            publish_except("ann", "private-a", "anns", "{}"),
        ],
        vec![cut("ann"), publish_except("ann", "private-a", "anns", "{}"), back("ann")],
        expect![[r#"
            ann < 42["1","private-a",{},#1]
            bob < 42["1","private-a",{},#1]
            ann < 42["client-bobs","private-a",{},#2]
            bob < 42["anns","private-a",{},#3]
            bob < 42["anns","private-a",{},#4]
            ann < 40{"sid":<ann>,"pid":<ann's>}
        "#]],
    );
}

#[test]
fn an_offset_of_a_former_session_is_no_hindrance() {
    check_recovery(
        brief(),
        &[
            echo4("ann"),
            ask("ann", "news"),
            publish("news", "1", "{}"),
            cut("ann"),
            wait(10),
            back("ann"),
            ask("ann", "news"),
            pass(20),
            cut("ann"),
            publish("news", "2", "{}"),
            back("ann"),
            cut("ann"),
            back("ann"),
        ],
        expect![[r#"
            ann < 42["1","news",{},#1]
            ann < 40{"sid":<ann2>,"pid":<ann2's>}
            ann < 40{"sid":<ann2>,"pid":<ann2's>}
            ann < 42["2","news",{},#2]
            ann < 40{"sid":<ann2>,"pid":<ann2's>}
        "#]],
    );
}

#[test]
fn an_offset_of_a_former_session_that_is_remembered_is_not_of_this_one() {
    check(
        &[
            echo4("ann"),
            echo4("bob"),
            ask("ann", "news"),
            ask("bob", "news"),
            publish("news", "1", "{}"),
            disconnect("ann"),
            back("ann"),
            ask("ann", "news"),
            publish("news", "2", "{}"),
            cut_losing("ann", 1),
            back("ann"),
        ],
        expect![[r#"
            ann < 42["1","news",{},#1]
            bob < 42["1","news",{},#1]
            ann < 40{"sid":<ann2>,"pid":<ann2's>}
            bob < 42["2","news",{},#2]
            ann < 42["2","news",{},#2]
            ann < 40{"sid":<ann2>,"pid":<ann2's>}
            ann < 42["2","news",{},#2]
        "#]],
    );
}

#[test]
fn more_than_may_be_missed_is_told() {
    let options = SocketIoOptions { recovery_bytes_max: 100, ..SocketIoOptions::default() };
    let thirty = || publish("news", "e", r#""abcdefghijklm""#); // 42["e","news","abcdefghijklm","1"]
    check_recovery(
        options,
        &[
            echo4("ann"),
            ask("ann", "news"),
            cut("ann"),
            thirty(),
            thirty(),
            back("ann"),
            cut("ann"),
            thirty(),
            thirty(),
            thirty(),
            back("ann"),
            show_census(),
        ],
        expect![[r#"
            ann < 40{"sid":<ann>,"pid":<ann's>}
            ann < 42["e","news","abcdefghijklm",#1]
            ann < 42["e","news","abcdefghijklm",#2]
            ann < 40{"sid":<ann3>,"pid":<ann3's>}
            1 connections with 0 subscriptions, 0 channels, 0 kept
        "#]],
    );
}

#[test]
fn a_subscription_that_was_dropped_before_the_cut_is_not_back() {
    check(
        &[
            echo4("ann"),
            ask("ann", "news"),
            ask("ann", "other"),
            publish("news", "1", "{}"),
            publish("other", "2", "{}"),
            leave("ann", "news"),
            cut_losing("ann", 2),
            publish("news", "-", "{}"),
            back("ann"),
            publish("news", "-", "{}"),
            publish("other", "3", "{}"),
            ask("ann", "news"),
            publish("news", "4", "{}"),
            cut("ann"),
            publish("news", "5", "{}"),
            back("ann"),
        ],
        expect![[r#"
            ann < 42["1","news",{},#1]
            ann < 42["2","other",{},#2]
            ann < 40{"sid":<ann>,"pid":<ann's>}
            ann < 42["2","other",{},#2]
            ann < 42["3","other",{},#3]
            ann < 42["4","news",{},#4]
            ann < 40{"sid":<ann>,"pid":<ann's>}
            ann < 42["5","news",{},#5]
        "#]],
    );
}

#[test]
fn a_channel_that_was_left_and_joined_again_is_not_told_of_the_time_between() {
    check(
        &[
            echo4("ann"),
            ask("ann", "news"),
            publish("news", "1", "{}"),
            leave("ann", "news"),
            publish("news", "-", "{}"),
            ask("ann", "news"),
            publish("news", "2", "{}"),
            cut_losing("ann", 1),
            back("ann"),
        ],
        expect![[r#"
            ann < 42["1","news",{},#1]
            ann < 42["2","news",{},#2]
            ann < 40{"sid":<ann>,"pid":<ann's>}
            ann < 42["2","news",{},#2]
        "#]],
    );
}

#[test]
fn a_subscription_that_the_owner_has_not_answered_at_the_cut_is_there_at_the_return() {
    check_on_two_shards(
        AppOptions::default(),
        &[
            connect("pia"),
            echo4("ann"),
            hold(),
            ask("ann", "a"),
            ask("ann", "b"),
            ask("ann", "cache-c"),
            cut("ann"),
            release(),
            publish("a", "1", "{}"),
            publish("b", "2", "{}"),
            back("ann"),
            publish("a", "3", "{}"),
            publish("b", "4", "{}"),
        ],
        expect![[r#"
            ann < 40{"sid":<ann>,"pid":<ann's>}
            ann < 42["1","a",{},#1]
            ann < 42["2","b",{},#2]
            ann < 42["3","a",{},#3]
            ann < 42["4","b",{},#4]
        "#]],
    );
}

#[test]
fn the_application_answers_while_the_client_is_away() {
    check(
        &[
            connect("pia"),
            join("pia", "presence-a", PIA),
            echo4("ann"),
            ask("ann", "presence-a"),
            ask("ann", "private-b"),
            ask("ann", "private-cache-c"),
            ask("ann", "presence-d"),
            cut("ann"),
            grant_as("ann", "presence-a", ANN),
            publish("presence-a", "1", "{}"),
            deny("ann", "private-b", 403),
            publish("private-cache-c", "2", "{}"),
            grant("ann", "private-cache-c"),
            grant_as("ann", "presence-d", "{}"),
            publish("private-cache-c", "3", "{}"),
            back("ann"),
            publish("presence-a", "4", "{}"),
            show_census(),
        ],
        expect![[r#"
            pia < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[\"pia\"],\"hash\":{\"pia\":null},\"count\":1}}","channel":"presence-a"}
            pia < {"event":"pusher_internal:member_added","data":"{\"user_id\":1}","channel":"presence-a"}
            pia < {"event":"1","channel":"presence-a","data":"{}"}
            ann note: no subscription to private-b: Connection is unauthorized
            ann note: no subscription to presence-d: channel_data has no id: it needs user_id, a string that is not empty
            ann < 40{"sid":<ann>,"pid":<ann's>}
            ann < 42["presence:subscribed","presence-a",[{"user_id":1},{"user_id":"pia"}]]
            ann < 42["1","presence-a",{},#1]
            ann < 42["subscription_error","private-b",403]
            ann < 42["2","private-cache-c",{}]
            ann < 42["subscription_error","presence-d",422]
            ann < 42["3","private-cache-c",{},#2]
            pia < {"event":"4","channel":"presence-a","data":"{}"}
            ann < 42["4","presence-a",{},#3]
            2 connections with 3 subscriptions, 2 channels, 0 kept
        "#]],
    );
}

#[test]
fn the_application_answers_after_the_return() {
    check(
        &[
            echo4("ann"),
            ask("ann", "presence-a"),
            cut("ann"),
            back("ann"),
            grant_as("ann", "presence-a", ANN),
            publish("presence-a", "1", "{}"),
        ],
        expect![[r#"
            ann < 40{"sid":<ann>,"pid":<ann's>}
            ann < 42["presence:subscribed","presence-a",[{"user_id":1}]]
            ann < 42["1","presence-a",{},#1]
        "#]],
    );
}

#[test]
fn a_repeated_wish_after_the_return_is_a_question_of_its_own() {
    check(
        &[
            echo4("ann"),
            ask("ann", "presence-a"),
            cut("ann"),
            back("ann"),
            ask("ann", "presence-a"),
            show_questions(),
            grant_as("ann", "presence-a", ANN),
            grant_as("ann", "presence-a", ANN),
            publish("presence-a", "1", "{}"),
            leave("ann", "presence-a"),
            show_census(),
        ],
        expect![[r#"
            ann < 40{"sid":<ann>,"pid":<ann's>}
            ? presence-a []
            ? presence-a []
            ann < 42["presence:subscribed","presence-a",[{"user_id":1}]]
            ann < 42["1","presence-a",{},#1]
            1 connections with 0 subscriptions, 0 channels, 0 kept
        "#]],
    );
}

#[test]
fn the_application_answers_when_nobody_waits_any_more() {
    check_recovery(
        quiet(),
        &[
            connect("pia"),
            join("pia", "presence-a", PIA),
            echo4("ann"),
            ask("ann", "presence-a"),
            ask("ann", "private-b"),
            cut("ann"),
            wait(10),
            grant_as("ann", "presence-a", ANN),
            deny("ann", "private-b", 403),
            back("ann"),
        ],
        expect![[r#"
            pia < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[\"pia\"],\"hash\":{\"pia\":null},\"count\":1}}","channel":"presence-a"}
            ann < 40{"sid":<ann2>,"pid":<ann2's>}
        "#]],
    );
}

#[test]
fn an_answer_that_is_larger_than_what_may_be_missed_ends_the_session() {
    let options = SocketIoOptions { recovery_bytes_max: 100, ..SocketIoOptions::default() };
    check_recovery(
        options,
        &[
            connect("pia"),
            join("pia", "presence-a", &format!(r#"{{"user_id":"{}"}}"#, "p".repeat(100))),
            echo4("ann"),
            ask("ann", "presence-a"),
            cut("ann"),
            grant_as("ann", "presence-a", ANN),
            back("ann"),
        ],
        expect![[r#"
            pia < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[\"pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp\"],\"hash\":{\"pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp\":null},\"count\":1}}","channel":"presence-a"}
            pia < {"event":"pusher_internal:member_added","data":"{\"user_id\":1}","channel":"presence-a"}
            pia < {"event":"pusher_internal:member_removed","data":"{\"user_id\":1}","channel":"presence-a"}
            ann < 40{"sid":<ann2>,"pid":<ann2's>}
        "#]],
    );
}

#[test]
fn questions_that_were_answered_while_the_client_was_away_are_not_counted_any_more() {
    let mut steps = vec![echo4("ann")];
    for _ in 0..2 {
        for number in 0..256 {
            let channel = format!("private-{number}");
            steps.extend([ask("ann", &channel), leave("ann", &channel)]);
        }
        steps.push(cut("ann"));
        steps.push(step(|scene| {
            let asked: Vec<_> = scene
                .world
                .questions()
                .map(|question| (question.socket_id, question.channel.name.clone()))
                .collect();
            for (socket_id, channel) in asked {
                scene.world.answer(socket_id, channel.as_str(), &[granted(None)]);
            }
        }));
        steps.push(back("ann"));
    }
    check(
        &steps,
        expect![[r#"
        ann < 40{"sid":<ann>,"pid":<ann's>}
        ann < 40{"sid":<ann>,"pid":<ann's>}
    "#]],
    );
}

#[test]
fn attachments_that_the_cut_has_swallowed_are_not_waited_for() {
    check(
        &[
            echo4("ann"),
            ask("ann", "news"),
            say("ann", r#"451-["x",{"_placeholder":true,"num":0}]"#),
            cut("ann"),
            back("ann"),
            ask("ann", "other"),
            publish("other", "1", "{}"),
        ],
        expect![[r#"
            ann note: refused with invalid_message: an event with binary data, of which there are none here
            ann < 40{"sid":<ann>,"pid":<ann's>}
            ann < 42["1","other",{},#1]
        "#]],
    );
}

#[test]
fn a_client_that_returned_is_excepted_and_pinged_like_before() {
    check_recovery(
        brief(),
        &[
            echo4("ann"),
            echo3("bob"),
            ask("ann", "news"),
            ask("bob", "news"),
            cut("ann"),
            publish_except("ann", "news", "1", "{}"),
            back("ann"),
            publish_except("ann", "news", "2", "{}"),
            publish("news", "3", "{}"),
            wait(3),
        ],
        expect![[r#"
            bob < 42["1","news",{},#1]
            ann < 40{"sid":<ann>,"pid":<ann's>}
            bob < 42["2","news",{},#2]
            bob < 42["3","news",{},#3]
            ann < 42["3","news",{},#3]
            after 1 s
            ann < 2
            after 2 s
            bob closed 4201 Pong reply not received in time
            ann closed 4201 Pong reply not received in time
        "#]],
    );
}

#[test]
fn clients_of_engine_io_3_and_those_who_have_not_joined_are_not_kept() {
    check(
        &[
            connect("pia"),
            echo3("ann"),
            open("bob", Version::V4),
            join("pia", "presence-a", PIA),
            ask("ann", "presence-a"),
            grant_as("ann", "presence-a", ANN),
            cut("ann"),
            cut("bob"),
            cut("pia"),
            show_census(),
        ],
        expect![[r#"
            bob < 0{"sid":"902.9","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}
            pia < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[\"pia\"],\"hash\":{\"pia\":null},\"count\":1}}","channel":"presence-a"}
            pia < {"event":"pusher_internal:member_added","data":"{\"user_id\":1}","channel":"presence-a"}
            ann < 42["presence:subscribed","presence-a",[{"user_id":1},{"user_id":"pia"}]]
            pia < {"event":"pusher_internal:member_removed","data":"{\"user_id\":1}","channel":"presence-a"}
            0 connections with 0 subscriptions, 0 channels, 0 kept
        "#]],
    );
}

#[test]
fn a_user_whose_connections_are_ended_does_not_return() {
    check(
        &[
            connect("pia"),
            join("pia", "presence-a", PIA),
            echo4("ann"),
            ask("ann", "presence-a"),
            grant_as("ann", "presence-a", ANN),
            cut("ann"),
            terminate("1"),
            back("ann"),
        ],
        expect![[r#"
            pia < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[\"pia\"],\"hash\":{\"pia\":null},\"count\":1}}","channel":"presence-a"}
            pia < {"event":"pusher_internal:member_added","data":"{\"user_id\":1}","channel":"presence-a"}
            ann < 42["presence:subscribed","presence-a",[{"user_id":1},{"user_id":"pia"}]]
            pia < {"event":"pusher_internal:member_removed","data":"{\"user_id\":1}","channel":"presence-a"}
            ann < 40{"sid":<ann2>,"pid":<ann2's>}
        "#]],
    );
}

#[test]
fn nobody_returns_to_an_application_that_is_gone() {
    let other = || vec![App { id: "o".into(), key: "o".into(), ..app(AppOptions::default()) }];
    check(
        &[
            echo4("ann"),
            ask("ann", "presence-a"),
            grant_as("ann", "presence-a", ANN),
            cut("ann"),
            reload(other),
            reload(|| vec![app(AppOptions::default())]),
            show_census(),
            back("ann"),
        ],
        expect![[r#"
            ann < 42["presence:subscribed","presence-a",[{"user_id":1}]]
            0 connections with 0 subscriptions, 0 channels, 0 kept
            ann < 40{"sid":<ann2>,"pid":<ann2's>}
        "#]],
    );
}

#[test]
fn a_session_of_another_application_is_not_given_back() {
    let both = || {
        let other = App { id: "o".into(), key: "o".into(), ..app(AppOptions::default()) };
        vec![app(AppOptions::default()), other]
    };
    check(
        &[
            reload(both),
            echo4("ann"),
            cut("ann"),
            step(|scene| {
                let connect = scene.world.returning(0);
                let other = scene.world.hubs[0].apps().by_id("o").expect("it is there").number();
                let shard = scene.next_shard();
                let connected = scene.world.connect_socketio_to(shard, other, Version::V4);
                scene.enter("eve", connected, 1);
                scene.world.say(scene.client("eve"), &connect);
            }),
            back("ann"),
            disconnect("eve"),
        ],
        expect![[r#"
            eve < 40{"sid":<eve>,"pid":<eve's>}
            ann < 40{"sid":<ann>,"pid":<ann's>}
        "#]],
    );
}

#[test]
fn a_client_that_is_cut_on_its_way_to_its_shard_can_return_again() {
    check_on_two_shards(
        AppOptions::default(),
        &[
            echo4("ann"),
            ask("ann", "news"),
            cut("ann"),
            publish("news", "1", "{}"),
            hold(),
            back("ann"),
            step(|scene| {
                // Nothing arrives on the connection that is on its way.
                scene.world.receives_only(1, 1);
                scene.world.lose(1);
            }),
            release(),
            publish("news", "2", "{}"),
            back("ann"),
        ],
        expect![[r#"
            ann < 40{"sid":<ann>,"pid":<ann's>}
            ann < 42["1","news",{},#1]
            ann < 40{"sid":<ann>,"pid":<ann's>}
            ann < 42["1","news",{},#1]
            ann < 42["2","news",{},#2]
        "#]],
    );
}

#[test]
fn over_the_quota_a_client_does_not_return() {
    check_socketio(
        AppOptions { connections_max: Some(1), ..AppOptions::default() },
        SocketIoOptions::default(),
        &[
            echo4("ann"),
            ask("ann", "news"),
            cut("ann"),
            publish("news", "1", "{}"),
            connect("pia"),
            open("ann", Version::V4),
            disconnect("pia"),
            back("ann"),
            emit("ann", "x", &json!({})),
        ],
        expect![[r#"
            ann refused 4004 Application is over connection quota
            ann < 40{"sid":<ann>,"pid":<ann's>}
            ann < 42["1","news",{},#1]
            ann note: refused with invalid_message: nobody listens to the event "x"
        "#]],
    );
}

#[test]
fn what_the_connection_was_told_alone_is_not_told_again() {
    check(
        &[
            echo4("ann"),
            ask("ann", "presence-a"),
            grant_as("ann", "presence-a", ANN),
            cut_losing("ann", 1),
            back("ann"),
            ask("ann", "presence-a"),
        ],
        expect![[r#"
            ann < 42["presence:subscribed","presence-a",[{"user_id":1}]]
            ann < 40{"sid":<ann>,"pid":<ann's>}
            ann < 42["presence:subscribed","presence-a",[{"user_id":1}]]
        "#]],
    );
}
