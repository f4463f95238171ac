//! From polling to a WebSocket.

use crate::{
    client::{CLOSE, Client, Said, TEXT, frame, handshake},
    server::Server,
    settings::Settings,
    socketio_client::{Eio, Polling, event, split_offset, subscribe},
};

/// Connections of which each shard gets one, so that all combinations of shards occur.
const SHARDS: usize = 4;

fn server() -> Server {
    Server::start(&Settings::server(&format!("shards = {SHARDS}")))
}

/// A WebSocket that has been probed, for a session whose request for packets waits.
#[track_caller]
fn probe(server: &Server, session: &mut Polling) -> Client {
    session.ask();
    let mut client = server.open(&session.upgrade_target());
    client.send("2probe");
    client.expect("3probe");
    assert_eq!(session.answered(), ["6"], "the request that waits gives way");
    client
}

/// Ends a session.
#[track_caller]
fn leave(mut client: Client) {
    client.send("41");
    client.expect_close(1000, "Disconnected");
}

/// Checks the next event.
#[track_caller]
fn expect_event(client: &mut Client, channel: &str, data: usize) {
    assert_eq!(split_offset(&client.text()).0, event("e", channel, data));
}

#[test]
fn it_works_from_every_shard_to_every_other_and_loses_nothing() {
    let server = server();
    for eio in Eio::BOTH {
        for between in 0..SHARDS {
            for _ in 0..SHARDS {
                let mut session = Polling::join(&server, eio);
                session.subscribe(&server, "news");
                // The WebSocket comes to another shard.
                let _others: Vec<_> = (0..between).map(|_| server.tcp()).collect();
                let mut client = probe(&server, &mut session);
                server.publish("news", "e", "1");
                // Both in one segment: what comes behind the `5` is a packet of the session.
                let both = [frame(TEXT, b"5"), frame(TEXT, subscribe("more").as_bytes())].concat();
                client.send_bytes(both);
                expect_event(&mut client, "news", 1);
                server.wait_for_subscriber("more");
                server.publish("more", "e", "2");
                expect_event(&mut client, "more", 2);
                server.publish("news", "e", "3");
                expect_event(&mut client, "news", 3);
                session.expect_gone();
                leave(client);
                server.wait_for_subscribers("news", 0);
            }
        }
    }
    server.wait_until_empty();
}

#[test]
fn what_is_published_during_the_probe_may_still_be_fetched() {
    let server = server();
    for eio in Eio::BOTH {
        let mut session = Polling::join(&server, eio);
        session.subscribe(&server, "news");
        let mut client = probe(&server, &mut session);
        server.publish("news", "e", "1");
        assert_eq!(split_offset(&session.next()).0, event("e", "news", 1));
        assert_eq!(session.fetch(), ["6"]);
        server.publish("news", "e", "2");
        client.send("5");
        expect_event(&mut client, "news", 2);
    }
}

#[test]
fn a_request_that_waits_when_the_upgrade_is_complete_gets_a_noop() {
    let server = server();
    let mut session = Polling::join(&server, Eio::V4);
    session.ask();
    let mut client = server.open(&session.upgrade_target());
    // A client that does not wait for the answer to its probe.
    client.send_bytes([frame(TEXT, b"2probe"), frame(TEXT, b"5")].concat());
    client.expect("3probe");
    assert_eq!(session.answered(), ["6"]);
    client.send(subscribe("news"));
    server.wait_for_subscriber("news");
    server.publish("news", "e", "1");
    expect_event(&mut client, "news", 1);
}

#[test]
fn the_whole_upgrade_may_come_in_one_segment() {
    let server = server();
    for eio in Eio::BOTH.repeat(SHARDS) {
        let session = Polling::join(&server, eio);
        let mut client = Client::new(server.tcp());
        let mut bytes = handshake(&session.upgrade_target(), "").into_bytes();
        for text in ["2probe", "5", &subscribe("news")] {
            bytes.extend(frame(TEXT, text.as_bytes()));
        }
        client.send_bytes(bytes);
        client.read_response();
        client.expect("3probe");
        server.wait_for_subscriber("news");
        server.publish("news", "e", "1");
        expect_event(&mut client, "news", 1);
        leave(client);
        server.wait_for_subscribers("news", 0);
    }
}

#[test]
fn a_close_frame_right_behind_the_upgrade_ends_the_session() {
    let server = server();
    for eio in Eio::BOTH {
        let mut session = Polling::join(&server, eio);
        session.subscribe(&server, "news");
        let mut client = probe(&server, &mut session);
        client.send_bytes(
            [
                frame(TEXT, b"5"),
                frame(TEXT, subscribe("more").as_bytes()),
                frame(CLOSE, b"\x03\xe9"),
            ]
            .concat(),
        );
        client.expect_close(1001, "");
        server.wait_for_subscribers("news", 0);
    }
    server.wait_until_empty();
}

#[test]
fn rules_hold_right_behind_the_upgrade() {
    let lines = format!("shards = {SHARDS}\n[socketio]\nmax_payload = 1024");
    let server = Server::start(&Settings::server(&lines));
    let behind = |text: &[u8]| {
        let mut session = Polling::join(&server, Eio::V4);
        let mut client = probe(&server, &mut session);
        client.send_bytes([&*frame(TEXT, b"5"), text].concat());
        let said = client.next();
        assert_eq!(client.next(), Said::End);
        session.expect_gone();
        said
    };
    let too_large = behind(&frame(TEXT, &[b'6'; 1025]));
    assert!(matches!(too_large, Said::Close(1009, _)), "{too_large:?}");
    assert_eq!(behind(&frame(TEXT, b"1")), Said::Close(1000, "Disconnected".to_owned()));
    assert_eq!(behind(&frame(TEXT, b"9")), Said::Close(4200, "Invalid message format".to_owned()));
    server.wait_until_empty();
}

/// Waits until no other socket than that of the question is open, besides so many.
#[track_caller]
fn wait_for_sockets(server: &Server, count: f64) {
    server.wait_until(|| server.metric_of("resound_sockets ") == count + 1.0);
}

#[test]
fn polling_goes_on_when_the_websocket_dies_after_its_probe() {
    let server = server();
    for eio in Eio::BOTH.repeat(SHARDS) {
        let mut session = Polling::join(&server, eio);
        session.subscribe(&server, "news");
        let before = server.metric_of("resound_sockets ") - 1.0;
        drop(probe(&server, &mut session));
        wait_for_sockets(&server, before);
        session.ask();
        server.get("/metrics"); // every shard has had its turn
        server.publish("news", "e", "1");
        let packets = session.answered();
        assert_eq!(packets.len(), 1, "{packets:?}");
        assert_eq!(split_offset(&packets[0]).0, event("e", "news", 1), "it waits for news again");
        let mut client = probe(&server, &mut session);
        client.send("5");
        server.publish("news", "e", "2");
        expect_event(&mut client, "news", 2);
        leave(client);
        server.wait_for_subscribers("news", 0);
    }
}

#[test]
fn polling_goes_on_when_the_probe_takes_too_long() {
    let lines = format!("shards = {SHARDS}\nhandshake_timeout_seconds = 1");
    let mut server = Server::start(&Settings::server(&lines));
    let mut session = Polling::join(&server, Eio::V4);
    session.subscribe(&server, "news");
    let mut client = probe(&server, &mut session);
    assert_eq!(client.next(), Said::End);
    session.ask();
    server.get("/metrics");
    server.publish("news", "e", "1");
    assert_eq!(split_offset(&session.answered()[0]).0, event("e", "news", 1));
    server.stop_at_once();
}

#[test]
fn a_second_websocket_is_refused_while_the_first_one_is_probed() {
    let server = server();
    for eio in Eio::BOTH.repeat(SHARDS) {
        let mut session = Polling::join(&server, eio);
        let mut client = probe(&server, &mut session);
        let mut http = server.http();
        http.send(handshake(&session.upgrade_target(), ""));
        http.answer().check(400, r#"{"code":3,"message":"Bad request"}"#);
        client.send("5");
        client.send(subscribe("news"));
        server.wait_for_subscriber("news");
        let mut http = server.http();
        http.send(handshake(&session.upgrade_target(), ""));
        http.answer().check(400, r#"{"code":1,"message":"Session ID unknown"}"#);
        leave(client);
        server.wait_for_subscribers("news", 0);
    }
}

#[test]
fn of_two_websockets_that_are_probed_at_once_the_first_one_gets_the_session() {
    let server = server();
    let mut session = Polling::join(&server, Eio::V3);
    session.ask();
    let mut clients = [(); 2].map(|()| server.open(&session.upgrade_target()));
    for client in &mut clients {
        client.send("2probe");
        client.expect("3probe");
    }
    assert_eq!(session.answered(), ["6"]);
    let [first, second] = &mut clients;
    first.send("5");
    first.send("2");
    first.expect("3");
    second.send("5");
    assert_eq!(second.next(), Said::End);
    first.send("2");
    first.expect("3");
}

#[test]
fn a_websocket_that_says_anything_else_is_dropped_and_polling_goes_on() {
    let server = server();
    let mut session = Polling::join(&server, Eio::V4);
    session.subscribe(&server, "news");
    let said: [Vec<u8>; 6] = [
        frame(TEXT, b"2"),
        frame(TEXT, b"40"),
        frame(TEXT, b""),
        frame(crate::client::BINARY, b"5"),
        frame(CLOSE, b"\x03\xe8"),
        b"nonsense".to_vec(),
    ];
    for (at, bytes) in said.iter().enumerate() {
        let mut client = server.open(&session.upgrade_target());
        client.send_bytes(bytes);
        assert_eq!(client.next(), Said::End);
        session.ask();
        server.get("/metrics");
        server.publish("news", "e", &at.to_string());
        let packets = session.answered();
        assert_eq!(split_offset(&packets[0]).0, event("e", "news", at));
    }
    // An upgrade without a probe is one, too.
    let mut client = server.open(&session.upgrade_target());
    client.send("5");
    server.wait_until(|| session.get().status == 400);
    server.publish("news", "e", "7");
    expect_event(&mut client, "news", 7);
}

#[test]
fn a_session_that_ends_during_the_probe_takes_the_websocket_along() {
    let server = server();
    for eio in Eio::BOTH.repeat(SHARDS) {
        let mut session = Polling::join(&server, eio);
        let mut client = probe(&server, &mut session);
        session.post(&["41"]);
        client.send("5");
        assert_eq!(client.next(), Said::End);
        assert_eq!(session.fetch(), ["6"]);
    }
    server.wait_until_empty();
}
