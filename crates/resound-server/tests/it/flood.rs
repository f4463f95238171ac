//! One client that wants everything, and others that want their share.

use std::{
    io::Write,
    sync::atomic::{AtomicBool, Ordering},
    thread::Scope,
};

use crate::{
    client::{CLOSE, Client, PING, Said, TEXT, error, frame, subscription},
    server::Server,
    settings::Settings,
};

/// Writes the same bytes again and again on a thread, so that reading and writing do not wait for
/// each other; whether the server takes them all is not its business.
fn write_on_thread<'scope>(
    scope: &'scope Scope<'scope, '_>,
    client: &Client,
    bytes: Vec<u8>,
    times: usize,
) {
    let mut stream = client.stream.try_clone().expect("a descriptor");
    scope.spawn(move || {
        for _ in 0..times {
            if stream.write_all(&bytes).is_err() {
                return;
            }
        }
    });
}

/// What a test that reads slowly may owe without being taken for a client that does not read.
const PATIENT: &str = "backlog_bytes = 100_000_000";

/// How many subscriptions the flood asks for, and how many at once.
const SUBSCRIPTIONS: usize = 1_000_000;
const BATCH: usize = 1000;

#[test]
fn a_million_subscriptions_of_one_socket_are_limited_and_hinder_nobody() {
    let server = Server::start(&Settings::server(&format!("shards = 2\n{PATIENT}")));
    let [mut greedy, mut other, mut same_shard] =
        [server.connect(), server.connect(), server.connect()];
    std::thread::scope(|scope| {
        let mut stream = greedy.stream.try_clone().expect("a descriptor");
        // No more than 20 batches are on their way.
        let (sent, answered) = std::sync::mpsc::sync_channel(20);
        scope.spawn(move || {
            for part in 0..SUBSCRIPTIONS / BATCH {
                sent.send(()).expect("the reader runs");
                let frames: Vec<u8> = (0..BATCH)
                    .flat_map(|at| {
                        frame(TEXT, subscription(&format!("channel-{part}-{at}")).as_bytes())
                    })
                    .collect();
                stream.write_all(&frames).expect("the server reads");
            }
        });
        let greedy = &mut greedy;
        let reader = scope.spawn(move || {
            let (mut confirmed, mut refused, mut counted) = (0, 0, 0);
            let limit = error(
                4100,
                "The connection is in 1000 channels already (max_channels_per_connection)",
            );
            while confirmed + refused < SUBSCRIPTIONS {
                while counted < confirmed + refused + 1 {
                    answered.recv().expect("the writer runs until it has sent all");
                    counted += BATCH;
                }
                let text = greedy.text();
                confirmed += usize::from(text.contains("subscription_succeeded"));
                refused += usize::from(text == limit);
            }
            (confirmed, refused)
        });
        while !reader.is_finished() {
            same_shard.expect_pong();
            other.expect_pong();
            server.get("/up").check(200, r#"{"health":"OK"}"#);
        }
        assert_eq!(reader.join().expect("no panic"), (1000, SUBSCRIPTIONS - 1000));
    });
    greedy.text(); // the last refusal's second message
    greedy.expect_pong();
    drop(greedy);
    server.wait_until_empty_but(2);
    server.wait_for_channels("{}");
}

#[test]
fn a_flood_of_pings_does_not_starve_the_others() {
    let server = Server::start(&Settings::server(&format!("shards = 1\n{PATIENT}")));
    let [mut flooding, mut other] = [server.connect(), server.connect()];
    other.subscribe("news");
    let is_over = AtomicBool::new(false);
    let pings = frame(PING, b"flood").repeat(10_000);
    std::thread::scope(|scope| {
        let mut stream = flooding.stream.try_clone().expect("a descriptor");
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                stream.write_all(&pings).expect("the server reads");
            }
            stream.write_all(&frame(CLOSE, b"")).expect("the server reads");
            drop(stream);
        });
        let flood = scope.spawn(|| {
            let mut answered = 0;
            while flooding.next() == Said::Pong(b"flood".to_vec()) {
                answered += 1;
            }
            answered
        });
        let mut http = server.http();
        for _ in 0..50 {
            other.expect_pong();
            http.publish("news", "e", "x");
            other.expect(r#"{"event":"e","channel":"news","data":"x"}"#);
        }
        is_over.store(true, Ordering::Relaxed);
        let answered = flood.join().expect("a close frame comes at last");
        assert!(answered >= 10_000 && answered % 10_000 == 0, "{answered} pongs");
    });
}

#[test]
fn a_flood_of_nonsense_is_answered_and_logged_in_measure() {
    let server = Server::start(&Settings::server(&format!("shards = 2\n{PATIENT}")));
    let mut client = server.connect();
    std::thread::scope(|scope| {
        write_on_thread(scope, &client, frame(TEXT, b"nonsense").repeat(1000), 20);
        for _ in 0..20_000 {
            client.expect(error(4200, "Invalid message format"));
        }
    });
    client.expect_pong();
    let refusals = || server.log.events().iter().filter(|e| e["message"] == "refused").count();
    assert!(refusals() < 20_000, "every refusal is logged");
    server.log.wait_for("more refusals in a second than are logged");
}

#[test]
fn connections_that_come_and_go_at_once_leave_nothing() {
    let server = Server::default();
    let before = server.open_files_at_rest();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for at in 0..100 {
                    let mut client = server.connect();
                    client.send(subscription("news"));
                    if at % 2 == 0 {
                        client.text();
                    }
                }
            });
        }
    });
    server.wait_until_empty();
    server.wait_for_channels("{}");
    server.wait_until(|| server.open_files() == before);
}
