//! Queued events that are given up, and who is told.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use resound::{
    Broadcaster, Builder,
    broadcast::{self, AnonymousEvent},
    connection::{Failure, Policy},
    sql::{self, Queue, Worker},
};

use crate::{
    databases,
    logs::Log,
    outbox::until,
    scripted::{Mood, Scripted},
};

fn event(name: &'static str) -> AnonymousEvent {
    broadcast::public("news").name(name)
}

/// What was told.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<Failure>>>);

impl Told {
    fn by(&self, builder: Builder) -> Broadcaster {
        let told = self.clone();
        let tell = move |failure: &Failure| told.0.lock().expect("no panic").push(failure.clone());
        builder.on_failure(tell).build()
    }

    fn all(&self) -> Vec<Failure> {
        self.0.lock().expect("no panic").clone()
    }

    /// By event, connection and reason.
    fn lines(&self) -> Vec<String> {
        let line = |failure: Failure| {
            let event =
                failure.envelope.map_or("none".to_owned(), |envelope| envelope.name.clone());
            format!("{event} by {}: {}", failure.connection, failure.reason)
        };
        self.all().into_iter().map(line).collect()
    }
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn in_memory_it_is_told_what_was_refused_tried_too_often_or_too_old() {
    let (server, told) = (Scripted::new(Mood::Picky), Told::default());
    let policy = Policy { failures_max: u32::MAX, tries_max: 2, ..Policy::default() };
    let broadcaster = told.by(server.builder(policy));
    for name in ["bad", "good"] {
        broadcaster.send(event(name)).await;
    }
    broadcaster.flush(MINUTE).await.unwrap();
    server.set(Mood::Down);
    broadcaster.send(event("a")).await;
    broadcaster.flush(MINUTE).await.unwrap();
    assert_eq!(
        told.lines(),
        [
            "bad by server: the broadcast connection server failed: it is bad",
            "a by server: it was tried 2 times: the broadcast connection server failed: nobody answers",
        ]
    );
    assert!(told.all().iter().all(|failure| failure.uuid.is_none()));
    // An error of the sender's.
    broadcaster.send(event("b")).now().result().await.unwrap_err();
    assert_eq!(told.all().len(), 2);

    let (server, told) = (Scripted::new(Mood::Down), Told::default());
    let policy = Policy { failures_max: 1, tries_max: u32::MAX, ..Policy::default() };
    let broadcaster = told.by(server.builder(policy));
    broadcaster.send(event("old")).await;
    broadcaster.flush(2 * MINUTE).await.unwrap();
    assert_eq!(told.lines(), ["old by server: it waited too long (Policy::age_max)"]);
}

#[tokio::test]
async fn of_a_durable_queue_it_is_told_what_is_in_the_failed_table() {
    let database = databases::sqlite();
    let pool = sqlx::SqlitePool::connect(&database.url).await.unwrap();
    sql::migrate(&pool).await.unwrap();
    let (server, told, queue) =
        (Scripted::new(Mood::Picky), Told::default(), Queue::new(pool.clone()));
    let broadcaster = told.by(server.builder(Policy::default()).queue(queue.clone()));
    for name in ["bad", "good", "none"] {
        broadcaster.send(event(name)).await;
    }
    let spoil = "UPDATE resound_jobs SET payload = '{}' WHERE payload LIKE '%none%'";
    sqlx::query(spoil).execute(&pool).await.unwrap();
    let running = Worker::new(&broadcaster).unwrap().spawn();
    until("the queue is empty", async || queue.stats().await.unwrap().waiting() == 0).await;
    running.stop().await;
    assert_eq!(server.names(), ["good"]);
    let failed = queue.failed(0).await.unwrap();
    let expected = failed.iter().map(|job| (Some(job.uuid.clone()), job.exception.clone()));
    let told_of: Vec<_> = told.all().into_iter().map(|it| (it.uuid, it.reason)).collect();
    assert_eq!(told_of, expected.collect::<Vec<_>>());
    assert!(told.lines()[0].starts_with("bad by server: "), "{:?}", told.lines());
    assert!(told.lines()[1].starts_with("none by server: "), "{:?}", told.lines());
}

#[tokio::test(start_paused = true)]
async fn who_panics_when_told_does_not_stop_the_queue() {
    let (log, _guard) = Log::start();
    let server = Scripted::new(Mood::Picky);
    let builder = server.builder(Policy::default());
    let broadcaster = builder.on_failure(|_| panic!("as the test wants it")).build();
    for name in ["bad", "good"] {
        broadcaster.send(event(name)).await;
    }
    broadcaster.flush(MINUTE).await.unwrap();
    assert_eq!(server.names(), ["good"]);
    let is_it = |line: &String| line.contains("Builder::on_failure panicked");
    assert!(log.lines().iter().any(is_it));
}
