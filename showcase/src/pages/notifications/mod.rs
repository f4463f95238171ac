//! Notifications: a bell on every page, toasts, and the list of what a user was told, read or not.
//!
//! Any page notifies: with a type of its own that says `text` (a sentence) and `link` (where to see it), in the transaction
//! of what it is about. Bell, toast and list do the rest.
//!
//! ```ignore
//! #[derive(Serialize)]
//! pub struct Commented {
//!     pub text: String, // "Ada Lovelace commented on Hello"
//!     pub link: String, // "/readers/hello#comment-7"
//! }
//!
//! impl Notification<User> for Commented {
//!     fn via(&self, _: &User) -> Vec<Via> {
//!         vec![Via::Database, Via::Broadcast]
//!     }
//! }
//!
//! let mut tx = app.broadcaster.begin(&app.db).await?;
//! // … the comment is written …
//! app.notifier.within(&mut tx).send(&author, Commented { text, link }).await?;
//! tx.commit().await?;
//! ```
//!
//! Who looks at the page of the link already is not bothered: there the notification is read as soon as it comes.

mod bell;
mod events;
mod store;
#[cfg(test)]
mod tests;

use askama::Template;
use axum::{
    Json, Router,
    extract::{Path, Query, State},
    routing::{get, post},
};
use resound::{
    Channels, SocketId,
    notification::{Changed, Which},
};
use serde::Deserialize;

pub use self::{bell::Bell, store::replace};
use self::{
    events::{NotificationsRead, Waved},
    store::List,
};
use crate::{
    app::App,
    layout::{Frame, View, view},
    pages::{self, Page},
    reply::{Done, Form, Problem},
    text,
    visitor::{User, Visitor},
};

pub const PAGE: Page = Page {
    routes,
    channels,
    migration: include_str!("migration.sql"),
    ..Page::new(
        "notifications",
        "Notifications",
        "What others did that concerns you, on every page.",
    )
};

const WORDS_CHARACTERS_MAX: usize = 140;

fn routes() -> Router<App> {
    Router::new()
        .route("/notifications", get(show))
        .route("/notifications/list", get(list))
        .route("/notifications/read", post(read_all))
        .route("/notifications/{id}/read", post(read))
        .route("/notifications/seen", post(see))
        .route("/notifications/wave", post(wave))
}

/// A user's own channel: nobody else joins it.
fn channels() -> Channels<App, Visitor> {
    pages::channels().private(
        "App.Models.User.{id}",
        |visitor: Visitor, resound::Path(id): resound::Path<i64>| async move {
            visitor.user.is_some_and(|user| user.id == id)
        },
    )
}

#[derive(Template)]
#[template(path = "pages/notifications/page.html")]
struct NotificationsPage {
    frame: Frame,
    /// None for guests.
    list: Option<List>,
    is_first: bool,
}

#[derive(Deserialize)]
struct After {
    /// The last one of the page before.
    after: Option<String>,
}

async fn show(frame: Frame, State(app): State<App>, Query(After { after }): Query<After>) -> View {
    let is_first = after.is_none();
    let list = match &frame.visitor.user {
        Some(user) => Some(List::of(&app, user, after).await?),
        None => None,
    };
    view(&NotificationsPage { frame, list, is_first })
}

/// The same for scripts: how it is now.
async fn list(
    State(app): State<App>,
    user: User,
    Query(After { after }): Query<After>,
) -> Result<Json<List>, Problem> {
    Ok(Json(List::of(&app, &user, after).await?))
}

/// An id that is not one of the user's own is as good as none.
async fn read(
    State(app): State<App>,
    user: User,
    socket: SocketId,
    Path(id): Path<String>,
) -> Result<Done, Problem> {
    let changed = app.notifier.inbox(&user).mark_as_read(&*id).await?;
    if !changed.unknown.is_empty() {
        return Err(Problem::not_found());
    }
    Ok(tell_other_tabs(&app, &user, socket, &changed).await)
}

async fn read_all(State(app): State<App>, user: User, socket: SocketId) -> Result<Done, Problem> {
    let changed = app.notifier.inbox(&user).mark_as_read(Which::All).await?;
    Ok(tell_other_tabs(&app, &user, socket, &changed).await)
}

#[derive(Deserialize)]
struct Seen {
    path: String,
}

/// The user looks at a page: what was to lead there is read.
async fn see(
    State(app): State<App>,
    user: User,
    socket: SocketId,
    Form(seen): Form<Seen>,
) -> Result<Done, Problem> {
    let inbox = app.notifier.inbox(&user);
    let changed = inbox.mark_as_read(store::unread_of(&inbox, &seen.path).await?).await?;
    Ok(tell_other_tabs(&app, &user, socket, &changed).await)
}

async fn tell_other_tabs(app: &App, user: &User, socket: SocketId, changed: &Changed) -> Done {
    if changed.count > 0 {
        app.broadcaster.send(NotificationsRead { user: user.id }).to_others(socket).await;
    }
    Done::back()
}

#[derive(Deserialize)]
struct Wave {
    user: i64,
    words: String,
}

/// The smallest reason to notify somebody.
async fn wave(
    State(app): State<App>,
    me: Visitor,
    Form(form): Form<Wave>,
) -> Result<Done, Problem> {
    let other = User::find(&app.db, form.user).await?.filter(|user| Some(user) != me.user.as_ref());
    let other = other.ok_or_else(|| Problem::invalid("Choose somebody to wave to."))?;
    let text = match form.words.trim() {
        "" => format!("{} waves at you", me.name),
        words => {
            let words = text::checked("A wave", words, WORDS_CHARACTERS_MAX)?;
            format!("{} waves: {words}", me.name)
        }
    };
    let mut tx = app.broadcaster.begin(&app.db).await?;
    app.notifier.within(&mut tx).send(&other, Waved { text, link: "/chat/1".into() }).await?;
    tx.commit().await?;
    Ok(Done::back())
}
