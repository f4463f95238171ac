//! TLS: what goes over it, and how connections begin and end.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
};

use rustix::process::Signal;
use rustls::{
    HandshakeKind, ProtocolVersion,
    client::Resumption,
    version::{TLS12, TLS13},
};
use serde_json::json;

use crate::{
    client::{Client, Said, TEXT, event, frame, handshake, subscription, succeeded},
    http::{Http, signed_target},
    server::Server,
    settings::{KEY, Settings},
    tls_client::{
        Tls, bid_farewell, client, complete, config, connect, connect_with, greeted, http, lines,
        over, start, usual, wait_until_connected,
    },
};

#[test]
fn a_websocket_gets_what_is_published_over_https() {
    let server = start();
    for (version, expected) in
        [(&TLS13, ProtocolVersion::TLSv1_3), (&TLS12, ProtocolVersion::TLSv1_2)]
    {
        let tls = connect_with(&server, config(&[version]));
        assert_eq!(tls.conn.protocol_version(), Some(expected));
        let mut client = greeted(tls);
        client.subscribe("news");
        client.subscribe_private("private-news");
        let mut http = Http::new(connect_with(&server, config(&[version])));
        http.publish("news", "e", "x");
        client.expect(event("e", "news", "x"));
        client.send(r#"{"event":"client-a","channel":"private-news","data":"x"}"#);
        client.expect_pong();
    }
}

#[test]
fn the_connection_of_the_api_is_kept_and_may_be_pipelined() {
    let server = start();
    let mut client = client(&server);
    client.subscribe("news");
    let mut http = http(&server);
    for at in 0..50 {
        http.publish("news", "e", &at.to_string());
    }
    let mut requests = String::new();
    for at in 50..100 {
        let body = json!({ "name": "e", "channel": "news", "data": at.to_string() }).to_string();
        let target = signed_target("POST", "/events", &[], &body);
        let length = body.len();
        requests +=
            &format!("POST {target} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n{body}");
    }
    http.send(requests);
    for _ in 50..100 {
        http.answer().check(200, "{}");
    }
    for at in 0..100 {
        client.expect(event("e", "news", &at.to_string()));
    }
}

#[test]
fn the_first_request_may_come_with_the_end_of_the_handshake() {
    let server = start();
    for version in [&TLS13, &TLS12] {
        let mut tls = over(config(&[version]), server.tcp());
        let mut bytes = handshake(&format!("/app/{KEY}"), "").into_bytes();
        bytes.extend(frame(TEXT, subscription("news").as_bytes()));
        // What is written before the handshake waits for its end, and goes with its last message.
        tls.conn.writer().write_all(&bytes).expect("a buffer");
        let mut client = Client::new(tls);
        client.read_response();
        client.greet();
        client.expect(succeeded("news"));
    }
}

/// A socket that takes one byte at a time.
struct Drip(TcpStream);

impl Read for Drip {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.0.read(to)
    }
}

impl Write for Drip {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(&bytes[..bytes.len().min(1)])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[test]
fn records_may_come_byte_by_byte() {
    let server = start();
    for version in [&TLS13, &TLS12] {
        let mut client = greeted(over(config(&[version]), Drip(server.tcp())));
        client.subscribe("news");
        let mut http = Http::new(over(config(&[version]), Drip(server.tcp())));
        http.publish("news", "e", "x");
        http.publish("news", "e", "y");
        client.expect(event("e", "news", "x"));
        client.expect(event("e", "news", "y"));
    }
}

#[test]
fn records_may_be_as_small_as_they_can_be() {
    let server = start();
    for version in [&TLS13, &TLS12] {
        let mut small = config(&[version]);
        small.max_fragment_size = Some(32);
        let mut client = greeted(connect_with(&server, small.clone()));
        client.subscribe(&"x".repeat(150));
        Http::new(connect_with(&server, small)).publish(&"x".repeat(150), "e", "x");
        client.expect(event("e", &"x".repeat(150), "x"));
    }
}

#[test]
fn messages_of_every_length_arrive_in_both_directions() {
    let lines = lines("shards = 2");
    let app = "max_message_size = 3000000\nmax_request_size = 3000000";
    let server = Server::start(&Settings::of(&lines, app));
    let [mut sender, mut receiver] = [client(&server), client(&server)];
    sender.subscribe_private("private-a");
    receiver.subscribe_private("private-a");
    let mut http = http(&server);
    for length in [1, 100, 16_300, 16_384, 16_400, 65_535, 65_536, 200_000, 2_000_000] {
        let data = "x".repeat(length);
        let text = format!(r#"{{"event":"client-a","channel":"private-a","data":"{data}"}}"#);
        sender.send(&text);
        receiver.expect(text);
        http.publish("private-a", "e", &data);
        for client in [&mut sender, &mut receiver] {
            client.expect(event("e", "private-a", &data));
        }
    }
}

#[test]
fn a_flood_of_messages_is_answered_in_order() {
    const COUNT: usize = 20_000;
    let server = start();
    let mut client = client(&server);
    let tls = &mut client.stream;
    let mut bytes = Vec::new();
    for at in 0..COUNT {
        bytes.extend(frame(crate::client::PING, at.to_string().as_bytes()));
    }
    // The answers wait here and there until all is said.
    tls.conn.set_buffer_limit(None);
    tls.conn.writer().write_all(&bytes).expect("a buffer without a bound");
    while tls.conn.wants_write() {
        tls.conn.write_tls(&mut tls.sock).expect("the server reads");
    }
    for at in 0..COUNT {
        assert_eq!(client.next(), Said::Pong(at.to_string().into()));
    }
}

/// Publishes numbered events of 20 kB until the log has a line, and then one more.
fn publish_until(server: &Server, message: &str) {
    let filler = "x".repeat(20_000);
    let mut http = http(server);
    for at in 0.. {
        assert!(at < 20_000, "nobody is given up");
        http.publish("news", "e", &format!("{at} {filler}"));
        if server.log.events().iter().any(|event| event["message"] == message) {
            break;
        }
    }
    http.publish("news", "last", "x");
}

/// Reads numbered events without a hole, up to something else.
fn read_events(client: &mut Client<Tls>) -> (usize, Said) {
    for at in 0.. {
        let said = client.next();
        let expected = format!(r#""data":"{at} x"#);
        if !matches!(&said, Said::Text(text) if text.contains(&expected)) {
            return (at, said);
        }
    }
    unreachable!("it returns")
}

#[test]
fn a_client_that_reads_too_slowly_is_closed_after_a_part_without_a_hole() {
    let lines = lines("shards = 2\nbacklog_bytes = 100000");
    let server = Server::start(&Settings::of(&lines, "max_request_size = 2000000"));
    let [mut slow, mut healthy] = [client(&server), client(&server)];
    slow.subscribe("news");
    healthy.subscribe("news");
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| read_events(&mut healthy));
        publish_until(&server, "connection is too slow and is closed");
        let (count, last) = reader.join().expect("no hole");
        assert_eq!(last, Said::Text(event("last", "news", "x")));
        let (seen, end) = read_events(&mut slow);
        assert!(seen < count, "{seen} of {count}");
        let reason = "The connection is too slow: it owes more than it may".to_owned();
        assert_eq!(end, Said::Close(4100, reason));
        assert_eq!(slow.next(), Said::End);
    });
    wait_until_connected(&server, 1);
}

#[test]
fn a_client_that_reads_late_gets_everything() {
    let lines = lines("shards = 2\nbacklog_bytes = 50000000");
    let server = Server::start(&Settings::of(&lines, "max_request_size = 2000000"));
    let mut late = client(&server);
    late.subscribe("news");
    let filler = "x".repeat(200_000);
    let mut http = http(&server);
    for at in 0..100 {
        http.publish("news", "e", &format!("{at} {filler}"));
    }
    http.publish("news", "last", "x");
    let (count, last) = read_events(&mut late);
    assert_eq!((count, last), (100, Said::Text(event("last", "news", "x"))));
    late.expect_pong();
}

#[test]
fn an_answer_that_is_fetched_late_is_complete() {
    let server = Server::start(&Settings::of(&lines("shards = 1"), "max_request_size = 2000000"));
    let mut http = http(&server);
    // The answers are more than sockets hold.
    let requests = "GET /pusher.js HTTP/1.1\r\nHost: h\r\n\r\n".repeat(300);
    http.send(requests);
    for _ in 0..300 {
        assert_eq!(http.answer().body.len(), 60_621);
    }
}

#[test]
fn a_client_that_does_not_get_on_is_closed_when_its_time_is_over() {
    let server =
        Server::start(&Settings::server(&lines("shards = 2\nhandshake_timeout_seconds = 1")));
    let mut silent = Http::new(server.tcp());
    let mut half = Http::new(server.tcp());
    let mut hello = Vec::new();
    over(usual(), io::empty()).conn.write_tls(&mut hello).expect("a buffer");
    half.send(&hello[..hello.len() / 2]);
    // It gets its answer and leaves it at that.
    let mut unread = server.tcp();
    unread.write_all(&hello).expect("the server reads");
    let mut without_request = Http::new(connect(&server));
    let mut with_half = Http::new(connect(&server));
    with_half.send("GET /app/resound-key HTTP/1.1\r\nHost: h\r\n");
    silent.expect_end();
    half.expect_end();
    unread.read_to_end(&mut Vec::new()).expect("the server closes");
    for http in [&mut without_request, &mut with_half] {
        http.expect_end();
    }
    client(&server).expect_pong();
}

#[test]
fn garbage_in_place_of_a_handshake_ends_the_connection_and_is_logged() {
    let server = start();
    let mut watching = client(&server);
    let mut endless = b"\x16\x03\x01\x40\x00\x01\x00\xff\xff".to_vec();
    endless.resize(1 << 20, 0);
    for garbage in
        [&b"\0\0\0\0"[..], b"\x16\x03\x01\x00\x04\x99\0\0\0", b"\x80\x2e\x01\x03\x01", &endless]
    {
        let mut stream = server.tcp();
        let _ = stream.write_all(garbage); // the server may close before it has read it all
        match stream.read_to_end(&mut Vec::new()) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
        }
        watching.expect_pong();
    }
    let line = server.log.wait_for("TLS failed, the connection is closed");
    assert_eq!(line["level"], "INFO");
    assert!(line["peer"].to_string().contains("127.0.0.1"), "{line}");
    let metrics = http(&server).request("GET", "/metrics", "", "").body;
    assert!(metrics.contains(r#"resound_refusals_total{reason="tls"} 4"#), "{metrics}");
}

#[test]
fn a_handshake_that_never_ends_does_not_fill_the_memory() {
    let server = start();
    let mut stream = server.tcp();
    stream.write_all(b"\x16\x03\x01\x00\x05\x01\x00\xff\xff\x00").expect("the server reads");
    let fragments = b"\x16\x03\x01\x00\x01\x00".repeat(1000);
    // The kernel takes some megabytes before it says that nobody reads them.
    let refused = (0..10_000).any(|_| stream.write_all(&fragments).is_err());
    assert!(refused);
    server.log.wait_for("TLS failed, the connection is closed");
    client(&server).expect_pong();
}

#[test]
fn a_record_that_was_tampered_with_ends_the_connection() {
    let server = start();
    let mut client = client(&server);
    client.subscribe("news");
    let tls = &mut client.stream;
    tls.conn.writer().write_all(&frame(TEXT, b"{}")).expect("a buffer");
    let mut record = Vec::new();
    tls.conn.write_tls(&mut record).expect("a buffer");
    *record.last_mut().expect("a record") ^= 1;
    tls.sock.write_all(&record).expect("the server reads");
    let error = tls.read_to_end(&mut Vec::new()).expect_err("an alert");
    assert!(error.to_string().contains("BadRecordMac"), "{error}");
    wait_until_connected(&server, 0);
}

#[test]
fn a_client_that_trusts_nobody_is_in_the_log_with_its_reason() {
    let server = start();
    let mut distrustful = usual();
    distrustful.alpn_protocols = vec![b"h2".to_vec()];
    let mut tls = over(distrustful, server.tcp());
    assert!(complete(&mut tls).is_err());
    let line = server.log.wait_for("TLS failed, the connection is closed");
    assert!(line["reason"].to_string().contains("any known protocol"), "{line}");
    let mut both = usual();
    both.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let tls = connect_with(&server, both);
    assert_eq!(tls.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
}

#[test]
fn a_client_may_end_with_or_without_a_farewell() {
    let server = start();
    let mut staying = client(&server);
    for at in 0..20 {
        let mut client = client(&server);
        client.subscribe("news");
        match at % 4 {
            0 => drop(client),
            1 => bid_farewell(client.stream),
            2 => client.stream.sock.shutdown(Shutdown::Write).expect("it is open"),
            _ => {
                // The server hears it and closes, too, although TCP is not closed.
                client.stream.conn.send_close_notify();
                client.stream.flush().expect("the server reads");
                assert_eq!(client.next(), Said::End);
            }
        }
    }
    wait_until_connected(&server, 1);
    staying.expect_pong();
}

#[test]
fn a_request_is_answered_although_its_client_says_no_more() {
    let server = start();
    let mut http = http(&server);
    http.send("GET /up HTTP/1.1\r\nHost: h\r\n\r\n");
    http.stream.conn.send_close_notify();
    http.stream.flush().expect("the server reads");
    http.answer().check(200, r#"{"health":"OK"}"#);
    http.expect_end();
}

#[test]
fn http_where_https_is_spoken_is_told_so() {
    let server = start();
    for request in [
        "GET / HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(),
        handshake(&format!("/app/{KEY}"), ""),
        format!(
            "POST /apps HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n\r\n{}",
            "x".repeat(200_000)
        ),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
    ] {
        let mut http = Http::new(server.tcp());
        http.send(request);
        let text =
            "This port speaks HTTPS: use https:// and wss:// in place of http:// and ws://.\n";
        http.answer().check(400, text);
        http.expect_end();
    }
    server.log.wait_for("a client speaks HTTP where HTTPS is spoken; it is told so");
    client(&server).expect_pong();
}

#[test]
fn https_where_http_is_spoken_is_in_the_log() {
    let server = Server::default();
    assert!(complete(&mut over(usual(), server.tcp())).is_err());
    let line = server.log.wait_for_event("TLS", |line| {
        line["message"].to_string().contains("configure tls.cert and tls.key")
    });
    assert_eq!(line["level"], "WARN");
}

#[test]
fn who_comes_back_is_known_by_its_ticket() {
    let server = start();
    for version in [&TLS13, &TLS12] {
        let mut remembering = config(&[version]);
        remembering.resumption = Resumption::in_memory_sessions(8);
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let mut client = greeted(connect_with(&server, remembering.clone()));
            client.expect_pong();
            assert_eq!(client.stream.conn.handshake_kind(), Some(kind));
        }
    }
}

#[test]
fn keys_may_be_changed_at_any_time() {
    let server = start();
    let mut client = client(&server);
    let mut http = http(&server);
    for at in 0..10 {
        client.stream.conn.refresh_traffic_keys().expect("TLS 1.3");
        client.subscribe(&format!("news-{at}"));
        http.stream.conn.refresh_traffic_keys().expect("TLS 1.3");
        http.publish(&format!("news-{at}"), "e", "x");
        client.expect(event("e", &format!("news-{at}"), "x"));
    }
}

#[test]
fn many_handshakes_at_once_all_succeed() {
    let server = start();
    let mut clients: Vec<_> = (0..200).map(|_| over(usual(), server.tcp())).collect();
    server.while_stopped(|| {
        for tls in &mut clients {
            tls.conn.write_tls(&mut tls.sock).expect("the kernel takes it");
        }
    });
    let mut clients: Vec<_> = clients.into_iter().map(greeted).collect();
    for client in &mut clients {
        client.expect_pong();
    }
}

#[test]
fn connections_that_have_ended_leave_nothing() {
    let server = start();
    let mut asking = http(&server);
    assert_eq!(asking.request("GET", "/metrics", "", "").status, 200); // asks every shard
    let files = server.open_files() - 1;
    drop(asking);
    let round = || {
        let clients: Vec<_> = (0..200).map(|_| client(&server)).collect();
        let unfinished: Vec<_> = (0..50).map(|_| server.tcp()).collect();
        let apis: Vec<_> = (0..50).map(|_| http(&server)).collect();
        wait_until_connected(&server, 200);
        drop((clients, unfinished, apis));
        wait_until_connected(&server, 0);
        server.wait_until(|| server.open_files() == files);
    };
    round();
    let before = server.resident_kb();
    (0..5).for_each(|_| round());
    let grown_kb = server.resident_kb().saturating_sub(before);
    assert!(grown_kb < 2000, "{grown_kb} kB more");
}

#[test]
fn a_shutdown_is_told_and_ends_in_good_order() {
    let mut server = start();
    let mut clients = [client(&server), client(&server)];
    let mut half = over(usual(), server.tcp());
    half.conn.write_tls(&mut half.sock).expect("the server reads");
    server.signal(Signal::TERM);
    for client in &mut clients {
        client.expect_close(4100, "Server is shutting down. Please reconnect.");
    }
    server.wait();
}
