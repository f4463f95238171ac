//! The driver `redis`: as subscribers see it, through the real server, and while Redis is away.

use std::{
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    time::Duration,
};

use resound::{
    Broadcaster, Channel, DriverError, SendError,
    broadcast::{self, AnonymousEvent},
    connection::Stats,
    driver::Credentials,
    drivers::{Redis as Driver, RedisOptions},
    encryption::MasterKey,
};
use serde_json::{Value, json};

use crate::{
    process::{KEY, SECRET, Server},
    real::ask,
    redis_server::Redis,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// A broadcaster with the `.env` of a Laravel application.
fn broadcaster(redis: &Redis, more: &[(&str, &str)]) -> Broadcaster {
    Broadcaster::from_variables(|name| {
        let url = redis.url();
        let all = [("BROADCAST_CONNECTION", "redis"), ("REDIS_URL", &url)];
        let find = |pairs: &[(&str, &str)]| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        find(more).or_else(|| find(&all))
    })
    .expect("all is there")
}

fn event(name: impl Into<String>) -> AnonymousEvent {
    broadcast::public("news").name(name.into())
}

fn stats(broadcaster: &Broadcaster) -> Stats {
    broadcaster.stats("redis").expect("it is there")
}

async fn refusal(broadcaster: &Broadcaster, event: AnonymousEvent) -> String {
    match broadcaster.send(event).now().result().await {
        Err(SendError::Driver { fault: DriverError::Refused(message), .. }) => message,
        other => panic!("{other:?}"),
    }
}

fn pair(channel: &str, payload: &str) -> (String, String) {
    (channel.to_owned(), payload.to_owned())
}

#[tokio::test]
async fn subscribers_get_what_laravel_publishes() {
    let redis = Redis::start();
    let mut subscriber = redis.subscribe();
    let broadcaster = broadcaster(&redis, &[("APP_NAME", "My Shop")]);
    let shipped = broadcast::private("orders.1").name(r"App\Events\OrderShipped");
    broadcaster.send(shipped.with(json!({ "b": "B/é", "total": 9 }))).await;
    let named =
        broadcast::on(["news", "presence-room.1"]).name("order.named").with(json!({"x": 1}));
    broadcaster.send(named).to_others("111.222").now().result().await.unwrap();
    broadcaster.flush(PATIENCE).await.unwrap();
    let named = r#"{"event":"order.named","data":{"x":1,"socket":"111.222"},"socket":"111.222"}"#;
    let mut messages = subscriber.receive(3);
    messages.sort();
    assert_eq!(
        messages,
        [
            pair("my-shop-database-news", named),
            pair("my-shop-database-presence-room.1", named),
            pair(
                "my-shop-database-private-orders.1",
                r#"{"event":"App\\Events\\OrderShipped","data":{"b":"B\/\u00e9","total":9,"socket":null},"socket":null}"#
            ),
        ]
    );
}

#[tokio::test]
async fn the_prefix_is_the_one_that_is_set_even_to_nothing() {
    let redis = Redis::start();
    let mut subscriber = redis.subscribe();
    let mut channel = async |more: &[(&str, &str)]| {
        let sent = broadcaster(&redis, more).send(event("x")).now().result().await;
        sent.expect("it is sent");
        subscriber.receive(1).remove(0).0
    };
    assert_eq!(channel(&[]).await, "laravel-database-news");
    assert_eq!(channel(&[("REDIS_PREFIX", "shop_database_")]).await, "shop_database_news");
    assert_eq!(channel(&[("REDIS_PREFIX", "")]).await, "news");
    assert_eq!(channel(&[("REDIS_PREFIX", "null")]).await, "news");
}

#[tokio::test]
async fn what_waits_goes_through_one_pipeline_in_its_order() {
    let redis = Redis::start();
    let mut subscriber = redis.subscribe();
    let broadcaster = broadcaster(&redis, &[]);
    for n in 0..250 {
        broadcaster.send(event(n.to_string())).await;
    }
    broadcaster.flush(PATIENCE).await.unwrap();
    let names = subscriber.receive(250).into_iter().map(|(_, payload)| {
        let message: Value = serde_json::from_str(&payload).expect("JSON");
        message["event"].as_str().expect("a name").parse::<usize>().expect("a number")
    });
    assert!(names.eq(0..250));
    assert_eq!(stats(&broadcaster).sent, 250);
}

#[tokio::test]
async fn an_event_reaches_clients_over_the_bridge_but_not_its_sender() {
    let redis = Redis::start();
    let server = Server::start_with(&["--redis", &redis.url()], &[("APP_NAME", "My Shop")]);
    let variables =
        [("APP_NAME", "My Shop"), ("REVERB_APP_KEY", KEY), ("REVERB_APP_SECRET", SECRET)];
    let broadcaster = broadcaster(&redis, &variables);
    let (mut sender, mut other) = (server.connect(), server.connect());
    for client in [&mut sender, &mut other] {
        // With the application's key clients get the signatures that they need.
        let answer = ask(&broadcaster, client, "private-orders.7").await;
        let joined = client.subscribe("private-orders.7", &answer);
        assert_eq!(joined["event"], "pusher_internal:subscription_succeeded");
    }
    let event = |name| broadcast::private("orders.7").name(name).with(json!({ "id": 1 }));
    // The bridge may subscribe a moment after the server listens, and Redis forgets what nobody hears.
    let heard = redis.connect();
    wait_for_the_bridge(heard);
    broadcaster.send(event("first")).to_others(&sender.id).await;
    broadcaster.send(event("second")).await;
    broadcaster.flush(PATIENCE).await.unwrap();
    let frame = |name| {
        format!(r#"{{"event":"{name}","channel":"private-orders.7","data":"{{\"id\":1}}"}}"#)
    };
    assert_eq!(other.receive(), frame("first"));
    assert_eq!(other.receive(), frame("second"));
    assert_eq!(sender.receive(), frame("second"));
}

fn wait_for_the_bridge(mut redis: redis::Connection) {
    let patterns = |redis: &mut redis::Connection| -> u64 {
        redis::cmd("PUBSUB").arg("NUMPAT").query(redis).expect("a number")
    };
    while patterns(&mut redis) == 0 {
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn without_a_key_only_servers_are_answered_and_with_one_both_are() {
    let redis = Redis::start();
    let server = Server::start();
    let client = server.connect();
    let answer = ask(&broadcaster(&redis, &[]), &client, "private-orders.7").await;
    assert_eq!(answer, json!(true));
    let variables = [("PUSHER_APP_KEY", KEY), ("PUSHER_APP_SECRET", SECRET)];
    let broadcaster = broadcaster(&redis, &variables);
    let answer = ask(&broadcaster, &client, "private-orders.7").await;
    assert!(answer["auth"].as_str().is_some_and(|auth| auth.starts_with("resound-key:")));
    let mut nobody = client;
    nobody.id = String::new();
    let answer = ask(&broadcaster, &nobody, "private-orders.7").await;
    assert_eq!(answer, json!(true));
}

#[tokio::test]
async fn nothing_is_lost_while_redis_is_away() {
    let mut redis = Redis::start();
    let broadcaster = broadcaster(&redis, &[]);
    broadcaster.send(event("before")).now().result().await.unwrap();
    redis.kill();
    let error = broadcaster.send(event("now")).now().result().await.unwrap_err();
    let SendError::Driver { fault: DriverError::Unavailable(message), .. } = error else {
        panic!("{error}");
    };
    assert!(message.contains("redis.sock can't be reached: "), "{message}");
    for n in 0..5 {
        broadcaster.send(event(n.to_string())).await;
    }
    assert_eq!(broadcaster.flush(Duration::from_millis(1)).await, Err(5));
    redis.restart_elsewhere();
    let mut subscriber = redis.subscribe();
    redis.link();
    broadcaster.flush(PATIENCE).await.unwrap();
    let expected = |n| {
        let payload = format!(r#"{{"event":"{n}","data":{{"socket":null}},"socket":null}}"#);
        pair("laravel-database-news", &payload)
    };
    assert_eq!(subscriber.receive(5), (0..5).map(expected).collect::<Vec<_>>());
    assert_eq!((stats(&broadcaster).sent, stats(&broadcaster).dropped), (6, 0));
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_no_outage() {
    let redis = Redis::start();
    let broadcaster = broadcaster(&redis, &[]);
    broadcaster.send(event("a")).now().result().await.unwrap();
    let mut other = redis.connect();
    redis::cmd("CLIENT").arg(&["KILL", "TYPE", "normal"]).exec(&mut other).expect("OK");
    broadcaster.send(event("b")).now().result().await.unwrap();
}

#[test]
fn a_connection_outlives_the_runtime_that_used_it_first() {
    let redis = Redis::start();
    let broadcaster = broadcaster(&redis, &[]);
    for name in ["a", "b"] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let sent = runtime.block_on(broadcaster.send(event(name)).now().result().into_future());
        sent.expect("it is sent");
    }
}

#[tokio::test]
async fn who_gives_no_password_or_a_wrong_one_is_told_what_to_set() {
    let redis = Redis::start_with(&["--requirepass", "s3cret"]);
    let message = refusal(&broadcaster(&redis, &[]), event("x")).await;
    assert!(message.contains("NOAUTH") && message.contains("set REDIS_PASSWORD"), "{message}");
    let wrong = broadcaster(&redis, &[("REDIS_PASSWORD", "wr0ng")]);
    let message = refusal(&wrong, event("x")).await;
    assert!(
        message.contains("WRONGPASS") && message.contains("are not what it knows"),
        "{message}"
    );
    assert!(!message.contains("wr0ng"), "{message}");
    let right = broadcaster(&redis, &[("REDIS_PASSWORD", "s3cret")]);
    right.send(event("x")).now().result().await.unwrap();
    let open = Redis::start();
    let message = refusal(&broadcaster(&open, &[("REDIS_PASSWORD", "x")]), event("x")).await;
    assert!(message.contains("it has no password: leave REDIS_PASSWORD empty"), "{message}");
}

#[tokio::test]
async fn a_redis_that_is_full_is_tried_again_whoever_asks() {
    let redis = Redis::start_with(&["--maxclients", "1", "--requirepass", "s3cret"]);
    let _only = only_client(&redis);
    let broadcaster = broadcaster(&redis, &[("REDIS_PASSWORD", "s3cret")]);
    let error = broadcaster.send(event("x")).now().result().await.unwrap_err();
    assert!(
        matches!(&error, SendError::Driver { fault: DriverError::Unavailable(_), .. }),
        "{error}"
    );
}

/// The only client that may be connected. Who asked whether Redis is ready may still be counted, and then this one is turned away.
fn only_client(redis: &Redis) -> UnixStream {
    loop {
        let mut client = UnixStream::connect(redis.socket()).expect("it accepts");
        let mut answer = [0; 7];
        // Who is turned away may find the connection closed already.
        let is_asked = client.write_all(b"PING\r\n").and_then(|()| client.read_exact(&mut answer));
        if is_asked.is_ok() && &answer == b"-NOAUTH" {
            return client;
        }
    }
}

/// A user of Redis' ACL with these rules.
fn user(redis: &Redis, rules: &[&str]) -> [(&'static str, &'static str); 2] {
    let mut connection = redis.connect();
    let all = [&["SETUSER", "app", "on", ">pw"], rules].concat();
    redis::cmd("ACL").arg(&all).exec(&mut connection).expect("OK");
    [("REDIS_USERNAME", "app"), ("REDIS_PASSWORD", "pw")]
}

#[tokio::test]
async fn a_redis_without_scripts_is_published_to_channel_by_channel() {
    let redis = Redis::start();
    let mut subscriber = redis.subscribe();
    let variables = user(&redis, &["+publish", "&*"]);
    let broadcaster = broadcaster(&redis, &variables);
    let both = broadcast::on(["a", "b"]).name("x");
    broadcaster.send(both).now().result().await.unwrap();
    for n in 0..3 {
        broadcaster.send(event(n.to_string())).await;
    }
    broadcaster.flush(PATIENCE).await.unwrap();
    let messages = subscriber.receive(5);
    let channels: Vec<&str> =
        messages.iter().filter_map(|(name, _)| name.strip_prefix("laravel-database-")).collect();
    assert_eq!(channels, ["a", "b", "news", "news", "news"]);
    let renamed = Redis::start_with(&["--rename-command", "EVAL", ""]);
    let broadcaster = crate::redis_driver::broadcaster(&renamed, &[]);
    broadcaster.send(event("x")).now().result().await.unwrap();
}

#[tokio::test]
async fn who_may_not_publish_is_told_what_the_user_lacks() {
    let redis = Redis::start();
    let variables = user(&redis, &["+publish", "+eval", "resetchannels", "&other*"]);
    let broadcaster = broadcaster(&redis, &variables);
    let message = refusal(&broadcaster, event("x")).await;
    assert!(message.contains("needs `+publish`, `+eval` and `&laravel-database-*`"), "{message}");
}

#[tokio::test]
async fn payloads_for_encrypted_channels_are_encrypted_or_not_sent() {
    let redis = Redis::start();
    let mut subscriber = redis.subscribe();
    let secret = || broadcast::on([Channel::encrypted("a")]).name("x").with("secret text");
    let message = refusal(&broadcaster(&redis, &[]), secret()).await;
    assert!(message.contains("no master key"), "{message}");
    let key = MasterKey::from_base64("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
    let credentials = Credentials::new(KEY, SECRET).master_key(key);
    let options = RedisOptions { credentials: Some(credentials), ..RedisOptions::new(redis.url()) };
    let driver = Driver::new(options).expect("a URL");
    let broadcaster = Broadcaster::builder().connection("redis", driver).build();
    broadcaster.send(secret()).now().result().await.unwrap();
    let (channel, payload) = subscriber.receive(1).remove(0);
    assert_eq!(channel, "laravel-database-private-encrypted-a");
    assert!(payload.starts_with(r#"{"event":"x","data":{"nonce":""#), "{payload}");
    assert!(!payload.contains("secret text"), "{payload}");
}

#[tokio::test]
async fn what_is_no_redis_is_named_so() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("a port").port();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            use std::io::{Read as _, Write as _};
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let driver =
        Driver::new(RedisOptions::new(format!("redis://127.0.0.1:{port}"))).expect("a URL");
    let broadcaster = Broadcaster::builder().connection("redis", driver).build();
    let message = refusal(&broadcaster, event("x")).await;
    assert!(message.contains("does not speak the protocol of redis"), "{message}");
}
