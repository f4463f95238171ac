//! The packets that the transport itself sends.

use crate::{
    engineio::Version,
    json::{push, push_string},
    websocket::Frame,
};

/// The timers and limits that the first packet announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// Between two heartbeats.
    pub ping_interval_ms: u32,
    /// How long the answer to a heartbeat may take.
    pub ping_timeout_ms: u32,
    /// Bytes of a POST body; a client of version 4 splits its payloads accordingly.
    pub max_payload: usize,
}

/// What a session may change its transport to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upgrades {
    /// Nothing: it uses a WebSocket already, or there is none.
    None,
    /// A WebSocket.
    WebSocket,
}

/// The first packet of a session (7.2).
pub fn open_packet(
    version: Version,
    sid: &str,
    upgrades: Upgrades,
    handshake: &Handshake,
) -> Frame {
    let Handshake { ping_interval_ms, ping_timeout_ms, max_payload } = handshake;
    let upgrades = match upgrades {
        Upgrades::None => "[]",
        Upgrades::WebSocket => r#"["websocket"]"#,
    };
    Frame::build(128 + sid.len(), |out| {
        push(out, r#"0{"sid":"#);
        push_string(out, sid);
        push(out, &format!(r#","upgrades":{upgrades},"pingInterval":{ping_interval_ms}"#));
        push(out, &format!(r#","pingTimeout":{ping_timeout_ms}"#));
        if version == Version::V4 {
            push(out, &format!(r#","maxPayload":{max_payload}"#));
        }
        push(out, "}");
    })
}

/// The server's heartbeat in version 4.
pub fn ping() -> Frame {
    Frame::text("2")
}

/// The answer to a ping: its content comes back, so `2probe` becomes `3probe`.
pub fn pong(data: &str) -> Frame {
    Frame::build(1 + data.len(), |out| {
        push(out, "3");
        push(out, data);
    })
}

/// Nothing: what a pending poll returns with when there is nothing to say.
pub fn noop() -> Frame {
    Frame::text("6")
}

/// The end of a session, for polling; a WebSocket gets a close frame.
pub fn close() -> Frame {
    Frame::text("1")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HANDSHAKE: Handshake =
        Handshake { ping_interval_ms: 25_000, ping_timeout_ms: 20_000, max_payload: 1_000_000 };

    #[test]
    fn the_first_packet_announces_what_its_version_knows() {
        let frame =
            open_packet(Version::V3, "PjaYFS19stiacBe4AAAA", Upgrades::WebSocket, &HANDSHAKE);
        assert_eq!(
            frame.payload(),
            r#"0{"sid":"PjaYFS19stiacBe4AAAA","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000}"#
        );
        let frame = open_packet(Version::V4, "1.2", Upgrades::None, &HANDSHAKE);
        assert_eq!(
            frame.payload(),
            r#"0{"sid":"1.2","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#
        );
    }

    #[test]
    fn a_pong_repeats_its_ping() {
        assert_eq!(pong("").payload(), "3");
        assert_eq!(pong("probe").payload(), "3probe");
        assert_eq!((ping().payload(), noop().payload(), close().payload()), ("2", "6", "1"));
    }
}
