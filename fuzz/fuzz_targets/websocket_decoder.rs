//! The decoder of clients' frames gives the same for every way of cutting the stream into reads,
//! hands over nothing above the limit, and nothing after a close or an error.

#![no_main]

use std::ops::ControlFlow;

use libfuzzer_sys::{arbitrary, arbitrary::Arbitrary, fuzz_target};
use resound_protocol::websocket::{DecodeError, Decoder, Incoming};

#[derive(Arbitrary, Debug)]
struct Stream<'a> {
    message_bytes_max: u16,
    /// The lengths of the reads, over and over.
    reads: Vec<u8>,
    bytes: &'a [u8],
}

#[derive(Debug, PartialEq)]
enum Message {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

type Outcome = (Vec<Message>, Result<(), DecodeError>);

fn owned(incoming: Incoming<'_>, bytes_max: usize) -> Message {
    match incoming {
        Incoming::Text(text) => {
            assert!(text.len() <= bytes_max);
            Message::Text(text.into())
        }
        Incoming::Binary(bytes) => {
            assert!(bytes.len() <= bytes_max);
            Message::Binary(bytes.into())
        }
        Incoming::Ping(bytes) => {
            assert!(bytes.len() <= 125);
            Message::Ping(bytes.into())
        }
        Incoming::Pong(bytes) => {
            assert!(bytes.len() <= 125);
            Message::Pong(bytes.into())
        }
        Incoming::Close(close) => Message::Close(close.map(|(code, reason)| {
            assert!(reason.len() <= 123 && (1000..5000).contains(&code));
            (code, reason.into())
        })),
    }
}

fn decode(bytes: &[u8], bytes_max: usize, mut lengths: impl Iterator<Item = usize>) -> Outcome {
    let (mut decoder, mut messages, mut rest) = (Decoder::default(), Vec::new(), bytes);
    while !rest.is_empty() {
        let length = lengths.next().unwrap_or(rest.len()).min(rest.len());
        let mut read = rest.split_off(..length).expect("it is that long").to_vec();
        let result = decoder.decode(&mut read, bytes_max, |incoming| {
            assert!(!matches!(messages.last(), Some(Message::Close(_))), "after a close");
            messages.push(owned(incoming, bytes_max));
            ControlFlow::Continue(())
        });
        if result.is_err() {
            let mut late = *b"\x81\x80\0\0\0\0";
            let after = decoder.decode(&mut late, bytes_max, |_| panic!("after an error"));
            assert_eq!(after, Ok(()));
            return (messages, result);
        }
    }
    (messages, Ok(()))
}

fuzz_target!(|stream: Stream<'_>| {
    let bytes_max = usize::from(stream.message_bytes_max);
    let whole = decode(stream.bytes, bytes_max, std::iter::empty());
    let lengths = stream.reads.iter().map(|length| usize::from(*length)).cycle();
    // Reads of no bytes are harmless, but there has to be an end.
    let lengths = lengths.enumerate().map(|(at, length)| length.max(at % 2));
    assert_eq!(decode(stream.bytes, bytes_max, lengths), whole);
    assert_eq!(decode(stream.bytes, bytes_max, std::iter::repeat(1)), whole);
});
