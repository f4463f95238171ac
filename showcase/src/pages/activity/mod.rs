//! Activity: what everybody did, the newest first.
//!
//! Entries have ids without gaps, in the order in which they were written. So a page knows up to which id it has everything:
//! the next one it shows, and any other tells it that something is missing, which it fetches.

mod events;
mod store;
#[cfg(test)]
mod tests;

use askama::Template;
use axum::{
    Json, Router,
    extract::{Query, State},
    routing::get,
};
use resound::sql::Transaction;
use serde::Deserialize;
use sqlx::Sqlite;

use self::{events::EntryAdded, store::Entry};
use crate::{
    app::App,
    layout::{Frame, View, view},
    pages::Page,
    reply::Problem,
    visitor::Visitor,
};

/// The feed needs no permission: its channel is public.
pub const PAGE: Page = Page {
    routes,
    migration: include_str!("migration.sql"),
    ..Page::new("activity", "Activity", "What everybody did, the newest first.")
};

/// How many entries a page begins with.
const SHOWN: u32 = 30;
/// How many entries one answer to a script has at most.
const STEP: u32 = 100;

/// Notes that somebody did something, in the transaction in which it was done: `record(&mut tx, &visitor, "wrote in
/// Lobby", "/chat/1")`. Everybody can read it.
pub async fn record(
    tx: &mut Transaction<'_, Sqlite>,
    who: &Visitor,
    did: &str,
    link: &str,
) -> sqlx::Result<()> {
    let entry = Entry::add(tx, who, did, link).await?;
    tx.send(EntryAdded { entry }).await;
    Ok(())
}

fn routes() -> Router<App> {
    Router::new().route("/activity", get(show)).route("/activity/entries", get(missed))
}

#[derive(Template)]
#[template(path = "pages/activity/page.html")]
struct ActivityPage {
    frame: Frame,
    entries: Vec<Entry>,
    /// The page with the newest entries, to which later ones are added.
    is_live: bool,
    is_more: bool,
}

#[derive(Deserialize)]
struct Before {
    /// The last one of the page before.
    before: Option<i64>,
}

async fn show(
    frame: Frame,
    State(app): State<App>,
    Query(Before { before }): Query<Before>,
) -> View {
    // One more than is shown, to know whether there are more.
    let mut entries = Entry::before(&app.db, before.unwrap_or(i64::MAX), SHOWN + 1).await?;
    let is_more = entries.len() > SHOWN as usize;
    entries.truncate(SHOWN as usize);
    view(&ActivityPage { frame, entries, is_live: before.is_none(), is_more })
}

#[derive(Deserialize)]
struct After {
    after: i64,
}

/// What a page has not seen, the oldest first; there may be more of it if these are [`STEP`].
async fn missed(
    State(app): State<App>,
    Query(After { after }): Query<After>,
) -> Result<Json<Vec<Entry>>, Problem> {
    Ok(Json(Entry::after(&app.db, after, STEP).await?))
}
