use resound::Broadcast;
use serde::Serialize;

use super::figures::Now;

/// What goes on now, for everybody who looks.
#[derive(Serialize, Broadcast)]
#[broadcast(public = "hood", with = &self.now)]
pub struct FiguresChanged {
    pub now: Now,
}
