//! What clients do in channels, kept for the tests to read.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{Json, Router, extract::State, routing::get};
use resound::{
    Hooks, Path,
    hooks::{ClientEvent, Joined, Left},
};
use serde::Deserialize;

use crate::App;

/// What was heard, in its order.
#[derive(Clone, Default)]
pub(crate) struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn note(&self, text: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }
}

/// What is whispered by who types.
#[derive(Deserialize)]
struct Typing {
    name: String,
}

pub(crate) fn hooks() -> Hooks<App> {
    Hooks::new()
        .on_join(
            "room.{id}",
            |member: Joined, Path(room): Path<u64>, State(app): State<App>| async move {
                app.heard.note(format!("{} joined room {room}", member.user_id));
            },
        )
        .on_leave(
            "room.{id}",
            |member: Left, Path(room): Path<u64>, State(app): State<App>| async move {
                app.heard.note(format!("{} left room {room}", member.user_id));
            },
        )
        .on_client_event(
            "typing",
            "room.{id}",
            |event: ClientEvent<Typing>, Path(room): Path<u64>, State(app): State<App>| async move {
                app.heard.note(format!("{} types in room {room}", event.data.name));
            },
        )
}

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/heard", get(all))
}

async fn all(State(app): State<App>) -> Json<Vec<String>> {
    Json(app.heard.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
}
