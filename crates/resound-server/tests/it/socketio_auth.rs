//! Private and presence channels of Socket.IO: the application is asked, and its answer counts.

use std::{net::TcpListener, time::Instant};

use crate::{
    application::{Application, Question},
    client::{CLOSE, Client},
    log::DEADLINE,
    server::Server,
    settings::Settings,
    socketio_client::{Eio, Polling, event, split_offset, subscribe, unsubscribe},
};

const PRIVATE: &str = "private-orders.7";

/// A subscription with headers for the application.
fn subscribe_with(channel: &str, headers: &str) -> String {
    format!(r#"42["subscribe",{{"channel":"{channel}","auth":{{"headers":{headers}}}}}]"#)
}

/// What a client is told that may not join.
fn refusal(channel: &str, status: u16) -> String {
    format!(r#"42["subscription_error","{channel}",{status}]"#)
}

#[track_caller]
fn check_question(question: &Question, socket_id: &str, channel: &str) {
    assert!(question.head.starts_with("POST /broadcasting/auth HTTP/1.1\r\n"), "{question:?}");
    assert_eq!(question.field("channel_name"), Some(channel));
    assert_eq!(question.field("socket_id"), Some(socket_id));
    assert_eq!(question.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(question.header("x-requested-with"), Some("XMLHttpRequest"));
    assert_eq!(question.header("x-forwarded-for"), Some("127.0.0.1"));
}

#[test]
fn the_question_carries_the_clients_cookie_its_headers_and_its_socket_id() {
    let application = Application::start();
    let server = Server::start(&application.settings(""));
    let cookie = "Cookie: laravel_session=abc; other=1\r\n";
    let headers = r#"{"X-CSRF-TOKEN":"t0ken","Authorization":"Bearer x","X-Number":7}"#;
    for eio in Eio::BOTH {
        let mut client = server.open_with(&eio.target("websocket"), cookie);
        let greeting = client.text();
        let socket_id = match eio {
            Eio::V3 => {
                client.expect("40");
                greeting.split('"').nth(3).expect("an id").to_owned()
            }
            Eio::V4 => {
                client.send("40");
                crate::socketio_client::welcomed(&client.text()).0
            }
        };
        client.send(subscribe_with(PRIVATE, headers));
        let question = application.next();
        check_question(&question, &socket_id, PRIVATE);
        for (name, value) in [
            ("cookie", "laravel_session=abc; other=1"),
            ("x-csrf-token", "t0ken"),
            ("authorization", "Bearer x"),
            ("x-number", "7"),
        ] {
            assert_eq!(question.header(name), Some(value), "{question:?}");
        }
        question.grant("true");
        server.wait_for_subscriber(PRIVATE);
        drop(client.stream.shutdown(std::net::Shutdown::Both));
        drop(client);
        if eio == Eio::V3 {
            server.wait_for_subscribers(PRIVATE, 0);
        }
    }
}

#[test]
fn a_session_keeps_its_cookie_when_it_is_upgraded_or_moves() {
    let application = Application::start();
    let mut server = Server::start(&application.settings_of("shards = 4", ""));
    for between in 0..4 {
        let (first, pid) = Client::join_socketio(&server, Eio::V4);
        drop(first);
        let _others: Vec<_> = (0..between).map(|_| server.tcp()).collect();
        let mut http = server.http();
        let cookie = format!("Cookie: a={between}\r\n");
        let answer = http.request("GET", &Eio::V4.target("polling"), &cookie, "");
        let sid = answer.body.split('"').nth(3).expect("an id").to_owned();
        let target = format!("{}&sid={sid}", Eio::V4.target("polling"));
        let connect = format!("40{}", serde_json::json!({ "pid": pid }));
        http.request("POST", &target, "", &connect).check(200, "ok");
        http.request("GET", &target, "", "");
        http.request("POST", &target, "", &subscribe(PRIVATE)).check(200, "ok");
        let question = application.next();
        assert_eq!(question.header("cookie"), Some(&*format!("a={between}")));
        question.reply("403 Forbidden", "", "");
        assert_eq!(http.request("GET", &target, "", "").body, refusal(PRIVATE, 403));
        let mut client =
            server.open_with(&target.replace("polling", "websocket"), "Cookie: b=1\r\n");
        client.send("2probe");
        client.expect("3probe");
        client.send("5");
        client.send(subscribe(PRIVATE));
        let question = application.next();
        assert_eq!(question.header("cookie"), Some(&*format!("a={between}")));
        question.grant("true");
        server.wait_for_subscriber(PRIVATE);
        server.publish(PRIVATE, "e", "1");
        assert_eq!(split_offset(&client.text()).0, event("e", PRIVATE, 1));
        client.send("41");
        client.expect_close(1000, "Disconnected");
    }
    server.stop_at_once();
}

#[test]
fn both_kinds_of_answers_let_members_in() {
    let application = Application::start();
    let mut server = Server::start(&application.settings(""));
    let mut clients = Vec::new();
    for (at, answer) in [
        r#"{"channel_data":{"user_id":1,"user_info":{"name":"A"}}}"#,
        r#"{"auth":"key:signature","channel_data":"{\"user_id\":\"2\",\"user_info\":{\"name\":\"B\"}}"}"#,
        r#"{"channel_data":{"user_id":3}}"#,
    ]
    .iter()
    .enumerate()
    {
        let mut session = Polling::join(&server, Eio::BOTH[at % 2]);
        session.post(&[&subscribe("presence-room")]);
        application.next().grant(answer);
        clients.push(session);
        let list = clients[at].next();
        assert_eq!(list.matches("user_id").count(), at + 1, "{list}");
        assert!(!list.contains("socketId"), "{list}");
    }
    let joined = split_offset(&clients[0].next()).0;
    assert_eq!(
        joined,
        r#"42["presence:joining","presence-room",{"user_id":"2","user_info":{"name":"B"}}]"#
    );
    assert_eq!(
        split_offset(&clients[0].next()).0,
        r#"42["presence:joining","presence-room",{"user_id":3}]"#
    );
    // Without a member somebody hears the channel and is none.
    let (mut silent, _) = Client::join_socketio(&server, Eio::V3);
    silent.send(subscribe("presence-room"));
    application.next().grant("true");
    server.wait_until(|| {
        server.publish("presence-room", "e", "1");
        silent.stream.set_nonblocking(true).expect("a socket");
        let is_heard = silent.stream.peek(&mut [0]).is_ok();
        silent.stream.set_nonblocking(false).expect("a socket");
        is_heard
    });
    let users = server.query("/channels/presence-room/users", &[]).json();
    assert_eq!(users["users"].as_array().map(Vec::len), Some(3));
    server.stop_at_once();
}

#[test]
fn a_client_learns_the_status_with_which_it_is_refused() {
    let application = Application::start();
    let server = Server::start(&application.settings(""));
    let (mut socket, _) = Client::join_socketio(&server, Eio::V4);
    let mut session = Polling::join(&server, Eio::V3);
    let html = "<!DOCTYPE html><title>Login</title>";
    for (status, headers, body, told) in [
        ("403 Forbidden", "", "", 403),
        ("401 Unauthorized", "Content-Type: application/json\r\n", "{}", 401),
        ("419 unknown status", "", html, 419),
        ("404 Not Found", "", html, 404),
        ("500 Internal Server Error", "", html, 500),
        ("302 Found", "Location: http://127.0.0.1:1/login\r\n", "", 302),
        ("200 OK", "Content-Type: text/html\r\n", html, 403),
        ("200 OK", "Content-Type: application/json\r\n", "false", 403),
        ("200 OK", "Content-Type: application/json\r\n", "{\"a\":", 403),
        ("204 No Content", "", "", 204),
    ] {
        socket.send(subscribe(PRIVATE));
        application.next().reply(status, headers, body);
        socket.expect(refusal(PRIVATE, told));
        session.post(&[&subscribe("presence-room")]);
        application.next().reply(status, headers, body);
        session.expect(&refusal("presence-room", told));
    }
    server.wait_for_channels("{}");
    // A refusal is not the last word.
    socket.send(subscribe(PRIVATE));
    application.next().grant("true");
    server.wait_for_subscriber(PRIVATE);
    session.post(&["41"]);
    assert_eq!(session.fetch(), ["6"]);
}

#[test]
fn an_application_that_is_silent_or_not_there_means_status_0() {
    let application = Application::start();
    let settings = application.settings_with("shards = 2", "", "timeout_seconds = 1");
    let server = Server::start(&settings);
    let (mut socket, _) = Client::join_socketio(&server, Eio::V4);
    let mut session = Polling::join(&server, Eio::V3);
    socket.send(subscribe(PRIVATE));
    session.post(&[&subscribe(PRIVATE)]);
    let questions = [application.next(), application.next()];
    socket.expect(refusal(PRIVATE, 0));
    session.expect(&refusal(PRIVATE, 0));
    questions.into_iter().for_each(|question| question.grant("true"));
    socket.send(unsubscribe("nothing"));
    session.post(&["41"]);
    assert_eq!(session.fetch(), ["6"]);
    server.wait_for_channels("{}");

    let address = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port");
    let lines = format!("shards = 2\n[auth]\nhosts = [\"http://{address}\"]");
    let server = Server::start(&Settings::server(&lines));
    let (mut socket, _) = Client::join_socketio(&server, Eio::V4);
    socket.send(subscribe(PRIVATE));
    socket.expect(refusal(PRIVATE, 0));
}

#[test]
fn who_unsubscribes_before_the_answer_is_not_let_in() {
    let application = Application::start();
    let server = Server::start(&application.settings(""));
    let (mut socket, _) = Client::join_socketio(&server, Eio::V4);
    socket.send(subscribe(PRIVATE));
    let late = application.next();
    socket.send(unsubscribe(PRIVATE));
    socket.send(subscribe(PRIVATE));
    let second = application.next();
    late.grant("true");
    second.reply("403 Forbidden", "", "");
    socket.expect(refusal(PRIVATE, 403));
    server.wait_for_channels("{}");
    // Asking twice asks the application once.
    socket.send(subscribe(PRIVATE));
    socket.send(subscribe(PRIVATE));
    application.next().grant("true");
    server.wait_for_subscriber(PRIVATE);
    socket.send(unsubscribe(PRIVATE));
    server.wait_for_channels("{}");
    socket.send(subscribe("private-other"));
    assert_eq!(application.next().field("channel_name"), Some("private-other"));
}

#[test]
fn who_leaves_before_the_answer_leaves_nothing() {
    let application = Application::start();
    let server = Server::start(&application.settings_of("shards = 4", ""));
    for eio in Eio::BOTH.repeat(2) {
        let (mut socket, _) = Client::join_socketio(&server, eio);
        let mut session = Polling::join(&server, eio);
        socket.send(subscribe("presence-room"));
        let first = application.next();
        session.post(&[&subscribe("presence-room")]);
        let second = application.next();
        socket.send_frame(CLOSE, b"\x03\xe9");
        socket.expect_close(1001, "");
        session.post(&["41"]);
        assert_eq!(session.fetch(), ["6"]);
        for question in [first, second] {
            question.grant(r#"{"channel_data":{"user_id":1}}"#);
        }
    }
    server.wait_until_empty();
    server.wait_for_channels("{}");
    // All answers have been taken by the time that later ones are.
    let (mut socket, _) = Client::join_socketio(&server, Eio::V3);
    socket.send(subscribe(PRIVATE));
    application.next().grant("true");
    server.wait_for_channels(&format!(r#"{{"{PRIVATE}":{{}}}}"#));
}

#[test]
fn who_comes_back_before_the_answer_asks_again() {
    let application = Application::start();
    let server = Server::start(&application.settings_of("shards = 4", ""));
    for _ in 0..8 {
        let (mut socket, pid) = Client::join_socketio(&server, Eio::V4);
        socket.send(subscribe(PRIVATE));
        let late = application.next();
        let connect = format!("40{}", serde_json::json!({ "pid": pid }));
        drop(socket);
        let (mut socket, _) = Client::join_socketio_with(&server, Eio::V4, &connect);
        socket.send(subscribe(PRIVATE));
        let second = application.next();
        assert_eq!(second.field("socket_id"), late.field("socket_id"));
        second.grant("true");
        server.wait_for_subscriber(PRIVATE);
        late.reply("403 Forbidden", "", "");
        server.publish(PRIVATE, "e", "1");
        assert_eq!(split_offset(&socket.text()).0, event("e", PRIVATE, 1));
        socket.send("41");
        socket.expect_close(1000, "Disconnected");
        server.wait_for_channels("{}");
    }
}

/// A question that came up in a request used to wait for the next second.
#[test]
fn questions_of_polling_clients_are_asked_at_once() {
    let application = Application::granting();
    let mut server = Server::start(&application.settings_of("shards = 1", ""));
    let mut session = Polling::join(&server, Eio::V3);
    let begun = Instant::now();
    for at in 0..30 {
        session.post(&[&subscribe_with(&format!("presence-{at}"), r#"{"X-User":"a"}"#)]);
        assert!(session.next().contains("presence:subscribed"));
    }
    assert!(begun.elapsed() < DEADLINE / 2, "{:?}", begun.elapsed());
    server.stop_at_once();
}

/// 256 questions of a connection wait, and no more.
#[test]
fn one_client_does_not_fill_the_queue_of_the_application() {
    let application = Application::start();
    let settings = application.settings_with("shards = 2", "", "max_concurrent = 4");
    let mut server = Server::start(&settings);
    let (mut greedy, _) = Client::join_socketio(&server, Eio::V4);
    for at in 0..600 {
        greedy.send(subscribe(&format!("private-{at}")));
    }
    for at in 256..600 {
        let text = greedy.text();
        let start = format!(r#"42["subscription_error","private-{at}","#);
        assert!(text.starts_with(&start), "{text}");
    }
    // What is refused or taken back makes room only when the application has answered.
    greedy.send(unsubscribe("private-200"));
    greedy.send(subscribe("private-601"));
    assert!(greedy.text().contains("private-601"));
    for _ in 0..4 {
        application.next().grant("true");
    }
    server.wait_until(|| {
        let channels = server.query("/channels", &[]).json();
        channels["channels"].as_object().map(serde_json::Map::len) == Some(4)
    });
    greedy.send(subscribe("private-602"));
    server.stop_at_once();
}

#[test]
fn a_member_who_gives_up_waiting_leaves_in_version_3() {
    let application = Application::granting();
    let server = Server::start(&application.settings(""));
    let mut witness = server.connect();
    witness.join("presence-room", "witness");
    for _ in 0..4 {
        let mut session = Polling::join(&server, Eio::V3);
        session.post(&[&subscribe_with("presence-room", r#"{"X-User":"ann"}"#)]);
        assert!(session.next().contains("presence:subscribed"));
        assert!(witness.text().contains("pusher_internal:member_added"));
        session.ask();
        drop(session);
        assert!(witness.text().contains("pusher_internal:member_removed"));
    }
    server.wait_until_empty_but(1);
}
