use serde::Serialize;
use sqlx::{FromRow, SqliteConnection, SqlitePool};

use crate::visitor::{User, Visitor};

#[derive(FromRow)]
pub struct Article {
    pub id: i64,
    pub author_id: i64,
    /// The author's name.
    pub author: String,
    pub title: String,
    pub teaser: String,
    /// Paragraphs, with an empty line between them.
    body: String,
    #[sqlx(flatten)]
    pub figures: Figures,
}

impl Article {
    pub async fn all(db: &SqlitePool) -> sqlx::Result<Vec<Self>> {
        sqlx::query_as("SELECT * FROM readers_overview ORDER BY id").fetch_all(db).await
    }

    pub async fn find(db: &SqlitePool, id: i64) -> sqlx::Result<Option<Self>> {
        let one = "SELECT * FROM readers_overview WHERE id = ?";
        sqlx::query_as(one).bind(id).fetch_optional(db).await
    }

    pub fn paragraphs(&self) -> impl Iterator<Item = &str> {
        self.body.split("\n\n")
    }

    /// The author, unless that is the visitor.
    pub async fn author_beside(
        &self,
        db: &SqlitePool,
        visitor: &Visitor,
    ) -> sqlx::Result<Option<User>> {
        if visitor.key == self.author_id.to_string() {
            return Ok(None);
        }
        User::find(db, self.author_id).await
    }

    pub async fn is_liked_by(&self, db: &SqlitePool, visitor: &Visitor) -> sqlx::Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM readers_likes WHERE article_id = ? AND person = ? AND likes)";
        sqlx::query_scalar(sql).bind(self.id).bind(&visitor.key).fetch_one(db).await
    }

    /// Has somebody like the article, or not. That two clicks at once are one like is the primary key's doing.
    pub async fn like(
        &self,
        db: &mut SqliteConnection,
        visitor: &Visitor,
        likes: bool,
    ) -> sqlx::Result<Reaction> {
        let insert = "INSERT INTO readers_likes (article_id, person, likes) SELECT ?, ?, TRUE WHERE ? ON CONFLICT DO NOTHING";
        let inserted = sqlx::query(insert).bind(self.id).bind(&visitor.key).bind(likes);
        if inserted.execute(&mut *db).await?.rows_affected() > 0 {
            return Ok(Reaction::First);
        }
        let update = "UPDATE readers_likes SET likes = ?3 WHERE article_id = ?1 AND person = ?2 AND likes <> ?3";
        let updated = sqlx::query(update).bind(self.id).bind(&visitor.key).bind(likes);
        let is_changed = updated.execute(db).await?.rows_affected() > 0;
        Ok(if is_changed { Reaction::Changed } else { Reaction::None })
    }
}

/// What a click on the heart did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// This person likes the article for the first time.
    First,
    /// Likes it no more, or again.
    Changed,
    None,
}

/// What people made of an article. Likes come and go, so that a number says which of two figures is the newer one.
#[derive(Clone, Debug, PartialEq, FromRow, Serialize)]
pub struct Figures {
    pub article: i64,
    pub version: i64,
    pub likes: i64,
    pub comments: i64,
}

impl Figures {
    /// The figures after a change, with the next version.
    pub async fn next(db: &mut SqliteConnection, article: i64) -> sqlx::Result<Self> {
        sqlx::query("UPDATE readers_articles SET version = version + 1 WHERE id = ?")
            .bind(article)
            .execute(&mut *db)
            .await?;
        let one = "SELECT * FROM readers_overview WHERE id = ?";
        sqlx::query_as(one).bind(article).fetch_one(db).await
    }
}

/// A comment, in the database and on the channel.
#[derive(Clone, Debug, PartialEq, FromRow, Serialize)]
pub struct Comment {
    pub id: i64,
    pub author: String,
    pub name: String,
    pub text: String,
    pub written_at: String,
}

impl Comment {
    /// Stores a comment; none if this draft is stored already.
    pub async fn add(
        db: &mut SqliteConnection,
        article: i64,
        author: &Visitor,
        text: &str,
        draft: &str,
    ) -> sqlx::Result<Option<Self>> {
        sqlx::query_as(
            "INSERT INTO readers_comments (article_id, author, name, text, draft) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (author, draft) DO NOTHING RETURNING *",
        )
        .bind(article)
        .bind(&author.key)
        .bind(&author.name)
        .bind(text)
        .bind(draft)
        .fetch_optional(db)
        .await
    }

    /// What became of a draft; none if it had another text.
    pub async fn of_draft(
        db: &SqlitePool,
        article: i64,
        author: &Visitor,
        text: &str,
        draft: &str,
    ) -> sqlx::Result<Option<Self>> {
        sqlx::query_as(
            "SELECT * FROM readers_comments
            WHERE author = ? AND draft = ? AND article_id = ? AND text = ?",
        )
        .bind(&author.key)
        .bind(draft)
        .bind(article)
        .bind(text)
        .fetch_optional(db)
        .await
    }

    /// The last comments on an article, the oldest first.
    pub async fn last(db: &SqlitePool, article: i64, count: u32) -> sqlx::Result<Vec<Self>> {
        let newest_first =
            "SELECT * FROM readers_comments WHERE article_id = ? ORDER BY id DESC LIMIT ?";
        let mut comments: Vec<Self> =
            sqlx::query_as(newest_first).bind(article).bind(count).fetch_all(db).await?;
        comments.reverse();
        Ok(comments)
    }

    /// The comments on an article after this one.
    pub async fn after(
        db: &SqlitePool,
        article: i64,
        id: i64,
        count: u32,
    ) -> sqlx::Result<Vec<Self>> {
        sqlx::query_as(
            "SELECT * FROM readers_comments WHERE article_id = ? AND id > ? ORDER BY id LIMIT ?",
        )
        .bind(article)
        .bind(id)
        .bind(count)
        .fetch_all(db)
        .await
    }
}
