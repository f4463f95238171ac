//! The path to a WebSocket, and the greeting.

use crate::{
    client::{Client, SWITCHING, handshake},
    server::Server,
    settings::Settings,
};

#[test]
fn the_handshake_is_answered_and_the_greeting_is_the_first_message() {
    let server = Server::default();
    let mut client = server.open("/app/resound-key?protocol=7&client=js&version=8.6.0&flash=false");
    assert_eq!(client.response, format!("{SWITCHING}\r\n"));
    let greeting = client.text();
    let inner = greeting
        .strip_prefix(r#"{"event":"pusher:connection_established","data":"{\"socket_id\":\""#)
        .and_then(|rest| rest.strip_suffix(r#"\",\"activity_timeout\":30}"}"#));
    let (first, second) = inner.and_then(|id| id.split_once('.')).expect(&greeting);
    for number in [first, second] {
        let value: u64 = number.parse().expect("digits");
        assert_eq!(value.to_string(), number);
        assert!((1..=1_000_000_000).contains(&value), "{number}");
    }
    client.expect_pong();
}

#[test]
fn every_connection_has_a_socket_id_of_its_own() {
    let server = Server::default();
    let clients: Vec<Client> = (0..50).map(|_| server.connect()).collect();
    let mut ids: Vec<&str> = clients.iter().map(|client| &*client.socket_id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 50);
}

#[test]
fn the_configured_activity_timeout_is_told() {
    let server = Server::start(&Settings::app("activity_timeout = 17"));
    let greeting = server.open("/app/resound-key").text();
    assert!(greeting.ends_with(r#"\"activity_timeout\":17}"}"#), "{greeting}");
}

#[test]
fn parameters_are_not_needed_and_unknown_ones_do_no_harm() {
    let server = Server::default();
    for target in ["/app/resound-key", "/app/resound-key?", "/app/resound-key?x=1&&protocol=7&y"] {
        server.open(target).greet();
    }
    for protocol in [5, 6, 7] {
        server.open(&format!("/app/resound-key?protocol={protocol}")).greet();
    }
}

#[test]
fn a_prefix_is_in_front_of_every_route_and_a_proxy_may_strip_it() {
    let server = Server::start(&Settings::server("shards = 2\npath = \"/ws/v1\""));
    server.open("/ws/v1/app/resound-key?protocol=7").greet();
    server.open("/app/resound-key?protocol=7").greet();
    server.get("/ws/v1/up").check(200, r#"{"health":"OK"}"#);
    server.get("/up").check(200, r#"{"health":"OK"}"#);
    assert_eq!(server.get("/other/app/resound-key").status, 404);
    assert_eq!(server.get("/ws/v1app/resound-key").status, 404);
}

#[test]
fn without_a_prefix_no_other_path_is_a_websocket() {
    let server = Server::default();
    for target in [
        "/app/",
        "/app",
        "/app/resound-key/",
        "/app/resound-key/more",
        "/ws/app/resound-key",
        "/apps/resound-key",
        "//app/resound-key",
    ] {
        let mut http = server.http();
        http.send(handshake(target, ""));
        let answer = http.answer();
        answer.check_error(404, &format!("Nothing is at {target}."));
    }
}

#[test]
fn a_key_may_be_written_with_percent_signs() {
    let server = Server::default();
    server.open("/app/resound%2Dkey").greet();
}

#[test]
fn a_person_who_opens_the_address_reads_what_it_is_for() {
    let server = Server::default();
    let answer = server.get("/app/resound-key");
    answer.check(
        426,
        "This address speaks WebSocket: connect to it with pusher-js or Laravel Echo, not with a \
         plain request. Its key is known.\n",
    );
    assert_eq!(answer.header("upgrade"), Some("websocket"));
    assert_eq!(answer.header("connection"), Some("Upgrade"));
    assert_eq!(answer.header("sec-websocket-version"), Some("13"));
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    let answer = server.get("/app/another-key");
    answer.check(
        426,
        "This address speaks WebSocket: connect to it with pusher-js or Laravel Echo, not with a \
         plain request. No application has this key, though: compare it with REVERB_APP_KEY.\n",
    );
}

#[test]
fn one_shard_and_four_serve_as_well_as_two() {
    for shards in [1, 4] {
        let server = Server::start(&Settings::server(&format!("shards = {shards}")));
        let mut clients: Vec<Client> = (0..8).map(|_| server.connect()).collect();
        for client in &mut clients {
            client.subscribe("news");
        }
        server.publish("news", "hello", "{}");
        for client in &mut clients {
            client.expect(r#"{"event":"hello","channel":"news","data":"{}"}"#);
        }
        let answer = server.query("/channels", &[("info", "subscription_count")]);
        answer.check(200, r#"{"channels":{"news":{"subscription_count":8}}}"#);
    }
}
