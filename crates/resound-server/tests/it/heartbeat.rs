//! Signs of life in Engine.IO: the server pings in version 4, the client in version 3.

use crate::{
    client::{Client, Said},
    server::Server,
    settings::Settings,
    socketio_client::{Eio, Polling, subscribe},
};

const SILENT: &str = "Pong reply not received in time";

fn server() -> Server {
    let lines = "shards = 2\n[socketio]\nping_interval = 1\nping_timeout = 1";
    Server::start(&Settings::server(lines))
}

#[test]
fn clients_of_version_4_are_pinged_and_closed_when_they_stay_silent() {
    let server = server();
    let (mut client, _) = Client::join_socketio(&server, Eio::V4);
    let mut session = Polling::join(&server, Eio::V4);
    for _ in 0..2 {
        client.expect("2");
        client.send("3");
        assert_eq!(session.fetch(), ["2"]);
        session.post(&["3"]);
    }
    client.expect("2");
    client.expect_close(4201, SILENT);
    let mut packets = session.fetch();
    if packets.len() == 1 {
        packets.append(&mut session.fetch());
    }
    assert_eq!(packets, ["2", "1"]);
    session.expect_gone();
    server.wait_until_empty();
}

/// Unlike a pong, whatever else it says is no answer to a ping.
#[test]
fn other_packets_of_version_4_are_no_answer() {
    let server = server();
    let (mut client, _) = Client::join_socketio(&server, Eio::V4);
    client.expect("2");
    client.send(subscribe("news"));
    client.expect_close(4201, SILENT);
}

#[test]
fn clients_of_version_3_are_answered_and_closed_when_they_stay_silent() {
    let server = server();
    let (mut client, _) = Client::join_socketio(&server, Eio::V3);
    client.send("2");
    client.expect("3");
    client.send("2probe");
    client.expect("3probe");
    let mut session = Polling::join(&server, Eio::V3);
    session.post(&["2"]);
    assert_eq!(session.get().body, "1:3");
    session.ask();
    session.post(&["2"]);
    assert_eq!(session.answered(), ["3"]);
    client.expect_close(4201, SILENT);
    assert_eq!(session.fetch(), ["1"]);
    session.expect_gone();
    server.wait_until_empty();
}

#[test]
fn a_ping_of_version_4_is_against_the_rules() {
    let server = Server::default();
    let (mut client, _) = Client::join_socketio(&server, Eio::V4);
    client.send("2");
    client.expect_close(4200, "Invalid message format");
    let mut session = Polling::join(&server, Eio::V4);
    session.ask();
    session.post(&["2"]);
    assert_eq!(session.answered(), ["1"]);
}

#[test]
fn who_says_anything_before_it_has_joined_is_closed() {
    let server = Server::default();
    let mut client = server.open(&Eio::V4.target("websocket"));
    client.text();
    client.send(subscribe("news"));
    assert!(matches!(client.next(), Said::Close(4200, _)));
    server.wait_for_channels("{}");
}
