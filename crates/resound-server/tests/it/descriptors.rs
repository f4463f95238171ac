//! When descriptors are few: clients are told, the API answers, and all comes back.

use crate::{
    client::{Client, Said, error},
    http::Http,
    server::Server,
    settings::Settings,
};

const FILES_MAX: u32 = 128;

#[test]
fn a_full_server_says_so_and_its_api_still_answers() {
    let server = Server::start_with_files_max(&Settings::default(), FILES_MAX);
    let before = server.open_files_at_rest();
    let mut clients = Vec::new();
    let mut refused = loop {
        assert!(clients.len() < FILES_MAX as usize, "nobody is refused");
        let mut client = server.open("/app/resound-key");
        let greeting = client.text();
        if !greeting.contains("connection_established") {
            assert_eq!(greeting, error(4100, "Server is over capacity"));
            break client;
        }
        clients.push(client);
    };
    refused.expect_close(4100, "Server is over capacity");
    assert!(clients.len() >= 32, "{} clients are too few", clients.len());
    for _ in 0..10 {
        server.get("/up").check(200, r#"{"health":"OK"}"#);
        let connections = format!(r#"{{"connections":{}}}"#, clients.len());
        server.query("/connections", &[]).check(200, &connections);
    }
    clients[0].subscribe("news");
    server.publish("news", "e", "x");
    clients[0].expect(r#"{"event":"e","channel":"news","data":"x"}"#);

    drop((clients, refused));
    server.wait_until_empty();
    let again: Vec<Client> = (0..32).map(|_| server.connect()).collect();
    drop(again);
    server.wait_until_empty();
    server.wait_until(|| server.open_files() == before);
}

#[test]
fn sockets_that_say_nothing_cannot_take_all_descriptors() {
    let lines = "shards = 2\nhandshake_timeout_seconds = 3600";
    let server = Server::start_with_files_max(&Settings::server(lines), FILES_MAX);
    let before = server.open_files_at_rest();
    let mut clients = [server.connect(), server.connect()];
    let mut silent: Vec<Http> = (0..2 * FILES_MAX).map(|_| server.http()).collect();
    // The last ones are closed unheard; whoever is in stays in.
    silent.pop().expect("there are many").expect_end();
    for client in &mut clients {
        client.expect_pong();
    }
    drop((silent, clients));
    server.wait_until(|| server.open_files() == before);
    assert!(server.log.events().iter().all(|event| event["level"] != "WARN"));
    server.connect().expect_pong();
}

/// The system has no descriptor for a connection; when it has one again, nothing new has to happen.
#[test]
fn a_client_that_waits_for_a_descriptor_is_served_when_there_is_one() {
    let server = Server::default();
    let silent: Vec<Http> = {
        server.get("/metrics");
        server.wait_until(|| server.open_files() == server.open_files_at_rest());
        server.allow_more_files(4);
        (0..8).map(|_| server.http()).collect()
    };
    let mut waiting = server.http();
    waiting.send("GET /up HTTP/1.1\r\nHost: h\r\n\r\n");
    server.log.wait_for("a connection could not be accepted");
    drop(silent);
    waiting.answer().check(200, r#"{"health":"OK"}"#);
}

#[test]
fn the_metrics_listener_survives_a_want_of_descriptors() {
    let lines = "shards = 2\nmetrics_address = \"127.0.0.1:0\"";
    let server = Server::start(&Settings::server(lines));
    let mut asked = server.metrics_http();
    assert_eq!(asked.request("GET", "/metrics", "", "").status, 200);
    server.allow_more_files(0);
    let mut waiting = server.metrics_http();
    waiting.send("GET /ready HTTP/1.1\r\nHost: h\r\n\r\n");
    server.log.wait_for("a connection for metrics could not be accepted");
    drop(asked);
    waiting.answer().check(200, r#"{"ready":true}"#);
}

#[test]
fn descriptors_and_memory_come_back_after_many_connections() {
    let server = Server::default();
    let before = server.open_files_at_rest();
    for _ in 0..2 {
        let mut clients: Vec<Client> = (0..300).map(|_| server.connect()).collect();
        for client in &mut clients {
            client.subscribe("news");
        }
        assert!(server.open_files() >= before + 300);
        for client in &clients {
            client.finish();
        }
        for client in &mut clients {
            assert_eq!(client.next(), Said::End);
        }
        drop(clients);
        server.wait_until(|| server.open_files() == before);
    }
}
