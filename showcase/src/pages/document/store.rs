use std::borrow::Cow;

use resound::sql::Transaction;
use serde::Serialize;
use sqlx::{FromRow, Sqlite, SqliteConnection, SqlitePool};

use super::{replica::Replica, update::Update};
use crate::visitor::Visitor;

/// How many documents there may be.
const DOCUMENTS_MAX: i64 = 200;
/// How many minutes of each document are kept.
const HISTORY_MAX: i64 = 50;
/// The names of one minute; what is longer has no room for another one.
const NAMES_CHARACTERS_MAX: i64 = 400;

/// A text that anybody may read and write.
#[derive(FromRow)]
pub struct Document {
    pub id: i64,
    pub title: String,
    pub version: i64,
    pub text: String,
}

impl Document {
    /// The documents in which somebody has written last, first; of their texts the beginnings.
    pub async fn all(db: &SqlitePool) -> sqlx::Result<Vec<Self>> {
        sqlx::query_as(
            "SELECT id, title, version, substr(text, 1, 300) AS text,
                (SELECT max(minute) FROM document_history WHERE document_id = id) AS last
            FROM document_documents ORDER BY last DESC, id DESC",
        )
        .fetch_all(db)
        .await
    }

    pub async fn find(db: &SqlitePool, id: i64) -> sqlx::Result<Option<Self>> {
        sqlx::query_as("SELECT id, title, version, text FROM document_documents WHERE id = ?")
            .bind(id)
            .fetch_optional(db)
            .await
    }

    /// Begins a document; none if there are too many.
    pub async fn add(db: &SqlitePool, title: &str) -> sqlx::Result<Option<i64>> {
        sqlx::query_scalar(
            "INSERT INTO document_documents (title, text)
            SELECT ?, '' WHERE (SELECT count(*) FROM document_documents) < ? RETURNING id",
        )
        .bind(title)
        .bind(DOCUMENTS_MAX)
        .fetch_optional(db)
        .await
    }
}

/// What made a version of the one before it.
#[derive(FromRow)]
pub struct Change {
    pub version: i64,
    pub author: String,
    pub name: String,
    pub bytes: Vec<u8>,
}

/// What the database has of a text: a state, and the changes since.
#[derive(FromRow)]
pub struct Stored {
    pub title: String,
    pub version: i64,
    pub text: String,
    pub snapshot: Option<Vec<u8>>,
    pub snapshot_version: i64,
    #[sqlx(skip)]
    pub changes: Vec<Change>,
}

impl Stored {
    pub async fn find(db: &mut SqliteConnection, id: i64) -> sqlx::Result<Option<Self>> {
        let row = sqlx::query_as("SELECT * FROM document_documents WHERE id = ?").bind(id);
        let Some(mut stored): Option<Self> = row.fetch_optional(&mut *db).await? else {
            return Ok(None);
        };
        stored.changes = sqlx::query_as(
            "SELECT * FROM document_updates WHERE document_id = ? AND version > ? ORDER BY version",
        )
        .bind(id)
        .bind(stored.snapshot_version)
        .fetch_all(db)
        .await?;
        Ok(Some(stored))
    }

    /// The state that the changes build on.
    pub fn snapshot(&self) -> Cow<'_, [u8]> {
        match &self.snapshot {
            Some(snapshot) => snapshot.into(),
            None => Replica::seed(&self.text).into(),
        }
    }

    /// How much of it there is.
    pub fn bytes(&self) -> usize {
        let changes = self.changes.iter().map(|change| change.bytes.len());
        self.snapshot.as_ref().map_or(0, Vec::len) + changes.sum::<usize>()
    }

    /// Adds the next version.
    pub async fn add(
        tx: &mut Transaction<'_, Sqlite>,
        id: i64,
        change: &Change,
        text: &str,
    ) -> sqlx::Result<()> {
        sqlx::query("INSERT INTO document_updates VALUES (?, ?, ?, ?, ?)")
            .bind(id)
            .bind(change.version)
            .bind(&change.author)
            .bind(&change.name)
            .bind(&change.bytes)
            .execute(&mut **tx)
            .await?;
        sqlx::query("UPDATE document_documents SET version = ?, text = ? WHERE id = ?")
            .bind(change.version)
            .bind(text)
            .bind(id)
            .execute(&mut **tx)
            .await?;
        Ok(())
    }

    /// Puts one state in the place of all changes up to its version.
    pub async fn compact(
        tx: &mut Transaction<'_, Sqlite>,
        id: i64,
        version: i64,
        state: &[u8],
    ) -> sqlx::Result<()> {
        sqlx::query(
            "UPDATE document_documents SET snapshot = ?, snapshot_version = ? WHERE id = ?",
        )
        .bind(state)
        .bind(version)
        .bind(id)
        .execute(&mut **tx)
        .await?;
        sqlx::query("DELETE FROM document_updates WHERE document_id = ? AND version <= ?")
            .bind(id)
            .bind(version)
            .execute(&mut **tx)
            .await?;
        Ok(())
    }

    /// Whether this person may write under the numbers of an update: nobody else has used them.
    pub async fn claim(
        tx: &mut Transaction<'_, Sqlite>,
        id: i64,
        update: &Update,
        author: &Visitor,
    ) -> sqlx::Result<bool> {
        for client in &update.clients {
            let owner: String = sqlx::query_scalar(
                "INSERT INTO document_clients VALUES (?, ?, ?)
                ON CONFLICT DO UPDATE SET author = author RETURNING author",
            )
            .bind(id)
            .bind(client.number as i64)
            .bind(&author.key)
            .fetch_one(&mut **tx)
            .await?;
            if owner != author.key {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The text as it was at the end of a minute.
#[derive(Clone, Debug, FromRow, Serialize)]
pub struct Past {
    pub version: i64,
    pub minute: String,
    pub text: String,
    pub names: String,
}

impl Past {
    /// Notes the text of this minute, and says whether this person is new in it; not, if there are too many already.
    pub async fn note(
        tx: &mut Transaction<'_, Sqlite>,
        id: i64,
        change: &Change,
        text: &str,
    ) -> sqlx::Result<bool> {
        let is_new = sqlx::query_scalar(
            "SELECT NOT EXISTS (
                SELECT 1 FROM document_history WHERE document_id = ?1 AND minute = strftime('%Y-%m-%dT%H:%MZ', 'now')
                AND (length(names) >= ?3 OR instr(char(10) || names || char(10), char(10) || ?2 || char(10))))",
        );
        let is_new: bool = is_new
            .bind(id)
            .bind(&change.name)
            .bind(NAMES_CHARACTERS_MAX)
            .fetch_one(&mut **tx)
            .await?;
        sqlx::query(
            "INSERT INTO document_history VALUES (?1, strftime('%Y-%m-%dT%H:%MZ', 'now'), ?2, ?3, ?4)
            ON CONFLICT DO UPDATE SET version = ?2, text = ?3,
                names = CASE WHEN ?5 THEN names || char(10) || ?4 ELSE names END",
        )
        .bind(id)
        .bind(change.version)
        .bind(text)
        .bind(&change.name)
        .bind(is_new)
        .execute(&mut **tx)
        .await?;
        sqlx::query(
            "DELETE FROM document_history WHERE document_id = ?1 AND minute NOT IN (
                SELECT minute FROM document_history WHERE document_id = ?1 ORDER BY minute DESC LIMIT ?2)",
        )
        .bind(id)
        .bind(HISTORY_MAX)
        .execute(&mut **tx)
        .await?;
        Ok(is_new)
    }

    /// What is kept, the newest first.
    pub async fn all(db: &SqlitePool, id: i64) -> sqlx::Result<Vec<Self>> {
        sqlx::query_as("SELECT * FROM document_history WHERE document_id = ? ORDER BY minute DESC")
            .bind(id)
            .fetch_all(db)
            .await
    }

    /// Who wrote: `Ada Lovelace, Alan Turing`.
    pub fn people(&self) -> String {
        self.names.replace('\n', ", ")
    }
}
