//! An application as its users write them, for tests with unmodified clients.
//!
//! Everything is told by Laravel's environment variables; `PORT` and `DATABASE_URL` besides, and `QUEUE=database` for the durable
//! queue. A request's user is what the header `X-User` or the cookie `user` says: a real application asks its session.
//!
//! # Layout
//!
//! * `events`: what is broadcast; `channels`: who may listen; `heard`: what clients do
//! * `lobby`: pages that only say something
//! * `posts`: pages that change something, in transactions, and notify
//! * `user`: who asks

#![forbid(unsafe_code)]

mod channels;
mod events;
mod heard;
mod lobby;
mod posts;
mod user;

use axum::Router;
use resound::{
    Broadcaster, Builder,
    notification::{DatabaseStore, Notifier},
    sql,
};
use sqlx::SqlitePool;

use crate::heard::Heard;

/// What every page has at hand.
#[derive(Clone)]
struct App {
    broadcaster: Broadcaster,
    notifier: Notifier,
    pool: SqlitePool,
    heard: Heard,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().json().with_writer(std::io::stderr).init();
    let pool = posts::open(&std::env::var("DATABASE_URL")?).await?;
    let broadcaster = broadcaster(&pool)?;
    let _worker = worker(&broadcaster)?;
    let notifier = Notifier::new(&broadcaster, DatabaseStore::new(&pool));
    let app = App { broadcaster: broadcaster.clone(), notifier, pool, heard: Heard::default() };
    let router = Router::new()
        .merge(lobby::routes())
        .merge(posts::routes())
        .merge(heard::routes())
        .merge(resound::axum::routes(&broadcaster, channels::channels()))
        .merge(resound::axum::front_end(&broadcaster))
        .merge(resound::axum::server(&broadcaster))
        .merge(resound::axum::hooks(&broadcaster, heard::hooks()))
        .with_state(app);
    resound::axum::join_in_process(&broadcaster, &router);
    let port = std::env::var("PORT").unwrap_or_else(|_| "0".to_owned());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    axum::serve(listener, router).await?;
    Ok(())
}

/// As the environment says; with `QUEUE=database` what is sent is a row of the same transaction.
fn broadcaster(pool: &SqlitePool) -> anyhow::Result<Broadcaster> {
    let builder = Builder::from_env()?;
    let builder = if has_queue() { builder.queue(sql::Queue::new(pool.clone())) } else { builder };
    Ok(builder.build())
}

/// Sends what is in the queue, as long as it is held.
fn worker(broadcaster: &Broadcaster) -> anyhow::Result<Option<sql::Running>> {
    Ok(if has_queue() { Some(sql::Worker::new(broadcaster)?.spawn()) } else { None })
}

fn has_queue() -> bool {
    std::env::var("QUEUE").as_deref() == Ok("database")
}
