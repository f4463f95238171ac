//! Databases that do not say no, but nothing: the durable queue's worker goes on, and ends when it shall.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use resound::{
    Broadcaster, Envelope, broadcast,
    connection::Policy,
    driver::{Driver, Sending},
    sql::{self, Queue, Worker},
};
use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio::{
    io::copy_bidirectional,
    net::{UnixListener, UnixStream},
    sync::{Notify, watch},
    task::AbortHandle,
};

use crate::{
    databases::{self, Database, Home},
    logs::Log,
    outbox::until,
    scripted::{Mood, Scripted},
};

/// Short, so that a third of it is over soon: so long a statement may take.
const LEASE: Duration = Duration::from_millis(600);

fn policy() -> Policy {
    Policy { timeout: Duration::from_millis(100), ..Policy::default() }
}

fn worker(broadcaster: &Broadcaster) -> Worker {
    let worker = Worker::new(broadcaster).expect("a queue");
    worker.lease(LEASE).poll_every(Duration::from_millis(20))
}

async fn waiting(queue: &Queue) -> u64 {
    queue.stats().await.expect("a database").waiting()
}

async fn until_silent(log: &Log) {
    let is_told = async || log.lines().iter().any(|line| line.contains("no answer within"));
    until("a line in the log", is_told).await;
}

/// Between a client and PostgreSQL, until it forwards nothing any more: neither words nor ends.
struct Proxy {
    frozen: watch::Sender<Frozen>,
    listening: AbortHandle,
    _home: Home,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frozen {
    Nobody,
    /// Those who are connected.
    Those,
    /// Who comes, too.
    Everybody,
}

/// The name that PostgreSQL gives its socket.
const SOCKET: &str = ".s.PGSQL.5432";

impl Proxy {
    async fn start(database: &Database) -> io::Result<(Self, String)> {
        let (_, directory) = database.url.split_once("?host=").expect("a directory");
        let home = Home::new("proxy");
        let listener = UnixListener::bind(home.path().join(SOCKET))?;
        let server = PathBuf::from(directory).join(SOCKET);
        let (frozen, watching) = watch::channel(Frozen::Nobody);
        let listening = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = UnixStream::connect(&server).await.expect("PostgreSQL is there");
                tokio::spawn(forward(client, server, watching.clone()));
            }
        });
        let url = database.url.replace(directory, &home.path().display().to_string());
        Ok((Self { frozen, listening: listening.abort_handle(), _home: home }, url))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn forward(
    mut client: UnixStream,
    mut server: UnixStream,
    mut frozen: watch::Receiver<Frozen>,
) {
    let is_late = *frozen.borrow_and_update() == Frozen::Everybody;
    if !is_late {
        tokio::select! {
            _ = copy_bidirectional(&mut client, &mut server) => return,
            _ = frozen.changed() => {}
        }
    }
    // Open, for as long as the test has its end.
    while frozen.changed().await.is_ok() {}
}

/// A server that answers when the test says so, and counts.
#[derive(Clone, Default)]
struct Gate {
    entered: Arc<Notify>,
    open: Arc<Notify>,
    server: Option<Scripted>,
}

impl Driver for Gate {
    fn send<'a>(&'a self, envelope: &'a Envelope) -> Sending<'a> {
        Box::pin(async move {
            self.entered.notify_one();
            self.open.notified().await;
            self.server.as_ref().expect("one").send(envelope).await
        })
    }
}

async fn start() -> (Database, PgPool, Queue) {
    let database = databases::postgres();
    let pool = PgPool::connect(&database.url).await.expect("a database");
    sql::migrate(&pool).await.expect("a database");
    let queue = Queue::new(pool.clone());
    (database, pool, queue)
}

#[tokio::test]
async fn a_worker_ends_and_another_goes_on_where_a_table_is_locked() {
    let (database, pool, queue) = start().await;
    let own = PgPoolOptions::new().max_connections(1).connect(&database.url).await.unwrap();
    let server = Scripted::new(Mood::Well);
    let broadcaster = server.builder(policy()).queue(Queue::new(own.clone())).build();
    for table in ["LOCK TABLE resound_jobs", "LOCK TABLE resound_lanes"] {
        broadcaster.send(broadcast::public("news").name(table)).await;
        let mut lock = pool.begin().await.unwrap();
        sqlx::query(table).execute(&mut *lock).await.unwrap();

        let (log, _guard) = Log::start();
        let running = worker(&broadcaster).spawn();
        until_silent(&log).await;
        // The worker does not keep the connection on which it has waited in vain.
        sqlx::query("SELECT 1").execute(&own).await.unwrap();
        running.stop().await;
        let running = worker(&broadcaster).spawn();
        until_silent(&log).await;
        lock.rollback().await.unwrap();
        until("the queue is empty", async || waiting(&queue).await == 0).await;
        running.stop().await;
    }
    assert_eq!(server.names(), ["LOCK TABLE resound_jobs", "LOCK TABLE resound_lanes"]);
}

/// A worker whose only connection ends up nowhere while its event is sent.
struct CutOff {
    queue: Queue,
    server: Scripted,
    running: sql::Running,
    // Fields are dropped in their order.
    _proxy: Proxy,
    _database: Database,
}

async fn cut_off(frozen: Frozen) -> CutOff {
    let (database, _, queue) = start().await;
    let (proxy, url) = Proxy::start(&database).await.expect("there is room");
    let pool = PgPoolOptions::new().max_connections(1).connect(&url).await.expect("a database");
    let server = Scripted::new(Mood::Well);
    let gate = Gate { server: Some(server.clone()), ..Gate::default() };
    let policy = Policy { timeout: Duration::from_secs(1), ..Policy::default() };
    let builder = Broadcaster::builder().connection_with("server", gate.clone(), policy);
    let broadcaster = builder.queue(Queue::new(pool.clone())).build();
    broadcaster.send(broadcast::public("news").name("a")).await;
    let running = worker(&broadcaster).spawn();
    gate.entered.notified().await;
    // On its way back into the pool sqlx waits for it without end.
    until("the connection is back", async || pool.num_idle() == 1).await;
    proxy.frozen.send(frozen).expect("somebody watches");
    gate.open.notify_one();
    CutOff { queue, server, running, _proxy: proxy, _database: database }
}

#[tokio::test]
async fn a_connection_that_ends_up_nowhere_is_replaced_and_its_event_is_not_sent_again() {
    let cut = cut_off(Frozen::Those).await;
    until("the queue is empty", async || waiting(&cut.queue).await == 0).await;
    cut.running.stop().await;
    assert_eq!(cut.server.names(), ["a"]);
}

#[tokio::test]
async fn a_database_that_is_cut_off_keeps_no_worker_from_ending() {
    let (log, _guard) = Log::start();
    let cut = cut_off(Frozen::Everybody).await;
    let is_told = async || log.lines().iter().any(|line| line.contains("can't be deleted yet"));
    until("a line in the log", is_told).await;
    cut.running.stop().await;
    assert_eq!((cut.server.names().len(), waiting(&cut.queue).await), (1, 1));
}
