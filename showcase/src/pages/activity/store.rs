use serde::Serialize;
use sqlx::{FromRow, SqliteConnection, SqlitePool};

use crate::visitor::Visitor;

/// How many entries are kept; older ones are forgotten.
const KEPT_MAX: i64 = 10_000;

/// What somebody did.
#[derive(Clone, Debug, PartialEq, FromRow, Serialize)]
pub struct Entry {
    pub id: i64,
    pub author: String,
    pub name: String,
    /// The sentence that begins with the name: `wrote in Lobby`.
    pub did: String,
    pub link: String,
    pub at: String,
}

impl Entry {
    pub async fn add(
        db: &mut SqliteConnection,
        author: &Visitor,
        did: &str,
        link: &str,
    ) -> sqlx::Result<Self> {
        let entry: Self = sqlx::query_as(
            "INSERT INTO activity_entries (author, name, did, link) VALUES (?, ?, ?, ?) RETURNING *",
        )
        .bind(&author.key)
        .bind(&author.name)
        .bind(did)
        .bind(link)
        .fetch_one(&mut *db)
        .await?;
        sqlx::query("DELETE FROM activity_entries WHERE id <= ?")
            .bind(entry.id - KEPT_MAX)
            .execute(db)
            .await?;
        Ok(entry)
    }

    /// The entries before this one, the newest first.
    pub async fn before(db: &SqlitePool, id: i64, count: u32) -> sqlx::Result<Vec<Self>> {
        sqlx::query_as("SELECT * FROM activity_entries WHERE id < ? ORDER BY id DESC LIMIT ?")
            .bind(id)
            .bind(count)
            .fetch_all(db)
            .await
    }

    /// The entries after this one, the oldest first.
    pub async fn after(db: &SqlitePool, id: i64, count: u32) -> sqlx::Result<Vec<Self>> {
        sqlx::query_as("SELECT * FROM activity_entries WHERE id > ? ORDER BY id LIMIT ?")
            .bind(id)
            .bind(count)
            .fetch_all(db)
            .await
    }
}
