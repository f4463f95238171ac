use serde::Serialize;
use sqlx::{FromRow, SqliteConnection};

use crate::visitor::Visitor;

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
        sqlx::query_as(
            "INSERT INTO activity_entries (author, name, did, link) VALUES (?, ?, ?, ?) RETURNING *",
        )
        .bind(&author.key)
        .bind(&author.name)
        .bind(did)
        .bind(link)
        .fetch_one(db)
        .await
    }
}
