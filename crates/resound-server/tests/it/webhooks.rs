//! Webhooks: an application is told what happens, in order, signed, and until it has taken it.

use std::{collections::VecDeque, fmt::Write as _, sync::Arc};

use resound_protocol::{
    signature::Signer,
    webhook::{Event, Webhook},
};
use rustix::process::Signal;
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{PrivateKeyDer, pem::PemObject as _},
};
use serde_json::{Value, json};

use crate::{
    application::{Application, Question},
    reload::reload,
    server::{RESOUND, Server, command, folder},
    settings::{KEY, SECRET, Settings},
    tls_client::{certificate, fixture},
};

const ROOM: &str = "presence-room.1";
/// So many seconds does the end of something wait for its beginning.
const DELAY: &str = "shards = 3\nwebhooks.delay_seconds = 1";

/// The receiver of webhooks.
struct Receiver {
    application: Application,
    events: VecDeque<Event>,
}

impl Receiver {
    fn start() -> Self {
        Self { application: Application::start(), events: VecDeque::new() }
    }

    /// A server that tells it what these lines of its table ask for.
    fn server(&self, lines: &str) -> Server {
        Server::start(&self.settings(DELAY, lines))
    }

    fn settings(&self, server: &str, lines: &str) -> Settings {
        settings_of(&self.application.url("/hook?token=t"), server, lines)
    }

    /// The next webhook, which is not answered yet.
    #[track_caller]
    fn question(&self) -> (Question, Webhook) {
        let question = self.application.next();
        assert!(question.head.starts_with("POST /hook?token=t HTTP/1.1\r\n"), "{question:?}");
        assert_eq!(question.header("content-type"), Some("application/json"));
        assert_eq!(question.header("x-pusher-key"), Some(KEY));
        let signature = question.header("x-pusher-signature").expect("a signature");
        assert!(Signer::new(SECRET).verify_hex(&[question.body.as_bytes()], signature));
        let webhook = Webhook::parse(question.body.as_bytes()).expect("a webhook");
        assert!(webhook.time_ms > 1_700_000_000_000 && webhook.skipped.is_empty());
        (question, webhook)
    }

    /// The next event; those that come with it are taken, too.
    #[track_caller]
    fn next(&mut self) -> String {
        while self.events.is_empty() {
            let (question, webhook) = self.question();
            self.events.extend(webhook.events);
            question.grant("{}");
        }
        let event: Value = serde_json::from_str(&self.events[0].to_json()).expect("JSON");
        self.events.pop_front();
        let mut line = String::new();
        for key in ["channel", "name", "user_id", "event", "data", "subscription_count"] {
            if let Some(value) = event.get(key) {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                write!(line, "{value} ").expect("a String grows");
            }
        }
        line.trim_end().to_owned()
    }

    #[track_caller]
    fn expect(&mut self, lines: &[&str]) {
        for line in lines {
            assert_eq!(self.next(), *line);
        }
    }
}

fn settings_of(url: &str, server: &str, lines: &str) -> Settings {
    Settings::of(server, &format!("webhooks = [{{ url = \"{url}\" {lines} }}]"))
}

fn metric(server: &Server, name: &str) -> String {
    let text = server.get("/metrics").body;
    let start = format!("resound_{name}{{");
    let line = text.lines().find(|line| line.starts_with(&start)).unwrap_or_default();
    line.rsplit(' ').next().unwrap_or_default().to_owned()
}

#[test]
fn what_happens_in_a_room_is_told_in_its_order() {
    let mut receiver = Receiver::start();
    let server = receiver.server("");
    let [mut ann, mut bob] = [server.connect(), server.connect()];
    ann.join(ROOM, "7");
    receiver.expect(&["presence-room.1 channel_occupied", "presence-room.1 member_added 7"]);
    bob.join(ROOM, "8");
    bob.send(json!({"event": "client-typing", "channel": ROOM, "data": {"n": 1}}).to_string());
    bob.send(json!({"event": "client-typing", "channel": ROOM, "data": "words"}).to_string());
    receiver.expect(&[
        "presence-room.1 member_added 8",
        "presence-room.1 client_event 8 client-typing {\"n\":1}",
        "presence-room.1 client_event 8 client-typing words",
    ]);
    drop((ann, bob));
    let mut last = [receiver.next(), receiver.next()];
    last.sort_unstable();
    assert_eq!(last, ["presence-room.1 member_removed 7", "presence-room.1 member_removed 8"]);
    receiver.expect(&["presence-room.1 channel_vacated"]);
    server.wait_until(|| metric(&server, "webhook_events_sent_total") == "8");
    assert_eq!(metric(&server, "webhook_events_waiting"), "0");
}

#[test]
fn who_is_back_in_time_was_never_away() {
    let mut receiver = Receiver::start();
    let server = Server::start(&receiver.settings("shards = 3", ""));
    let mut ann = server.connect();
    ann.join(ROOM, "7");
    receiver.expect(&["presence-room.1 channel_occupied", "presence-room.1 member_added 7"]);
    for _ in 0..3 {
        drop(std::mem::replace(&mut ann, server.connect()));
        server.wait_for_channels("{}");
        ann.join(ROOM, "7");
    }
    ann.send(json!({"event": "client-here", "channel": ROOM, "data": ""}).to_string());
    receiver.expect(&["presence-room.1 client_event 7 client-here"]);
    drop(ann);
    receiver.expect(&["presence-room.1 member_removed 7", "presence-room.1 channel_vacated"]);
}

#[test]
fn also_who_wants_to_know_of_ends_only_is_told_of_none_that_was_none() {
    let mut receiver = Receiver::start();
    let lines = ", event_types = [\"member_removed\", \"client_event\"]";
    let server = Server::start(&receiver.settings("shards = 3", lines));
    let mut ann = server.connect();
    ann.join(ROOM, "7");
    ann.unsubscribe(ROOM);
    ann.join(ROOM, "7");
    ann.send(json!({"event": "client-here", "channel": ROOM, "data": ""}).to_string());
    receiver.expect(&["presence-room.1 client_event 7 client-here"]);
    drop(ann);
    receiver.expect(&["presence-room.1 member_removed 7"]);
    assert!(receiver.events.is_empty());
}

#[test]
fn what_is_not_taken_is_sent_again_as_it_was_and_then_the_rest_in_its_order() {
    let mut receiver = Receiver::start();
    let server = receiver.server(", event_types = [\"client_event\"]");
    let mut ann = server.connect();
    ann.subscribe_private("private-a");
    for number in 1..=3 {
        let event = json!({"event": "client-n", "channel": "private-a", "data": number});
        ann.send(event.to_string());
    }
    let (question, first) = receiver.question();
    let body = question.body.clone();
    question.reply("500 Internal Server Error", "", "");
    let (question, second) = receiver.question();
    assert_eq!((&question.body, &second), (&body, &first));
    receiver.events.extend(second.events);
    question.grant("{}");
    for number in 1..=3 {
        receiver.expect(&[&format!("private-a client_event client-n {number}")]);
    }
    server.log.wait_for_event("the failure", |event| {
        event["reason"] == "answered with status 500"
            && !event["url"].as_str().is_none_or(|url| url.contains("token"))
    });
    server.log.wait_for("webhooks are taken again");
    assert_eq!(metric(&server, "webhook_failures_total"), "1");
}

#[test]
fn a_redirect_is_no_answer_and_the_log_says_where_to() {
    let receiver = Receiver::start();
    let mut server = receiver.server("");
    let mut ann = server.connect();
    ann.subscribe("news");
    let (question, _) = receiver.question();
    question.reply("301 Moved Permanently", "Location: https://elsewhere.example/\r\n", "");
    server.log.wait_for_event("the redirect", |event| {
        event["reason"].as_str().is_some_and(|reason| reason.contains("https://elsewhere.example/"))
    });
    drop(ann);
    server.stop_at_once();
}

#[test]
fn a_receiver_hears_only_of_what_it_wants() {
    let mut receiver = Receiver::start();
    let server = receiver.server(
        ", event_types = [\"channel_occupied\", \"subscription_count\"], headers = { X-Token = \"secret\" }, \
         filter = { channel_name_starts_with = \"news\", channel_name_ends_with = \".eu\" }",
    );
    let mut ann = server.connect();
    for channel in ["news.us", "old.eu", "news.eu"] {
        ann.subscribe(channel);
    }
    let (question, webhook) = receiver.question();
    assert_eq!(question.header("x-token"), Some("secret"));
    question.grant("{}");
    receiver.events.extend(webhook.events);
    receiver.expect(&["news.eu channel_occupied", "news.eu subscription_count 1"]);
    ann.unsubscribe("news.eu");
    receiver.expect(&["news.eu subscription_count 0"]);
}

#[test]
fn a_reload_brings_receivers_and_takes_them_away() {
    let mut receiver = Receiver::start();
    let server = Server::start(&Settings::server(DELAY));
    let mut ann = server.connect();
    ann.subscribe("before");
    reload(&server, &receiver.settings(DELAY, ""));
    ann.subscribe("news");
    receiver.expect(&["news channel_occupied", "news subscription_count 1"]);
    reload(&server, &Settings::server(DELAY));
    ann.subscribe("after");
    reload(&server, &receiver.settings(DELAY, ""));
    ann.subscribe("last");
    receiver.expect(&["last channel_occupied", "last subscription_count 1"]);
}

#[test]
fn who_was_there_at_the_end_of_the_process_is_told_to_be_gone() {
    let mut receiver = Receiver::start();
    let mut server = receiver.server(", event_types = [\"channel_occupied\", \"channel_vacated\"]");
    let mut ann = server.connect();
    ann.subscribe("news");
    receiver.expect(&["news channel_occupied"]);
    server.signal(Signal::TERM);
    receiver.expect(&["news channel_vacated"]);
    drop(ann);
    assert!(server.wait().success());
}

/// A receiver with the certificate of `localhost`, which the tests' root has signed.
fn over_tls() -> Receiver {
    let chain = ["server.pem", "chain.pem"].map(certificate).to_vec();
    let key = PrivateKeyDer::from_pem_file(fixture("server.key")).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions that the provider has")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("they belong together");
    Receiver { application: Application::over_tls(config), events: VecDeque::new() }
}

/// A server that trusts this file's certificates, and tells a receiver by this name.
fn trusting(roots: &str, host: &str, receiver: &Receiver) -> Server {
    let url = format!("https://{host}:{}/hook?token=t", receiver.application.port());
    let folder = folder(&settings_of(&url, DELAY, "").toml());
    let mut command = command(RESOUND, folder.path());
    command.args(["start", "--port", "0", "--log", "json"]);
    command.env("SSL_CERT_FILE", fixture(roots));
    Server::spawn(command, folder)
}

#[test]
fn over_tls_a_receiver_is_told_whose_certificate_a_trusted_root_has_signed() {
    let mut receiver = over_tls();
    let server = trusting("root.pem", "localhost", &receiver);
    let mut ann = server.connect();
    ann.join(ROOM, "7");
    receiver.expect(&["presence-room.1 channel_occupied", "presence-room.1 member_added 7"]);
    drop(ann);
    receiver.expect(&["presence-room.1 member_removed 7", "presence-room.1 channel_vacated"]);
    server.wait_until(|| metric(&server, "webhook_events_sent_total") == "4");
}

#[test]
fn over_tls_nobody_else_is_told_and_the_log_says_why() {
    for (roots, host, why) in [
        ("second.pem", "localhost", "the certificate's issuer is not trusted"),
        ("root.pem", "127.0.0.1", "the certificate is for another name"),
    ] {
        let receiver = over_tls();
        let server = trusting(roots, host, &receiver);
        let mut ann = server.connect();
        ann.subscribe("news");
        let line = server.log.wait_for(
            "a webhook failed; it is sent again until 255 s have passed, and those of the same channels wait for it",
        );
        let reason = line["reason"].as_str().expect("a text");
        assert!(reason.starts_with(why), "{reason}");
        assert!(receiver.application.is_quiet());
    }
}
