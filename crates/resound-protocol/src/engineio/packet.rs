//! One packet from a client.

/// A packet, borrowing its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// `0`: only a server sends it.
    Open,
    /// `1`: the session ends.
    Close,
    /// `2`: the heartbeat of version 3, and `2probe` before an upgrade.
    Ping(&'a str),
    /// `3`: the answer to a ping.
    Pong(&'a str),
    /// `4`: a packet of Socket.IO.
    Message(&'a str),
    /// `5`: from here on the client uses the WebSocket.
    Upgrade,
    /// `6`: nothing; it ends a pending poll.
    Noop,
    /// `b`: an attachment in base64. Its content is of no interest, nothing of ours is binary.
    Binary,
}

/// Why a text is no packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketFault {
    /// It has no character.
    #[error("an Engine.IO packet has at least its type, this one is empty")]
    Empty,
    /// It begins with none of the types.
    #[error("an Engine.IO packet begins with a digit from 0 to 6 or b, not with {0:?}")]
    Type(char),
}

impl<'a> Packet<'a> {
    /// Reads a packet. What follows a type that has no content is ignored, as engine.io does.
    ///
    /// # Errors
    /// If the text is empty or begins with no type.
    pub fn parse(text: &'a str) -> Result<Self, PacketFault> {
        let mut rest = text.chars();
        let kind = rest.next().ok_or(PacketFault::Empty)?;
        let content = rest.as_str();
        match kind {
            '0' => Ok(Self::Open),
            '1' => Ok(Self::Close),
            '2' => Ok(Self::Ping(content)),
            '3' => Ok(Self::Pong(content)),
            '4' => Ok(Self::Message(content)),
            '5' => Ok(Self::Upgrade),
            '6' => Ok(Self::Noop),
            'b' => Ok(Self::Binary),
            other => Err(PacketFault::Type(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_its_type_and_its_content() {
        for (text, expected) in [
            ("0{}", Packet::Open),
            ("1", Packet::Close),
            ("2", Packet::Ping("")),
            ("2probe", Packet::Ping("probe")),
            ("3probe", Packet::Pong("probe")),
            ("4", Packet::Message("")),
            ("42[\"é\"]", Packet::Message("2[\"é\"]")),
            ("5", Packet::Upgrade),
            ("6", Packet::Noop),
            ("6x", Packet::Noop),
            ("b4AQID", Packet::Binary),
        ] {
            assert_eq!(Packet::parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_text_without_a_type_is_no_packet() {
        assert_eq!(Packet::parse(""), Err(PacketFault::Empty));
        for (text, first) in [("7", '7'), ("B", 'B'), ("😀4", '😀'), (" 4", ' ')] {
            assert_eq!(Packet::parse(text), Err(PacketFault::Type(first)), "{text}");
        }
    }
}
