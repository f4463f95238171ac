//! WebSocket frames (RFC 6455, section 5), as far as a client without extensions and the floor server
//! need them.

/// Larger frames end the connection.
pub(crate) const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;

const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;
const LENGTH_IN_TWO_BYTES: u8 = 126;
const LENGTH_IN_EIGHT_BYTES: u8 = 127;
const MASK_BYTES: usize = 4;

/// What a frame carries; the four bits of section 5.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opcode {
    Text,
    Close,
    Ping,
    Pong,
    /// Anything else: continuations, binary messages, reserved codes.
    Other(u8),
}

impl Opcode {
    fn from_bits(bits: u8) -> Self {
        match bits {
            0x1 => Self::Text,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            other => Self::Other(other),
        }
    }

    fn bits(self) -> u8 {
        match self {
            Self::Text => 0x1,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xA,
            Self::Other(bits) => bits,
        }
    }
}

/// Where a frame and its payload stand in the bytes that it was parsed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) opcode: Opcode,
    pub(crate) is_final: bool,
    pub(crate) mask: Option<[u8; MASK_BYTES]>,
    payload: usize,
    /// Where the next frame begins.
    pub(crate) end: usize,
}

/// A frame that is larger than any that the other side should send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameTooLarge;

impl Frame {
    /// Reads the frame at the start of `bytes`; `None` until all of it is there.
    #[inline]
    pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Self>, FrameTooLarge> {
        let &[first, second, ref rest @ ..] = bytes else { return Ok(None) };
        let (length, header) = match second & !MASKED {
            LENGTH_IN_TWO_BYTES => {
                let Some(length) = rest.first_chunk() else { return Ok(None) };
                (u64::from(u16::from_be_bytes(*length)), 4)
            }
            LENGTH_IN_EIGHT_BYTES => {
                let Some(length) = rest.first_chunk() else { return Ok(None) };
                (u64::from_be_bytes(*length), 10)
            }
            length => (u64::from(length), 2),
        };
        if length > FRAME_BYTES_MAX as u64 {
            return Err(FrameTooLarge);
        }
        let mut payload = header;
        let mut mask = None;
        if second & MASKED != 0 {
            let Some(found) = bytes.get(header..).and_then(|rest| rest.first_chunk()) else {
                return Ok(None);
            };
            mask = Some(*found);
            payload += MASK_BYTES;
        }
        let end = payload + length as usize;
        let opcode = Opcode::from_bits(first & 0x0F);
        let is_final = first & FINAL != 0;
        Ok((bytes.len() >= end).then_some(Self { opcode, is_final, mask, payload, end }))
    }

    /// The payload, still masked if the frame is, in the bytes that the frame was parsed from.
    pub(crate) fn payload<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        &bytes[self.payload..self.end]
    }
}

/// Appends a frame as servers send it: final and not masked.
pub(crate) fn write_plain(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    write_header(out, opcode, payload.len(), 0);
    out.extend_from_slice(payload);
}

/// Appends a frame as clients must send it: final and masked.
pub(crate) fn write_masked(
    out: &mut Vec<u8>,
    opcode: Opcode,
    payload: &[u8],
    mask: [u8; MASK_BYTES],
) {
    write_header(out, opcode, payload.len(), MASKED);
    out.extend_from_slice(&mask);
    let start = out.len();
    out.extend_from_slice(payload);
    apply_mask(&mut out[start..], mask);
}

/// Masks a payload, or takes the mask off.
pub(crate) fn apply_mask(payload: &mut [u8], mask: [u8; MASK_BYTES]) {
    for (byte, key) in payload.iter_mut().zip(mask.into_iter().cycle()) {
        *byte ^= key;
    }
}

fn write_header(out: &mut Vec<u8>, opcode: Opcode, length: usize, masked: u8) {
    out.push(FINAL | opcode.bits());
    if length < usize::from(LENGTH_IN_TWO_BYTES) {
        out.push(masked | length as u8);
    } else if let Ok(length) = u16::try_from(length) {
        out.push(masked | LENGTH_IN_TWO_BYTES);
        out.extend_from_slice(&length.to_be_bytes());
    } else {
        out.push(masked | LENGTH_IN_EIGHT_BYTES);
        out.extend_from_slice(&(length as u64).to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

    fn lengths() -> [usize; 7] {
        [0, 1, 125, 126, 65_535, 65_536, 100_000]
    }

    #[test]
    fn the_example_of_the_rfc_is_encoded_as_there() {
        let mut out = Vec::new();
        write_masked(&mut out, Opcode::Text, b"Hello", MASK);
        assert_eq!(out, b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
        out.clear();
        write_plain(&mut out, Opcode::Pong, b"Hello");
        assert_eq!(out, b"\x8a\x05Hello");
    }

    #[test]
    fn frames_of_every_length_come_back_as_they_were() {
        for length in lengths() {
            let payload = vec![b'x'; length];
            let mut out = Vec::new();
            write_masked(&mut out, Opcode::Text, &payload, MASK);
            let frame = Frame::parse(&out).unwrap().unwrap();
            assert_eq!(
                (frame.opcode, frame.is_final, frame.mask),
                (Opcode::Text, true, Some(MASK))
            );
            assert_eq!(frame.end, out.len());
            let mut found = frame.payload(&out).to_vec();
            apply_mask(&mut found, MASK);
            assert_eq!(found, payload);
        }
    }

    #[test]
    fn a_frame_split_at_any_byte_is_incomplete_until_its_last_one() {
        for length in [0, 5, 126, 70_000] {
            let mut plain = Vec::new();
            write_plain(&mut plain, Opcode::Text, &vec![b'x'; length]);
            let mut masked = Vec::new();
            write_masked(&mut masked, Opcode::Text, &vec![b'x'; length], MASK);
            for bytes in [plain, masked] {
                for split in 0..bytes.len() {
                    assert_eq!(Frame::parse(&bytes[..split]), Ok(None));
                }
                assert_eq!(Frame::parse(&bytes).unwrap().unwrap().end, bytes.len());
            }
        }
    }

    #[test]
    fn a_frame_ends_where_the_next_one_begins() {
        let mut out = Vec::new();
        write_plain(&mut out, Opcode::Ping, b"1");
        write_plain(&mut out, Opcode::Close, b"\x0f\xa1gone");
        let first = Frame::parse(&out).unwrap().unwrap();
        assert_eq!((first.opcode, first.payload(&out)), (Opcode::Ping, &b"1"[..]));
        let rest = &out[first.end..];
        let second = Frame::parse(rest).unwrap().unwrap();
        assert_eq!((second.opcode, second.payload(rest)), (Opcode::Close, &b"\x0f\xa1gone"[..]));
    }

    #[test]
    fn an_absurd_length_is_refused_before_it_is_waited_for() {
        let bytes = [0x81, 127, 0x7f, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(Frame::parse(&bytes), Err(FrameTooLarge));
    }
}
