//! Who deletes what failed long ago.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::timeout};

use crate::sql::{
    deadline::Deadline,
    queue::{PRUNED_MAX, Queue},
};

/// How often failed events are looked through.
const PRUNE_EVERY: Duration = Duration::from_secs(3600);

/// Deletes failed events of an age, at its beginning and then every hour.
pub(super) struct Pruner {
    pub(super) queue: Queue,
    pub(super) age: Duration,
    pub(super) deadline: Deadline,
    /// It shall end.
    pub(super) wake: Arc<Notify>,
    pub(super) is_stopped: Arc<AtomicBool>,
}

impl Pruner {
    /// Works until it is stopped.
    pub(super) async fn run(self) {
        while !self.is_stopped.load(Ordering::Acquire) {
            match self.prune().await {
                Ok(0) => {}
                Ok(pruned) => tracing::info!(pruned, "old failed broadcasts were deleted"),
                Err(error) => {
                    tracing::warn!(reason = %error, "old failed broadcasts can't be deleted, it is tried again in an hour");
                }
            }
            let _elapsed = timeout(PRUNE_EVERY, self.wake.notified()).await;
        }
    }

    async fn prune(&self) -> Result<u64, sqlx::Error> {
        let mut count = 0;
        while !self.is_stopped.load(Ordering::Acquire) {
            let pruning = self.queue.0.store.prune(Some(self.age), PRUNED_MAX);
            let pruned = self.deadline.bound(pruning).await?;
            count += pruned;
            if pruned == 0 {
                break;
            }
        }
        Ok(count)
    }
}
