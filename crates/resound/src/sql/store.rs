//! The queue's tables: each statement of `dialect` with its values and its answer.

use std::{
    fmt::Write as _,
    ops::{Deref, DerefMut},
    time::Duration,
};

use sqlx::{Database, Pool, pool::PoolConnection};
use tokio::time::timeout;

use crate::{
    envelope::{Envelope, FormatError},
    sql::{
        backend::Answer,
        deadline::STATEMENT_TIME,
        queue::{FailedJob, LaneStats},
    },
};

/// A queue by name, and the connection that its events are sent by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LaneName {
    pub(crate) queue: String,
    pub(crate) connection: String,
}

/// A job that waits.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) id: i64,
    pub(crate) uuid: String,
    pub(crate) envelope: Result<Envelope, FormatError>,
    pub(crate) attempts: u32,
    /// How long its next try is off.
    pub(crate) available_in: Duration,
    pub(crate) age: Duration,
}

/// The tables of a database. Each call is one statement, or one transaction.
pub(crate) trait Store: Send + Sync {
    /// Writes jobs.
    fn push<'a>(&'a self, jobs: &'a [crate::queue::Job]) -> Answer<'a, ()>;
    /// The oldest jobs of a lane, in their order.
    fn take<'a>(&'a self, lane: &'a LaneName, max: i64) -> Answer<'a, Vec<Row>>;
    /// Forgets a job that was sent.
    fn sent(&self, id: i64) -> Answer<'_, ()>;
    /// Counts a try in vain, and sets when the next one is due.
    fn postpone(&self, id: i64, pause: Duration) -> Answer<'_, ()>;
    /// Moves a job to the failed ones.
    fn fail<'a>(&'a self, id: i64, reason: &'a str) -> Answer<'a, ()>;
    /// Makes a lane this worker's for a while, unless it is another's.
    fn reserve<'a>(
        &'a self,
        lane: &'a LaneName,
        worker: &'a str,
        lease: Duration,
    ) -> Answer<'a, bool>;
    /// Gives a lane back.
    fn release<'a>(&'a self, lane: &'a LaneName, worker: &'a str) -> Answer<'a, ()>;
    /// What waits.
    fn stats(&self) -> Answer<'_, Vec<LaneStats>>;
    /// How many jobs failed.
    fn count_failed(&self) -> Answer<'_, u64>;
    /// Jobs that failed, from the one after this on.
    fn failed(&self, after: i64, max: i64) -> Answer<'_, Vec<FailedJob>>;
    /// Moves a failed job back; whether it was there.
    fn retry(&self, id: i64) -> Answer<'_, bool>;
    /// Deletes a failed job; whether it was there.
    fn forget(&self, id: i64) -> Answer<'_, bool>;
    /// Deletes the first failed jobs that are so old, or whatever their age is; how many there were.
    fn prune(&self, age: Option<Duration>, max: i64) -> Answer<'_, u64>;
    /// The id of the job that failed last; 0 if none did.
    fn last_failed(&self) -> Answer<'_, i64>;
}

/// A connection on loan for a statement that may be abandoned. It is closed then: back in its pool it would be waited for, and missing there, for as long as the
/// database is silent.
struct Lent<DB: Database> {
    connection: PoolConnection<DB>,
    is_ended: bool,
}

impl<DB: Database> Lent<DB> {
    /// A connection of a pool, if there is one in time.
    async fn by(pool: &Pool<DB>) -> Result<Self, sqlx::Error> {
        let connection = timeout(STATEMENT_TIME, pool.acquire()).await;
        Ok(Self::of(connection.map_err(|_| sqlx::Error::PoolTimedOut)??))
    }

    fn of(connection: PoolConnection<DB>) -> Self {
        Self { connection, is_ended: false }
    }

    /// Gives it back with what was said.
    fn end<T>(mut self, answer: T) -> T {
        self.is_ended = true;
        answer
    }
}

impl<DB: Database> Deref for Lent<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &Self::Target {
        &self.connection
    }
}

impl<DB: Database> DerefMut for Lent<DB> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.connection
    }
}

impl<DB: Database> Drop for Lent<DB> {
    fn drop(&mut self) {
        // SQLite works in this process; a database in memory would be gone with its connection.
        if !self.is_ended && DB::NAME != "SQLite" {
            self.connection.close_on_drop();
        }
    }
}

/// A name that nobody else has: a UUID of version 4.
pub(crate) fn uuid() -> String {
    let mut bytes = [0; 16];
    // Without it nothing random is left; the two halves of the clock and an address would be a worse name, not a wrong one.
    getrandom::fill(&mut bytes).expect("the operating system has random bytes");
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if [4, 6, 8, 10].contains(&at) {
            text.push('-');
        }
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn milliseconds(duration: Duration) -> i64 {
    duration.as_millis().try_into().unwrap_or(i64::MAX / 2)
}

fn duration(milliseconds: i64) -> Duration {
    Duration::from_millis(milliseconds.max(0).unsigned_abs())
}

/// The same for each database.
macro_rules! store {
    ($module:ident, $feature:literal, $database:ty, $dialect:ident) => {
        #[cfg(feature = $feature)]
        pub(super) mod $module {
            use std::{sync::LazyLock, time::Duration};

            use sqlx::{Connection as _, Database, Executor as _, Pool};

            use super::{LaneName, Lent, Row, Store, duration, milliseconds, uuid};
            use crate::{
                envelope::Envelope,
                queue::Job,
                sql::{
                    backend::Answer,
                    dialect::{ROWS_MAX, Statements, $dialect},
                    queue::{FailedJob, LaneStats},
                },
            };

            static SQL: LazyLock<Statements> = LazyLock::new(|| Statements::new(&$dialect));

            /// Writes jobs within a transaction.
            pub(in crate::sql) async fn push(
                connection: &mut <$database as Database>::Connection,
                jobs: &[Job],
            ) -> Result<(), sqlx::Error> {
                for jobs in jobs.chunks(ROWS_MAX) {
                    let statement = SQL.push(jobs.len());
                    let query = jobs.iter().fold(sqlx::query(statement), |query, job| {
                        let (queue, connection) = (job.queue.as_str(), &*job.connection);
                        query.bind(uuid()).bind(queue).bind(connection).bind(job.envelope.to_json())
                    });
                    connection.execute(query).await?;
                }
                Ok(())
            }

            impl Store for Pool<$database> {
                fn push<'a>(&'a self, jobs: &'a [Job]) -> Answer<'a, ()> {
                    Box::pin(async move {
                        // One statement is a transaction of its own; a page waits for this.
                        if jobs.len() <= ROWS_MAX {
                            return push(&mut *self.acquire().await?, jobs).await;
                        }
                        let mut tx = self.begin().await?;
                        push(&mut tx, jobs).await?;
                        tx.commit().await
                    })
                }

                fn take<'a>(&'a self, lane: &'a LaneName, max: i64) -> Answer<'a, Vec<Row>> {
                    type Columns = (i64, String, String, i64, i64, i64);
                    Box::pin(async move {
                        let query = sqlx::query_as(SQL.take.clone()).bind(&lane.queue);
                        let query = query.bind(&lane.connection).bind(max);
                        let mut lent = Lent::by(self).await?;
                        let rows = query.fetch_all(&mut *lent).await;
                        let rows: Vec<Columns> = lent.end(rows)?;
                        Ok(rows.into_iter().map(row).collect())
                    })
                }

                fn sent(&self, id: i64) -> Answer<'_, ()> {
                    let query = sqlx::query(SQL.sent.clone()).bind(id);
                    Box::pin(async move { execute(self, query).await.map(drop) })
                }

                fn postpone(&self, id: i64, pause: Duration) -> Answer<'_, ()> {
                    let query =
                        sqlx::query(SQL.postpone.clone()).bind(milliseconds(pause)).bind(id);
                    Box::pin(async move { execute(self, query).await.map(drop) })
                }

                fn fail<'a>(&'a self, id: i64, reason: &'a str) -> Answer<'a, ()> {
                    Box::pin(async move {
                        let mut lent = Lent::by(self).await?;
                        let moved = move_to_failed(&mut lent, id, reason).await;
                        lent.end(moved)
                    })
                }

                fn reserve<'a>(
                    &'a self,
                    lane: &'a LaneName,
                    worker: &'a str,
                    lease: Duration,
                ) -> Answer<'a, bool> {
                    let reserve = move || {
                        let query = sqlx::query(SQL.reserve.clone()).bind(worker);
                        let query = query.bind(milliseconds(lease)).bind(&lane.queue);
                        query.bind(&lane.connection).bind(worker)
                    };
                    Box::pin(async move {
                        if execute(self, reserve()).await? > 0 {
                            return Ok(true);
                        }
                        let open = sqlx::query(SQL.open_lane.clone()).bind(&lane.queue);
                        if execute(self, open.bind(&lane.connection)).await? == 0 {
                            return Ok(false);
                        }
                        Ok(execute(self, reserve()).await? > 0)
                    })
                }

                fn release<'a>(&'a self, lane: &'a LaneName, worker: &'a str) -> Answer<'a, ()> {
                    Box::pin(async move {
                        let query = sqlx::query(SQL.release.clone()).bind(&lane.queue);
                        execute(self, query.bind(&lane.connection).bind(worker)).await.map(drop)
                    })
                }

                fn stats(&self) -> Answer<'_, Vec<LaneStats>> {
                    type Columns = (String, String, i64, i64, i64);
                    Box::pin(async move {
                        let query = sqlx::query_as(SQL.stats.clone());
                        let mut lent = Lent::of(self.acquire().await?);
                        let rows = query.fetch_all(&mut *lent).await;
                        let rows: Vec<Columns> = lent.end(rows)?;
                        Ok(rows.into_iter().map(lane_stats).collect())
                    })
                }

                fn count_failed(&self) -> Answer<'_, u64> {
                    Box::pin(async move {
                        let query = sqlx::query_scalar(SQL.count_failed.clone());
                        let count: i64 = query.fetch_one(self).await?;
                        Ok(count.unsigned_abs())
                    })
                }

                fn failed(&self, after: i64, max: i64) -> Answer<'_, Vec<FailedJob>> {
                    type Columns = (i64, String, String, String, String, String, i64);
                    Box::pin(async move {
                        let query = sqlx::query_as(SQL.failed.clone()).bind(after).bind(max);
                        let rows: Vec<Columns> = query.fetch_all(self).await?;
                        Ok(rows.into_iter().map(failed_job).collect())
                    })
                }

                fn retry(&self, id: i64) -> Answer<'_, bool> {
                    Box::pin(async move {
                        let mut tx = self.begin().await?;
                        tx.execute(sqlx::query(SQL.retry.clone()).bind(id)).await?;
                        let forget = sqlx::query(SQL.forget.clone()).bind(id);
                        // Nothing was there, or another retried it meanwhile: dropping the transaction takes all back.
                        if tx.execute(forget).await?.rows_affected() == 0 {
                            return Ok(false);
                        }
                        tx.commit().await.map(|()| true)
                    })
                }

                fn forget(&self, id: i64) -> Answer<'_, bool> {
                    Box::pin(async move {
                        let query = sqlx::query(SQL.forget.clone()).bind(id);
                        Ok(query.execute(self).await?.rows_affected() > 0)
                    })
                }

                fn prune(&self, age: Option<Duration>, max: i64) -> Answer<'_, u64> {
                    // Whatever the clock was when they failed.
                    let age = age.map_or(-milliseconds(Duration::MAX), milliseconds);
                    let query = sqlx::query(SQL.prune.clone()).bind(age).bind(max);
                    Box::pin(execute(self, query))
                }

                fn last_failed(&self) -> Answer<'_, i64> {
                    let query = sqlx::query_scalar(SQL.last_failed.clone());
                    Box::pin(query.fetch_one(self))
                }
            }

            type Query<'q> = sqlx::query::Query<'q, $database, <$database as Database>::Arguments>;

            /// Says how many rows it was about.
            async fn execute(pool: &Pool<$database>, query: Query<'_>) -> Result<u64, sqlx::Error> {
                let mut lent = Lent::by(pool).await?;
                let done = query.execute(&mut *lent).await;
                lent.end(done).map(|done| done.rows_affected())
            }

            async fn move_to_failed(
                connection: &mut <$database as Database>::Connection,
                id: i64,
                reason: &str,
            ) -> Result<(), sqlx::Error> {
                let mut tx = connection.begin().await?;
                let query = sqlx::query(SQL.fail.clone()).bind(reason).bind(id);
                tx.execute(query).await?;
                tx.execute(sqlx::query(SQL.sent.clone()).bind(id)).await?;
                tx.commit().await
            }

            fn row(columns: (i64, String, String, i64, i64, i64)) -> Row {
                let (id, uuid, payload, attempts, available_in, age) = columns;
                Row {
                    id,
                    uuid,
                    envelope: Envelope::from_json(&payload),
                    attempts: attempts.try_into().unwrap_or(u32::MAX),
                    available_in: duration(available_in),
                    age: duration(age),
                }
            }

            fn lane_stats(columns: (String, String, i64, i64, i64)) -> LaneStats {
                let (queue, connection, waiting, oldest, lease) = columns;
                LaneStats {
                    queue,
                    connection,
                    waiting: waiting.unsigned_abs(),
                    oldest: duration(oldest),
                    has_worker: lease > 0,
                }
            }

            fn failed_job(
                columns: (i64, String, String, String, String, String, i64),
            ) -> FailedJob {
                let (id, uuid, queue, connection, payload, exception, failed_at) = columns;
                let failed_at = std::time::UNIX_EPOCH + duration(failed_at);
                FailedJob { id, uuid, queue, connection, payload, exception, failed_at }
            }
        }
    };
}

store!(sqlite, "sqlx-sqlite", sqlx::Sqlite, SQLITE);
store!(postgres, "sqlx-postgres", sqlx::Postgres, POSTGRES);
store!(mysql, "sqlx-mysql", sqlx::MySql, MYSQL);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_uuid_of_version_4_and_nobody_elses() {
        let name = uuid();
        let is_hyphen = |at| [8, 13, 18, 23].contains(&at);
        let is_formed =
            |(at, c): (usize, char)| if is_hyphen(at) { c == '-' } else { c.is_ascii_hexdigit() };
        assert!(name.len() == 36 && name.char_indices().all(is_formed), "{name}");
        assert!(name[14..].starts_with('4') && "89ab".contains(&name[19..20]), "{name}");
        assert_ne!(name, uuid());
    }
}
