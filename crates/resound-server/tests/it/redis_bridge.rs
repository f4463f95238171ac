//! Events that Laravel publishes through Redis, from a real redis-server to subscribers.

use std::fs;

use rustix::process::Signal;
use serde_json::Value;

use crate::{
    client::Client,
    redis_server::{Publisher, Redis, delivered, payload},
    server::{RESOUND, Server, command, folder},
    settings::{SECRET, Settings},
};

/// The prefix that Laravel has without `APP_NAME`.
const PREFIX: &str = "laravel_database_";

/// A server with a bridge that is connected.
fn bridged(redis: &Redis, lines: &str) -> Server {
    let lines = format!("shards = 2\n[redis]\nurl = \"{}\"\n{lines}", redis.url());
    let server = Server::start(&Settings::server(&lines));
    server.log.wait_for("Redis is connected");
    server
}

/// The value of a line of the metrics.
#[track_caller]
fn metric(server: &Server, line: &str) -> u64 {
    let body = server.get("/metrics").body;
    let start = format!("resound_redis_{line} ");
    let value = body.lines().find_map(|line| line.strip_prefix(&start));
    let value = value.unwrap_or_else(|| panic!("no {start:?} in\n{body}"));
    value.parse().expect("a number")
}

#[track_caller]
fn skipped(server: &Server, reason: &str) -> u64 {
    metric(server, &format!("messages_skipped_total{{reason=\"{reason}\"}}"))
}

/// All that the log says up to now: what a reload says comes after it.
fn log(server: &Server) -> Vec<Value> {
    server.signal(Signal::HUP);
    server.log.wait_for("reloaded");
    server.log.events()
}

/// The warnings up to now.
fn warnings(server: &Server) -> Vec<Value> {
    log(server).into_iter().filter(|event| event["level"] == "WARN").collect()
}

/// Publishes an event on Laravel's channel `news` and checks that it arrives, and nothing before it.
#[track_caller]
fn check_arrives(publisher: &mut Publisher, prefix: &str, client: &mut Client) {
    publisher.publish(format!("{prefix}news"), payload(7));
    client.expect(delivered("news", 7));
}

#[test]
fn events_arrive_as_they_were_published_whichever_command_it_was() {
    let redis = Redis::start();
    let server = bridged(&redis, "");
    let (mut anna, mut ben, mut reader) = (server.connect(), server.connect(), server.connect());
    anna.subscribe_private("private-orders.1");
    ben.subscribe_private("private-orders.1");
    reader.subscribe("news");
    let mut publisher = redis.publisher();
    let payload = r#"{"event":"App\\Events\\Posted","data":{"price":1.0,"text":"\u00e9\/","socket":null},"socket":null}"#;
    let data = r#""{\"price\":1.0,\"text\":\"\\u00e9\\/\"}""#;
    publisher.publish("laravel_database_news", payload);
    publisher.broadcast(&["laravel-database-news", "laravel-database-private-orders.1"], payload);
    let on = |channel| {
        format!(r#"{{"event":"App\\Events\\Posted","channel":"{channel}","data":{data}}}"#)
    };
    reader.expect(on("news"));
    reader.expect(on("news"));
    anna.expect(on("private-orders.1"));
    ben.expect(on("private-orders.1"));
    let id = &anna.socket_id;
    let but_anna = format!(r#"{{"event":"e","data":{{"socket":"{id}"}},"socket":"{id}"}}"#);
    publisher.broadcast(&["laravel-database-private-orders.1"], &but_anna);
    publisher.broadcast(&["laravel-database-private-orders.1"], payload);
    ben.expect(r#"{"event":"e","channel":"private-orders.1","data":"{}"}"#);
    ben.expect(on("private-orders.1"));
    anna.expect(on("private-orders.1"));
}

#[test]
fn many_events_arrive_all_and_in_order() {
    const EVENTS: usize = 20_000;
    let redis = Redis::start();
    let server = bridged(&redis, "");
    let mut clients = [server.connect(), server.connect()];
    for client in &mut clients {
        client.subscribe("news");
    }
    let payloads: Vec<_> = (0..EVENTS).map(payload).collect();
    std::thread::scope(|scope| {
        scope.spawn(|| redis.publisher().publish_all("laravel_database_news", &payloads));
        for client in &mut clients {
            scope.spawn(|| (0..EVENTS).for_each(|at| client.expect(delivered("news", at))));
        }
    });
    assert_eq!(metric(&server, "messages_total"), EVENTS as u64);
}

#[test]
fn large_events_wait_for_room_and_arrive_in_order() {
    const EVENTS: usize = 24;
    let redis = Redis::start_with(&["--client-output-buffer-limit", "pubsub", "0", "0", "0"]);
    let lines =
        format!("backlog_bytes = 1073741824\nshards = 2\n[redis]\nurl = \"{}\"", redis.url());
    let server = Server::start(&Settings::server(&lines));
    server.log.wait_for("Redis is connected");
    let mut client = server.connect();
    client.subscribe("news");
    let text = "x".repeat(4_000_000);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut publisher = redis.publisher();
            for at in 0..EVENTS {
                let payload = format!(r#"{{"event":"e","data":"{at} {text}","socket":null}}"#);
                publisher.publish("laravel_database_news", payload);
            }
        });
        for at in 0..EVENTS {
            let start = format!(r#"{{"event":"e","channel":"news","data":"\"{at} x"#);
            assert!(client.text().starts_with(&start), "{at}");
        }
    });
}

/// Starts a server with this `.env`, these variables and these lines of `[redis]`, and checks that
/// events with each of the prefixes arrive, once.
#[track_caller]
fn check_prefixes(lines: &str, env_file: &str, env: &[(&str, &str)], prefixes: &[&str]) {
    let redis = Redis::start();
    let settings = Settings::server(&format!("[redis]\nurl = \"{}\"\n{lines}", redis.url()));
    let folder = folder(&settings.toml());
    fs::write(folder.path().join(".env"), env_file).expect("the folder is ours");
    let mut command = command(RESOUND, folder.path());
    command.args(["start", "--port", "0", "--log", "json"]).envs(env.iter().copied());
    let server = Server::spawn(command, folder);
    server.log.wait_for("Redis is connected");
    let mut client = server.connect();
    client.subscribe("news");
    let mut publisher = redis.publisher();
    for prefix in prefixes {
        check_arrives(&mut publisher, prefix, &mut client);
    }
    client.expect_pong();
}

#[test]
fn the_prefix_may_be_configured() {
    check_prefixes("prefix = \"shop:\"", "APP_NAME=other", &[], &["shop:"]);
    check_prefixes("", "APP_NAME=other", &[("RESOUND_REDIS_PREFIX", "s_")], &["s_"]);
    check_prefixes("prefix = \"*[a]?\\\\\"", "", &[], &["*[a]?\\"]);
    check_prefixes("prefix = \"\"", "", &[], &[""]);
}

#[test]
fn the_prefix_may_be_that_of_the_env_file() {
    check_prefixes("", "REDIS_PREFIX=shop_\nAPP_NAME=other\n", &[], &["shop_"]);
    check_prefixes("", "REDIS_PREFIX=\nAPP_NAME=other\n", &[], &[""]);
    check_prefixes("", "REDIS_PREFIX=null\n", &[], &[""]);
}

#[test]
fn the_prefix_is_worked_out_from_the_name_of_the_application() {
    check_prefixes(
        "",
        "APP_NAME=\"My Café & Co\"",
        &[],
        &["my_cafe_co_database_", "my-cafe-co-database-"],
    );
    check_prefixes("", "APP_NAME=a", &[("APP_NAME", "b c")], &["b_c_database_", "b-c-database-"]);
    check_prefixes("", "", &[], &["laravel_database_", "laravel-database-"]);
    check_prefixes("", "APP_NAME=", &[], &["_database_", "-database-"]);
}

#[test]
fn a_near_miss_is_warned_of_once() {
    let redis = Redis::start();
    let server = bridged(&redis, "");
    let mut client = server.connect();
    client.subscribe("news");
    client.subscribe_private("private-x");
    let mut publisher = redis.publisher();
    for _ in 0..3 {
        publisher.publish("shop_database_news", payload(1));
        publisher.publish("shop_database_private-x", payload(1));
        publisher.publish("app:private-x", payload(1));
        publisher.publish("private-x", payload(1));
        publisher.publish("foreign_database_x", "no JSON of Laravel");
    }
    check_arrives(&mut publisher, PREFIX, &mut client);
    let warnings = warnings(&server);
    let prefixes: Vec<_> = warnings.iter().map(|event| event["prefix"].as_str()).collect();
    assert_eq!(prefixes, [Some("shop_database_"), Some("app:"), Some("")]);
    assert_eq!(warnings[0]["expected"], r#""laravel_database_" or "laravel-database-""#);
    assert_eq!(warnings[0]["channel"], "shop_database_news");
    let message = warnings[0]["message"].as_str().expect("a text");
    assert!(
        message.ends_with(r#"set redis.prefix (REDIS_PREFIX) to "shop_database_""#),
        "{message}"
    );
    assert_eq!(skipped(&server, "prefix"), 12);
    assert_eq!(metric(&server, "messages_total"), 1);
}

#[test]
fn without_a_prefix_one_that_is_there_is_warned_of() {
    let redis = Redis::start();
    let server = bridged(&redis, "prefix = \"\"");
    let mut client = server.connect();
    client.subscribe("news");
    let mut publisher = redis.publisher();
    publisher.publish("shop_database_news", payload(1));
    publisher.publish("shop_database_private-x", payload(1));
    check_arrives(&mut publisher, "", &mut client);
    let warnings = warnings(&server);
    let prefixes: Vec<_> = warnings.iter().map(|event| event["prefix"].as_str()).collect();
    assert_eq!(prefixes, [Some("shop_database_")]);
}

#[test]
fn not_more_than_a_few_foreign_prefixes_are_warned_of() {
    let redis = Redis::start();
    let server = bridged(&redis, "");
    let mut client = server.connect();
    client.subscribe("news");
    let mut publisher = redis.publisher();
    for at in 0..50 {
        publisher.publish(format!("app{at}_database_news"), payload(1));
    }
    check_arrives(&mut publisher, PREFIX, &mut client);
    assert_eq!(warnings(&server).len(), 16);
}

#[test]
fn what_is_not_laravels_is_skipped_and_counted() {
    let redis = Redis::start();
    let server = bridged(&redis, "");
    let mut client = server.connect();
    client.subscribe("news");
    let mut publisher = redis.publisher();
    let foreign: [&[u8]; 10] = [
        b"",
        b"hello",
        b"\0\xff\xfe\x80 binary \r\n*3\r\n$-1\r\n",
        b"[1,2]",
        b"{}",
        b"{\"event\":7,\"data\":{}}",
        b"{\"event\":\"e\",\"data\":{\"a\":",
        b"O:8:\"stdClass\":0:{}",
        &[b'['; 100_000],
        &[0; 1_000_000],
    ];
    for payload in foreign {
        publisher.publish("laravel_database_news", payload);
    }
    check_arrives(&mut publisher, PREFIX, &mut client);
    assert_eq!(skipped(&server, "not_laravel"), foreign.len() as u64);
    assert_eq!(metric(&server, "messages_total"), foreign.len() as u64 + 1);
    let has_lines =
        log(&server).iter().any(|event| event["message"].to_string().contains("skipped"));
    assert!(!has_lines, "only in the debug log");
}

#[test]
fn an_event_that_the_api_would_refuse_is_skipped_and_logged() {
    let redis = Redis::start();
    let server = bridged(&redis, "");
    let mut client = server.connect();
    client.subscribe("news");
    let mut publisher = redis.publisher();
    for channel in
        [&b"laravel_database_with\ttab"[..], b"laravel_database_", b"laravel_database_\xff"]
    {
        publisher.publish(channel, payload(1));
    }
    let forged = r#"{"event":"pusher_internal:member_added","data":{},"socket":null}"#;
    (0..100).for_each(|_| publisher.publish("laravel_database_news", forged));
    check_arrives(&mut publisher, PREFIX, &mut client);
    assert_eq!((skipped(&server, "channel"), skipped(&server, "event_name")), (3, 100));
    let lines = log(&server);
    let lines = lines.iter().filter(|e| e["message"] == "an event from Redis is skipped");
    let lines: Vec<_> = lines.collect();
    assert_eq!(lines.len(), 10, "bounded");
    assert_eq!(lines[0]["channel"], "laravel_database_with\ttab");
    assert!(lines[0]["reason"].as_str().is_some_and(|reason| reason.contains("control character")));
}

#[test]
fn the_application_may_be_chosen_and_stays_over_a_reload() {
    let redis = Redis::start();
    let toml = |lines: &str| {
        let redis = format!("shards = 2\n[redis]\nurl = \"{}\"\napp = \"2\"", redis.url());
        Settings::server(&redis).with_app("2", "other-key", SECRET, lines)
    };
    let server = Server::start(&toml(""));
    server.log.wait_for("Redis is connected");
    let (mut first, mut second) = (server.connect(), server.connect_to("other-key"));
    first.subscribe("news");
    second.subscribe("news");
    let mut publisher = redis.publisher();
    check_arrives(&mut publisher, PREFIX, &mut second);
    let reload = |lines: &str| {
        let count = || server.log.events().iter().filter(|e| e["message"] == "reloaded").count();
        let before = count();
        server.write_toml(&toml(lines).toml());
        server.signal(Signal::HUP);
        server.wait_until(|| count() > before);
    };
    reload("max_event_size = 5");
    publisher.publish("laravel_database_news", payload(10));
    check_arrives_at(&server, "too_large", 1);
    publisher.publish("laravel_database_news", r#"{"event":"e","data":{},"socket":null}"#);
    second.expect(r#"{"event":"e","channel":"news","data":"{}"}"#);
    reload("enabled = false");
    publisher.publish("laravel_database_news", payload(7));
    check_arrives_at(&server, "app", 1);
    reload("");
    let mut second = server.connect_to("other-key");
    second.subscribe("news");
    check_arrives(&mut publisher, PREFIX, &mut second);
    first.expect_pong();
}

/// Waits until so many messages are skipped for this reason.
#[track_caller]
fn check_arrives_at(server: &Server, reason: &str, count: u64) {
    server.wait_until(|| skipped(server, reason) == count);
}

#[test]
fn an_application_that_does_not_exist_is_a_mistake_of_the_configuration() {
    let settings = Settings::server("[redis]\nurl = \"redis://localhost\"\napp = \"3\"");
    let folder = folder(&settings.toml());
    let output = crate::server::run(folder.path(), &["start", "--port", "0"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    let text = r#"redis.app in resound.toml:4 is "3", expected the id of an app: "1001""#;
    assert!(stderr.contains(text), "{stderr}");
}
