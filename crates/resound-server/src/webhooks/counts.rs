//! What is counted of an application's webhooks, in events.

use std::sync::atomic::{AtomicU64, Ordering};

/// The counts of one application.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    sent: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
    waiting: AtomicU64,
}

impl Counts {
    /// Events that their receivers have taken.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Requests that were not answered by 2xx.
    pub(crate) fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Events that were given up, or found no place.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Events that wait.
    pub(crate) fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    pub(super) fn enter(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn leave(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn count_sent(&self, events: usize) {
        self.sent.fetch_add(events as u64, Ordering::Relaxed);
        self.waiting.fetch_sub(events as u64, Ordering::Relaxed);
    }

    pub(super) fn count_failure(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_given_up(&self, events: usize) {
        self.dropped.fetch_add(events as u64, Ordering::Relaxed);
        self.waiting.fetch_sub(events as u64, Ordering::Relaxed);
    }

    pub(super) fn count_refused(&self, events: u64) {
        self.dropped.fetch_add(events, Ordering::Relaxed);
    }
}
