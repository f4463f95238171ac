//! The header of a client's frame: 6 to 14 bytes, the mask among them.

use std::mem;

use crate::websocket::{CONTROL_PAYLOAD_BYTES_MAX, DecodeError, mask::Mask};

/// Bytes of the longest header of a masked frame.
pub(super) const HEADER_BYTES_MAX: usize = 14;

const FIN: u8 = 0x80;
const RESERVED_BITS: u8 = 0x70;
const OPCODE: u8 = 0x0F;
const MASKED: u8 = 0x80;

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opcode {
    /// The next part of a message.
    Continuation,
    /// A message, or its first part.
    Start(Kind),
    /// Something between messages and their parts.
    Control(Control),
}

/// The two kinds of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Binary,
}

/// The three kinds of control frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Control {
    Close,
    Ping,
    Pong,
}

impl TryFrom<u8> for Opcode {
    type Error = DecodeError;

    fn try_from(opcode: u8) -> Result<Self, DecodeError> {
        Ok(match opcode {
            0x0 => Self::Continuation,
            0x1 => Self::Start(Kind::Text),
            0x2 => Self::Start(Kind::Binary),
            0x8 => Self::Control(Control::Close),
            0x9 => Self::Control(Control::Ping),
            0xA => Self::Control(Control::Pong),
            _ => return Err(DecodeError::UnknownOpcode(opcode)),
        })
    }
}

/// Whether a frame is the last one of its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Last,
    Earlier,
}

/// A complete header that is valid by itself, whatever frames came before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) opcode: Opcode,
    pub(super) part: Part,
    pub(super) mask: Mask,
    /// Bytes of payload that follow.
    pub(super) payload_bytes: u64,
}

impl Header {
    /// Reads a header from the beginning of `bytes` and tells its length; `None` as long as it is
    /// incomplete. What is wrong with the first two bytes is said without waiting for the others.
    ///
    /// A length may be written longer than necessary, although the RFC asks for the shortest form:
    /// it is harmless, and tungstenite and uWebSockets accept it too.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, DecodeError> {
        let [first, second, rest @ ..] = bytes else { return Ok(None) };
        let opcode = check_start(*first, *second)?;
        let part = if first & FIN != 0 { Part::Last } else { Part::Earlier };
        let (payload_bytes, rest) = match second & !MASKED {
            126 => {
                let Some((length, rest)) = rest.split_first_chunk() else { return Ok(None) };
                (u64::from(u16::from_be_bytes(*length)), rest)
            }
            127 => {
                let Some((length, rest)) = rest.split_first_chunk() else { return Ok(None) };
                (u64::from_be_bytes(*length), rest)
            }
            length => (u64::from(length), rest),
        };
        let Some((mask, rest)) = rest.split_first_chunk() else { return Ok(None) };
        let header = Self { opcode, part, mask: Mask::new(*mask), payload_bytes };
        Ok(Some((header, bytes.len() - rest.len())))
    }

    /// Reads a header and removes it from the input; an incomplete one stays there.
    pub(super) fn take(input: &mut &mut [u8]) -> Result<Option<Self>, DecodeError> {
        let Some((header, length)) = Self::parse(input)? else { return Ok(None) };
        *input = &mut mem::take(input)[length..];
        Ok(Some(header))
    }
}

/// Checks what the first two bytes say, and returns the opcode.
fn check_start(first: u8, second: u8) -> Result<Opcode, DecodeError> {
    if first & RESERVED_BITS != 0 {
        return Err(DecodeError::ReservedBits);
    }
    let opcode = Opcode::try_from(first & OPCODE)?;
    if second & MASKED == 0 {
        return Err(DecodeError::Unmasked);
    }
    if matches!(opcode, Opcode::Control(_)) {
        if first & FIN == 0 {
            return Err(DecodeError::FragmentedControl);
        }
        if usize::from(second & !MASKED) > CONTROL_PAYLOAD_BYTES_MAX {
            return Err(DecodeError::ControlTooLong);
        }
    }
    Ok(opcode)
}
