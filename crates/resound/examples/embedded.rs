//! A chat, its pages and the broadcasting server in one process, on one port.
//!
//!     cargo run -p resound --features embedded --example embedded
//!
//! Whoever opens <http://127.0.0.1:3000/?user=1> in several windows sees in each what is posted in any. `PORT` is another port;
//! with `BROADCAST_CONNECTION=reverb` and `REVERB_*` another server carries the events, and nothing here changes.

use axum::{
    Json, Router,
    extract::{FromRequestParts, State},
    http::{StatusCode, request::Parts},
    response::Html,
    routing::{get, post},
};
use resound::{Broadcast, Broadcaster, Channels, Member, Path, SocketId};
use serde::Serialize;
use serde_json::{Value, json};

#[derive(Serialize, Broadcast)]
#[broadcast(presence = "room.{room}")]
struct Posted {
    room: u64,
    by: u64,
    text: String,
}

#[derive(Clone)]
struct App {
    broadcaster: Broadcaster,
}

/// Whoever the cookie `user` names, or the header `X-User`. An application would ask its sessions.
#[derive(Clone)]
struct User {
    id: u64,
}

impl FromRequestParts<App> for User {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, StatusCode> {
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let mut cookies = header("cookie").unwrap_or_default().split("; ");
        let named = cookies.find_map(|cookie| cookie.strip_prefix("user=")).or(header("x-user"));
        let id = named.and_then(|id| id.parse().ok());
        id.map(|id| Self { id }).ok_or(StatusCode::UNAUTHORIZED)
    }
}

fn channels() -> Channels<App, User> {
    Channels::<App>::new()
        .user::<User>()
        .private("orders.{id}", |user: User, Path(id): Path<u64>| async move { user.id == id })
        .presence("room.{id}", |user: User| async move {
            Some(Member::new(user.id).info(json!({ "name": format!("User {}", user.id) })))
        })
}

async fn post_message(
    State(app): State<App>,
    user: User,
    socket: SocketId,
    Json(text): Json<String>,
) -> StatusCode {
    app.broadcaster.send(Posted { room: 1, by: user.id, text }).to_others(socket).await;
    StatusCode::NO_CONTENT
}

/// What goes on in the server.
async fn figures(State(app): State<App>) -> Json<Value> {
    let Some(embedded) = app.broadcaster.embedded() else { return Json(Value::Null) };
    let channels = embedded.channels("").await;
    Json(json!({ "stats": embedded.stats().await, "channels": channels }))
}

async fn page(State(app): State<App>) -> Html<String> {
    let key = app.broadcaster.embedded().map_or("resound-key", |embedded| embedded.key());
    Html(include_str!("embedded.html").replace("{{key}}", key))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let broadcaster = Broadcaster::from_variables(|name| match std::env::var(name) {
        Err(_) if name == "BROADCAST_CONNECTION" => Some("embedded".to_owned()),
        value => value.ok(),
    })?;
    let app = Router::new()
        .route("/", get(page))
        .route("/messages", post(post_message))
        .route("/figures", get(figures))
        .merge(resound::axum::routes(&broadcaster, channels()))
        .merge(resound::axum::server(&broadcaster))
        .with_state(App { broadcaster: broadcaster.clone() });
    resound::axum::join_in_process(&broadcaster, &app);

    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    let end = async move {
        let _ = tokio::signal::ctrl_c().await;
        if let Some(embedded) = broadcaster.embedded() {
            embedded.shutdown().await;
        }
    };
    axum::serve(listener, app).with_graceful_shutdown(end).await?;
    Ok(())
}
