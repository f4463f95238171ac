//! A POST body is split into packets within its limit or refused, and what was split is the same
//! when it is joined and split again.

#![no_main]

use std::borrow::Cow;

use libfuzzer_sys::{arbitrary, arbitrary::Arbitrary, fuzz_target};
use resound_protocol::engineio::{
    Packet, Version,
    payload::{self, BodyKind, PACKETS_MAX, PayloadFault},
};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    is_version_4: bool,
    is_binary: bool,
    body: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let version = if input.is_version_4 { Version::V4 } else { Version::V3 };
    let kind = if input.is_binary { BodyKind::Binary } else { BodyKind::Text };
    let packets = match payload::decode(version, kind, input.body) {
        Ok(packets) => packets,
        Err(fault) => return drop(fault.to_string()),
    };
    assert!(packets.len() <= PACKETS_MAX);
    for packet in &packets {
        match Packet::parse(packet) {
            Ok(Packet::Ping(content) | Packet::Pong(content) | Packet::Message(content)) => {
                assert_eq!(&packet[1..], content);
            }
            Ok(Packet::Binary) => assert_eq!(packet, "b"),
            Ok(Packet::Open | Packet::Close | Packet::Upgrade | Packet::Noop) => {}
            Err(fault) => drop(fault.to_string()),
        }
    }
    // Version 3 passes over packets without a character, which only its binary form yields.
    let kept: Vec<_> = packets.iter().filter(|packet| !packet.is_empty()).collect();
    let body = payload::encode(version, kept.iter().map(|packet| &***packet));
    let again: Vec<Cow<'_, str>> = match payload::decode(version, BodyKind::Text, &body) {
        Err(PayloadFault::Empty) if kept.is_empty() => return,
        again => again.expect("what was joined here can be split"),
    };
    assert!(again.iter().eq(kept));
});
