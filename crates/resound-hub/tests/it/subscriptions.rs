//! Subscribing and unsubscribing.

use expect_test::expect;
use resound_hub::app::AppOptions;

use crate::scene::{
    check, check_on_two_shards, check_with, connect, disconnect, hold, join, publish,
    publish_except, release, say, sign_in, subscribe, unsubscribe,
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
        expect![[r#"
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"news"}
            bob < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"news"}
            ann < {"event":"App\\Events\\Shipped","channel":"news","data":"{\"n\":1}"}
            bob < {"event":"App\\Events\\Shipped","channel":"news","data":"{\"n\":1}"}
            bob < {"event":"to-others","channel":"news","data":"{}"}
        "#]],
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
        expect![[r#"
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"private-orders.7"}
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"private-encrypted-a"}
            ann < {"event":"shipped","channel":"private-orders.7","data":"{}"}
            ann < {"event":"secret","channel":"private-encrypted-a","data":"{\"nonce\":\"n\",\"ciphertext\":\"c\"}"}
        "#]],
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
        expect![[r#"
            ann note: no subscription to private-a: no auth was given
            ann < {"event":"pusher:error","data":"{\"code\":4009,\"message\":\"Connection is unauthorized\"}"}
            ann < {"event":"pusher:subscription_error","channel":"private-a","data":"{\"type\":\"AuthError\",\"error\":\"no auth was given\",\"status\":401}"}
            ann note: no subscription to private-a: the auth is not of the form key:signature, with 64 lower-case hex digits
            ann < {"event":"pusher:error","data":"{\"code\":4009,\"message\":\"Connection is unauthorized\"}"}
            ann < {"event":"pusher:subscription_error","channel":"private-a","data":"{\"type\":\"AuthError\",\"error\":\"the auth is not of the form key:signature, with 64 lower-case hex digits\",\"status\":401}"}
            ann note: no subscription to private-a: the auth names the key of another app
            ann < {"event":"pusher:error","data":"{\"code\":4009,\"message\":\"Connection is unauthorized\"}"}
            ann < {"event":"pusher:subscription_error","channel":"private-a","data":"{\"type\":\"AuthError\",\"error\":\"the auth names the key of another app\",\"status\":401}"}
            ann note: no subscription to private-a: the signature does not match: another secret, socket id, channel or channel_data was signed
            ann < {"event":"pusher:error","data":"{\"code\":4009,\"message\":\"Connection is unauthorized\"}"}
            ann < {"event":"pusher:subscription_error","channel":"private-a","data":"{\"type\":\"AuthError\",\"error\":\"the signature does not match: another secret, socket id, channel or channel_data was signed\",\"status\":401}"}
        "#]],
    );
}

#[test]
fn channel_data_of_a_private_channel_may_be_signed() {
    check(
        &[connect("ann"), join("ann", "private-a", r#"{"n":1}"#)],
        expect![[r#"
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"private-a"}
        "#]],
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
        expect![[r##"
            ann note: no subscription to : a channel name must not be empty
            ann < {"event":"pusher:error","data":"{\"code\":4009,\"message\":\"a channel name must not be empty\"}"}
            ann < {"event":"pusher:subscription_error","channel":"","data":"{\"type\":\"InvalidChannel\",\"error\":\"a channel name must not be empty\",\"status\":4009}"}
            ann note: no subscription to a b: a channel name has only letters, digits and _-=@,.; but this one has ' '
            ann < {"event":"pusher:error","data":"{\"code\":4009,\"message\":\"a channel name has only letters, digits and _-=@,.; but this one has ' '\"}"}
            ann < {"event":"pusher:subscription_error","channel":"a b","data":"{\"type\":\"InvalidChannel\",\"error\":\"a channel name has only letters, digits and _-=@,.; but this one has ' '\",\"status\":4009}"}
            ann note: no subscription to #secret: a channel name has only letters, digits and _-=@,.; but this one has '#'
            ann < {"event":"pusher:error","data":"{\"code\":4009,\"message\":\"a channel name has only letters, digits and _-=@,.; but this one has '#'\"}"}
            ann < {"event":"pusher:subscription_error","channel":"#secret","data":"{\"type\":\"InvalidChannel\",\"error\":\"a channel name has only letters, digits and _-=@,.; but this one has '#'\",\"status\":4009}"}
            ann note: no subscription to 12345678901: the channel name has 11 characters, the limit is 10 (max_channel_name_length)
            ann < {"event":"pusher:error","data":"{\"code\":4009,\"message\":\"the channel name has 11 characters, the limit is 10 (max_channel_name_length)\"}"}
            ann < {"event":"pusher:subscription_error","channel":"12345678901","data":"{\"type\":\"InvalidChannel\",\"error\":\"the channel name has 11 characters, the limit is 10 (max_channel_name_length)\",\"status\":4009}"}
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"1234567890"}
        "##]],
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
        expect![[r#"
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"news"}
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"news"}
            ann < {"event":"once","channel":"news","data":"{}"}
        "#]],
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
        expect![[r#"
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"news"}
            bob < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"news"}
            bob < {"event":"still","channel":"news","data":"{}"}
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"news"}
            ann < {"event":"again","channel":"news","data":"{}"}
            bob < {"event":"again","channel":"news","data":"{}"}
        "#]],
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
        expect![[r#"
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"news"}
            bob < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"news"}
            cid < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"news"}
            bob < {"event":"for-bob-and-cid","channel":"news","data":"{}"}
            cid < {"event":"for-bob-and-cid","channel":"news","data":"{}"}
        "#]],
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
        expect![[r##"
            ann < {"event":"pusher:signin_success","data":{"user_data":"{\"id\":\"7\"}"}}
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"#server-to-user-7"}
            ann note: no subscription to #server-to-user-8: Only a connection that is signed in as this user may subscribe (pusher.signin())
            ann < {"event":"pusher:error","data":"{\"code\":4009,\"message\":\"Connection is unauthorized\"}"}
            ann < {"event":"pusher:subscription_error","channel":"#server-to-user-8","data":"{\"type\":\"AuthError\",\"error\":\"Only a connection that is signed in as this user may subscribe (pusher.signin())\",\"status\":401}"}
            bob note: no subscription to #server-to-user-7: Only a connection that is signed in as this user may subscribe (pusher.signin())
            bob < {"event":"pusher:error","data":"{\"code\":4009,\"message\":\"Connection is unauthorized\"}"}
            bob < {"event":"pusher:subscription_error","channel":"#server-to-user-7","data":"{\"type\":\"AuthError\",\"error\":\"Only a connection that is signed in as this user may subscribe (pusher.signin())\",\"status\":401}"}
            ann < {"event":"note","channel":"#server-to-user-7","data":"{}"}
        "##]],
    );
}

/// On two shards `ann` is on shard 0, and this channel belongs to shard 1.
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
        expect![[""]],
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
        expect![[r#"
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"far-1"}
            ann < {"event":"once","channel":"far-1","data":"{}"}
        "#]],
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
        expect![[""]],
    );
}
