//! The durable queue, on real databases.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use resound::{
    Broadcaster, DriverError, Envelope, Outcome,
    broadcast::{self, AnonymousEvent},
    connection::Policy,
    driver::{Driver, Sending},
    sql::{self, NoQueue, Queue, Worker},
};
use tokio::sync::Notify;

use crate::{
    databases,
    logs::Log,
    scripted::{Mood, Scripted},
};

/// How long a test waits for a worker before it fails.
const DEADLINE: Duration = Duration::from_secs(30);

fn event(name: impl Into<String>) -> AnonymousEvent {
    broadcast::public("news").name(name.into())
}

/// Waits for what another task or process does.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !is_so().await {
        assert!(start.elapsed() < DEADLINE, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn until_empty(queue: &Queue) {
    until("the queue is empty", async || queue.stats().await.expect("a database").waiting() == 0)
        .await;
}

fn worker(broadcaster: &Broadcaster) -> Worker {
    Worker::new(broadcaster).expect("a queue").poll_every(Duration::from_millis(20))
}

/// Pauses that a test can wait for.
fn hasty() -> Policy {
    let pause = Duration::from_millis(5);
    Policy { pause_min: pause, pause_max: pause, ..Policy::default() }
}

/// A server that answers when the test says so.
#[derive(Clone, Default)]
struct Gate {
    entered: Arc<Notify>,
    open: Arc<Notify>,
}

impl Driver for Gate {
    fn send<'a>(&'a self, _: &'a Envelope) -> Sending<'a> {
        Box::pin(async move {
            self.entered.notify_one();
            self.open.notified().await;
            Ok(())
        })
    }
}

#[tokio::test]
async fn a_worker_that_is_stopped_finishes_the_event_in_hand_and_begins_no_other() {
    let database = databases::sqlite();
    let pool = sqlx::SqlitePool::connect(&database.url).await.unwrap();
    sql::migrate(&pool).await.unwrap();
    let (gate, queue) = (Gate::default(), Queue::new(pool));
    let builder = Broadcaster::builder().connection("gate", gate.clone());
    let broadcaster = builder.queue(queue.clone()).build();
    for name in ["a", "b"] {
        broadcaster.send(event(name)).await;
    }
    let running = worker(&broadcaster).spawn();
    gate.entered.notified().await;
    let stopping = tokio::spawn(running.stop());
    tokio::task::yield_now().await;
    assert!(!stopping.is_finished());
    gate.open.notify_one();
    stopping.await.unwrap();
    assert_eq!(queue.stats().await.unwrap().waiting(), 1);
}

/// A server that refuses events, and says so in these words.
struct Refusing(&'static str);

impl Driver for Refusing {
    fn send<'a>(&'a self, _: &'a Envelope) -> Sending<'a> {
        Box::pin(async { Err(DriverError::Refused(self.0.to_owned())) })
    }
}

/// A server that fails, then answers when the test says so, then always.
#[derive(Clone, Default)]
struct Recovering {
    calls: Arc<AtomicUsize>,
    gate: Gate,
}

impl Driver for Recovering {
    fn send<'a>(&'a self, envelope: &'a Envelope) -> Sending<'a> {
        match self.calls.fetch_add(1, Ordering::Relaxed) {
            0 => Box::pin(async { Err(DriverError::Unavailable("nobody answers".to_owned())) }),
            1 => self.gate.send(envelope),
            _ => Box::pin(async { Ok(()) }),
        }
    }
}

#[tokio::test]
async fn a_worker_goes_on_as_soon_as_a_page_has_found_the_server_back() {
    let database = databases::sqlite();
    let pool = sqlx::SqlitePool::connect(&database.url).await.unwrap();
    sql::migrate(&pool).await.unwrap();
    let (server, queue) = (Recovering::default(), Queue::new(pool));
    let policy = Policy { timeout: Duration::from_secs(3600), failures_max: 1, ..hasty() };
    let builder = Broadcaster::builder().connection_with("server", server.clone(), policy);
    let broadcaster = builder.queue(queue.clone()).build();
    broadcaster.send(event("down")).now().result().await.unwrap_err();
    let page = broadcaster.clone();
    let page = tokio::spawn(async move {
        while page.send(event("probe")).now().result().await.is_err() {
            tokio::task::yield_now().await;
        }
    });
    server.gate.entered.notified().await;
    broadcaster.send(event("a")).await;
    let running = worker(&broadcaster).spawn();
    let has_worker = async || queue.stats().await.unwrap().lanes[0].has_worker;
    until("the worker waits", has_worker).await;
    server.gate.open.notify_one();
    page.await.unwrap();
    until_empty(&queue).await;
    running.stop().await;
}

#[tokio::test]
async fn times_without_end_are_none_too_many() {
    let database = databases::sqlite();
    let pool = sqlx::SqlitePool::connect(&database.url).await.unwrap();
    sql::migrate(&pool).await.unwrap();
    let (server, queue) = (Scripted::new(Mood::Well), Queue::new(pool));
    let policy = Policy { timeout: Duration::MAX, ..Policy::default() };
    let broadcaster = server.builder(policy).queue(queue.clone()).build();
    let worker = Worker::new(&broadcaster).unwrap();
    let running = worker.lease(Duration::MAX).poll_every(Duration::MAX).spawn();
    for name in ["a", "b"] {
        broadcaster.send(event(name)).await;
        until_empty(&queue).await;
    }
    running.stop().await;
    assert_eq!(server.names(), ["a", "b"]);
}

#[tokio::test]
async fn one_commit_wakes_the_workers_of_all_its_broadcasters() {
    let database = databases::sqlite();
    let pool = sqlx::SqlitePool::connect(&database.url).await.unwrap();
    sql::migrate(&pool).await.unwrap();
    let (server, other) = (Scripted::new(Mood::Well), Scripted::new(Mood::Well));
    let queue = Queue::new(pool.clone());
    let builder = server.builder(Policy::default()).queue(queue.clone());
    let broadcaster = builder.build();
    let others = other.builder(Policy::default()).queue(Queue::new(pool.clone())).build();
    let running = worker(&broadcaster).poll_every(Duration::from_secs(3600)).spawn();
    broadcaster.send(event("a")).await;
    until_empty(&queue).await;
    let work = broadcaster.transaction(&pool, async |tx| {
        tx.send(event("b")).await;
        others.send(event("c")).await;
        Ok::<_, sqlx::Error>(())
    });
    work.await.unwrap();
    until_empty(&queue).await;
    running.stop().await;
    assert_eq!(server.names(), ["a", "b", "c"]);
}

/// A server that has ended in this process, as an embedded one after its shutdown.
#[derive(Clone, Default)]
struct Ended(Arc<Notify>);

impl Driver for Ended {
    fn send<'a>(&'a self, _: &'a Envelope) -> Sending<'a> {
        self.0.notify_one();
        Box::pin(async { Err(DriverError::Ended("it has ended".to_owned())) })
    }
}

#[tokio::test]
async fn an_event_is_kept_for_the_next_process_when_the_server_has_ended_in_this_one() {
    let database = databases::sqlite();
    let pool = sqlx::SqlitePool::connect(&database.url).await.unwrap();
    sql::migrate(&pool).await.unwrap();
    let (server, queue) = (Ended::default(), Queue::new(pool));
    let builder = Broadcaster::builder().connection("ended", server.clone());
    let broadcaster = builder.queue(queue.clone()).build();
    broadcaster.send(event("a")).await;
    let running = worker(&broadcaster).spawn();
    server.0.notified().await;
    running.stop().await;
    assert_eq!(queue.stats().await.unwrap().waiting(), 1);
    assert!(queue.failed(0).await.unwrap().is_empty());
}

#[test]
fn a_worker_needs_a_queue_in_a_database() {
    assert_eq!(Worker::new(&Broadcaster::null()).unwrap_err(), NoQueue);
}

/// The same tests on each database.
macro_rules! on {
    ($database:ident, $pool:ty) => {
        mod $database {
            use super::*;
            use crate::databases::{self, Database};

            struct App {
                pool: $pool,
                server: Scripted,
                queue: Queue,
                broadcaster: Broadcaster,
                policy: Policy,
                // Fields are dropped in their order.
                _database: Database,
            }

            async fn start(mood: Mood, policy: Policy) -> App {
                let database = databases::$database();
                let pool = <$pool>::connect(&database.url).await.unwrap();
                sql::migrate(&pool).await.unwrap();
                let server = Scripted::new(mood);
                let queue = Queue::new(pool.clone());
                let broadcaster = server.builder(policy).queue(queue.clone()).build();
                App { pool, server, queue, broadcaster, policy, _database: database }
            }

            impl App {
                /// What another process of the application has.
                fn elsewhere(&self) -> Broadcaster {
                    let queue = Queue::new(self.pool.clone());
                    self.server.builder(self.policy).queue(queue).build()
                }

                async fn execute(&self, statement: &'static str) {
                    sqlx::query(statement).execute(&self.pool).await.unwrap();
                }

                async fn count(&self, statement: &'static str) -> i64 {
                    sqlx::query_scalar(statement).fetch_one(&self.pool).await.unwrap()
                }

                async fn waiting(&self) -> u64 {
                    self.queue.stats().await.unwrap().waiting()
                }
            }

            #[tokio::test]
            async fn an_event_is_a_row_of_its_transaction() {
                let app = start(Mood::Well, Policy::default()).await;
                let tx = app.broadcaster.begin(&app.pool).await.unwrap();
                tx.send(event("never")).await;
                tx.rollback().await.unwrap();
                let mut tx = app.broadcaster.begin(&app.pool).await.unwrap();
                tx.send(event("a")).to_others("1.2").await;
                let forgotten = tx.begin().await.unwrap();
                forgotten.send(event("never")).await;
                drop(forgotten);
                tx.send(event("at once")).now().await;
                tx.send(event("b")).await;
                assert!(app.server.names().is_empty());
                tx.commit().await.unwrap();
                assert_eq!(app.server.names(), ["at once"]);
                assert_eq!(app.waiting().await, 2);

                let running = worker(&app.broadcaster).spawn();
                until_empty(&app.queue).await;
                running.stop().await;
                assert_eq!(app.server.names(), ["at once", "a", "b"]);
                assert_eq!(app.server.envelopes()[1].socket.as_deref(), Some("1.2"));
            }

            #[tokio::test]
            async fn without_a_transaction_an_event_is_a_row_as_well() {
                let app = start(Mood::Well, Policy::default()).await;
                let sent = app.broadcaster.send(event("a")).result().await.unwrap();
                assert_eq!((sent, app.waiting().await), (Outcome::Queued, 1));
                app.broadcaster.send(event("b")).dispatch();
                app.broadcaster.flush(DEADLINE).await.unwrap();
                assert_eq!(app.waiting().await, 2);
                assert!(app.server.names().is_empty());
            }

            #[tokio::test]
            async fn an_event_that_does_not_wait_for_the_commit_does_not_wait_for_the_table() {
                let app = start(Mood::Well, Policy::default()).await;
                let (broadcaster, pool) = (&app.broadcaster, &app.pool);
                let work = broadcaster.transaction(pool, async |tx| {
                    broadcaster.send(event("a")).before_commit().await;
                    tx.send(event("b")).before_commit().await;
                    until("two", async || app.server.names() == ["a", "b"]).await;
                    tx.rollback().await?;
                    // No transaction is left that this could wait for.
                    broadcaster.send(event("c")).await;
                    Ok::<_, sqlx::Error>(())
                });
                work.await.unwrap();
                assert_eq!(app.waiting().await, 1);
            }

            #[tokio::test]
            async fn a_hundred_and_twenty_events_of_one_transaction_keep_their_order() {
                let app = start(Mood::Well, Policy::default()).await;
                let names: Vec<_> = (0..120).map(|n| n.to_string()).collect();
                let tx = app.broadcaster.begin(&app.pool).await.unwrap();
                for name in &names {
                    tx.send(event(name)).await;
                }
                tx.commit().await.unwrap();
                let running = worker(&app.broadcaster).spawn();
                until_empty(&app.queue).await;
                running.stop().await;
                assert_eq!(app.server.names(), names);
            }

            #[tokio::test]
            async fn several_workers_send_each_event_once_and_in_order() {
                let app = start(Mood::Well, Policy::default()).await;
                let workers: Vec<_> = (0..3).map(|_| worker(&app.elsewhere()).spawn()).collect();
                let names: Vec<_> = (0..150).map(|n| n.to_string()).collect();
                for name in &names {
                    app.broadcaster.send(event(name)).result().await.unwrap();
                }
                until_empty(&app.queue).await;
                for worker in workers {
                    worker.stop().await;
                }
                assert_eq!(app.server.names(), names);
            }

            #[tokio::test]
            async fn the_events_of_a_killed_worker_are_taken_up_when_its_lease_has_run_out() {
                let app = start(Mood::Well, Policy::default()).await;
                app.execute(
                    "INSERT INTO resound_lanes (queue, connection, reserved_by, reserved_until) \
                     VALUES ('default', 'server', 'killed', 9000000000000)",
                )
                .await;
                app.broadcaster.send(event("a")).await;
                app.broadcaster.send(event("free")).on_queue("other").await;
                let running = worker(&app.broadcaster).queues(["default", "other"]).spawn();
                until("the other", async || app.server.names() == ["free"]).await;
                app.execute("UPDATE resound_lanes SET reserved_until = 0 WHERE reserved_by = 'killed'")
                    .await;
                until_empty(&app.queue).await;
                running.stop().await;
                assert_eq!(app.server.names(), ["free", "a"]);
            }

            #[tokio::test]
            async fn a_worker_that_is_stopped_hands_over_at_once() {
                let app = start(Mood::Well, Policy::default()).await;
                for name in ["a", "b"] {
                    let running = worker(&app.elsewhere()).lease(Duration::from_secs(3600)).spawn();
                    app.broadcaster.send(event(name)).await;
                    until_empty(&app.queue).await;
                    running.stop().await;
                }
                assert_eq!(app.server.names(), ["a", "b"]);
            }

            #[tokio::test]
            async fn what_is_refused_fails_at_once_and_can_be_retried_or_forgotten() {
                let app = start(Mood::Picky, Policy::default()).await;
                for name in ["bad", "good", "bad"] {
                    app.broadcaster.send(event(name)).await;
                }
                let running = worker(&app.broadcaster).spawn();
                until_empty(&app.queue).await;
                assert_eq!(app.server.names(), ["good"]);
                let failed = app.queue.failed(0).await.unwrap();
                assert_eq!((failed.len(), app.queue.stats().await.unwrap().failed), (2, 2));
                assert_eq!((&*failed[0].queue, &*failed[0].connection), ("default", "server"));
                assert!(failed[0].exception.ends_with("failed: it is bad"), "{}", failed[0].exception);
                let envelope = resound::Envelope::from_json(&failed[0].payload).unwrap();
                assert_eq!(envelope.name, "bad");
                assert_eq!(app.queue.failed(failed[0].id).await.unwrap(), failed[1..]);

                assert!(app.queue.forget(failed[1].id).await.unwrap());
                app.server.set(Mood::Well);
                assert!(app.queue.retry(failed[0].id).await.unwrap());
                assert!(!app.queue.retry(failed[0].id).await.unwrap());
                assert!(!app.queue.forget(failed[1].id).await.unwrap());
                until_empty(&app.queue).await;
                running.stop().await;
                assert_eq!(app.server.names(), ["good", "bad"]);
                assert!(app.queue.failed(0).await.unwrap().is_empty());
            }

            /// Failed events as if there had been so many.
            async fn fail(app: &App, count: usize) {
                let row = |n| format!("('u{n}', 'default', 'server', '{{}}', 'as the test wants it', 0)");
                let rows: Vec<_> = (0..count).map(row).collect();
                let statement = format!(
                    "INSERT INTO resound_failed_jobs (uuid, queue, connection, payload, exception, failed_at) VALUES {}",
                    rows.join(", ")
                );
                app.execute(statement.leak()).await;
            }

            #[tokio::test]
            async fn failed_events_are_pruned_by_their_age_or_forgotten_altogether() {
                let app = start(Mood::Picky, Policy::default()).await;
                app.broadcaster.send(event("bad")).await;
                let running = worker(&app.broadcaster).spawn();
                until_empty(&app.queue).await;
                running.stop().await;
                // More than one statement deletes.
                fail(&app, 1001).await;
                let hour = Duration::from_secs(3600);
                assert_eq!(app.queue.prune_failed(Duration::MAX).await.unwrap(), 0);
                assert_eq!(app.queue.prune_failed(hour).await.unwrap(), 1001);
                assert_eq!(app.queue.prune_failed(hour).await.unwrap(), 0);
                assert_eq!(app.queue.stats().await.unwrap().failed, 1);
                // Of a clock that was wrong.
                app.execute("UPDATE resound_failed_jobs SET failed_at = 9000000000000").await;
                assert_eq!(app.queue.forget_all().await.unwrap(), 1);
                assert_eq!(app.queue.stats().await.unwrap().failed, 0);
            }

            #[tokio::test]
            async fn a_worker_prunes_failed_events_if_it_is_told_to() {
                let app = start(Mood::Picky, Policy::default()).await;
                app.broadcaster.send(event("bad")).await;
                fail(&app, 3).await;
                let running = worker(&app.broadcaster).spawn();
                until_empty(&app.queue).await;
                running.stop().await;
                assert_eq!(app.queue.stats().await.unwrap().failed, 4);
                let pruning = worker(&app.broadcaster).prune_failed_after(Duration::from_secs(3600));
                let running = pruning.spawn();
                until("they are gone", async || app.queue.stats().await.unwrap().failed == 1).await;
                running.stop().await;
            }

            #[tokio::test]
            async fn all_that_failed_is_retried_in_its_order_and_what_fails_again_stays() {
                let app = start(Mood::Picky, Policy::default()).await;
                let running = worker(&app.broadcaster).spawn();
                let count = 105;
                for _ in 0..count {
                    app.broadcaster.send(event("bad")).await;
                }
                until_empty(&app.queue).await;
                assert_eq!(app.queue.retry_all().await.unwrap(), count);
                until_empty(&app.queue).await;
                assert_eq!(app.queue.stats().await.unwrap().failed, count);
                running.stop().await;
                let failed = app.queue.failed(0).await.unwrap();
                assert_eq!(app.queue.retry_all().await.unwrap(), count);
                let first = "SELECT COUNT(*) FROM resound_jobs a JOIN resound_jobs b ON a.id < b.id WHERE b.uuid = ";
                let before = format!("{first}'{}'", failed[1].uuid).leak();
                assert_eq!((app.waiting().await, app.count(before).await), (count, 1));
                assert_eq!(app.queue.retry_all().await.unwrap(), 0);
            }

            #[tokio::test]
            async fn an_event_is_tried_so_often_while_the_server_is_up() {
                let policy = Policy { failures_max: u32::MAX, tries_max: 3, ..hasty() };
                let app = start(Mood::Brittle, policy).await;
                app.broadcaster.send(event("bad")).await;
                app.broadcaster.send(event("good")).await;
                let running = worker(&app.broadcaster).spawn();
                until_empty(&app.queue).await;
                running.stop().await;
                assert_eq!((app.server.tries(), app.server.names()), (4, vec!["good".to_owned()]));
                let failed = app.queue.failed(0).await.unwrap();
                assert!(failed[0].exception.starts_with("it was tried 3 times: "));
            }

            #[tokio::test]
            async fn an_event_that_brings_the_server_down_does_not_hold_up_the_others_for_ever() {
                let policy = Policy { failures_max: 1, tries_max: 2, ..hasty() };
                let app = start(Mood::Brittle, policy).await;
                for name in ["bad", "a", "b", "c"] {
                    app.broadcaster.send(event(name)).await;
                }
                let running = worker(&app.broadcaster).spawn();
                until_empty(&app.queue).await;
                running.stop().await;
                assert_eq!(app.server.names(), ["a", "b", "c"]);
                assert_eq!(app.queue.stats().await.unwrap().failed, 1);
            }

            #[tokio::test]
            async fn an_event_that_brings_the_server_down_does_not_hold_up_other_queues_for_ever() {
                let policy = Policy { failures_max: 1, tries_max: 2, ..hasty() };
                let app = start(Mood::Brittle, policy).await;
                app.broadcaster.send(event("bad")).on_queue("high").await;
                let running = worker(&app.broadcaster).queues(["high", "default"]).spawn();
                until("the server is down", async || app.server.tries() > 5).await;
                app.broadcaster.send(event("a")).await;
                until_empty(&app.queue).await;
                running.stop().await;
                assert_eq!(app.server.names(), ["a"]);
                assert_eq!(app.queue.stats().await.unwrap().failed, 1);
            }

            #[tokio::test]
            async fn nor_do_several_such_events_in_a_row() {
                let policy = Policy { failures_max: 1, tries_max: 2, ..hasty() };
                let app = start(Mood::Brittle, policy).await;
                for name in ["bad", "bad", "none", "a", "b", "c"] {
                    app.broadcaster.send(event(name)).await;
                }
                app.execute("UPDATE resound_jobs SET payload = '{}' WHERE payload LIKE '%none%'")
                    .await;
                let running = worker(&app.broadcaster).spawn();
                until_empty(&app.queue).await;
                running.stop().await;
                let mut names = app.server.names();
                names.sort();
                assert_eq!(names, ["a", "b", "c"]);
                assert_eq!(app.queue.stats().await.unwrap().failed, 3);
            }

            #[tokio::test]
            async fn whatever_a_server_says_when_it_refuses_an_event_can_be_written_down() {
                let app = start(Mood::Well, Policy::default()).await;
                let words = Box::leak(format!("a\0b{}", "\u{e9}".repeat(10_000)).into_boxed_str());
                let builder = Broadcaster::builder().connection("server", Refusing(words));
                let broadcaster = builder.queue(app.queue.clone()).build();
                broadcaster.send(event("a")).await;
                let running = worker(&broadcaster).spawn();
                until_empty(&app.queue).await;
                running.stop().await;
                let failed = app.queue.failed(0).await.unwrap();
                let reason = &failed[0].exception;
                assert!(reason.contains("a\u{fffd}b\u{e9}") && reason.len() < 17_000, "{reason}");
            }

            #[tokio::test]
            async fn events_wait_for_a_server_that_is_down_without_using_up_their_tries() {
                let policy = Policy { failures_max: 1, tries_max: 3, ..hasty() };
                let app = start(Mood::Down, policy).await;
                for name in ["a", "b", "c"] {
                    app.broadcaster.send(event(name)).await;
                }
                let running = worker(&app.broadcaster).spawn();
                until("twenty tries", async || app.server.tries() > 20).await;
                let attempts = app.count("SELECT MAX(attempts) FROM resound_jobs").await;
                let stats = app.queue.stats().await.unwrap();
                assert_eq!((attempts, stats.waiting(), stats.lanes[0].has_worker), (1, 3, true));
                app.server.set(Mood::Well);
                until_empty(&app.queue).await;
                running.stop().await;
                let mut names = app.server.names();
                names.sort();
                assert_eq!(names, ["a", "b", "c"]);
                assert_eq!(app.queue.stats().await.unwrap().failed, 0);
            }

            #[tokio::test]
            async fn queues_are_emptied_in_the_order_of_their_priority() {
                let app = start(Mood::Well, Policy::default()).await;
                for (name, queue) in [("a", "default"), ("b", "high"), ("c", "default"), ("d", "high")] {
                    app.broadcaster.send(event(name)).on_queue(queue).await;
                }
                app.broadcaster.send(event("e")).on_queue("nobody").await;
                let running = worker(&app.broadcaster).queues(["high", "default"]).spawn();
                until("its queues are empty", async || app.waiting().await == 1).await;
                running.stop().await;
                assert_eq!(app.server.names(), ["b", "d", "a", "c"]);
                let lane = app.queue.stats().await.unwrap().lanes.remove(0);
                assert_eq!((&*lane.queue, lane.waiting, lane.has_worker), ("nobody", 1, false));
            }

            #[tokio::test]
            async fn a_row_that_is_no_event_and_one_that_is_too_old_fail() {
                let app = start(Mood::Well, Policy::default()).await;
                app.execute(
                    "INSERT INTO resound_jobs (uuid, queue, connection, payload, attempts, available_at, created_at) \
                     VALUES ('u', 'default', 'server', '{\"v\":99}', 0, 0, 0)",
                )
                .await;
                app.broadcaster.send(event("old")).await;
                app.execute("UPDATE resound_jobs SET created_at = 0").await;
                app.broadcaster.send(event("young")).await;
                let running = worker(&app.broadcaster).age_max(Duration::from_secs(3600)).spawn();
                until_empty(&app.queue).await;
                running.stop().await;
                assert_eq!(app.server.names(), ["young"]);
                let failed = app.queue.failed(0).await.unwrap();
                let reasons: Vec<_> = failed.iter().map(|job| &*job.exception).collect();
                assert!(reasons[0].contains("stored in format 99"), "{reasons:?}");
                assert!(reasons[1].contains("waited too long"), "{reasons:?}");
            }

            #[tokio::test]
            async fn a_table_that_is_missing_fails_the_commit() {
                let app = start(Mood::Well, Policy::default()).await;
                app.execute("DROP TABLE resound_jobs").await;
                app.execute("CREATE TABLE notes (id INTEGER)").await;
                let mut tx = app.broadcaster.begin(&app.pool).await.unwrap();
                sqlx::query("INSERT INTO notes VALUES (1)").execute(&mut *tx).await.unwrap();
                tx.send(event("a")).await;
                let error = tx.commit().await.unwrap_err().to_string();
                assert!(error.contains("resound_jobs"), "{error}");
                assert_eq!(app.count("SELECT COUNT(*) FROM notes").await, 0);
            }

            #[tokio::test]
            async fn events_that_wait_without_a_worker_are_in_the_log() {
                let (log, _guard) = Log::start();
                let app = start(Mood::Well, Policy::default()).await;
                let queue = Queue::with_patience(app.pool.clone(), Duration::from_millis(1));
                let broadcaster = app.server.builder(app.policy).queue(queue).build();
                broadcaster.send(event("a")).await;
                app.execute("UPDATE resound_jobs SET created_at = created_at - 61000").await;
                let mut lines = Vec::new();
                // The watch may have looked before the row had become old.
                let is_it = |line: &String| {
                    line.contains("no worker sends them") && line.contains("oldest_seconds=6")
                };
                until("a warning", async || {
                    lines.extend(log.lines());
                    lines.iter().any(is_it)
                })
                .await;
                let line = lines.iter().find(|line| is_it(line)).unwrap();
                assert!(line.starts_with("WARN broadcasts wait in the database"), "{line}");
                assert!(line.contains(r#"queue="default" connection="server" waiting=1"#), "{line}");
            }
        }
    };
}

on!(sqlite, sqlx::SqlitePool);
on!(postgres, sqlx::PgPool);
on!(mariadb, sqlx::MySqlPool);
