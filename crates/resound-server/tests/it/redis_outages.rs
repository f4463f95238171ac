//! A Redis that goes, hangs or is not there: the server stays, says so, and comes back to it.

use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};
use serde_json::Value;

use crate::{
    client::Client,
    redis_server::{Redis, delivered, free_port, payload},
    server::Server,
    settings::Settings,
};

const CONNECTED: &str = "Redis is connected";
const GONE: &str = "Redis is gone; what is published until it is back does not arrive";
const BACK: &str = "Redis is back";
const AWAY: &str = "Redis cannot be reached; the bridge tries until it can";

fn server(url: &str) -> Server {
    Server::start_with(&Settings::default(), &["--redis", url])
}

fn subscriber(server: &Server) -> Client {
    let mut client = server.connect();
    client.subscribe("news");
    client
}

/// How often the log has this line.
fn count(server: &Server, message: &str) -> usize {
    server.log.events().iter().filter(|event| event["message"] == message).count()
}

#[track_caller]
fn check_ready(server: &Server) {
    server.get("/ready").check(200, r#"{"ready":true}"#);
    assert!(server.get("/metrics").body.contains("resound_redis_connected 1\n"));
}

#[track_caller]
fn check_not_ready(server: &Server) {
    let message = "Redis is not connected: events that are published through it do not arrive.";
    server.get("/ready").check_error(503, message);
    server.get("/up").check(200, r#"{"health":"OK"}"#);
    server.get("/live").check(200, r#"{"live":true}"#);
    assert!(server.get("/metrics").body.contains("resound_redis_connected 0\n"));
}

#[test]
fn a_redis_that_is_killed_and_comes_back_is_found_again() {
    let mut redis = Redis::start();
    let server = server(&redis.url());
    server.log.wait_for(CONNECTED);
    check_ready(&server);
    let mut client = subscriber(&server);
    let mut publisher = redis.publisher();
    for round in 1..=3 {
        (0..100).for_each(|at| publisher.publish("laravel_database_news", payload(at)));
        (0..100).for_each(|at| client.expect(delivered("news", at)));
        redis.kill();
        server.wait_until(|| count(&server, GONE) == round);
        check_not_ready(&server);
        // The HTTP API has nothing to do with it.
        server.publish("news", "e", "x");
        client.expect(r#"{"event":"e","channel":"news","data":"x"}"#);
        redis.restart();
        publisher = redis.publisher();
        server.wait_until(|| count(&server, BACK) == round);
        check_ready(&server);
    }
    check_said_once(&server, 3);
    assert!(server.get("/metrics").body.contains("resound_redis_reconnections_total 3\n"));
}

/// Checks that all that was said about Redis is that it went and came back so often.
#[track_caller]
fn check_said_once(server: &Server, outages: usize) {
    let events = server.log.events();
    let about = |event: &&Value| event["message"].to_string().contains("Redis");
    let lines: Vec<_> = events.iter().filter(about).collect();
    assert_eq!(lines.len(), 1 + 2 * outages, "{lines:#?}");
    for pair in lines[1..].chunks(2) {
        assert_eq!((&pair[0]["message"], &pair[0]["level"]), (&GONE.into(), &"WARN".into()));
        assert_eq!((&pair[1]["message"], &pair[1]["level"]), (&BACK.into(), &"INFO".into()));
        assert!(pair[0]["reason"].is_string() && pair[1]["away_seconds"].is_f64());
    }
}

/// Publishes numbered events, kills Redis in the middle, and returns the next number.
fn publish_and_kill(redis: &Redis, mut next: usize) -> usize {
    let mut publisher = redis.publisher();
    (0..200).for_each(|at| publisher.publish("laravel_database_news", payload(next + at)));
    next += 200;
    let pid = redis.pid();
    let killer = std::thread::spawn(move || kill_process(pid, Signal::KILL));
    while publisher.ask(&["PUBLISH", "laravel_database_news", &payload(next)]).starts_with(':') {
        next += 1;
    }
    killer.join().expect("no panic").expect("it is ours");
    next + 1
}

#[test]
fn a_redis_that_is_killed_while_events_come_loses_no_order() {
    let mut redis = Redis::start();
    let server = server(&redis.url());
    server.log.wait_for(CONNECTED);
    let mut client = subscriber(&server);
    let mut next = 0;
    for round in 1..=3 {
        next = publish_and_kill(&redis, next);
        redis.kill();
        server.wait_until(|| count(&server, GONE) == round);
        redis.restart();
        server.wait_until(|| count(&server, BACK) == round);
    }
    redis.publisher().publish("laravel_database_news", payload(next));
    let mut last = None;
    while last != Some(next) {
        let number = number(&client.text());
        assert!(last < Some(number), "{number} after {last:?}");
        last = Some(number);
    }
    check_said_once(&server, 3);
}

fn number(text: &str) -> usize {
    let message: Value = serde_json::from_str(text).expect("JSON");
    let data = crate::client::data(&message);
    data["n"].as_u64().expect("a number") as usize
}

#[test]
fn a_redis_that_hangs_is_noticed() {
    let redis = Redis::start();
    let server = server(&redis.url());
    server.log.wait_for(CONNECTED);
    let mut client = subscriber(&server);
    redis.signal(Signal::STOP);
    let gone = server.log.wait_for(GONE);
    assert_eq!(gone["reason"], "Redis does not answer for 10 seconds");
    check_not_ready(&server);
    redis.signal(Signal::CONT);
    server.log.wait_for(BACK);
    check_ready(&server);
    redis.publisher().publish("laravel_database_news", payload(1));
    client.expect(delivered("news", 1));
    check_said_once(&server, 1);
}

#[test]
fn a_server_that_is_quiet_for_long_is_not_taken_for_one_that_hangs() {
    let redis = Redis::start();
    let server = server(&redis.url());
    server.log.wait_for(CONNECTED);
    let mut waiting = redis.publisher();
    let begun = Instant::now();
    waiting.ask(&["BLPOP", "a list that nobody fills", "13"]);
    assert!(begun.elapsed() > Duration::from_secs(12), "Redis keeps the time");
    check_ready(&server);
    check_said_once(&server, 0);
}

#[test]
fn the_server_starts_without_redis_and_finds_it_later() {
    let mut redis = Redis::start();
    redis.kill();
    let server = server(&redis.url());
    let away = server.log.wait_for(AWAY);
    assert_eq!(away["level"], "WARN");
    check_not_ready(&server);
    let mut client = subscriber(&server);
    redis.restart();
    server.log.wait_for(CONNECTED);
    check_ready(&server);
    redis.publisher().publish("laravel_database_news", payload(1));
    client.expect(delivered("news", 1));
    assert_eq!(count(&server, AWAY), 1);
    assert!(server.get("/metrics").body.contains("resound_redis_reconnections_total 0\n"));
}

#[test]
fn a_shutdown_does_not_wait_for_redis() {
    let hanging = Redis::start();
    hanging.signal(Signal::STOP);
    let nobody = format!("redis://127.0.0.1:{}", free_port());
    for url in [&nobody, "redis://192.0.2.1", "redis://nobody.invalid", &hanging.url()] {
        let mut server = server(url);
        let client = server.connect();
        let begun = Instant::now();
        server.signal(Signal::TERM);
        drop(client);
        assert!(server.wait().success());
        assert!(begun.elapsed() < Duration::from_secs(3), "{url}: {:?}", begun.elapsed());
    }
    hanging.signal(Signal::CONT);
}

#[test]
fn whoever_is_no_redis_is_told_so() {
    let other = Server::default();
    let server = server(&format!("redis://{}", other.address));
    let message = "Redis refuses the bridge; check redis.url, the bridge tries on";
    let warning = server.log.wait_for(message);
    assert_eq!(warning["reason"], "what answers does not speak the protocol of Redis");
    check_not_ready(&server);
}
