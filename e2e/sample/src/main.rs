//! An application as its users write them, for tests with unmodified clients.
//!
//! Everything is told by Laravel's environment variables; `PORT` and `DATABASE_URL` besides. A request's user is what the header
//! `X-User` or the cookie `user` says: a real application asks its session.
//!
//! # Layout
//!
//! * `events`: what is broadcast
//! * `channels`: who may listen
//! * `orders`, `posts`: pages that change something
//! * `lobby`: pages that only say something
//! * `user`: who asks

#![forbid(unsafe_code)]

mod channels;
mod events;
mod lobby;
mod user;

use axum::Router;
use resound::Broadcaster;

/// What every page has at hand.
#[derive(Clone)]
struct App {
    broadcaster: Broadcaster,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().json().with_writer(std::io::stderr).init();
    let broadcaster = Broadcaster::from_env()?;
    let router = Router::new()
        .merge(lobby::routes())
        .merge(resound::axum::routes(&broadcaster, channels::channels()))
        .merge(resound::axum::server(&broadcaster))
        .with_state(App { broadcaster: broadcaster.clone() });
    resound::axum::join_in_process(&broadcaster, &router);
    let port = std::env::var("PORT").unwrap_or_else(|_| "0".to_owned());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    axum::serve(listener, router).await?;
    Ok(())
}
