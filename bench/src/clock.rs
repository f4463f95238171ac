//! Time of a run, as nanoseconds since it began.

use std::time::Instant;

/// Nanoseconds in a second.
pub(crate) const SECOND: u64 = 1_000_000_000;

/// Nanoseconds in a millisecond.
pub(crate) const MILLISECOND: u64 = 1_000_000;

/// The monotonic clock of one run. Its readings travel inside the events, so they are plain numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    #[inline]
    pub(crate) fn now(self) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }
}

/// A number of seconds as nanoseconds.
pub(crate) fn nanoseconds(seconds: f64) -> u64 {
    (seconds * SECOND as f64) as u64
}

/// Nanoseconds as a number of seconds.
pub(crate) fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / SECOND as f64
}
