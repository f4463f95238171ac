use resound::Broadcast;
use serde::Serialize;

use super::store::Results;

/// The results as they are now, for everybody who looks at the poll.
#[derive(Serialize, Broadcast)]
#[broadcast(channel = "poll.{poll}", with = &self.results)]
pub struct ResultsChanged {
    pub poll: i64,
    pub results: Results,
}
