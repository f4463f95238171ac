//! Connections that are refused: the error, the close frame with its code, the end.

use crate::{
    client::{Client, error, subscription},
    server::Server,
    settings::{KEY, SECRET, Settings},
};

/// Checks that nothing but the refusal comes, whatever the client says.
#[track_caller]
fn check(mut client: Client, code: u16, message: &str) {
    client.send(subscription("news"));
    client.expect(error(code, message));
    client.expect_close(code, message);
}

#[test]
fn an_unknown_key_is_refused_with_4001() {
    let server = Server::default();
    check(server.open("/app/other?protocol=7"), 4001, "Application does not exist");
    check(server.open("/app/%00?protocol=7"), 4001, "Application does not exist");
}

#[test]
fn a_disabled_app_is_refused_with_4003() {
    let settings = Settings::default().with_app("2", "off-key", SECRET, "enabled = false");
    let server = Server::start(&settings);
    check(server.open("/app/off-key"), 4003, "Application is disabled");
    server.connect().expect_pong();
}

/// Experiment E2: Reverb counts only connections that are subscribed, and lets the others in.
#[test]
fn a_connection_over_the_apps_quota_is_refused_with_4004_also_if_nobody_has_subscribed() {
    let server = Server::start(&Settings::app("max_connections = 2"));
    let mut first = server.connect();
    let mut second = server.connect();
    for _ in 0..3 {
        check(server.open("/app/resound-key"), 4004, "Application is over connection quota");
    }
    first.subscribe("news");
    second.subscribe("news");
    check(server.open("/app/resound-key"), 4004, "Application is over connection quota");
    server.query("/connections", &[]).check(200, r#"{"connections":2}"#);
}

#[test]
fn the_quota_is_exact_when_many_connect_at_once() {
    let server = Server::start(&Settings::app("max_connections = 10"));
    let greeted = std::thread::scope(|scope| {
        let connect = || {
            let mut client = server.open("/app/resound-key");
            let is_greeted = client.text().contains("connection_established");
            (client, is_greeted)
        };
        let threads: Vec<_> = (0..40).map(|_| scope.spawn(connect)).collect();
        let all: Vec<_> =
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect();
        all.iter().filter(|(_, is_greeted)| *is_greeted).count()
    });
    assert_eq!(greeted, 10);
}

#[test]
fn a_place_in_the_quota_is_free_again_when_its_connection_is_gone() {
    let server = Server::start(&Settings::app("max_connections = 1"));
    for _ in 0..10 {
        let mut client = server.connect();
        client.expect_pong();
        drop(client);
        server.wait_until_empty();
    }
}

#[test]
fn a_version_that_is_no_number_is_refused_with_4006() {
    let server = Server::default();
    for protocol in ["x", "7.0", "-1", "", "99999999999"] {
        let target = format!("/app/resound-key?protocol={protocol}");
        check(server.open(&target), 4006, "Invalid version string format");
    }
}

#[test]
fn a_version_that_is_not_spoken_is_refused_with_4007() {
    let server = Server::default();
    for protocol in ["0", "4", "8", "99"] {
        let target = format!("/app/resound-key?protocol={protocol}");
        check(server.open(&target), 4007, "Unsupported protocol version");
    }
}

/// Experiment E1: with Reverb the refused page stays connected, subscribes and gets events.
#[test]
fn a_page_of_a_foreign_origin_is_refused_with_4009_and_gets_no_event() {
    let server = Server::start(&Settings::app(r#"allowed_origins = ["good.example"]"#));
    let mut evil = server.open_with("/app/resound-key", "Origin: http://evil.example\r\n");
    let mut good = server.open_with("/app/resound-key", "Origin: http://good.example\r\n");
    evil.send(subscription("news"));
    good.greet();
    good.subscribe("news");
    server.publish("news", "hello", "{}");
    good.expect(r#"{"event":"hello","channel":"news","data":"{}"}"#);
    evil.expect(error(4009, "Origin not allowed"));
    evil.expect_close(4009, "Origin not allowed");
}

#[test]
fn a_connection_over_the_capacity_of_the_process_is_refused_with_4100() {
    let settings = Settings::of("shards = 2\nmax_connections = 3", "");
    let server = Server::start(&settings.with_app("2", "other-key", "a-secret-of-its-own", ""));
    let mut clients = [server.connect(), server.connect_to("other-key"), server.connect()];
    for key in [KEY, "other-key"] {
        check(server.open(&format!("/app/{key}")), 4100, "Server is over capacity");
    }
    for client in &mut clients {
        client.expect_pong();
    }
    server.get("/up").check(200, r#"{"health":"OK"}"#);
}

#[test]
fn refused_connections_do_not_take_the_places_of_others() {
    let server = Server::start(&Settings::server("shards = 2\nmax_connections = 1"));
    let refused: Vec<Client> = (0..20).map(|_| server.open("/app/other")).collect();
    server.connect().expect_pong();
    for client in refused {
        check(client, 4001, "Application does not exist");
    }
}
