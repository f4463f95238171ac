//! Pings, and connections that stay silent.

use expect_test::expect;
use resound_hub::app::AppOptions;
use resound_hub::time::Now;

use crate::{
    scene::{check_with, connect, control_frame, disconnect, publish, say, subscribe, wait},
    world::{Heard, World, app},
};

fn impatient() -> AppOptions {
    AppOptions { ping_interval_seconds: 10, activity_timeout_seconds: 3, ..AppOptions::default() }
}

#[test]
fn a_ping_is_answered() {
    check_with(
        impatient(),
        &[
            connect("ann"),
            say("ann", r#"{"event":"pusher:ping","data":{}}"#),
            say("ann", r#"{"event":"pusher:pong","data":{}}"#),
        ],
        expect![[r#"
            ann < {"event":"pusher:pong","data":"{}"}
        "#]],
    );
}

#[test]
fn a_silent_connection_is_asked_and_then_closed_also_without_subscription() {
    check_with(
        impatient(),
        &[connect("ann"), connect("bob"), subscribe("bob", "news"), wait(30)],
        expect![[r#"
            bob < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"news"}
            after 10 s
            ann < {"event":"pusher:ping","data":"{}"}
            bob < {"event":"pusher:ping","data":"{}"}
            after 13 s
            ann closed 4201 Pong reply not received in time
            bob closed 4201 Pong reply not received in time
        "#]],
    );
}

#[test]
fn a_long_activity_timeout_does_not_delay_the_ping_after_the_next_silence() {
    check_with(
        AppOptions {
            ping_interval_seconds: 2,
            activity_timeout_seconds: 50,
            ..AppOptions::default()
        },
        &[
            connect("ann"),
            wait(3),
            say("ann", r#"{"event":"pusher:pong","data":{}}"#),
            wait(3),
            control_frame("ann"),
            wait(3),
        ],
        expect![[r#"
            after 2 s
            ann < {"event":"pusher:ping","data":"{}"}
            after 2 s
            ann < {"event":"pusher:ping","data":"{}"}
            after 2 s
            ann < control ping
        "#]],
    );
}

#[test]
fn events_that_a_connection_gets_are_no_sign_of_its_life() {
    check_with(
        impatient(),
        &[connect("ann"), subscribe("ann", "news"), wait(9), publish("news", "e", "{}"), wait(4)],
        expect![[r#"
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"news"}
            ann < {"event":"e","channel":"news","data":"{}"}
            after 1 s
            ann < {"event":"pusher:ping","data":"{}"}
            after 4 s
            ann closed 4201 Pong reply not received in time
        "#]],
    );
}

#[test]
fn any_message_keeps_a_connection_alive() {
    check_with(
        impatient(),
        &[
            connect("ann"),
            wait(12),
            say("ann", r#"{"event":"pusher:pong","data":{}}"#),
            wait(12),
            say("ann", "no message at all"),
            wait(9),
            say("ann", r#"{"event":"pusher:ping"}"#),
            wait(13),
        ],
        expect![[r#"
            after 10 s
            ann < {"event":"pusher:ping","data":"{}"}
            after 10 s
            ann < {"event":"pusher:ping","data":"{}"}
            ann note: refused with invalid_message: the message or its data is not a JSON object
            ann < {"event":"pusher:error","data":"{\"code\":4200,\"message\":\"Invalid message format\"}"}
            ann < {"event":"pusher:pong","data":"{}"}
            after 10 s
            ann < {"event":"pusher:ping","data":"{}"}
            after 13 s
            ann closed 4201 Pong reply not received in time
        "#]],
    );
}

#[test]
fn a_client_that_sends_control_frames_is_asked_with_one_and_kept_alive_by_one() {
    check_with(
        impatient(),
        &[connect("ann"), control_frame("ann"), wait(12), control_frame("ann"), wait(13)],
        expect![[r#"
            after 10 s
            ann < control ping
            after 10 s
            ann < control ping
            after 13 s
            ann closed 4201 Pong reply not received in time
        "#]],
    );
}

#[test]
fn a_slots_next_connection_has_its_own_time() {
    check_with(
        impatient(),
        &[
            connect("ann"),
            wait(9),
            disconnect("ann"),
            connect("bob"),
            connect("cid"),
            connect("dee"),
            wait(14),
        ],
        expect![[r#"
            after 10 s
            bob < {"event":"pusher:ping","data":"{}"}
            cid < {"event":"pusher:ping","data":"{}"}
            dee < {"event":"pusher:ping","data":"{}"}
            after 13 s
            bob closed 4201 Pong reply not received in time
            cid closed 4201 Pong reply not received in time
            dee closed 4201 Pong reply not received in time
        "#]],
    );
}

#[test]
fn nobody_is_asked_a_part_of_a_second_before_the_time() {
    let mut world = World::new(1, [app(impatient())]);
    world.now = Now::from_micros(1_000_900_000);
    let client = world.connect(0, "key").expect("it is admitted");
    world.now = Now::from_seconds(1000);
    let asked = |world: &World| {
        world
            .client(client)
            .heard
            .iter()
            .any(|h| matches!(h, Heard::Frame(f) if f.contains("pusher:ping")))
    };
    (0..10).for_each(|_| world.pass_second());
    assert!(!asked(&world), "9.1 seconds of silence");
    world.pass_second();
    assert!(asked(&world));
}
