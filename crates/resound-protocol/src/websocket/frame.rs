//! Frames that the server sends: never masked, hence the same bytes for every connection.

use std::fmt;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::websocket::CONTROL_PAYLOAD_BYTES_MAX;

/// FIN and the opcode of a text frame.
const TEXT: u8 = 0x81;
/// FIN and the opcode of a close frame.
const CLOSE: u8 = 0x88;
/// FIN and the opcode of a ping.
const PING: u8 = 0x89;
/// FIN and the opcode of a pong.
const PONG: u8 = 0x8A;

/// Bytes of the longest header of a frame without a mask.
const HEADER_BYTES_MAX: usize = 10;

/// A complete text message, encoded once for all its receivers. Cloning it copies a pointer.
///
/// ```
/// use resound_protocol::websocket::Frame;
///
/// let frame = Frame::text("{}");
/// assert_eq!(&frame.bytes()[..], b"\x81\x02{}");
/// assert_eq!(frame.payload(), "{}");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Frame(Bytes);

impl Frame {
    /// Encodes a text.
    pub fn text(payload: &str) -> Self {
        Self::build(payload.len(), |out| out.extend_from_slice(payload.as_bytes()))
    }

    /// Encodes what `write` appends to the vector, without copying it a second time: the header is
    /// put into room that was left in front. `write` must append UTF-8 and leave alone what the
    /// vector holds already. `capacity_hint` is the expected length of the payload in bytes.
    pub fn build(capacity_hint: usize, write: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut bytes = Vec::with_capacity(HEADER_BYTES_MAX + capacity_hint);
        bytes.extend_from_slice(&[0; HEADER_BYTES_MAX]);
        write(&mut bytes);
        debug_assert!(str::from_utf8(&bytes[HEADER_BYTES_MAX..]).is_ok(), "a text frame is UTF-8");
        let start = put_header(&mut bytes);
        let mut bytes = Bytes::from(bytes);
        bytes.advance(start);
        Self(bytes)
    }

    /// Header and payload, ready for a socket.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// The text alone, for transports that frame it in their own way.
    pub fn payload(&self) -> &str {
        text_of(&self.0).expect("the writer of a frame appends UTF-8")
    }
}

/// The text in the bytes of a [`Frame`], for transports that frame it in their own way. `None` if
/// they are no text frame of ours.
pub fn text_of(frame: &[u8]) -> Option<&str> {
    if frame.first() != Some(&TEXT) {
        return None;
    }
    let header_bytes = match frame.get(1)? {
        127 => 10,
        126 => 4,
        _ => 2,
    };
    str::from_utf8(frame.get(header_bytes..)?).ok()
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Frame").field(&self.payload()).finish()
    }
}

/// Writes the header right before the payload and returns where it starts.
fn put_header(bytes: &mut [u8]) -> usize {
    let length = bytes.len() - HEADER_BYTES_MAX;
    let (start, marker) = match length {
        0..=125 => (HEADER_BYTES_MAX - 2, length as u8),
        126..=0xFFFF => (HEADER_BYTES_MAX - 4, 126),
        _ => (HEADER_BYTES_MAX - 10, 127),
    };
    let extended_bytes = HEADER_BYTES_MAX - start - 2;
    let length = (length as u64).to_be_bytes();
    bytes[start + 2..HEADER_BYTES_MAX].copy_from_slice(&length[length.len() - extended_bytes..]);
    bytes[start] = TEXT;
    bytes[start + 1] = marker;
    start
}

/// Encodes a close frame. A reason that does not fit into a control frame (123 bytes) is cut at the
/// end of a character.
pub fn close_frame(code: u16, reason: &str) -> Bytes {
    let reason = &reason[..reason.floor_char_boundary(CONTROL_PAYLOAD_BYTES_MAX - 2)];
    let mut payload = [0; CONTROL_PAYLOAD_BYTES_MAX];
    payload[..2].copy_from_slice(&code.to_be_bytes());
    payload[2..2 + reason.len()].copy_from_slice(reason.as_bytes());
    control_frame(CLOSE, &payload[..2 + reason.len()])
}

/// Encodes the answer to a ping, with the ping's payload (at most 125 bytes of it).
pub fn pong_frame(payload: &[u8]) -> Bytes {
    control_frame(PONG, &payload[..payload.len().min(CONTROL_PAYLOAD_BYTES_MAX)])
}

/// Encodes a ping without payload.
pub fn ping_frame() -> Bytes {
    Bytes::from_static(&[PING, 0])
}

fn control_frame(first_byte: u8, payload: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(2 + payload.len());
    bytes.put_u8(first_byte);
    bytes.put_u8(payload.len() as u8);
    bytes.put_slice(payload);
    bytes.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_header(payload_bytes: usize, expect: &[u8]) {
        let payload = "x".repeat(payload_bytes);
        let frame = Frame::text(&payload);
        assert_eq!(&frame.bytes()[..expect.len()], expect);
        assert_eq!(frame.bytes().len(), expect.len() + payload_bytes);
        assert_eq!(frame.payload(), payload);
    }

    #[test]
    fn the_header_grows_with_the_payload() {
        check_header(0, &[0x81, 0]);
        check_header(125, &[0x81, 125]);
        check_header(126, &[0x81, 126, 0, 126]);
        check_header(0xFFFF, &[0x81, 126, 0xFF, 0xFF]);
        check_header(0x1_0000, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn a_wrong_hint_of_the_capacity_is_harmless() {
        let frame = Frame::build(0, |out| out.extend_from_slice("Zoë".as_bytes()));
        assert_eq!(frame, Frame::text("Zoë"));
        assert_eq!(Frame::build(1000, |_| ()), Frame::text(""));
    }

    #[test]
    fn clones_share_their_bytes() {
        let frame = Frame::text("shared");
        assert_eq!(frame.clone().bytes().as_ptr(), frame.bytes().as_ptr());
    }

    #[test]
    fn a_close_frame_carries_code_and_reason() {
        assert_eq!(&close_frame(4001, "gone")[..], b"\x88\x06\x0F\xA1gone");
        assert_eq!(&close_frame(1000, "")[..], b"\x88\x02\x03\xE8");
    }

    #[test]
    fn a_long_reason_is_cut_at_the_end_of_a_character() {
        assert_eq!(close_frame(4100, &"a".repeat(200)).len(), 2 + 125);
        let frame = close_frame(4100, &"é".repeat(100));
        assert_eq!(frame.len(), 2 + 2 + 122);
        assert!(str::from_utf8(&frame[4..]).is_ok());
    }

    #[test]
    fn pings_are_empty_and_pongs_echo() {
        assert_eq!(&ping_frame()[..], b"\x89\x00");
        assert_eq!(&pong_frame(b"beat")[..], b"\x8A\x04beat");
        assert_eq!(pong_frame(&[7; 300]).len(), 2 + 125);
    }
}
