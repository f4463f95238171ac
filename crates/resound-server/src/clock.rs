//! The clock that the rules are not allowed to read.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use resound_hub::time::Now;

/// Tells how long the process has been running.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    /// A clock that begins now.
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(self) -> Now {
        Now::from_micros(self.0.elapsed().as_micros() as u64)
    }
}

/// Milliseconds since 1970, as webhooks count them.
pub(crate) fn unix_millis() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_millis() as u64)
}

/// Seconds since 1970, as `auth_timestamp` counts them.
pub(crate) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs())
}
