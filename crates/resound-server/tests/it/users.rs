//! Sign-in, events to a user, watchlists. (Experiment E7: Reverb knows none of it.)

use serde_json::json;

use crate::{
    client::{data, error, subscription},
    server::Server,
};

#[test]
fn a_signed_in_user_gets_their_events_and_nobody_else_can_subscribe_to_them() {
    let server = Server::default();
    let [mut ann, mut tab, mut eve] = [server.connect(), server.connect(), server.connect()];
    let channel = "#server-to-user-ann";
    for client in [&mut ann, &mut tab] {
        client.sign_in(r#"{"id":"ann"}"#);
        client.subscribe(channel);
    }
    eve.sign_in(r#"{"id":"eve"}"#);
    eve.send(subscription(channel));
    eve.expect(error(4009, "Connection is unauthorized"));
    assert!(eve.text().starts_with(r##"{"event":"pusher:subscription_error","channel":"##));
    server.publish(channel, "note", "{\"n\":1}");
    for client in [&mut ann, &mut tab] {
        client.expect(r##"{"event":"note","channel":"#server-to-user-ann","data":"{\"n\":1}"}"##);
    }
    eve.expect_pong();
}

#[test]
fn a_wrong_sign_in_ends_the_connection_and_a_second_user_does_not() {
    let server = Server::default();
    let mut client = server.connect();
    let auth = format!("resound-key:{}", "0".repeat(64));
    let data = json!({ "auth": auth, "user_data": r#"{"id":"ann"}"# });
    client.send(json!({ "event": "pusher:signin", "data": data }).to_string());
    client.expect(error(4009, "Connection not authorized."));
    client.expect_close(4009, "Connection not authorized.");

    let mut client = server.connect();
    client.sign_in(r#"{"id":"ann"}"#);
    client.sign_in(r#"{"id":"ann"}"#);
    client.ask_to_sign_in(r#"{"id":"bob"}"#);
    client.expect(error(4009, "Connection not authorized."));
    client.expect_pong();
}

#[test]
fn watchers_hear_who_comes_and_goes() {
    let server = Server::default();
    let [mut ann, mut bob] = [server.connect(), server.connect()];
    ann.sign_in(r#"{"id":"ann","watchlist":["bob"]}"#);
    let mut expect = |name: &str| {
        let message = serde_json::from_str(&ann.text()).expect("JSON");
        let events = json!({ "events": [{ "name": name, "user_ids": ["bob"] }] });
        assert_eq!(data(&message), events);
    };
    expect("offline");
    bob.sign_in(r#"{"id":"bob"}"#);
    expect("online");
    drop(bob);
    expect("offline");
}
