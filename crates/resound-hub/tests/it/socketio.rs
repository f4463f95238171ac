//! Clients of Socket.IO, beside clients of Pusher's protocol in the same channels.

use expect_test::expect;
use resound_hub::app::{AppOptions, ClientEvents};
use serde_json::json;

use crate::{
    echo::{
        answer_repeatedly, ask, deny, echo3, echo4, emit, grant, grant_as, granted, leave,
        show_questions, whisper_to,
    },
    scene::{
        check, check_on_two_shards, check_with, connect, disconnect, hold, publish, publish_except,
        release, say, subscribe, unsubscribe,
    },
};

#[test]
fn an_event_of_a_public_channel_reaches_clients_of_all_kinds() {
    check(
        &[
            echo3("ann"),
            echo4("bob"),
            connect("pia"),
            ask("ann", "news"),
            ask("bob", "news"),
            subscribe("pia", "news"),
            publish("news", "App\\Events\\Posted", r#"{"id": 1}"#),
            publish("news", "e", "text"),
            publish("news", "e", "7"),
            leave("ann", "news"),
            leave("ann", "news"),
            leave("ann", "other"),
            publish("news", "e", "[]"),
            unsubscribe("pia", "news"),
            disconnect("bob"),
            publish("news", "e", "[]"),
        ],
        expect![[r#"
            pia < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"news"}
            ann < 42["App\\Events\\Posted","news",{"id": 1},#1]
            bob < 42["App\\Events\\Posted","news",{"id": 1},#1]
            pia < {"event":"App\\Events\\Posted","channel":"news","data":"{\"id\": 1}"}
            ann < 42["e","news","text",#2]
            bob < 42["e","news","text",#2]
            pia < {"event":"e","channel":"news","data":"text"}
            ann < 42["e","news",7,#3]
            bob < 42["e","news",7,#3]
            pia < {"event":"e","channel":"news","data":"7"}
            bob < 42["e","news",[],#4]
            pia < {"event":"e","channel":"news","data":"[]"}
        "#]],
    );
}

#[test]
fn a_repeated_subscription_to_a_public_channel_is_one() {
    check(
        &[
            echo4("ann"),
            ask("ann", "news"),
            ask("ann", "news"),
            publish("news", "e", "{}"),
            leave("ann", "news"),
            publish("news", "e", "{}"),
        ],
        expect![[r#"
            ann < 42["e","news",{},#1]
        "#]],
    );
}

#[test]
fn the_application_is_asked_about_private_channels_with_the_clients_headers() {
    check(
        &[
            echo4("ann"),
            emit(
                "ann",
                "subscribe",
                &json!({"channel": "private-a", "auth": {"headers": {"X-CSRF-TOKEN": "t", "n": 7}}}),
            ),
            show_questions(),
            publish("private-a", "too early", "{}"),
            grant("ann", "private-a"),
            publish("private-a", "e", "{}"),
            ask("ann", "private-a"),
            show_questions(),
            publish("private-a", "e", "{}"),
            leave("ann", "private-a"),
            ask("ann", "private-a"),
            show_questions(),
        ],
        expect![[r#"
            ? private-a [("X-CSRF-TOKEN", "t"), ("n", "7")]
            ann < 42["e","private-a",{},#1]
            ann < 42["e","private-a",{},#2]
            ? private-a []
        "#]],
    );
}

#[test]
fn a_client_that_asks_again_before_the_answer_is_asked_about_once() {
    check(
        &[
            echo3("ann"),
            ask("ann", "private-a"),
            ask("ann", "private-a"),
            show_questions(),
            grant("ann", "private-a"),
            publish("private-a", "e", "{}"),
        ],
        expect![[r#"
            ? private-a []
            ann < 42["e","private-a",{},#1]
        "#]],
    );
}

#[test]
fn a_refusal_has_the_status_of_the_application() {
    check(
        &[
            echo3("ann"),
            echo4("bob"),
            ask("ann", "private-a"),
            ask("bob", "presence-a"),
            deny("ann", "private-a", 403),
            deny("bob", "presence-a", 0),
            publish("private-a", "e", "{}"),
            ask("ann", "private-a"),
            grant("ann", "private-a"),
            publish("private-a", "e", "{}"),
        ],
        expect![[r#"
            ann note: no subscription to private-a: Connection is unauthorized
            ann < 42["subscription_error","private-a",403]
            bob note: no subscription to presence-a: Connection is unauthorized
            bob < 42["subscription_error","presence-a",0]
            ann < 42["e","private-a",{},#1]
        "#]],
    );
}

#[test]
fn an_answer_that_comes_too_late_means_nothing() {
    check(
        &[
            echo3("ann"),
            echo3("bob"),
            ask("ann", "private-a"),
            leave("ann", "private-a"),
            ask("ann", "presence-b"),
            leave("ann", "presence-b"),
            ask("bob", "private-a"),
            disconnect("bob"),
            grant("ann", "private-a"),
            deny("ann", "presence-b", 403),
            grant("bob", "private-a"),
            publish("private-a", "e", "{}"),
        ],
        expect![[""]],
    );
}

#[test]
fn of_two_questions_about_a_channel_only_the_second_ones_answer_counts() {
    check(
        &[
            echo3("ann"),
            ask("ann", "private-a"),
            leave("ann", "private-a"),
            ask("ann", "private-a"),
            deny("ann", "private-a", 403),
            publish("private-a", "too early", "{}"),
            grant("ann", "private-a"),
            publish("private-a", "e", "{}"),
        ],
        expect![[r#"
            ann < 42["e","private-a",{},#1]
        "#]],
    );
}

#[test]
fn an_answer_that_comes_twice_counts_once() {
    check(
        &[
            echo4("ann"),
            ask("ann", "presence-a"),
            answer_repeatedly(
                "ann",
                "presence-a",
                vec![granted(Some(r#"{"user_id":1}"#)), granted(Some(r#"{"user_id":2}"#))],
            ),
            leave("ann", "presence-a"),
            ask("ann", "presence-a"),
            grant_as("ann", "presence-a", r#"{"user_id":3}"#),
        ],
        expect![[r#"
            ann < 42["presence:subscribed","presence-a",[{"user_id":1}]]
            ann < 42["presence:subscribed","presence-a",[{"user_id":3}]]
        "#]],
    );
}

#[test]
fn a_client_that_leaves_before_the_owner_has_let_it_in_is_out() {
    check_on_two_shards(
        AppOptions::default(),
        &[
            connect("first"),
            echo4("ann"),
            hold(),
            ask("ann", "a"),
            leave("ann", "a"),
            ask("ann", "b"),
            leave("ann", "b"),
            ask("ann", "b"),
            disconnect("ann"),
            release(),
            publish("a", "e", "{}"),
        ],
        expect![[""]],
    );
}

#[test]
fn whispers_reach_the_others_whatever_they_speak() {
    check(
        &[
            echo3("ann"),
            echo4("bob"),
            connect("pia"),
            ask("ann", "private-a"),
            ask("bob", "private-a"),
            grant("ann", "private-a"),
            grant("bob", "private-a"),
            subscribe("pia", "private-a"),
            whisper_to("ann", "private-a", "client-typing", &json!({"n": 1.0})),
            whisper_to("bob", "private-a", "client-typing", &json!("text")),
            emit("bob", "client event", &json!({"channel": "private-a", "event": "client-bare"})),
            emit(
                "bob",
                "client event",
                &json!(r#"{"channel":"private-a","event":"client-text","data":[ 1 ]}"#),
            ),
            say("pia", r#"{"event":"client-typing","channel":"private-a","data":{"n":2}}"#),
            say("pia", r#"{"event":"client-text","channel":"private-a","data":"{\"n\":2}"}"#),
            say("pia", r#"{"event":"client-bare","channel":"private-a"}"#),
        ],
        expect![[r#"
            pia < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"private-a"}
            bob < 42["client-typing","private-a",{"n":1.0},#1]
            pia < {"event":"client-typing","channel":"private-a","data":{"n":1.0}}
            ann < 42["client-typing","private-a","text",#2]
            pia < {"event":"client-typing","channel":"private-a","data":"text"}
            ann < 42["client-bare","private-a",null,#3]
            pia < {"event":"client-bare","channel":"private-a"}
            ann < 42["client-text","private-a",[ 1 ],#4]
            pia < {"event":"client-text","channel":"private-a","data":[ 1 ]}
            ann < 42["client-typing","private-a",{"n":2},#5]
            bob < 42["client-typing","private-a",{"n":2},#5]
            ann < 42["client-text","private-a","{\"n\":2}",#6]
            bob < 42["client-text","private-a","{\"n\":2}",#6]
            ann < 42["client-bare","private-a",null,#7]
            bob < 42["client-bare","private-a",null,#7]
        "#]],
    );
}

#[test]
fn whispers_from_outside_or_of_other_names_are_refused() {
    check(
        &[
            echo3("ann"),
            echo4("bob"),
            ask("ann", "news"),
            ask("bob", "private-a"),
            whisper_to("ann", "private-a", "client-x", &json!({})),
            whisper_to("ann", "news", "client-x", &json!({})),
            whisper_to("bob", "private-a", "client-before-it-is-in", &json!({})),
            grant("bob", "private-a"),
            whisper_to("bob", "private-a", "typing", &json!({})),
            whisper_to("bob", "", "client-x", &json!({})),
            whisper_to("bob", &"c".repeat(201), "client-x", &json!({})),
        ],
        expect![[r#"
            ann note: refused with not_a_member: client event
            ann note: refused with public_channel: client event
            bob note: refused with not_a_member: client event
            bob note: refused with client_event_rejected: client event
            bob note: refused with invalid_channel: client event
            bob note: refused with invalid_channel: client event
        "#]],
    );
}

#[test]
fn whispers_to_everybody_are_possible_where_the_application_says_so() {
    check_with(
        AppOptions { client_events: ClientEvents::All, ..AppOptions::default() },
        &[
            echo3("ann"),
            echo4("bob"),
            ask("bob", "chat:1"),
            ask("bob", "news"),
            whisper_to("ann", "news", "client-x", &json!({})),
            whisper_to("ann", "chat:1", "client-x", &json!({})),
        ],
        expect![[r#"
            bob < 42["client-x","news",{},#1]
            bob < 42["client-x","chat:1",{},#2]
        "#]],
    );
}

#[test]
fn an_event_to_others_does_not_reach_who_caused_it() {
    check(
        &[
            echo3("ann"),
            echo4("bob"),
            connect("pia"),
            ask("ann", "news"),
            ask("bob", "news"),
            subscribe("pia", "news"),
            publish_except("ann", "news", "not-ann", "{}"),
            publish_except("bob", "news", "not-bob", "{}"),
            publish_except("pia", "news", "not-pia", "{}"),
        ],
        expect![[r#"
            pia < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"news"}
            bob < 42["not-ann","news",{},#1]
            pia < {"event":"not-ann","channel":"news","data":"{}"}
            ann < 42["not-bob","news",{},#2]
            pia < {"event":"not-bob","channel":"news","data":"{}"}
            ann < 42["not-pia","news",{},#3]
            bob < 42["not-pia","news",{},#3]
        "#]],
    );
}

#[test]
fn a_cache_channel_tells_its_last_event_without_an_offset() {
    check(
        &[
            echo3("ann"),
            echo4("bob"),
            connect("pia"),
            ask("ann", "cache-a"),
            publish("cache-a", "price", r#"{"eur":7}"#),
            ask("bob", "cache-a"),
            subscribe("pia", "cache-a"),
            publish("cache-a", "price", "8"),
            publish("private-cache-b", "price", "dear"),
            ask("bob", "private-cache-b"),
            grant("bob", "private-cache-b"),
            ask("bob", "private-cache-b"),
        ],
        expect![[r#"
            ann < 42["price","cache-a",{"eur":7},#1]
            bob < 42["price","cache-a",{"eur":7}]
            pia < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"cache-a"}
            pia < {"event":"price","channel":"cache-a","data":"{\"eur\":7}"}
            ann < 42["price","cache-a",8,#2]
            bob < 42["price","cache-a",8,#2]
            pia < {"event":"price","channel":"cache-a","data":"8"}
            bob < 42["price","private-cache-b","dear",null]
            bob < 42["price","private-cache-b","dear",null]
        "#]],
    );
}

#[test]
fn names_with_a_colon_are_for_clients_of_socket_io() {
    check(
        &[
            echo3("ann"),
            connect("pia"),
            ask("ann", "chat:1"),
            subscribe("pia", "chat:1"),
            publish("chat:1", "e", "{}"),
            ask("ann", "private-chat:1 ä"),
            grant("ann", "private-chat:1 ä"),
            publish("private-chat:1 ä", "e", "{}"),
        ],
        expect![[r#"
            pia note: no subscription to chat:1: a channel name has only letters, digits and _-=@,.; but this one has ':'
            pia < {"event":"pusher:error","data":"{\"code\":4009,\"message\":\"a channel name has only letters, digits and _-=@,.; but this one has ':'\"}"}
            pia < {"event":"pusher:subscription_error","channel":"chat:1","data":"{\"type\":\"InvalidChannel\",\"error\":\"a channel name has only letters, digits and _-=@,.; but this one has ':'\",\"status\":4009}"}
            ann < 42["e","chat:1",{},#1]
            ann < 42["e","private-chat:1 ä",{},#2]
        "#]],
    );
}

#[test]
fn names_that_are_none_are_refused() {
    check_with(
        AppOptions { channel_name_max: 10, ..AppOptions::default() },
        &[
            echo3("ann"),
            ask("ann", ""),
            ask("ann", "a\nb"),
            ask("ann", "12345678901"),
            ask("ann", "ä234567890"),
            publish("ä234567890", "e", "{}"),
        ],
        expect![[r#"
            ann note: no subscription to : a channel name must not be empty
            ann < 42["subscription_error","",422]
            ann note: no subscription to a
            b: a channel name has no control characters, but this one has '\n'
            ann < 42["subscription_error","a\nb",422]
            ann note: no subscription to 12345678901: the channel name has 11 characters, the limit is 10 (max_channel_name_length)
            ann < 42["subscription_error","12345678901",422]
            ann < 42["e","ä234567890",{},#1]
        "#]],
    );
}

#[test]
fn encrypted_channels_are_private_and_a_users_own_channel_is_closed() {
    check(
        &[
            echo4("ann"),
            ask("ann", "private-encrypted-a"),
            grant("ann", "private-encrypted-a"),
            publish("private-encrypted-a", "e", r#"{"nonce":"n","ciphertext":"c"}"#),
            ask("ann", "#server-to-user-7"),
            show_questions(),
        ],
        expect![[r##"
            ann < 42["e","private-encrypted-a",{"nonce":"n","ciphertext":"c"},#1]
            ann note: no subscription to #server-to-user-7: only clients of the Pusher protocol sign in (pusher.signin())
            ann < 42["subscription_error","#server-to-user-7",403]
        "##]],
    );
}
