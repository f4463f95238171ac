//! Engine.IO, the transport below Socket.IO: packets of text, and how polling joins several.
//!
//! A packet is a digit and its content. A WebSocket message carries one packet; a polling answer or
//! POST body, a *payload*, carries several. socket.io-client 2 speaks version 3 (`EIO=3`),
//! socket.io-client 3 and 4 speak version 4; they differ in the form of payloads and in who pings.
//!
//! # Layout
//!
//! * `packet`: what clients send
//! * `outgoing`: what the server sends of its own
//! * [`payload`]: packets of polling
//! * `request`: requests that are refused

mod outgoing;
mod packet;
pub mod payload;
mod request;

pub use outgoing::{Handshake, Upgrades, close, noop, open_packet, ping, pong};
pub use packet::{Packet, PacketFault};
pub use request::RequestFault;

/// A version of the protocol that is spoken here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// `EIO=3`: socket.io-client 1 and 2. The client pings.
    V3,
    /// `EIO=4`: socket.io-client 3 and 4. The server pings.
    V4,
}

impl Version {
    /// Reads the query parameter `EIO`; a client that does not say it speaks version 3 (7.1).
    pub fn parse(eio: Option<&str>) -> Option<Self> {
        match eio {
            None | Some("3") => Some(Self::V3),
            Some("4") => Some(Self::V4),
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_does_not_say_its_version_speaks_version_3() {
        assert_eq!(Version::parse(None), Some(Version::V3));
        assert_eq!(Version::parse(Some("3")), Some(Version::V3));
        assert_eq!(Version::parse(Some("4")), Some(Version::V4));
        for other in ["", "2", "5", "03", "4 "] {
            assert_eq!(Version::parse(Some(other)), None, "{other}");
        }
    }
}
