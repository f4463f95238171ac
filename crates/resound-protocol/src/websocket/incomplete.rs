//! What a decoder remembers from one read of the socket to the next.

use std::mem;

use crate::websocket::{
    DecodeError,
    header::{HEADER_BYTES_MAX, Header, Kind, Opcode},
};

/// What has to be remembered from one read to the next.
#[derive(Debug, Default)]
pub(super) struct Incomplete {
    /// The beginning of a header, `header_bytes` of it.
    header: [u8; HEADER_BYTES_MAX],
    header_bytes: usize,
    /// The frame whose payload is being received.
    pub(super) frame: Option<Frame>,
    /// The payload of a control frame as far as it came; it may interrupt a message.
    pub(super) control: Vec<u8>,
    /// The message as far as it came.
    pub(super) message: Option<Message>,
}

/// A frame whose header is complete and passed all checks.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) header: Header,
    /// Bytes of its payload that are yet to come.
    pub(super) missing: usize,
}

/// The beginning of a message, unmasked.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) kind: Kind,
    pub(super) bytes: Vec<u8>,
}

impl Incomplete {
    /// Keeps the beginning of a header. It is shorter than a header, or it would have been parsed.
    pub(super) fn keep_header(&mut self, part: &[u8]) {
        let end = self.header_bytes + part.len();
        self.header[self.header_bytes..end].copy_from_slice(part);
        self.header_bytes = end;
    }

    /// Completes the header that earlier reads began, if the input suffices.
    pub(super) fn continue_header(
        &mut self,
        input: &mut &mut [u8],
    ) -> Result<Option<Header>, DecodeError> {
        if self.header_bytes == 0 {
            return Header::take(input);
        }
        let room = &mut self.header[self.header_bytes..];
        let part_bytes = room.len().min(input.len());
        room[..part_bytes].copy_from_slice(&input[..part_bytes]);
        let seen = &self.header[..self.header_bytes + part_bytes];
        let Some((header, length)) = Header::parse(seen)? else { return Ok(None) };
        *input = &mut mem::take(input)[length - self.header_bytes..];
        self.header_bytes = 0;
        Ok(Some(header))
    }

    /// Keeps a frame of which `part` has come.
    pub(super) fn keep(&mut self, frame: Frame, part: &[u8], bytes_max: usize) {
        match frame.header.opcode {
            Opcode::Control(_) => self.control.extend_from_slice(part),
            opcode @ (Opcode::Start(_) | Opcode::Continuation) => {
                self.append(opcode, part, bytes_max);
            }
        }
        self.frame = Some(frame);
    }

    /// Appends to the message that has begun, or begins it.
    pub(super) fn append(&mut self, opcode: Opcode, part: &[u8], bytes_max: usize) {
        if let (Opcode::Start(kind), None) = (opcode, &self.message) {
            self.message = Some(Message { kind, bytes: Vec::new() });
        }
        if let Some(message) = &mut self.message {
            message.append(part, bytes_max);
        }
    }
}

impl Message {
    /// Grows by doubling, but not over the limit, and never in advance of what has come: announcing
    /// a long message costs a client nothing.
    fn append(&mut self, part: &[u8], bytes_max: usize) {
        let bytes = &mut self.bytes;
        let needed = bytes.len() + part.len();
        if needed > bytes.capacity() {
            let capacity = needed.max((bytes.capacity() * 2).min(bytes_max));
            bytes.reserve_exact(capacity - bytes.len());
        }
        bytes.extend_from_slice(part);
    }
}
