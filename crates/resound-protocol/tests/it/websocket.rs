//! Whatever a client sends arrives, however its bytes are cut into reads.

use std::ops::ControlFlow;

use proptest::prelude::*;
use resound_protocol::websocket::{DecodeError, Decoder, Incoming};

/// More than any message of these tests.
const MESSAGE_BYTES_MAX: usize = 100_000;

/// One message, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

impl From<Incoming<'_>> for Message {
    fn from(incoming: Incoming<'_>) -> Self {
        match incoming {
            Incoming::Text(text) => Self::Text(text.into()),
            Incoming::Binary(bytes) => Self::Binary(bytes.into()),
            Incoming::Ping(bytes) => Self::Ping(bytes.into()),
            Incoming::Pong(bytes) => Self::Pong(bytes.into()),
            Incoming::Close(close) => {
                Self::Close(close.map(|(code, reason)| (code, reason.to_owned())))
            }
        }
    }
}

/// One frame as it goes over the wire.
#[derive(Clone, Debug)]
pub(crate) struct WireFrame {
    pub(crate) first_byte: u8,
    pub(crate) mask: [u8; 4],
    pub(crate) payload: Vec<u8>,
}

impl WireFrame {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let length = self.payload.len();
        let mut bytes = vec![self.first_byte];
        match length {
            0..=125 => bytes.push(0x80 | length as u8),
            126..=0xFFFF => {
                bytes.push(0x80 | 126);
                bytes.extend_from_slice(&(length as u16).to_be_bytes());
            }
            _ => {
                bytes.push(0x80 | 127);
                bytes.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        bytes.extend_from_slice(&self.mask);
        let mask = self.mask.iter().cycle();
        bytes.extend(self.payload.iter().zip(mask).map(|(byte, key)| byte ^ key));
        bytes
    }
}

/// Decodes reads that end at the given positions.
pub(crate) fn decode(
    bytes: &[u8],
    cuts: &[prop::sample::Index],
    message_bytes_max: usize,
) -> (Vec<Message>, Result<(), DecodeError>) {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    ends.push(bytes.len());
    ends.sort_unstable();
    let (mut decoder, mut messages, mut start) = (Decoder::default(), Vec::new(), 0);
    for end in ends {
        let mut read = bytes[start..end].to_vec();
        let result = decoder.decode(&mut read, message_bytes_max, |incoming| {
            messages.push(incoming.into());
            ControlFlow::Continue(())
        });
        if result.is_err() {
            return (messages, result);
        }
        start = end;
    }
    (messages, Ok(()))
}

pub(crate) fn cuts() -> impl Strategy<Value = Vec<prop::sample::Index>> {
    prop::collection::vec(any::<prop::sample::Index>(), 0..20)
}

/// Lengths around those at which the header changes its form.
fn payload() -> impl Strategy<Value = Vec<u8>> {
    let length = prop_oneof![8 => 0..200_usize, 1 => 65_500..65_600_usize];
    length.prop_flat_map(|length| prop::collection::vec(any::<u8>(), length))
}

fn control_payload() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..=125)
}

/// A message, and where a sender may cut it into fragments.
pub(crate) fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        4 => any::<String>().prop_map(Message::Text),
        3 => payload().prop_map(Message::Binary),
        1 => control_payload().prop_map(Message::Ping),
        1 => control_payload().prop_map(Message::Pong),
    ]
}

pub(crate) fn close() -> impl Strategy<Value = Message> {
    let code = prop_oneof![Just(1000_u16), 1000..=1003_u16, 1007..=1013_u16, 3000..=4999_u16];
    let reason = "[a-zäöü€🎈]{0,30}";
    prop::option::of((code, reason)).prop_map(Message::Close)
}

/// The frames of a message; `cuts` and the control frame in between apply to text and binary only.
pub(crate) fn frames(
    message: &Message,
    cuts: &[prop::sample::Index],
    mask: [u8; 4],
    between: Option<&Message>,
) -> Vec<WireFrame> {
    let single = |first_byte, payload: &[u8]| {
        vec![WireFrame { first_byte, mask, payload: payload.to_vec() }]
    };
    let (opcode, payload) = match message {
        Message::Ping(payload) => return single(0x89, payload),
        Message::Pong(payload) => return single(0x8A, payload),
        Message::Close(None) => return single(0x88, b""),
        Message::Close(Some((code, reason))) => {
            return single(0x88, &[&code.to_be_bytes(), reason.as_bytes()].concat());
        }
        Message::Text(text) => (1, text.as_bytes()),
        Message::Binary(bytes) => (2, &bytes[..]),
    };
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(payload.len() + 1)).collect();
    ends.sort_unstable();
    ends.push(payload.len());
    let (mut frames, mut start) = (Vec::new(), 0);
    for (at, end) in ends.iter().enumerate() {
        let fin = if at + 1 == ends.len() { 0x80 } else { 0 };
        let first_byte = fin | if at == 0 { opcode } else { 0 };
        frames.push(WireFrame { first_byte, mask, payload: payload[start..*end].to_vec() });
        start = *end;
        if fin == 0 && at == 0 {
            frames
                .extend(between.iter().flat_map(|between| self::frames(between, &[], mask, None)));
        }
    }
    frames
}

/// A conversation: the bytes a client sends, and what they mean.
pub(crate) fn conversation() -> impl Strategy<Value = (Vec<u8>, Vec<Message>)> {
    let fragments = prop::collection::vec(any::<prop::sample::Index>(), 0..4);
    let between = prop::option::of(control_payload().prop_map(Message::Ping));
    let item = (message(), fragments, any::<[u8; 4]>(), between);
    (prop::collection::vec(item, 0..6), prop::option::of(close())).prop_map(|(items, close)| {
        let (mut bytes, mut messages) = (Vec::new(), Vec::new());
        for (message, cuts, mask, between) in items {
            let frames = frames(&message, &cuts, mask, between.as_ref());
            bytes.extend(frames.iter().flat_map(WireFrame::encode));
            if frames.len() > 1 {
                messages.extend(between);
            }
            messages.push(message);
        }
        if let Some(close) = close {
            bytes.extend(frames(&close, &[], [7; 4], None)[0].encode());
            messages.push(close);
        }
        (bytes, messages)
    })
}

proptest! {
    #[test]
    fn what_was_sent_arrives_however_the_reads_are_cut(
        (bytes, messages) in conversation(),
        cuts in cuts(),
    ) {
        let (seen, result) = decode(&bytes, &cuts, MESSAGE_BYTES_MAX);
        prop_assert_eq!(result, Ok(()));
        prop_assert_eq!(seen, messages);
    }

    #[test]
    fn a_conversation_may_end_anywhere((bytes, messages) in conversation(), cut: prop::sample::Index) {
        let (seen, result) = decode(&bytes[..cut.index(bytes.len() + 1)], &[], MESSAGE_BYTES_MAX);
        prop_assert_eq!(result, Ok(()));
        prop_assert!(messages.starts_with(&seen));
    }

    #[test]
    fn the_limit_holds_for_every_message_and_no_smaller_one(
        (bytes, messages) in conversation(),
        cuts in cuts(),
        limit in 0..300_usize,
    ) {
        let bytes_of = |message: &Message| match message {
            Message::Text(text) => text.len(),
            Message::Binary(bytes) => bytes.len(),
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => 0,
        };
        let (seen, result) = decode(&bytes, &cuts, limit);
        let too_big = messages.iter().any(|message| bytes_of(message) > limit);
        prop_assert_eq!(result.map_err(DecodeError::close_code), if too_big { Err(1009) } else { Ok(()) });
        prop_assert!(seen.iter().all(|message| bytes_of(message) <= limit));
    }

    #[test]
    fn random_bytes_give_the_same_however_the_reads_are_cut(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        cuts in cuts(),
    ) {
        prop_assert_eq!(decode(&bytes, &[], 1000), decode(&bytes, &cuts, 1000));
    }
}
