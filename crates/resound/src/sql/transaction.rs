//! A transaction whose events wait for its commit.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, PoisonError},
};

use sqlx::{Connection as _, Pool};

use crate::{
    after_commit::{Held, Scope, deliver},
    broadcaster::Broadcaster,
    event::Broadcast,
    parcel::{Addressed, Parcel, log_lost},
    pending::{PendingBroadcast, Timing},
    queue::Job,
    sql::{backend::Backend, queue::Queue},
};

impl Broadcaster {
    /// Begins a transaction. What is sent by its [`send`](Transaction::send) leaves when it is committed, and never if it is not.
    ///
    /// On SQLite it begins with `BEGIN IMMEDIATE`; [`adopt`](Broadcaster::adopt) takes transactions that were begun in another
    /// way.
    ///
    /// # Errors
    /// Those of the database.
    ///
    /// ```
    /// use resound::{Broadcaster, broadcast};
    ///
    /// # #[cfg(feature = "sqlx-sqlite")]
    /// async fn post(broadcaster: &Broadcaster, pool: &sqlx::SqlitePool) -> Result<(), sqlx::Error> {
    ///     let mut tx = broadcaster.begin(pool).await?;
    ///     sqlx::query("INSERT INTO posts (title) VALUES ('News')").execute(&mut *tx).await?;
    ///     tx.send(broadcast::public("posts").name("posted")).await;
    ///     tx.commit().await
    /// }
    /// ```
    pub async fn begin<DB: Backend>(
        &self,
        pool: &Pool<DB>,
    ) -> Result<Transaction<'static, DB>, sqlx::Error> {
        self.adopt(DB::begin(pool).await?).await
    }

    /// Makes a transaction of sqlx one whose events wait for its commit; for isolation levels of one's own, say.
    ///
    /// It must be one that a pool began. A savepoint borrows its transaction, so that it is none, and its commit would say nothing yet.
    ///
    /// # Errors
    /// Those of the database.
    ///
    /// ```
    /// # #[cfg(feature = "sqlx-postgres")]
    /// # async fn example(broadcaster: resound::Broadcaster, pool: sqlx::PgPool) -> Result<(), sqlx::Error> {
    /// let tx = pool.begin_with("BEGIN ISOLATION LEVEL SERIALIZABLE").await?;
    /// let tx = broadcaster.adopt(tx).await?;
    /// # tx.commit().await
    /// # }
    /// ```
    pub async fn adopt<DB: Backend>(
        &self,
        mut inner: sqlx::Transaction<'static, DB>,
    ) -> Result<Transaction<'static, DB>, sqlx::Error> {
        DB::mark(&mut inner).await?;
        let (inner, scope, broadcaster) = (Inner::Whole(inner), Scope::new(), self.clone());
        Ok(Transaction::of(Parts { inner, scope, broadcaster }))
    }

    /// Runs `work` in a transaction: commits if it gives `Ok`, rolls back if it gives `Err`, panics, or is given up. If it ends the
    /// transaction by itself that stands.
    ///
    /// All that `work` sends in its own task waits for the commit, by whatever broadcaster, wherever it is called: services need not
    /// know of the transaction. [`before_commit`](PendingBroadcast::before_commit) opts out, and so does what runs in another task
    /// (`tokio::spawn`).
    ///
    /// # Errors
    /// That of `work`, and those of the database.
    ///
    /// ```
    /// use resound::{Broadcaster, broadcast};
    ///
    /// # #[cfg(feature = "sqlx-sqlite")]
    /// async fn post(broadcaster: &Broadcaster, pool: &sqlx::SqlitePool) -> Result<i64, sqlx::Error> {
    ///     broadcaster
    ///         .transaction(pool, async |mut tx| {
    ///             let query = sqlx::query("INSERT INTO posts (title) VALUES ('News')");
    ///             let id = query.execute(&mut *tx).await?.last_insert_rowid();
    ///             // It knows nothing of `tx`, and yet this waits for the commit.
    ///             broadcaster.send(broadcast::public("posts").name("posted").with(id)).await;
    ///             Ok(id)
    ///         })
    ///         .await
    /// }
    /// ```
    pub async fn transaction<DB, T, E, F, W>(&self, pool: &Pool<DB>, work: F) -> Result<T, E>
    where
        DB: Backend,
        E: From<sqlx::Error>,
        F: FnOnce(Transaction<'static, DB>) -> W,
        W: Future<Output = Result<T, E>>,
    {
        run(self.begin(pool).await?, work).await
    }
}

/// A transaction of sqlx, or a savepoint in one, with the events that wait for it. Dropped, it is rolled back.
///
/// Queries run on `&mut *tx`, as on sqlx's own.
///
/// ```
/// use resound::broadcast;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let options = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
/// # let pool = options.connect("sqlite::memory:").await?;
/// # resound::sql::migrate(&pool).await?;
/// # sqlx::query("CREATE TABLE posts (title TEXT)").execute(&pool).await?;
/// # let fake = resound::Fake::new();
/// # let broadcaster = fake.broadcaster();
/// let mut tx = broadcaster.begin(&pool).await?;
/// sqlx::query("INSERT INTO posts (title) VALUES ('News')").execute(&mut *tx).await?;
/// tx.send(broadcast::public("posts").name("posted")).await;
/// fake.assert_nothing();
/// tx.commit().await?;
/// assert_eq!(fake.events().len(), 1);
/// # Ok(())
/// # }
/// ```
#[must_use = "a transaction that is dropped is rolled back"]
pub struct Transaction<'c, DB: Backend> {
    /// Always there but when it is dropped.
    parts: Option<Parts<'c, DB>>,
    /// Who has lent it, and gets it back when it is dropped.
    lender: Option<Lender<'c, DB>>,
}

struct Parts<'c, DB: Backend> {
    inner: Inner<'c, DB>,
    /// That of a savepoint ends first, because the savepoint borrows its transaction.
    scope: Scope<'static>,
    broadcaster: Broadcaster,
}

enum Inner<'c, DB: Backend> {
    Whole(sqlx::Transaction<'static, DB>),
    Savepoint(sqlx::Transaction<'c, DB>),
}

impl<DB: Backend> Inner<'_, DB> {
    fn connection(&self) -> &DB::Connection {
        match self {
            Self::Whole(inner) => inner,
            Self::Savepoint(inner) => inner,
        }
    }

    fn connection_mut(&mut self) -> &mut DB::Connection {
        match self {
            Self::Whole(inner) => inner,
            Self::Savepoint(inner) => inner,
        }
    }
}

/// A closure gets a transaction by value and gives it back by dropping it: with a reference it would be a closure for any lifetime
/// (`AsyncFnOnce`), of which the compiler can't see yet that its future may change threads.
type Lender<'c, DB> = Arc<Mutex<Option<Parts<'c, DB>>>>;

impl<'c, DB: Backend> Transaction<'c, DB> {
    /// Begins to send an event that waits for the commit. Awaiting it only notes it, also if it is to be sent
    /// [now](PendingBroadcast::now); what can't be written as JSON is an error here and not later.
    ///
    /// ```
    /// use resound::{Outcome, broadcast};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let options = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
    /// # let pool = options.connect("sqlite::memory:").await?;
    /// # resound::sql::migrate(&pool).await?;
    /// # let fake = resound::Fake::new();
    /// # let broadcaster = fake.broadcaster();
    /// let tx = broadcaster.begin(&pool).await?;
    /// let event = broadcast::public("posts").name("posted");
    /// assert_eq!(tx.send(event).to_others("123.456").result().await?, Outcome::AfterCommit);
    /// tx.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn send<E>(&self, event: E) -> PendingBroadcast<E>
    where
        E: Broadcast + Send + Sync + 'static,
    {
        let Parts { scope, broadcaster, .. } = self.parts();
        scope.send(broadcaster, event)
    }

    /// Begins a savepoint. Committed, its events wait for this transaction; rolled back or dropped, they are
    /// forgotten.
    ///
    /// # Errors
    /// Those of the database.
    ///
    /// ```
    /// use resound::broadcast;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let options = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
    /// # let pool = options.connect("sqlite::memory:").await?;
    /// # resound::sql::migrate(&pool).await?;
    /// # let fake = resound::Fake::new();
    /// # let broadcaster = fake.broadcaster();
    /// let mut tx = broadcaster.begin(&pool).await?;
    /// let savepoint = tx.begin().await?;
    /// savepoint.send(broadcast::public("posts").name("posted")).await;
    /// savepoint.rollback().await?;
    /// tx.commit().await?;
    /// fake.assert_nothing();
    /// # Ok(())
    /// # }
    /// ```
    pub async fn begin(&mut self) -> Result<Transaction<'_, DB>, sqlx::Error> {
        let Parts { inner, scope, broadcaster, .. } = self.parts_mut();
        let inner = Inner::Savepoint(inner.connection_mut().begin().await?);
        let (scope, broadcaster) = (scope.savepoint(), broadcaster.clone());
        Ok(Transaction::of(Parts { inner, scope, broadcaster }))
    }

    /// Runs `work` in a savepoint: its events are kept if it gives `Ok`, and forgotten if not.
    ///
    /// # Errors
    /// That of `work`, and those of the database.
    ///
    /// ```
    /// use resound::broadcast;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let options = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
    /// # let pool = options.connect("sqlite::memory:").await?;
    /// # resound::sql::migrate(&pool).await?;
    /// # sqlx::query("CREATE TABLE posts (title TEXT)").execute(&pool).await?;
    /// # let fake = resound::Fake::new();
    /// # let broadcaster = fake.broadcaster();
    /// let mut tx = broadcaster.begin(&pool).await?;
    /// let tried = tx
    ///     .transaction(async |mut savepoint| {
    ///         savepoint.send(broadcast::public("posts").name("posted")).await;
    ///         sqlx::query("INSERT INTO posts (nonsense) VALUES (1)").execute(&mut *savepoint).await?;
    ///         Ok::<_, sqlx::Error>(())
    ///     })
    ///     .await;
    /// assert!(tried.is_err());
    /// tx.commit().await?; // without what the closure has done
    /// fake.assert_nothing();
    /// # Ok(())
    /// # }
    /// ```
    pub async fn transaction<'s, T, E, F, W>(&'s mut self, work: F) -> Result<T, E>
    where
        E: From<sqlx::Error>,
        F: FnOnce(Transaction<'s, DB>) -> W,
        W: Future<Output = Result<T, E>>,
    {
        run(self.begin().await?, work).await
    }

    /// Commits, and then sends the events. With a [`Queue`] in this kind of database, queued ones are written into it before, in the
    /// transaction itself.
    ///
    /// Events of a savepoint become those of the transaction that it is in.
    ///
    /// Once begun it is carried out also if nobody waits for it any more, as when the browser that asked for the page is gone.
    ///
    /// # Errors
    /// Those of the database, also if the transaction can't be committed any more because a statement in it failed. No event is sent
    /// from memory then. If it is unknown whether the database committed, the rows of the queue are where all other
    /// rows of the transaction are.
    ///
    /// ```
    /// use resound::broadcast;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let options = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
    /// # let pool = options.connect("sqlite::memory:").await?;
    /// # resound::sql::migrate(&pool).await?;
    /// # let fake = resound::Fake::new();
    /// # let broadcaster = fake.broadcaster();
    /// let tx = broadcaster.begin(&pool).await?;
    /// tx.send(broadcast::public("posts").name("posted")).await;
    /// tx.commit().await?;
    /// assert_eq!(fake.events().len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn commit(mut self) -> Result<(), sqlx::Error> {
        match self.parts.take() {
            Some(parts) => commit(parts).await,
            None => Ok(()),
        }
    }

    /// Rolls back, and forgets the events.
    ///
    /// # Errors
    /// Those of the database. Nothing is committed and nothing is sent then, either.
    ///
    /// ```
    /// use resound::broadcast;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let options = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
    /// # let pool = options.connect("sqlite::memory:").await?;
    /// # resound::sql::migrate(&pool).await?;
    /// # let fake = resound::Fake::new();
    /// # let broadcaster = fake.broadcaster();
    /// let tx = broadcaster.begin(&pool).await?;
    /// tx.send(broadcast::public("posts").name("posted")).await;
    /// tx.rollback().await?;
    /// fake.assert_nothing();
    /// # Ok(())
    /// # }
    /// ```
    pub async fn rollback(mut self) -> Result<(), sqlx::Error> {
        let Some(Parts { inner, scope, .. }) = self.parts.take() else { return Ok(()) };
        drop(scope);
        match inner {
            Inner::Whole(inner) => inner.rollback().await,
            Inner::Savepoint(inner) => inner.rollback().await,
        }
    }

    fn of(parts: Parts<'c, DB>) -> Self {
        Self { parts: Some(parts), lender: None }
    }

    /// The events that wait.
    pub(crate) fn scope(&self) -> &Scope<'static> {
        &self.parts().scope
    }

    fn parts(&self) -> &Parts<'c, DB> {
        self.parts.as_ref().expect("only what consumes it takes them out")
    }

    fn parts_mut(&mut self) -> &mut Parts<'c, DB> {
        self.parts.as_mut().expect("only what consumes it takes them out")
    }
}

impl<DB: Backend> Drop for Transaction<'_, DB> {
    fn drop(&mut self) {
        if let (Some(parts), Some(lender)) = (self.parts.take(), &self.lender) {
            *lender.lock().unwrap_or_else(PoisonError::into_inner) = Some(parts);
        }
    }
}

/// Lends a transaction to a closure, with all that its task sends, and ends it as that says.
async fn run<'c, DB, T, E, F, W>(mut tx: Transaction<'c, DB>, work: F) -> Result<T, E>
where
    DB: Backend,
    E: From<sqlx::Error>,
    F: FnOnce(Transaction<'c, DB>) -> W,
    W: Future<Output = Result<T, E>>,
{
    let lender = Lender::default();
    tx.lender = Some(Arc::clone(&lender));
    let current = tx.parts().scope.current();
    let result = current.within(work(tx)).await;
    let returned = lender.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(parts) = returned else {
        // Who has ended it by itself gives nothing back; neither does who has put it somewhere else, where it will be dropped.
        if result.is_ok() && Arc::strong_count(&lender) > 1 {
            tracing::error!(
                "a closure ended before its transaction, which it had moved elsewhere: it is not committed, \
                 and will be rolled back unless whoever has it commits"
            );
        }
        return result;
    };
    let tx = Transaction::of(parts);
    if result.is_ok() {
        tx.commit().await?;
    } else if let Err(error) = tx.rollback().await {
        // The caller gets the reason; the connection's end rolls back as well.
        tracing::debug!(reason = %error, "a transaction was not rolled back by ROLLBACK");
    }
    result
}

async fn commit<DB: Backend>(parts: Parts<'_, DB>) -> Result<(), sqlx::Error> {
    let Parts { inner, scope, .. } = parts;
    match inner {
        Inner::Savepoint(inner) => {
            inner.commit().await?;
            scope.finish();
            Ok(())
        }
        // A task, because the page that waits for this may be given up: the database may commit all the same, and then
        // the events are to be sent.
        Inner::Whole(inner) => match tokio::spawn(commit_whole(inner, scope)).await {
            Ok(committed) => committed,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(sqlx::Error::WorkerCrashed),
        },
    }
}

async fn commit_whole<DB: Backend>(
    mut inner: sqlx::Transaction<'static, DB>,
    scope: Scope<'static>,
) -> Result<(), sqlx::Error> {
    let held = scope.drain();
    let events = held.len();
    let written = write::<DB>(&mut inner, held).await;
    let (queues, rest) = written.map_err(|error| lost(error, events))?;
    let waiting = rest.len();
    inner.commit().await.map_err(|error| lost(error, waiting))?;
    queues.iter().for_each(Queue::wake);
    deliver(rest).await;
    // Of those who were handed a part of the transaction and awaited it late.
    deliver(scope.finish()).await;
    Ok(())
}

/// Writes the events that belong into the durable queue of this database, and gives the others back.
async fn write<DB: Backend>(
    connection: &mut DB::Connection,
    held: Vec<Held>,
) -> Result<(Vec<Queue>, Vec<Held>), sqlx::Error> {
    if held.is_empty() {
        return Ok((Vec::new(), held));
    }
    DB::check(connection).await?;
    let (mut queues, mut jobs, mut rest) = (Vec::new(), Vec::new(), Vec::new());
    for held in held {
        match queue_of::<DB>(&held.broadcaster) {
            Some(its) if is_queued(&held.parcel) => {
                jobs.extend(jobs_of(held));
                if !queues.iter().any(|known: &Queue| known.is(&its)) {
                    queues.push(its);
                }
            }
            _ => rest.push(held),
        }
    }
    if !jobs.is_empty() {
        DB::push(connection, &jobs).await?;
    }
    Ok((queues, rest))
}

fn queue_of<DB: Backend>(broadcaster: &Broadcaster) -> Option<Queue> {
    let queue: &dyn std::any::Any = &**broadcaster.queue()?;
    queue.downcast_ref().filter(|queue: &&Queue| queue.is_in::<DB>()).cloned()
}

fn is_queued(parcel: &Parcel) -> bool {
    matches!(parcel, Parcel::Event(Addressed { timing: Timing::Later, .. }))
}

fn jobs_of(Held { broadcaster, parcel }: Held) -> Vec<Job> {
    let Parcel::Event(addressed) = parcel else { return Vec::new() };
    let event = addressed.type_name;
    let (jobs, result) = broadcaster.jobs(addressed);
    if let Err(error) = result {
        log_lost(event, &error);
    }
    jobs
}

fn lost(error: sqlx::Error, events: usize) -> sqlx::Error {
    if events > 0 {
        tracing::warn!(events, reason = %error, "events were not broadcast: their transaction was not committed, as far as is known");
    }
    error
}

impl<DB: Backend> Deref for Transaction<'_, DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &Self::Target {
        self.parts().inner.connection()
    }
}

impl<DB: Backend> DerefMut for Transaction<'_, DB> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.parts_mut().inner.connection_mut()
    }
}

impl<DB: Backend> fmt::Debug for Transaction<'_, DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction")
            .field("events", &self.parts().scope.len())
            .finish_non_exhaustive()
    }
}
