//! Whatever outsiders can fill over requests has a bound, and is given back.

use std::net::Shutdown;

use crate::{
    application::Application,
    client::Client,
    http::Http,
    server::Server,
    settings::Settings,
    socketio_client::{Eio, Polling, split_offset, subscribe},
};

const GIVEN_UP: &str = "connection is too slow and is closed";

/// Opens so many polling sessions, and forgets them.
fn open_and_vanish(server: &Server, count: usize) {
    std::thread::scope(|scope| {
        for eio in Eio::BOTH {
            scope.spawn(move || {
                let mut http = server.http();
                for _ in 0..count / 2 {
                    let answer = http.request("GET", &eio.target("polling"), "", "");
                    assert_eq!(answer.status, 200);
                }
            });
        }
    });
}

#[test]
fn thousands_of_sessions_that_vanish_are_counted_and_forgotten() {
    let lines = "shards = 2\n[socketio]\nping_interval = 3\nping_timeout = 1";
    let server = Server::start(&Settings::server(lines));
    let mut resident = Vec::new();
    for _ in 0..3 {
        open_and_vanish(&server, 4000);
        server.wait_until_empty();
        assert_eq!(server.metric_of("resound_connected{"), 0.0);
        resident.push(server.resident_kb());
    }
    assert_eq!(server.metric_of("resound_new_connections_total{"), 12_000.0);
    assert!(resident[2] < resident[0] + 4_000, "it grows: {resident:?}");
}

#[test]
fn sessions_of_requests_are_connections_like_others() {
    let mut server = Server::default();
    open_and_vanish(&server, 500);
    assert_eq!(server.metric_of("resound_connected{"), 500.0);
    server.stop_at_once();
}

#[test]
fn sessions_of_requests_count_against_the_limit_of_connections() {
    let mut server = Server::start(&Settings::app("max_connections = 10"));
    open_and_vanish(&server, 10);
    for eio in Eio::BOTH {
        let answer = server.get(&eio.target("polling"));
        let body = r#"{"code":4,"message":"Application is over connection quota"}"#;
        answer.check(503, body);
    }
    server.stop_at_once();
}

/// What the application is to be told of a client is kept as long as its session.
#[test]
fn a_handshake_with_very_large_headers_is_refused() {
    let mut server = Server::default();
    let headers = |bytes: usize| format!("Cookie: a={}\r\n", "x".repeat(bytes));
    let status = |headers: &str| {
        server.http().request("GET", &Eio::V4.target("polling"), headers, "").status
    };
    assert_eq!(status(&headers(10_000)), 200);
    assert_eq!(status(&headers(20_000)), 431);
    assert_eq!(status(&headers(40_000)), 431);
    server.stop_at_once();
}

fn given_up(server: &Server) -> usize {
    server.log.events().iter().filter(|event| event["message"] == GIVEN_UP).count()
}

/// Publishes events of 20 kB until the server has given so many sessions up.
fn publish_until_given_up(server: &Server, count: usize) -> usize {
    let text = "x".repeat(20_000);
    let mut http = server.http();
    let mut published = 0;
    while given_up(server) < count {
        assert!(published < 2_000, "nobody is given up");
        http.publish("news", "e", &text);
        published += 1;
    }
    published
}

fn slow_server(backlog_bytes: usize) -> Server {
    let lines = format!("shards = 2\nbacklog_bytes = {backlog_bytes}");
    Server::start(&Settings::of(&lines, "max_request_size = 2000000"))
}

#[test]
fn a_session_that_fetches_nothing_ends_and_others_get_everything() {
    let server = slow_server(100_000);
    let mut slow: Vec<Polling> = Eio::BOTH.map(|eio| Polling::join(&server, eio)).into();
    let (mut healthy, _) = Client::join_socketio(&server, Eio::V4);
    for session in &mut slow {
        session.post(&[&subscribe("news")]);
    }
    healthy.send(subscribe("news"));
    server.wait_for_subscribers("news", 3);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut count = 0;
            while !healthy.text().contains("\"last\"") {
                count += 1;
            }
            count
        });
        let published = publish_until_given_up(&server, 2);
        server.publish("news", "last", "{}");
        assert_eq!(reader.join().expect("no panic"), published);
        assert!(published < 10, "{published} events of 20 kB");
    });
    for session in &mut slow {
        assert_eq!(session.fetch(), ["1"], "after a hole nothing comes but the end");
        session.expect_gone();
    }
    // What version 4 missed it gets when it returns.
    let pid = slow[1].pid.clone().expect("a pid");
    let connect = format!("40{}", serde_json::json!({ "pid": pid }));
    let mut session = Polling::join_with(&server, Eio::V4, &connect);
    assert_eq!(session.socket_id, slow[1].socket_id);
    while !split_offset(&session.next()).0.contains("\"last\"") {}
    session.post(&["1"]);
    assert_eq!(session.fetch(), ["6"]);
    healthy.send("1");
    server.wait_until_empty();
}

/// As over a WebSocket: otherwise it would come back and miss the same event again.
#[test]
fn one_event_may_be_larger_than_what_may_wait() {
    let mut server = slow_server(10_000);
    let mut session = Polling::join(&server, Eio::V4);
    session.subscribe(&server, "news");
    for _ in 0..3 {
        server.publish("news", "e", &"x".repeat(100_000));
        server.get("/metrics"); // every shard has had its turn
        assert!(session.next().len() > 100_000);
    }
    assert_eq!(given_up(&server), 0);
    server.stop_at_once();
}

#[test]
fn the_number_of_slow_sessions_does_not_fill_the_memory() {
    let mut server = slow_server(500_000);
    let mut slow: Vec<Polling> = (0..40).map(|_| Polling::join(&server, Eio::V3)).collect();
    for session in &mut slow {
        session.post(&[&subscribe("news")]);
    }
    server.wait_for_subscribers("news", 40);
    let before = server.resident_kb();
    let published = publish_until_given_up(&server, slow.len());
    let grown_kb = server.resident_kb().saturating_sub(before);
    assert!(grown_kb < 40_000, "{published} events of 20 kB, {grown_kb} kB more");
    server.stop_at_once();
}

#[test]
fn sessions_that_are_kept_and_what_they_missed_are_given_back() {
    let lines = "shards = 2\n[socketio]\nrecovery_seconds = 2\nping_interval = 2\nping_timeout = 1";
    let server = Server::start(&Settings::server(lines));
    let mut resident = Vec::new();
    for _ in 0..3 {
        for _ in 0..300 {
            let (mut client, _) = Client::join_socketio(&server, Eio::V4);
            client.send(subscribe("news"));
            client.stream.shutdown(Shutdown::Write).expect("it is open");
        }
        let mut http = server.http();
        (0..500).for_each(|_| http.publish("news", "e", &"x".repeat(5_000)));
        server.wait_until_empty();
        server.wait_for_channels("{}");
        resident.push(server.resident_kb());
    }
    assert!(resident[2] < resident[0] + 8_000, "it grows: {resident:?}");
}

#[test]
fn questions_to_an_application_that_never_answers_are_given_up() {
    let application = Application::start();
    let auth = "timeout_seconds = 2\nmax_concurrent = 4";
    let server = Server::start(&application.settings_with("shards = 2", "", auth));
    let mut before = 0;
    for round in 0..3 {
        let mut clients: Vec<Client> =
            (0..8).map(|_| Client::join_socketio(&server, Eio::V3).0).collect();
        let headers = format!(r#"{{"X-Long":"{}"}}"#, "x".repeat(2_000));
        for client in &mut clients {
            for at in 0..256 {
                client.send(format!(
                    r#"42["subscribe",{{"channel":"private-{at}","auth":{{"headers":{headers}}}}}]"#
                ));
            }
        }
        for client in &mut clients {
            for _ in 0..256 {
                assert!(client.text().ends_with(",0]"), "the application could not be reached");
            }
        }
        server.wait_for_channels("{}");
        drop(clients);
        server.wait_until_empty();
        match round {
            0 => before = server.resident_kb(),
            _ => assert!(server.resident_kb() < before + 10_000, "it grows in round {round}"),
        }
    }
}

#[test]
fn requests_that_wait_are_sockets_and_end_with_them() {
    let server = Server::start(&Settings::server("shards = 4"));
    let before = server.open_files_at_rest();
    for eio in Eio::BOTH {
        let mut sessions: Vec<Polling> = (0..200).map(|_| Polling::join(&server, eio)).collect();
        sessions.iter_mut().for_each(Polling::ask);
        server.get("/metrics");
        assert!(server.open_files() >= before + 200);
        drop(sessions);
        server.wait_until_empty();
        server.wait_until(|| server.open_files() == before);
    }
}

#[test]
fn a_slow_body_is_not_waited_for_longer_than_a_handshake() {
    let lines = "shards = 2\nhandshake_timeout_seconds = 1";
    let mut server = Server::start(&Settings::server(lines));
    let mut session = Polling::join(&server, Eio::V4);
    let target = session.target();
    let mut slow: Vec<Http> = (0..10).map(|_| server.http()).collect();
    for http in &mut slow {
        http.send(format!("POST {target} HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n4"));
    }
    for http in &mut slow {
        assert_eq!(http.answer().status, 408);
    }
    session.subscribe(&server, "news");
    server.stop_at_once();
}

/// They cost their clients nothing, and would take the places of others until a ping is missed.
#[test]
fn sessions_that_are_opened_and_left_alone_end_with_the_time_of_the_handshake() {
    let server = Server::start(&Settings::server("handshake_timeout_seconds = 1"));
    for eio in ["3", "4"].repeat(20) {
        let answer = server.get(&format!("/socket.io/?EIO={eio}&transport=polling"));
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    server.wait_until_empty();
}
