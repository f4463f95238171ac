use resound::Broadcast;
use serde::Serialize;

use super::store::Tick;

/// All prices, for everybody. The server remembers the last event of a channel whose name begins with `cache-`, and
/// gives it to whoever subscribes. It does not wait in a queue: a price that can't be told now is worth nothing later.
#[derive(Serialize, Broadcast)]
#[broadcast(public = "cache-ticker", with = &self.tick, now)]
pub struct PricesChanged {
    pub tick: Tick,
}
