//! When descriptors are few: clients are told, the API answers, and all comes back.

use crate::{
    client::{Client, Said, error},
    server::Server,
    settings::Settings,
};

const FILES_MAX: u32 = 128;

#[test]
fn a_full_server_says_so_and_its_api_still_answers() {
    let server = Server::start_with_files_max(&Settings::default(), FILES_MAX);
    let before = server.open_files();
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

/// Sockets that say nothing take all descriptors; who waits behind them is served when they go.
#[test]
fn a_client_that_waits_behind_silent_ones_is_served_when_they_are_gone() {
    let lines = "shards = 2\nhandshake_timeout_seconds = 3600";
    let server = Server::start_with_files_max(&Settings::server(lines), FILES_MAX);
    let before = server.open_files();
    let silent: Vec<_> = (0..2 * FILES_MAX).map(|_| server.tcp()).collect();
    let mut waiting = server.http();
    waiting.send("GET /up HTTP/1.1\r\nHost: h\r\n\r\n");
    drop(silent);
    let mut byte = [0];
    // Closed unheard, or heard: but not forgotten.
    let heard = std::io::Read::read(&mut waiting.stream, &mut byte);
    assert!(
        heard.as_ref().is_ok()
            || heard.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset),
        "{heard:?}"
    );
    drop(waiting);
    server.connect().expect_pong();
    server.wait_until_empty();
    server.wait_until(|| server.open_files() == before);
}

#[test]
fn descriptors_and_memory_come_back_after_many_connections() {
    let server = Server::default();
    let before = server.open_files();
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
