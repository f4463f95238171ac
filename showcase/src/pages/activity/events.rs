use resound::Broadcast;
use serde::Serialize;

use super::store::Entry;

/// For everybody who watches the feed.
#[derive(Serialize, Broadcast)]
#[broadcast(public = "activity", with = &self.entry)]
pub struct EntryAdded {
    pub entry: Entry,
}
