//! What the durable queue promises, while the process that uses it is killed again and again.
//!
//! The process is this test's own binary, asked for one test: it commits numbered events, rolls some back, and sends them to a real server.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    process::{Child, Command, Stdio},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use resound::{
    Broadcaster, Builder, broadcast,
    sql::{self, Queue, Worker},
};
use serde_json::Value;

use crate::process::{Client, ID, KEY, SECRET, Server};

const KILLS: i64 = 20;
/// How long a process may take to begin.
const DEADLINE: Duration = Duration::from_secs(30);
/// So many numbers has each process for itself.
const SPAN: i64 = 1_000_000;
/// Tells the process what to do.
const TASK: &str = "RESOUND_TEST_CRASH";

/// What a process is to do.
struct Task {
    url: String,
    port: u16,
    first: i64,
}

impl Task {
    fn from_env() -> Option<Self> {
        let task = std::env::var(TASK).ok()?;
        let mut parts = task.split(' ');
        let mut next = || parts.next().expect("a task has three parts");
        Some(Self {
            url: next().to_owned(),
            port: next().parse().expect("a port"),
            first: next().parse().expect("a number"),
        })
    }

    fn start(&self) -> Child {
        Command::new(std::env::current_exe().expect("a test is a file"))
            .args(["crash::the_process_that_is_killed", "--exact", "--nocapture"])
            .env(TASK, format!("{} {} {}", self.url, self.port, self.first))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("a test can be run")
    }
}

/// Does nothing unless [`Task::start`] has started it.
#[tokio::test]
async fn the_process_that_is_killed() {
    let Some(task) = Task::from_env() else { return };
    if task.url.starts_with("sqlite") {
        sqlite::work(&task).await;
    } else {
        postgres::work(&task).await;
    }
}

/// A broadcaster to the real server, with a queue.
fn broadcaster(port: u16, queue: Queue) -> Broadcaster {
    let variable = |name: &str| match name {
        "BROADCAST_CONNECTION" => Some("reverb".to_owned()),
        "REVERB_APP_ID" => Some(ID.to_owned()),
        "REVERB_APP_KEY" => Some(KEY.to_owned()),
        "REVERB_APP_SECRET" => Some(SECRET.to_owned()),
        "REVERB_HOST" => Some("127.0.0.1".to_owned()),
        "REVERB_PORT" => Some(port.to_string()),
        "REVERB_SCHEME" => Some("http".to_owned()),
        _ => None,
    };
    Builder::from_variables(variable).expect("all is there").queue(queue).build()
}

fn event(number: i64) -> broadcast::AnonymousEvent {
    broadcast::public("crash").name(number.to_string())
}

/// Some numbers are rolled back; some others in a savepoint.
fn is_rolled_back(number: i64) -> bool {
    number % 3 == 0
}

/// Counts what a subscriber gets, until the event `0`.
fn count(mut client: Client) -> JoinHandle<HashMap<i64, i64>> {
    client.subscribe("crash", &Value::Null);
    std::thread::spawn(move || {
        let mut counts = HashMap::new();
        loop {
            let message: Value = serde_json::from_str(&client.receive()).expect("JSON");
            let name = message["event"].as_str().expect("a name");
            match name.parse().expect("a number") {
                0 => return counts,
                number => *counts.entry(number).or_default() += 1,
            }
        }
    })
}

fn check(committed: &[i64], counts: &HashMap<i64, i64>) {
    let lost: Vec<_> = committed.iter().filter(|number| !counts.contains_key(number)).collect();
    assert!(lost.is_empty(), "committed and never sent: {lost:?}");
    let mut unasked = counts.keys().filter(|number| !committed.contains(number));
    assert_eq!(unasked.next(), None, "rolled back and sent");
    let doubles: i64 = counts.values().map(|count| count - 1).sum();
    assert!(doubles <= KILLS, "{doubles} doubles of {} events", committed.len());
    // Three in four processes have committed something before they were killed, however busy the machine is.
    assert!(committed.len() as i64 >= KILLS / 4 * 3, "only {} were committed", committed.len());
}

/// A moment of the next half second.
fn any_moment() -> Duration {
    Duration::from_millis(RandomState::new().hash_one(0) % 500)
}

/// The same on each database.
macro_rules! on {
    ($database:ident, $pool:ty, $insert:literal) => {
        mod $database {
            use super::*;

            /// Commits and sends until it is killed.
            pub(super) async fn work(task: &Task) {
                let pool = <$pool>::connect(&task.url).await.expect("a database");
                sql::migrate(&pool).await.expect("tables");
                let broadcaster = broadcaster(task.port, Queue::new(pool.clone()));
                let worker = Worker::new(&broadcaster).expect("a queue");
                let _running = worker.poll_every(Duration::from_millis(50)).spawn();
                for number in task.first.. {
                    commit(&broadcaster, &pool, number).await.expect("a database");
                }
            }

            async fn commit(
                broadcaster: &Broadcaster,
                pool: &$pool,
                number: i64,
            ) -> Result<(), sqlx::Error> {
                let mut tx = broadcaster.begin(pool).await?;
                if number % 2 == 0 {
                    sqlx::query($insert).bind(number).execute(&mut *tx).await?;
                    tx.send(event(number)).await;
                    return if is_rolled_back(number) {
                        tx.rollback().await
                    } else {
                        tx.commit().await
                    };
                }
                let mut savepoint = tx.begin().await?;
                sqlx::query($insert).bind(number).execute(&mut *savepoint).await?;
                savepoint.send(event(number)).await;
                if is_rolled_back(number) {
                    savepoint.rollback().await?;
                } else {
                    savepoint.commit().await?;
                }
                tx.commit().await
            }

            /// Waits until a process is at work.
            async fn until_committed(pool: &$pool, first: i64) {
                let newest = "SELECT COALESCE(MAX(id), 0) FROM notes";
                let start = Instant::now();
                loop {
                    let newest: i64 =
                        sqlx::query_scalar(newest).fetch_one(pool).await.expect("a table");
                    if newest >= first {
                        return;
                    }
                    assert!(start.elapsed() < DEADLINE, "the process commits nothing");
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }

            #[tokio::test]
            async fn killed_at_any_moment_it_loses_nothing_and_sends_nothing_that_was_rolled_back()
            {
                let database = crate::databases::$database();
                let server = Server::start();
                let counter = count(server.connect());
                let pool = <$pool>::connect(&database.url).await.expect("a database");
                sql::migrate(&pool).await.expect("tables");
                let table = "CREATE TABLE notes (id BIGINT NOT NULL)";
                sqlx::query(table).execute(&pool).await.expect("a table");
                for kill in 1..=KILLS {
                    let task =
                        Task { url: database.url.clone(), port: server.port, first: kill * SPAN };
                    let mut child = task.start();
                    // One in four dies at any moment of its start, the others at one of their work.
                    if kill % 4 > 0 {
                        until_committed(&pool, kill * SPAN).await;
                    }
                    tokio::time::sleep(any_moment()).await;
                    child.kill().expect("it lives until it is killed");
                    child.wait().expect("it is killed");
                    // The killed worker's lease has run out: a test need not wait for that.
                    let lapse = "UPDATE resound_lanes SET reserved_until = 0";
                    sqlx::query(lapse).execute(&pool).await.expect("a table");
                }
                let queue = Queue::new(pool.clone());
                let broadcaster = broadcaster(server.port, queue.clone());
                let running = Worker::new(&broadcaster).expect("a queue").spawn();
                while queue.stats().await.expect("a database").waiting() > 0 {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                running.stop().await;
                broadcaster.send(event(0)).now().result().await.expect("a server");
                let counts = counter.join().expect("no panic");
                let notes = "SELECT id FROM notes";
                let committed = sqlx::query_scalar(notes).fetch_all(&pool).await;
                check(&committed.expect("a table"), &counts);
                assert_eq!(queue.stats().await.expect("a database").failed, 0);
            }
        }
    };
}

on!(sqlite, sqlx::SqlitePool, "INSERT INTO notes VALUES (?)");
on!(postgres, sqlx::PgPool, "INSERT INTO notes VALUES ($1)");
