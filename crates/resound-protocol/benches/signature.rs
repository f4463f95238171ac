//! Signatures: what a publish and a subscription cost before anything is done for them.

use divan::{Bencher, black_box, counter::BytesCount};
use resound_protocol::{
    signature::{
        ChannelDataRule, RequestParts, Signer, channel_auth, sign_request, verify_channel_auth,
        verify_request,
    },
    websocket::accept_key,
};

const KEY: &str = "resound-key";
const SOCKET_ID: &str = "123456.7891011";
const NOW: u64 = 1_700_000_000;

fn main() {
    divan::main();
}

fn signer() -> Signer {
    Signer::new("resound-secret")
}

/// 0 is a GET.
#[divan::bench(args = [0, 150, 8192])]
fn verify_a_request(bencher: Bencher<'_, '_>, body_bytes: usize) {
    let (method, path, body) = ("POST", "/apps/1001/events", vec![b'x'; body_bytes]);
    let signer = signer();
    let raw_query = sign_request(method, path, &[], &body, KEY, &signer, NOW);
    let request = RequestParts { method, path, raw_query: &raw_query, body: &body };
    bencher.counter(BytesCount::new(body_bytes)).bench(|| {
        assert!(verify_request(black_box(request), KEY, &signer, NOW, Some(600)).is_ok());
    });
}

#[divan::bench]
fn sign_a_request_of_150_bytes() -> String {
    sign_request("POST", "/apps/1001/events", &[], &[b'x'; 150], KEY, &signer(), black_box(NOW))
}

#[divan::bench]
fn verify_a_private_channel(bencher: Bencher<'_, '_>) {
    let signer = signer();
    let auth = channel_auth(KEY, &signer, SOCKET_ID, "private-orders.7", None);
    bencher.bench(|| {
        let rule = ChannelDataRule::IfSent;
        let (auth, channel) = (black_box(&auth), "private-orders.7");
        assert!(verify_channel_auth(auth, KEY, &signer, SOCKET_ID, channel, None, rule).is_ok());
    });
}

#[divan::bench]
fn verify_a_presence_channel(bencher: Bencher<'_, '_>) {
    let signer = signer();
    let data = Some(r#"{"user_id":"7","user_info":{"name":"Zoë"}}"#);
    let auth = channel_auth(KEY, &signer, SOCKET_ID, "presence-room.1", data);
    bencher.bench(|| {
        let rule = ChannelDataRule::Always;
        let (auth, channel) = (black_box(&auth), "presence-room.1");
        assert!(verify_channel_auth(auth, KEY, &signer, SOCKET_ID, channel, data, rule).is_ok());
    });
}

/// SHA-1 of the handshake.
#[divan::bench]
fn accept_a_websocket() -> String {
    accept_key(black_box("dGhlIHNhbXBsZSBub25jZQ=="))
}
