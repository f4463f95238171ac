//! Limits of what is published: each refusal names the limit, the size and the setting.

use serde_json::json;

use crate::{http::signed_target, server::Server, settings::Settings};

fn event(name: &str, channels: &[&str], data: &str) -> String {
    json!({ "name": name, "channels": channels, "data": data }).to_string()
}

#[track_caller]
fn check(server: &Server, body: &str, status: u16, message: &str) {
    let answer = server.post("/events", body);
    answer.check_error(status, message);
}

#[test]
fn channels_of_one_event() {
    let server = Server::default();
    let names: Vec<String> = (0..101).map(|at| format!("channel-{at}")).collect();
    let names: Vec<&str> = names.iter().map(|name| &**name).collect();
    server.post("/events", &event("e", &names[..100], "x")).check(200, "{}");
    let message = "The event has 101 channels, the limit is 100 (max_event_channels).";
    check(&server, &event("e", &names, "x"), 422, message);

    let server = Server::start(&Settings::app("max_event_channels = 1"));
    let message = "The event has 2 channels, the limit is 1 (max_event_channels).";
    check(&server, &event("e", &["a", "b"], "x"), 422, message);
}

#[test]
fn characters_of_a_name() {
    let server =
        Server::start(&Settings::app("max_event_name_length = 5\nmax_channel_name_length = 4"));
    server.post("/events", &event("häßli", &["abcd"], "x")).check(200, "{}");
    let message = "The name of the event has 6 characters, the limit is 5 (max_event_name_length).";
    check(&server, &event("häßlic", &["a"], "x"), 422, message);
    let message = "The channels.0 field is no channel name: the channel name has 5 characters, \
        the limit is 4 (max_channel_name_length).";
    check(&server, &event("e", &["abcde"], "x"), 422, message);
}

#[test]
fn events_of_one_batch() {
    let server = Server::default();
    let batch = |count: usize| {
        let item = json!({ "channel": "a", "name": "e", "data": "x" });
        json!({ "batch": vec![item; count] }).to_string()
    };
    server.post("/batch_events", &batch(100)).check(200, "{}");
    let message = "The batch has 101 events, the limit is 100 (max_batch_size).";
    server.post("/batch_events", &batch(101)).check_error(422, message);
}

#[test]
fn bytes_of_the_data() {
    let server = Server::start(&Settings::app("max_event_size = 10"));
    server.post("/events", &event("e", &["a"], "0123456789")).check(200, "{}");
    server.post("/events", &event("e", &["a"], "\"\"\"\"\"\"\"\"\"\"")).check(200, "{}");
    let message = "The data of the event is 12 bytes, the limit is 10 (max_event_size).";
    check(
        &server,
        &event("e", &["a"], "0123456789€"),
        413,
        "The data of the event is 13 bytes, the limit is 10 (max_event_size).",
    );
    check(&server, &event("e", &["a"], "012345678901"), 413, message);
}

#[test]
fn bytes_of_a_request() {
    let server = Server::default();
    let frame = event("e", &["a"], "").len();
    let fits = event("e", &["a"], &"x".repeat(10_000 - frame));
    server.post("/events", &fits).check(200, "{}");
    let message = "The request's body is 10001 bytes, the limit is 10000 (max_request_size).";
    check(&server, &event("e", &["a"], &"x".repeat(10_001 - frame)), 413, message);
}

#[test]
fn an_app_may_allow_more_bytes_than_the_server() {
    let settings = Settings::of("shards = 2\nmax_request_size = 100", "max_request_size = 50000");
    let server = Server::start(&settings);
    server.post("/events", &event("e", &["a"], &"x".repeat(40_000))).check(200, "{}");
}

/// The answer must not be lost although the server does not want the rest of the body.
#[test]
fn a_publisher_whose_request_is_far_too_large_reads_why() {
    let server = Server::default();
    for size in [100_000, 3_000_000, 15_000_000] {
        let body = event("e", &["a"], &"x".repeat(size));
        let size = body.len();
        let message =
            format!("The request's body is {size} bytes, the limit is 10000 (max_request_size).");
        server.post("/events", &body).check_error(413, &message);
    }
}

#[test]
fn a_chunked_body_that_grows_too_large_is_refused() {
    let server = Server::default();
    let mut http = server.http();
    let target = signed_target("POST", "/events", &[], "x");
    http.send(format!("POST {target} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"));
    for _ in 0..11 {
        http.send(format!("400\r\n{}\r\n", "x".repeat(1024)));
    }
    http.send("0\r\n\r\n");
    http.answer().check_error(
        413,
        "The request's body is more than 10000 bytes, the limit is 10000 (max_request_size).",
    );
}
