//! Activity: what everybody did, the newest first.

mod events;
mod store;

use resound::sql::Transaction;
use sqlx::Sqlite;

use self::{events::EntryAdded, store::Entry};
use crate::{pages::Page, visitor::Visitor};

pub const PAGE: Page = Page {
    migration: include_str!("migration.sql"),
    ..Page::new("activity", "Activity", "What everybody did, the newest first.")
};

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
