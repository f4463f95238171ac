//! One list of members for clients of both protocols.

use expect_test::expect;
use resound_hub::app::AppOptions;
use serde_json::json;

use crate::{
    echo::{ask, deny, echo3, echo4, grant, grant_as, leave, whisper_to},
    scene::{check, check_with, connect, disconnect, join, publish, unsubscribe},
};

const ANN: &str = r#"{"user_id":1,"user_info":{"name":"Ann"}}"#;
const BOB: &str = r#"{"user_id":"2","user_info":{"name":"Bob"}}"#;
const PIA: &str = r#"{"user_id":"3"}"#;

#[test]
fn everybody_sees_everybody_and_the_newest_are_the_first() {
    check(
        &[
            echo3("ann"),
            echo4("bob"),
            connect("pia"),
            ask("ann", "presence-a"),
            grant_as("ann", "presence-a", ANN),
            join("pia", "presence-a", PIA),
            ask("bob", "presence-a"),
            grant_as("bob", "presence-a", BOB),
            ask("ann", "presence-a"),
            unsubscribe("pia", "presence-a"),
            leave("ann", "presence-a"),
            disconnect("bob"),
        ],
        expect![[r#"
            ann < 42["presence:subscribed","presence-a",[{"user_id":1,"user_info":{"name":"Ann"}}]]
            ann < 42["presence:joining","presence-a",{"user_id":"3"},#1]
            pia < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[1,\"3\"],\"hash\":{\"1\":{\"name\":\"Ann\"},\"3\":null},\"count\":2}}","channel":"presence-a"}
            ann < 42["presence:joining","presence-a",{"user_id":"2","user_info":{"name":"Bob"}},#2]
            bob < 42["presence:subscribed","presence-a",[{"user_id":"2","user_info":{"name":"Bob"}},{"user_id":"3"},{"user_id":1,"user_info":{"name":"Ann"}}]]
            pia < {"event":"pusher_internal:member_added","data":"{\"user_id\":\"2\",\"user_info\":{\"name\":\"Bob\"}}","channel":"presence-a"}
            ann < 42["presence:subscribed","presence-a",[{"user_id":"2","user_info":{"name":"Bob"}},{"user_id":"3"},{"user_id":1,"user_info":{"name":"Ann"}}]]
            ann < 42["presence:leaving","presence-a",{"user_id":"3"},#3]
            bob < 42["presence:leaving","presence-a",{"user_id":"3"},#3]
            bob < 42["presence:leaving","presence-a",{"user_id":1,"user_info":{"name":"Ann"}},#4]
        "#]],
    );
}

#[test]
fn a_user_is_there_from_the_first_connection_to_the_last_whatever_it_speaks() {
    check(
        &[
            connect("watcher"),
            echo3("other"),
            join("watcher", "presence-a", r#"{"user_id":"w"}"#),
            ask("other", "presence-a"),
            grant_as("other", "presence-a", r#"{"user_id":"o"}"#),
            echo3("one"),
            connect("two"),
            echo4("three"),
            ask("one", "presence-a"),
            grant_as("one", "presence-a", r#"{"user_id":7,"user_info":"first"}"#),
            join("two", "presence-a", r#"{"user_id":"7","user_info":"second"}"#),
            ask("three", "presence-a"),
            grant_as("three", "presence-a", r#"{"user_id":7,"user_info":"third"}"#),
            disconnect("one"),
            leave("three", "presence-a"),
            unsubscribe("two", "presence-a"),
        ],
        expect![[r#"
            watcher < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[\"w\"],\"hash\":{\"w\":null},\"count\":1}}","channel":"presence-a"}
            watcher < {"event":"pusher_internal:member_added","data":"{\"user_id\":\"o\"}","channel":"presence-a"}
            other < 42["presence:subscribed","presence-a",[{"user_id":"o"},{"user_id":"w"}]]
            watcher < {"event":"pusher_internal:member_added","data":"{\"user_id\":7,\"user_info\":\"first\"}","channel":"presence-a"}
            other < 42["presence:joining","presence-a",{"user_id":7,"user_info":"first"},#1]
            one < 42["presence:subscribed","presence-a",[{"user_id":7,"user_info":"first"},{"user_id":"o"},{"user_id":"w"}]]
            two < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[\"w\",\"o\",7],\"hash\":{\"w\":null,\"o\":null,\"7\":\"first\"},\"count\":3}}","channel":"presence-a"}
            three < 42["presence:subscribed","presence-a",[{"user_id":7,"user_info":"first"},{"user_id":"o"},{"user_id":"w"}]]
            watcher < {"event":"pusher_internal:member_removed","data":"{\"user_id\":7}","channel":"presence-a"}
            other < 42["presence:leaving","presence-a",{"user_id":7,"user_info":"first"},#2]
        "#]],
    );
}

#[test]
fn who_is_let_in_without_being_a_member_hears_and_is_not_listed() {
    check(
        &[
            echo3("ann"),
            echo4("ear"),
            ask("ear", "presence-a"),
            grant("ear", "presence-a"),
            ask("ann", "presence-a"),
            grant_as("ann", "presence-a", ANN),
            ask("ear", "presence-a"),
            publish("presence-a", "e", "{}"),
            whisper_to("ear", "presence-a", "client-x", &json!({})),
            leave("ear", "presence-a"),
            leave("ann", "presence-a"),
        ],
        expect![[r#"
            ann < 42["presence:subscribed","presence-a",[{"user_id":1,"user_info":{"name":"Ann"}}]]
            ear < 42["presence:joining","presence-a",{"user_id":1,"user_info":{"name":"Ann"}},#1]
            ann < 42["e","presence-a",{},#2]
            ear < 42["e","presence-a",{},#2]
            ann < 42["client-x","presence-a",{},#3]
        "#]],
    );
}

#[test]
fn a_whisper_on_a_presence_channel_names_its_sender_to_who_knows_that_word() {
    check(
        &[
            echo3("ann"),
            connect("pia"),
            ask("ann", "presence-a"),
            grant_as("ann", "presence-a", ANN),
            join("pia", "presence-a", PIA),
            whisper_to("ann", "presence-a", "client-x", &json!({"n": 1})),
        ],
        expect![[r#"
            ann < 42["presence:subscribed","presence-a",[{"user_id":1,"user_info":{"name":"Ann"}}]]
            ann < 42["presence:joining","presence-a",{"user_id":"3"},#1]
            pia < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[1,\"3\"],\"hash\":{\"1\":{\"name\":\"Ann\"},\"3\":null},\"count\":2}}","channel":"presence-a"}
            pia < {"event":"client-x","channel":"presence-a","data":{"n":1},"user_id":"1"}
        "#]],
    );
}

#[test]
fn members_that_are_none_are_refused() {
    check_with(
        AppOptions { presence_member_bytes_max: 50, ..AppOptions::default() },
        &[
            echo3("ann"),
            ask("ann", "presence-a"),
            grant_as("ann", "presence-a", "{}"),
            ask("ann", "presence-a"),
            grant_as("ann", "presence-a", "no json"),
            ask("ann", "presence-a"),
            grant_as(
                "ann",
                "presence-a",
                &format!(r#"{{"user_id":1,"user_info":"{}"}}"#, "x".repeat(50)),
            ),
            ask("ann", "presence-a"),
            deny("ann", "presence-a", 419),
            ask("ann", "presence-a"),
            grant_as("ann", "presence-a", ANN),
        ],
        expect![[r#"
            ann note: no subscription to presence-a: channel_data has no id: it needs user_id, a string that is not empty
            ann < 42["subscription_error","presence-a",422]
            ann note: no subscription to presence-a: channel_data is not the JSON of a user: expected ident at line 1 column 2
            ann < 42["subscription_error","presence-a",422]
            ann note: no subscription to presence-a: The channel_data has 78 bytes, the limit is 50 (max_presence_member_size)
            ann < 42["subscription_error","presence-a",429]
            ann note: no subscription to presence-a: Connection is unauthorized
            ann < 42["subscription_error","presence-a",419]
            ann < 42["presence:subscribed","presence-a",[{"user_id":1,"user_info":{"name":"Ann"}}]]
        "#]],
    );
}

#[test]
fn a_full_channel_refuses_clients_of_both_protocols() {
    check_with(
        AppOptions { presence_members_max: 1, ..AppOptions::default() },
        &[
            echo3("ann"),
            echo4("bob"),
            connect("pia"),
            ask("ann", "presence-a"),
            grant_as("ann", "presence-a", ANN),
            ask("bob", "presence-a"),
            grant_as("bob", "presence-a", BOB),
            join("pia", "presence-a", PIA),
            leave("ann", "presence-a"),
            ask("bob", "presence-a"),
            grant_as("bob", "presence-a", BOB),
        ],
        expect![[r#"
            ann < 42["presence:subscribed","presence-a",[{"user_id":1,"user_info":{"name":"Ann"}}]]
            bob note: no subscription to presence-a: The channel has as many members as it may have, 1 (max_presence_members)
            bob < 42["subscription_error","presence-a",429]
            pia note: no subscription to presence-a: The channel has as many members as it may have, 1 (max_presence_members)
            pia < {"event":"pusher:error","data":"{\"code\":4100,\"message\":\"The channel has as many members as it may have, 1 (max_presence_members)\"}"}
            pia < {"event":"pusher:subscription_error","channel":"presence-a","data":"{\"type\":\"LimitReached\",\"error\":\"The channel has as many members as it may have, 1 (max_presence_members)\",\"status\":4100}"}
            bob < 42["presence:subscribed","presence-a",[{"user_id":"2","user_info":{"name":"Bob"}}]]
        "#]],
    );
}

#[test]
fn numbers_of_subscribers_are_told_in_pushers_protocol_only() {
    check_with(
        AppOptions { subscription_count: true, ..AppOptions::default() },
        &[
            connect("pia"),
            echo4("bob"),
            crate::scene::subscribe("pia", "news"),
            ask("bob", "news"),
            publish("news", "e", "{}"),
            leave("bob", "news"),
        ],
        expect![[r#"
            pia < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"news"}
            pia < {"event":"pusher_internal:subscription_count","data":"{\"subscription_count\":1}","channel":"news"}
            pia < {"event":"pusher_internal:subscription_count","data":"{\"subscription_count\":2}","channel":"news"}
            pia < {"event":"e","channel":"news","data":"{}"}
            bob < 42["e","news",{},#1]
            pia < {"event":"pusher_internal:subscription_count","data":"{\"subscription_count\":1}","channel":"news"}
        "#]],
    );
}
