//! What the server says of itself.

use serde_json::Value;

use crate::{client::error, server::Server, settings::Settings};

#[test]
fn every_line_is_a_json_object_with_time_level_and_message() {
    let mut server = Server::start_with(&Settings::default(), &["--debug"]);
    let mut client = server.connect();
    client.send("line\nbreaks \u{1b}[31m and \"quotes\"");
    client.expect(error(4200, "Invalid message format"));
    server.query("/nothing", &[]);
    server.get("/apps/1001/channels");
    drop(client);
    server.wait_until_empty();
    server.stop(rustix::process::Signal::TERM);
    let lines = server.log.lines();
    assert!(lines.len() > 5);
    for line in &lines {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        for field in ["timestamp", "level", "message"] {
            assert!(event[field].is_string(), "{line}");
        }
    }
}

#[test]
fn the_listening_line_tells_where_and_how_many() {
    let server = Server::start(&Settings::server("shards = 3\nmax_connections = 77"));
    let line = server.log.wait_for("listening");
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["address"], server.address.to_string());
    assert_eq!(line["shards"], 3);
    assert_eq!(line["connections_max"], 77);
}

#[test]
fn with_debug_every_message_is_shown_with_its_direction_and_connection() {
    let server = Server::start_with(&Settings::default(), &["--debug"]);
    let mut client = server.connect();
    client.subscribe("news");
    server.publish("news", "e", "x");
    client.text();
    let id = client.socket_id.clone();
    let find = |what: &str, direction: &str, text: &str| {
        server.log.wait_for_event(what, |event| {
            let is_about = event["connection"] == id.as_str();
            let line = event.to_string();
            is_about && event["direction"] == direction && line.contains(text)
        })
    };
    let received = find("the subscription", "in", "pusher:subscribe");
    assert_eq!((&received["app"], &received["level"]), (&"1001".into(), &"DEBUG".into()));
    find("the greeting", "out", "connection_established");
    find("the confirmation", "out", "subscription_succeeded");
    let sent = find("the event", "out", r#"{\"event\":\"e\",\"channel\":\"news\",\"data\":\"x\"}"#);
    assert_eq!((&sent["message"], &sent["channel"]), (&"message sent".into(), &"news".into()));
    let published = server.log.wait_for("published");
    assert_eq!((&published["app"], &published["level"]), (&"1001".into(), &"DEBUG".into()));
    server.log.wait_for_event("the subscription's fact", |event| {
        event["message"] == "subscribed"
            && event["connection"] == id.as_str()
            && event["channel"] == "news"
    });
    drop(client);
    server.log.wait_for_event("the end", |event| {
        event["message"] == "disconnected" && event["connection"] == id.as_str()
    });
}

#[test]
fn without_debug_no_message_is_shown_but_refusals_are() {
    let server = Server::default();
    let mut client = server.connect();
    client.subscribe("news");
    client.send(crate::client::subscription("private-a"));
    client.text();
    client.text();
    let refused = server.log.wait_for("subscription refused");
    assert_eq!(refused["connection"], client.socket_id.as_str());
    assert_eq!(refused["channel"], "private-a");
    assert_eq!(refused["reason"], "no auth was given");
    assert_eq!(refused["app"], "1001");
    server.get("/apps/1001/channels");
    let refused = server.log.wait_for("request refused");
    assert_eq!(refused["path"], "/apps/1001/channels");
    assert!(server.log.events().iter().all(|event| event["level"] != "DEBUG"));
}

#[test]
fn no_line_holds_the_secret() {
    let settings = Settings::default().with_app("2", "other-key", "hunter2-hunter2", "");
    let mut server = Server::start_with(&settings, &["--debug"]);
    server.connect_to("other-key").subscribe("news");
    server.get("/apps/2/channels?auth_key=x&auth_timestamp=1&auth_version=1.0&auth_signature=0");
    server.stop(rustix::process::Signal::TERM);
    assert!(!server.log.lines().join("\n").contains("hunter2"));
}
