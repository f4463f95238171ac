//! Signatures: the worked vectors of the specification, round trips, and every way to be refused.

use proptest::prelude::*;
use resound_protocol::signature::{
    AuthFault, ChannelDataRule, Query, RequestFault, RequestParts, Signer, channel_auth,
    sign_request, user_auth, verify_channel_auth, verify_request, verify_user_auth,
};

const KEY: &str = "resound-key";
const SECRET: &str = "resound-secret";
const NOW: u64 = 1_700_000_000;
const SOCKET_ID: &str = "123456.7891011";

/// Pusher's own samples are of another app.
const PUSHER_KEY: &str = "278d425bdf160c739803";
const PUSHER_SECRET: &str = "7ad3773142a6692b25b8";

fn signer() -> Signer {
    Signer::new(SECRET)
}

/// Signs the request and compares the signature with the one of the specification, then verifies it.
#[track_caller]
fn check_vector(method: &str, path: &str, query: &[(&str, &str)], body: &str, signature: &str) {
    let raw_query = sign_request(method, path, query, body.as_bytes(), KEY, &signer(), NOW);
    let (_, found) = raw_query.rsplit_once("auth_signature=").expect("it is the last one");
    assert_eq!(found, signature);
    let request = RequestParts { method, path, raw_query: &raw_query, body: body.as_bytes() };
    assert_eq!(verify_request(request, KEY, &signer(), NOW, Some(0)), Ok(()));
}

#[test]
fn vector_a_an_event() {
    check_vector(
        "POST",
        "/apps/1001/events",
        &[],
        r#"{"name":"order.shipped","channels":["private-orders.7"],"data":"{\"id\":7,\"status\":\"shipped\"}"}"#,
        "e23d7f69c39a8c0043f5118231314998642c524ee31c09fa5ab8728fd7ac8f0d",
    );
}

#[test]
fn vector_b_an_event_in_utf_8() {
    check_vector(
        "POST",
        "/apps/1001/events",
        &[],
        r#"{"name":"café","channel":"news","data":"\"€\"","socket_id":"123.456"}"#,
        "db9de466438061f528939f2c21bcddb872a1a4eba14ee2cb294724d3474ca752",
    );
}

#[test]
fn vector_c_a_batch() {
    check_vector(
        "POST",
        "/apps/1001/batch_events",
        &[],
        r#"{"batch":[{"channel":"a","name":"e1","data":"{}"},{"channel":"presence-b","name":"e2","data":"{}","info":"user_count"}]}"#,
        "bc56f9fe5c7959aa8ce6a520a0542d3b86f55584054b762cf66e4b8e9107cee8",
    );
}

#[test]
fn vector_d_the_channels() {
    check_vector(
        "GET",
        "/apps/1001/channels",
        &[("info", "user_count"), ("filter_by_prefix", "presence-")],
        "",
        "0dc6624743349cb033a4ddd448a14143510d79ea7084286e44f240b9c42eb718",
    );
}

#[test]
fn vector_e_a_channel_with_a_comma_that_is_escaped_on_the_wire() {
    check_vector(
        "GET",
        "/apps/1001/channels/presence-room.1",
        &[("info", "user_count,subscription_count")],
        "",
        "d52ced087e5fef1cf8b68579d2123269405aab87801e7a217d84ab17888b1e9a",
    );
}

#[test]
fn vector_f_the_users_of_a_channel() {
    check_vector(
        "GET",
        "/apps/1001/channels/presence-room.1/users",
        &[],
        "",
        "485278ce5452ad19700a3c4de4f5a014a0beac81620e8c8965c1fca94ae55224",
    );
}

#[test]
fn vector_g_ending_the_connections_of_a_user() {
    check_vector(
        "POST",
        "/apps/1001/users/42/terminate_connections",
        &[],
        "{}",
        "98327a7ef46940e3cb4f40a532328523ffea705e632335255905ec38192b5d89",
    );
}

#[test]
fn vector_h_pushers_own_sample() {
    let raw_query = "auth_key=278d425bdf160c739803&auth_timestamp=1353088179&auth_version=1.0\
        &body_md5=ec365a775a4cd0599faeb73354201b6f\
        &auth_signature=da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c";
    let body = br#"{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}"#;
    let request = RequestParts { method: "POST", path: "/apps/3/events", raw_query, body };
    let signer = Signer::new(PUSHER_SECRET);
    assert_eq!(verify_request(request, PUSHER_KEY, &signer, 1_353_088_179, Some(600)), Ok(()));
}

/// A request that Laravel could have sent, to be changed by the tests below.
fn events(raw_query: &str) -> Result<(), RequestFault> {
    let request =
        RequestParts { method: "POST", path: "/apps/1001/events", raw_query, body: b"{}" };
    verify_request(request, KEY, &signer(), NOW, Some(600))
}

fn signed_events() -> String {
    sign_request("POST", "/apps/1001/events", &[("info", "x")], b"{}", KEY, &signer(), NOW)
}

#[test]
fn the_order_of_the_parameters_on_the_wire_is_free() {
    let query = signed_events();
    let mut pairs: Vec<_> = query.split('&').collect();
    pairs.reverse();
    assert_eq!(events(&pairs.join("&")), Ok(()));
}

#[test]
fn what_routers_add_to_the_query_is_not_signed() {
    let query = signed_events() + "&appId=1001&appKey=x&channelName=y";
    assert_eq!(events(&query), Ok(()));
    assert!(events(&(signed_events() + "&appid=1001")).is_err());
}

#[test]
fn the_received_md5_is_ignored_in_favour_of_the_bodys() {
    let query = signed_events();
    let start = query.find("body_md5=").expect("it is signed") + "body_md5=".len();
    let other = format!("{}{}{}", &query[..start], "0".repeat(32), &query[start + 32..]);
    assert_eq!(events(&other), Ok(()), "only what was received counts");
    let without = query.replace("body_md5=", "x_").replace("99914b932bd37a50b983c5e7c90ae93b&", "");
    assert!(events(&without).is_err());
}

#[test]
fn an_array_is_signed_as_its_values_joined_by_commas() {
    // This is how PHP's http_build_query writes what the library signs as `info=a,b`.
    let signed =
        sign_request("GET", "/apps/1/channels", &[("info", "a,b")], b"", KEY, &signer(), NOW);
    for array in ["info%5B0%5D=a&info%5B1%5D=b", "info[]=a&info[]=b"] {
        let raw_query = signed.replace("info=a%2Cb", array);
        let request = RequestParts {
            method: "GET",
            path: "/apps/1/channels",
            raw_query: &raw_query,
            body: b"",
        };
        assert_eq!(verify_request(request, KEY, &signer(), NOW, None), Ok(()), "{raw_query}");
    }
}

#[test]
fn a_path_is_accepted_as_it_was_signed_or_as_it_was_escaped() {
    let signed_path = "/apps/1001/users/a b+Zoë/terminate_connections";
    let wire_path = "/apps/1001/users/a%20b+Zo%C3%AB/terminate_connections";
    for path in [signed_path, wire_path] {
        let raw_query = sign_request("POST", path, &[], b"{}", KEY, &signer(), NOW);
        let request =
            RequestParts { method: "POST", path: wire_path, raw_query: &raw_query, body: b"{}" };
        assert_eq!(verify_request(request, KEY, &signer(), NOW, Some(600)), Ok(()), "{path}");
    }
}

#[test]
fn a_parameter_given_twice_is_refused() {
    let query = signed_events();
    for twice in ["info=x", "info[]=x", "auth_key=resound-key", "auth_signature=0"] {
        let result = events(&format!("{query}&{twice}"));
        assert!(matches!(result, Err(RequestFault::Repeated(_))), "{twice}: {result:?}");
    }
    assert_eq!(
        events(&(query + "&info=y")).expect_err("repeated").to_string(),
        "the query parameter info is given more than once"
    );
}

#[test]
fn each_missing_parameter_is_named() {
    let query = signed_events();
    for name in ["auth_key", "auth_timestamp", "auth_version", "auth_signature"] {
        let without: Vec<_> = query.split('&').filter(|pair| !pair.starts_with(name)).collect();
        let fault = events(&without.join("&")).expect_err("a parameter is missing");
        assert_eq!(
            fault.to_string(),
            format!(
                "the query parameter {name} is missing; every request to the API must be signed"
            )
        );
    }
}

#[test]
fn key_version_and_timestamp_must_be_right() {
    let check = |from: &str, to: &str| events(&signed_events().replace(from, to));
    assert_eq!(check("resound-key", "other-key"), Err(RequestFault::UnknownKey));
    assert_eq!(check("version=1.0", "version=2.0"), Err(RequestFault::UnknownVersion));
    assert_eq!(check("1700000000", "yesterday"), Err(RequestFault::MalformedTimestamp));
    assert_eq!(check("1700000000", "-1"), Err(RequestFault::MalformedTimestamp));
    assert_eq!(
        check("1700000000", "1699999399").expect_err("too old").to_string(),
        "auth_timestamp is 601 seconds behind the server's clock, allowed are 600 \
         (auth_timestamp_tolerance); compare the clocks of both machines"
    );
    let ahead = check("1700000000", "1700000601").expect_err("too new").to_string();
    assert!(ahead.starts_with("auth_timestamp is 601 seconds ahead of the server's"), "{ahead}");
    let at_the_edge = check("1700000000", "1700000600");
    assert!(matches!(at_the_edge, Err(RequestFault::BadSignature { .. })), "{at_the_edge:?}");
}

#[test]
fn without_a_tolerance_the_time_is_not_looked_at() {
    for timestamp in [0, u64::MAX] {
        let raw_query = sign_request("GET", "/apps/1", &[], b"", KEY, &signer(), timestamp);
        let request =
            RequestParts { method: "GET", path: "/apps/1", raw_query: &raw_query, body: b"" };
        assert_eq!(verify_request(request, KEY, &signer(), NOW, None), Ok(()));
        assert!(verify_request(request, KEY, &signer(), NOW, Some(600)).is_err());
    }
}

#[test]
fn a_wrong_signature_tells_what_should_have_been_signed_but_not_the_secret() {
    let raw_query = "auth_key=resound-key&auth_timestamp=1700000000&auth_version=1.0&info=a+b\
                     &auth_signature=00";
    let request = RequestParts { method: "GET", path: "/apps/1/channels", raw_query, body: b"" };
    let fault = verify_request(request, KEY, &signer(), NOW, Some(600)).expect_err("wrong");
    assert_eq!(
        fault.to_string(),
        r#"auth_signature is not the HMAC-SHA256 of "GET\n/apps/1/channels\nauth_key=resound-key&auth_timestamp=1700000000&auth_version=1.0&info=a b" with the app's secret"#
    );
}

#[track_caller]
fn check_channel(channel: &str, data: Option<&str>, hex: &str) {
    let auth = channel_auth(KEY, &signer(), SOCKET_ID, channel, data);
    assert_eq!(auth, format!("{KEY}:{hex}"));
    let rule = if data.is_some() { ChannelDataRule::Always } else { ChannelDataRule::IfSent };
    let verified = verify_channel_auth(&auth, KEY, &signer(), SOCKET_ID, channel, data, rule);
    assert_eq!(verified, Ok(()));
}

#[test]
fn the_vectors_of_channels_are_signed_and_verified() {
    check_channel(
        "private-orders.7",
        None,
        "bbbca0b81864e363c8267d09c5ae60ff73bdbc6b15a5695fb0c99cd39c999184",
    );
    check_channel(
        "presence-room.1",
        Some(r#"{"user_id":"7","user_info":{"name":"Zoë"}}"#),
        "9f6f0bdbcf45727339641e22501dd1ba6a95c42161871a416d443f69ea745172",
    );
    let pusher = Signer::new(PUSHER_SECRET);
    assert_eq!(
        channel_auth(PUSHER_KEY, &pusher, "1234.1234", "private-foobar", None),
        "278d425bdf160c739803:58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4"
    );
    // The digest that Pusher prints here is of another name; this is the right one.
    assert_eq!(
        pusher.hex(&[
            br#"1234.1234:presence-foobar:{"user_id":10,"user_info":{"name":"Mr. Channels"}}"#
        ]),
        "31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80"
    );
}

#[test]
fn the_vectors_of_users_are_signed_and_verified() {
    let data = r#"{"id":"7","user_info":{"name":"Zoë"},"watchlist":["8","9"]}"#;
    let auth = user_auth(KEY, &signer(), SOCKET_ID, data);
    assert_eq!(
        auth,
        "resound-key:a1d728157608f390730675a97ee040d2cc498d7c940899d6f63cee249d6c1b77"
    );
    assert_eq!(verify_user_auth(&auth, KEY, &signer(), SOCKET_ID, data), Ok(()));
    assert_eq!(verify_user_auth(&auth, KEY, &signer(), SOCKET_ID, "{}"), Err(AuthFault::Mismatch));
    assert_eq!(
        user_auth(PUSHER_KEY, &Signer::new(PUSHER_SECRET), "1234.1234", r#"{"id":"12345"}"#),
        "278d425bdf160c739803:4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba"
    );
}

#[test]
fn channel_data_is_signed_always_for_presence_and_at_will_for_others() {
    let verify = |signed: Option<&str>, sent: Option<&str>, rule| {
        let auth = channel_auth(KEY, &signer(), SOCKET_ID, "c", signed);
        verify_channel_auth(&auth, KEY, &signer(), SOCKET_ID, "c", sent, rule)
    };
    use ChannelDataRule::{Always, IfSent};
    assert_eq!(verify(Some("d"), Some("d"), Always), Ok(()));
    assert_eq!(verify(None, Some("d"), Always), Err(AuthFault::Mismatch));
    assert_eq!(verify(Some("d"), None, Always), Err(AuthFault::ChannelDataMissing));
    assert_eq!(verify(Some("d"), Some("e"), Always), Err(AuthFault::Mismatch));
    assert_eq!(verify(Some(""), Some(""), Always), Ok(()));
    assert_eq!(verify(Some("d"), Some("d"), IfSent), Ok(()));
    assert_eq!(verify(None, Some("d"), IfSent), Ok(()));
    assert_eq!(verify(None, None, IfSent), Ok(()));
    assert_eq!(verify(Some("d"), None, IfSent), Err(AuthFault::Mismatch));
    assert_eq!(verify(Some(""), None, IfSent), Err(AuthFault::Mismatch));
}

#[test]
fn an_auth_that_is_refused_says_why() {
    let right = channel_auth(KEY, &signer(), SOCKET_ID, "c", None);
    let verify = |auth: &str| {
        let rule = ChannelDataRule::IfSent;
        verify_channel_auth(auth, KEY, &signer(), SOCKET_ID, "c", None, rule)
    };
    assert_eq!(verify(""), Err(AuthFault::Missing));
    assert_eq!(verify("nonsense"), Err(AuthFault::Malformed));
    assert_eq!(verify("resound-key:"), Err(AuthFault::Malformed));
    assert_eq!(verify("resound-key:zz"), Err(AuthFault::Malformed));
    assert_eq!(verify(&right.to_uppercase()), Err(AuthFault::WrongKey));
    assert_eq!(verify(&right.replace("key", "kez")), Err(AuthFault::WrongKey));
    assert_eq!(verify(&format!("{KEY}:{}", "0".repeat(64))), Err(AuthFault::Mismatch));
}

/// Flips a bit of a text, so that it stays a text.
fn flip(text: &str, at: prop::sample::Index, bit: u8) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let at = at.index(bytes.len());
    bytes[at] ^= 1 << bit;
    String::from_utf8(bytes).expect("ASCII stays ASCII in the lower seven bits")
}

proptest! {
    #[test]
    fn whatever_is_signed_is_verified(
        method in "[A-Z]{1,7}",
        path: String,
        query in prop::collection::btree_map("[a-z_]{1,9}", any::<String>(), 0..12),
        body: Vec<u8>,
        key: String,
        secret: String,
        now in 0..u64::MAX / 2,
    ) {
        let own = ["auth_key", "auth_timestamp", "auth_version", "auth_signature", "body_md5"];
        let query: Vec<_> = query
            .iter()
            .map(|(key, value)| (&**key, &**value))
            .filter(|(key, _)| !own.contains(key))
            .collect();
        let signer = Signer::new(&secret);
        let raw_query = sign_request(&method, &path, &query, &body, &key, &signer, now);
        let request = RequestParts { method: &method, path: &path, raw_query: &raw_query, body: &body };
        prop_assert_eq!(verify_request(request, &key, &signer, now + 600, Some(600)), Ok(()));
        let parsed = Query::parse(&raw_query);
        for (key, value) in query {
            let found = parsed.value(key);
            prop_assert_eq!(found.as_deref(), Some(value));
        }
    }

    #[test]
    fn a_changed_bit_of_a_request_is_noticed(
        part in 0..4_usize,
        at: prop::sample::Index,
        bit in 0..7_u8,
        body in "[ -~]{1,40}",
        info in "[ -~]{1,20}",
    ) {
        let (method, path) = ("POST", "/apps/1001/events");
        let raw_query =
            sign_request(method, path, &[("info", &info)], body.as_bytes(), KEY, &signer(), NOW);
        let mut parts = [method, path, &raw_query, &body].map(str::to_owned);
        parts[part] = flip(&parts[part], at, bit);
        let [method, path, changed_query, body] = &parts;
        let request =
            RequestParts { method, path, raw_query: changed_query, body: body.as_bytes() };
        let result = verify_request(request, KEY, &signer(), NOW, None);
        // `%2a` and `%2A`, `Info` and `info` are the same; the received MD5 does not count.
        let without_md5 = |query: &str| -> String {
            let is_md5 = |pair: &&str| pair.to_ascii_lowercase().starts_with("body_md5=");
            let pairs = query.split('&').filter(|pair| !is_md5(pair));
            pairs.collect::<Vec<_>>().join("&")
        };
        let (changed, original) = (without_md5(changed_query), without_md5(&raw_query));
        let same = part == 2 && Query::parse(&changed) == Query::parse(&original);
        prop_assert_eq!(result.is_ok(), same, "{:?}", result);
    }

    #[test]
    fn a_changed_bit_of_an_auth_is_noticed(at: prop::sample::Index, bit in 0..7_u8, part in 0..4_usize) {
        let auth = channel_auth(KEY, &signer(), SOCKET_ID, "presence-a", Some("{}"));
        let mut parts = [&*auth, SOCKET_ID, "presence-a", "{}"].map(str::to_owned);
        parts[part] = flip(&parts[part], at, bit);
        let [auth, socket_id, channel, data] = &parts;
        for rule in [ChannelDataRule::Always, ChannelDataRule::IfSent] {
            let result =
                verify_channel_auth(auth, KEY, &signer(), socket_id, channel, Some(data), rule);
            prop_assert!(result.is_err());
        }
    }

    #[test]
    fn nothing_that_is_sent_makes_it_panic(
        method: String, path: String, raw_query: String, body: Vec<u8>, auth: String, tail: String,
    ) {
        let claims = "auth_key=resound-key&auth_timestamp=1700000000&auth_version=1.0&auth_signature=";
        for raw_query in [raw_query.clone(), format!("{claims}{raw_query}")] {
            let request = RequestParts { method: &method, path: &path, raw_query: &raw_query, body: &body };
            prop_assert!(verify_request(request, KEY, &signer(), NOW, Some(600)).is_err());
        }
        for auth in [auth, format!("{KEY}:{tail}")] {
            let result = verify_user_auth(&auth, KEY, &signer(), SOCKET_ID, "data");
            prop_assert!(result.is_err());
        }
    }
}
