//! Subscriptions and client events.

use serde_json::{Value, json};

use crate::{
    client::{Client, error, subscription, succeeded},
    server::Server,
    settings::Settings,
};

/// Checks both messages of a refused subscription.
#[track_caller]
fn check_refused(client: &mut Client, channel: &str, code: u16, kind: (&str, u16), reason: &str) {
    let message = if kind.0 == "AuthError" { "Connection is unauthorized" } else { reason };
    client.expect(error(code, message));
    let (kind, status) = kind;
    let reason = Value::from(reason);
    let data = json!(format!(r#"{{"type":"{kind}","error":{reason},"status":{status}}}"#));
    let channel = Value::from(channel);
    client.expect(format!(
        r#"{{"event":"pusher:subscription_error","channel":{channel},"data":{data}}}"#
    ));
}

#[test]
fn subscribing_twice_and_leaving_twice_is_harmless() {
    let server = Server::default();
    let mut client = server.connect();
    client.unsubscribe("news");
    client.subscribe("news");
    client.subscribe("news");
    server.publish("news", "once", "{}");
    client.expect(r#"{"event":"once","channel":"news","data":"{}"}"#);
    client.unsubscribe("news");
    client.unsubscribe("news");
    client.subscribe("other");
    server.publish("news", "lost", "{}");
    server.publish("other", "next", "{}");
    client.expect(r#"{"event":"next","channel":"other","data":"{}"}"#);
}

#[test]
fn private_channels_of_every_kind_need_the_applications_signature() {
    let server = Server::default();
    let mut client = server.connect();
    for channel in ["private-a", "private-encrypted-a", "presence-a", "private-cache-a"] {
        client.send(subscription(channel));
        check_refused(&mut client, channel, 4009, ("AuthError", 401), "no auth was given");
    }
    for (auth, reason) in [
        ("other-key:00", "the auth names the key of another app"),
        (
            "resound-key:00",
            "the auth is not of the form key:signature, with 64 lower-case hex digits",
        ),
        (
            &*format!("resound-key:{}", "0".repeat(64)),
            "the signature does not match: another secret, socket id, channel or channel_data was \
             signed",
        ),
    ] {
        let data = json!({ "channel": "private-a", "auth": auth });
        client.send(json!({ "event": "pusher:subscribe", "data": data }).to_string());
        check_refused(&mut client, "private-a", 4009, ("AuthError", 401), reason);
    }
    client.subscribe_private("private-a");
    client.subscribe_private("private-encrypted-a");
}

#[test]
fn names_that_no_channel_has_are_refused() {
    let server = Server::default();
    let mut client = server.connect();
    let odd = "a channel name has only letters, digits and _-=@,.; but this one has";
    let long = "x".repeat(201);
    for (channel, reason) in [
        ("", "a channel name must not be empty".to_owned()),
        ("a b", format!("{odd} ' '")),
        ("news/1", format!("{odd} '/'")),
        ("Zoë", format!("{odd} 'ë'")),
        ("#news", format!("{odd} '#'")),
        (
            &*long,
            "the channel name has 201 characters, the limit is 200 (max_channel_name_length)"
                .to_owned(),
        ),
    ] {
        client.send(subscription(channel));
        check_refused(&mut client, channel, 4009, ("InvalidChannel", 4009), &reason);
    }
    client.subscribe(&"x".repeat(200));
    client.subscribe("a_-=@,.;B9");
}

#[test]
fn client_events_reach_the_others_with_their_data_untouched() {
    let server = Server::default();
    let [mut ann, mut bob] = [server.connect(), server.connect()];
    ann.join("presence-a", "ann");
    bob.join("presence-a", "bob");
    ann.text(); // bob has come
    for data in ["{ \"n\" : 1.0 }", "[]", "{}", "\"\\u2028\\/\"", "5e300", "false"] {
        let extra = r#""user_id":"forged","more":1"#;
        ann.send(format!(r#"{{"event":"client-a","channel":"presence-a","data":{data},{extra}}}"#));
        bob.expect(format!(
            r#"{{"event":"client-a","channel":"presence-a","data":{data},"user_id":"ann"}}"#
        ));
    }
    ann.send(r#"{"event":"client-b","channel":"presence-a"}"#);
    bob.expect(r#"{"event":"client-b","channel":"presence-a","user_id":"ann"}"#);
    bob.send(r#"{"event":"client-c","channel":"presence-a","data":{}}"#);
    ann.expect(r#"{"event":"client-c","channel":"presence-a","data":{},"user_id":"bob"}"#);
}

#[test]
fn client_events_are_refused_to_who_may_not_send_them() {
    let server = Server::default();
    let mut client = server.connect();
    client.subscribe("news");
    for (text, code, message) in [
        (
            r#"{"event":"client-a","channel":"private-a","data":{}}"#,
            4009,
            "The client is not a member of the specified channel.",
        ),
        (
            r#"{"event":"client-a","channel":"news","data":{}}"#,
            4009,
            "Client events are accepted on private and presence channels only.",
        ),
        (
            r#"{"event":"other","channel":"news","data":{}}"#,
            4301,
            "The name of a client event begins with client-",
        ),
    ] {
        client.send(text);
        client.expect(error(code, message));
    }

    let server = Server::start(&Settings::app(r#"accept_client_events_from = "none""#));
    let mut client = server.connect();
    client.subscribe_private("private-a");
    client.send(r#"{"event":"client-a","channel":"private-a","data":{}}"#);
    client.expect(error(4301, "The app does not have client messaging enabled."));

    let server = Server::start(&Settings::app("max_client_events_per_second = 1"));
    let mut client = server.connect();
    client.subscribe_private("private-a");
    for _ in 0..2 {
        client.send(r#"{"event":"client-a","channel":"private-a","data":{}}"#);
    }
    client.expect(error(4301, "The rate limit for sending client events exceeded the quota."));
    client.expect_pong();
}

#[test]
fn with_all_everybody_may_send_client_events_to_every_channel() {
    let server = Server::start(&Settings::app(r#"accept_client_events_from = "all""#));
    let [mut outside, mut inside] = [server.connect(), server.connect()];
    inside.subscribe("news");
    outside.send(r#"{"event":"client-a","channel":"news","data":1}"#);
    inside.expect(r#"{"event":"client-a","channel":"news","data":1}"#);
}

#[test]
fn subscribers_are_counted_if_the_app_wants_it() {
    let server = Server::start(&Settings::app("subscription_count = true"));
    let count = |count: u32| {
        format!(
            r#"{{"event":"pusher_internal:subscription_count","data":"{{\"subscription_count\":{count}}}","channel":"news"}}"#
        )
    };
    let [mut first, mut second] = [server.connect(), server.connect()];
    first.send(subscription("news"));
    first.expect(succeeded("news"));
    first.expect(count(1));
    second.send(subscription("news"));
    second.expect(succeeded("news"));
    second.expect(count(2));
    first.expect(count(2));
    drop(second);
    first.expect(count(1));
}

#[test]
fn a_presence_channel_has_no_more_users_than_allowed() {
    let server = Server::start(&Settings::app("max_presence_members = 1"));
    let [mut ann, mut bob, mut tab] = [server.connect(), server.connect(), server.connect()];
    ann.join("presence-a", "ann");
    tab.join("presence-a", "ann");
    bob.ask_to_subscribe("presence-a", Some(r#"{"user_id":"bob"}"#));
    let reason = "The channel has as many members as it may have, 1 (max_presence_members)";
    check_refused(&mut bob, "presence-a", 4100, ("LimitReached", 4100), reason);
    drop([ann, tab]);
    server.wait_for_channels("{}");
    bob.join("presence-a", "bob");
}
