//! What a client had begun when it was cut.

use expect_test::expect;
use resound_hub::{app::AppOptions, socketio::SocketIoOptions};

use crate::{
    echo::{
        ask, back, check_recovery, cut, cut_losing, deny, echo4, grant, grant_as, granted, leave,
        quiet, show_census, show_questions,
    },
    scene::{check, check_on_two_shards, connect, hold, join, publish, release, say, step, wait},
};

const ANN: &str = r#"{"user_id":1}"#;
const PIA: &str = r#"{"user_id":"pia"}"#;

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
