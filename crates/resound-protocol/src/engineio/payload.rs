//! Payloads: several packets in one polling answer or POST body (7.3).
//!
//! Version 4 joins packets with the byte `1e`, which no packet contains because JSON escapes it.
//! Version 3 writes each packet's length before it, in the units of JavaScript's strings (UTF-16).
//! A POST body of version 3 that carries attachments can also be binary: per packet one byte (0 for
//! text), the length in bytes as decimal digits of the values 0 to 9, the byte `ff`, the packet.
//!
//! # Layout
//!
//! * `lengths`: text bodies of version 3
//! * `binary`: binary bodies of version 3

mod binary;
mod lengths;

use std::borrow::Cow;

use crate::engineio::{
    Version,
    payload::{binary::Binary, lengths::Lengths},
};

/// Packets that one POST body may carry.
pub const PACKETS_MAX: usize = 1_000;

/// Between two packets of version 4.
const SEPARATOR: u8 = 0x1E;
/// What stands for an attachment.
const ATTACHMENT: &str = "b";

/// The form of a POST body, as its `Content-Type` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyKind {
    /// `text/plain` and everything else.
    Text,
    /// `application/octet-stream`.
    Binary,
}

/// Why a body is no payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadFault {
    /// A body without a byte, or a packet without a character in version 4.
    #[error("the payload has an empty packet")]
    Empty,
    /// The text is not UTF-8.
    #[error("the payload is no UTF-8")]
    Encoding,
    /// A length that is no number, has no end, or is another than the packet's.
    #[error("the length of packet {0} of the payload is wrong")]
    Length(usize),
    /// A binary body in version 4, which has no such form.
    #[error("binary payloads exist in version 3 of the protocol alone")]
    Binary,
    /// More packets than are taken at once.
    #[error("the payload has more than {PACKETS_MAX} packets")]
    TooMany,
}

/// Joins packets for one polling answer. Without a packet it is `0:` or empty.
pub fn encode<'a>(version: Version, packets: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    for (at, packet) in packets.into_iter().enumerate() {
        match version {
            Version::V3 => {
                let length = packet.encode_utf16().count();
                out.extend_from_slice(format!("{length}:").as_bytes());
            }
            Version::V4 if at > 0 => out.push(SEPARATOR),
            Version::V4 => {}
        }
        out.extend_from_slice(packet.as_bytes());
    }
    if version == Version::V3 && out.is_empty() {
        out.extend_from_slice(b"0:");
    }
    out
}

/// Splits a POST body into the texts of its packets. An attachment becomes `b`: its content is of
/// no interest.
///
/// # Errors
/// If the body is not of the form that version and kind have, or has more than [`PACKETS_MAX`]
/// packets. A type that is none is found by [`Packet::parse`](crate::engineio::Packet::parse).
pub fn decode(
    version: Version,
    kind: BodyKind,
    body: &[u8],
) -> Result<Vec<Cow<'_, str>>, PayloadFault> {
    if body.is_empty() {
        return Err(PayloadFault::Empty);
    }
    match (version, kind) {
        (Version::V3, BodyKind::Text) => collect(Lengths::of(text(body)?)),
        (Version::V3, BodyKind::Binary) => collect(Binary::of(body)),
        (Version::V4, BodyKind::Text) => collect(separated(text(body)?)),
        (Version::V4, BodyKind::Binary) => Err(PayloadFault::Binary),
    }
}

fn text(bytes: &[u8]) -> Result<&str, PayloadFault> {
    str::from_utf8(bytes).map_err(|_| PayloadFault::Encoding)
}

fn collect<'a>(
    packets: impl Iterator<Item = Result<&'a str, PayloadFault>>,
) -> Result<Vec<Cow<'a, str>>, PayloadFault> {
    let mut collected = Vec::new();
    for packet in packets {
        if collected.len() == PACKETS_MAX {
            return Err(PayloadFault::TooMany);
        }
        let packet = packet?;
        let is_attachment = packet.starts_with(ATTACHMENT);
        collected.push(Cow::Borrowed(if is_attachment { ATTACHMENT } else { packet }));
    }
    Ok(collected)
}

fn separated(body: &str) -> impl Iterator<Item = Result<&str, PayloadFault>> {
    body.split(char::from(SEPARATOR))
        .map(|packet| if packet.is_empty() { Err(PayloadFault::Empty) } else { Ok(packet) })
}

/// A number of decimal digits, at least one of them and at most nine.
fn decimal(digits: impl ExactSizeIterator<Item = u8>) -> Option<usize> {
    if !(1..=9).contains(&digits.len()) {
        return None;
    }
    let mut number = 0;
    for digit in digits {
        number = number * 10 + usize::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?);
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use BodyKind::{Binary, Text};
    use Version::{V3, V4};

    use super::*;

    #[track_caller]
    fn check_encoded(version: Version, packets: &[&str], expected: &str) {
        let encoded = encode(version, packets.iter().copied());
        assert_eq!(str::from_utf8(&encoded), Ok(expected));
    }

    #[track_caller]
    fn check(version: Version, kind: BodyKind, body: impl AsRef<[u8]>, expected: &[&str]) {
        let packets = decode(version, kind, body.as_ref()).expect("a payload");
        assert_eq!(packets, expected);
    }

    #[track_caller]
    fn check_refused(version: Version, kind: BodyKind, body: impl AsRef<[u8]>, why: PayloadFault) {
        assert_eq!(decode(version, kind, body.as_ref()), Err(why));
    }

    #[test]
    fn version_3_counts_the_units_of_javascript() {
        let open = r#"0{"sid":"PjaYFS19stiacBe4AAAA","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000}"#;
        check_encoded(V3, &[open, "40"], &format!("97:{open}2:40"));
        check_encoded(V3, &[], "0:");
        for (packet, body) in [
            (r#"42["hello","ch",{"a":"€"}]"#, r#"26:42["hello","ch",{"a":"€"}]"#),
            (r#"42["😀"]"#, r#"8:42["😀"]"#),
        ] {
            check_encoded(V3, &[packet], body);
            check(V3, Text, body, &[packet]);
        }
        check(V3, Text, "1:22:413:4:6", &["2", "41", "4:6"]);
    }

    #[test]
    fn version_4_joins_with_a_separator() {
        let packets = [r#"40{"sid":"a"}"#, r#"42["hello","ch",{"a":"€"}]"#];
        let body = "40{\"sid\":\"a\"}\u{1e}42[\"hello\",\"ch\",{\"a\":\"€\"}]";
        check_encoded(V4, &packets, body);
        check(V4, Text, body, &packets);
        check(V4, Text, "6", &["6"]);
        check_encoded(V4, &[], "");
    }

    #[test]
    fn attachments_lose_their_content() {
        check(V3, Text, "6:b4AQID1:2", &["b", "2"]);
        check(V4, Text, "bAQID\u{1e}2", &["b", "2"]);
        check(V3, Binary, [1, 4, 255, 4, 1, 2, 3, 0, 1, 255, b'2'], &["b", "2"]);
    }

    #[test]
    fn binary_bodies_count_bytes() {
        check(V3, Binary, [&[0, 7, 255], &br#"42["x"]"#[..]].concat(), &[r#"42["x"]"#]);
        // From engine.io-parser 2.2.1: `42["é😀"]`, and the bytes 1, 2, 3.
        let body = [&[0, 1, 2, 255], r#"42["é😀"]"#.as_bytes(), &[1, 4, 255, 4, 1, 2, 3]].concat();
        check(V3, Binary, body, &[r#"42["é😀"]"#, "b"]);
    }

    #[test]
    fn packets_of_length_0_are_passed_over_in_version_3() {
        check(V3, Text, "0:", &[]);
        check(V3, Text, "0:1:20:", &["2"]);
    }

    #[test]
    fn wrong_lengths_are_refused() {
        for body in
            ["3", "3:", "3:ab", ":", ":a", "x:a", "-1:a", "+1:a", " 1:a", "1:😀", "9999999999:a"]
        {
            check_refused(V3, Text, body, PayloadFault::Length(1));
        }
        check_refused(V3, Text, "1:21", PayloadFault::Length(2));
        for body in [
            &[0][..],
            &[255],
            &[0, 1],
            &[0, 255],
            &[0, 2, 255, b'4'],
            &[1, 10, 255, 1],
            b"0\x311\xff",
        ] {
            check_refused(V3, Binary, body, PayloadFault::Length(1));
        }
    }

    #[test]
    fn empty_bodies_and_other_bytes_than_text_are_refused() {
        for (version, kind) in [(V3, Text), (V3, Binary), (V4, Text), (V4, Binary)] {
            check_refused(version, kind, "", PayloadFault::Empty);
        }
        check_refused(V4, Text, "\u{1e}", PayloadFault::Empty);
        check_refused(V4, Text, "4a\u{1e}", PayloadFault::Empty);
        check_refused(V3, Text, b"1:\xff", PayloadFault::Encoding);
        check_refused(V4, Text, b"4\xff", PayloadFault::Encoding);
        check_refused(V3, Binary, [0, 1, 255, 255], PayloadFault::Encoding);
        check_refused(V4, Binary, [0, 1, 255, b'2'], PayloadFault::Binary);
    }

    #[test]
    fn a_body_has_a_limit_of_packets() {
        for (version, kind, packet) in
            [(V3, Text, &b"1:2"[..]), (V3, Binary, &[0, 1, 255, b'2']), (V4, Text, b"2\x1e")]
        {
            let body = packet.repeat(PACKETS_MAX);
            let body = body.strip_suffix(b"\x1e").unwrap_or(&body);
            assert_eq!(decode(version, kind, body).map(|packets| packets.len()), Ok(PACKETS_MAX));
            let body = packet.repeat(PACKETS_MAX + 1);
            let body = body.strip_suffix(b"\x1e").unwrap_or(&body);
            check_refused(version, kind, body, PayloadFault::TooMany);
        }
    }
}
