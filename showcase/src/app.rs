//! What every handler can use.

use std::sync::Arc;

use resound::{
    Broadcaster,
    notification::{DatabaseStore, Notifier},
};
use sqlx::SqlitePool;

use crate::session::Key;

/// The state of the application; a few pointers, cheap to clone.
#[derive(Clone)]
pub struct App {
    pub db: SqlitePool,
    pub broadcaster: Broadcaster,
    pub notifier: Notifier,
    /// Signs cookies and forms.
    pub key: Arc<Key>,
}

impl App {
    pub fn new(db: SqlitePool, broadcaster: Broadcaster, key: Key) -> Self {
        let notifier = Notifier::new(&broadcaster, DatabaseStore::new(&db));
        Self { db, broadcaster, notifier, key: Arc::new(key) }
    }
}
