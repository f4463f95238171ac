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
        expect![[r#"
            ann < {"event":"pusher:signin_success","data":{"user_data":"{\"id\":\"7\",\"user_info\":{\"name\":\"Zoë\"}}"}}
            ann < {"event":"pusher:signin_success","data":{"user_data":"{\"id\":\"7\"}"}}
        "#]],
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
            say(
                "ann",
                r#"{"event":"pusher:signin","data":{"auth":"key:0","user_data":"{\"id\":\"7\"}"}}"#,
            ),
            sign_in("bob", r#"{"id":7}"#),
            sign_in("cid", "no json"),
        ],
        expect![[r#"
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"news"}
            ann note: refused with sign_in_refused: the auth is not of the form key:signature, with 64 lower-case hex digits
            ann < {"event":"pusher:error","data":"{\"code\":4009,\"message\":\"Connection not authorized.\"}"}
            ann closed 4009 Connection not authorized.
            bob note: refused with sign_in_refused: user_data has no id: it needs id, a string that is not empty
            bob < {"event":"pusher:error","data":"{\"code\":4009,\"message\":\"Connection not authorized.\"}"}
            bob closed 4009 Connection not authorized.
            cid note: refused with sign_in_refused: user_data is not the JSON of a user: expected ident at line 1 column 2
            cid < {"event":"pusher:error","data":"{\"code\":4009,\"message\":\"Connection not authorized.\"}"}
            cid closed 4009 Connection not authorized.
        "#]],
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
        expect![[r##"
            ann < {"event":"pusher:signin_success","data":{"user_data":"{\"id\":\"7\"}"}}
            ann note: refused with sign_in_refused: already signed in as "7"
            ann < {"event":"pusher:error","data":"{\"code\":4009,\"message\":\"Connection not authorized.\"}"}
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"#server-to-user-7"}
            ann note: no subscription to #server-to-user-8: Only a connection that is signed in as this user may subscribe (pusher.signin())
            ann < {"event":"pusher:error","data":"{\"code\":4009,\"message\":\"Connection is unauthorized\"}"}
            ann < {"event":"pusher:subscription_error","channel":"#server-to-user-8","data":"{\"type\":\"AuthError\",\"error\":\"Only a connection that is signed in as this user may subscribe (pusher.signin())\",\"status\":401}"}
        "##]],
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
        expect![[r#"
            bob1 < {"event":"pusher:signin_success","data":{"user_data":"{\"id\":\"8\"}"}}
            ann < {"event":"pusher:signin_success","data":{"user_data":"{\"id\":\"7\",\"watchlist\":[\"9\",\"8\",\"8\"]}"}}
            ann < {"event":"pusher_internal:watchlist_events","data":"{\"events\":[{\"name\":\"online\",\"user_ids\":[\"8\"]},{\"name\":\"offline\",\"user_ids\":[\"9\"]}]}"}
            bob2 < {"event":"pusher:signin_success","data":{"user_data":"{\"id\":\"8\"}"}}
            ann < {"event":"pusher_internal:watchlist_events","data":"{\"events\":[{\"name\":\"offline\",\"user_ids\":[\"8\"]}]}"}
            ann < {"event":"pusher_internal:watchlist_events","data":"{\"events\":[{\"name\":\"online\",\"user_ids\":[\"8\"]}]}"}
            bob3 < {"event":"pusher:signin_success","data":{"user_data":"{\"id\":\"8\"}"}}
        "#]],
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
        expect![[r#"
            ann1 < {"event":"pusher:signin_success","data":{"user_data":"{\"id\":\"7\",\"watchlist\":[\"7\",\"8\"]}"}}
            ann1 < {"event":"pusher_internal:watchlist_events","data":"{\"events\":[{\"name\":\"online\",\"user_ids\":[\"7\"]},{\"name\":\"offline\",\"user_ids\":[\"8\"]}]}"}
            ann2 < {"event":"pusher:signin_success","data":{"user_data":"{\"id\":\"7\",\"watchlist\":[\"7\",\"8\"]}"}}
            ann2 < {"event":"pusher_internal:watchlist_events","data":"{\"events\":[{\"name\":\"online\",\"user_ids\":[\"7\"]},{\"name\":\"offline\",\"user_ids\":[\"8\"]}]}"}
            ann1 < {"event":"pusher_internal:watchlist_events","data":"{\"events\":[{\"name\":\"online\",\"user_ids\":[\"8\"]}]}"}
            ann2 < {"event":"pusher_internal:watchlist_events","data":"{\"events\":[{\"name\":\"online\",\"user_ids\":[\"8\"]}]}"}
            bob < {"event":"pusher:signin_success","data":{"user_data":"{\"id\":\"8\",\"watchlist\":[\"7\"]}"}}
            bob < {"event":"pusher_internal:watchlist_events","data":"{\"events\":[{\"name\":\"online\",\"user_ids\":[\"7\"]}]}"}
            bob < {"event":"pusher_internal:watchlist_events","data":"{\"events\":[{\"name\":\"offline\",\"user_ids\":[\"7\"]}]}"}
        "#]],
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
        expect![[r#"
            ann < {"event":"pusher:signin_success","data":{"user_data":"{\"id\":\"7\",\"watchlist\":[\"0\",\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\",\"12\",\"13\",\"14\",\"15\",\"16\",\"17\",\"18\",\"19\",\"20\",\"21\",\"22\",\"23\",\"24\",\"25\",\"26\",\"27\",\"28\",\"29\",\"30\",\"31\",\"32\",\"33\",\"34\",\"35\",\"36\",\"37\",\"38\",\"39\",\"40\",\"41\",\"42\",\"43\",\"44\",\"45\",\"46\",\"47\",\"48\",\"49\",\"50\",\"51\",\"52\",\"53\",\"54\",\"55\",\"56\",\"57\",\"58\",\"59\",\"60\",\"61\",\"62\",\"63\",\"64\",\"65\",\"66\",\"67\",\"68\",\"69\",\"70\",\"71\",\"72\",\"73\",\"74\",\"75\",\"76\",\"77\",\"78\",\"79\",\"80\",\"81\",\"82\",\"83\",\"84\",\"85\",\"86\",\"87\",\"88\",\"89\",\"90\",\"91\",\"92\",\"93\",\"94\",\"95\",\"96\",\"97\",\"98\",\"99\",\"100\"]}"}}
            ann note: refused with watchlist_limit: pusher:signin
            ann < {"event":"pusher:error","data":"{\"code\":4302,\"message\":\"The watchlist has more than 100 users; the first 100 count.\"}"}
            ann < {"event":"pusher_internal:watchlist_events","data":"{\"events\":[{\"name\":\"online\",\"user_ids\":[\"7\"]},{\"name\":\"offline\",\"user_ids\":[\"0\",\"1\",\"10\",\"11\",\"12\",\"13\",\"14\",\"15\",\"16\",\"17\",\"18\",\"19\",\"2\",\"20\",\"21\",\"22\",\"23\",\"24\",\"25\",\"26\",\"27\",\"28\",\"29\",\"3\",\"30\",\"31\",\"32\",\"33\",\"34\",\"35\",\"36\",\"37\",\"38\",\"39\",\"4\",\"40\",\"41\",\"42\",\"43\",\"44\",\"45\",\"46\",\"47\",\"48\",\"49\",\"5\",\"50\",\"51\",\"52\",\"53\",\"54\",\"55\",\"56\",\"57\",\"58\",\"59\",\"6\",\"60\",\"61\",\"62\",\"63\",\"64\",\"65\",\"66\",\"67\",\"68\",\"69\",\"70\",\"71\",\"72\",\"73\",\"74\",\"75\",\"76\",\"77\",\"78\",\"79\",\"8\",\"80\",\"81\",\"82\",\"83\",\"84\",\"85\",\"86\",\"87\",\"88\",\"89\",\"9\",\"90\",\"91\",\"92\",\"93\",\"94\",\"95\",\"96\",\"97\",\"98\",\"99\"]}]}"}
            ann < {"event":"pusher_internal:watchlist_events","data":"{\"events\":[{\"name\":\"online\",\"user_ids\":[\"99\"]}]}"}
            bob < {"event":"pusher:signin_success","data":{"user_data":"{\"id\":\"99\"}"}}
            cid < {"event":"pusher:signin_success","data":{"user_data":"{\"id\":\"100\"}"}}
        "#]],
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
        expect![[r#"
            ann < {"event":"pusher:signin_success","data":{"user_data":"{\"id\":\"7\",\"watchlist\":[\"8\"]}"}}
            bob < {"event":"pusher:signin_success","data":{"user_data":"{\"id\":\"8\"}"}}
        "#]],
    );
}
