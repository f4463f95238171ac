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
        expect![[]],
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
        expect![[]],
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
        expect![[]],
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
        expect![[]],
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
        expect![[]],
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
        expect![[]],
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
        expect![[]],
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
        expect![[]],
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
        expect![[]],
    );
}
