//! Pages that change something: posts that are written, renamed and deleted, and their author who hears of comments.

use std::str::FromStr as _;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use resound::{
    Model, SocketId,
    model::{BroadcastsEvents, Snapshot},
    notification::{DatabaseNotification, Notifiable, Notification, Via},
    sql,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::{SqlitePool, sqlite::SqliteConnectOptions};

use crate::{App, events::OrderUpdated, user::User};

#[derive(Serialize, sqlx::FromRow)]
struct Post {
    id: i64,
    title: String,
}

impl Model for Post {
    fn key(&self) -> String {
        self.id.to_string()
    }
}

impl BroadcastsEvents for Post {}

/// Somebody has commented a post.
#[derive(Serialize)]
struct Commented {
    post_id: i64,
    text: String,
}

impl<N: Notifiable> Notification<N> for Commented {
    fn via(&self, _: &N) -> Vec<Via> {
        vec![Via::Database, Via::Broadcast]
    }
}

/// What is written.
#[derive(Deserialize)]
struct Writing {
    text: String,
    /// Whether the transaction is rolled back at its end.
    #[serde(default)]
    fails: bool,
}

/// Opens the database, and makes its tables if there are none.
pub(crate) async fn open(url: &str) -> anyhow::Result<SqlitePool> {
    let pool =
        SqlitePool::connect_with(SqliteConnectOptions::from_str(url)?.create_if_missing(true))
            .await?;
    sql::migrate(&pool).await?;
    sqlx::query("CREATE TABLE IF NOT EXISTS posts (id INTEGER PRIMARY KEY, title TEXT NOT NULL)")
        .execute(&pool)
        .await?;
    Ok(pool)
}

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/posts/{id}", post(save).delete(delete))
        .route("/posts/{id}/comments", post(comment))
        .route("/orders/{id}/transaction", post(update_order))
        .route("/notifications", get(inbox))
}

type Answer<T> = Result<T, (StatusCode, String)>;

fn broken(error: impl std::fmt::Display) -> (StatusCode, String) {
    (StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}

/// Creates a post, or renames it: a title that stays is no news.
async fn save(
    State(app): State<App>,
    socket: SocketId,
    Path(id): Path<i64>,
    Json(writing): Json<Writing>,
) -> Answer<()> {
    let old: Option<Post> = sqlx::query_as("SELECT * FROM posts WHERE id = ?")
        .bind(id)
        .fetch_optional(&app.pool)
        .await
        .map_err(broken)?;
    let new = Post { id, title: writing.text };
    let query = sqlx::query(
        "INSERT INTO posts VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET title = excluded.title",
    );
    query.bind(id).bind(&new.title).execute(&app.pool).await.map_err(broken)?;
    match old {
        None => app.broadcaster.created(&new).to_others(socket).await,
        Some(old) => app.broadcaster.updated(Snapshot::of(&old), &new).to_others(socket).await,
    }
    Ok(())
}

async fn delete(State(app): State<App>, Path(id): Path<i64>) -> Answer<()> {
    let query = sqlx::query_as("DELETE FROM posts WHERE id = ? RETURNING *").bind(id);
    let post: Option<Post> = query.fetch_optional(&app.pool).await.map_err(broken)?;
    if let Some(post) = post {
        app.broadcaster.deleted(&post).await;
    }
    Ok(())
}

/// Tells the author, user 7, in the transaction in which the comment would be stored.
async fn comment(
    State(app): State<App>,
    Path(post_id): Path<i64>,
    Json(writing): Json<Writing>,
) -> Answer<()> {
    let mut tx = app.broadcaster.begin(&app.pool).await.map_err(broken)?;
    let author = User { id: 7 };
    let commented = Commented { post_id, text: writing.text };
    app.notifier.within(&mut tx).send(&author, commented).await.map_err(broken)?;
    if writing.fails {
        return tx.rollback().await.map_err(broken);
    }
    tx.commit().await.map_err(broken)
}

/// A service that does not know that it runs in a transaction.
async fn update_order(
    State(app): State<App>,
    Path(order_id): Path<u64>,
    Json(writing): Json<Writing>,
) -> Answer<()> {
    let done = app.broadcaster.transaction(&app.pool, async |mut tx| {
        sqlx::query("INSERT INTO posts (title) VALUES (?)")
            .bind(&writing.text)
            .execute(&mut *tx)
            .await?;
        app.broadcaster.send(OrderUpdated { order_id, status: writing.text.clone() }).await;
        if writing.fails { Err(sqlx::Error::RowNotFound) } else { Ok(()) }
    });
    match done.await {
        Err(_) if writing.fails => Ok(()),
        done => done.map_err(broken),
    }
}

async fn inbox(State(app): State<App>, user: User) -> Answer<Json<Vec<Value>>> {
    let unread = app.notifier.inbox(&user).unread().limit(100).await.map_err(broken)?;
    let row =
        |row: &DatabaseNotification| json!({ "id": row.id, "type": row.kind, "data": row.data });
    Ok(Json(unread.iter().map(row).collect()))
}
