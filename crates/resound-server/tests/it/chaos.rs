//! Clients of Socket.IO that do whatever comes to their minds, at once: what they leave is nothing.

use std::{io::Write, net::Shutdown};

use serde_json::json;

use crate::{
    application::Application,
    client::{BINARY, CLOSE, Client, TEXT, frame, handshake},
    http::Http,
    server::Server,
    socketio_client::{Eio, subscribe, unsubscribe},
};

const STEPS: usize = 300;
const CLIENTS: u32 = 6;

/// Numbers without a pattern, the same ones in every run.
struct Random(u32);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as usize % end
    }

    fn packet(&mut self, pids: &[String]) -> String {
        let channel = ["news", "private-a", "presence-b", "presence-b"][self.below(4)];
        let user = self.below(3);
        let headers = format!(r#"{{"X-User":"{user}"}}"#);
        match self.below(12) {
            0 => "40".to_owned(),
            1 => "41".to_owned(),
            2 => "1".to_owned(),
            3 => "2".to_owned(),
            4 => "3".to_owned(),
            5 => "40/nope,".to_owned(),
            6 | 7 => {
                let pid = pids.get(self.below(pids.len().max(1)));
                let made_up = format!("7.{}-0", 1 + self.below(8));
                format!("40{}", json!({ "pid": pid.unwrap_or(&made_up), "offset": "1" }))
            }
            8 => subscribe(channel),
            9 => format!(
                r#"42["subscribe",{{"channel":"{channel}","auth":{{"headers":{headers}}}}}]"#
            ),
            10 => unsubscribe(channel),
            _ => format!(
                r#"42["client event",{{"channel":"{channel}","event":"client-e","data":{user}}}]"#
            ),
        }
    }
}

/// A session as far as one of these clients cares.
struct Session {
    eio: Eio,
    sid: String,
    get: Http,
    sockets: Vec<Client>,
}

/// One client's doings. Whether the server answers in time is not its business.
fn behave(server: &Server, seed: u32) {
    let mut random = Random(seed);
    let mut sessions: Vec<Session> = Vec::new();
    let mut pids: Vec<String> = Vec::new();
    for _ in 0..STEPS {
        let at = random.below(sessions.len().max(1));
        let packets: Vec<String> = (0..=random.below(3)).map(|_| random.packet(&pids)).collect();
        match (random.below(10), sessions.get_mut(at)) {
            (0 | 1, _) | (_, None) => {
                let eio = Eio::BOTH[random.below(2)];
                sessions.extend(open(server, eio));
            }
            (2, _) => drop(sessions.swap_remove(at)),
            (3, Some(session)) => post(server, session, &packets),
            (4, Some(session)) => {
                let target = session.target("polling");
                session.get.send(format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n"));
            }
            (5, Some(session)) => {
                let _ = session.get.stream.shutdown(Shutdown::Both);
                session.get = server.http();
            }
            (6 | 7, Some(session)) => {
                let target = session.target("websocket");
                let mut client = Client::new(server.tcp());
                let mut bytes = handshake(&target, "").into_bytes();
                let parts = [frame(TEXT, b"2probe"), frame(TEXT, b"5")];
                parts.iter().take(random.below(3)).for_each(|part| bytes.extend(part));
                bytes.extend(frames(&packets));
                let _ = client.stream.write_all(&bytes);
                session.sockets.push(client);
            }
            (8, Some(session)) => {
                if let Some(client) = session.sockets.last_mut() {
                    let end = [frame(CLOSE, b"\x03\xe8"), frame(BINARY, b"x"), b"\xff".to_vec()];
                    let part = [frame(TEXT, b"2probe"), frame(TEXT, b"5"), frames(&packets)];
                    let bytes = if random.below(4) == 0 { &end } else { &part };
                    let _ = client.stream.write_all(&bytes[random.below(3)]);
                }
            }
            (_, Some(_)) => {
                let eio = Eio::BOTH[random.below(2)];
                pids.extend(Client::join_socketio(server, eio).1);
                let mut bytes = handshake(&eio.target("websocket"), "").into_bytes();
                bytes.extend(frames(&packets));
                if random.below(2) == 0 {
                    bytes.extend(frame(CLOSE, b""));
                }
                let _ = server.tcp().write_all(&bytes);
            }
        }
    }
}

fn frames(packets: &[String]) -> Vec<u8> {
    packets.iter().flat_map(|packet| frame(TEXT, packet.as_bytes())).collect()
}

fn open(server: &Server, eio: Eio) -> Option<Session> {
    let mut get = server.http();
    let answer = get.request("GET", &eio.target("polling"), "", "");
    let sid = answer.body.split('"').nth(3)?.to_owned();
    Some(Session { eio, sid, get, sockets: Vec::new() })
}

fn post(server: &Server, session: &Session, packets: &[String]) {
    let packets: Vec<&str> = packets.iter().map(|packet| &**packet).collect();
    let body = session.eio.payload(&packets);
    server.http().request("POST", &session.target("polling"), "", &body);
}

impl Session {
    fn target(&self, transport: &str) -> String {
        format!("{}&sid={}", self.eio.target(transport), self.sid)
    }
}

#[test]
fn clients_that_do_anything_in_any_order_leave_nothing() {
    let application = Application::granting();
    let lines = "recovery_seconds = 1\nping_interval = 1\nping_timeout = 1";
    let server = Server::start(&application.settings_of("shards = 4", lines));
    let before = server.open_files_at_rest();
    std::thread::scope(|scope| {
        for seed in 0..CLIENTS {
            let server = &server;
            scope.spawn(move || behave(server, seed * 77 + 1));
        }
        let mut http = server.http();
        for at in 0..200 {
            http.publish(["news", "private-a", "presence-b"][at % 3], "e", "1");
        }
    });
    server.wait_until_empty();
    server.wait_for_channels("{}");
    // What goes to the application lives on for a while: its connections are kept.
    server.wait_until(|| server.metric_of("resound_sockets ") == 1.0);
    server.wait_until(|| server.open_files() <= before + 64);
    // A count that went below zero would let nobody in.
    let mut clients: Vec<Client> = (0..8).map(|_| server.connect()).collect();
    clients.iter_mut().for_each(Client::expect_pong);
    assert_eq!(server.metric_of("resound_connected{"), 8.0);
}
