//! Changes that wait, and changes that a real Redis publishes.

use std::process::{Child, Command, Stdio};

use redis::Value;
use resound_hub::app::{App, AppOptions, Apps};
use tempfile::TempDir;

use super::*;
use crate::config::{RedisAddress, RedisPlace};

fn app() -> AppNumber {
    let (id, key, secret) = ("1".into(), "k".into(), "s".into());
    let apps = Apps::new([App { id, key, secret, options: AppOptions::default() }]);
    apps.by_id("1").expect("it was added").number()
}

fn config(address: RedisAddress) -> RedisConfig {
    RedisConfig { address, prefixes: vec![String::new()], app: None, publishes_presence: true }
}

fn feed() -> PresenceFeed {
    PresenceFeed::new(Some(&config(RedisAddress::default())))
}

fn taken(feed: &PresenceFeed) -> Vec<(String, String)> {
    let take = || feed.waiting().take();
    std::iter::from_fn(take).map(|((_, channel), members)| (channel.into(), members)).collect()
}

fn pair(channel: &str, members: &str) -> (String, String) {
    (channel.to_owned(), members.to_owned())
}

#[test]
fn of_several_changes_of_a_channel_the_last_one_counts() {
    let feed = feed();
    for (channel, members) in [("a", "[1]"), ("b", "[]"), ("a", "[1,2]")] {
        feed.changed(app(), channel, members.to_owned());
    }
    assert_eq!(taken(&feed), [pair("a", "[1,2]"), pair("b", "[]")]);
    assert_eq!(feed.waiting().bytes, 0);
    assert!(feed.waiting().members.is_empty());
}

#[test]
fn what_could_not_be_published_comes_again_unless_it_is_old() {
    let feed = feed();
    let key = |channel: &str| (app(), channel.into());
    feed.changed(app(), "a", "[2]".to_owned());
    feed.waiting().put_back(key("a"), "[1]".to_owned());
    feed.waiting().put_back(key("b"), "[3]".to_owned());
    assert_eq!(taken(&feed), [pair("b", "[3]"), pair("a", "[2]")]);
}

#[test]
fn changes_that_wait_are_bounded_in_number_and_bytes() {
    let feed = feed();
    for at in 0..CHANNELS_MAX + 10 {
        feed.changed(app(), &at.to_string(), "[]".to_owned());
    }
    assert_eq!(feed.waiting().order.len(), CHANNELS_MAX);
    assert_eq!(feed.waiting().lost, 10);
    assert_eq!(taken(&feed).len(), CHANNELS_MAX);
    feed.changed(app(), "large", "x".repeat(BYTES_MAX));
    feed.changed(app(), "small", "[]".to_owned());
    assert_eq!(taken(&feed).len(), 1);
}

#[test]
fn nothing_is_kept_that_nobody_wants() {
    let feed = PresenceFeed::new(None);
    feed.changed(app(), "a", "[]".to_owned());
    assert!(!feed.is_on() && taken(&feed).is_empty());
}

/// A process that ends with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn members_are_published_as_laravel_echo_server_publishes_them() {
    let folder = TempDir::new().expect("a folder");
    let mut command = Command::new("redis-server");
    command.args(["--port", "0", "--save", "", "--unixsocket", "redis.sock"]);
    let redis = command.current_dir(folder.path()).stdout(Stdio::null()).spawn();
    let _redis = Ended(redis.expect("redis-server is installed"));
    let place = RedisPlace::Unix(folder.path().join("redis.sock"));
    let config = config(RedisAddress { place, ..RedisAddress::default() });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let mut subscriber = loop {
            if let Ok(connection) = Connection::open(&config.address).await {
                break connection;
            }
            tokio::task::yield_now().await;
        };
        let mut subscribe = redis::cmd("SUBSCRIBE");
        subscriber.ask(subscribe.arg(CHANNEL)).await.expect("an answer");
        let mut connection = None;
        let members = r#"[{"user_id":1,"user_info":{}}]"#;
        publish(&mut connection, &config, "presence-x", members).await.expect("it is published");
        subscriber.read().await.expect("a message");
        let Ok(Some(Value::Array(parts))) = subscriber.next() else { panic!("a message") };
        let expected = r#"{"event":{"channel":"presence-x:members","members":[{"user_id":1,"user_info":{}}]}}"#;
        let expected = ["message", CHANNEL, expected].map(|part| Value::BulkString(part.into()));
        assert_eq!(parts, expected);
    });
}
