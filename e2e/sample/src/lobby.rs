//! Pages that only say something.

use axum::{
    Json, Router,
    extract::{Path, State},
    routing::post,
};
use resound::{SocketId, broadcast};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    App,
    events::{Everywhere, Headline, OrderUpdated, Said, Sealed},
};

/// What is said.
#[derive(Deserialize)]
struct Saying {
    text: String,
}

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/orders/{id}", post(update_order))
        .route("/news", post(publish))
        .route("/rooms/{id}", post(say))
        .route("/vault", post(seal))
        .route("/everywhere", post(everywhere))
        .route("/users/{id}/greeting", post(greet))
}

/// The page that sent the request has shown the change already.
async fn update_order(
    State(app): State<App>,
    socket: SocketId,
    Path(order_id): Path<u64>,
    Json(said): Json<Saying>,
) {
    app.broadcaster.send(OrderUpdated { order_id, status: said.text }).to_others(socket).await;
}

async fn publish(State(app): State<App>, Json(said): Json<Saying>) {
    app.broadcaster.send(Headline { text: said.text }).await;
}

async fn say(State(app): State<App>, Path(room): Path<u64>, Json(said): Json<Saying>) {
    app.broadcaster.send(Said { room, text: said.text }).await;
}

async fn seal(State(app): State<App>, Json(secret): Json<Value>) {
    app.broadcaster.send(Sealed { secret }).await;
}

async fn everywhere(State(app): State<App>, socket: SocketId, Json(said): Json<Saying>) {
    app.broadcaster.send(Everywhere { text: said.text }).to_others(socket).await;
}

async fn greet(
    State(app): State<App>,
    socket: SocketId,
    Path(id): Path<u64>,
    Json(payload): Json<Value>,
) {
    let event = broadcast::private(format!("App.Models.User.{id}")).name("greeting").with(payload);
    app.broadcaster.send(event).to_others(socket).await;
}
