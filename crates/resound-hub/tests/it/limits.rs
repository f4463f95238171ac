//! How often a connection may speak, and how much it may have.

use expect_test::expect;
use resound_hub::app::{AppOptions, RateLimit};

use crate::scene::{check_with, connect, say, subscribe, unsubscribe, wait};

fn limited(terminate_on_limit: bool) -> AppOptions {
    let rate_limit = Some(RateLimit { max_attempts: 2, decay_seconds: 5, terminate_on_limit });
    AppOptions { rate_limit, ..AppOptions::default() }
}

fn ping() -> crate::scene::Step {
    say("ann", r#"{"event":"pusher:ping"}"#)
}

#[test]
fn messages_over_reverbs_limit_are_refused_until_the_window_ends() {
    check_with(
        limited(false),
        &[
            connect("ann"),
            ping(),
            say("ann", "x"),
            ping(),
            subscribe("ann", "news"),
            wait(5),
            ping(),
        ],
        expect![[r#"
            ann < {"event":"pusher:pong","data":"{}"}
            ann note: refused with invalid_message: the message or its data is not a JSON object
            ann < {"event":"pusher:error","data":"{\"code\":4200,\"message\":\"Invalid message format\"}"}
            ann note: refused with rate_limit: rate_limiting
            ann < {"event":"pusher:error","data":"{\"code\":4301,\"message\":\"Rate limit exceeded\"}"}
            ann note: refused with rate_limit: rate_limiting
            ann < {"event":"pusher:error","data":"{\"code\":4301,\"message\":\"Rate limit exceeded\"}"}
            ann < {"event":"pusher:pong","data":"{}"}
        "#]],
    );
}

#[test]
fn reverbs_limit_can_end_the_connection() {
    check_with(
        limited(true),
        &[connect("ann"), subscribe("ann", "news"), ping(), ping(), ping()],
        expect![[r#"
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"news"}
            ann < {"event":"pusher:pong","data":"{}"}
            ann note: refused with rate_limit: rate_limiting
            ann < {"event":"pusher:error","data":"{\"code\":4301,\"message\":\"Rate limit exceeded\"}"}
            ann closed 4301 Rate limit exceeded
        "#]],
    );
}

#[test]
fn a_connection_has_a_limited_number_of_channels() {
    check_with(
        AppOptions { channels_per_connection_max: 2, ..AppOptions::default() },
        &[
            connect("ann"),
            subscribe("ann", "a"),
            subscribe("ann", "b"),
            subscribe("ann", "c"),
            subscribe("ann", "b"),
            unsubscribe("ann", "a"),
            subscribe("ann", "c"),
        ],
        expect![[r#"
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"a"}
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"b"}
            ann note: no subscription to c: The connection is in 2 channels already (max_channels_per_connection)
            ann < {"event":"pusher:error","data":"{\"code\":4100,\"message\":\"The connection is in 2 channels already (max_channels_per_connection)\"}"}
            ann < {"event":"pusher:subscription_error","channel":"c","data":"{\"type\":\"LimitReached\",\"error\":\"The connection is in 2 channels already (max_channels_per_connection)\",\"status\":4100}"}
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"b"}
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"c"}
        "#]],
    );
}
