//! Events from one client to the others.

use expect_test::expect;
use resound_hub::app::{AppOptions, ClientEvents};

use crate::scene::{
    Step, check, check_on_two_shards, check_with, connect, hold, join, release, say, sign_in, subscribe,
    wait, whisper,
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
        expect![[]],
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
        expect![[]],
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
        expect![[]],
    );
}

#[test]
fn a_subscription_that_is_not_confirmed_makes_no_member() {
    let steps: [Step; 7] = [
        connect("ann"),
        connect("bob"),
        subscribe("bob", "private-far"),
        hold(),
        subscribe("ann", "private-far"),
        whisper("ann", "private-far", "client-a"),
        release(),
    ];
    check_on_two_shards(AppOptions::default(), &steps, expect![[]]);
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
        expect![[]],
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
        expect![[]],
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
        expect![[]],
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
        expect![[]],
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
        expect![[]],
    );
}
