//! Clients of Socket.IO that return to their sessions, on whatever shard, over whatever transport.

use std::net::Shutdown;

use serde_json::json;

use crate::{
    application::Application,
    client::{CLOSE, Client, Said, TEXT, frame, handshake},
    server::Server,
    settings::Settings,
    socketio_client::{Eio, Polling, event, split_offset, subscribe, welcomed},
};

const SHARDS: usize = 4;

fn server() -> Server {
    server_with("")
}

fn server_with(socketio: &str) -> Server {
    Server::start(&Settings::server(&format!("shards = {SHARDS}\n[socketio]\n{socketio}")))
}

/// How a client is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transport {
    WebSocket,
    Polling,
}

/// A client of version 4 that remembers what it needs to return.
#[derive(Debug)]
struct Returning {
    link: Link,
    socket_id: String,
    pid: String,
    offset: Option<String>,
}

#[derive(Debug)]
enum Link {
    WebSocket(Client),
    Polling(Polling),
}

impl Returning {
    #[track_caller]
    fn join(server: &Server, transport: Transport) -> Self {
        Self::join_with(server, transport, "40")
    }

    #[track_caller]
    fn join_with(server: &Server, transport: Transport, connect: &str) -> Self {
        let (link, socket_id, pid) = match transport {
            Transport::WebSocket => {
                let (client, pid) = Client::join_socketio_with(server, Eio::V4, connect);
                let socket_id = client.socket_id.clone();
                (Link::WebSocket(client), socket_id, pid)
            }
            Transport::Polling => {
                let mut session = Polling::join_with(server, Eio::V4, connect);
                let (socket_id, pid) = (session.socket_id.clone(), session.pid.take());
                (Link::Polling(session), socket_id, pid)
            }
        };
        Self { link, socket_id, pid: pid.expect("a pid"), offset: None }
    }

    #[track_caller]
    fn send(&mut self, packet: &str) {
        match &mut self.link {
            Link::WebSocket(client) => client.send(packet),
            Link::Polling(session) => session.post(&[packet]),
        }
    }

    #[track_caller]
    fn next(&mut self) -> String {
        match &mut self.link {
            Link::WebSocket(client) => client.text(),
            Link::Polling(session) => session.next(),
        }
    }

    /// The next event, without its offset, which is remembered.
    #[track_caller]
    fn next_event(&mut self) -> String {
        let (event, offset) = split_offset(&self.next());
        assert!(offset.is_some(), "{event} has no offset");
        self.offset = offset;
        event
    }

    #[track_caller]
    fn expect(&mut self, channel: &str, data: usize) {
        assert_eq!(self.next_event(), event("e", channel, data));
    }

    #[track_caller]
    fn subscribe(&mut self, server: &Server, channel: &str) {
        self.send(&subscribe(channel));
        server.wait_for_subscriber(channel);
    }

    /// The CONNECT with which it returns.
    fn connect(&self) -> String {
        format!("40{}", json!({ "pid": self.pid, "offset": self.offset }))
    }

    /// Cuts the TCP connection, as a network does; that of a request that waits, if it polls.
    #[track_caller]
    fn cut(&mut self) {
        let stream = match &mut self.link {
            Link::WebSocket(client) => &client.stream,
            Link::Polling(session) => {
                session.ask();
                &session.gets.stream
            }
        };
        let _ = stream.shutdown(Shutdown::Both); // the server may have been faster
    }

    /// Comes back, and must be known.
    #[track_caller]
    fn return_over(&mut self, server: &Server, transport: Transport) {
        let mut back = Self::join_with(server, transport, &self.connect());
        assert_eq!((&back.socket_id, &back.pid), (&self.socket_id, &self.pid), "it is not known");
        back.offset = self.offset.take();
        *self = back;
    }

    /// Says farewell, so that its session is over.
    #[track_caller]
    fn leave(mut self) {
        self.send("41");
        match &mut self.link {
            Link::WebSocket(client) => client.expect_close(1000, "Disconnected"),
            Link::Polling(session) => assert_eq!(session.fetch(), ["6"]),
        }
    }
}

const BOTH: [Transport; 2] = [Transport::WebSocket, Transport::Polling];

#[test]
fn what_was_missed_comes_back_once_and_in_order_from_every_shard_to_every_other() {
    let server = server();
    for former in BOTH {
        for later in BOTH {
            for between in (0..SHARDS).flat_map(|between| [between; SHARDS]) {
                let mut client = Returning::join(&server, former);
                client.subscribe(&server, "news");
                server.publish("news", "e", "1");
                client.expect("news", 1);
                client.cut();
                server.publish("news", "e", "2");
                server.publish("other", "e", "0");
                server.publish("news", "e", "3");
                let _others: Vec<_> = (0..between).map(|_| server.tcp()).collect();
                client.return_over(&server, later);
                client.expect("news", 2);
                client.expect("news", 3);
                server.publish("news", "e", "4");
                client.expect("news", 4);
                client.subscribe(&server, "more");
                server.publish("more", "e", "5");
                client.expect("more", 5);
                client.leave();
                server.wait_for_channels("{}");
            }
        }
    }
    server.wait_until_empty();
}

#[test]
fn a_polling_session_that_has_moved_is_found_under_its_sid_and_can_be_upgraded() {
    let server = server();
    for between in (0..SHARDS).flat_map(|between| [between; SHARDS]) {
        let mut client = Returning::join(&server, Transport::WebSocket);
        client.subscribe(&server, "news");
        client.cut();
        server.publish("news", "e", "1");
        let _others: Vec<_> = (0..between).map(|_| server.tcp()).collect();
        client.return_over(&server, Transport::Polling);
        client.expect("news", 1);
        let Link::Polling(mut session) = client.link else {
            unreachable!("it has just come back over polling");
        };
        let target = session.target();
        for at in 0..2 * SHARDS {
            server.publish("news", "e", &at.to_string());
            let answer = server.get(&target); // on another shard each time
            assert_eq!(split_offset(&answer.body).0, event("e", "news", at));
        }
        server.http().request("POST", &target, "", &subscribe("more")).check(200, "ok");
        server.wait_for_subscriber("more");
        let mut socket = upgrade(&server, &mut session);
        server.publish("more", "e", "9");
        assert_eq!(split_offset(&socket.text()).0, event("e", "more", 9));
        session.expect_gone();
        server.get(&target).check(400, r#"{"code":1,"message":"Session ID unknown"}"#);
        socket.send("41");
        socket.expect_close(1000, "Disconnected");
    }
    server.wait_until_empty();
}

#[track_caller]
fn upgrade(server: &Server, session: &mut Polling) -> Client {
    let mut socket = server.open(&session.upgrade_target());
    socket.send("2probe");
    socket.expect("3probe");
    socket.send("5");
    socket
}

/// The client opens its WebSocket and returns to its session at the same moment, as socket.io-client
/// does: the session may move to another shard at any point of the upgrade.
#[test]
fn a_session_may_move_during_its_upgrade() {
    let server = server();
    for steps in 0..3 {
        for between in (0..SHARDS).flat_map(|between| [between; SHARDS]) {
            let mut client = Returning::join(&server, Transport::WebSocket);
            client.subscribe(&server, "news");
            client.cut();
            server.publish("news", "e", "1");
            let _others: Vec<_> = (0..between).map(|_| server.tcp()).collect();
            let mut session = Polling::open(&server, Eio::V4);
            let mut socket = Client::new(server.tcp());
            let mut step = |at: usize| match at {
                0 => {
                    socket.send_bytes(handshake(&session.upgrade_target(), ""));
                    socket.read_response();
                }
                1 => {
                    socket.send("2probe");
                    socket.expect("3probe");
                }
                _ => socket.send("5"),
            };
            (0..steps).for_each(&mut step);
            let target = session.target();
            server.http().request("POST", &target, "", &client.connect()).check(200, "ok");
            (steps..3).for_each(&mut step);
            assert_eq!(welcomed(&socket.text()).0, client.socket_id, "after {steps} steps");
            assert_eq!(split_offset(&socket.text()).0, event("e", "news", 1));
            session.expect_gone();
            socket.send("41");
            socket.expect_close(1000, "Disconnected");
            server.wait_for_channels("{}");
        }
    }
    server.wait_until_empty();
}

#[test]
fn a_websocket_that_dies_after_its_session_has_moved_leaves_it_as_it_was() {
    let server = server();
    for between in 0..SHARDS {
        let mut client = Returning::join(&server, Transport::WebSocket);
        client.subscribe(&server, "news");
        client.cut();
        let _others: Vec<_> = (0..between).map(|_| server.tcp()).collect();
        let mut session = Polling::open(&server, Eio::V4);
        let mut socket = server.open(&session.upgrade_target());
        socket.send("2probe");
        socket.expect("3probe");
        session.post(&[&client.connect()]);
        session.welcome();
        let before = server.metric_of("resound_sockets ");
        drop(socket);
        server.wait_until(|| server.metric_of("resound_sockets ") == before - 1.0);
        session.ask();
        server.get("/metrics");
        server.publish("news", "e", "1");
        let packets = session.answered();
        assert_eq!(split_offset(&packets[0]).0, event("e", "news", 1), "it waits for news again");
        session.post(&["41"]);
        assert_eq!(session.fetch(), ["6"]);
    }
}

/// A request that waits when its session moves is answered by it, too, and noticed when it is given up.
#[test]
fn a_request_that_waits_moves_with_its_session() {
    let server = server();
    for _ in 0..2 * SHARDS {
        let mut client = Returning::join(&server, Transport::WebSocket);
        client.subscribe(&server, "news");
        client.cut();
        server.publish("news", "e", "1");
        let mut session = Polling::open(&server, Eio::V4);
        session.ask();
        server.get("/metrics");
        session.post(&["40/nope,", &client.connect()]);
        session.expect_answered_first();
        session.welcome();
        assert_eq!(session.socket_id, client.socket_id);
        assert_eq!(split_offset(&session.next()).0, event("e", "news", 1));
        session.post(&["41"]);
        assert_eq!(session.fetch(), ["6"]);
    }
}

impl Polling {
    /// Takes the answer to the request that waits, which begins with a refusal.
    #[track_caller]
    fn expect_answered_first(&mut self) {
        let packets = self.answered();
        assert_eq!(packets[0], r#"44/nope,{"message":"Invalid namespace"}"#);
        self.unread(packets[1..].to_vec());
    }
}

#[test]
fn what_was_said_before_a_connection_moves_comes_first() {
    let server = server();
    for _ in 0..2 * SHARDS {
        let mut client = Returning::join(&server, Transport::WebSocket);
        client.cut();
        let mut socket = Client::new(server.tcp());
        let mut bytes = handshake(&Eio::V4.target("websocket"), "").into_bytes();
        for text in ["40/nope,", &client.connect()] {
            bytes.extend(frame(TEXT, text.as_bytes()));
        }
        socket.send_bytes(bytes);
        socket.read_response();
        assert!(socket.text().starts_with(r#"0{"sid":""#));
        socket.expect(r#"44/nope,{"message":"Invalid namespace"}"#);
        assert_eq!(welcomed(&socket.text()).0, client.socket_id);
    }
}

/// Nobody has these sessions; which shard is asked is in the id.
#[test]
fn who_ends_while_it_moves_is_counted_out_once() {
    let server = server();
    for at in 1..=4 * SHARDS {
        let connect = format!("40{}", json!({ "pid": format!("7.{at}-0"), "offset": "1" }));
        let connect = frame(TEXT, connect.as_bytes());
        for end in [frame(CLOSE, b"\x03\xe9"), frame(CLOSE, b""), b"\xff\xff".to_vec()] {
            let mut client = server.open(&Eio::V4.target("websocket"));
            client.text();
            client.send_bytes([&*connect, &*end].concat());
            let mut said = client.next();
            if matches!(said, Said::Text(_)) {
                said = client.next(); // it was at home there, and got an answer
            }
            assert!(matches!(said, Said::Close(..)), "{said:?}");
            assert_eq!(client.next(), Said::End);
        }
        let mut session = Polling::open(&server, Eio::V4);
        session.post(&[&format!("40{}", json!({ "pid": format!("7.{at}-0") })), "1"]);
        session.welcome();
        session.post(&["1"]);
        assert_eq!(session.fetch(), ["6"]);
    }
    server.wait_until_empty();
    // A count below zero would be a very large one.
    let mut clients: Vec<Client> = (0..2 * SHARDS).map(|_| server.connect()).collect();
    clients.iter_mut().for_each(Client::expect_pong);
}

#[test]
fn who_is_not_known_gets_a_session_of_its_own() {
    let server = server();
    let mut client = Returning::join(&server, Transport::WebSocket);
    client.subscribe(&server, "news");
    let pid = client.pid.clone();
    let (id, secret) = pid.split_once('-').expect("an id and a secret");
    let other = Returning::join(&server, Transport::Polling);
    let (other_id, other_secret) = other.pid.split_once('-').expect("an id and a secret");
    client.cut();
    server.publish("news", "e", "1");
    let wrong = [
        String::new(),
        "-".to_owned(),
        id.to_owned(),
        format!("{id}-"),
        format!("{id}-0"),
        format!("{id}-{other_secret}"),
        format!("{other_id}-{secret}"),
        format!("{id}-{secret}0"),
        format!("{id}-zz"),
        "0.0-0".to_owned(),
        "1.4294967295-1".to_owned(),
        "9".repeat(10_000),
    ];
    for pid in &wrong {
        for transport in BOTH {
            let connect = format!("40{}", json!({ "pid": pid, "offset": "1" }));
            let back = Returning::join_with(&server, transport, &connect);
            assert_ne!(back.socket_id, client.socket_id, "{pid}");
            back.leave();
        }
    }
    for auth in [r#"{"pid":7}"#, r#"{"pid":null,"offset":3}"#, "{}", r#"{"offset":"1"}"#] {
        Returning::join_with(&server, Transport::WebSocket, &format!("40{auth}")).leave();
    }
    // All that has not harmed the one who may return.
    client.return_over(&server, Transport::WebSocket);
    client.expect("news", 1);
    client.leave();
    other.leave();
    server.wait_until_empty();
}

#[test]
fn an_offset_that_is_none_ends_the_session_that_was_kept() {
    let server = server();
    for offset in [json!("ffffffffffff"), json!("x"), json!("")] {
        let mut client = Returning::join(&server, Transport::WebSocket);
        client.subscribe(&server, "news");
        server.publish("news", "e", "1");
        client.expect("news", 1);
        client.cut();
        let connect = format!("40{}", json!({ "pid": client.pid, "offset": offset }));
        let back = Returning::join_with(&server, Transport::WebSocket, &connect);
        assert_ne!(back.socket_id, client.socket_id, "{offset}");
        server.wait_for_channels("{}");
        back.leave();
    }
}

#[test]
fn a_client_that_returns_before_its_end_is_noticed_takes_over() {
    let server = server();
    for former in BOTH {
        let mut client = Returning::join(&server, former);
        client.subscribe(&server, "news");
        let mut back = Returning::join_with(&server, Transport::WebSocket, &client.connect());
        assert_eq!(back.socket_id, client.socket_id);
        match &mut client.link {
            Link::WebSocket(client) => {
                client.expect_close(4100, "The session goes on in another connection");
            }
            Link::Polling(session) => assert_eq!(session.fetch(), ["1"]),
        }
        server.publish("news", "e", "1");
        back.expect("news", 1);
        back.leave();
        server.wait_for_channels("{}");
    }
    server.wait_until_empty();
}

#[test]
fn who_leaves_does_not_return() {
    let server = server();
    let ends: [&dyn Fn(&mut Client); 3] =
        [&|client| client.send("41"), &|client| client.send("9"), &|client| {
            client.send_frame(CLOSE, b"\x03\xe9")
        }];
    for end in ends {
        let mut client = Returning::join(&server, Transport::WebSocket);
        client.subscribe(&server, "news");
        let connect = client.connect();
        let Link::WebSocket(socket) = &mut client.link else {
            unreachable!("it has joined over a WebSocket");
        };
        end(socket);
        assert!(matches!(socket.next(), Said::Close(..)));
        server.wait_for_channels("{}");
        let back = Returning::join_with(&server, Transport::WebSocket, &connect);
        assert_ne!(back.socket_id, client.socket_id);
    }
}

#[test]
fn without_recovery_there_is_no_pid_and_no_offset() {
    let server = server_with("recovery_seconds = 0");
    let (mut client, pid) = Client::join_socketio(&server, Eio::V4);
    assert_eq!(pid, None);
    let mut session = Polling::join(&server, Eio::V3);
    client.send(subscribe("news"));
    session.post(&[&subscribe("news")]);
    server.wait_for_subscribers("news", 2);
    server.publish("news", "e", "1");
    client.expect(event("e", "news", 1));
    session.expect(&event("e", "news", 1));
    drop(client);
    server.wait_for_subscribers("news", 1);
    let connect = r#"40{"pid":"1.1-0","offset":"1"}"#;
    assert_eq!(Client::join_socketio_with(&server, Eio::V4, connect).1, None);
    session.post(&["1"]);
    assert_eq!(session.fetch(), ["6"]);
}

#[test]
fn who_has_missed_too_much_is_told_by_getting_another_id() {
    let server = server_with("recovery_bytes = 2000");
    let text = "x".repeat(900);
    for (count, is_known) in [(2, true), (3, false)] {
        let mut client = Returning::join(&server, Transport::WebSocket);
        client.subscribe(&server, "news");
        client.cut();
        (0..count).for_each(|_| server.publish("news", "e", &text));
        let mut back = Returning::join_with(&server, Transport::Polling, &client.connect());
        assert_eq!(back.socket_id == client.socket_id, is_known, "{count} events");
        (0..count).filter(|_| is_known).for_each(|_| drop(back.next_event()));
        if !is_known {
            server.wait_for_channels("{}");
        }
        back.leave();
    }
}

#[test]
fn a_member_that_returns_in_time_has_not_left_and_one_that_does_not_has() {
    let application = Application::granting();
    let server = Server::start(&application.settings("recovery_seconds = 2"));
    let mut witness = server.connect();
    witness.join("presence-room", "witness");
    let mut client = Returning::join(&server, Transport::Polling);
    client
        .send(r#"42["subscribe",{"channel":"presence-room","auth":{"headers":{"X-User":"ann"}}}]"#);
    assert_eq!(
        client.next(),
        r#"42["presence:subscribed","presence-room",[{"user_id":"ann","user_info":{"name":"ann"}},{"user_id":"witness","user_info":{"name":"witness"}}]]"#
    );
    assert!(witness.text().contains("pusher_internal:member_added"));
    for transport in BOTH {
        client.cut();
        client.return_over(&server, transport);
    }
    server.publish("presence-room", "e", "1");
    client.expect("presence-room", 1);
    assert!(witness.text().contains(r#""event":"e""#), "she has not left");
    client.cut();
    assert!(witness.text().contains("pusher_internal:member_removed"));
    let back = Returning::join_with(&server, Transport::WebSocket, &client.connect());
    assert_ne!(back.socket_id, client.socket_id);
}

/// Numbers without a pattern, the same ones in every run.
struct Random(u32);

impl Random {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) % end
    }
}

#[test]
fn cuts_at_random_moments_lose_nothing_and_repeat_nothing() {
    const EVENTS: usize = 400;
    let mut server = server();
    std::thread::scope(|scope| {
        let mut clients: Vec<Returning> = (0..4)
            .map(|at| {
                let mut client = Returning::join(&server, BOTH[at % 2]);
                client.send(&subscribe("news"));
                server.wait_for_subscribers("news", at + 1);
                client
            })
            .collect();
        let server = &server;
        for (at, mut client) in clients.drain(..).enumerate() {
            scope.spawn(move || {
                let mut random = Random(at as u32);
                let mut seen = 0;
                while seen < EVENTS {
                    for _ in 0..random.below(20).min((EVENTS - seen) as u32) {
                        client.expect("news", seen);
                        seen += 1;
                    }
                    client.cut();
                    client.return_over(server, BOTH[random.below(2) as usize]);
                }
                client.leave();
            });
        }
        let mut http = server.http();
        (0..EVENTS).for_each(|at| http.publish("news", "e", &at.to_string()));
    });
    server.wait_for_channels("{}");
    server.stop_at_once();
}
