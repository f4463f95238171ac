//! Subscribing and unsubscribing.

use expect_test::expect;
use resound_hub::app::AppOptions;

use crate::scene::{
    check, check_on_two_shards, check_with, connect, disconnect, hold, publish, publish_except, release,
    say, sign_in, subscribe, unsubscribe,
};

#[test]
fn a_public_channel_is_open_to_everybody() {
    check(
        &[
            connect("ann"),
            connect("bob"),
            connect("cid"),
            subscribe("ann", "news"),
            say("bob", r#"{"event":"pusher:subscribe","data":{"channel":"news"}}"#),
            publish("news", "App\\Events\\Shipped", r#"{"n":1}"#),
            publish("weather", "rain", "{}"),
            publish_except("ann", "news", "to-others", "{}"),
        ],
        expect![[]],
    );
}

#[test]
fn private_channels_are_open_to_those_whom_the_application_signed() {
    check(
        &[
            connect("ann"),
            subscribe("ann", "private-orders.7"),
            subscribe("ann", "private-encrypted-a"),
            publish("private-orders.7", "shipped", "{}"),
            publish("private-encrypted-a", "secret", r#"{"nonce":"n","ciphertext":"c"}"#),
        ],
        expect![[]],
    );
}

#[test]
fn a_wrong_signature_gets_both_errors_and_the_log_gets_the_reason() {
    let subscribe = |auth: &str| {
        let data = format!(r#"{{"channel":"private-a","auth":"{auth}"}}"#);
        say("ann", &format!(r#"{{"event":"pusher:subscribe","data":{data}}}"#))
    };
    let digits = "0".repeat(64);
    check(
        &[
            connect("ann"),
            subscribe(""),
            subscribe("key:short"),
            subscribe(&format!("other:{digits}")),
            subscribe(&format!("key:{digits}")),
            publish("private-a", "e", "{}"),
        ],
        expect![[]],
    );
}

#[test]
fn channel_data_on_a_private_channel_may_be_signed_or_not() {
    check(
        &[connect("ann"), crate::scene::join("ann", "private-a", r#"{"n":1}"#)],
        expect![[]],
    );
}

#[test]
fn names_that_no_channel_has_are_refused() {
    let subscribe = |channel: &str| {
        say("ann", &format!(r#"{{"event":"pusher:subscribe","data":{{"channel":"{channel}"}}}}"#))
    };
    check_with(
        AppOptions { channel_name_max: 10, ..AppOptions::default() },
        &[
            connect("ann"),
            subscribe(""),
            subscribe("a b"),
            subscribe("#secret"),
            subscribe("12345678901"),
            subscribe("1234567890"),
        ],
        expect![[]],
    );
}

#[test]
fn subscribing_twice_is_confirmed_twice_and_counts_once() {
    check(
        &[
            connect("ann"),
            subscribe("ann", "news"),
            subscribe("ann", "news"),
            publish("news", "once", "{}"),
            unsubscribe("ann", "news"),
            publish("news", "never", "{}"),
        ],
        expect![[]],
    );
}

#[test]
fn unsubscribing_twice_is_harmless() {
    check(
        &[
            connect("ann"),
            connect("bob"),
            subscribe("ann", "news"),
            subscribe("bob", "news"),
            unsubscribe("ann", "news"),
            unsubscribe("ann", "news"),
            unsubscribe("ann", "never-joined"),
            unsubscribe("ann", "not a name"),
            publish("news", "still", "{}"),
            subscribe("ann", "news"),
            publish("news", "again", "{}"),
        ],
        expect![[]],
    );
}

#[test]
fn nobody_gets_events_of_a_channel_after_the_connection_is_gone() {
    check(
        &[
            connect("ann"),
            connect("bob"),
            connect("cid"),
            subscribe("ann", "news"),
            subscribe("bob", "news"),
            subscribe("cid", "news"),
            disconnect("ann"),
            connect("dee"),
            publish("news", "for-bob-and-cid", "{}"),
        ],
        expect![[]],
    );
}

#[test]
fn a_users_channel_is_open_to_connections_that_are_signed_in_as_the_user() {
    check(
        &[
            connect("ann"),
            connect("bob"),
            sign_in("ann", r#"{"id":"7"}"#),
            subscribe("ann", "#server-to-user-7"),
            subscribe("ann", "#server-to-user-8"),
            subscribe("bob", "#server-to-user-7"),
            publish("#server-to-user-7", "note", "{}"),
        ],
        expect![[]],
    );
}

/// On two shards `ann` is on shard 0 and `far-1` belongs to shard 1.
const FAR: &str = "far-1";

#[test]
fn a_subscription_given_up_before_it_was_confirmed_leaves_nothing() {
    check_on_two_shards(
        AppOptions::default(),
        &[
            connect("ann"),
            hold(),
            subscribe("ann", FAR),
            unsubscribe("ann", FAR),
            release(),
            publish(FAR, "never", "{}"),
        ],
        expect![[]],
    );
}

#[test]
fn a_confirmation_is_not_taken_for_that_of_a_later_subscription() {
    check_on_two_shards(
        AppOptions::default(),
        &[
            connect("ann"),
            hold(),
            subscribe("ann", FAR),
            subscribe("ann", FAR),
            unsubscribe("ann", FAR),
            subscribe("ann", FAR),
            release(),
            publish(FAR, "once", "{}"),
        ],
        expect![[]],
    );
}

#[test]
fn a_slots_next_connection_gets_nothing_of_the_former_one() {
    check_on_two_shards(
        AppOptions::default(),
        &[
            connect("ann"),
            connect("bob"),
            hold(),
            subscribe("ann", FAR),
            disconnect("ann"),
            connect("cid"),
            release(),
            publish(FAR, "never", "{}"),
        ],
        expect![[]],
    );
}
