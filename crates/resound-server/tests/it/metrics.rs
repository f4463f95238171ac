//! What Prometheus reads.

use crate::{
    client::{Client, subscription},
    server::Server,
    settings::{SECRET, Settings},
};

/// One scrape.
struct Scrape(String);

impl Scrape {
    #[track_caller]
    fn of(server: &Server) -> Self {
        let answer = server.get("/metrics");
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.header("content-type"),
            Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
        );
        assert!(answer.body.ends_with("# EOF\n"));
        Self(answer.body)
    }

    /// The value of a line that begins so, with or without labels.
    #[track_caller]
    fn value(&self, name: &str) -> f64 {
        let line = self
            .0
            .lines()
            .find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{'])));
        let line = line.unwrap_or_else(|| panic!("no {name} in\n{}", self.0));
        line.rsplit(' ').next().and_then(|value| value.parse().ok()).expect("a number")
    }

    /// The number of refusals for a reason.
    fn refusals(&self, reason: &str) -> f64 {
        let start = format!("resound_refusals_total{{reason=\"{reason}\"}} ");
        let line = self.0.lines().find_map(|line| line.strip_prefix(&start));
        line.map_or(0.0, |value| value.parse().expect("a number"))
    }

    #[track_caller]
    fn check(&self, expected: &[(&str, f64)]) {
        for (name, value) in expected {
            assert_eq!(self.value(&format!("resound_{name}")), *value, "{name}");
        }
    }
}

const EMPTY: [(&str, f64); 5] = [
    ("connected", 0.0),
    ("subscriptions", 0.0),
    ("channels", 0.0),
    ("users", 0.0),
    ("sockets", 1.0), // the scrape's own
];

#[test]
fn gauges_count_what_is_there_and_return_to_zero() {
    let server = Server::default();
    Scrape::of(&server).check(&EMPTY);
    let mut clients: Vec<Client> = (0..4).map(|_| server.connect()).collect();
    for (at, client) in clients.iter_mut().enumerate() {
        client.subscribe("news");
        client.join(&format!("presence-{at}"), "ann");
        client.sign_in(&format!(r#"{{"id":"user-{at}","watchlist":["somebody"]}}"#));
        client.text(); // that somebody is not there
    }
    Scrape::of(&server).check(&[
        ("connected", 4.0),
        ("subscriptions", 8.0),
        ("channels", 5.0),
        ("users", 5.0),
        ("sockets", 5.0),
    ]);
    drop(clients);
    server.wait_until(|| {
        let scrape = Scrape::of(&server);
        EMPTY.iter().all(|(name, value)| scrape.value(&format!("resound_{name}")) == *value)
    });
}

#[test]
fn counters_count_messages_bytes_and_requests() {
    let server = Server::default();
    let mut client = server.connect();
    let text = subscription("news");
    client.subscribe("news");
    let before = Scrape::of(&server);
    let body = r#"{"name":"e","channel":"news","data":"x"}"#;
    server.post("/events", body).check(200, "{}");
    let event = client.text();
    let scrape = Scrape::of(&server);
    scrape.check(&[
        ("new_connections_total", 1.0),
        ("new_disconnections_total", 0.0),
        ("ws_messages_received_total", 1.0),
        ("ws_messages_sent_total", 3.0), // greeting, confirmation, event
        ("socket_received_bytes", text.len() as f64),
        ("http_calls_received_total", 1.0),
        ("http_received_bytes", body.len() as f64),
        ("http_transmitted_bytes", 2.0),
        ("events_published_total", 1.0),
        ("channel_subscriptions_total", 1.0),
        ("publish_to_write_seconds_count", 1.0),
    ]);
    let more = |name: &str| scrape.value(name) - before.value(name);
    assert_eq!(more("resound_ws_messages_sent_total"), 1.0);
    assert_eq!(more("resound_socket_transmitted_bytes"), event.len() as f64 + 2.0);
    drop(client);
    server.wait_until_empty();
    Scrape::of(&server).check(&[
        ("new_connections_total", 1.0),
        ("new_disconnections_total", 1.0),
        ("connected", 0.0),
    ]);
}

#[test]
fn counters_carry_the_app_and_the_port() {
    let server = Server::start(&Settings::default().with_app("2", "other-key", "other", ""));
    let _clients = [server.connect(), server.connect_to("other-key"), server.connect()];
    let port = server.address.port();
    let text = Scrape::of(&server).0;
    for (app, count) in [("1001", 2), ("2", 1)] {
        for name in ["connected", "new_connections_total"] {
            let line = format!("resound_{name}{{app_id=\"{app}\",port=\"{port}\"}} {count}\n");
            assert!(text.contains(&line), "{line}{text}");
        }
    }
}

#[test]
fn refusals_are_counted_by_reason() {
    let settings =
        Settings::of("shards = 2", "max_connections = 1\nallowed_origins = [\"a.example\"]");
    let settings = settings.with_app("2", "off-key", SECRET, "enabled = false");
    let server = Server::start(&settings);
    let mut client = server.connect();
    let end = |mut client: Client| while client.next() != crate::client::Said::End {};
    end(server.open("/app/other"));
    end(server.open("/app/other"));
    end(server.open("/app/off-key"));
    end(server.open("/app/resound-key"));
    end(server.open("/app/resound-key?protocol=x"));
    end(server.open("/app/resound-key?protocol=3"));
    end(server.open_with("/app/resound-key", "Origin: http://b.example\r\n"));
    client.send("nonsense");
    client.send(subscription("private-a"));
    client.send(r#"{"event":"client-a","channel":"private-a"}"#);
    for _ in 0..4 {
        client.text();
    }
    assert_eq!(server.get("/apps/1001/channels").status, 401);
    assert_eq!(server.get("/apps/nope/channels").status, 404);
    assert_eq!(server.get("/apps/2/channels").status, 403);
    assert_eq!(server.post("/events", "{}").status, 422);
    assert_eq!(server.post("/events", &"x".repeat(20_000)).status, 413);
    let scrape = Scrape::of(&server);
    for (reason, count) in [
        ("unknown_app", 2.0),
        ("app_disabled", 2.0), // a connection and a request
        ("over_quota", 1.0),
        ("malformed_version", 1.0),
        ("unsupported_protocol", 1.0),
        ("origin_not_allowed", 1.0),
        ("invalid_message", 1.0),
        ("subscription", 1.0),
        ("not_a_member", 1.0),
        ("bad_signature", 1.0),
        ("unknown_app_id", 1.0),
        ("invalid_body", 1.0),
        ("request_too_large", 1.0),
        ("over_capacity", 0.0),
        ("no_descriptor", 0.0),
    ] {
        assert_eq!(scrape.refusals(reason), count, "{reason} in\n{}", scrape.0);
    }
}

#[test]
fn the_prefix_of_the_names_can_be_chosen() {
    let server = Server::start(&Settings::server("shards = 2\nmetrics_prefix = \"soketi_\""));
    let text = Scrape::of(&server).0;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        assert!(line.starts_with("soketi_"), "{line}");
    }
}

#[test]
fn metrics_may_have_a_listener_of_their_own() {
    let lines = "shards = 2\nmetrics_address = \"127.0.0.1:0\"";
    let server = Server::start(&Settings::server(lines));
    let mut http = server.metrics_http();
    let metrics = http.request("GET", "/metrics", "", "");
    assert_eq!(metrics.status, 200);
    assert!(metrics.body.contains("resound_connected"), "{}", metrics.body);
    http.request("GET", "/up", "", "").check(200, r#"{"health":"OK"}"#);
    http.request("GET", "/ready", "", "").check(200, r#"{"ready":true}"#);
    http.request("GET", "/nothing", "", "").check_error(404, "Nothing is at /nothing.");
    server.get("/metrics").check_error(404, "Metrics are on their own listener (metrics_address).");
    server.get("/up").check(200, r#"{"health":"OK"}"#);
}
