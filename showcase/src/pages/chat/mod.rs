//! Chat: rooms for many and for two, who is there, and who is typing.
//!
//! One presence channel for each room carries all of it: messages, members, and the whisper `typing`, which goes from
//! browser to browser. Members who look at something else are notified: see [`notifications`].

mod events;
mod store;
#[cfg(test)]
mod tests;

use askama::Template;
use axum::{
    Json, Router,
    extract::{Path, Query, State},
    response::Redirect,
    routing::{get, post},
};
use resound::{Channels, SocketId};
use serde::Deserialize;

use self::{
    events::{MessageReceived, MessageSent},
    store::{Message, Room},
};
use crate::{
    app::App,
    layout::{Frame, View, view},
    pages::{self, Page, activity, notifications},
    reply::{Done, Form, Problem},
    session::{hex, random},
    text,
    visitor::{User, Visitor},
};

pub const PAGE: Page = Page {
    routes,
    channels,
    migration: include_str!("migration.sql"),
    ..Page::new("chat", "Chat", "Rooms for many and for two, who is there, and who is typing.")
};

const CHARACTERS_MAX: usize = 1000;
const MESSAGES_SHOWN: u32 = 50;
const MESSAGES_MAX: u32 = 1000;

fn routes() -> Router<App> {
    Router::new()
        .route("/chat", get(async || Redirect::to("/chat/1")))
        .route("/chat/{room}", get(show).post(send))
        .route("/chat/{room}/messages", get(missed))
        .route("/chat/with/{user}", post(open))
}

fn channels() -> Channels<App, Visitor> {
    pages::channels().presence("chat.{room}", join)
}

/// Who may read a room is a member of its channel.
async fn join(
    visitor: Visitor,
    resound::Path(room): resound::Path<i64>,
    State(app): State<App>,
) -> Result<Option<resound::Member>, sqlx::Error> {
    let room = Room::find(&app.db, room, &visitor).await?;
    Ok(room.map(|_| visitor.member()))
}

#[derive(Template)]
#[template(path = "pages/chat/page.html")]
struct ChatPage {
    frame: Frame,
    rooms: Vec<Room>,
    room: Room,
    messages: Vec<Message>,
    /// How many messages to show for older ones, if there are some.
    more: Option<u32>,
    draft: String,
}

#[derive(Deserialize)]
struct Shown {
    last: Option<u32>,
}

async fn show(
    frame: Frame,
    State(app): State<App>,
    Path(room): Path<i64>,
    Query(Shown { last }): Query<Shown>,
) -> View {
    let room = Room::find(&app.db, room, &frame.visitor).await?.ok_or_else(Problem::not_found)?;
    let rooms = Room::all(&app.db, &frame.visitor).await?;
    let last = last.unwrap_or(MESSAGES_SHOWN).clamp(1, MESSAGES_MAX);
    let messages = Message::last(&app.db, room.id, last).await?;
    let is_more = messages.len() == last as usize && last < MESSAGES_MAX;
    let more = is_more.then_some(last + MESSAGES_SHOWN);
    view(&ChatPage { frame, rooms, room, messages, more, draft: hex(&random::<8>()) })
}

#[derive(Deserialize)]
struct Draft {
    text: String,
    draft: String,
}

/// The sender gets the message as the answer, all others by the channel.
async fn send(
    State(app): State<App>,
    visitor: Visitor,
    socket: SocketId,
    Path(room): Path<i64>,
    Form(form): Form<Draft>,
) -> Result<Done, Problem> {
    let room = Room::find(&app.db, room, &visitor).await?.ok_or_else(Problem::not_found)?;
    let text = text::checked("A message", &form.text, CHARACTERS_MAX)?;
    let draft = text::draft(&form.draft)?;
    let mut tx = app.broadcaster.begin(&app.db).await?;
    let Some(message) = Message::add(&mut tx, room.id, &visitor, text, draft).await? else {
        let known = Message::of_draft(&mut tx, room.id, &visitor, text, draft).await?;
        return Done::with(known.ok_or_else(Problem::sent_before)?);
    };
    let done = Done::with(&message);
    tx.send(MessageSent { room: room.id, message }).to_others(socket).await;
    let others = room.other_members(&mut tx, &visitor).await?;
    notifications::replace(&mut tx, &others, &room.link()).await?;
    let news = MessageReceived::new(&room, &visitor, text);
    app.notifier.within(&mut tx).send_many(&others, news).await?;
    if room.is_open {
        activity::record(&mut tx, &visitor, &format!("wrote in {}", room.title), &room.link())
            .await?;
    }
    tx.commit().await?;
    done
}

#[derive(Deserialize)]
struct After {
    after: i64,
}

/// What a page has not seen, because it was not connected.
async fn missed(
    State(app): State<App>,
    visitor: Visitor,
    Path(room): Path<i64>,
    Query(After { after }): Query<After>,
) -> Result<Json<Vec<Message>>, Problem> {
    let room = Room::find(&app.db, room, &visitor).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(Message::after(&app.db, room.id, after, MESSAGES_MAX).await?))
}

/// Opens the room of two people; the first time makes it.
async fn open(State(app): State<App>, me: User, Path(other): Path<i64>) -> Result<Done, Problem> {
    let other = User::find(&app.db, other).await?.filter(|other| other.id != me.id);
    let other = other.ok_or_else(Problem::not_found)?;
    let room = Room::of_two(&app.db, me.id, other.id).await?;
    Ok(Done::at(format!("/chat/{room}")))
}
