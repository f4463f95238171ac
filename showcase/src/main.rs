//! Nine real-time features in one application: `cargo run -p showcase`, then <http://127.0.0.1:8000>.
//!
//! # Layout
//!
//! * [`pages`]: **one folder per feature**, with its handlers, events, channels, template, script, style and tables
//! * [`app`], [`database`], [`realtime`]: what every handler can use
//! * [`session`], [`visitor`]: who sends a request; forms that nobody can forge
//! * [`reply`], [`text`]: answers to forms, with and without JavaScript
//! * [`layout`], [`assets`]: the frame of all pages, and the files that browsers load

mod app;
mod assets;
mod database;
mod layout;
mod pages;
mod realtime;
mod reply;
mod router;
mod session;
#[cfg(test)]
mod testing;
mod text;
mod visitor;

use std::{env, time::Duration};

use anyhow::Context as _;
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use crate::{app::App, pages::PAGES, session::Key};

/// How long the last broadcasts may take when the process ends.
const PATIENCE: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let _no_file_is_fine = dotenvy::dotenv();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();

    let db = database::open(&variable("DATABASE_URL", "sqlite:showcase.sqlite")).await?;
    database::create(&db).await?;
    let key = Key::load(&db).await?;
    let app = App::new(db, realtime::broadcaster()?, key);

    for page in PAGES {
        (page.start)(&app);
    }

    let address = format!("{}:{}", variable("HOST", "127.0.0.1"), variable("PORT", "8000"));
    let listener =
        TcpListener::bind(&address).await.with_context(|| format!("can't listen on {address}"))?;
    println!("The showcase is at http://{}", listener.local_addr()?);

    let end = {
        let broadcaster = app.broadcaster.clone();
        async move {
            told_to_stop().await;
            // Before axum waits for open requests: clients that poll always have one.
            broadcaster.shutdown(PATIENCE).await;
        }
    };
    axum::serve(listener, router::router(&app)).with_graceful_shutdown(end).await?;
    // What the last requests have sent.
    app.broadcaster.shutdown(PATIENCE).await;
    app.db.close().await;
    Ok(())
}

/// An environment variable, or what it is by default.
fn variable(name: &str, default: &str) -> String {
    env::var(name).ok().filter(|value| !value.is_empty()).unwrap_or_else(|| default.to_owned())
}

/// Ctrl+C, or the signal of a supervisor.
async fn told_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        },
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}
