//! What differs between the databases.

use std::{future::Future, pin::Pin, time::Duration};

use sqlx::{Database, Pool};

use crate::{notification::Table, queue::Job, sql::queue::Queue};

/// An answer of the database, later.
pub(crate) type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, sqlx::Error>> + Send + 'a>>;

/// The databases that events can wait for: `sqlx::Sqlite`, `sqlx::Postgres` and `sqlx::MySql` (MariaDB, too), each
/// with its feature.
///
/// ```
/// use resound::{Broadcaster, broadcast, sql::{Backend, Transaction}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// /// For whatever database the application has.
/// async fn posted<DB: Backend>(tx: &Transaction<'_, DB>, id: u64) {
///     tx.send(broadcast::public("posts").name("posted").with(id)).await;
/// }
/// # let options = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
/// # let pool = options.connect("sqlite::memory:").await?;
/// # resound::sql::migrate(&pool).await?;
/// # let fake = resound::Fake::new();
/// # let broadcaster = fake.broadcaster();
/// # let tx = broadcaster.begin(&pool).await?;
/// # posted(&tx, 7).await;
/// # tx.commit().await?;
/// # assert_eq!(fake.events().len(), 1);
/// # Ok(())
/// # }
/// ```
pub trait Backend: Database + Sealed {}

/// What this crate needs of a database. Nobody else can implement it, so that it can grow.
#[expect(unnameable_types, reason = "it is sealed")]
pub trait Sealed: Database + Table {
    /// Begins a transaction that may write.
    #[doc(hidden)]
    fn begin(pool: &Pool<Self>) -> Answer<'_, sqlx::Transaction<'static, Self>>;

    /// Leaves a mark in a transaction that was begun just now.
    #[doc(hidden)]
    fn mark(connection: &mut Self::Connection) -> Answer<'_, ()>;

    /// Fails unless the transaction is still the one that was marked, and can be committed.
    #[doc(hidden)]
    fn check(connection: &mut Self::Connection) -> Answer<'_, ()>;

    /// Writes jobs into the queue's table.
    #[doc(hidden)]
    fn push<'a>(connection: &'a mut Self::Connection, jobs: &'a [Job]) -> Answer<'a, ()>;

    /// Makes the tables.
    #[doc(hidden)]
    fn migrate(pool: &Pool<Self>) -> Answer<'_, ()>;

    /// A queue in this database.
    #[doc(hidden)]
    fn queue(pool: Pool<Self>, patience: Duration) -> Queue;
}

#[cfg(feature = "sqlx-sqlite")]
mod sqlite {
    use sqlx::{Database as _, Sqlite};

    use super::{Answer, Backend, Duration, Job, Pool, Queue, Sealed};
    use crate::sql::{dialect::SQLITE, migration, store};

    impl Backend for Sqlite {}

    impl Sealed for Sqlite {
        fn begin(pool: &Pool<Self>) -> Answer<'_, sqlx::Transaction<'static, Self>> {
            // Not BEGIN alone: a transaction that reads first and writes then would fail if another one wrote meanwhile,
            // and no waiting would help it.
            Box::pin(pool.begin_with("BEGIN IMMEDIATE"))
        }

        fn mark(_: &mut Self::Connection) -> Answer<'_, ()> {
            Box::pin(async { Ok(()) })
        }

        fn check(_: &mut Self::Connection) -> Answer<'_, ()> {
            // Where SQLite has ended a transaction by itself COMMIT fails.
            Box::pin(async { Ok(()) })
        }

        fn push<'a>(connection: &'a mut Self::Connection, jobs: &'a [Job]) -> Answer<'a, ()> {
            Box::pin(store::sqlite::push(connection, jobs))
        }

        fn migrate(pool: &Pool<Self>) -> Answer<'_, ()> {
            Box::pin(async move {
                let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
                migration::sqlite::run(&mut tx, &SQLITE).await?;
                tx.commit().await
            })
        }

        fn queue(pool: Pool<Self>, patience: Duration) -> Queue {
            Queue::over(Box::new(pool), Self::NAME, patience)
        }
    }
}

#[cfg(feature = "sqlx-postgres")]
mod postgres {
    use sqlx::{Database as _, Executor as _, Postgres};

    use super::{Answer, Backend, Duration, Job, Pool, Queue, Sealed};
    use crate::sql::{dialect::POSTGRES, migration, store};

    impl Backend for Postgres {}

    impl Sealed for Postgres {
        fn begin(pool: &Pool<Self>) -> Answer<'_, sqlx::Transaction<'static, Self>> {
            Box::pin(pool.begin())
        }

        fn mark(_: &mut Self::Connection) -> Answer<'_, ()> {
            Box::pin(async { Ok(()) })
        }

        fn check(connection: &mut Self::Connection) -> Answer<'_, ()> {
            // PostgreSQL answers COMMIT of a transaction in which a statement failed without an error, by rolling back.
            // SAVEPOINT fails there, and outside of a transaction, too.
            Box::pin(async move {
                let check = "SAVEPOINT resound; RELEASE SAVEPOINT resound";
                connection.execute(check).await.map(drop)
            })
        }

        fn push<'a>(connection: &'a mut Self::Connection, jobs: &'a [Job]) -> Answer<'a, ()> {
            Box::pin(store::postgres::push(connection, jobs))
        }

        fn migrate(pool: &Pool<Self>) -> Answer<'_, ()> {
            Box::pin(async move {
                let mut tx = pool.begin().await?;
                // CREATE TABLE IF NOT EXISTS alone fails if two do it at once. The number says "resound".
                tx.execute("SELECT pg_advisory_xact_lock(32210684911054436)").await?;
                migration::postgres::run(&mut tx, &POSTGRES).await?;
                tx.commit().await
            })
        }

        fn queue(pool: Pool<Self>, patience: Duration) -> Queue {
            Queue::over(Box::new(pool), Self::NAME, patience)
        }
    }
}

#[cfg(feature = "sqlx-mysql")]
mod mysql {
    use sqlx::{Database as _, Executor as _, MySql};

    use super::{Answer, Backend, Duration, Job, Pool, Queue, Sealed};
    use crate::sql::{dialect::MYSQL, migration, store};

    impl Backend for MySql {}

    impl Sealed for MySql {
        fn begin(pool: &Pool<Self>) -> Answer<'_, sqlx::Transaction<'static, Self>> {
            Box::pin(pool.begin())
        }

        fn mark(connection: &mut Self::Connection) -> Answer<'_, ()> {
            Box::pin(async move { connection.execute("SAVEPOINT resound").await.map(drop) })
        }

        fn check(connection: &mut Self::Connection) -> Answer<'_, ()> {
            // After a deadlock InnoDB has rolled back all, and statements that follow commit one by one; COMMIT would succeed.
            // The mark is gone then, as it is after a statement that commits by itself (CREATE TABLE).
            Box::pin(async move { connection.execute("RELEASE SAVEPOINT resound").await.map(drop) })
        }

        fn push<'a>(connection: &'a mut Self::Connection, jobs: &'a [Job]) -> Answer<'a, ()> {
            Box::pin(store::mysql::push(connection, jobs))
        }

        fn migrate(pool: &Pool<Self>) -> Answer<'_, ()> {
            Box::pin(async move {
                let mut connection = pool.acquire().await?;
                // CREATE TABLE commits by itself, so that no transaction can hold others off.
                connection.execute("DO GET_LOCK('resound_migrate', 60)").await?;
                let result = migration::mysql::run(&mut connection, &MYSQL).await;
                connection.execute("DO RELEASE_LOCK('resound_migrate')").await?;
                result
            })
        }

        fn queue(pool: Pool<Self>, patience: Duration) -> Queue {
            Queue::over(Box::new(pool), Self::NAME, patience)
        }
    }
}
