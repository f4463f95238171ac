//! A document: several people edit one text at once, and all end with the same text.
//!
//! The text is a CRDT, Yjs in the browser and yrs here: changes can be merged in any order, twice, and late. A browser
//! sends what was typed by POST until it is stored, whatever happens to the connection meanwhile. The server checks it,
//! merges it, gives it the next version, and tells the others by an event. Whoever has missed versions fetches them.
//! Carets are whispers: they need not be stored, and nobody misses one that is old.

mod edit;
mod events;
mod replica;
mod store;
#[cfg(test)]
mod tests;
mod update;

use askama::Template;
use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Query, State},
    response::{IntoResponse as _, Response},
    routing::get,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use resound::{Channels, SocketId};
use serde::{Deserialize, Serialize};

use self::{
    edit::Edit,
    replica::{CHARACTERS_MAX, Refusal},
    store::{Document, Past, Stored},
    update::{UPDATE_BYTES_MAX, Update},
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
    imports: include_str!("imports.json"),
    migration: include_str!("migration.sql"),
    ..Page::new(
        "document",
        "Document",
        "Several people edit one text at once, and see each other write.",
    )
};

const TITLE_CHARACTERS_MAX: usize = 80;

fn routes() -> Router<App> {
    Router::new()
        .route("/document", get(list).post(add))
        .route("/document/{document}", get(show).post(save))
        .route("/document/{document}/updates", get(missed).post(merge))
        .route("/document/{document}/history", get(history))
        .route("/document/{document}/history/{version}", get(past).post(restore))
}

fn channels() -> Channels<App, Visitor> {
    pages::channels().presence("document.{document}", join)
}

/// Everybody may read and write every document, guests too.
async fn join(
    visitor: Visitor,
    resound::Path(document): resound::Path<i64>,
    State(app): State<App>,
) -> Result<Option<resound::Member>, sqlx::Error> {
    let document = Document::find(&app.db, document).await?;
    Ok(document.map(|_| visitor.member()))
}

#[derive(Template)]
#[template(path = "pages/document/list.html")]
struct ListPage {
    frame: Frame,
    documents: Vec<Document>,
}

async fn list(frame: Frame, State(app): State<App>) -> View {
    let documents = Document::all(&app.db).await?;
    view(&ListPage { frame, documents })
}

#[derive(Deserialize)]
struct Title {
    title: String,
}

async fn add(State(app): State<App>, _: User, Form(form): Form<Title>) -> Result<Done, Problem> {
    let title = text::checked("A title", &form.title, TITLE_CHARACTERS_MAX)?;
    let document = Document::add(&app.db, title).await?;
    let document = document.ok_or_else(|| Problem::conflict("There are too many documents."))?;
    Ok(Done::at(format!("/document/{document}")))
}

#[derive(Template)]
#[template(path = "pages/document/page.html")]
struct DocumentPage {
    frame: Frame,
    document: Document,
    /// What its author wanted it to be, and why it is not.
    unsaved: Option<Unsaved>,
}

struct Unsaved {
    message: String,
    text: String,
}

async fn show(frame: Frame, State(app): State<App>, Path(document): Path<i64>) -> View {
    let document = Document::find(&app.db, document).await?.ok_or_else(Problem::not_found)?;
    view(&DocumentPage { frame, document, unsaved: None })
}

/// What a browser has written since it was told last that something is stored.
async fn merge(
    State(app): State<App>,
    visitor: Visitor,
    socket: SocketId,
    Path(document): Path<i64>,
    body: Bytes,
) -> Result<Json<Merged>, Problem> {
    if body.len() > UPDATE_BYTES_MAX {
        return Err(Problem::too_large());
    }
    let update = Update::parse(&body).ok_or(Refusal::Unreadable)?;
    let version = Edit::Merge(update).apply(&app, &visitor, document, socket).await?;
    Ok(Json(Merged { version }))
}

#[derive(Serialize)]
struct Merged {
    /// None if everything was stored before.
    version: Option<i64>,
}

#[derive(Deserialize)]
struct After {
    after: i64,
}

/// What a page has not seen. If that is too long ago, or it has seen nothing yet, it gets a state that contains it.
async fn missed(
    State(app): State<App>,
    Path(document): Path<i64>,
    Query(After { after }): Query<After>,
) -> Result<Json<Missed>, Problem> {
    // In a transaction: a state and the updates after it, with no new state in between.
    let mut tx = app.db.begin().await?;
    let stored = Stored::find(&mut tx, document).await?.ok_or_else(Problem::not_found)?;
    if after > stored.version {
        return Err(Refusal::Gap.into());
    }
    let mut updates = Vec::new();
    if after < stored.snapshot_version || after < 0 {
        updates.push(STANDARD.encode(stored.snapshot()));
    }
    let newer = stored.changes.iter().filter(|change| change.version > after);
    updates.extend(newer.map(|change| STANDARD.encode(&change.bytes)));
    Ok(Json(Missed { version: stored.version, updates }))
}

#[derive(Serialize)]
struct Missed {
    version: i64,
    updates: Vec<String>,
}

#[derive(Deserialize)]
struct Whole {
    text: String,
    /// The version that is being changed.
    version: i64,
}

/// Without JavaScript: the whole text, if nobody has changed it meanwhile. What can't be saved is shown beside what is
/// there, so that it is not lost.
async fn save(
    frame: Frame,
    State(app): State<App>,
    Path(document): Path<i64>,
    Form(form): Form<Whole>,
) -> Result<Response, Problem> {
    let text = clean(&form.text);
    let edit = Edit::Replace { text: text.clone(), base: Some(form.version) };
    let Err(problem) = edit.apply(&app, &frame.visitor, document, SocketId::none()).await else {
        return Ok(Done::back().into_response());
    };
    let document = Document::find(&app.db, document).await?.ok_or_else(Problem::not_found)?;
    let (status, message) = (problem.status, problem.message.into_owned());
    let page = DocumentPage { frame, document, unsaved: Some(Unsaved { message, text }) };
    Ok((status, view(&page)?).into_response())
}

/// The text of a form as the document can have it: forms end lines with two characters.
fn clean(text: &str) -> String {
    text.replace("\r\n", "\n").chars().filter(|c| update::is_text(*c)).collect()
}

#[derive(Template)]
#[template(path = "pages/document/history.html")]
struct HistoryPage {
    frame: Frame,
    document: Document,
    versions: Vec<Past>,
    /// Which of them is shown.
    shown: Option<Past>,
}

impl HistoryPage {
    fn shows(&self, past: &Past) -> bool {
        self.shown.as_ref().is_some_and(|shown| shown.version == past.version)
    }
}

async fn history(frame: Frame, State(app): State<App>, Path(document): Path<i64>) -> View {
    let document = Document::find(&app.db, document).await?.ok_or_else(Problem::not_found)?;
    let versions = Past::all(&app.db, document.id).await?;
    view(&HistoryPage { frame, document, shown: versions.first().cloned(), versions })
}

async fn past(
    frame: Frame,
    State(app): State<App>,
    Path((document, version)): Path<(i64, i64)>,
) -> View {
    let document = Document::find(&app.db, document).await?.ok_or_else(Problem::not_found)?;
    let versions = Past::all(&app.db, document.id).await?;
    let shown = versions.iter().find(|past| past.version == version).cloned();
    let shown = Some(shown.ok_or_else(Problem::not_found)?);
    view(&HistoryPage { frame, document, versions, shown })
}

/// Makes an old text the present one; that is a change like any other, and others see it at once.
async fn restore(
    State(app): State<App>,
    visitor: Visitor,
    Path((document, version)): Path<(i64, i64)>,
) -> Result<Done, Problem> {
    let versions = Past::all(&app.db, document).await?;
    let past = versions.into_iter().find(|past| past.version == version);
    let text = past.ok_or_else(Problem::not_found)?.text;
    Edit::Replace { text, base: None }.apply(&app, &visitor, document, SocketId::none()).await?;
    Ok(Done::at(format!("/document/{document}")))
}
