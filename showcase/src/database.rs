//! The database: one file, created at the first start.

use std::{str::FromStr as _, time::Duration};

use anyhow::Context as _;
use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::pages::PAGES;

/// Opens the database, and makes the file if there is none.
pub async fn open(url: &str) -> anyhow::Result<SqlitePool> {
    let options = SqliteConnectOptions::from_str(url)?
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(Duration::from_secs(5));
    let pool = SqlitePoolOptions::new().max_connections(8);
    pool.connect_with(options).await.with_context(|| format!("can't open the database {url}"))
}

/// Creates tables and seed data that are not there yet: those of all, then those of each page.
pub async fn create(db: &SqlitePool) -> anyhow::Result<()> {
    // The table of notifications.
    resound::sql::migrate(db).await?;
    // In one transaction, because two processes may start at the same time.
    let mut tx = db.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::raw_sql(include_str!("schema.sql")).execute(&mut *tx).await?;
    for page in PAGES {
        let created = sqlx::raw_sql(page.migration).execute(&mut *tx).await;
        created.with_context(|| format!("the migration of {} failed", page.slug))?;
    }
    Ok(tx.commit().await?)
}
