//! Clients that do not read what they are sent.

use serde_json::Value;

use crate::{
    client::{Client, Said, data},
    http::Http,
    server::Server,
    settings::Settings,
};

const TOO_SLOW: &str = "The connection is too slow: it owes more than it may";

fn server(backlog_bytes: usize) -> Server {
    let lines = format!("shards = 2\nbacklog_bytes = {backlog_bytes}");
    Server::start(&Settings::of(&lines, "max_request_size = 2000000"))
}

/// Publishes numbered events of 20 kB until the server has given somebody up.
fn publish_until_given_up(server: &Server, http: &mut Http, count: usize) -> u64 {
    let filler = "x".repeat(20_000);
    let mut at = 0;
    let given_up = || {
        let is_meant = |event: &&Value| event["message"] == "connection is too slow and is closed";
        server.log.events().iter().filter(is_meant).count()
    };
    while given_up() < count {
        assert!(at < 20_000, "nobody is given up");
        http.publish("news", "e", &format!(r#"{{"at":{at},"filler":"{filler}"}}"#));
        at += 1;
    }
    at
}

/// Reads numbered events, which have no hole, up to whatever else comes.
fn read_events(client: &mut Client, until: u64) -> (u64, Option<Said>) {
    let mut next = 0;
    while next < until {
        let text = match client.next() {
            Said::Text(text) => text,
            other => return (next, Some(other)),
        };
        let message: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(data(&message)["at"], next, "there is a hole");
        next += 1;
    }
    (next, None)
}

#[track_caller]
fn check(backlog_bytes: usize) {
    let server = server(backlog_bytes);
    let mut healthy = [server.connect(), server.connect()];
    let mut slow = [server.connect(), server.connect()];
    for client in healthy.iter_mut().chain(&mut slow) {
        client.subscribe("news");
    }
    let mut http = server.http();
    let published = std::thread::scope(|scope| {
        let (stop, stopped) = std::sync::mpsc::channel();
        let readers: Vec<_> = healthy
            .iter_mut()
            .map(|client| scope.spawn(move || read_events(client, u64::MAX)))
            .collect();
        let published = publish_until_given_up(&server, &mut http, slow.len());
        stop.send(()).expect("we hold the other end");
        stopped.recv().expect("it was sent");
        server.publish("news", "last", r#"{"at":"the end"}"#);
        drop(readers);
        published
    });
    let _ = published;
}

#[test]
fn placeholder() {
    let _ = check;
}
