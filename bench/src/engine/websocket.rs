//! Clients with a WebSocket: the handshake, and frames.

use anyhow::Result;

use crate::connection::{Ending, Phase};
use crate::dialect::Protocol;
use crate::engine::Engine;
use crate::frame::{Frame, FrameTooLarge, Opcode, write_masked};
use crate::handshake::Verdict;
use crate::news::{Handler, Id, News};

/// What a ping carries that asks whether the message before it was heard.
const HEARD: &[u8] = b"heard?";

impl Engine {
    pub(super) fn ask_for_websocket(&mut self, id: Id) {
        let Some(connection) = &mut self.connections[id] else { return };
        connection.phase = Phase::Upgrading;
        connection.write(&self.upgrade_request);
    }

    pub(super) fn send_text(&mut self, id: Id, message: &[u8]) {
        self.send_frame(id, Opcode::Text, message);
    }

    /// A server takes frames in their order, so its pong says that it has taken all that was sent before.
    pub(super) fn ask_whether_heard(&mut self, id: Id) {
        self.send_frame(id, Opcode::Ping, HEARD);
    }

    fn send_frame(&mut self, id: Id, opcode: Opcode, payload: &[u8]) {
        let Some(connection) = &mut self.connections[id] else { return };
        self.mask = self.mask.wrapping_mul(0x0019_660D).wrapping_add(0x3C6E_F35F);
        self.frame.clear();
        write_masked(&mut self.frame, opcode, payload, self.mask.to_be_bytes());
        connection.write(&self.frame);
    }

    pub(super) fn on_frames(
        &mut self,
        handler: &mut impl Handler,
        id: Id,
        bytes: &[u8],
    ) -> Result<()> {
        let Some(connection) = &mut self.connections[id] else { return Ok(()) };
        let mut rest = bytes;
        if connection.phase == Phase::Upgrading {
            match self.upgrade.verdict(bytes) {
                Verdict::Pending => {
                    connection.partial.extend_from_slice(bytes);
                    return Ok(());
                }
                Verdict::Refused(why) => return self.end(handler, id, &Ending::Refused(why)),
                Verdict::Accepted(length) => rest = &bytes[length..],
            }
            connection.phase = Phase::Open;
        }
        let now = self.clock.now();
        loop {
            match Frame::parse(rest) {
                Ok(Some(frame)) => {
                    self.on_frame(handler, id, &frame, frame.payload(rest), now)?;
                    rest = &rest[frame.end..];
                }
                Ok(None) => break,
                Err(FrameTooLarge) => {
                    return self.end(handler, id, &Ending::Unreadable("a frame that is too large"));
                }
            }
            if self.connections[id].is_none() {
                return Ok(());
            }
        }
        if let Some(connection) = &mut self.connections[id] {
            connection.partial.extend_from_slice(rest);
        }
        Ok(())
    }

    #[inline]
    fn on_frame(
        &mut self,
        handler: &mut impl Handler,
        id: Id,
        frame: &Frame,
        payload: &[u8],
        now: u64,
    ) -> Result<()> {
        if !frame.is_final {
            return self.end(handler, id, &Ending::Unreadable("a fragmented message"));
        }
        match frame.opcode {
            Opcode::Text => self.on_message(handler, id, payload, now),
            Opcode::Close => self.end(handler, id, &Ending::from_close_frame(payload)),
            Opcode::Ping => {
                self.send_frame(id, Opcode::Pong, payload);
                Ok(())
            }
            Opcode::Pong if payload == HEARD => self.on_heard(handler, id),
            Opcode::Pong => Ok(()),
            Opcode::Other(_) => {
                self.end(handler, id, &Ending::Unreadable("a frame that is not text"))
            }
        }
    }

    fn on_heard(&mut self, handler: &mut impl Handler, id: Id) -> Result<()> {
        match self.dialect().protocol {
            Protocol::Pusher => Ok(()),
            Protocol::SocketIo(_) => handler.hear(self, News::Subscribed(id, &[])),
        }
    }
}
