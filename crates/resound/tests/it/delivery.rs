//! Pages while a server is well, down, or hangs. Time is the test's.

use std::{
    future::IntoFuture as _,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use resound::{
    Broadcaster, Channel, DriverError, Envelope, Outcome, SendError,
    broadcast::{self, AnonymousEvent},
    connection::{Policy, Stats},
    driver::{Driver, Sending},
};
use tokio::time::Instant;

use crate::scripted::{Mood, Scripted};

const LONG: Duration = Duration::from_secs(600);

fn event(name: impl Into<String>) -> AnonymousEvent {
    broadcast::public("news").name(name.into())
}

fn stats(broadcaster: &Broadcaster) -> Stats {
    broadcaster.stats("server").expect("it is there")
}

#[tokio::test(start_paused = true)]
async fn queued_events_arrive_in_their_order() {
    let server = Scripted::new(Mood::Well);
    let broadcaster = server.broadcaster(Policy::default());
    for name in ["a", "b", "c"] {
        assert_eq!(broadcaster.send(event(name)).result().await.unwrap(), Outcome::Queued);
    }
    broadcaster.flush(LONG).await.unwrap();
    assert_eq!(server.names(), ["a", "b", "c"]);
    assert_eq!((stats(&broadcaster).sent, stats(&broadcaster).waiting), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_delays_no_page() {
    let server = Scripted::new(Mood::Hanging);
    let broadcaster = server.broadcaster(Policy::default());
    let start = Instant::now();
    for n in 0..100 {
        broadcaster.send(event(n.to_string())).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(stats(&broadcaster).waiting, 100);
}

#[tokio::test(start_paused = true)]
async fn events_outlive_an_outage_in_their_order_and_once() {
    let server = Scripted::new(Mood::Down);
    let broadcaster = server.broadcaster(Policy::default());
    for name in ["a", "b", "c"] {
        broadcaster.send(event(name)).await;
    }
    assert_eq!(broadcaster.flush(Duration::from_secs(10)).await, Err(3));
    // Three at once, then after 1, 2 and 4 seconds.
    assert_eq!(server.tries(), 6);
    server.set(Mood::Well);
    broadcaster.flush(LONG).await.unwrap();
    assert_eq!(server.names(), ["a", "b", "c"]);
    assert_eq!(stats(&broadcaster).dropped, 0);
}

#[tokio::test(start_paused = true)]
async fn what_the_server_refuses_holds_up_nothing() {
    let server = Scripted::new(Mood::Picky);
    let broadcaster = server.broadcaster(Policy::default());
    for name in ["a", "bad", "b"] {
        broadcaster.send(event(name)).await;
    }
    broadcaster.flush(Duration::from_secs(1)).await.unwrap();
    assert_eq!(server.names(), ["a", "b"]);
    assert_eq!((stats(&broadcaster).sent, stats(&broadcaster).dropped), (2, 1));
    assert_eq!(server.tries(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_tried_in_vain_is_dropped_in_the_end() {
    let server = Scripted::new(Mood::Down);
    let policy = Policy { tries_max: 2, ..Policy::default() };
    let broadcaster = server.broadcaster(policy);
    broadcaster.send(event("a")).await;
    broadcaster.flush(LONG).await.unwrap();
    assert_eq!((server.tries(), stats(&broadcaster).dropped), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn events_that_are_too_old_are_dropped() {
    let server = Scripted::new(Mood::Down);
    let policy =
        Policy { tries_max: u32::MAX, age_max: Duration::from_secs(20), ..Policy::default() };
    let broadcaster = server.broadcaster(policy);
    broadcaster.send(event("a")).await;
    broadcaster.send(event("b")).await;
    broadcaster.flush(Duration::from_secs(20)).await.unwrap();
    assert_eq!(stats(&broadcaster).dropped, 2);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_tells_the_sender() {
    let server = Scripted::new(Mood::Hanging);
    let broadcaster = server.broadcaster(Policy { events_max: 2, ..Policy::default() });
    for name in ["a", "b"] {
        broadcaster.send(event(name)).await;
    }
    let error = broadcaster.send(event("c")).result().await.unwrap_err();
    assert!(matches!(error, SendError::QueueFull { waiting: 2, .. }), "{error}");
    assert_eq!((stats(&broadcaster).waiting, stats(&broadcaster).dropped), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn the_queue_is_bounded_in_bytes() {
    let server = Scripted::new(Mood::Hanging);
    let broadcaster = server.broadcaster(Policy { bytes_max: 10_000, ..Policy::default() });
    let large = || event("large").with("x".repeat(6000));
    broadcaster.send(large()).result().await.unwrap();
    broadcaster.send(large()).result().await.unwrap_err();
    broadcaster.send(event("small")).result().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn now_waits_for_the_answer_and_gives_it() {
    let server = Scripted::new(Mood::Picky);
    let broadcaster = server.broadcaster(Policy::default());
    let sent = broadcaster.send(event("a")).now().result().await.unwrap();
    assert_eq!((sent, server.names()), (Outcome::Sent, vec!["a".to_owned()]));
    let error = broadcaster.send(event("bad")).now().result().await.unwrap_err();
    assert_eq!(error.to_string(), "the broadcast connection server failed: it is bad");
    assert_eq!((stats(&broadcaster).sent, stats(&broadcaster).failed), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_delays_only_the_first_pages_that_do_not_queue() {
    let server = Scripted::new(Mood::Hanging);
    let broadcaster = server.broadcaster(Policy::default());
    let start = Instant::now();
    for _ in 0..3 {
        let error = broadcaster.send(event("a")).now().result().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the broadcast connection server did not answer within 5000 ms"
        );
    }
    assert_eq!(start.elapsed(), Duration::from_secs(15));
    for _ in 0..100 {
        let error = broadcaster.send(event("a")).now().result().await.unwrap_err();
        assert!(matches!(error, SendError::Down { .. }), "{error}");
    }
    assert_eq!(start.elapsed(), Duration::from_secs(15));
    server.set(Mood::Well);
    tokio::time::advance(Duration::from_secs(1)).await;
    broadcaster.send(event("a")).now().result().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_does_not_exist_is_named_with_those_that_do() {
    let broadcaster = Scripted::new(Mood::Well).broadcaster(Policy::default());
    let error = broadcaster.send(event("a")).via("nope").result().await.unwrap_err();
    assert_eq!(error.to_string(), r#"there is no broadcast connection "nope"; there is server"#);
}

#[tokio::test(start_paused = true)]
async fn several_connections_each_get_the_event() {
    let (a, b) = (Scripted::new(Mood::Down), Scripted::new(Mood::Well));
    let broadcaster =
        Broadcaster::builder().connection("a", a.clone()).connection("b", b.clone()).build();
    broadcaster.send(event("x")).via("a").via("b").await;
    // The one that is down does not hold up the other.
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!((a.names().len(), b.names().len()), (0, 1));
    broadcaster.send(event("y")).via("a").via("b").now().result().await.unwrap_err();
    assert_eq!(b.names(), ["x", "y"]);
}

#[tokio::test(start_paused = true)]
async fn an_event_without_channels_is_not_sent() {
    let server = Scripted::new(Mood::Well);
    let broadcaster = server.broadcaster(Policy::default());
    let nowhere = broadcast::on(Vec::<Channel>::new());
    let outcome = broadcaster.send(nowhere).now().result().await.unwrap();
    assert_eq!((outcome, server.tries()), (Outcome::Skipped, 0));
}

#[tokio::test(start_paused = true)]
async fn a_payload_that_is_no_json_is_the_senders_error() {
    let broadcaster = Scripted::new(Mood::Well).broadcaster(Policy::default());
    let keys_that_are_no_texts = std::collections::BTreeMap::from([((1, 2), 3)]);
    let broken = event("a").with(keys_that_are_no_texts);
    let error = broadcaster.send(broken).result().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the payload of resound::broadcast::AnonymousEvent can't be written as JSON: key must be a string"
    );
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_sent_after_the_last_handle_is_gone() {
    let server = Scripted::new(Mood::Down);
    let broadcaster = server.broadcaster(Policy::default());
    broadcaster.send(event("a")).await;
    drop(broadcaster);
    tokio::time::sleep(Duration::from_secs(1)).await;
    server.set(Mood::Well);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(server.names(), ["a"]);
}

#[test]
fn without_a_runtime_nothing_is_queued_and_nothing_panics() {
    let server = Scripted::new(Mood::Well);
    let broadcaster = server.broadcaster(Policy::default());
    broadcaster.send(event("a")).dispatch();
    assert_eq!((stats(&broadcaster).waiting, server.tries()), (0, 0));
}

#[test]
fn a_broadcaster_outlives_the_runtime_that_used_it_first() {
    let server = Scripted::new(Mood::Well);
    let broadcaster = server.broadcaster(Policy::default());
    for name in ["a", "b"] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            broadcaster.send(event(name)).await;
            broadcaster.flush(LONG).await.unwrap();
        });
    }
    assert_eq!(server.names(), ["a", "b"]);
}

/// A broadcaster by which these events were queued, all before the first was sent.
async fn queue(server: &Scripted, policy: Policy, names: &[&'static str]) -> Broadcaster {
    let broadcaster = server.broadcaster(policy);
    for name in names {
        broadcaster.send(event(*name)).await;
    }
    broadcaster
}

#[tokio::test(start_paused = true)]
async fn what_waits_goes_together_in_its_order() {
    let server = Scripted::batching(Mood::Well, 3);
    let broadcaster = queue(&server, Policy::default(), &["a", "b", "c", "d"]).await;
    broadcaster.flush(LONG).await.unwrap();
    assert_eq!(server.names(), ["a", "b", "c", "d"]);
    assert_eq!(server.batches(), [3]);
    assert_eq!((stats(&broadcaster).sent, stats(&broadcaster).waiting), (4, 0));
}

#[tokio::test(start_paused = true)]
async fn a_bad_event_does_not_take_its_batch_with_it() {
    let server = Scripted::batching(Mood::Picky, 3);
    let broadcaster = queue(&server, Policy::default(), &["a", "bad", "b", "c", "d"]).await;
    broadcaster.flush(Duration::from_secs(1)).await.unwrap();
    assert_eq!(server.names(), ["a", "b", "c", "d"]);
    // Refused as a whole, three one by one, and then together again.
    assert_eq!((server.batches(), server.tries()), (vec![3, 2], 5));
    assert_eq!((stats(&broadcaster).sent, stats(&broadcaster).dropped), (4, 1));
}

#[tokio::test(start_paused = true)]
async fn what_a_batch_did_not_get_to_is_sent_later() {
    let server = Scripted::batching(Mood::Failing, 3);
    let broadcaster = queue(&server, Policy::default(), &["a", "b", "c"]).await;
    assert_eq!(broadcaster.flush(Duration::from_millis(50)).await, Err(2));
    server.set(Mood::Well);
    broadcaster.flush(LONG).await.unwrap();
    assert_eq!(server.names(), ["a", "b", "c"]);
    assert_eq!(server.batches(), [3, 2]);
}

#[tokio::test(start_paused = true)]
async fn batches_outlive_an_outage_in_their_order_and_once() {
    for mood in [Mood::Down, Mood::Hanging] {
        let server = Scripted::batching(mood, 10);
        let broadcaster = queue(&server, Policy::default(), &["a", "b", "c"]).await;
        assert_eq!(broadcaster.flush(Duration::from_secs(10)).await, Err(3));
        server.set(Mood::Well);
        broadcaster.flush(LONG).await.unwrap();
        assert_eq!(server.names(), ["a", "b", "c"]);
        assert_eq!(stats(&broadcaster).dropped, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn batches_are_tried_within_the_bounds_of_the_policy() {
    let server = Scripted::batching(Mood::Down, 10);
    let policy = Policy { tries_max: 2, ..Policy::default() };
    let broadcaster = queue(&server, policy, &["a", "b"]).await;
    broadcaster.flush(LONG).await.unwrap();
    assert_eq!((server.tries(), stats(&broadcaster).dropped), (4, 2));
    let policy =
        Policy { tries_max: u32::MAX, age_max: Duration::from_secs(20), ..Policy::default() };
    let broadcaster = queue(&server, policy, &["a", "b"]).await;
    broadcaster.flush(Duration::from_secs(20)).await.unwrap();
    assert_eq!(stats(&broadcaster).dropped, 2);
}

#[tokio::test(start_paused = true)]
async fn a_driver_that_panics_takes_neither_the_queue_nor_a_page_with_it() {
    let server = Scripted::new(Mood::Panicking);
    let broadcaster = server.broadcaster(Policy::default());
    for name in ["a", "bad", "b"] {
        broadcaster.send(event(name)).await;
    }
    broadcaster.flush(Duration::from_secs(1)).await.unwrap();
    assert_eq!((server.names(), stats(&broadcaster).dropped), (vec!["a".into(), "b".into()], 1));
    let error = broadcaster.send(event("bad")).now().result().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the broadcast connection server failed: the driver panicked: as the test wants it"
    );

    let server = Scripted::batching(Mood::Panicking, 3);
    let broadcaster = queue(&server, Policy::default(), &["a", "bad", "b"]).await;
    broadcaster.flush(Duration::from_secs(1)).await.unwrap();
    assert_eq!((server.names(), stats(&broadcaster).dropped), (vec!["a".into(), "b".into()], 1));
}

#[tokio::test(start_paused = true)]
async fn pages_that_fail_together_do_not_lengthen_the_outage() {
    let server = Scripted::new(Mood::Hanging);
    let broadcaster = server.broadcaster(Policy::default());
    let pages: Vec<_> =
        (0..50).map(|_| tokio::spawn(broadcaster.send(event("a")).now().into_future())).collect();
    for page in pages {
        page.await.unwrap();
    }
    server.set(Mood::Well);
    tokio::time::advance(Duration::from_secs(1)).await;
    broadcaster.send(event("b")).now().result().await.unwrap();
}

/// A server that fails, then takes a second, then is well. It wants one channel per call.
#[derive(Default)]
struct Recovering(AtomicUsize);

impl Driver for Recovering {
    fn send<'a>(&'a self, _: &'a Envelope) -> Sending<'a> {
        let call = self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            match call {
                0 => return Err(DriverError::Unavailable("nobody answers".to_owned())),
                1 => tokio::time::sleep(Duration::from_secs(1)).await,
                _ => {}
            }
            Ok(())
        })
    }

    fn channels_max(&self) -> usize {
        1
    }
}

#[tokio::test(start_paused = true)]
async fn the_queue_goes_on_as_soon_as_a_page_has_found_the_server_back() {
    let pause_min = Duration::from_millis(50);
    let policy = Policy {
        timeout: LONG,
        age_max: 2 * LONG,
        failures_max: 1,
        pause_min,
        ..Policy::default()
    };
    let builder = Broadcaster::builder();
    let broadcaster = builder.connection_with("server", Recovering::default(), policy).build();
    broadcaster.send(event("a")).await;
    // The queue has had its first try, and pauses for 100 ms; the server may be probed after 50.
    tokio::time::sleep(Duration::from_millis(60)).await;
    broadcaster.send(event("probe")).now().result().await.unwrap();
    broadcaster.flush(Duration::from_secs(1)).await.unwrap();
    assert_eq!(stats(&broadcaster).sent, 2);
}

#[tokio::test(start_paused = true)]
async fn an_event_of_which_not_all_parts_find_room_is_not_queued_in_part() {
    let policy = Policy { events_max: 3, ..Policy::default() };
    let builder = Broadcaster::builder();
    let broadcaster = builder.connection_with("server", Recovering::default(), policy).build();
    let to = |channels| {
        let names = (0..channels).map(|n| Channel::public(n.to_string()));
        broadcast::on(names.collect::<Vec<_>>()).name("posted")
    };
    let error = broadcaster.send(to(4)).result().await.unwrap_err();
    assert!(matches!(error, SendError::QueueFull { waiting: 0, .. }), "{error}");
    assert_eq!((stats(&broadcaster).waiting, stats(&broadcaster).dropped), (0, 1));
    broadcaster.send(to(3)).result().await.unwrap();
    assert_eq!(stats(&broadcaster).waiting, 3);
}

#[tokio::test(start_paused = true)]
async fn bounds_without_end_are_allowed() {
    let server = Scripted::new(Mood::Down);
    let policy = Policy {
        timeout: Duration::MAX,
        age_max: Duration::MAX,
        pause_max: Duration::MAX,
        tries_max: u32::MAX,
        ..Policy::default()
    };
    let broadcaster = server.broadcaster(policy);
    broadcaster.send(event("a")).await;
    broadcaster.flush(LONG).await.unwrap_err();
    server.set(Mood::Well);
    broadcaster.flush(2 * LONG).await.unwrap();
    assert_eq!(server.names(), ["a"]);
}

#[test]
fn what_waits_when_a_runtime_ends_is_sent_by_a_flush_in_another() {
    let server = Scripted::new(Mood::Hanging);
    let broadcaster = server.broadcaster(Policy::default());
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime().block_on(async {
        broadcaster.send(event("a")).await;
        tokio::task::yield_now().await;
    });
    server.set(Mood::Well);
    runtime().block_on(broadcaster.flush(Duration::from_secs(5))).unwrap();
    assert_eq!(server.names(), ["a"]);
}

#[test]
#[should_panic(expected = "there is no broadcast connection \"revreb\"; there is log")]
fn a_default_connection_that_does_not_exist_is_noticed_at_the_start() {
    let builder = Broadcaster::builder().connection("log", resound::drivers::Log);
    let _ = builder.default_connection("revreb").build();
}

#[tokio::test(start_paused = true)]
async fn who_asked_is_told_of_each_event_that_the_server_took_and_may_panic() {
    let server = Scripted::batching(Mood::Picky, 10);
    let told = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&told);
    let builder = server.builder(Policy::default()).on_sent(move |event| {
        seen.lock().unwrap_or_else(PoisonError::into_inner).push(event.name.clone());
        assert_ne!(event.name, "worse", "this one is too much");
    });
    let broadcaster = builder.build();
    for name in ["a", "bad", "worse", "b"] {
        broadcaster.send(event(name)).await;
    }
    broadcaster.flush(LONG).await.unwrap();
    broadcaster.send(event("c")).now().result().await.unwrap();
    let told = told.lock().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(*told, ["a", "worse", "b", "c"]);
    assert_eq!(server.names(), ["a", "worse", "b", "c"]);
}
