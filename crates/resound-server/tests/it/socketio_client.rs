//! Clients of Socket.IO, over raw sockets: sessions of Engine.IO that poll, and WebSockets.

use serde_json::Value;

use crate::{
    client::Client,
    http::{Answer, Http},
    server::Server,
};

/// A version of Engine.IO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Eio {
    V3,
    V4,
}

/// Between the packets of a payload of version 4.
const SEPARATOR: char = '\u{1e}';

impl Eio {
    pub(crate) const BOTH: [Self; 2] = [Self::V3, Self::V4];

    pub(crate) fn number(self) -> u8 {
        match self {
            Self::V3 => 3,
            Self::V4 => 4,
        }
    }

    /// The address of a transport, without a session.
    pub(crate) fn target(self, transport: &str) -> String {
        format!("/socket.io/?EIO={}&transport={transport}", self.number())
    }

    /// Packets as one body.
    pub(crate) fn payload(self, packets: &[&str]) -> String {
        match self {
            Self::V3 => {
                packets.iter().map(|p| format!("{}:{p}", p.encode_utf16().count())).collect()
            }
            Self::V4 => packets.join(&SEPARATOR.to_string()),
        }
    }

    /// The packets of a body.
    #[track_caller]
    pub(crate) fn packets(self, body: &str) -> Vec<String> {
        match self {
            Self::V3 => {
                let (mut packets, mut rest) = (Vec::new(), body);
                while !rest.is_empty() {
                    let (length, behind) = rest.split_once(':').expect("a length");
                    let length: usize = length.parse().expect("a number");
                    let packet = behind.encode_utf16().take(length).collect::<Vec<u16>>();
                    let packet = String::from_utf16(&packet).expect("whole characters");
                    rest = behind.strip_prefix(&packet).expect("as long as announced");
                    packets.push(packet);
                }
                packets
            }
            Self::V4 => body.split(SEPARATOR).map(str::to_owned).collect(),
        }
    }
}

/// A session that fetches its packets by requests: one connection for these, one for its own packets.
#[derive(Debug)]
pub(crate) struct Polling {
    pub(crate) eio: Eio,
    pub(crate) sid: String,
    /// What its user knows as its socket id.
    pub(crate) socket_id: String,
    /// What a client of version 4 returns with.
    pub(crate) pid: Option<String>,
    pub(crate) gets: Http,
    posts: Http,
    fetched: Vec<String>,
}

impl Polling {
    /// A session that has been greeted and is in the namespace.
    #[track_caller]
    pub(crate) fn join(server: &Server, eio: Eio) -> Self {
        Self::join_with(server, eio, "40")
    }

    /// The same with another CONNECT, which only version 4 sends.
    #[track_caller]
    pub(crate) fn join_with(server: &Server, eio: Eio, connect: &str) -> Self {
        let mut session = Self::open(server, eio);
        match eio {
            Eio::V3 => assert_eq!(session.next(), "40"),
            Eio::V4 => {
                session.post(&[connect]);
                session.welcome();
            }
        }
        session
    }

    /// A session that has been greeted.
    #[track_caller]
    pub(crate) fn open(server: &Server, eio: Eio) -> Self {
        let (mut gets, posts) = (server.http(), server.http());
        let answer = gets.request("GET", &eio.target("polling"), "", "");
        assert_eq!(answer.status, 200, "{answer:?}");
        let mut fetched = eio.packets(&answer.body);
        let greeting = fetched.remove(0);
        let greeting: Value =
            serde_json::from_str(greeting.strip_prefix('0').expect("an open packet"))
                .expect("JSON");
        let sid = greeting["sid"].as_str().expect("a text").to_owned();
        Self { eio, socket_id: sid.clone(), sid, pid: None, gets, posts, fetched }
    }

    /// Reads the answer to CONNECT.
    #[track_caller]
    pub(crate) fn welcome(&mut self) {
        let welcome = self.next();
        (self.socket_id, self.pid) = welcomed(&welcome);
    }

    pub(crate) fn target(&self) -> String {
        format!("{}&sid={}", self.eio.target("polling"), self.sid)
    }

    /// The address of the WebSocket that is to carry the session on.
    pub(crate) fn upgrade_target(&self) -> String {
        format!("{}&sid={}", self.eio.target("websocket"), self.sid)
    }

    /// Asks for packets and does not wait for them.
    #[track_caller]
    pub(crate) fn ask(&mut self) {
        let target = self.target();
        self.gets.send(format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n"));
    }

    /// Asks for packets.
    #[track_caller]
    pub(crate) fn get(&mut self) -> Answer {
        self.ask();
        self.gets.answer()
    }

    /// The packets of one request.
    #[track_caller]
    pub(crate) fn fetch(&mut self) -> Vec<String> {
        self.ask();
        self.answered()
    }

    /// The packets of the request that has been sent.
    #[track_caller]
    pub(crate) fn answered(&mut self) -> Vec<String> {
        let answer = self.gets.answer();
        assert_eq!(answer.status, 200, "{answer:?}");
        self.eio.packets(&answer.body)
    }

    /// Puts packets back that [`Polling::answered`] has returned.
    pub(crate) fn unread(&mut self, packets: Vec<String>) {
        self.fetched = packets;
    }

    /// The next packet that is no ping, which it answers.
    #[track_caller]
    pub(crate) fn next(&mut self) -> String {
        loop {
            while self.fetched.is_empty() {
                self.fetched = self.fetch();
            }
            let packet = self.fetched.remove(0);
            if packet != "2" {
                return packet;
            }
            self.post(&["3"]);
        }
    }

    #[track_caller]
    pub(crate) fn expect(&mut self, packet: &str) {
        assert_eq!(self.next(), packet);
    }

    /// Sends a body and returns what is answered.
    #[track_caller]
    pub(crate) fn post_body(&mut self, headers: &str, body: &str) -> Answer {
        let target = self.target();
        self.posts.request("POST", &target, headers, body)
    }

    /// Sends packets.
    #[track_caller]
    pub(crate) fn post(&mut self, packets: &[&str]) {
        let body = self.eio.payload(packets);
        self.post_body("", &body).check(200, "ok");
    }

    /// Subscribes to a public channel, and waits until it is.
    #[track_caller]
    pub(crate) fn subscribe(&mut self, server: &Server, channel: &str) {
        self.post(&[&subscribe(channel)]);
        server.wait_for_subscriber(channel);
    }

    /// Checks that the session is over.
    #[track_caller]
    pub(crate) fn expect_gone(&mut self) {
        self.get().check(400, r#"{"code":1,"message":"Session ID unknown"}"#);
    }
}

/// Socket id and `pid` of the answer to CONNECT.
#[track_caller]
pub(crate) fn welcomed(packet: &str) -> (String, Option<String>) {
    let json = packet.strip_prefix("40").unwrap_or_else(|| panic!("no welcome: {packet}"));
    let welcome: Value = serde_json::from_str(json).expect("JSON");
    let text = |name: &str| welcome[name].as_str().map(str::to_owned);
    (text("sid").expect("an id"), text("pid"))
}

/// A subscription.
pub(crate) fn subscribe(channel: &str) -> String {
    format!(r#"42["subscribe",{{"channel":"{channel}","auth":{{"headers":{{}}}}}}]"#)
}

/// The end of one.
pub(crate) fn unsubscribe(channel: &str) -> String {
    format!(r#"42["unsubscribe",{{"channel":"{channel}"}}]"#)
}

/// The packet of an event without its offset; its data are a number.
pub(crate) fn event(name: &str, channel: &str, data: usize) -> String {
    format!(r#"42["{name}","{channel}",{data}]"#)
}

/// An event's packet without its offset, and the offset.
#[track_caller]
pub(crate) fn split_offset(packet: &str) -> (String, Option<String>) {
    let json = packet.strip_prefix("42").unwrap_or_else(|| panic!("no event: {packet}"));
    let mut arguments: Vec<Value> = serde_json::from_str(json).expect("JSON");
    let offset = match arguments.last() {
        Some(Value::String(offset)) if arguments.len() > 3 => Some(offset.clone()),
        _ => None,
    };
    arguments.truncate(3);
    (format!("42{}", Value::from(arguments)), offset)
}

impl Client {
    /// A WebSocket of Socket.IO that has been greeted and is in the namespace. Returns its `pid`, too.
    #[track_caller]
    pub(crate) fn join_socketio(server: &Server, eio: Eio) -> (Self, Option<String>) {
        Self::join_socketio_with(server, eio, "40")
    }

    /// The same with another CONNECT, which only version 4 sends.
    #[track_caller]
    pub(crate) fn join_socketio_with(
        server: &Server,
        eio: Eio,
        connect: &str,
    ) -> (Self, Option<String>) {
        let mut client = server.open(&eio.target("websocket"));
        let greeting: Value = serde_json::from_str(&client.text()[1..]).expect("JSON");
        if eio == Eio::V3 {
            client.socket_id = greeting["sid"].as_str().expect("a text").to_owned();
            client.expect("40");
            return (client, None);
        }
        client.send(connect);
        let (socket_id, pid) = welcomed(&client.text());
        client.socket_id = socket_id;
        (client, pid)
    }
}

impl Server {
    /// Waits until a channel is occupied.
    #[track_caller]
    pub(crate) fn wait_for_subscriber(&self, channel: &str) {
        self.wait_for_subscribers(channel, 1);
    }

    /// Waits until a channel has so many subscribers.
    #[track_caller]
    pub(crate) fn wait_for_subscribers(&self, channel: &str, count: usize) {
        let path = format!("/channels/{channel}");
        let query = [("info", "subscription_count")];
        let mut http = self.http();
        self.wait_until(|| {
            let known = http.signed("GET", &path, &query, "").json();
            known["subscription_count"] == count
        });
    }

    /// The value of a metric, summed over the lines that begin so.
    #[track_caller]
    pub(crate) fn metric_of(&self, start: &str) -> f64 {
        let text = self.get("/metrics").body;
        let lines = text.lines().filter(|line| line.starts_with(start));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }
}
