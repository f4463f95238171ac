//! What ticks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::MissedTickBehavior;

use super::{
    events::PricesChanged,
    lease::Lease,
    source::Source,
    store::{Prices, Tick},
};
use crate::app::App;

/// How many ticks may be missed before another process takes over.
const MISSED_MAX: u32 = 3;

/// One process's part in the ticking: it ticks, or it stands by.
pub struct Clock<S> {
    pub app: App,
    pub source: S,
    pub lease: Lease,
}

impl<S: Source> Clock<S> {
    pub fn new(app: App, source: S, pace: Duration) -> Self {
        Self { app, source, lease: Lease::of(pace * MISSED_MAX) }
    }

    /// Ticks until nobody waits for it.
    pub async fn run(self, pace: Duration) {
        let mut beats = tokio::time::interval(pace);
        // Two ticks are never closer to each other, even if one was late.
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            beats.tick().await;
            let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let now = i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX);
            if let Err(error) = self.tick(now).await {
                tracing::warn!(%error, "the ticker missed a tick");
            }
        }
    }

    /// One tick, if it is this process that ticks.
    pub async fn tick(&self, now_milliseconds: i64) -> anyhow::Result<Option<Tick>> {
        let db = &self.app.db;
        if !self.lease.take(db, now_milliseconds).await? {
            return Ok(None);
        }
        let (last, prices) = match Tick::last(db).await? {
            Some(Tick { tick, prices, .. }) => (tick, prices),
            None => (0, Prices::default()),
        };
        // Before the transaction, because it may take long, and SQLite has one writer.
        let prices = self.source.next(last, &prices).await?;

        let mut tx = self.app.broadcaster.begin(db).await?;
        if !self.lease.is_held(&mut tx).await? {
            return Ok(None);
        }
        let tick = Tick::add(&mut tx, last + 1, &prices).await?;
        tx.send(PricesChanged { tick: tick.clone() }).await;
        tx.commit().await?;
        Ok(Some(tick))
    }
}
