//! HTTP: methods, paths, headers, bodies, connections that are kept.

use crate::{client::event, http::signed_target, server::Server, settings::Settings};

const BODY: &str = r#"{"name":"e","channel":"news","data":"x"}"#;

#[test]
fn a_path_that_is_none_is_answered_with_404() {
    let server = Server::default();
    for path in ["/nothing", "/apps", "/apps/1001", "/apps/1001/nothing", "/apps/1001/events/x"] {
        server.get(path).check_error(404, &format!("Nothing is at {path}."));
    }
}

#[test]
fn a_wrong_method_is_answered_with_405_and_the_right_ones() {
    let server = Server::default();
    for (method, path, allow) in [
        ("GET", "/apps/1001/events", "POST, OPTIONS"),
        ("PUT", "/apps/1001/events", "POST, OPTIONS"),
        ("GET", "/apps/1001/batch_events", "POST, OPTIONS"),
        ("DELETE", "/apps/1001/users/7/terminate_connections", "POST, OPTIONS"),
        ("POST", "/apps/1001/channels", "GET, HEAD, OPTIONS"),
        ("POST", "/apps/1001/channels/news", "GET, HEAD, OPTIONS"),
        ("POST", "/apps/1001/channels/presence-a/users", "GET, HEAD, OPTIONS"),
        ("POST", "/apps/1001/connections", "GET, HEAD, OPTIONS"),
        ("POST", "/up", "GET, HEAD, OPTIONS"),
        ("DELETE", "/metrics", "GET, HEAD, OPTIONS"),
        ("PATCH", "/app/resound-key", "GET, HEAD, OPTIONS"),
    ] {
        let answer = server.http().request(method, path, "", "");
        answer.check_error(405, &format!("Method not allowed; {path} takes {allow}."));
        assert_eq!(answer.header("allow"), Some(allow));
    }
}

#[test]
fn a_browser_may_ask_from_everywhere() {
    let server = Server::default();
    let headers = "Origin: http://a.example\r\nAccess-Control-Request-Method: POST\r\n";
    let answer = server.http().request("OPTIONS", "/apps/1001/events", headers, "");
    answer.check(204, "");
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(
        answer.header("access-control-allow-methods"),
        Some("GET, POST, PUT, DELETE, OPTIONS")
    );
    assert_eq!(
        answer.header("access-control-allow-headers"),
        Some(
            "Origin, Content-Type, X-Auth-Token, X-Requested-With, Accept, Authorization, \
             X-CSRF-TOKEN, XSRF-TOKEN, X-Socket-Id"
        )
    );
    for target in [&*signed_target("GET", "/channels", &[], ""), "/apps/1001/channels", "/nothing"]
    {
        assert_eq!(server.get(target).header("access-control-allow-origin"), Some("*"));
    }
}

#[test]
fn health_is_answered_without_a_signature() {
    let server = Server::default();
    for (path, body) in [
        ("/up", r#"{"health":"OK"}"#),
        ("/live", r#"{"live":true}"#),
        ("/ready", r#"{"ready":true}"#),
    ] {
        let answer = server.get(path);
        answer.check(200, body);
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
}

#[test]
fn head_is_a_get_without_a_body_and_signed_as_one() {
    let server = Server::default();
    let mut http = server.http();
    let target = signed_target("GET", "/channels", &[], "");
    let get = http.request("GET", &target, "", "");
    let head = http.request("HEAD", &target, "", "");
    assert_eq!((head.status, &*head.body), (200, ""));
    assert_eq!(head.header("content-length"), get.header("content-length"));
    assert_eq!(http.request("HEAD", "/up", "", "").status, 200);
    http.request("GET", "/up", "", "").check(200, r#"{"health":"OK"}"#);
}

#[test]
fn a_connection_is_kept_for_many_requests() {
    let server = Server::default();
    let mut client = server.connect();
    client.subscribe("news");
    let mut http = server.http();
    for at in 0..50 {
        http.publish("news", "e", &at.to_string());
        http.request("GET", "/nothing", "", "").check_error(404, "Nothing is at /nothing.");
        client.expect(event("e", "news", &at.to_string()));
    }
    let closing = http.request("GET", "/up", "Connection: close\r\n", "");
    closing.check(200, r#"{"health":"OK"}"#);
    http.expect_end();
}

#[test]
fn an_old_client_gets_its_answer_and_the_end() {
    let server = Server::default();
    let mut http = server.http();
    http.send("GET /up HTTP/1.0\r\n\r\n");
    http.answer().check(200, r#"{"health":"OK"}"#);
    http.expect_end();
}

#[test]
fn requests_may_be_pipelined_and_are_answered_in_order() {
    let server = Server::default();
    let mut client = server.connect();
    client.subscribe("news");
    let mut http = server.http();
    let mut requests = String::new();
    for at in 0..50 {
        let body = BODY.replace("\"x\"", &format!("\"{at}\""));
        let target = signed_target("POST", "/events", &[], &body);
        let length = body.len();
        requests += &format!(
            "POST {target} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n{body}\
             GET /missing-{at} HTTP/1.1\r\nHost: h\r\n\r\n"
        );
    }
    http.send(requests);
    for at in 0..50 {
        http.answer().check(200, "{}");
        http.answer().check_error(404, &format!("Nothing is at /missing-{at}."));
        client.expect(event("e", "news", &at.to_string()));
    }
}

#[test]
fn a_request_may_come_byte_by_byte() {
    let server = Server::default();
    let mut http = server.http();
    let target = signed_target("POST", "/events", &[], BODY);
    let length = BODY.len();
    let request =
        format!("POST {target} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n{BODY}");
    for byte in request.bytes() {
        http.send([byte]);
    }
    http.answer().check(200, "{}");
}

#[test]
fn a_body_may_come_in_chunks() {
    let server = Server::default();
    let mut http = server.http();
    let target = signed_target("POST", "/events", &[], BODY);
    http.send(format!("POST {target} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"));
    for part in BODY.as_bytes().chunks(7) {
        let part = std::str::from_utf8(part).expect("ASCII");
        http.send(format!("{:x}\r\n{part}\r\n", part.len()));
    }
    http.send("0\r\n\r\n");
    http.answer().check(200, "{}");
    http.request("GET", "/up", "", "").check(200, r#"{"health":"OK"}"#);
}

#[test]
fn a_body_longer_than_announced_is_cut_and_the_rest_is_no_request() {
    let server = Server::default();
    let mut http = server.http();
    let target = signed_target("POST", "/events", &[], BODY);
    let length = BODY.len();
    http.send(format!(
        "POST {target} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n{BODY}{{}} more\r\n\r\n"
    ));
    http.answer().check(200, "{}");
    assert_eq!(http.answer().status, 400);
    http.expect_end();
}

#[test]
fn a_client_that_waits_for_100_continue_gets_it() {
    let server = Server::default();
    let mut http = server.http();
    let target = signed_target("POST", "/events", &[], BODY);
    let length = BODY.len();
    http.send(format!(
        "POST {target} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
    ));
    assert_eq!(http.answer().status, 100);
    http.send(BODY);
    http.answer().check(200, "{}");
}

#[test]
fn a_client_that_waits_for_100_continue_reads_that_its_body_is_too_large() {
    let server = Server::default();
    let mut http = server.http();
    let target = signed_target("POST", "/events", &[], BODY);
    http.send(format!(
        "POST {target} HTTP/1.1\r\nHost: h\r\nContent-Length: 20000\r\nExpect: 100-continue\r\n\r\n"
    ));
    http.answer().check_error(
        413,
        "The request's body is 20000 bytes, the limit is 10000 (max_request_size).",
    );
    http.expect_end();
}

#[test]
fn a_body_that_ends_early_is_no_request() {
    let server = Server::default();
    let mut client = server.connect();
    client.subscribe("news");
    let mut http = server.http();
    let target = signed_target("POST", "/events", &[], BODY);
    http.send(format!("POST {target} HTTP/1.1\r\nHost: h\r\nContent-Length: 500\r\n\r\n{BODY}"));
    http.finish();
    drop(http);
    server.publish("news", "next", "x");
    client.expect(event("next", "news", "x"));
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for_for_ever() {
    let server = Server::start(&Settings::server("shards = 2\nhandshake_timeout_seconds = 1"));
    let mut http = server.http();
    let target = signed_target("POST", "/events", &[], BODY);
    http.send(format!("POST {target} HTTP/1.1\r\nHost: h\r\nContent-Length: 40\r\n\r\n{{"));
    http.answer().check_error(
        408,
        "The request's body did not come within 1 s (handshake_timeout_seconds).",
    );
    http.expect_end();
}

#[test]
fn a_head_with_too_many_headers_is_refused_with_431() {
    let server = Server::default();
    let mut http = server.http();
    let headers: String = (0..200).map(|at| format!("X-{at}: x\r\n")).collect();
    assert_eq!(http.request("GET", "/up", &headers, "").status, 431);
    http.expect_end();
}
