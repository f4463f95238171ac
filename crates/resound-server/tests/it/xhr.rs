//! pusher-js' fallback for clients without WebSocket: streams, polls, and what is sent beside them.

use std::{
    io::{ErrorKind, Read, Write},
    time::Instant,
};

use serde_json::Value;

use crate::{
    client::{error, event, frame, handshake, subscription, succeeded},
    http::{Answer, Http},
    log::DEADLINE,
    server::Server,
    settings::{KEY, Settings},
    socketio_client::Eio,
};

const OPEN: &str = "o\n";

/// The address of a session's requests.
fn target(session: &str, kind: &str) -> String {
    format!("/pusher/app/{KEY}/123/{session}/{kind}?protocol=7&client=js&version=8.6.0&t=1&n=1")
}

/// A client of one session.
#[derive(Debug)]
struct Xhr<'s> {
    server: &'s Server,
    session: String,
    stream: Stream,
    socket_id: String,
}

/// An answer that goes on.
#[derive(Debug)]
struct Stream {
    http: Http,
    head: String,
    read: Vec<u8>,
    /// What has come and is not looked at.
    lines: Vec<u8>,
    messages: Vec<String>,
    /// Characters of the lines so far, as JavaScript counts them.
    units: usize,
    has_ended: bool,
}

impl Stream {
    #[track_caller]
    fn open(server: &Server, target: &str) -> Self {
        let mut http = server.http();
        http.send(format!("POST {target} HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"));
        let mut stream = Self {
            http,
            head: String::new(),
            read: Vec::new(),
            lines: Vec::new(),
            messages: Vec::new(),
            units: 0,
            has_ended: false,
        };
        while stream.head.is_empty() {
            if let Some(at) = stream.read.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = stream.read.drain(..at + 4).collect();
                stream.head = String::from_utf8(head).expect("ASCII");
            } else {
                assert!(stream.read_more(), "an answer");
            }
        }
        assert!(stream.head.starts_with("HTTP/1.1 200 OK\r\n"), "{}", stream.head);
        stream
    }

    /// Whether there was more.
    #[track_caller]
    fn read_more(&mut self) -> bool {
        let mut buffer = [0; 64 * 1024];
        let count = self.http.stream.read(&mut buffer).expect("something in time");
        self.read.extend_from_slice(&buffer[..count]);
        count > 0
    }

    /// Takes one chunk out of what has been read. Says whether there was one.
    #[track_caller]
    fn take_chunk(&mut self) -> bool {
        let Some(at) = self.read.windows(2).position(|window| window == b"\r\n") else {
            return false;
        };
        let size = str::from_utf8(&self.read[..at]).expect("ASCII");
        let size = usize::from_str_radix(size, 16).expect("a chunk's size");
        let end = at + 2 + size;
        if self.read.len() < end + 2 {
            return false;
        }
        self.lines.extend_from_slice(&self.read[at + 2..end]);
        self.read.drain(..end + 2);
        self.has_ended = size == 0;
        true
    }

    /// The next line; `None` at the end.
    #[track_caller]
    fn line(&mut self) -> Option<String> {
        loop {
            if let Some(at) = self.lines.iter().position(|byte| *byte == b'\n') {
                let line = self.lines.drain(..=at).collect();
                let line = String::from_utf8(line).expect("UTF-8");
                self.units += line.encode_utf16().count();
                return Some(line);
            }
            if self.has_ended {
                return None;
            }
            if !self.take_chunk() && !self.read_more() {
                return None;
            }
        }
    }

    /// Checks that nothing more has come.
    #[track_caller]
    fn expect_silence(mut self) {
        self.http.stream.set_nonblocking(true).expect("a socket");
        let read = self.http.stream.read(&mut [0]).map_err(|error| error.kind());
        assert_eq!(
            (read, &*self.read, &*self.lines),
            (Err(ErrorKind::WouldBlock), &[][..], &[][..])
        );
    }

    /// The next message.
    #[track_caller]
    fn message(&mut self) -> String {
        while self.messages.is_empty() {
            self.messages = messages(&self.line().expect("no end"));
        }
        self.messages.remove(0)
    }
}

/// The messages of a line; none if it is a sign of life.
#[track_caller]
fn messages(line: &str) -> Vec<String> {
    if line == "h\n" {
        return Vec::new();
    }
    let json = line.strip_prefix('a').unwrap_or_else(|| panic!("no messages: {line:?}"));
    serde_json::from_str(json).expect("an array of texts")
}

/// The socket id of a greeting.
#[track_caller]
fn greeted(message: &str) -> String {
    let greeting: Value = serde_json::from_str(message).expect("JSON");
    assert_eq!(greeting["event"], "pusher:connection_established");
    let data = crate::client::data(&greeting);
    data["socket_id"].as_str().expect("a text").to_owned()
}

impl<'s> Xhr<'s> {
    /// A greeted client that streams.
    #[track_caller]
    fn connect(server: &'s Server, session: &str) -> Self {
        let mut stream = Stream::open(server, &target(session, "xhr_streaming"));
        assert_eq!(stream.line().as_deref(), Some(OPEN));
        let socket_id = greeted(&stream.message());
        Self { server, session: session.to_owned(), stream, socket_id }
    }

    /// Posts a body.
    #[track_caller]
    fn post(&self, body: &str) -> Answer {
        let target = target(&self.session, "xhr_send");
        self.server.http().request("POST", &target, "", body)
    }

    /// Sends a message.
    #[track_caller]
    fn send(&self, text: &str) {
        let answer = self.post(&Value::from(vec![text]).to_string());
        assert_eq!((answer.status, &*answer.body), (204, ""));
    }

    #[track_caller]
    fn subscribe(&mut self, channel: &str) {
        self.send(&subscription(channel));
        assert_eq!(self.stream.message(), succeeded(channel));
    }

    /// Asks for messages once, and reads the whole answer.
    #[track_caller]
    fn poll(&self) -> String {
        let answer = self.server.http().request("POST", &target(&self.session, "xhr"), "", "");
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }

    /// The same session in another stream.
    #[track_caller]
    fn stream_anew(&self) -> Stream {
        Stream::open(self.server, &target(&self.session, "xhr_streaming"))
    }
}

#[test]
fn a_stream_begins_with_o_and_carries_messages() {
    let mut server = Server::default();
    let mut client = Xhr::connect(&server, "abc");
    for header in [
        "content-type: application/javascript; charset=utf-8\r\n",
        "access-control-allow-origin: *\r\n",
        "cache-control: no-store, no-transform\r\n",
        "x-accel-buffering: no\r\n",
        "transfer-encoding: chunked\r\n",
    ] {
        assert!(client.stream.head.to_ascii_lowercase().contains(header), "{header}");
    }
    client.subscribe("news");
    for at in 0..10 {
        server.publish("news", "e", &at.to_string());
        assert_eq!(client.stream.message(), event("e", "news", &at.to_string()));
    }
    client.send(r#"{"event":"pusher:ping","data":{}}"#);
    assert_eq!(client.stream.message(), r#"{"event":"pusher:pong","data":"{}"}"#);
    server.stop_at_once();
}

#[test]
fn polls_begin_with_o_and_carry_what_there_is() {
    let mut server = Server::start(&Settings::server("shards = 4"));
    let names: Vec<String> = (0..8).map(|at| format!("session-{at}")).collect();
    for name in &names {
        let mut http = server.http();
        let polled = |http: &mut Http| http.request("POST", &target(name, "xhr"), "", "").body;
        let answer = polled(&mut http);
        let greeting = answer.strip_prefix(OPEN).expect("it is open");
        greeted(&messages(greeting)[0]);
        let sent =
            |body: &str| server.http().request("POST", &target(name, "xhr_send"), "", body).status;
        let both = Value::from(vec![subscription("news"), subscription("more")]);
        assert_eq!(sent(&both.to_string()), 204);
        let mut confirmed: Vec<String> = Vec::new();
        while confirmed.len() < 2 {
            confirmed.append(&mut messages(&polled(&mut http)));
        }
        confirmed.sort();
        assert_eq!(confirmed, [succeeded("more"), succeeded("news")]);
        http.send(format!("POST {} HTTP/1.1\r\nHost: h\r\n\r\n", target(name, "xhr")));
        server.publish("news", "e", "x");
        assert_eq!(messages(&http.answer().body), [event("e", "news", "x")]);
    }
    server.stop_at_once();
}

#[test]
fn sessions_are_found_from_every_shard() {
    let mut server = Server::start(&Settings::server("shards = 4"));
    let mut clients: Vec<Xhr<'_>> =
        (0..8).map(|at| Xhr::connect(&server, &format!("client-{at}"))).collect();
    for (at, client) in clients.iter_mut().enumerate() {
        // Each request comes to another shard.
        for channel in 0..5 {
            client.subscribe(&format!("channel-{channel}"));
        }
        server.publish("channel-3", "e", &at.to_string());
        assert_eq!(client.stream.message(), event("e", "channel-3", &at.to_string()));
        client.send(r#"{"event":"pusher:unsubscribe","data":{"channel":"channel-3"}}"#);
    }
    server.stop_at_once();
}

#[test]
fn another_stream_takes_over_without_loss_and_without_a_second_o() {
    let mut server = Server::default();
    let mut client = Xhr::connect(&server, "abc");
    client.subscribe("news");
    for at in 0..10 {
        let mut stream = client.stream_anew();
        server.publish("news", "e", &at.to_string());
        assert_eq!(stream.message(), event("e", "news", &at.to_string()));
        assert_eq!(client.stream.line().as_deref(), Some("h\n"), "the former one is released");
        assert_eq!(client.stream.line(), None, "and ends");
        client.stream = stream;
    }
    let mut http = server.http();
    http.send(format!("POST {} HTTP/1.1\r\nHost: h\r\n\r\n", target("abc", "xhr")));
    assert_eq!(client.stream.line().as_deref(), Some("h\n"));
    assert_eq!(client.stream.line(), None);
    server.publish("news", "e", "10");
    assert_eq!(messages(&http.answer().body), [event("e", "news", "10")]);
    // What is published while nobody asks is there for the next one.
    server.publish("news", "e", "11");
    assert_eq!(messages(&client.poll()), [event("e", "news", "11")]);
    server.stop_at_once();
}

/// As behind a proxy that keeps the connection of a client that has given up.
#[test]
fn streams_do_not_take_the_session_from_each_other_again_and_again() {
    let mut server = Server::default();
    let mut client = Xhr::connect(&server, "abc");
    client.subscribe("news");
    let mut second = client.stream_anew();
    assert_eq!(client.stream.line().as_deref(), Some("h\n"));
    assert_eq!(client.stream.line(), None);
    for at in 0..3 {
        server.publish("news", "e", &at.to_string());
        let line = second.line().expect("it goes on");
        assert_eq!(messages(&line), [event("e", "news", &at.to_string())]);
    }
    server.stop_at_once();
}

#[test]
fn a_burst_comes_in_order_and_once_over_streams_and_polls() {
    const EVENTS: usize = 2000;
    let mut server = Server::start(&Settings::server("shards = 4\nbacklog_bytes = 10_000_000"));
    let mut streaming = Xhr::connect(&server, "streaming");
    let mut polling = Xhr::connect(&server, "polling");
    streaming.subscribe("news");
    polling.subscribe("news");
    let mut http = server.http();
    http.send(format!("POST {} HTTP/1.1\r\nHost: h\r\n\r\n", target("polling", "xhr")));
    assert_eq!(polling.stream.line().as_deref(), Some("h\n"), "the poll has taken over");
    server.publish("news", "e", "first");
    assert_eq!(messages(&http.answer().body), [event("e", "news", "first")]);
    assert_eq!(streaming.stream.message(), event("e", "news", "first"));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut http = server.http();
            (0..EVENTS).for_each(|at| http.publish("news", "e", &at.to_string()));
        });
        scope.spawn(|| {
            let mut http = server.http();
            let mut seen = 0;
            while seen < EVENTS {
                let answer = http.request("POST", &target("polling", "xhr"), "", "");
                for message in messages(&answer.body) {
                    assert_eq!(message, event("e", "news", &seen.to_string()));
                    seen += 1;
                }
            }
        });
        for at in 0..EVENTS {
            assert_eq!(streaming.stream.message(), event("e", "news", &at.to_string()));
        }
    });
    server.stop_at_once();
}

/// Beyond 256 KiB pusher-js asks anew and drops what still comes over the former stream.
#[test]
fn beyond_256_kib_a_stream_says_nothing_and_the_next_one_misses_nothing() {
    const MARK: usize = 256 * 1024;
    let lines = "shards = 2\nbacklog_bytes = 10_000_000";
    let mut server = Server::start(&Settings::server(lines));
    let mut client = Xhr::connect(&server, "abc");
    client.subscribe("news");
    let text = "é".repeat(4000);
    let mut next = 0;
    for _ in 0..3 {
        let mut published = next;
        while client.stream.units <= MARK {
            server.publish("news", "e", &format!("{published}{text}"));
            published += 1;
            let line = client.stream.line().expect("it goes on");
            for message in messages(&line) {
                assert_eq!(message, event("e", "news", &format!("{next}{text}")));
                next += 1;
            }
        }
        server.publish("news", "e", &format!("{published}{text}"));
        let stream = client.stream_anew();
        let former = std::mem::replace(&mut client.stream, stream);
        assert_eq!(client.stream.message(), event("e", "news", &format!("{next}{text}")));
        former.expect_silence();
        next += 1;
    }
    server.stop_at_once();
}

#[test]
fn a_client_that_is_gone_is_forgotten_after_a_few_seconds() {
    let server = Server::default();
    let mut witness = server.connect();
    witness.join("presence-room", "witness");
    let client = Xhr::connect(&server, "abc");
    let polled = Xhr::connect(&server, "other");
    polled.stream.http.stream.shutdown(std::net::Shutdown::Both).expect("it is open");
    polled.poll_in_vain();
    join(&client, "presence-room", "ann");
    assert!(witness.text().contains("pusher_internal:member_added"));
    let begun = Instant::now();
    drop(client);
    drop(polled);
    assert!(witness.text().contains("pusher_internal:member_removed"));
    assert!(begun.elapsed() < DEADLINE / 2, "{:?}", begun.elapsed());
    server.wait_until_empty_but(1);
}

impl Xhr<'_> {
    /// Asks for messages and goes away without an answer.
    fn poll_in_vain(&self) {
        let mut http = self.server.http();
        http.send(format!("POST {} HTTP/1.1\r\nHost: h\r\n\r\n", target(&self.session, "xhr")));
    }
}

/// Joins a presence channel.
#[track_caller]
fn join(client: &Xhr<'_>, channel: &str, user: &str) {
    use resound_protocol::signature::{Signer, channel_auth};
    let member = format!(r#"{{"user_id":"{user}"}}"#);
    let signer = Signer::new(crate::settings::SECRET);
    let auth = channel_auth(KEY, &signer, &client.socket_id, channel, Some(&member));
    let data = serde_json::json!({ "auth": auth, "channel": channel, "channel_data": member });
    let message = serde_json::json!({ "event": "pusher:subscribe", "data": data });
    client.send(&message.to_string());
}

#[test]
fn members_and_client_events_reach_websockets_and_back() {
    let mut server = Server::start(&Settings::default());
    let mut socket = server.connect();
    socket.join("presence-room", "bob");
    let mut client = Xhr::connect(&server, "abc");
    join(&client, "presence-room", "ann");
    assert!(client.stream.message().contains(r#"\"ids\":[\"bob\",\"ann\"]"#));
    assert!(socket.text().contains("member_added"));
    client.send(r#"{"event":"client-a","channel":"presence-room","data":{"a":1}}"#);
    assert!(socket.text().contains(r#""event":"client-a""#));
    socket.send(r#"{"event":"client-b","channel":"presence-room","data":{"b":1}}"#);
    assert!(client.stream.message().contains(r#""event":"client-b""#));
    server.stop_at_once();
}

#[test]
fn who_may_not_connect_is_told_so_in_lines() {
    let settings = Settings::app("allowed_origins = [\"a.example\"]\nmax_connections = 1");
    let mut server = Server::start(&settings.with_app("2", "off", "off", "enabled = false"));
    let origin = "Origin: https://a.example\r\n";
    let full = target("first", "xhr");
    assert!(server.http().request("POST", &full, origin, "").body.starts_with("o\na["));
    for (key, query, origin, code, reason) in [
        ("nobodys", "", origin, 4001, "Application does not exist"),
        ("off", "", origin, 4003, "Application is disabled"),
        (KEY, "", origin, 4004, "Application is over connection quota"),
        (KEY, "?protocol=x", origin, 4006, "Invalid version string format"),
        (KEY, "?protocol=3", origin, 4007, "Unsupported protocol version"),
        (KEY, "", "Origin: https://b.example\r\n", 4009, "Origin not allowed"),
    ] {
        let message = Value::from(vec![error(code, reason)]);
        let expected = format!("o\na{message}\nc[{code},\"{reason}\"]\n");
        for kind in ["xhr_streaming", "xhr"] {
            let target = format!("/pusher/app/{key}/1/second/{kind}{query}");
            let answer = server.http().request("POST", &target, origin, "");
            answer.check(200, &expected);
            assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        }
    }
    server.wait_until_empty();
    server.stop_at_once();
}

#[test]
fn what_is_sent_to_no_session_is_refused() {
    let server = Server::default();
    let body = r#"["{\"event\":\"pusher:ping\"}"]"#;
    let sent = |target: &str| server.http().request("POST", target, "", body);
    sent(&target("nobodys", "xhr_send")).check_error(404, "The session is over.");
    let long = "x".repeat(65);
    for target in [
        format!("/pusher/app/{KEY}/1/{long}/xhr"),
        format!("/pusher/app/{KEY}/{long}/1/xhr_streaming"),
        format!("/pusher/app/{KEY}/1//xhr"),
    ] {
        sent(&target).check_error(404, "No session has such a name.");
    }
    sent(&target("abc", "websocket")).check_error(404, "There is xhr_streaming, xhr and xhr_send.");
    assert_eq!(sent(&format!("/pusher/app/{KEY}/1/abc/xhr/")).status, 404);
    for method in ["GET", "HEAD", "PUT"] {
        let answer = server.http().request(method, &target("abc", "xhr"), "", "");
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST, OPTIONS")));
    }
    let answer = server.http().request("OPTIONS", &target("abc", "xhr_send"), "", "");
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (204, Some("*")));
    server.wait_until_empty();
}

#[test]
fn nonsense_ends_a_session_and_wrong_messages_do_not() {
    let mut server = Server::start(&Settings::of(
        "shards = 2\n[socketio]\nmax_payload = 60000",
        "max_message_size = 2000",
    ));
    let mut client = Xhr::connect(&server, "abc");
    client.send("nonsense");
    assert_eq!(client.stream.message(), error(4200, "Invalid message format"));
    assert_eq!(client.post("[]").status, 204, "the answer to a sign of life");
    for (session, body, code) in [
        ("a", "nonsense", 1007),
        ("b", "{}", 1007),
        ("c", "[7]", 1007),
        ("d", "[\"\\ud800\"]", 1007),
        ("e", "", 1007),
        ("f", &*Value::from(vec!["x".repeat(2001)]).to_string(), 1009),
    ] {
        let mut client = Xhr::connect(&server, session);
        assert_eq!(client.post(body).status, 204, "{body}");
        let line = client.stream.line().expect("a last line");
        assert!(line.starts_with(&format!("c[{code},\"")), "{line}");
        assert_eq!(client.stream.line(), None);
        assert_eq!(client.post("[]").status, 404);
    }
    let mut client = Xhr::connect(&server, "g");
    assert_eq!(client.post(&"x".repeat(60_001)).status, 413);
    client.subscribe("news");
    server.stop_at_once();
}

#[test]
fn an_ended_connection_ends_the_stream_with_its_code() {
    let server = Server::default();
    let mut client = Xhr::connect(&server, "abc");
    join(&client, "presence-room", "ann");
    client.stream.message();
    server.post("/users/ann/terminate_connections", "{}").check(200, "{}");
    assert_eq!(client.stream.message(), error(4009, "You got disconnected by the app."));
    let line = client.stream.line();
    assert_eq!(line.as_deref(), Some("c[4009,\"You got disconnected by the app.\"]\n"));
    assert_eq!(client.stream.line(), None);
    server.wait_until_empty();
}

#[test]
fn the_end_of_the_process_is_told_and_does_not_wait_for_streams_that_are_full() {
    let mut server = Server::start(&Settings::of(
        "shards = 2\nshutdown_grace_seconds = 20\nbacklog_bytes = 10_000_000",
        "max_request_size = 2000000",
    ));
    let mut full = Xhr::connect(&server, "full");
    full.subscribe("news");
    server.publish("news", "e", &"x".repeat(300_000));
    full.stream.message();
    let mut client = Xhr::connect(&server, "abc");
    server.signal(rustix::process::Signal::TERM);
    let line = client.stream.line();
    assert_eq!(line.as_deref(), Some("c[4100,\"Server is shutting down. Please reconnect.\"]\n"));
    let begun = Instant::now();
    assert!(server.wait().success());
    assert!(begun.elapsed() < DEADLINE / 2, "{:?}", begun.elapsed());
}

#[test]
fn random_bytes_harm_no_route() {
    let mut server = Server::start(&Settings::server("shards = 2\nhandshake_timeout_seconds = 1"));
    let mut state = 7u32;
    let mut byte = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let mut garbage = move |length: usize| -> Vec<u8> { (0..length).map(|_| byte()).collect() };
    let targets = [
        target("abc", "xhr"),
        target("abc", "xhr_send"),
        target("abc", "xhr_streaming"),
        Eio::V3.target("polling"),
        Eio::V4.target("polling"),
        format!("{}&sid=1.1", Eio::V4.target("polling")),
        Eio::V4.target("websocket"),
        "/socket.io/?%ff%00&&&=&sid=&EIO".to_owned(),
    ];
    let mut witness = server.connect();
    for round in 0..20 {
        for target in &targets {
            for kind in ["text/plain", "application/octet-stream"] {
                let body = garbage(round * 13 % 200);
                let length = body.len();
                let mut http = server.http();
                http.send(format!(
                    "POST {target} HTTP/1.1\r\nHost: h\r\nContent-Type: {kind}\r\n\
                     Content-Length: {length}\r\n\r\n"
                ));
                http.send(&body);
                // Some go away at once.
                if round % 2 == 0 && !target.contains("xhr") {
                    assert!(http.answer().status >= 200);
                }
            }
        }
        for eio in Eio::BOTH {
            let mut session = crate::socketio_client::Polling::open(&server, eio);
            let body = garbage(1 + round);
            let target = session.target();
            let mut http = server.http();
            http.send(format!(
                "POST {target} HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n",
                body.len()
            ));
            http.send(&body);
            assert_eq!(http.answer().status, 200);
            let mut stream = server.tcp();
            let request = handshake(&session.upgrade_target(), "").into_bytes();
            // The session may have ended, and the server have closed.
            let _ = stream.write_all(&[request, frame(0x81, &body)].concat());
            session.ask();
            let mut client = server.open(&eio.target("websocket"));
            client.send_bytes([frame(0x82, &garbage(round)), garbage(40)].concat());
        }
        witness.expect_pong();
    }
    server.stop_at_once();
}
