//! What the log says.

use std::{
    io,
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

use axum::{Router, body::Body, extract::FromRequestParts, http::Request};
use resound::{Broadcaster, Channels, broadcast, connection::Policy};
use tower::ServiceExt as _;
use tracing::{
    Dispatch,
    subscriber::{DefaultGuard, NoSubscriber},
};

use crate::scripted::{Mood, Scripted};

/// With a single subscriber alive, tracing asks only the thread that comes to a line first whether anybody wants it, and
/// believes that for good: a test without a log would take lines from one that has it. With more of them it asks all.
static OTHERS: LazyLock<[Dispatch; 2]> =
    LazyLock::new(|| [(); 2].map(|()| Dispatch::new(NoSubscriber::new())));

/// The log of this thread, from its making on.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn start() -> (Self, DefaultGuard) {
        LazyLock::force(&OTHERS);
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .without_time()
            .with_target(false)
            .with_ansi(false)
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    /// The lines since the last call.
    pub(crate) fn lines(&self) -> Vec<String> {
        let bytes = std::mem::take(&mut *self.0.lock().expect("no panic"));
        let text = String::from_utf8(bytes).expect("text");
        text.lines().map(|line| line.trim_start().to_owned()).collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn event(name: &'static str) -> broadcast::AnonymousEvent {
    broadcast::public("news").name(name)
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_not_sent_is_in_the_log_and_with_result_only_the_callers() {
    let (log, _guard) = Log::start();
    let broadcaster = Scripted::new(Mood::Picky).broadcaster(Policy::default());
    broadcaster.send(event("bad")).now().await;
    assert_eq!(
        log.lines(),
        ["ERROR an event was not broadcast event=\"resound::broadcast::AnonymousEvent\" \
          reason=the broadcast connection server failed: it is bad"]
    );
    broadcaster.send(event("bad")).now().result().await.unwrap_err();
    assert!(log.lines().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_said_once_at_its_beginning_and_at_its_end() {
    let (log, _guard) = Log::start();
    let server = Scripted::new(Mood::Down);
    let broadcaster = server.broadcaster(Policy::default());
    broadcaster.send(event("a")).await;
    broadcaster.send(event("b")).await;
    tokio::time::sleep(Duration::from_secs(9)).await;
    server.set(Mood::Well);
    broadcaster.flush(Duration::from_secs(60)).await.unwrap();
    assert_eq!(
        log.lines(),
        [
            "WARN the broadcast connection is down: queued events wait, others fail at once \
             connection=\"server\" reason=the broadcast connection server failed: nobody answers \
             waiting=2 retry_in_ms=1000",
            "INFO the broadcast connection is back connection=\"server\" waiting=2",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn dropped_events_are_summed_up() {
    let (log, _guard) = Log::start();
    let broadcaster =
        Scripted::new(Mood::Hanging).broadcaster(Policy { events_max: 1, ..Policy::default() });
    for _ in 0..10 {
        let _refused = broadcaster.send(event("a")).result().await;
    }
    tokio::time::advance(Duration::from_secs(10)).await;
    let _refused = broadcaster.send(event("a")).result().await;
    let dropped: Vec<_> = log.lines().into_iter().filter(|line| line.contains("dropped")).collect();
    assert_eq!(
        dropped,
        [
            "ERROR broadcasts were dropped connection=\"server\" dropped=1 all=1 reason=\"the queue is full\"",
            "ERROR broadcasts were dropped connection=\"server\" dropped=9 all=10 reason=\"the queue is full\"",
        ]
    );
}

#[derive(Clone)]
struct Ann;

impl<S: Sync> FromRequestParts<S> for Ann {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        _: &mut axum::http::request::Parts,
        _: &S,
    ) -> Result<Self, Self::Rejection> {
        Ok(Self)
    }
}

#[tokio::test]
async fn why_a_client_may_not_join_is_in_the_log() {
    let (log, _guard) = Log::start();
    let channels = Channels::<()>::new()
        .user::<Ann>()
        .private("orders.{id}", |_: Ann| async { false })
        .private("broken", |_: Ann| async { Err::<bool, _>("the database is away") });
    let router: Router = resound::axum::routes(&Broadcaster::null(), channels);
    for channel in ["private-orders.1", "private-broken"] {
        let uri = format!("/broadcasting/auth?socket_id=1.2&channel_name={channel}");
        let request = Request::get(uri).body(Body::empty()).unwrap();
        router.clone().oneshot(request).await.unwrap();
    }
    assert_eq!(
        log.lines(),
        [
            "INFO a client may not join a channel channel=\"private-orders.1\" connection=\"1.2\" \
             reason=the handler of orders.{id} said no",
            "ERROR a client's question to join failed channel=\"private-broken\" connection=\"1.2\" \
             reason=the handler of broken failed: the database is away",
        ]
    );
}

/// A layer that broadcasts what the log says.
struct Telling(Broadcaster);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Telling {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        if event.metadata().name().contains("queue.rs") {
            self.0.send(broadcast::public("log").name("line")).dispatch();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_that_is_broadcast_does_not_stand_in_its_own_way() {
    use tracing_subscriber::layer::SubscriberExt as _;

    let server = Scripted::new(Mood::Hanging);
    let broadcaster = server.broadcaster(Policy { events_max: 1, ..Policy::default() });
    let subscriber = tracing_subscriber::registry().with(Telling(broadcaster.clone()));
    let _guard = tracing::subscriber::set_default(subscriber);
    broadcaster.send(event("a")).await;
    broadcaster.send(event("b")).result().await.unwrap_err();
    assert_eq!(broadcaster.stats("server").expect("it is there").dropped, 2);
}

#[tokio::test]
async fn a_long_name_does_not_fill_the_log() {
    let (log, _guard) = Log::start();
    let name = format!("private-{}", "é".repeat(10_000));
    let channels = Channels::<()>::new();
    let router: Router = resound::axum::routes(&Broadcaster::null(), channels);
    let body = Body::from(format!("socket_id=1.2&channel_name={name}"));
    router
        .oneshot(Request::post("/broadcasting/auth").body(body).expect("a request"))
        .await
        .expect("an answer");
    let lines = log.lines();
    assert!(lines.len() == 1 && lines[0].chars().count() < 500, "{lines:?}");
}
