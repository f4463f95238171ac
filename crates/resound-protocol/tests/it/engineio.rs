//! Payloads come back as they were written, and junk is refused without a panic.

use proptest::prelude::*;
use resound_protocol::engineio::{
    Packet, Version,
    payload::{self, BodyKind, PACKETS_MAX},
};

/// Packets as a client sends them: any text after a type. JSON escapes the separator.
fn packets() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[0-6][^\u{1e}]{0,20}", 1..20)
}

/// A binary body as engine.io-parser 2 writes it.
fn binary(packets: &[Result<String, Vec<u8>>]) -> Vec<u8> {
    let mut body = Vec::new();
    for packet in packets {
        let (kind, bytes) = match packet {
            Ok(text) => (0, text.as_bytes()),
            Err(attachment) => (1, &**attachment),
        };
        body.push(kind);
        body.extend(bytes.len().to_string().bytes().map(|digit| digit - b'0'));
        body.push(0xFF);
        body.extend_from_slice(bytes);
    }
    body
}

fn version() -> impl Strategy<Value = Version> {
    prop_oneof![Just(Version::V3), Just(Version::V4)]
}

proptest! {
    #[test]
    fn a_payload_comes_back_as_its_packets(version in version(), packets in packets()) {
        let body = payload::encode(version, packets.iter().map(String::as_str));
        let decoded = payload::decode(version, BodyKind::Text, &body).expect("a payload");
        prop_assert_eq!(&decoded, &packets);
        for packet in &decoded {
            prop_assert!(Packet::parse(packet).is_ok());
        }
    }

    #[test]
    fn a_binary_body_comes_back_as_its_packets(packets in prop::collection::vec(
        prop_oneof![
            "[0-6].{0,20}".prop_map(Ok),
            prop::collection::vec(any::<u8>(), 0..300).prop_map(Err),
        ],
        1..10,
    )) {
        let body = binary(&packets);
        let decoded = payload::decode(Version::V3, BodyKind::Binary, &body).expect("a payload");
        let expected: Vec<_> =
            packets.iter().map(|packet| packet.as_deref().unwrap_or("b")).collect();
        prop_assert_eq!(decoded, expected);
    }

    #[test]
    fn junk_is_refused_without_a_panic(
        version in version(),
        kind in prop_oneof![Just(BodyKind::Text), Just(BodyKind::Binary)],
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..100),
            prop::collection::vec(prop_oneof![0_u8..10, 0xFE_u8.., b'0'..=b':'], 0..100),
            "([0-9]{0,2}:?.{0,3}){0,20}".prop_map(String::into_bytes),
        ],
    ) {
        for packet in payload::decode(version, kind, &body).unwrap_or_default() {
            prop_assert!(!packet.is_empty() || kind == BodyKind::Binary);
            let _ = Packet::parse(&packet);
        }
    }

    #[test]
    fn no_body_has_more_packets_than_are_taken(count in PACKETS_MAX - 2..PACKETS_MAX + 3) {
        for version in [Version::V3, Version::V4] {
            let body = payload::encode(version, std::iter::repeat_n("6", count));
            let decoded = payload::decode(version, BodyKind::Text, &body);
            prop_assert_eq!(decoded.is_ok(), count <= PACKETS_MAX);
        }
    }
}
