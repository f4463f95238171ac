//! Presence channels.

use expect_test::expect;
use resound_hub::app::AppOptions;

use crate::scene::{
    check, check_with, connect, disconnect, join, publish, say, sign_in, subscribe, unsubscribe,
};

const ZOE: &str = r#"{"user_id":"7","user_info":{"name":"Zoë"}}"#;
const BO: &str = r#"{"user_id":"8","user_info":{"name":"Bo"}}"#;

#[test]
fn members_get_the_list_and_then_every_change() {
    check(
        &[
            connect("ann"),
            connect("bob"),
            join("ann", "presence-a", ZOE),
            join("bob", "presence-a", BO),
            publish("presence-a", "e", "{}"),
            unsubscribe("ann", "presence-a"),
            disconnect("bob"),
        ],
        expect![[r#"
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[\"7\"],\"hash\":{\"7\":{\"name\":\"Zoë\"}},\"count\":1}}","channel":"presence-a"}
            ann < {"event":"pusher_internal:member_added","data":"{\"user_id\":\"8\",\"user_info\":{\"name\":\"Bo\"}}","channel":"presence-a"}
            bob < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[\"7\",\"8\"],\"hash\":{\"7\":{\"name\":\"Zoë\"},\"8\":{\"name\":\"Bo\"}},\"count\":2}}","channel":"presence-a"}
            ann < {"event":"e","channel":"presence-a","data":"{}"}
            bob < {"event":"e","channel":"presence-a","data":"{}"}
            bob < {"event":"pusher_internal:member_removed","data":"{\"user_id\":\"7\"}","channel":"presence-a"}
        "#]],
    );
}

#[test]
fn many_tabs_are_one_user() {
    check(
        &[
            connect("tab1"),
            connect("tab2"),
            connect("bob"),
            join("bob", "presence-a", BO),
            join("tab1", "presence-a", ZOE),
            join("tab2", "presence-a", r#"{"user_id":"7","user_info":{"name":"another"}}"#),
            disconnect("tab1"),
            publish("presence-a", "still-there", "{}"),
            disconnect("tab2"),
        ],
        expect![[r#"
            bob < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[\"8\"],\"hash\":{\"8\":{\"name\":\"Bo\"}},\"count\":1}}","channel":"presence-a"}
            tab1 < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[\"8\",\"7\"],\"hash\":{\"8\":{\"name\":\"Bo\"},\"7\":{\"name\":\"Zoë\"}},\"count\":2}}","channel":"presence-a"}
            bob < {"event":"pusher_internal:member_added","data":"{\"user_id\":\"7\",\"user_info\":{\"name\":\"Zoë\"}}","channel":"presence-a"}
            tab2 < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[\"8\",\"7\"],\"hash\":{\"8\":{\"name\":\"Bo\"},\"7\":{\"name\":\"Zoë\"}},\"count\":2}}","channel":"presence-a"}
            tab2 < {"event":"still-there","channel":"presence-a","data":"{}"}
            bob < {"event":"still-there","channel":"presence-a","data":"{}"}
            bob < {"event":"pusher_internal:member_removed","data":"{\"user_id\":\"7\"}","channel":"presence-a"}
        "#]],
    );
}

#[test]
fn a_number_and_its_text_are_the_same_user() {
    check(
        &[
            connect("ann"),
            connect("bob"),
            connect("cid"),
            join("ann", "presence-a", r#"{"user_id":7}"#),
            join("bob", "presence-a", r#"{"user_id":"7"}"#),
            join("cid", "presence-a", r#"{"user_id":"8"}"#),
            disconnect("ann"),
            disconnect("bob"),
        ],
        expect![[r#"
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[7],\"hash\":{\"7\":null},\"count\":1}}","channel":"presence-a"}
            bob < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[7],\"hash\":{\"7\":null},\"count\":1}}","channel":"presence-a"}
            ann < {"event":"pusher_internal:member_added","data":"{\"user_id\":\"8\"}","channel":"presence-a"}
            bob < {"event":"pusher_internal:member_added","data":"{\"user_id\":\"8\"}","channel":"presence-a"}
            cid < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[7,\"8\"],\"hash\":{\"7\":null,\"8\":null},\"count\":2}}","channel":"presence-a"}
            cid < {"event":"pusher_internal:member_removed","data":"{\"user_id\":7}","channel":"presence-a"}
        "#]],
    );
}

#[test]
fn joining_twice_gives_the_list_twice_and_tells_nobody() {
    check(
        &[
            connect("ann"),
            connect("bob"),
            join("bob", "presence-a", BO),
            join("ann", "presence-a", ZOE),
            join("ann", "presence-a", ZOE),
            unsubscribe("ann", "presence-a"),
            unsubscribe("ann", "presence-a"),
        ],
        expect![[r#"
            bob < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[\"8\"],\"hash\":{\"8\":{\"name\":\"Bo\"}},\"count\":1}}","channel":"presence-a"}
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[\"8\",\"7\"],\"hash\":{\"8\":{\"name\":\"Bo\"},\"7\":{\"name\":\"Zoë\"}},\"count\":2}}","channel":"presence-a"}
            bob < {"event":"pusher_internal:member_added","data":"{\"user_id\":\"7\",\"user_info\":{\"name\":\"Zoë\"}}","channel":"presence-a"}
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[\"8\",\"7\"],\"hash\":{\"8\":{\"name\":\"Bo\"},\"7\":{\"name\":\"Zoë\"}},\"count\":2}}","channel":"presence-a"}
            bob < {"event":"pusher_internal:member_removed","data":"{\"user_id\":\"7\"}","channel":"presence-a"}
        "#]],
    );
}

#[test]
fn who_leaves_and_comes_back_is_told_of_as_such() {
    check(
        &[
            connect("ann"),
            connect("bob"),
            join("bob", "presence-a", BO),
            join("ann", "presence-a", ZOE),
            unsubscribe("ann", "presence-a"),
            join("ann", "presence-a", r#"{"user_id":"9"}"#),
        ],
        expect![[r#"
            bob < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[\"8\"],\"hash\":{\"8\":{\"name\":\"Bo\"}},\"count\":1}}","channel":"presence-a"}
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[\"8\",\"7\"],\"hash\":{\"8\":{\"name\":\"Bo\"},\"7\":{\"name\":\"Zoë\"}},\"count\":2}}","channel":"presence-a"}
            bob < {"event":"pusher_internal:member_added","data":"{\"user_id\":\"7\",\"user_info\":{\"name\":\"Zoë\"}}","channel":"presence-a"}
            bob < {"event":"pusher_internal:member_removed","data":"{\"user_id\":\"7\"}","channel":"presence-a"}
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[\"8\",\"9\"],\"hash\":{\"8\":{\"name\":\"Bo\"},\"9\":null},\"count\":2}}","channel":"presence-a"}
            bob < {"event":"pusher_internal:member_added","data":"{\"user_id\":\"9\"}","channel":"presence-a"}
        "#]],
    );
}

#[test]
fn a_signed_in_user_needs_no_channel_data() {
    check(
        &[
            connect("ann"),
            subscribe("ann", "presence-a"),
            sign_in("ann", r#"{"id":"7","user_info":{"name":"Zoë"}}"#),
            subscribe("ann", "presence-a"),
        ],
        expect![[r#"
            ann note: no subscription to presence-a: A presence channel needs channel_data with a user_id, or a signed-in user
            ann < {"event":"pusher:error","data":"{\"code\":4009,\"message\":\"A presence channel needs channel_data with a user_id, or a signed-in user\"}"}
            ann < {"event":"pusher:subscription_error","channel":"presence-a","data":"{\"type\":\"InvalidChannel\",\"error\":\"A presence channel needs channel_data with a user_id, or a signed-in user\",\"status\":4009}"}
            ann < {"event":"pusher:signin_success","data":{"user_data":"{\"id\":\"7\",\"user_info\":{\"name\":\"Zoë\"}}"}}
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[\"7\"],\"hash\":{\"7\":{\"name\":\"Zoë\"}},\"count\":1}}","channel":"presence-a"}
        "#]],
    );
}

#[test]
fn data_without_a_user_is_refused() {
    check(
        &[
            connect("ann"),
            join("ann", "presence-a", "no json"),
            join("ann", "presence-a", r#"{"user_info":{}}"#),
            join("ann", "presence-a", r#"{"user_id":""}"#),
            say("ann", r#"{"event":"pusher:subscribe","data":{"channel":"presence-a"}}"#),
        ],
        expect![[r#"
            ann note: no subscription to presence-a: channel_data is not the JSON of a user: expected ident at line 1 column 2
            ann < {"event":"pusher:error","data":"{\"code\":4009,\"message\":\"channel_data is not the JSON of a user: expected ident at line 1 column 2\"}"}
            ann < {"event":"pusher:subscription_error","channel":"presence-a","data":"{\"type\":\"InvalidChannel\",\"error\":\"channel_data is not the JSON of a user: expected ident at line 1 column 2\",\"status\":4009}"}
            ann note: no subscription to presence-a: channel_data has no id: it needs user_id, a string that is not empty
            ann < {"event":"pusher:error","data":"{\"code\":4009,\"message\":\"channel_data has no id: it needs user_id, a string that is not empty\"}"}
            ann < {"event":"pusher:subscription_error","channel":"presence-a","data":"{\"type\":\"InvalidChannel\",\"error\":\"channel_data has no id: it needs user_id, a string that is not empty\",\"status\":4009}"}
            ann note: no subscription to presence-a: channel_data has no id: it needs user_id, a string that is not empty
            ann < {"event":"pusher:error","data":"{\"code\":4009,\"message\":\"channel_data has no id: it needs user_id, a string that is not empty\"}"}
            ann < {"event":"pusher:subscription_error","channel":"presence-a","data":"{\"type\":\"InvalidChannel\",\"error\":\"channel_data has no id: it needs user_id, a string that is not empty\",\"status\":4009}"}
            ann note: no subscription to presence-a: no auth was given
            ann < {"event":"pusher:error","data":"{\"code\":4009,\"message\":\"Connection is unauthorized\"}"}
            ann < {"event":"pusher:subscription_error","channel":"presence-a","data":"{\"type\":\"AuthError\",\"error\":\"no auth was given\",\"status\":401}"}
        "#]],
    );
}

#[test]
fn a_full_channel_refuses_other_users_until_one_leaves() {
    check_with(
        AppOptions { presence_members_max: 1, ..AppOptions::default() },
        &[
            connect("ann"),
            connect("tab"),
            connect("bob"),
            join("ann", "presence-a", ZOE),
            join("tab", "presence-a", ZOE),
            join("bob", "presence-a", BO),
            disconnect("ann"),
            disconnect("tab"),
            join("bob", "presence-a", BO),
        ],
        expect![[r#"
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[\"7\"],\"hash\":{\"7\":{\"name\":\"Zoë\"}},\"count\":1}}","channel":"presence-a"}
            tab < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[\"7\"],\"hash\":{\"7\":{\"name\":\"Zoë\"}},\"count\":1}}","channel":"presence-a"}
            bob note: no subscription to presence-a: The channel has as many members as it may have, 1 (max_presence_members)
            bob < {"event":"pusher:error","data":"{\"code\":4100,\"message\":\"The channel has as many members as it may have, 1 (max_presence_members)\"}"}
            bob < {"event":"pusher:subscription_error","channel":"presence-a","data":"{\"type\":\"LimitReached\",\"error\":\"The channel has as many members as it may have, 1 (max_presence_members)\",\"status\":4100}"}
            bob < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[\"8\"],\"hash\":{\"8\":{\"name\":\"Bo\"}},\"count\":1}}","channel":"presence-a"}
        "#]],
    );
}

#[test]
fn too_large_members_are_refused() {
    check_with(
        AppOptions { presence_member_bytes_max: 20, ..AppOptions::default() },
        &[
            connect("ann"),
            join("ann", "presence-a", r#"{"user_id":"123456"}"#),
            join("ann", "presence-b", r#"{"user_id":"1234567"}"#),
        ],
        expect![[r#"
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[\"123456\"],\"hash\":{\"123456\":null},\"count\":1}}","channel":"presence-a"}
            ann note: no subscription to presence-b: The channel_data has 21 bytes, the limit is 20 (max_presence_member_size)
            ann < {"event":"pusher:error","data":"{\"code\":4100,\"message\":\"The channel_data has 21 bytes, the limit is 20 (max_presence_member_size)\"}"}
            ann < {"event":"pusher:subscription_error","channel":"presence-b","data":"{\"type\":\"LimitReached\",\"error\":\"The channel_data has 21 bytes, the limit is 20 (max_presence_member_size)\",\"status\":4100}"}
        "#]],
    );
}
