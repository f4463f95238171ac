//! The decoder against tungstenite, on valid streams, on streams with changed bytes, and on noise.
//!
//! Both must hand over the same messages, and refuse the same streams. They differ on purpose in:
//!
//! * *When*: ours refuses a frame by its header, tungstenite after its payload; ours looks for invalid
//!   UTF-8 at the end of a message, tungstenite in each fragment. So the streams here are followed by
//!   bytes that complete any frame and message, and before a refusal one of the two may hand over
//!   control frames, a close frame among them, that the other does not reach.
//! * *Close codes*: tungstenite answers an invalid code with 1002 instead of failing, and
//!   does not know 1014.
//! * *After a close*: ours ignores what follows, tungstenite may fail on it. The comparison ends there.

use std::io::{self, Cursor, Read, Write};

use proptest::prelude::*;
use resound_protocol::websocket::DecodeError;
use tungstenite::{
    Error, Message as OracleMessage,
    protocol::{CloseFrame, Role, WebSocketConfig, WebSocketContext},
};

use crate::websocket::{Message, conversation, cuts, decode};

const MESSAGE_BYTES_MAX: usize = 70_000;

/// Reads from memory and forgets what is written.
struct Pipe(Cursor<Vec<u8>>);

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer) {
            Ok(0) => Err(io::ErrorKind::WouldBlock.into()),
            other => other,
        }
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Accepted,
    Refused,
    /// For invalid UTF-8, maybe in the first fragment of a message that never ends.
    RefusedText,
}

/// What tungstenite makes of the bytes.
fn oracle(bytes: &[u8]) -> (Vec<Message>, Verdict) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    let mut context = WebSocketContext::new(Role::Server, Some(config));
    let mut pipe = Pipe(Cursor::new(bytes.to_vec()));
    let mut messages = Vec::new();
    loop {
        match context.read(&mut pipe) {
            Ok(OracleMessage::Text(text)) => messages.push(Message::Text(text.to_string())),
            Ok(OracleMessage::Binary(bytes)) => messages.push(Message::Binary(bytes.into())),
            Ok(OracleMessage::Ping(bytes)) => messages.push(Message::Ping(bytes.into())),
            Ok(OracleMessage::Pong(bytes)) => messages.push(Message::Pong(bytes.into())),
            Ok(OracleMessage::Close(Some(frame))) if is_violation(&frame) => {
                return (messages, Verdict::Refused);
            }
            Ok(OracleMessage::Close(frame)) => {
                let close = frame.map(|frame| (frame.code.into(), frame.reason.to_string()));
                messages.push(Message::Close(close));
                return (messages, Verdict::Accepted);
            }
            Ok(OracleMessage::Frame(_)) => unreachable!("only written, never read"),
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                return (messages, Verdict::Accepted);
            }
            Err(Error::Utf8(_)) => return (messages, Verdict::RefusedText),
            Err(_) => return (messages, Verdict::Refused),
        }
    }
}

/// This is how tungstenite reports a code that must not be sent.
fn is_violation(frame: &CloseFrame) -> bool {
    u16::from(frame.code) == 1002 && frame.reason == "Protocol violation"
}

/// Enough pongs to complete whatever frame the stream ends with, and the end of a message.
fn completed(mut bytes: Vec<u8>) -> Vec<u8> {
    for _ in 0..MESSAGE_BYTES_MAX / 6 + 10 {
        bytes.extend_from_slice(&[0x8A, 0x80, 0, 0, 0, 0]);
    }
    bytes.extend_from_slice(&[0x80, 0x80, 0, 0, 0, 0]);
    bytes
}

/// What our decoder makes of the bytes.
fn ours(bytes: &[u8], cuts: &[prop::sample::Index]) -> (Vec<Message>, Verdict) {
    let (messages, result) = decode(bytes, cuts, MESSAGE_BYTES_MAX);
    let verdict = match result {
        Ok(()) => Verdict::Accepted,
        Err(DecodeError::InvalidText | DecodeError::InvalidCloseReason) => Verdict::RefusedText,
        Err(_) => Verdict::Refused,
    };
    (messages, verdict)
}

fn check(bytes: Vec<u8>, cuts: &[prop::sample::Index]) -> Result<(), TestCaseError> {
    let bytes = completed(bytes);
    let (seen, verdict) = ours(&bytes, cuts);
    let (expect, expect_verdict) = oracle(&bytes);
    let common = seen.iter().zip(&expect).take_while(|(ours, theirs)| ours == theirs).count();
    if let [Message::Close(Some((1014, _)))] = seen[common..] {
        return Ok(());
    }
    if expect_verdict != Verdict::RefusedText {
        prop_assert_eq!(verdict, expect_verdict);
    }
    if expect_verdict == Verdict::Accepted {
        prop_assert_eq!(seen, expect);
        return Ok(());
    }
    let closed = matches!(seen.last(), Some(Message::Close(_)));
    prop_assert!(verdict != Verdict::Accepted || closed, "only tungstenite refuses");
    let is_control = |message: &Message| !matches!(message, Message::Text(_) | Message::Binary(_));
    prop_assert!(seen[common..].iter().all(is_control), "{:?}", seen);
    prop_assert!(expect[common..].iter().all(is_control), "{:?}", expect);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn tungstenite_agrees_on_valid_streams((bytes, _) in conversation(), cuts in cuts()) {
        let seen = ours(&bytes, &cuts);
        prop_assert_eq!(seen.1, Verdict::Accepted);
        prop_assert_eq!(seen, oracle(&bytes));
    }

    #[test]
    fn tungstenite_agrees_on_changed_streams(
        (mut bytes, _) in conversation(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cuts in cuts(),
    ) {
        for (at, value) in changes {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
        }
        check(bytes, &cuts)?;
    }

    #[test]
    fn tungstenite_agrees_on_shortened_streams(
        (mut bytes, _) in conversation(),
        gap in any::<(prop::sample::Index, prop::sample::Index)>(),
        cuts in cuts(),
    ) {
        let ends = [gap.0.index(bytes.len() + 1), gap.1.index(bytes.len() + 1)];
        bytes.drain(ends[0].min(ends[1])..ends[0].max(ends[1]));
        check(bytes, &cuts)?;
    }

    #[test]
    fn tungstenite_agrees_on_noise_with_plausible_headers(
        frames in prop::collection::vec(
            (any::<u8>(), 0x70..=0xFF_u8, prop::collection::vec(any::<u8>(), 0..20)),
            0..6,
        ),
        cuts in cuts(),
    ) {
        let bytes = frames
            .into_iter()
            .flat_map(|(first, second, rest)| [vec![first & 0x8F, second], rest].concat())
            .collect();
        check(bytes, &cuts)?;
    }
}
