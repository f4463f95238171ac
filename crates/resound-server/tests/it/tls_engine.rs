//! Socket.IO over TLS: requests, the change to a WebSocket, and the moves between shards that they make.

use serde_json::Value;

use crate::{
    client::Client,
    http::Http,
    server::Server,
    settings::Settings,
    tls_client::{Tls, bid_farewell, connect, http, lines, start, wait_until_connected},
};

/// A session whose client sends requests.
struct Polling {
    http: Http<Tls>,
    target: String,
}

const ENGINE: &str = "/socket.io/?EIO=4&transport=";

impl Polling {
    fn open(server: &Server) -> Self {
        let mut http = http(server);
        let body = http.request("GET", &format!("{ENGINE}polling"), "", "").body;
        let open: Value = serde_json::from_str(&body[1..]).expect("JSON");
        let sid = open["sid"].as_str().expect("a text");
        Self { http, target: format!("{ENGINE}polling&sid={sid}") }
    }

    fn websocket(&self) -> String {
        self.target.replace("polling", "websocket")
    }

    #[track_caller]
    fn send(&mut self, packet: &str) {
        self.http.request("POST", &self.target, "", packet).check(200, "ok");
    }

    fn fetch(&mut self) -> String {
        self.http.request("GET", &self.target, "", "").body
    }

    /// Says hello, and hears it.
    #[track_caller]
    fn join(&mut self) {
        self.send("40");
        assert!(self.fetch().starts_with(r#"40{"sid":"#));
        self.send(r#"42["subscribe",{"channel":"news"}]"#);
    }
}

fn of_shards(shards: usize) -> Server {
    Server::start(&Settings::server(&lines(&format!("shards = {shards}"))))
}

/// Publishes when so many are subscribed: subscriptions of Socket.IO have no answer.
#[track_caller]
fn publish(server: &Server, subscribed: usize, data: &str) {
    let mut http = http(server);
    let expected = format!(r#""subscription_count":{subscribed}"#);
    server.wait_until(|| {
        let query = [("info", "subscription_count")];
        http.signed("GET", "/channels/news", &query, "").body.contains(&expected)
    });
    http.publish("news", "e", data);
}

#[test]
fn a_session_of_requests_may_go_on_over_a_websocket_on_whatever_shard() {
    let server = of_shards(3);
    let mut clients: Vec<Client<Tls>> = Vec::new();
    for at in 0..9 {
        let mut polling = Polling::open(&server);
        polling.join();
        let mut client = Client::open(connect(&server), &polling.websocket(), "");
        client.send("2probe");
        client.expect("3probe");
        // A request that waits is answered, so that no client waits for it.
        client.send("5");
        client.send("42[\"x\"]");
        clients.push(client);
        publish(&server, at + 1, &at.to_string());
        for client in &mut clients {
            let said = client.text();
            assert!(
                said.contains(&format!(r#","{at}""#)) || said.contains(&format!(",{at}")),
                "{said}"
            );
        }
    }
    drop(clients);
}

#[test]
fn a_client_that_comes_back_to_another_shard_gets_what_it_missed() {
    let server = of_shards(3);
    for at in 0..6 {
        let mut client = Client::open(connect(&server), &format!("{ENGINE}websocket"), "");
        let open = client.text();
        assert!(open.starts_with("0{"), "{open}");
        client.send("40");
        let hello: Value = serde_json::from_str(&client.text()[2..]).expect("JSON");
        let pid = hello["pid"].as_str().expect("a text").to_owned();
        client.send(r#"42["subscribe",{"channel":"news"}]"#);
        publish(&server, at + 1, "first");
        let first: Value = serde_json::from_str(&client.text()[2..]).expect("JSON");
        let offset = first.as_array().and_then(|list| list.last()).cloned().expect("an offset");
        drop(client);
        http(&server).publish("news", "e", "missed");
        // Each connection is on the next shard.
        let mut back = Client::open(connect(&server), &format!("{ENGINE}websocket"), "");
        back.text();
        back.send(format!(r#"40{{"pid":"{pid}","offset":{offset}}}"#));
        let said = [back.text(), back.text()].join(" ");
        assert!(said.contains("missed") && said.contains(&pid), "{said}");
        http(&server).publish("news", "e", "live");
        assert!(back.text().contains("live"));
    }
}

#[test]
fn a_client_that_goes_away_while_it_waits_is_noticed() {
    let server = start();
    for at in 0..4 {
        let mut polling = Polling::open(&server);
        polling.join();
        wait_until_connected(&server, 1);
        let target = &polling.target;
        polling.http.send(format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n"));
        if at % 2 == 0 {
            bid_farewell(polling.http.stream);
        } else {
            drop(polling);
        }
        wait_until_connected(&server, 0);
    }
}

#[test]
fn a_message_of_many_records_may_be_posted() {
    let server = start();
    let mut polling = Polling::open(&server);
    polling.join();
    polling.send(&format!(r#"42["unknown","{}"]"#, "x".repeat(900_000)));
    publish(&server, 1, "x");
    assert!(polling.fetch().contains(r#""x""#));
}
