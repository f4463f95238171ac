//! Requests of the HTTP API are signed: who signed them otherwise gets 401 and the reason.

use resound_protocol::signature::{Signer, sign_request};

use crate::{
    http::{now, signed_target},
    server::Server,
    settings::{KEY, SECRET, Settings},
};

/// The examples of the protocol's description, verified there with npm's `pusher`: method, path,
/// what is in the query besides the signature, the body, its MD5, the signature.
const VECTORS: [(&str, &str, &str, &str, &str, &str); 7] = [
    (
        "POST",
        "/apps/1001/events",
        "",
        r#"{"name":"order.shipped","channels":["private-orders.7"],"data":"{\"id\":7,\"status\":\"shipped\"}"}"#,
        "a1e6a00d7454c5a4fb3d869dd5744964",
        "e23d7f69c39a8c0043f5118231314998642c524ee31c09fa5ab8728fd7ac8f0d",
    ),
    (
        "POST",
        "/apps/1001/events",
        "",
        r#"{"name":"café","channel":"news","data":"\"€\"","socket_id":"123.456"}"#,
        "0f3942aa396fec3ed6b9fa6a80584465",
        "db9de466438061f528939f2c21bcddb872a1a4eba14ee2cb294724d3474ca752",
    ),
    (
        "POST",
        "/apps/1001/batch_events",
        "",
        r#"{"batch":[{"channel":"a","name":"e1","data":"{}"},{"channel":"presence-b","name":"e2","data":"{}","info":"user_count"}]}"#,
        "99aa2a30f709a830c4924535a3978cd8",
        "bc56f9fe5c7959aa8ce6a520a0542d3b86f55584054b762cf66e4b8e9107cee8",
    ),
    (
        "GET",
        "/apps/1001/channels",
        "&filter_by_prefix=presence-&info=user_count",
        "",
        "",
        "0dc6624743349cb033a4ddd448a14143510d79ea7084286e44f240b9c42eb718",
    ),
    (
        "GET",
        "/apps/1001/channels/presence-room.1",
        "&info=user_count%2Csubscription_count",
        "",
        "",
        "d52ced087e5fef1cf8b68579d2123269405aab87801e7a217d84ab17888b1e9a",
    ),
    (
        "GET",
        "/apps/1001/channels/presence-room.1/users",
        "",
        "",
        "",
        "485278ce5452ad19700a3c4de4f5a014a0beac81620e8c8965c1fca94ae55224",
    ),
    (
        "POST",
        "/apps/1001/users/42/terminate_connections",
        "",
        "{}",
        "99914b932bd37a50b983c5e7c90ae93b",
        "98327a7ef46940e3cb4f40a532328523ffea705e632335255905ec38192b5d89",
    ),
];

#[test]
fn the_examples_of_the_description_are_accepted() {
    let server = Server::start(&Settings::app("auth_timestamp_tolerance = 0"));
    let mut http = server.http();
    for (method, path, more, body, md5, signature) in VECTORS {
        let md5 = if md5.is_empty() { String::new() } else { format!("&body_md5={md5}") };
        let query = format!(
            "auth_key=resound-key&auth_timestamp=1700000000&auth_version=1.0{md5}{more}\
             &auth_signature={signature}"
        );
        let answer = http.request(method, &format!("{path}?{query}"), "", body);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        let wrong = format!("{path}?{}", query.replace("1700000000", "1700000001"));
        assert_eq!(http.request(method, &wrong, "", body).status, 401, "{path}");
    }
}

#[test]
fn pushers_own_example_is_accepted() {
    let settings = Settings::default().with_app(
        "3",
        "278d425bdf160c739803",
        "7ad3773142a6692b25b8",
        "auth_timestamp_tolerance = 0",
    );
    let server = Server::start(&settings);
    let target = "/apps/3/events?auth_key=278d425bdf160c739803&auth_timestamp=1353088179\
        &auth_version=1.0&body_md5=ec365a775a4cd0599faeb73354201b6f\
        &auth_signature=da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c";
    let body = r#"{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}"#;
    server.http().request("POST", target, "", body).check(200, "{}");
}

#[track_caller]
fn check(server: &Server, target: &str, reason: &str) {
    let expected = format!("Authentication signature invalid: {reason}.");
    server.get(target).check_error(401, &expected);
}

#[test]
fn a_request_without_a_parameter_of_the_signature_is_told_which() {
    let server = Server::default();
    let full = signed_target("GET", "/channels", &[], "");
    let (path, query) = full.split_once('?').expect("a query");
    for name in ["auth_key", "auth_timestamp", "auth_version", "auth_signature"] {
        let rest: Vec<&str> = query.split('&').filter(|pair| !pair.starts_with(name)).collect();
        check(
            &server,
            &format!("{path}?{}", rest.join("&")),
            &format!(
                "the query parameter {name} is missing; every request to the API must be signed"
            ),
        );
    }
    assert_eq!(server.get("/apps/1001/channels").status, 401);
}

#[test]
fn a_parameter_that_is_given_twice_is_refused() {
    let server = Server::default();
    let target = signed_target("GET", "/channels", &[("info", "user_count")], "");
    for (more, name) in [
        ("&info=subscription_count", "info"),
        ("&INFO=subscription_count", "info"),
        ("&auth_key=other", "auth_key"),
        ("&auth_timestamp=1", "auth_timestamp"),
    ] {
        let reason = format!("the query parameter {name} is given more than once");
        check(&server, &format!("{target}{more}"), &reason);
    }
}

/// A request that was signed with another key, secret or time.
fn signed_with(key: &str, secret: &str, timestamp: u64) -> String {
    let (path, signer) = ("/apps/1001/channels", Signer::new(secret));
    let query = sign_request("GET", path, &[], b"", key, &signer, timestamp);
    format!("{path}?{query}")
}

#[test]
fn a_wrong_key_or_secret_is_refused() {
    let server = Server::default();
    let key = signed_with("other-key", SECRET, now());
    check(&server, &key, "auth_key is not the key of this app");
    let timestamp = now();
    let secret = signed_with(KEY, "other-secret", timestamp);
    let text = format!(
        "GET\\n/apps/1001/channels\\nauth_key=resound-key&auth_timestamp={timestamp}&auth_version=1.0"
    );
    let reason =
        format!("auth_signature is not the HMAC-SHA256 of \"{text}\" with the app's secret");
    check(&server, &secret, &reason);
}

#[test]
fn a_request_of_another_time_is_refused_unless_the_app_does_not_look_at_it() {
    let server = Server::default();
    for (timestamp, direction) in [(now() - 700, "behind"), (now() + 700, "ahead of")] {
        let answer = server.get(&signed_with(KEY, SECRET, timestamp));
        assert_eq!(answer.status, 401);
        let error = answer.json()["error"].to_string();
        assert!(error.contains(direction), "{error}");
        let allowed = "the server's clock, allowed are 600 (auth_timestamp_tolerance)";
        assert!(error.contains(allowed), "{error}");
    }
    for timestamp in [now() - 500, now() + 500] {
        assert_eq!(server.get(&signed_with(KEY, SECRET, timestamp)).status, 200);
    }
    let relaxed = Server::start(&Settings::app("auth_timestamp_tolerance = 0"));
    assert_eq!(relaxed.get(&signed_with(KEY, SECRET, 0)).status, 200);
    let strict = Server::start(&Settings::app("auth_timestamp_tolerance = 60"));
    assert_eq!(strict.get(&signed_with(KEY, SECRET, now() - 100)).status, 401);
}

#[test]
fn another_body_than_the_signed_one_is_refused() {
    let server = Server::default();
    let signed = r#"{"name":"a","channel":"news","data":"1"}"#;
    let target = signed_target("POST", "/events", &[], signed);
    let answer = server.http().request("POST", &target, "", &signed.replace("\"1\"", "\"2\""));
    assert_eq!(answer.status, 401);
    let no_body = server.http().request("POST", &target, "", "");
    assert_eq!(no_body.status, 401);
}

#[test]
fn a_signature_is_good_for_its_method_and_path_only() {
    let server = Server::default();
    let target = signed_target("GET", "/channels", &[], "");
    assert_eq!(server.get(&target).status, 200);
    assert_eq!(server.get(&target.replace("/channels", "/connections")).status, 401);
    assert_eq!(server.get(&target.replace("/apps/1001", "/apps/%31001")).status, 200);
}

#[test]
fn requests_are_signed_without_the_servers_prefix() {
    let server = Server::start(&Settings::server("shards = 2\npath = \"/ws\""));
    let target = signed_target("GET", "/connections", &[], "");
    server.get(&format!("/ws{target}")).check(200, r#"{"connections":0}"#);
    server.get(&target).check(200, r#"{"connections":0}"#);
}

#[test]
fn an_app_answers_to_its_own_key_only() {
    let server = Server::start(&Settings::default().with_app("2", "other-key", "other", ""));
    let path = "/apps/2/channels";
    let query = sign_request("GET", path, &[], b"", KEY, &Signer::new(SECRET), now());
    check(&server, &format!("{path}?{query}"), "auth_key is not the key of this app");
}
