//! Requests and subscriptions with arbitrary content are refused, and accepted when signed.

#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::{arbitrary, arbitrary::Arbitrary, fuzz_target};
use resound_protocol::signature::{
    ChannelDataRule, Query, RequestParts, Signer, channel_auth, sign_request, user_auth,
    verify_channel_auth, verify_request, verify_user_auth,
};

const NOW: u64 = 1_700_000_000;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    method: &'a str,
    path: &'a str,
    raw_query: &'a str,
    query: BTreeMap<&'a str, &'a str>,
    body: &'a [u8],
    key: &'a str,
    secret: &'a str,
    auth: &'a str,
    socket_id: &'a str,
    channel: &'a str,
    data: Option<&'a str>,
}

/// Whether a key of the query is read back as it was written.
fn is_plain(key: &str) -> bool {
    let own = ["auth_key", "auth_timestamp", "auth_version", "auth_signature", "body_md5"];
    !key.is_empty()
        && !key.contains('[')
        && !key.bytes().any(|byte| byte.is_ascii_uppercase())
        && !own.contains(&key)
}

fn check_request(input: &Input<'_>, signer: &Signer) {
    let Input { method, path, raw_query, query, body, key, .. } = input;
    let request = |raw_query| RequestParts { method, path, raw_query, body };
    if let Err(fault) = verify_request(request(raw_query), key, signer, NOW, Some(600)) {
        let _ = fault.to_string();
    } else {
        panic!("a forged signature");
    }
    let query: Vec<_> =
        query.iter().map(|(key, value)| (*key, *value)).filter(|(key, _)| is_plain(key)).collect();
    let signed = sign_request(method, path, &query, body, key, signer, NOW);
    assert_eq!(verify_request(request(&signed), key, signer, NOW, Some(0)), Ok(()));
    let parsed = Query::parse(&signed);
    for (key, value) in query {
        assert_eq!(parsed.value(key).as_deref(), Some(value));
    }
    let claims = signed.rsplit_once('=').expect("the signature is the last one").0;
    let forged = format!("{claims}={raw_query}");
    assert!(verify_request(request(&forged), key, signer, NOW, None).is_err());
}

fn check_auth(input: &Input<'_>, signer: &Signer) {
    let Input { key, auth, socket_id, channel, data, .. } = input;
    for rule in [ChannelDataRule::Always, ChannelDataRule::IfSent] {
        let verify =
            |auth: &str| verify_channel_auth(auth, key, signer, socket_id, channel, *data, rule);
        assert!(verify(auth).is_err());
        assert!(verify(&format!("{key}:{auth}")).is_err());
        let signed = channel_auth(key, signer, socket_id, channel, *data);
        assert_eq!(verify(&signed).is_ok(), data.is_some() || rule == ChannelDataRule::IfSent);
    }
    let data = data.unwrap_or_default();
    let signed = user_auth(key, signer, socket_id, data);
    assert_eq!(verify_user_auth(&signed, key, signer, socket_id, data), Ok(()));
    assert!(verify_user_auth(auth, key, signer, socket_id, data).is_err());
}

fuzz_target!(|input: Input<'_>| {
    let signer = Signer::new(input.secret);
    check_request(&input, &signer);
    check_auth(&input, &signer);
});
