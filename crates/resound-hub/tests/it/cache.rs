//! Cache channels.

use expect_test::expect;
use resound_hub::app::AppOptions;

use crate::{
    scene::{
        check, check_with, connect, join, publish, publish_except, subscribe, unsubscribe, wait,
        whisper,
    },
    world::{World, app},
};

#[test]
fn the_last_published_event_comes_after_the_confirmation() {
    check(
        &[
            connect("ann"),
            connect("bob"),
            subscribe("ann", "cache-a"),
            publish("cache-a", "price", r#"{"n":1}"#),
            publish("cache-a", "price", r#"{"n":2}"#),
            subscribe("bob", "cache-a"),
            subscribe("bob", "cache-a"),
        ],
        expect![[r#"
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"cache-a"}
            ann < {"event":"pusher:cache_miss","channel":"cache-a"}
            ann < {"event":"price","channel":"cache-a","data":"{\"n\":1}"}
            ann < {"event":"price","channel":"cache-a","data":"{\"n\":2}"}
            bob < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"cache-a"}
            bob < {"event":"price","channel":"cache-a","data":"{\"n\":2}"}
            bob < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"cache-a"}
            bob < {"event":"price","channel":"cache-a","data":"{\"n\":2}"}
        "#]],
    );
}

#[test]
fn an_event_is_remembered_without_subscribers_and_past_the_last_of_them() {
    check(
        &[
            publish("cache-a", "price", "{}"),
            connect("ann"),
            subscribe("ann", "cache-a"),
            unsubscribe("ann", "cache-a"),
            subscribe("ann", "cache-a"),
        ],
        expect![[r#"
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"cache-a"}
            ann < {"event":"price","channel":"cache-a","data":"{}"}
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"cache-a"}
            ann < {"event":"price","channel":"cache-a","data":"{}"}
        "#]],
    );
}

#[test]
fn who_was_excepted_gets_the_remembered_event_all_the_same() {
    check(
        &[
            connect("ann"),
            publish_except("ann", "cache-a", "price", "{}"),
            subscribe("ann", "cache-a"),
        ],
        expect![[r#"
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"cache-a"}
            ann < {"event":"price","channel":"cache-a","data":"{}"}
        "#]],
    );
}

#[test]
fn all_kinds_of_cache_channels_remember() {
    check(
        &[
            connect("ann"),
            publish("private-cache-a", "price", "{}"),
            publish("private-encrypted-cache-a", "price", "{}"),
            publish("presence-cache-a", "price", "{}"),
            publish("cachewarm", "price", "{}"),
            subscribe("ann", "private-cache-a"),
            subscribe("ann", "private-encrypted-cache-a"),
            join("ann", "presence-cache-a", r#"{"user_id":"7"}"#),
            subscribe("ann", "cachewarm"),
        ],
        expect![[r#"
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"private-cache-a"}
            ann < {"event":"price","channel":"private-cache-a","data":"{}"}
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"private-encrypted-cache-a"}
            ann < {"event":"price","channel":"private-encrypted-cache-a","data":"{}"}
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[\"7\"],\"hash\":{\"7\":null},\"count\":1}}","channel":"presence-cache-a"}
            ann < {"event":"price","channel":"presence-cache-a","data":"{}"}
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"cachewarm"}
        "#]],
    );
}

#[test]
fn an_event_is_forgotten_when_its_time_is_over_and_a_newer_one_has_its_own_time() {
    check_with(
        AppOptions { cache_seconds: 10, ..AppOptions::default() },
        &[
            connect("ann"),
            publish("cache-a", "price", "{}"),
            wait(6),
            publish("cache-a", "price", r#"{"n":2}"#),
            wait(9),
            subscribe("ann", "cache-a"),
            unsubscribe("ann", "cache-a"),
            wait(1),
            subscribe("ann", "cache-a"),
        ],
        expect![[r#"
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"cache-a"}
            ann < {"event":"price","channel":"cache-a","data":"{\"n\":2}"}
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"cache-a"}
            ann < {"event":"pusher:cache_miss","channel":"cache-a"}
        "#]],
    );
}

#[test]
fn client_events_are_not_remembered() {
    check(
        &[
            connect("ann"),
            connect("bob"),
            subscribe("ann", "private-cache-a"),
            whisper("ann", "private-cache-a", "client-a"),
            subscribe("bob", "private-cache-a"),
        ],
        expect![[r#"
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"private-cache-a"}
            ann < {"event":"pusher:cache_miss","channel":"private-cache-a"}
            bob < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"private-cache-a"}
            bob < {"event":"pusher:cache_miss","channel":"private-cache-a"}
        "#]],
    );
}

#[test]
fn the_owner_answers_what_is_remembered_and_for_how_long() {
    let mut world = World::new(3, [app(AppOptions { cache_seconds: 10, ..AppOptions::default() })]);
    world.publish(1, "cache-a", "price", r#"{"n":1}"#, None);
    world.settle();
    world.pass_second();
    let info =
        |world: &World| world.owner("cache-a").channel(world.app().number(), "cache-a", world.now);
    let cached = info(&world).cached.expect("it remembers");
    assert_eq!((&*cached.data_json, cached.ttl_seconds), (r#""{\"n\":1}""#, 9));
    assert_eq!(world.owner("cache-a").channels(world.app().number(), "").count(), 0);
    (0..9).for_each(|_| world.pass_second());
    assert_eq!(info(&world).cached, None);
    world.empty(|| 0);
}
