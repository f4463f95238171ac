//! Sign-in and watchlists.

use expect_test::expect;
use resound_hub::app::AppOptions;

use crate::scene::{check, check_with, connect, disconnect, say, sign_in, subscribe};

#[test]
fn a_user_signs_in_and_again() {
    check(
        &[
            connect("ann"),
            sign_in("ann", r#"{"id":"7","user_info":{"name":"Zoë"}}"#),
            sign_in("ann", r#"{"id":"7"}"#),
        ],
        expect![[]],
    );
}

#[test]
fn a_wrong_sign_in_ends_the_connection() {
    check(
        &[
            connect("ann"),
            connect("bob"),
            connect("cid"),
            subscribe("ann", "news"),
            say("ann", r#"{"event":"pusher:signin","data":{"auth":"key:0","user_data":"{\"id\":\"7\"}"}}"#),
            sign_in("bob", r#"{"id":7}"#),
            sign_in("cid", "no json"),
        ],
        expect![[]],
    );
}

#[test]
fn a_connection_stays_the_user_that_it_is() {
    check(
        &[
            connect("ann"),
            sign_in("ann", r#"{"id":"7"}"#),
            sign_in("ann", r#"{"id":"8"}"#),
            subscribe("ann", "#server-to-user-7"),
            subscribe("ann", "#server-to-user-8"),
        ],
        expect![[]],
    );
}

#[test]
fn a_user_learns_who_of_the_watched_is_there_and_then_every_change() {
    check(
        &[
            connect("ann"),
            connect("bob1"),
            connect("bob2"),
            sign_in("bob1", r#"{"id":"8"}"#),
            sign_in("ann", r#"{"id":"7","watchlist":["9","8","8"]}"#),
            sign_in("bob2", r#"{"id":"8"}"#),
            disconnect("bob1"),
            disconnect("bob2"),
            connect("bob3"),
            sign_in("bob3", r#"{"id":"8"}"#),
            disconnect("ann"),
            disconnect("bob3"),
        ],
        expect![[]],
    );
}

#[test]
fn all_connections_of_a_watching_user_are_told() {
    check(
        &[
            connect("ann1"),
            connect("ann2"),
            connect("bob"),
            sign_in("ann1", r#"{"id":"7","watchlist":["7","8"]}"#),
            sign_in("ann2", r#"{"id":"7","watchlist":["7","8"]}"#),
            sign_in("bob", r#"{"id":"8","watchlist":["7"]}"#),
            disconnect("ann1"),
            disconnect("ann2"),
        ],
        expect![[]],
    );
}

#[test]
fn of_a_long_watchlist_the_first_hundred_count() {
    let ids: Vec<String> = (0..101).map(|id| format!("\"{id}\"")).collect();
    check(
        &[
            connect("ann"),
            connect("bob"),
            connect("cid"),
            sign_in("ann", &format!(r#"{{"id":"7","watchlist":[{}]}}"#, ids.join(","))),
            sign_in("bob", r#"{"id":"99"}"#),
            sign_in("cid", r#"{"id":"100"}"#),
        ],
        expect![[]],
    );
}

#[test]
fn an_application_can_do_without_watchlists() {
    check_with(
        AppOptions { watchlist: false, ..AppOptions::default() },
        &[
            connect("ann"),
            connect("bob"),
            sign_in("ann", r#"{"id":"7","watchlist":["8"]}"#),
            sign_in("bob", r#"{"id":"8"}"#),
        ],
        expect![[]],
    );
}
