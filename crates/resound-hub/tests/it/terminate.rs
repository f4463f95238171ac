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
        expect![[r#"
            ann1 < {"event":"pusher:signin_success","data":{"user_data":"{\"id\":\"7\"}"}}
            ann2 < {"event":"pusher:signin_success","data":{"user_data":"{\"id\":\"7\"}"}}
            ann3 < {"event":"pusher:signin_success","data":{"user_data":"{\"id\":\"7\"}"}}
            bob < {"event":"pusher:signin_success","data":{"user_data":"{\"id\":\"8\",\"watchlist\":[\"7\"]}"}}
            bob < {"event":"pusher_internal:watchlist_events","data":"{\"events\":[{\"name\":\"online\",\"user_ids\":[\"7\"]}]}"}
            ann1 note: refused with terminated: terminate_connections
            ann1 < {"event":"pusher:error","data":"{\"code\":4009,\"message\":\"You got disconnected by the app.\"}"}
            ann1 closed 4009 You got disconnected by the app.
            ann2 note: refused with terminated: terminate_connections
            ann2 < {"event":"pusher:error","data":"{\"code\":4009,\"message\":\"You got disconnected by the app.\"}"}
            ann2 closed 4009 You got disconnected by the app.
            ann3 note: refused with terminated: terminate_connections
            ann3 < {"event":"pusher:error","data":"{\"code\":4009,\"message\":\"You got disconnected by the app.\"}"}
            ann3 closed 4009 You got disconnected by the app.
            bob < {"event":"pusher_internal:watchlist_events","data":"{\"events\":[{\"name\":\"offline\",\"user_ids\":[\"7\"]}]}"}
        "#]],
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
        expect![[r#"
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[7],\"hash\":{\"7\":null},\"count\":1}}","channel":"presence-a"}
            tab < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[7],\"hash\":{\"7\":null},\"count\":1}}","channel":"presence-a"}
            ann < {"event":"pusher_internal:member_added","data":"{\"user_id\":\"8\"}","channel":"presence-a"}
            tab < {"event":"pusher_internal:member_added","data":"{\"user_id\":\"8\"}","channel":"presence-a"}
            bob < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[7,\"8\"],\"hash\":{\"7\":null,\"8\":null},\"count\":2}}","channel":"presence-a"}
            guest < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"news"}
            ann note: refused with terminated: terminate_connections
            ann < {"event":"pusher:error","data":"{\"code\":4009,\"message\":\"You got disconnected by the app.\"}"}
            ann closed 4009 You got disconnected by the app.
            tab note: refused with terminated: terminate_connections
            tab < {"event":"pusher:error","data":"{\"code\":4009,\"message\":\"You got disconnected by the app.\"}"}
            tab closed 4009 You got disconnected by the app.
            bob < {"event":"pusher_internal:member_removed","data":"{\"user_id\":7}","channel":"presence-a"}
            bob < {"event":"e","channel":"presence-a","data":"{}"}
        "#]],
    );
}
