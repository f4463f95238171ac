//! Clients that do not read what they are sent.

use std::{io::Write, net::Shutdown};

use serde_json::{Value, json};

use crate::{
    client::{Client, PING, Said, data, frame},
    server::Server,
    settings::Settings,
};

const TOO_SLOW: &str = "The connection is too slow: it owes more than it may";
const GIVEN_UP: &str = "connection is too slow and is closed";

fn server(backlog_bytes: usize) -> Server {
    let lines = format!("shards = 2\nbacklog_bytes = {backlog_bytes}");
    Server::start(&Settings::of(&lines, "max_request_size = 2000000"))
}

fn given_up(server: &Server) -> usize {
    server.log.events().iter().filter(|event| event["message"] == GIVEN_UP).count()
}

/// Publishes numbered events of 20 kB until the server has given so many up, and then one more,
/// which is the last. Returns how many there were before it.
fn publish_until_given_up(server: &Server, count: usize) -> u64 {
    let filler = "x".repeat(20_000);
    let mut http = server.http();
    let mut at = 0;
    while given_up(server) < count {
        assert!(at < 20_000, "nobody is given up");
        http.publish("news", "e", &format!(r#"{{"at":{at},"filler":"{filler}"}}"#));
        at += 1;
    }
    http.publish("news", "last", "{}");
    at
}

/// Reads numbered events, which have no hole, up to the last one or to what ends the connection.
fn read_events(client: &mut Client) -> (u64, Option<Said>) {
    let mut next = 0;
    loop {
        let said = client.next();
        let Said::Text(text) = said else {
            return (next, Some(said));
        };
        let message: Value = serde_json::from_str(&text).expect("JSON");
        if message["event"] == "last" {
            return (next, None);
        }
        assert_eq!(data(&message)["at"], next, "there is a hole");
        next += 1;
    }
}

#[track_caller]
fn check(backlog_bytes: usize) {
    let server = server(backlog_bytes);
    let mut healthy = [server.connect(), server.connect()];
    let mut slow = [server.connect(), server.connect()];
    for client in healthy.iter_mut().chain(&mut slow) {
        client.subscribe("news");
    }
    std::thread::scope(|scope| {
        let readers: Vec<_> =
            healthy.iter_mut().map(|client| scope.spawn(|| read_events(client))).collect();
        let published = publish_until_given_up(&server, slow.len());
        // The others have got everything, and it is only then that the slow ones read on.
        for reader in readers {
            assert_eq!(reader.join().expect("no hole"), (published, None));
        }
        for client in &mut slow {
            let (seen, end) = read_events(client);
            assert!(seen < published);
            assert_eq!(end, Some(Said::Close(4100, TOO_SLOW.to_owned())));
            assert_eq!(client.next(), Said::End);
        }
    });
    server.wait_until_empty_but(2);
}

#[test]
fn they_are_closed_with_4100_after_a_part_without_a_hole_and_others_get_everything() {
    check(100_000);
}

#[test]
fn the_same_if_a_single_event_is_more_than_they_may_owe() {
    check(1024);
}

#[test]
fn a_burst_that_is_larger_than_the_backlog_ends_with_4100_too() {
    let server = server(1024);
    let mut slow = server.connect();
    slow.subscribe("news");
    let item = json!({ "channel": "news", "name": "e", "data": "x".repeat(15_000) });
    let body = json!({ "batch": vec![item; 100] }).to_string();
    let mut http = server.http();
    while given_up(&server) == 0 {
        http.signed("POST", "/batch_events", &[], &body).check(200, "{}");
    }
    let mut said = slow.next();
    while matches!(said, Said::Text(_)) {
        said = slow.next();
    }
    assert_eq!(said, Said::Close(4100, TOO_SLOW.to_owned()));
    assert_eq!(slow.next(), Said::End);
}

#[test]
fn their_number_does_not_fill_the_servers_memory() {
    let server = server(1_000_000);
    let mut slow: Vec<Client> = (0..20).map(|_| server.connect()).collect();
    for client in &mut slow {
        client.subscribe("news");
    }
    let before = server.resident_kb();
    let published = publish_until_given_up(&server, slow.len());
    let grown_kb = server.resident_kb().saturating_sub(before);
    assert!(grown_kb < 60_000, "{published} events of 20 kB, {grown_kb} kB more");
}

#[test]
fn one_that_never_takes_the_answers_to_its_own_pings_is_closed() {
    let server = server(100_000);
    let [rude, mut polite] = [server.connect(), server.connect()];
    let pings = frame(PING, &[b'x'; 125]).repeat(1000);
    std::thread::scope(|scope| {
        let mut stream = rude.stream.try_clone().expect("a descriptor");
        scope.spawn(move || while stream.write_all(&pings).is_ok() {});
        server.log.wait_for(GIVEN_UP);
        polite.expect_pong();
        rude.stream.shutdown(Shutdown::Both).expect("it is open");
    });
    server.wait_until_empty_but(1);
}
