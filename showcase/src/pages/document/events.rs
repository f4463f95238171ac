use base64::{Engine as _, engine::general_purpose::STANDARD};
use resound::Broadcast;
use serde::Serialize;

use super::store::Change;

/// Above this, browsers fetch an update: servers commonly refuse events of more than 10 kB.
const EVENT_BYTES_MAX: usize = 4096;

/// There is a new version of a text, for everybody who has it open.
#[derive(Serialize, Broadcast)]
#[broadcast(presence = "document.{document}")]
pub struct DocumentUpdated {
    pub document: i64,
    pub version: i64,
    /// Who has changed it.
    pub author: String,
    pub name: String,
    /// What makes this version of the one before, for `Y.applyUpdate`; none if it is too long for an event.
    pub update: Option<String>,
}

impl DocumentUpdated {
    pub fn new(document: i64, change: &Change) -> Self {
        let is_short = change.bytes.len() <= EVENT_BYTES_MAX;
        Self {
            document,
            version: change.version,
            author: change.author.clone(),
            name: change.name.clone(),
            update: is_short.then(|| STANDARD.encode(&change.bytes)),
        }
    }
}
