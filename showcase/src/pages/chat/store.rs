use serde::Serialize;
use sqlx::{FromRow, SqliteConnection, SqlitePool};

use crate::visitor::{User, Visitor};

/// A room, as one visitor sees it.
#[derive(FromRow)]
pub struct Room {
    pub id: i64,
    /// The name; of a room of two the name of the other one.
    pub title: String,
    pub is_of_two: bool,
    /// Everybody may come in.
    pub is_open: bool,
}

impl Room {
    /// The rooms that a visitor may enter.
    pub async fn all(db: &SqlitePool, visitor: &Visitor) -> sqlx::Result<Vec<Self>> {
        let user = visitor.user.as_ref().map(|user| user.id);
        sqlx::query_as(
            "SELECT id, pair IS NOT NULL AS is_of_two, is_open,
                coalesce((SELECT users.name FROM chat_members JOIN users ON users.id = user_id
                          WHERE room_id = chat_rooms.id AND user_id <> ?1 AND pair IS NOT NULL), name) AS title
            FROM chat_rooms
            WHERE is_open OR id IN (SELECT room_id FROM chat_members WHERE user_id = ?1)
            ORDER BY pair IS NOT NULL, id",
        )
        .bind(user)
        .fetch_all(db)
        .await
    }

    /// The room, if the visitor may enter it.
    pub async fn find(db: &SqlitePool, id: i64, visitor: &Visitor) -> sqlx::Result<Option<Self>> {
        Ok(Self::all(db, visitor).await?.into_iter().find(|room| room.id == id))
    }

    /// The room of two people.
    pub async fn of_two(db: &SqlitePool, one: i64, other: i64) -> sqlx::Result<i64> {
        let (first, second) = (one.min(other), one.max(other));
        let mut tx = db.begin_with("BEGIN IMMEDIATE").await?;
        let id = sqlx::query_scalar(
            "INSERT INTO chat_rooms (name, pair) VALUES ('', ?)
            ON CONFLICT (pair) DO UPDATE SET pair = excluded.pair RETURNING id",
        )
        .bind(format!("{first}-{second}"))
        .fetch_one(&mut *tx)
        .await?;
        sqlx::query("INSERT OR IGNORE INTO chat_members VALUES (?1, ?2), (?1, ?3)")
            .bind(id)
            .bind(first)
            .bind(second)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(id)
    }

    /// The members beside the visitor; an open room has none.
    pub async fn other_members(
        &self,
        db: &mut SqliteConnection,
        visitor: &Visitor,
    ) -> sqlx::Result<Vec<User>> {
        sqlx::query_as(
            "SELECT users.* FROM chat_members JOIN users ON users.id = user_id
            WHERE room_id = ? AND user_id <> ?",
        )
        .bind(self.id)
        .bind(visitor.user.as_ref().map(|user| user.id))
        .fetch_all(db)
        .await
    }

    /// Where it is.
    pub fn link(&self) -> String {
        format!("/chat/{}", self.id)
    }
}

/// A message, in the database and on the channel.
#[derive(Clone, Debug, PartialEq, FromRow, Serialize)]
pub struct Message {
    pub id: i64,
    pub author: String,
    pub name: String,
    pub text: String,
    pub sent_at: String,
}

impl Message {
    /// Stores a message; none if this draft is stored already.
    pub async fn add(
        db: &mut SqliteConnection,
        room: i64,
        author: &Visitor,
        text: &str,
        draft: &str,
    ) -> sqlx::Result<Option<Self>> {
        sqlx::query_as(
            "INSERT INTO chat_messages (room_id, author, name, text, draft) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (author, draft) DO NOTHING RETURNING *",
        )
        .bind(room)
        .bind(&author.key)
        .bind(&author.name)
        .bind(text)
        .bind(draft)
        .fetch_optional(db)
        .await
    }

    /// What became of a draft; none if it had another text.
    pub async fn of_draft(
        db: &mut SqliteConnection,
        room: i64,
        author: &Visitor,
        text: &str,
        draft: &str,
    ) -> sqlx::Result<Option<Self>> {
        sqlx::query_as(
            "SELECT * FROM chat_messages WHERE author = ? AND draft = ? AND room_id = ? AND text = ?",
        )
        .bind(&author.key)
        .bind(draft)
        .bind(room)
        .bind(text)
        .fetch_optional(db)
        .await
    }

    /// The last messages of a room, the oldest first.
    pub async fn last(db: &SqlitePool, room: i64, count: u32) -> sqlx::Result<Vec<Self>> {
        let newest_first = "SELECT * FROM chat_messages WHERE room_id = ? ORDER BY id DESC LIMIT ?";
        let mut messages: Vec<Self> =
            sqlx::query_as(newest_first).bind(room).bind(count).fetch_all(db).await?;
        messages.reverse();
        Ok(messages)
    }

    /// The messages of a room after this one.
    pub async fn after(db: &SqlitePool, room: i64, id: i64, count: u32) -> sqlx::Result<Vec<Self>> {
        sqlx::query_as(
            "SELECT * FROM chat_messages WHERE room_id = ? AND id > ? ORDER BY id LIMIT ?",
        )
        .bind(room)
        .bind(id)
        .bind(count)
        .fetch_all(db)
        .await
    }
}
