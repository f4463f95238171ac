//! The opening handshake: its headers, its size, its time.

use crate::{
    client::{Client, HANDSHAKE, SWITCHING, handshake, subscription, succeeded},
    log::DEADLINE,
    server::Server,
    settings::Settings,
};

/// The text that a WebSocket client gets whose handshake is incomplete.
const INCOMPLETE: &str = "A WebSocket client sent this request, but its Upgrade and Connection \
    headers did not arrive or its Sec-WebSocket headers are not those of version 13";

#[track_caller]
fn check_refused(server: &Server, request: &str) {
    let mut http = server.http();
    http.send(request);
    let answer = http.answer();
    assert_eq!(answer.status, 426, "{request}");
    assert!(answer.body.starts_with(INCOMPLETE), "{}", answer.body);
    assert!(answer.body.ends_with("Its key is known.\n"), "{}", answer.body);
}

#[test]
fn a_handshake_without_one_of_its_headers_is_explained() {
    let server = Server::default();
    for header in ["Upgrade", "Connection", "Sec-WebSocket-Version"] {
        let kept: String =
            HANDSHAKE.split_inclusive("\r\n").filter(|line| !line.starts_with(header)).collect();
        check_refused(&server, &format!("GET /app/resound-key HTTP/1.1\r\n{kept}\r\n"));
    }
    let kept = HANDSHAKE.replace("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "");
    check_refused(&server, &format!("GET /app/resound-key HTTP/1.1\r\n{kept}\r\n"));
}

#[test]
fn a_handshake_with_a_wrong_header_is_explained() {
    let server = Server::default();
    for (right, wrong) in [
        ("Upgrade: websocket", "Upgrade: h2c"),
        ("Connection: Upgrade", "Connection: keep-alive"),
        ("Version: 13", "Version: 8"),
        ("dGhlIHNhbXBsZSBub25jZQ==", "short"),
        ("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZSEh"),
    ] {
        check_refused(&server, &handshake("/app/resound-key", "").replace(right, wrong));
    }
}

#[test]
fn other_methods_do_not_open_a_websocket() {
    let server = Server::default();
    let mut http = server.http();
    http.send(handshake("/app/resound-key", "").replace("GET", "POST"));
    let answer = http.answer();
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD, OPTIONS")));
}

#[test]
fn header_names_and_values_may_be_written_in_any_case_and_as_lists() {
    let server = Server::default();
    let request = "GET /app/resound-key HTTP/1.1\r\nHOST: h\r\nUPGRADE: WebSocket\r\n\
        connection: keep-alive, Upgrade\r\nsec-websocket-version: 13\r\n\
        SEC-WEBSOCKET-KEY: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let mut client = Client::new(server.tcp());
    client.send_bytes(request);
    client.read_response();
    client.greet();
}

#[test]
fn a_list_may_be_written_as_several_headers() {
    let server = Server::default();
    let several = "Connection: keep-alive\r\nConnection: Upgrade\r\n";
    let request = handshake("/app/resound-key", "").replace("Connection: Upgrade\r\n", several);
    let mut client = Client::new(server.tcp());
    client.send_bytes(request);
    client.read_response();
    client.greet();
}

#[test]
fn the_first_subprotocol_is_echoed_and_extensions_are_declined() {
    let server = Server::default();
    let headers = "Sec-WebSocket-Protocol: pusher, other\r\n\
        Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
    let mut client = server.open_with("/app/resound-key", headers);
    assert_eq!(client.response, format!("{SWITCHING}Sec-WebSocket-Protocol: pusher\r\n\r\n"));
    client.greet();
}

#[test]
fn the_handshake_may_come_byte_by_byte_and_with_the_first_message_behind_it() {
    let server = Server::default();
    let mut bytes = handshake("/app/resound-key", "").into_bytes();
    bytes.extend(crate::client::frame(crate::client::TEXT, subscription("news").as_bytes()));
    let mut slow = Client::new(server.tcp());
    for byte in &bytes {
        slow.send_bytes([*byte]);
    }
    let mut quick = Client::new(server.tcp());
    quick.send_bytes(&bytes);
    for client in [&mut slow, &mut quick] {
        client.read_response();
        client.greet();
        client.expect(succeeded("news"));
    }
}

#[test]
fn a_client_that_says_nothing_is_closed_when_its_time_is_over() {
    let server = Server::start(&Settings::server("shards = 2\nhandshake_timeout_seconds = 1"));
    let mut silent = server.http();
    let mut half = server.http();
    half.send("GET /app/resound-key HTTP/1.1\r\nHost: h\r\n");
    silent.expect_end();
    half.expect_end();
    server.connect().expect_pong();
}

#[test]
fn a_client_that_drips_is_closed_when_its_time_is_over() {
    let server = Server::start(&Settings::server("shards = 2\nhandshake_timeout_seconds = 1"));
    let mut http = server.http();
    http.send("GET /app/resound-key HTTP/1.1\r\nX: ");
    // Each byte comes in time; all of them together do not.
    http.stream.set_read_timeout(Some(DEADLINE / 400)).expect("a timeout");
    let dripped = (0..400).take_while(|_| {
        let mut byte = [0];
        let read = std::io::Read::read(&mut http.stream, &mut byte);
        let is_open = read.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
        is_open && std::io::Write::write_all(&mut http.stream, b"x").is_ok()
    });
    assert!(dripped.count() < 400, "it may drip for ever");
}

#[test]
fn a_head_that_is_too_large_is_refused() {
    let server = Server::default();
    let mut http = server.http();
    let head = "GET /app/resound-key HTTP/1.1\r\nHost: h\r\nX: ";
    // No more than the server reads: what it left unread would make TCP take the answer back.
    let large = "x".repeat(64 * 1024 - head.len());
    http.send(format!("{head}{large}"));
    assert_eq!(http.answer().status, 431);
    http.expect_end();
}

#[test]
fn what_is_no_http_is_refused() {
    let server = Server::default();
    let tls = b"\x16\x03\x01\x02\0\x01\0";
    for garbage in [&b"\0\0\0\0\r\n\r\n"[..], tls, b"HELO there\r\n\r\n"] {
        let mut http = server.http();
        http.send(garbage);
        assert_eq!(http.answer().status, 400, "{garbage:?}");
        http.expect_end();
    }
    let mut http2 = server.http();
    http2.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    http2.expect_end();
}

#[test]
fn a_megabyte_of_garbage_does_no_harm() {
    let server = Server::default();
    let mut byte = 7u32;
    let garbage: Vec<u8> = std::iter::repeat_with(|| {
        byte = byte.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (byte >> 24) as u8
    })
    .take(1 << 20)
    .collect();
    let mut beginning = server.tcp();
    // The server may close before it has read it all.
    let _ = std::io::Write::write_all(&mut beginning, &garbage);
    let mut client = server.connect();
    let _ = std::io::Write::write_all(&mut client.stream, &garbage);
    while !matches!(client.next(), crate::client::Said::End) {}
    server.connect().expect_pong();
}
