//! Hooks fed by webhooks, as any server with Pusher's protocol sends them.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{FromRef, State},
    http::Request,
};
use resound::{
    Broadcaster, Hooks, Path,
    channels::Joining,
    driver::Credentials,
    drivers::{Pusher, PusherOptions},
    hooks::{
        CacheMiss, ClientEvent, Happening, Joined, Left, Occupied, RUNNING_MAX, SubscriptionCount,
        Vacated, WAITING_MAX, What,
    },
};
use resound_protocol::signature::Signer;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{Notify, Semaphore};
use tower::ServiceExt as _;

use crate::{
    logs::Log,
    process::{KEY, SECRET},
};

/// What hooks have written down.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn write(&self, line: String) {
        self.0.lock().expect("no panic").push(line);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("no panic"))
    }
}

#[derive(Clone, Default)]
struct App {
    seen: Seen,
}

impl FromRef<App> for Seen {
    fn from_ref(app: &App) -> Self {
        app.seen.clone()
    }
}

#[derive(Deserialize)]
struct Typing {
    name: String,
    at: Place,
}

#[derive(Deserialize)]
struct Place {
    line: u32,
}

async fn typed(
    event: ClientEvent<Typing>,
    Path(room): Path<u64>,
    joining: Joining,
    State(seen): State<Seen>,
) {
    let Typing { name, at } = event.data;
    let (user, socket) = (event.user_id.unwrap_or_default(), event.socket);
    assert_eq!(joining.socket, socket);
    let socket = socket.as_deref().unwrap_or_default();
    seen.write(format!("{} {room} {name} {} by {user} {socket}", event.name, at.line));
}

fn hooks() -> Hooks<App> {
    Hooks::<App>::new()
        .on_join(
            "room.{id}",
            |member: Joined, Path(id): Path<u64>, State(seen): State<Seen>| async move {
                seen.write(format!("{} joined {id} at {}", member.user_id, member.time_ms > 0));
            },
        )
        .on_join("{any}.{id}", |member: Joined, State(seen): State<Seen>| async move {
            seen.write(format!("{} joined {}", member.user_id, member.channel));
        })
        .on_leave("room.{id}", |member: Left, State(seen): State<Seen>| async move {
            let user: u64 = member.user_id.parse()?;
            seen.write(format!("{user} left"));
            Ok::<(), std::num::ParseIntError>(())
        })
        .on_client_event("typing", "room.{id}", typed)
        .on_client_event(
            "client-note",
            "note",
            |event: ClientEvent<String>, State(seen): State<Seen>| async move {
                seen.write(format!("note {}", event.data));
            },
        )
        .on_occupied("news", |_: Occupied, State(seen): State<Seen>| async move {
            seen.write("occupied".to_owned());
        })
        .on_vacated("news", |_: Vacated, State(seen): State<Seen>| async move {
            seen.write("vacated".to_owned());
        })
        .on_cache_miss("cache-price", |miss: CacheMiss, State(seen): State<Seen>| async move {
            seen.write(format!("missed {}", miss.channel));
        })
        .on_subscription_count(
            "news",
            |now: SubscriptionCount, State(seen): State<Seen>| async move {
                seen.write(format!("{} of {}", now.count, now.channel));
            },
        )
}

/// A broadcaster with a connection to a server elsewhere.
fn broadcaster() -> Broadcaster {
    let credentials = Credentials::new(KEY, SECRET);
    #[cfg(feature = "encryption")]
    let credentials = credentials.master_key(
        resound::encryption::MasterKey::from_base64("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
            .expect("a key"),
    );
    let pusher = Pusher::new(PusherOptions::new("1001", credentials, "127.0.0.1"));
    Broadcaster::builder().connection("pusher", pusher).build()
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("later").as_millis() as u64
}

fn body(events: &[Value]) -> String {
    json!({ "time_ms": now_ms(), "events": events }).to_string()
}

fn request(key: &str, secret: &str, body: &str) -> Request<Body> {
    Request::post("/broadcasting/webhook")
        .header("X-Pusher-Key", key)
        .header("X-Pusher-Signature", Signer::new(secret).hex(&[body.as_bytes()]))
        .header("Content-Type", "application/json")
        .body(Body::from(body.to_owned()))
        .expect("a request")
}

async fn ask(router: &Router, request: Request<Body>) -> (u16, String) {
    let response = router.clone().oneshot(request).await.expect("an answer");
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), usize::MAX).await.expect("an answer");
    (status, String::from_utf8(body.to_vec()).expect("text"))
}

fn router(hooks: Hooks<App>, app: &App) -> Router {
    resound::axum::hooks(&broadcaster(), hooks).with_state(app.clone())
}

/// What the hooks write down when these events come in one webhook.
async fn told(events: &[Value]) -> Vec<String> {
    let app = App::default();
    let router = router(hooks(), &app);
    let answer = ask(&router, request(KEY, SECRET, &body(events))).await;
    assert_eq!(answer, (200, "ok".to_owned()));
    app.seen.take()
}

fn typing(data: &str) -> Value {
    json!({
        "name": "client_event", "channel": "presence-room.1", "event": "client-typing", "data": data,
        "socket_id": "123.456", "user_id": "7",
    })
}

#[tokio::test]
async fn every_hook_that_fits_is_called_with_what_happened_and_the_names_parameters() {
    let room = "presence-room.1";
    let told = told(&[
        json!({"name": "channel_occupied", "channel": "news"}),
        json!({"name": "subscription_count", "channel": "news", "subscription_count": 3}),
        json!({"name": "member_added", "channel": room, "user_id": "7"}),
        typing(r#"{"name":"Zoë","at":{"line":3}}"#),
        json!({"name": "member_removed", "channel": room, "user_id": "7"}),
        json!({"name": "client_event", "channel": "private-note", "event": "client-note", "data": "just words", "socket_id": "1.2"}),
        json!({"name": "cache_miss", "channel": "private-cache-price"}),
        json!({"name": "channel_vacated", "channel": "news"}),
        json!({"name": "channel_vacated", "channel": "elsewhere"}),
    ])
    .await;
    let of = |part: &str| told.iter().filter(|l| l.contains(part)).cloned().collect::<Vec<_>>();
    assert_eq!(of("occupied"), ["occupied"]);
    assert_eq!(of("news"), ["3 of news"]);
    assert_eq!(of("vacated"), ["vacated"]);
    assert_eq!(of("missed"), ["missed private-cache-price"]);
    assert_eq!(of("note"), ["note just words"]);
    let in_room = [
        "7 joined 1 at true",
        "7 joined presence-room.1",
        "client-typing 1 Zoë 3 by 7 123.456",
        "7 left",
    ];
    let order: Vec<String> =
        told.iter().filter(|line| in_room.contains(&&***line)).cloned().collect();
    assert_eq!(order, in_room, "in this order");
    assert_eq!(told.len(), 9);
}

#[tokio::test]
async fn only_what_a_connection_can_have_signed_is_believed() {
    let app = App::default();
    let router = router(hooks(), &app);
    let good = body(&[json!({"name": "channel_occupied", "channel": "news"})]);
    let (status, reason) = ask(&router, request("other", SECRET, &good)).await;
    assert_eq!((status, &*reason), (401, "no connection of this application has the key"));
    let (status, reason) = ask(&router, request(KEY, "other", &good)).await;
    assert_eq!(status, 401);
    assert!(reason.starts_with("the signature is not that of"), "{reason}");
    for missing in ["x-pusher-key", "x-pusher-signature"] {
        let mut request = request(KEY, SECRET, &good);
        request.headers_mut().remove(missing);
        let (status, reason) = ask(&router, request).await;
        assert_eq!(status, 401);
        assert!(reason.to_ascii_lowercase().ends_with(missing), "{reason}");
    }
    let mut changed = request(KEY, SECRET, &good);
    *changed.body_mut() = Body::from(good.replace("news", "olds"));
    assert_eq!(ask(&router, changed).await.0, 401);
    assert!(app.seen.take().is_empty());
    let none = resound::axum::hooks(&Broadcaster::null(), hooks()).with_state(app.clone());
    assert_eq!(ask(&none, request(KEY, SECRET, &good)).await.0, 401);
    assert_eq!(ask(&router, request(KEY, SECRET, &good)).await.0, 200);
    assert_eq!(app.seen.take(), ["occupied"]);
}

/// webhooks.md 3.1; npm's library calls both valid. They are old.
#[tokio::test]
async fn the_vectors_of_the_specification_are_signed_and_too_old() {
    let router = router(hooks(), &App::default());
    for (signature, body) in [
        (
            "56b6bbb49667fc642d3aa61ae0b7ef8bcfc8d2028c1d69d1ed6869e422214bfe",
            r#"{"time_ms":1700000000123,"events":[{"name":"channel_occupied","channel":"private-orders.7"}]}"#,
        ),
        (
            "e39e71c63191d132af2af3920915fc4b00b232a3cf7c9dbb9b8135796c6f41fc",
            r#"{"time_ms":1700000000123,"events":[{"name":"member_added","channel":"presence-room.1","user_id":"7"},{"name":"client_event","channel":"presence-room.1","event":"client-typing","data":"{\"name\":\"Zo\u00eb\"}","socket_id":"123456.7891011","user_id":"7"}]}"#,
        ),
    ] {
        let mut request = request(KEY, SECRET, body);
        assert_eq!(request.headers()["x-pusher-signature"], signature);
        request.headers_mut().remove("content-type");
        let (status, reason) = ask(&router, request).await;
        assert_eq!(
            (status, &*reason),
            (400, "the webhook is older than 10 minutes; is a clock wrong?")
        );
    }
}

#[tokio::test]
async fn what_is_no_webhook_is_refused_and_unknown_events_are_skipped() {
    let app = App::default();
    let router = router(hooks(), &app);
    for body in ["", "[]", "{}", "é"] {
        assert_eq!(
            ask(&router, request(KEY, SECRET, body)).await,
            (400, "the body is no webhook".to_owned()),
            "{body}"
        );
    }
    let long = " ".repeat(resound::hooks::BODY_BYTES_MAX + 1);
    assert_eq!(ask(&router, request(KEY, SECRET, &long)).await.0, 413);
    let events =
        [json!({"name": "rate_limited"}), json!({"name": "channel_occupied", "channel": "news"})];
    assert_eq!(ask(&router, request(KEY, SECRET, &body(&events))).await.0, 200);
    assert_eq!(app.seen.take(), ["occupied"]);
}

#[tokio::test]
async fn a_hook_that_panics_or_fails_harms_nobody_and_the_log_says_which() {
    let (log, _guard) = Log::start();
    let app = App::default();
    let hooks = Hooks::<App>::new()
        .on_join("room.{id}", |member: Joined| async move { assert_eq!(member.user_id, "8") })
        .on_join("room.{id}", |_: Joined| async { Err("the database is away") })
        .on_join(
            "room.{id}",
            |_: Joined, Path(id): Path<u64>, State(seen): State<Seen>| async move {
                seen.write(id.to_string());
            },
        )
        .on_client_event("typing", "room.{id}", typed);
    let router = router(hooks, &app);
    let events = [
        json!({"name": "member_added", "channel": "presence-room.1", "user_id": "7"}),
        json!({"name": "member_added", "channel": "presence-room.x", "user_id": "8"}),
        typing(r#"{"name":"Zoë","at":{"line":"x"}}"#),
        typing(r#"{"name":"Zoë","at":{"line":4}}"#),
    ];
    assert_eq!(ask(&router, request(KEY, SECRET, &body(&events))).await.0, 200);
    assert_eq!(app.seen.take(), ["1", "client-typing 1 Zoë 4 by 7 123.456"]);
    let lines = log.lines().join("\n");
    for part in [
        r#"ERROR a hook failed; it is not called again for this hook="member_added room.{id}" channel="presence-room.1" reason="it panicked""#,
        r#"reason="the handler of room.{id} failed: the database is away""#,
        r#"INFO a hook was not called hook="member_added room.{id}" channel="presence-room.x" reason="id of room.{id} is \"x\", which is no u64""#,
        r#"WARN a client's event is not what its hook wants; the hook was not called hook="client_event client-typing room.{id}" channel="presence-room.1" reason="at.line: invalid type"#,
    ] {
        assert!(lines.contains(part), "{part} is not in\n{lines}");
    }
}

#[tokio::test]
async fn a_channel_is_in_order_and_others_do_not_wait_for_it() {
    let gate = Arc::new(Notify::new());
    let app = App::default();
    let hooks = {
        let gate = gate.clone();
        Hooks::<App>::new().on_join("room.{id}", move |member: Joined, State(seen): State<Seen>| {
            let gate = gate.clone();
            async move {
                if member.channel == "presence-room.1" && member.user_id == "1" {
                    gate.notified().await;
                }
                seen.write(format!("{} {}", member.channel, member.user_id));
            }
        })
    };
    let reactor = hooks.with_state(&Broadcaster::null(), app.clone());
    let slow = [1, 2, 3].map(|user| {
        let (reactor, user) = (reactor.clone(), user.to_string());
        async move { reactor.handle(Happening::joined("presence-room.1", user)).await }
    });
    let [first, second, third] = slow;
    let waiting = tokio::spawn(async move { tokio::join!(first, second, third) });
    while reactor.waiting() < 3 {
        tokio::task::yield_now().await;
    }
    reactor.handle(Happening::joined("presence-room.2", "1")).await;
    assert_eq!(app.seen.take(), ["presence-room.2 1"]);
    gate.notify_one();
    waiting.await.expect("no panic");
    assert_eq!(app.seen.take(), ["presence-room.1 1", "presence-room.1 2", "presence-room.1 3"]);
    assert_eq!((reactor.waiting(), reactor.dropped()), (0, 0));
}

#[tokio::test]
async fn so_many_run_at_once_and_so_many_wait_and_what_is_more_is_refused() {
    let (gate, running) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let most = Arc::new(AtomicUsize::new(0));
    let hooks = {
        let (gate, running, most) = (gate.clone(), running.clone(), most.clone());
        Hooks::<App>::new().on_occupied("c.{id}", move |_: Occupied| {
            let (gate, running, most) = (gate.clone(), running.clone(), most.clone());
            async move {
                most.fetch_max(running.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                gate.acquire().await.expect("it stays open").forget();
                running.fetch_sub(1, Ordering::Relaxed);
            }
        })
    };
    let app = App::default();
    let router = router(hooks, &app);
    let event = |id: usize| json!({"name": "channel_occupied", "channel": format!("c.{id}")});
    let all: Vec<Value> = (0..WAITING_MAX).map(event).collect();
    let taken = tokio::spawn({
        let (router, request) = (router.clone(), request(KEY, SECRET, &body(&all)));
        async move { ask(&router, request).await }
    });
    while running.load(Ordering::Relaxed) < RUNNING_MAX {
        tokio::task::yield_now().await;
    }
    let more = request(KEY, SECRET, &body(&[event(0)]));
    assert_eq!(ask(&router, more).await, (503, "too much waits for handlers".to_owned()));
    gate.add_permits(WAITING_MAX);
    assert_eq!(taken.await.expect("no panic").0, 200);
    assert_eq!(most.load(Ordering::Relaxed), RUNNING_MAX);
    let again = request(KEY, SECRET, &body(&[event(0)]));
    gate.add_permits(1);
    assert_eq!(ask(&router, again).await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn a_sender_waits_eight_seconds_and_a_hook_has_a_minute() {
    let (log, _guard) = Log::start();
    let app = App::default();
    let hooks = Hooks::<App>::new().on_occupied(
        "news",
        |_: Occupied, State(seen): State<Seen>| async move {
            seen.write("begun".to_owned());
            tokio::time::sleep(Duration::from_secs(3600)).await;
            seen.write("ended".to_owned());
        },
    );
    let router = router(hooks, &app);
    let event = json!({"name": "channel_occupied", "channel": "news"});
    let begin = tokio::time::Instant::now();
    let (status, reason) = ask(&router, request(KEY, SECRET, &body(&[event]))).await;
    assert_eq!((status, &*reason, begin.elapsed().as_secs()), (202, "its handlers still run", 8));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(app.seen.take(), ["begun"]);
    assert!(log.lines().join("\n").contains("it took more than 60 s and was ended"));
}

#[cfg(feature = "encryption")]
#[tokio::test]
async fn events_in_encrypted_channels_are_opened() {
    let channel = "private-encrypted-orders.7";
    let sealed = r#"{"nonce":"ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7","ciphertext":"JmRF3YLDbqj+WmJt0MT/EaVUIdKlfAzPHyTcinQc67lNXMICtXLII9a7AQ=="}"#;
    let hooks = Hooks::<App>::new().on_client_event(
        "shipped",
        "orders.{id}",
        |event: ClientEvent<Value>, State(seen): State<Seen>| async move {
            seen.write(event.data.to_string());
        },
    );
    let app = App::default();
    let reactor = hooks.with_state(&broadcaster(), app.clone());
    let happening = |data: &str| {
        let (event, socket_id) = ("client-shipped".to_owned(), "1.2".to_owned());
        let data = data.to_owned();
        Happening::new(channel, What::ClientEvent { event, data, socket_id, user_id: None })
    };
    reactor.handle(happening("in clear")).await;
    assert!(app.seen.take().is_empty(), "it was not encrypted");
    reactor.handle(happening(sealed)).await;
    assert_eq!(app.seen.take(), [r#"{"id":7,"status":"shipped"}"#]);
}

#[test]
#[should_panic(expected = "\"presence-room.{id}\" is no pattern of channels")]
fn a_pattern_with_a_prefix_is_none() {
    drop(Hooks::<()>::new().on_join("presence-room.{id}", |_: Joined| async {}));
}
