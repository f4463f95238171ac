//! Socket.IO packets inside Engine.IO packets, with the events of laravel-echo-server.

use serde::Deserialize;
use serde_json::Value;

use crate::mark::Mark;
use crate::message::{Control, Encoding, write_payload};

/// How every event begins: the name follows.
pub(crate) const EVENT: &[u8] = b"42[\"";

/// Joins the default namespace, which clients of Engine.IO 4 must do by themselves.
pub(crate) const CONNECT: &[u8] = b"40";

/// Engine.IO's ping; the client sends it in revision 3, the server in revision 4.
pub(crate) const PING: &[u8] = b"2";

/// The answer to it.
pub(crate) const PONG: &[u8] = b"3";

/// Subscribes to a public channel. No answer comes.
pub(crate) fn subscribe(channel: &str) -> String {
    format!(r#"42["subscribe",{{"channel":"{channel}","auth":{{"headers":{{}}}}}}]"#)
}

/// Leaves a channel.
pub(crate) fn unsubscribe(channel: &str) -> String {
    format!(r#"42["unsubscribe",{{"channel":"{channel}","auth":{{"headers":{{}}}}}}]"#)
}

/// Appends an event from one client to the others of a channel.
pub(crate) fn write_client_event(out: &mut Vec<u8>, channel: &str, mark: Mark, bytes: usize) {
    out.extend_from_slice(br#"42["client event",{"channel":""#);
    out.extend_from_slice(channel.as_bytes());
    out.extend_from_slice(br#"","event":"client-bench","data":"#);
    write_payload(out, mark, bytes, Encoding::Object);
    out.extend_from_slice(b"}]");
}

/// What a packet means that is not one of the generator's events.
pub(crate) fn parse(packet: &[u8]) -> Control {
    match packet {
        [b'0', open @ ..] => opened(open),
        [b'1', ..] => Control::Closed("the Engine.IO session"),
        [b'2', ..] => Control::Ping,
        [b'4', b'0', connected @ ..] => joined(connected),
        [b'4', b'1', ..] => Control::Closed("the Socket.IO connection"),
        [b'4', b'2', event @ ..] => told(event),
        [b'4', b'4', refusal @ ..] => {
            let refusal = String::from_utf8_lossy(refusal);
            Control::Error(format!("the server refuses the connection with {refusal}"))
        }
        _ => Control::Other,
    }
}

#[derive(Deserialize)]
struct Open {
    sid: String,
    #[serde(rename = "pingInterval")]
    ping_interval: u64,
}

fn opened(json: &[u8]) -> Control {
    let Ok(Open { sid, ping_interval }) = serde_json::from_slice(json) else {
        return Control::Other;
    };
    Control::Open { session: sid, ping_milliseconds: ping_interval }
}

#[derive(Deserialize)]
struct Joined {
    sid: String,
}

/// Below Engine.IO 3 the packet is empty: there the session's id is the socket's.
fn joined(json: &[u8]) -> Control {
    let joined: Option<Joined> = serde_json::from_slice(json).ok();
    Control::Established { socket_id: joined.map(|joined| joined.sid) }
}

/// An event that is not the generator's: a refused subscription, or nothing of interest.
fn told(json: &[u8]) -> Control {
    match serde_json::from_slice::<Vec<Value>>(json).as_deref() {
        Ok([Value::String(name), channel, status, ..]) if name == "subscription_error" => {
            Control::Error(format!("the server refuses the channel {channel} with {status}"))
        }
        _ => Control::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mark::MarkFinder;

    #[test]
    fn what_is_sent_are_events_of_laravel_echo_server() {
        assert_eq!(
            subscribe("news"),
            r#"42["subscribe",{"channel":"news","auth":{"headers":{}}}]"#
        );
        let mark = Mark { due: 77, number: 5, stream: 3, run: 1 };
        let mut event = Vec::new();
        write_client_event(&mut event, "private-a", mark, 100);
        assert_eq!(MarkFinder::default().find(&event), Some(mark));
        for packet in [subscribe("a").into_bytes(), unsubscribe("a").into_bytes(), event] {
            assert!(packet.starts_with(EVENT));
            let parsed: Vec<Value> = serde_json::from_slice(&packet[2..]).unwrap();
            assert!(parsed[0].is_string() && parsed[1]["channel"].is_string());
        }
    }

    #[track_caller]
    fn check(packet: &str, expected: &Control) {
        assert_eq!(&parse(packet.as_bytes()), expected);
    }

    #[test]
    fn packets_of_the_server_are_told_apart() {
        let established = |id: Option<&str>| Control::Established { socket_id: id.map(Into::into) };
        check(
            r#"0{"sid":"1.2","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1}"#,
            &Control::Open { session: "1.2".into(), ping_milliseconds: 25_000 },
        );
        check("40", &established(None));
        check(r#"40{"sid":"3.4","pid":"secret"}"#, &established(Some("3.4")));
        check("2", &Control::Ping);
        check("3", &Control::Other);
        check("6", &Control::Other);
        check("1", &Control::Closed("the Engine.IO session"));
        check("41", &Control::Closed("the Socket.IO connection"));
        check(
            r#"44{"message":"not authorized"}"#,
            &Control::Error(
                r#"the server refuses the connection with {"message":"not authorized"}"#.into(),
            ),
        );
        check(
            r#"42["subscription_error","private-a",403]"#,
            &Control::Error(r#"the server refuses the channel "private-a" with 403"#.into()),
        );
        for other in ["", "4", "0{}", "0x", "42", "42[]", r#"42["a","news",{}]"#, "x"] {
            check(other, &Control::Other);
        }
    }
}
