//! The tables, and which of their versions are there.

use sqlx::Pool;

use crate::sql::backend::Backend;

/// Makes the tables of this crate that are missing: `resound_jobs`, `resound_failed_jobs`, `resound_lanes`, `notifications`, and `resound_migrations` with the
/// versions that were applied.
///
/// It may be called at every start, and by several processes at once. Who would rather have them among the migrations of
/// the application copies the files of `migrations/sqlite`, `migrations/postgres` or `migrations/mysql` of this crate; each can be applied
/// twice, so that calling this as well does no harm.
///
/// # Errors
/// Those of the database: of creating tables, above all.
///
/// ```
/// # #[cfg(feature = "sqlx-sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), sqlx::Error> {
/// let pool = sqlx::SqlitePool::connect("sqlite::memory:").await?;
/// resound::sql::migrate(&pool).await?;
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlx-sqlite"))]
/// # fn main() {}
/// ```
pub async fn migrate<DB: Backend>(pool: &Pool<DB>) -> Result<(), sqlx::Error> {
    DB::migrate(pool).await
}

/// The same for each database.
macro_rules! migration {
    ($module:ident, $feature:literal, $connection:ty) => {
        #[cfg(feature = $feature)]
        pub(super) mod $module {
            use crate::sql::dialect::Dialect;

            /// Applies what is not there yet. Nobody else does so meanwhile.
            pub(in crate::sql) async fn run(
                connection: &mut $connection,
                dialect: &Dialect,
            ) -> Result<(), sqlx::Error> {
                sqlx::raw_sql(
                    "CREATE TABLE IF NOT EXISTS resound_migrations \
                     (version BIGINT NOT NULL PRIMARY KEY, applied_at BIGINT NOT NULL)",
                )
                .execute(&mut *connection)
                .await?;
                let applied: Vec<i64> =
                    sqlx::query_scalar("SELECT version FROM resound_migrations")
                        .fetch_all(&mut *connection)
                        .await?;
                let missing = dialect.migrations.iter().filter(|(v, _)| !applied.contains(v));
                for (version, text) in missing {
                    sqlx::raw_sql(*text).execute(&mut *connection).await?;
                    let note =
                        "INSERT INTO resound_migrations (version, applied_at) VALUES (?, {now})";
                    sqlx::query(dialect.say(note)).bind(version).execute(&mut *connection).await?;
                }
                Ok(())
            }
        }
    };
}

migration!(sqlite, "sqlx-sqlite", sqlx::SqliteConnection);
migration!(postgres, "sqlx-postgres", sqlx::PgConnection);
migration!(mysql, "sqlx-mysql", sqlx::MySqlConnection);
