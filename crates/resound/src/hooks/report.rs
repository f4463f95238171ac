//! Log lines about hooks: what, where, why. Clients can cause some of them, so that there is a limit for each second.

use std::sync::{Mutex, PoisonError};

use tokio::time::{Duration, Instant};

/// Lines per second about what clients say, and about what handlers do.
pub(super) const LINES_PER_SECOND: u32 = 10;

/// Writes no more lines than a log can bear.
#[derive(Debug, Default)]
pub(super) struct Report {
    clients: Limit,
    handlers: Limit,
}

#[derive(Debug, Default)]
struct Limit(Mutex<Second>);

#[derive(Debug, Default)]
struct Second {
    begin: Option<Instant>,
    lines: u32,
}

impl Report {
    /// Says that a client's data are not what a hook wants.
    pub(super) fn bad_data(&self, hook: &str, channel: &str, reason: &str) {
        if self.clients.may_write() {
            tracing::warn!(
                hook,
                channel,
                reason,
                "a client's event is not what its hook wants; the hook was not called"
            );
        }
    }

    /// Says that a name does not fit a hook's types.
    pub(super) fn bad_name(&self, hook: &str, channel: &str, reason: &str) {
        if self.clients.may_write() {
            tracing::info!(hook, channel, reason, "a hook was not called");
        }
    }

    /// Says that a hook failed, which is the application's.
    pub(super) fn failed(&self, hook: &str, channel: &str, reason: &str) {
        if self.handlers.may_write() {
            tracing::error!(
                hook,
                channel,
                reason,
                "a hook failed; it is not called again for this"
            );
        }
    }
}

impl Limit {
    fn may_write(&self) -> bool {
        let mut second = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if second.begin.is_none_or(|begin| now - begin >= Duration::from_secs(1)) {
            let left_out = second.lines.saturating_sub(LINES_PER_SECOND);
            if left_out > 0 {
                tracing::warn!(left_out, "more lines about hooks in a second than are logged");
            }
            *second = Second { begin: Some(now), lines: 0 };
        }
        second.lines = second.lines.saturating_add(1);
        second.lines <= LINES_PER_SECOND
    }
}
