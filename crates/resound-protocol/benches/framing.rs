//! Frames: encoding for clients, decoding from them.

use std::ops::ControlFlow;

use divan::{Bencher, black_box, counter::BytesCount};
use resound_protocol::websocket::{Decoder, Frame, Incoming};

const PAYLOAD_BYTES: [usize; 2] = [100, 8192];
const MESSAGE_BYTES_MAX: usize = 10_000;
/// Bytes of a TCP segment on an Ethernet.
const SEGMENT_BYTES: usize = 1460;

fn main() {
    divan::main();
}

/// A client's text frame. Its mask is zero, so that unmasking it in place, which costs the same with
/// every mask, leaves it as it is for the next round.
fn client_frame(payload_bytes: usize) -> Vec<u8> {
    let mut bytes = vec![0x81];
    match payload_bytes {
        0..=125 => bytes.push(0x80 | payload_bytes as u8),
        _ => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&(payload_bytes as u16).to_be_bytes());
        }
    }
    bytes.extend_from_slice(&[0; 4]);
    bytes.resize(bytes.len() + payload_bytes, b'x');
    bytes
}

fn decode(decoder: &mut Decoder, read: &mut [u8]) -> usize {
    let mut bytes = 0;
    let result = decoder.decode(read, MESSAGE_BYTES_MAX, |incoming| {
        if let Incoming::Text(text) = black_box(incoming) {
            bytes += text.len();
        }
        ControlFlow::Continue(())
    });
    assert_eq!(result, Ok(()));
    bytes
}

#[divan::bench(args = PAYLOAD_BYTES)]
fn encode(bencher: Bencher<'_, '_>, payload_bytes: usize) {
    let payload = "x".repeat(payload_bytes);
    bencher.counter(BytesCount::new(payload_bytes)).bench(|| Frame::text(black_box(&payload)));
}

#[divan::bench(args = PAYLOAD_BYTES)]
fn decode_one(bencher: Bencher<'_, '_>, payload_bytes: usize) {
    let mut read = client_frame(payload_bytes);
    let mut decoder = Decoder::default();
    bencher
        .counter(BytesCount::new(payload_bytes))
        .bench_local(|| decode(&mut decoder, black_box(&mut read)));
}

#[divan::bench]
fn decode_16_of_100_bytes_in_one_read(bencher: Bencher<'_, '_>) {
    let mut read = client_frame(100).repeat(16);
    let mut decoder = Decoder::default();
    bencher.bench_local(|| decode(&mut decoder, black_box(&mut read)));
}

#[divan::bench]
fn decode_8192_bytes_in_reads_of_a_segment(bencher: Bencher<'_, '_>) {
    let mut bytes = client_frame(8192);
    let mut decoder = Decoder::default();
    bencher.bench_local(|| {
        let reads = black_box(&mut bytes).chunks_mut(SEGMENT_BYTES);
        reads.map(|read| decode(&mut decoder, read)).sum::<usize>()
    });
}
