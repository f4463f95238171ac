//! The end of the process: everybody is told to come back, nobody waits in vain.

use std::{
    thread::ScopedJoinHandle,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use serde_json::json;

use crate::{
    client::{Client, HANDSHAKE, Manners, Said},
    http::{Http, signed_target},
    server::Server,
    settings::Settings,
};

/// A code with which pusher-js comes back.
const CODE: u16 = 4100;
const REASON: &str = "Server is shutting down. Please reconnect.";

fn server(grace_seconds: u32) -> Server {
    let lines = format!("shards = 2\nshutdown_grace_seconds = {grace_seconds}");
    Server::start(&Settings::server(&lines))
}

/// A client that does not answer a close frame, and so holds up the end for a while.
fn rude(server: &Server) -> Client {
    let mut client = server.connect();
    client.manners = Manners::Rude;
    client
}

/// Checks that 200 clients are told to come back, and that the process ends well.
#[track_caller]
fn check(signal: Signal) {
    let mut server = server(10);
    let mut clients: Vec<Client> = (0..200).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.subscribe("news");
    }
    let begun = Instant::now();
    let closed = std::thread::scope(|scope| {
        let readers: Vec<ScopedJoinHandle<'_, Duration>> = clients
            .iter_mut()
            .map(|client| {
                scope.spawn(move || {
                    assert_eq!(client.next(), Said::Close(CODE, REASON.to_owned()));
                    let closed = begun.elapsed();
                    client.finish();
                    assert_eq!(client.next(), Said::End);
                    closed
                })
            })
            .collect();
        server.stop(signal);
        readers.into_iter().map(|reader| reader.join().expect("no panic")).collect::<Vec<_>>()
    });
    assert!(begun.elapsed() < Duration::from_secs(10), "not within the grace period");
    let (first, last) = (closed.iter().min(), closed.iter().max());
    let spread = last.zip(first).map(|(last, first)| last.saturating_sub(*first));
    assert!(spread > Some(Duration::from_millis(20)), "they are closed all at once: {spread:?}");
    assert_eq!(server.log.wait_for("shutting down")["connections"], 200);
    server.log.wait_for("stopped");
}

#[test]
fn sigterm_closes_every_connection_with_4100_within_the_grace_period() {
    check(Signal::TERM);
}

#[test]
fn sigint_does_the_same() {
    check(Signal::INT);
}

#[test]
fn clients_that_do_not_close_their_side_are_not_waited_for_longer_than_the_grace_period() {
    let mut server = server(3);
    let clients: Vec<Client> = (0..10).map(|_| server.connect()).collect();
    let begun = Instant::now();
    server.signal(Signal::TERM);
    let status = server.wait();
    assert!(status.success(), "{status}");
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    for mut client in clients {
        client.expect_close(CODE, REASON);
    }
}

/// The port goes on answering HTTP, so that `/ready` can say no; no WebSocket gets in.
#[test]
fn no_websocket_is_taken_in_any_more() {
    let mut server = server(10);
    let mut client = rude(&server);
    let mut silent = server.http();
    let mut idle = server.http();
    idle.request("GET", "/up", "", "").check(200, r#"{"health":"OK"}"#);
    server.signal(Signal::TERM);
    assert_eq!(client.next(), Said::Close(CODE, REASON.to_owned()));
    idle.expect_end();
    // The process is still there, for our client has not closed.
    let mut late = server.http();
    late.send(format!("GET /app/resound-key HTTP/1.1\r\n{HANDSHAKE}\r\n"));
    late.answer().check_error(503, "The server is shutting down.");
    client.finish();
    silent.expect_end();
    assert!(server.wait().success());
}

/// The request asks both shards, of which one has no clients and nothing to do.
#[test]
fn a_request_that_is_on_its_way_is_answered() {
    let mut server = server(10);
    let mut client = rude(&server);
    let channels: Vec<String> = (0..16).map(|at| format!("channel-{at}")).collect();
    let body =
        json!({ "name": "e", "channels": channels, "data": "x", "info": "subscription_count" });
    let body = body.to_string();
    let target = signed_target("POST", "/events", &[], &body);
    let mut http = server.http();
    let length = body.len();
    http.send(format!("POST {target} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n{{"));
    for _ in 0..2 {
        server.get("/up"); // once on each shard, which has read by then what it was sent before
    }
    server.signal(Signal::TERM);
    assert_eq!(client.next(), Said::Close(CODE, REASON.to_owned()));
    http.send(&body[1..]);
    let answer = http.answer();
    assert_eq!(
        (answer.status, &answer.json()["channels"]["channel-7"]["subscription_count"]),
        (200, &json!(0))
    );
    http.expect_end();
    client.finish();
    assert!(server.wait().success());
}

/// A publisher that hangs up before its answer must not be waited for when the process ends.
#[test]
fn requests_that_nobody_waits_for_any_more_do_not_hold_up_the_end() {
    let mut server = server(20);
    let requests: Vec<Http> = (0..40).map(|_| server.http()).collect();
    server.while_stopped(|| {
        for mut http in requests {
            let target = signed_target("GET", "/channels", &[], "");
            http.send(format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n"));
        }
    });
    let mut half = server.http();
    let target = signed_target("POST", "/events", &[], "{}");
    half.send(format!("POST {target} HTTP/1.1\r\nHost: h\r\nContent-Length: 40\r\n\r\n{{"));
    server.get("/up");
    server.get("/up");
    drop(half);
    let begun = Instant::now();
    server.stop(Signal::TERM);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[test]
fn readiness_is_off_during_the_shutdown() {
    let lines = "shards = 2\nmetrics_address = \"127.0.0.1:0\"\nshutdown_grace_seconds = 10";
    let mut server = Server::start(&Settings::server(lines));
    server.metrics_http().request("GET", "/ready", "", "").check(200, r#"{"ready":true}"#);
    let mut client = rude(&server);
    server.signal(Signal::TERM);
    assert_eq!(client.next(), Said::Close(CODE, REASON.to_owned()));
    server
        .metrics_http()
        .request("GET", "/ready", "", "")
        .check_error(503, "The server is shutting down.");
    server.metrics_http().request("GET", "/live", "", "").check(200, r#"{"live":true}"#);
    server.get("/ready").check_error(503, "The server is shutting down.");
    server.get("/live").check(200, r#"{"live":true}"#);
    client.finish();
    assert!(server.wait().success());
}

#[test]
fn a_second_signal_ends_the_process_at_once() {
    for second in [Signal::TERM, Signal::INT] {
        let mut server = server(60);
        let mut client = rude(&server);
        server.signal(Signal::TERM);
        assert_eq!(client.next(), Said::Close(CODE, REASON.to_owned()));
        let begun = Instant::now();
        server.signal(Signal::HUP);
        server.signal(second);
        assert!(server.wait().success());
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
        server.log.wait_for("stopped without waiting");
    }
}

#[test]
fn a_server_without_connections_ends_at_once() {
    let mut server = server(60);
    server.connect().expect_pong();
    server.wait_until_empty();
    server.stop(Signal::TERM);
}
