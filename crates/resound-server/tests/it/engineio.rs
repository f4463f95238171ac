//! Engine.IO 3 and 4 as clients of Socket.IO speak them: handshakes, requests, errors, the end.

use serde_json::Value;

use crate::{
    client::{Client, HANDSHAKE, SWITCHING, Said, handshake},
    http::Answer,
    server::Server,
    settings::Settings,
    socketio_client::{Eio, Polling, subscribe},
};

/// The `sid` of an open packet, and the packet without it.
#[track_caller]
fn split_sid(text: &str) -> (String, String) {
    let at = text.find(r#"{"sid":""#).expect("an open packet") + 8;
    let sid = text[at..].split('"').next().expect("an end");
    (sid.to_owned(), text.replacen(sid, "SID", 1))
}

#[test]
fn a_polling_handshake_of_version_3_is_greeting_and_connect_in_one_payload() {
    let mut server = Server::default();
    let answer = server.get("/socket.io/?EIO=3&transport=polling&t=Q7vEN-0&b64=1");
    let (sid, body) = split_sid(&answer.body);
    let length = 77 + sid.len();
    assert_eq!(
        (answer.status, body),
        (
            200,
            format!(
                r#"{length}:0{{"sid":"SID","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000}}2:40"#
            )
        )
    );
    assert!(sid.split('.').all(|part| part.parse::<u32>().is_ok()), "{sid}");
    for (name, value) in [
        ("content-type", "text/plain; charset=UTF-8"),
        ("cache-control", "no-store"),
        ("access-control-allow-origin", "*"),
        ("set-cookie", &*format!("io={sid}; Path=/; HttpOnly; SameSite=Strict")),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    server.stop_at_once();
}

#[test]
fn a_polling_handshake_of_version_4_is_the_greeting_alone() {
    let mut server = Server::default();
    let answer = server.get("/socket.io/?EIO=4&transport=polling&t=1c4lkx37");
    let (_, body) = split_sid(&answer.body);
    answer_is(
        &Answer { body, ..answer },
        200,
        r#"0{"sid":"SID","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#,
    );
    server.stop_at_once();
}

#[track_caller]
fn answer_is(answer: &Answer, status: u16, body: &str) {
    assert_eq!((answer.status, &*answer.body), (status, body));
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=UTF-8"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("set-cookie"), None);
}

#[test]
fn a_client_that_does_not_say_its_version_gets_version_3() {
    let mut server = Server::default();
    assert!(server.get("/socket.io/?transport=polling").body.ends_with("}2:40"));
    let mut client = server.open("/socket.io/?transport=websocket");
    assert!(client.text().starts_with(r#"0{"sid":""#));
    client.expect("40");
    server.stop_at_once();
}

#[test]
fn a_websocket_is_greeted_with_one_packet_in_each_frame() {
    let server = Server::default();
    let mut client = server.open("/socket.io/?EIO=3&transport=websocket");
    assert_eq!(client.response, format!("{SWITCHING}\r\n"));
    let rest = r#""upgrades":[],"pingInterval":25000,"pingTimeout":20000"#;
    assert_eq!(split_sid(&client.text()).1, format!(r#"0{{"sid":"SID",{rest}}}"#));
    client.expect("40");
    let mut client = server.open("/socket.io/?EIO=4&transport=websocket");
    let (sid, greeting) = split_sid(&client.text());
    assert_eq!(greeting, format!(r#"0{{"sid":"SID",{rest},"maxPayload":1000000}}"#));
    client.send("40");
    let welcome: Value = serde_json::from_str(&client.text()[2..]).expect("JSON");
    assert_ne!(welcome["sid"], sid, "the id of the transport is a secret");
}

#[test]
fn the_settings_of_the_heartbeat_are_announced() {
    let lines = "shards = 2\n[socketio]\nping_interval = 7\nping_timeout = 3\nmax_payload = 2048";
    let mut server = Server::start(&Settings::server(lines));
    let answer = server.get("/socket.io/?EIO=4&transport=polling");
    assert!(
        answer.body.ends_with(r#""pingInterval":7000,"pingTimeout":3000,"maxPayload":2048}"#),
        "{}",
        answer.body
    );
    server.stop_at_once();
}

#[test]
fn the_path_may_lack_its_slash_and_have_a_prefix() {
    let mut server = Server::start(&Settings::server("shards = 2\npath = \"/ws\""));
    for path in ["/socket.io/", "/socket.io", "/ws/socket.io", "/ws/socket.io/"] {
        assert_eq!(server.get(&format!("{path}?EIO=4&transport=polling")).status, 200, "{path}");
        let mut client = server.open(&format!("{path}?EIO=4&transport=websocket"));
        assert!(client.text().starts_with("0{"), "{path}");
    }
    for path in ["/socket.io/x", "/socket.iox", "/x/socket.io/", "/ws/ws/socket.io/", "//socket.io"]
    {
        assert_eq!(server.get(&format!("{path}?EIO=4&transport=polling")).status, 404, "{path}");
    }
    server.stop_at_once();
}

#[test]
fn the_path_can_be_chosen() {
    let lines = "shards = 2\n[socketio]\npath = \"/rt/io\"";
    let mut server = Server::start(&Settings::server(lines));
    assert_eq!(server.get("/rt/io/?EIO=3&transport=polling").status, 200);
    assert_eq!(server.get("/socket.io/?EIO=3&transport=polling").status, 404);
    let mut client = server.open("/rt/io?EIO=3&transport=websocket");
    assert!(client.text().starts_with("0{"));
    server.stop_at_once();
}

#[test]
fn nothing_is_there_when_it_is_switched_off() {
    let server = Server::start(&Settings::server("shards = 2\n[socketio]\nenabled = false"));
    for transport in ["polling", "websocket"] {
        for eio in Eio::BOTH {
            server.get(&eio.target(transport)).check_error(404, "Nothing is at /socket.io/.");
        }
    }
    let mut http = server.http();
    http.send(handshake("/socket.io/?EIO=4&transport=websocket", ""));
    http.answer().check_error(404, "Nothing is at /socket.io/.");
    server.connect().expect_pong();
}

#[track_caller]
fn check_fault(answer: &Answer, status: u16, code: u8, message: &str) {
    let body = format!(r#"{{"code":{code},"message":"{message}"}}"#);
    assert_eq!((answer.status, &answer.body), (status, &body));
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

#[test]
fn every_refused_request_has_engine_ios_code() {
    let mut server = Server::default();
    let session = Polling::open(&server, Eio::V4);
    let known = format!("EIO=4&transport=polling&sid={}", session.sid);
    for (method, query, code, message) in [
        ("GET", "", 0, "Transport unknown"),
        ("GET", "EIO=4", 0, "Transport unknown"),
        ("GET", "EIO=4&transport=", 0, "Transport unknown"),
        ("GET", "EIO=4&transport=flashsocket", 0, "Transport unknown"),
        ("POST", "EIO=4&transport=x&sid=1.1", 0, "Transport unknown"),
        ("GET", "EIO=4&transport=polling&sid=1.1", 1, "Session ID unknown"),
        ("GET", "EIO=4&transport=polling&sid=", 1, "Session ID unknown"),
        ("GET", "EIO=3&transport=polling&sid=PjaYFS19stiacBe4AAAA", 1, "Session ID unknown"),
        ("POST", "EIO=3&transport=polling&sid=99999999999999.1", 1, "Session ID unknown"),
        ("GET", "EIO=4&transport=websocket&sid=1.1", 1, "Session ID unknown"),
        ("GET", "EIO=4&transport=websocket&sid=x", 1, "Session ID unknown"),
        ("POST", "EIO=4&transport=polling", 2, "Bad handshake method"),
        ("PUT", "EIO=4&transport=polling", 2, "Bad handshake method"),
        ("PUT", &*known, 3, "Bad request"),
        ("DELETE", &*known, 3, "Bad request"),
        ("GET", "EIO=4&transport=websocket", 3, "Bad request"),
        ("GET", &*known.replace("polling", "websocket"), 3, "Bad request"),
        ("GET", "EIO=5&transport=polling", 5, "Unsupported protocol version"),
        ("GET", "EIO=&transport=polling", 5, "Unsupported protocol version"),
        ("GET", "EIO=2&transport=websocket", 5, "Unsupported protocol version"),
    ] {
        let answer = server.http().request(method, &format!("/socket.io/?{query}"), "", "");
        assert_eq!(answer.status, 400, "{method} {query}: {answer:?}");
        check_fault(&answer, 400, code, message);
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{query}");
    }
    for (query, code) in [("EIO=4&transport=polling", 400), (&*known, 400)] {
        let answer = server.http().request("HEAD", &format!("/socket.io/?{query}"), "", "");
        assert_eq!((answer.status, &*answer.body), (code, ""));
    }
    server.stop_at_once();
}

#[test]
fn a_websocket_that_is_refused_is_told_so_over_http() {
    let server = Server::default();
    for (query, code, message) in [
        ("EIO=4&transport=websocket&sid=1.1", 1, "Session ID unknown"),
        ("EIO=4&transport=websocket&sid=1.2", 1, "Session ID unknown"),
        ("EIO=4&transport=websocket&sid=nonsense", 1, "Session ID unknown"),
        ("EIO=6&transport=websocket", 5, "Unsupported protocol version"),
        ("EIO=4&transport=carrier-pigeon", 0, "Transport unknown"),
    ] {
        let mut http = server.http();
        http.send(handshake(&format!("/socket.io/?{query}"), ""));
        check_fault(&http.answer(), 400, code, message);
    }
}

#[test]
fn the_key_chooses_the_app_and_the_first_one_is_the_default() {
    let settings = Settings::default().with_app("2", "other-key", "other", "");
    let mut server = Server::start(&settings.with_app("3", "off", "off", "enabled = false"));
    for (query, app) in [
        ("", "1001"),
        ("key=resound-key", "1001"),
        ("key=other-key", "2"),
        ("key=other%2Dkey", "2"),
    ] {
        let name = format!("resound_new_connections_total{{app_id=\"{app}\"");
        let before = server.metric_of(&name);
        let target = format!("{}&{query}", Eio::V3.target("polling"));
        assert_eq!(server.get(&target).status, 200);
        server.open(&target.replace("polling", "websocket")).text();
        assert_eq!(server.metric_of(&name), before + 2.0, "{query}");
    }
    for (query, message) in [
        ("key=nobodys", "Application does not exist"),
        ("key=", "Application does not exist"),
        ("key=off", "Application is disabled"),
    ] {
        let target = format!("{}&{query}", Eio::V4.target("polling"));
        check_fault(&server.get(&target), 403, 4, message);
        let mut http = server.http();
        http.send(handshake(&target.replace("polling", "websocket"), ""));
        check_fault(&http.answer(), 403, 4, message);
    }
    server.stop_at_once();
}

#[test]
fn the_default_app_can_be_configured() {
    let lines = "shards = 2\n[socketio]\napp = \"2\"";
    let settings = Settings::server(lines).with_app("2", "other", "other", "");
    let server = Server::start(&settings);
    let _client = server.open(&Eio::V4.target("websocket"));
    assert_eq!(server.metric_of("resound_connected{app_id=\"2\""), 1.0);
    assert_eq!(server.metric_of("resound_connected{app_id=\"1001\""), 0.0);
}

#[test]
fn a_page_of_another_origin_may_read_the_answers() {
    let mut server = Server::default();
    let mut session = Polling::open(&server, Eio::V3);
    let origin = "Origin: https://page.example\r\n";
    let check = |answer: &Answer| {
        for (name, value) in [
            ("access-control-allow-origin", "https://page.example"),
            ("access-control-allow-credentials", "true"),
            ("vary", "Origin"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{answer:?}");
        }
    };
    check(&server.http().request("GET", &Eio::V4.target("polling"), origin, ""));
    check(&session.post_body(origin, "1:2"));
    let target = session.target();
    check(&server.http().request("GET", &target, origin, ""));
    check(&server.http().request("PUT", &target, origin, ""));
    server.stop_at_once();
}

#[test]
fn a_browser_may_ask_beforehand() {
    let server = Server::default();
    let asks =
        "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type\r\n";
    for target in [Eio::V3.target("polling"), format!("{}&sid=1.1", Eio::V4.target("polling"))] {
        for (origin, allowed, credentials) in [
            ("Origin: https://page.example\r\n", "https://page.example", Some("true")),
            ("Origin: null\r\n", "null", Some("true")),
            ("", "*", None),
        ] {
            let answer = server.http().request("OPTIONS", &target, &format!("{origin}{asks}"), "");
            assert_eq!((answer.status, &*answer.body), (204, ""));
            assert_eq!(answer.header("access-control-allow-origin"), Some(allowed));
            assert_eq!(answer.header("access-control-allow-credentials"), credentials);
            assert_eq!(answer.header("access-control-allow-headers"), Some("content-type"));
            let methods = answer.header("access-control-allow-methods").expect("a list");
            assert!(methods.contains("GET") && methods.contains("POST"), "{methods}");
        }
    }
}

#[test]
fn pages_of_origins_that_are_not_allowed_are_refused() {
    let mut server = Server::start(&Settings::app("allowed_origins = [\"a.example\"]"));
    for (origin, status) in [
        ("Origin: https://a.example\r\n", 200),
        ("Origin: https://b.example\r\n", 403),
        ("Origin: null\r\n", 403),
    ] {
        let answer = server.http().request("GET", &Eio::V4.target("polling"), origin, "");
        assert_eq!(answer.status, status, "{origin}");
        let mut http = server.http();
        http.send(handshake(&Eio::V4.target("websocket"), origin));
        if status == 403 {
            check_fault(&answer, 403, 4, "Origin not allowed");
            check_fault(&http.answer(), 403, 4, "Origin not allowed");
            // The page learns why, and nothing else.
            let allowed = origin.trim_start_matches("Origin: ").trim_end();
            assert_eq!(answer.header("access-control-allow-origin"), Some(allowed));
        }
    }
    server.stop_at_once();
}

#[test]
fn what_is_posted_before_the_first_request_for_packets_counts() {
    let mut server = Server::default();
    let mut session = Polling::open(&server, Eio::V4);
    session.post(&["40", &subscribe("news")]);
    server.wait_for_subscriber("news");
    let answer = session.fetch();
    assert!(answer[0].starts_with("40{"), "{answer:?}");
    assert_eq!(answer.len(), 1);
    server.stop_at_once();
}

#[test]
fn a_post_of_nonsense_is_taken_and_ends_the_session() {
    let server = Server::default();
    for (eio, body) in [
        (Eio::V3, "nonsense"),
        (Eio::V3, "3:2"),
        (Eio::V3, "1:9"),
        (Eio::V3, "0:x"),
        (Eio::V4, "9"),
        (Eio::V4, "\u{1e}"),
        (Eio::V4, "4"),
        (Eio::V4, "42[]"),
        (Eio::V4, "2"),
        (Eio::V4, "42[\"disconnect\"]"),
    ] {
        let mut session = Polling::join(&server, eio);
        session.ask();
        session.post_body("", body).check(200, "ok");
        assert_eq!(session.answered(), ["1"], "{eio:?} {body:?}");
        session.expect_gone();
    }
    for eio in Eio::BOTH {
        let mut session = Polling::join(&server, eio);
        session.post_body("Content-Length: 0\r\n", "").check(200, "ok");
        assert_eq!(session.fetch(), ["1"]);
        session.expect_gone();
    }
    server.wait_until_empty();
}

#[test]
fn a_session_ends_when_its_client_says_so() {
    let server = Server::default();
    for (eio, packet) in [(Eio::V3, "1"), (Eio::V4, "1"), (Eio::V3, "41"), (Eio::V4, "41")] {
        let mut session = Polling::join(&server, eio);
        session.ask();
        session.post(&[packet]);
        assert_eq!(session.answered(), ["6"], "{eio:?} {packet}");
        session.expect_gone();
        let body = session.eio.payload(&["40"]);
        let answer = session.post_body("", &body);
        check_fault(&answer, 400, 1, "Session ID unknown");
        let (mut client, _) = Client::join_socketio(&server, eio);
        client.send(packet);
        client.expect_close(1000, "Disconnected");
    }
    server.wait_until_empty();
}

#[test]
fn other_namespaces_are_refused_and_the_session_stays() {
    let mut server = Server::default();
    let mut session = Polling::join(&server, Eio::V3);
    session.post(&["40/admin?a=b,"]);
    session.expect(r#"44/admin,"Invalid namespace""#);
    let mut session = Polling::join(&server, Eio::V4);
    session.post(&[r#"40/admin,{"a":1}"#]);
    session.expect(r#"44/admin,{"message":"Invalid namespace"}"#);
    session.post(&["41/admin,"]);
    session.subscribe(&server, "news");
    server.stop_at_once();
}

#[test]
fn a_body_that_is_too_large_is_refused_and_ends_the_session() {
    let lines = "shards = 4\n[socketio]\nmax_payload = 1024";
    let mut server = Server::start(&Settings::server(lines));
    for (eio, length) in [(Eio::V3, 1025), (Eio::V4, 1025), (Eio::V3, 3_000_000)] {
        let mut session = Polling::join(&server, eio);
        session.ask();
        let body = "6".repeat(length);
        assert_eq!(session.post_body("", &body).status, 413);
        assert_eq!(session.answered(), ["1"]);
        session.expect_gone();
    }
    let mut session = Polling::join(&server, Eio::V4);
    session.ask();
    let chunks = format!("400\r\n{}\r\n1\r\n6\r\n0\r\n\r\n", "6".repeat(1024));
    let target = session.target();
    let mut http = server.http();
    http.send(format!(
        "POST {target} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"
    ));
    assert_eq!(http.answer().status, 413);
    assert_eq!(session.answered(), ["1"]);
    // As large as it may be.
    let mut session = Polling::join(&server, Eio::V4);
    session.post(&[&"6".repeat(1024)]);
    session.subscribe(&server, "news");
    server.stop_at_once();
}

#[test]
fn a_message_that_is_too_large_closes_the_websocket_with_1009() {
    let lines = "shards = 2\n[socketio]\nmax_payload = 1024";
    let server = Server::start(&Settings::server(lines));
    for eio in Eio::BOTH {
        let (mut client, _) = Client::join_socketio(&server, eio);
        client.send("6".repeat(1024));
        client.send("6".repeat(1025));
        let said = client.next();
        assert!(matches!(said, Said::Close(1009, _)), "{said:?}");
        assert_eq!(client.next(), Said::End);
    }
    server.wait_until_empty();
}

#[test]
fn binary_packets_are_passed_over() {
    let mut server = Server::default();
    let attached = r#"451-["bin",{"_placeholder":true,"num":0}]"#;
    for eio in Eio::BOTH {
        let mut session = Polling::join(&server, eio);
        session.post(&[attached, "b4AQID", &subscribe("polled")]);
        server.wait_for_subscriber("polled");
        session.post(&["1"]);
        let (mut client, _) = Client::join_socketio(&server, eio);
        client.send(attached);
        client.send_frame(crate::client::BINARY, [4, 1, 2, 3]);
        client.send(subscribe("framed"));
        server.wait_for_subscriber("framed");
    }
    let mut session = Polling::join(&server, Eio::V3);
    let packet = subscribe("binary");
    let digits: Vec<u8> = packet.len().to_string().bytes().map(|digit| digit - b'0').collect();
    let body = [&[0], &*digits, &[255], packet.as_bytes()].concat();
    let target = session.target();
    let mut http = server.http();
    let length = body.len();
    http.send(format!(
        "POST {target} HTTP/1.1\r\nHost: h\r\nContent-Type: application/octet-stream\r\n\
         Content-Length: {length}\r\n\r\n"
    ));
    http.send(body);
    http.answer().check(200, "ok");
    server.wait_for_subscriber("binary");
    session.post(&["1"]);
    server.stop_at_once();
}

#[test]
fn a_second_request_for_packets_ends_the_session() {
    let server = Server::start(&Settings::server("shards = 4"));
    for (eio, status) in [(Eio::V3, 500), (Eio::V4, 400)].repeat(4) {
        let mut session = Polling::join(&server, eio);
        session.ask();
        let target = session.target();
        // The first one waits when the other shards have had their turn.
        server.get("/metrics");
        check_fault(&server.get(&target), status, 3, "Bad request");
        assert_eq!(session.answered(), ["1"]);
        session.expect_gone();
    }
    server.wait_until_empty();
}

#[test]
fn who_comes_while_the_process_ends_is_sent_away() {
    let lines = "shards = 2\nshutdown_grace_seconds = 10";
    let mut server = Server::start(&Settings::server(lines));
    let mut sessions: Vec<Polling> =
        Eio::BOTH.repeat(2).into_iter().map(|eio| Polling::join(&server, eio)).collect();
    let (mut client, _) = Client::join_socketio(&server, Eio::V4);
    client.manners = crate::client::Manners::Rude;
    sessions[0].ask();
    sessions[1].ask();
    server.get("/metrics");
    server.signal(rustix::process::Signal::TERM);
    for session in &mut sessions[..2] {
        assert_eq!(session.answered(), ["1"]);
    }
    let message = "Server is shutting down. Please reconnect.";
    assert_eq!(client.next(), Said::Close(4100, message.to_owned()));
    for eio in Eio::BOTH {
        check_fault(&server.get(&eio.target("polling")), 503, 4, message);
        let mut http = server.http();
        http.send(format!("GET {} HTTP/1.1\r\n{HANDSHAKE}\r\n", eio.target("websocket")));
        check_fault(&http.answer(), 503, 4, message);
    }
    // Who was between two requests learns it by the next one.
    let target = sessions[2].target();
    let answer = server.get(&target);
    assert_eq!(sessions[2].eio.packets(&answer.body), ["1"]);
    client.finish();
    assert!(server.wait().success());
}
