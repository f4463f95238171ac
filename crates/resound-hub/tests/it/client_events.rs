//! Events from one client to the others.

use expect_test::expect;
use resound_hub::app::{AppOptions, ClientEvents};

use crate::scene::{
    Step, check, check_on_two_shards, check_with, connect, hold, join, release, say, sign_in,
    subscribe, wait, whisper,
};

fn from(client_events: ClientEvents) -> AppOptions {
    AppOptions { client_events, ..AppOptions::default() }
}

#[test]
fn members_of_private_channels_reach_the_others_and_not_themselves() {
    check(
        &[
            connect("ann"),
            connect("bob"),
            connect("cid"),
            subscribe("ann", "private-a"),
            subscribe("bob", "private-a"),
            subscribe("cid", "private-a"),
            whisper("ann", "private-a", "client-typing"),
            say("bob", r#"{"event":"client-b","channel":"private-a","data":"1.0"}"#),
            say("bob", r#"{"event":"client-b","channel":"private-a","data":[1.0, {} ]}"#),
            say("bob", r#"{"event":"client-b","channel":"private-a"}"#),
        ],
        expect![[r#"
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"private-a"}
            bob < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"private-a"}
            cid < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"private-a"}
            bob < {"event":"client-typing","channel":"private-a","data":{"n":1}}
            cid < {"event":"client-typing","channel":"private-a","data":{"n":1}}
            ann < {"event":"client-b","channel":"private-a","data":"1.0"}
            cid < {"event":"client-b","channel":"private-a","data":"1.0"}
            ann < {"event":"client-b","channel":"private-a","data":[1.0, {} ]}
            cid < {"event":"client-b","channel":"private-a","data":[1.0, {} ]}
            ann < {"event":"client-b","channel":"private-a"}
            cid < {"event":"client-b","channel":"private-a"}
        "#]],
    );
}

#[test]
fn on_presence_channels_the_sender_is_named_as_the_application_signed_it() {
    check(
        &[
            connect("ann"),
            connect("bob"),
            join("ann", "presence-a", r#"{"user_id":7}"#),
            join("bob", "presence-a", r#"{"user_id":"8"}"#),
            say("ann", r#"{"event":"client-a","channel":"presence-a","data":{},"user_id":"8"}"#),
            say("bob", r#"{"event":"client-a","channel":"presence-a","data":{"user_id":"7"}}"#),
        ],
        expect![[r#"
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[7],\"hash\":{\"7\":null},\"count\":1}}","channel":"presence-a"}
            ann < {"event":"pusher_internal:member_added","data":"{\"user_id\":\"8\"}","channel":"presence-a"}
            bob < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[7,\"8\"],\"hash\":{\"7\":null,\"8\":null},\"count\":2}}","channel":"presence-a"}
            bob < {"event":"client-a","channel":"presence-a","data":{},"user_id":"7"}
            ann < {"event":"client-a","channel":"presence-a","data":{"user_id":"7"},"user_id":"8"}
        "#]],
    );
}

#[test]
fn those_who_are_not_members_are_refused() {
    check(
        &[
            connect("ann"),
            connect("bob"),
            subscribe("bob", "private-a"),
            subscribe("ann", "news"),
            whisper("ann", "private-a", "client-a"),
            whisper("ann", "private-nobody", "client-a"),
            whisper("ann", "news", "client-a"),
            whisper("ann", "not a name", "client-a"),
        ],
        expect![[r#"
            bob < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"private-a"}
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"news"}
            ann note: refused with not_a_member: client event
            ann < {"event":"pusher:error","data":"{\"code\":4009,\"message\":\"The client is not a member of the specified channel.\"}"}
            ann note: refused with not_a_member: client event
            ann < {"event":"pusher:error","data":"{\"code\":4009,\"message\":\"The client is not a member of the specified channel.\"}"}
            ann note: refused with public_channel: client event
            ann < {"event":"pusher:error","data":"{\"code\":4009,\"message\":\"Client events are accepted on private and presence channels only.\"}"}
            ann note: refused with invalid_channel: client event
            ann < {"event":"pusher:error","data":"{\"code\":4009,\"message\":\"a channel name has only letters, digits and _-=@,.; but this one has ' '\"}"}
        "#]],
    );
}

/// On two shards `ann` is on shard 0, and this channel belongs to shard 1.
const FAR: &str = "private-far-2";

#[test]
fn a_subscription_that_is_not_confirmed_makes_no_member() {
    let steps: [Step; 7] = [
        connect("ann"),
        connect("bob"),
        subscribe("bob", FAR),
        hold(),
        subscribe("ann", FAR),
        whisper("ann", FAR, "client-a"),
        release(),
    ];
    check_on_two_shards(
        AppOptions::default(),
        &steps,
        expect![[r#"
        bob < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"private-far-2"}
        ann note: refused with not_a_member: client event
        ann < {"event":"pusher:error","data":"{\"code\":4009,\"message\":\"The client is not a member of the specified channel.\"}"}
        ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"private-far-2"}
    "#]],
    );
}

#[test]
fn names_begin_with_client_and_have_a_limit() {
    check_with(
        AppOptions { event_name_max: 10, ..AppOptions::default() },
        &[
            connect("ann"),
            connect("bob"),
            subscribe("ann", "private-a"),
            subscribe("bob", "private-a"),
            whisper("ann", "private-a", "typing"),
            whisper("ann", "private-a", "xclient-a"),
            whisper("ann", "private-a", "client-1234"),
            whisper("ann", "private-a", "client-äöü"),
        ],
        expect![[r#"
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"private-a"}
            bob < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"private-a"}
            ann note: refused with client_event_rejected: client event
            ann < {"event":"pusher:error","data":"{\"code\":4301,\"message\":\"The name of a client event begins with client-\"}"}
            ann note: refused with client_event_rejected: client event
            ann < {"event":"pusher:error","data":"{\"code\":4301,\"message\":\"The name of a client event begins with client-\"}"}
            ann note: refused with client_event_rejected: client event
            ann < {"event":"pusher:error","data":"{\"code\":4301,\"message\":\"The name of the event has more than 10 characters (max_event_name_length)\"}"}
            bob < {"event":"client-äöü","channel":"private-a","data":{"n":1}}
        "#]],
    );
}

#[test]
fn an_application_can_take_no_client_events() {
    check_with(
        from(ClientEvents::None),
        &[
            connect("ann"),
            connect("bob"),
            subscribe("ann", "private-a"),
            subscribe("bob", "private-a"),
            whisper("ann", "private-a", "client-a"),
        ],
        expect![[r#"
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"private-a"}
            bob < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"private-a"}
            ann note: refused with client_events_disabled: client event
            ann < {"event":"pusher:error","data":"{\"code\":4301,\"message\":\"The app does not have client messaging enabled.\"}"}
        "#]],
    );
}

#[test]
fn an_application_can_take_client_events_from_all_to_all() {
    check_with(
        from(ClientEvents::All),
        &[
            connect("ann"),
            connect("bob"),
            subscribe("bob", "private-a"),
            subscribe("bob", "news"),
            join("bob", "presence-a", r#"{"user_id":"8"}"#),
            whisper("ann", "private-a", "client-a"),
            whisper("ann", "news", "client-a"),
            whisper("ann", "presence-a", "client-a"),
            whisper("ann", "news", "no-client-event"),
        ],
        expect![[r#"
            bob < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"private-a"}
            bob < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"news"}
            bob < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[\"8\"],\"hash\":{\"8\":null},\"count\":1}}","channel":"presence-a"}
            bob < {"event":"client-a","channel":"private-a","data":{"n":1}}
            bob < {"event":"client-a","channel":"news","data":{"n":1}}
            bob < {"event":"client-a","channel":"presence-a","data":{"n":1}}
            ann note: refused with client_event_rejected: client event
            ann < {"event":"pusher:error","data":"{\"code\":4301,\"message\":\"The name of a client event begins with client-\"}"}
        "#]],
    );
}

#[test]
fn no_client_speaks_in_the_name_of_the_server_to_a_user() {
    check_with(
        from(ClientEvents::All),
        &[
            connect("ann"),
            connect("bob"),
            sign_in("bob", r#"{"id":"8"}"#),
            subscribe("bob", "#server-to-user-8"),
            whisper("ann", "#server-to-user-8", "client-a"),
        ],
        expect![[r##"
            bob < {"event":"pusher:signin_success","data":{"user_data":"{\"id\":\"8\"}"}}
            bob < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"#server-to-user-8"}
            ann note: refused with public_channel: client event
            ann < {"event":"pusher:error","data":"{\"code\":4009,\"message\":\"Client events are accepted on private and presence channels only.\"}"}
        "##]],
    );
}

#[test]
fn the_rate_of_a_connection_is_limited() {
    let whispers = || whisper("ann", "private-a", "client-a");
    check_with(
        AppOptions { client_events_per_second: Some(2), ..AppOptions::default() },
        &[
            connect("ann"),
            connect("bob"),
            subscribe("ann", "private-a"),
            subscribe("bob", "private-a"),
            whispers(),
            whispers(),
            whispers(),
            whisper("bob", "private-a", "client-b"),
            wait(1),
            whispers(),
        ],
        expect![[r#"
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"private-a"}
            bob < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"private-a"}
            bob < {"event":"client-a","channel":"private-a","data":{"n":1}}
            bob < {"event":"client-a","channel":"private-a","data":{"n":1}}
            ann note: refused with client_event_rate: client event
            ann < {"event":"pusher:error","data":"{\"code\":4301,\"message\":\"The rate limit for sending client events exceeded the quota.\"}"}
            ann < {"event":"client-b","channel":"private-a","data":{"n":1}}
            bob < {"event":"client-a","channel":"private-a","data":{"n":1}}
        "#]],
    );
}
