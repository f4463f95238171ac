//! WebSocket frames as clients may send them.

use crate::{
    client::{
        BINARY, CLOSE, Client, PING, PONG, Said, TEXT, error, frame, handshake, subscription,
        succeeded,
    },
    server::Server,
    settings::Settings,
};

/// A text frame that another one continues, a continuation, and the last one.
const TEXT_BEGINS: u8 = 0x01;
const CONTINUES: u8 = 0x00;
const ENDS: u8 = 0x80;

/// Checks that the server closes with a code after these bytes, which are no valid frames.
#[track_caller]
fn check_close(server: &Server, bytes: &[u8], code: u16, reason: &str) {
    let mut client = server.connect();
    client.subscribe("news");
    client.send_bytes(bytes);
    client.expect_close(code, reason);
}

#[test]
fn a_message_may_come_in_fragments_with_pings_in_between() {
    let server = Server::default();
    let mut client = server.connect();
    let text = subscription("news");
    let (first, rest) = text.split_at(10);
    let (second, third) = rest.split_at(20);
    client.send_frame(TEXT_BEGINS, first);
    client.send_frame(PING, "one");
    assert_eq!(client.next(), Said::Pong(b"one".to_vec()));
    client.send_frame(CONTINUES, second);
    client.send_frame(CONTINUES, "");
    client.send_frame(PING, "two");
    client.send_frame(ENDS, third);
    assert_eq!(client.next(), Said::Pong(b"two".to_vec()));
    client.expect(succeeded("news"));
}

#[test]
fn a_character_may_lie_across_fragments() {
    let server = Server::default();
    let mut sender = server.connect();
    let mut receiver = server.connect();
    sender.subscribe_private("private-a");
    receiver.subscribe_private("private-a");
    let text = r#"{"event":"client-a","channel":"private-a","data":"😀"}"#.as_bytes();
    let within = text.iter().position(|byte| *byte == 0xf0).expect("it is there") + 2;
    sender.send_frame(TEXT_BEGINS, &text[..within]);
    sender.send_frame(ENDS, &text[within..]);
    receiver.expect(r#"{"event":"client-a","channel":"private-a","data":"😀"}"#);
}

#[test]
fn a_frame_may_come_byte_by_byte() {
    let server = Server::default();
    let mut client = server.connect();
    for channel in ["news".to_owned(), "x".repeat(150)] {
        for byte in frame(TEXT, subscription(&channel).as_bytes()) {
            client.send_bytes([byte]);
        }
        client.expect(succeeded(&channel));
    }
}

#[test]
fn many_frames_may_come_in_one_segment_and_are_answered_in_order() {
    let server = Server::start(&Settings::server("shards = 1"));
    let mut client = Client::new(server.tcp());
    let mut bytes = handshake("/app/resound-key", "").into_bytes();
    for channel in 0..100 {
        bytes.extend(frame(TEXT, subscription(&format!("channel-{channel}")).as_bytes()));
        bytes.extend(frame(PING, channel.to_string().as_bytes()));
    }
    client.send_bytes(bytes);
    client.read_response();
    client.greet();
    for channel in 0..100 {
        client.expect(succeeded(&format!("channel-{channel}")));
        assert_eq!(client.next(), Said::Pong(channel.to_string().into()));
    }
}

#[test]
fn frames_of_every_length_arrive() {
    let server = Server::start(&Settings::app("max_message_size = 200000"));
    let mut sender = server.connect();
    let mut receiver = server.connect();
    sender.subscribe_private("private-a");
    receiver.subscribe_private("private-a");
    for length in [0, 1, 60, 125, 126, 4096, 65_535, 65_536, 70_000, 190_000] {
        let data = "x".repeat(length);
        let text = format!(r#"{{"event":"client-a","channel":"private-a","data":"{data}"}}"#);
        sender.send(&text);
        receiver.expect(text);
    }
}

#[test]
fn a_ping_is_answered_with_its_payload() {
    let server = Server::default();
    let mut client = server.connect();
    for payload in [&b""[..], b"payload", &[0xff; 125]] {
        client.send_frame(PING, payload);
        assert_eq!(client.next(), Said::Pong(payload.to_vec()));
    }
    client.send_frame(PONG, "unasked");
    client.expect_pong();
}

#[test]
fn a_binary_frame_is_a_message_if_it_is_text() {
    let server = Server::default();
    let mut client = server.connect();
    client.send_frame(BINARY, subscription("news"));
    client.expect(succeeded("news"));
    client.send_frame(BINARY, b"\xff\xfe");
    client.expect(error(4200, "Invalid message format"));
    client.expect_pong();
}

#[test]
fn a_close_frame_is_answered_with_its_code() {
    let server = Server::default();
    for (payload, code) in
        [(&b""[..], 1000), (b"\x03\xe8", 1000), (b"\x03\xe9going away", 1001), (b"\x0f\xa0", 4000)]
    {
        let mut client = server.connect();
        client.subscribe("news");
        client.send_frame(CLOSE, payload);
        client.send(subscription("later"));
        client.expect_close(code, "");
    }
    server.wait_until_empty();
    server.wait_for_channels("{}");
}

#[test]
fn a_close_frame_that_breaks_the_rules_is_answered_with_1002_or_1007() {
    let server = Server::default();
    for code in [0_u16, 999, 1004, 1005, 1006, 1015, 2999, 5000] {
        check_close(&server, &frame(CLOSE, &code.to_be_bytes()), 1002, "Protocol error");
    }
    check_close(&server, &frame(CLOSE, b"\x03"), 1002, "Protocol error");
    check_close(&server, &frame(CLOSE, b"\x03\xe8\xff"), 1007, "Invalid UTF-8");
}

#[test]
fn an_unmasked_frame_is_answered_with_1002() {
    check_close(&Server::default(), b"\x81\x02hi", 1002, "Protocol error");
}

#[test]
fn reserved_bits_and_unknown_opcodes_are_answered_with_1002() {
    let server = Server::default();
    for first_byte in [0xc1, 0xa1, 0x91, 0x83, 0x87, 0x8b, 0x8f] {
        check_close(&server, &frame(first_byte, b"{}"), 1002, "Protocol error");
    }
}

#[test]
fn fragments_that_break_the_rules_are_answered_with_1002() {
    let server = Server::default();
    let within = [frame(TEXT_BEGINS, b"{"), frame(TEXT, b"{}")].concat();
    for bytes in [frame(ENDS, b"x"), frame(0x09, b""), frame(PING, &[0; 126]), within] {
        check_close(&server, &bytes, 1002, "Protocol error");
    }
}

#[test]
fn text_that_is_not_utf_8_is_answered_with_1007() {
    let server = Server::default();
    check_close(&server, &frame(TEXT, b"{\"event\":\"\xc3\x28\"}"), 1007, "Invalid UTF-8");
    let fragments = [frame(TEXT_BEGINS, b"\xc3"), frame(ENDS, b"\x28")].concat();
    check_close(&server, &fragments, 1007, "Invalid UTF-8");
}

#[test]
fn a_message_over_the_limit_is_answered_with_1009() {
    let server = Server::start(&Settings::app("max_message_size = 100"));
    let reason = "Maximum message size exceeded";
    check_close(&server, &frame(TEXT, &[b' '; 101]), 1009, reason);
    // The header alone is enough.
    check_close(&server, b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xffmask", 1009, reason);
    let fragments = [frame(TEXT_BEGINS, &[b' '; 60]), frame(ENDS, &[b' '; 60])].concat();
    check_close(&server, &fragments, 1009, reason);
    let mut client = server.connect();
    client.send(format!("{:100}", r#"{"event":"pusher:ping"}"#));
    client.expect(r#"{"event":"pusher:pong","data":"{}"}"#);
}

#[test]
fn what_comes_after_an_error_is_ignored() {
    let server = Server::default();
    let mut other = server.connect();
    other.subscribe_private("private-a");
    let mut client = server.connect();
    client.subscribe_private("private-a");
    let event = br#"{"event":"client-late","channel":"private-a","data":1}"#;
    client.send_bytes([&b"\x81\x00"[..], &frame(TEXT, event)].concat());
    client.expect_close(1002, "Protocol error");
    server.publish("private-a", "next", "{}");
    other.expect(r#"{"event":"next","channel":"private-a","data":"{}"}"#);
}

#[test]
fn a_client_that_ends_in_the_midst_of_a_frame_is_forgotten() {
    let server = Server::default();
    for cut in [1, 3, 8, 20] {
        let client = &mut server.connect();
        client.subscribe("news");
        client.send_bytes(&frame(TEXT, subscription("more").as_bytes())[..cut]);
        client.finish();
        assert_eq!(client.next(), Said::End);
    }
    server.wait_until_empty();
}

/// What a client does that is closed while it sends: its last words and its end arrive together.
#[test]
fn a_client_whose_end_arrives_together_with_its_last_message_is_forgotten() {
    let server = Server::default();
    let mut clients: Vec<Client> = (0..4).map(|_| server.connect()).collect();
    server.while_stopped(|| {
        for client in &mut clients {
            client.send(subscription("news"));
            client.finish();
        }
    });
    for client in &mut clients {
        assert!(matches!(client.next(), Said::Text(_) | Said::End));
    }
    server.wait_until_empty();
}

#[test]
fn a_client_whose_end_arrives_together_with_its_handshake_is_forgotten() {
    let server = Server::default();
    let mut clients: Vec<Client> = (0..4).map(|_| Client::new(server.tcp())).collect();
    server.while_stopped(|| {
        for client in &mut clients {
            client.send_bytes(handshake("/app/resound-key", ""));
            client.finish();
        }
    });
    server.wait_until_empty();
}
