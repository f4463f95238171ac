//! Clients of socket.io-client 4 return to their sessions.

use expect_test::expect;
use resound_hub::{app::AppOptions, socketio::SocketIoOptions};
use serde_json::json;

use crate::{
    echo::{
        ask, back, back_saying, brief, check_recovery, cut, cut_losing, cut_unnoticed, echo3,
        echo4, grant, grant_as, leave, pass, quiet, show_census, whisper_to,
    },
    scene::{
        Scene, Step, check, check_on_two_shards, connect, count_connections, disconnect, hold,
        join, publish, publish_except, release, step, wait,
    },
    world::offset_in,
};

const ANN: &str = r#"{"user_id":1}"#;
const PIA: &str = r#"{"user_id":"pia"}"#;

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
    let frames = &scene.world.client(0).frames;
    let frame = frames.iter().find(|frame| frame.payload().contains(event));
    frame.and_then(|frame| offset_in(frame.payload())).expect("she received it")
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
