//! What the bridge does, as readiness and metrics show it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Why a message is not passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skip {
    /// It is not the JSON of Laravel's broadcaster.
    NotLaravel,
    /// Its channel cannot be one.
    Channel,
    /// Its name is reserved or too long.
    EventName,
    /// Its data is larger than the application allows, or than anything that is read.
    TooLarge,
    /// The application is disabled, or a reload took it away.
    App,
    /// It is Laravel's, and on a channel whose prefix is not ours.
    Prefix,
}

impl Skip {
    pub(crate) const ALL: [Self; 6] =
        [Self::NotLaravel, Self::Channel, Self::EventName, Self::TooLarge, Self::App, Self::Prefix];

    /// The metric's label.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::NotLaravel => "not_laravel",
            Self::Channel => "channel",
            Self::EventName => "event_name",
            Self::TooLarge => "too_large",
            Self::App => "app",
            Self::Prefix => "prefix",
        }
    }
}

/// Counts and state of the bridge.
#[derive(Debug, Default)]
pub(crate) struct RedisStatus {
    is_connected: AtomicBool,
    messages: AtomicU64,
    reconnections: AtomicU64,
    skipped: [AtomicU64; Skip::ALL.len()],
}

impl RedisStatus {
    /// Whether events arrive at the moment.
    pub(crate) fn is_connected(&self) -> bool {
        self.is_connected.load(Ordering::Relaxed)
    }

    /// Messages on our channels.
    pub(crate) fn messages(&self) -> u64 {
        self.messages.load(Ordering::Relaxed)
    }

    /// How often Redis has come back.
    pub(crate) fn reconnections(&self) -> u64 {
        self.reconnections.load(Ordering::Relaxed)
    }

    /// Messages that were not passed on.
    pub(crate) fn skipped(&self, why: Skip) -> u64 {
        self.skipped[why as usize].load(Ordering::Relaxed)
    }

    pub(super) fn connected(&self) {
        self.is_connected.store(true, Ordering::Relaxed);
    }

    pub(super) fn disconnected(&self) {
        self.is_connected.store(false, Ordering::Relaxed);
    }

    pub(super) fn reconnected(&self) {
        self.reconnections.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_message(&self) {
        self.messages.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_skipped(&self, why: Skip) {
        self.skipped[why as usize].fetch_add(1, Ordering::Relaxed);
    }
}
