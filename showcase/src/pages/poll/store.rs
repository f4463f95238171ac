use serde::Serialize;
use sqlx::{FromRow, SqliteConnection, SqlitePool};

use crate::visitor::Visitor;

/// How many questions there may be.
pub const POLLS_MAX: i64 = 200;

#[derive(FromRow)]
pub struct Poll {
    pub id: i64,
    pub question: String,
    pub votes: i64,
}

impl Poll {
    pub async fn newest(db: &SqlitePool) -> sqlx::Result<Vec<Self>> {
        sqlx::query_as(
            "SELECT *, (SELECT count(*) FROM poll_votes WHERE poll_id = poll_polls.id) AS votes
            FROM poll_polls ORDER BY id DESC LIMIT 20",
        )
        .fetch_all(db)
        .await
    }

    pub async fn find(db: &SqlitePool, id: i64) -> sqlx::Result<Option<Self>> {
        sqlx::query_as(
            "SELECT *, (SELECT count(*) FROM poll_votes WHERE poll_id = poll_polls.id) AS votes
            FROM poll_polls WHERE id = ?",
        )
        .bind(id)
        .fetch_optional(db)
        .await
    }

    /// None if there are too many. In a transaction: without its answers a question is none.
    pub async fn add(
        tx: &mut SqliteConnection,
        question: &str,
        options: &[&str],
    ) -> sqlx::Result<Option<i64>> {
        let id = sqlx::query_scalar(
            "INSERT INTO poll_polls (question)
            SELECT ? WHERE (SELECT count(*) FROM poll_polls) < ? RETURNING id",
        );
        let id: Option<i64> = id.bind(question).bind(POLLS_MAX).fetch_optional(&mut *tx).await?;
        let Some(id) = id else { return Ok(None) };
        for label in options {
            sqlx::query("INSERT INTO poll_options (poll_id, label) VALUES (?, ?)")
                .bind(id)
                .bind(label)
                .execute(&mut *tx)
                .await?;
        }
        Ok(Some(id))
    }

    /// Whether this can be voted for.
    pub async fn has(&self, db: &SqlitePool, option: i64) -> sqlx::Result<bool> {
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM poll_options WHERE poll_id = ? AND id = ?)",
        )
        .bind(self.id)
        .bind(option)
        .fetch_one(db)
        .await
    }

    /// Takes the vote; false if this person has voted. That two votes at once are not both taken is the database's
    /// doing: nobody asks before the insert.
    pub async fn vote(
        &self,
        db: &mut SqliteConnection,
        voter: &Visitor,
        option: i64,
    ) -> sqlx::Result<bool> {
        let sql = "INSERT INTO poll_votes (poll_id, voter, option_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
        let inserted =
            sqlx::query(sql).bind(self.id).bind(&voter.key).bind(option).execute(db).await?;
        Ok(inserted.rows_affected() == 1)
    }

    /// The option that this person has voted for.
    pub async fn choice(&self, db: &SqlitePool, voter: &Visitor) -> sqlx::Result<Option<i64>> {
        sqlx::query_scalar("SELECT option_id FROM poll_votes WHERE poll_id = ? AND voter = ?")
            .bind(self.id)
            .bind(&voter.key)
            .fetch_optional(db)
            .await
    }
}

/// How many have voted for what. Votes are never taken back, so that of two results the one with more votes is newer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Results {
    pub votes: i64,
    pub options: Vec<PollOption>,
}

#[derive(Clone, Debug, PartialEq, FromRow, Serialize)]
pub struct PollOption {
    pub id: i64,
    pub label: String,
    pub votes: i64,
}

impl Results {
    pub async fn of(db: &SqlitePool, poll: i64) -> sqlx::Result<Self> {
        let options: Vec<PollOption> = sqlx::query_as(
            "SELECT id, label, (SELECT count(*) FROM poll_votes WHERE option_id = poll_options.id) AS votes
            FROM poll_options WHERE poll_id = ? ORDER BY id",
        )
        .bind(poll)
        .fetch_all(db)
        .await?;
        Ok(Self { votes: options.iter().map(|option| option.votes).sum(), options })
    }

    /// The share of an option, in percent.
    pub fn percent(&self, option: &PollOption) -> i64 {
        (option.votes * 200 + self.votes) / (self.votes * 2).max(1)
    }
}
