//! What every handler can use.

use std::sync::Arc;

use resound::Broadcaster;
use sqlx::SqlitePool;

use crate::{database, session::Key};

/// The state of the application; a few pointers, cheap to clone.
#[derive(Clone)]
pub struct App {
    pub db: SqlitePool,
    pub broadcaster: Broadcaster,
    /// Signs cookies and forms.
    pub key: Arc<Key>,
}

impl App {
    /// Creates what is missing in the database.
    pub async fn new(db: SqlitePool, broadcaster: Broadcaster) -> anyhow::Result<Self> {
        database::create(&db).await?;
        let key = Arc::new(Key::load(&db).await?);
        Ok(Self { db, broadcaster, key })
    }
}
