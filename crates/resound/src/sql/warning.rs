//! What is said when events wait and nobody sends them.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    runtime::Handle,
    time::{sleep, timeout},
};

use crate::sql::{
    deadline::STATEMENT_TIME,
    queue::{Inner, LaneStats, Queue},
};

/// How long events may wait without a worker.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// After a warning the next one waits so many times as long.
const QUIET: u32 = 5;

/// Looks after a queue, from an event that is pushed until nothing waits any more.
pub(crate) struct Watch {
    patience: Duration,
    is_watching: AtomicBool,
}

impl Watch {
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, is_watching: AtomicBool::new(false) }
    }

    /// Something was pushed.
    pub(super) fn begin(&self, queue: &Queue) {
        let Ok(runtime) = Handle::try_current() else { return };
        if !self.is_watching.swap(true, Ordering::AcqRel) {
            runtime.spawn(watch(Watching(Arc::downgrade(&queue.0)), self.patience));
        }
    }
}

/// The queue, until it is gone; and its watch ends with this.
struct Watching(Weak<Inner>);

impl Drop for Watching {
    fn drop(&mut self) {
        if let Some(inner) = self.0.upgrade() {
            inner.watch.is_watching.store(false, Ordering::Release);
        }
    }
}

async fn watch(watching: Watching, patience: Duration) {
    let mut pause = patience;
    loop {
        sleep(pause).await;
        let Some(inner) = watching.0.upgrade() else { return };
        // A database that does not answer has said so to those who need it.
        let Ok(Ok(lanes)) = timeout(STATEMENT_TIME, inner.store.stats()).await else { return };
        if lanes.is_empty() {
            return;
        }
        let alone = lanes.iter().filter(|lane| !lane.has_worker && lane.oldest >= patience);
        let warned = alone.map(warn).count();
        pause = if warned > 0 { patience * QUIET } else { patience };
    }
}

fn warn(lane: &LaneStats) {
    tracing::warn!(
        queue = lane.queue,
        connection = lane.connection,
        waiting = lane.waiting,
        oldest_seconds = lane.oldest.as_secs(),
        "broadcasts wait in the database and no worker sends them: run a resound::sql::Worker for this queue, \
         whose broadcaster has this connection"
    );
}
