//! The application ends a user's connections.

use expect_test::expect;

use crate::scene::{check, connect, join, publish, sign_in, subscribe, terminate};

#[test]
fn connections_that_are_signed_in_as_the_user_end_on_all_shards() {
    check(
        &[
            connect("ann1"),
            connect("ann2"),
            connect("ann3"),
            connect("bob"),
            sign_in("ann1", r#"{"id":"7"}"#),
            sign_in("ann2", r#"{"id":"7"}"#),
            sign_in("ann3", r#"{"id":"7"}"#),
            sign_in("bob", r#"{"id":"8","watchlist":["7"]}"#),
            terminate("7"),
            terminate("7"),
        ],
        expect![[]],
    );
}

#[test]
fn connections_that_are_a_member_of_that_id_end_too() {
    check(
        &[
            connect("ann"),
            connect("tab"),
            connect("bob"),
            connect("guest"),
            join("ann", "presence-a", r#"{"user_id":7}"#),
            join("tab", "presence-a", r#"{"user_id":"7"}"#),
            join("bob", "presence-a", r#"{"user_id":"8"}"#),
            subscribe("guest", "news"),
            terminate("7"),
            publish("presence-a", "e", "{}"),
        ],
        expect![[]],
    );
}
