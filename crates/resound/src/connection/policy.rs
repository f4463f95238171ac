//! The bounds of a connection.

use std::time::Duration;

/// What a connection puts up with.
///
/// ```
/// use std::time::Duration;
/// use resound::{Broadcaster, connection::Policy, drivers::Log};
///
/// let policy = Policy { timeout: Duration::from_secs(1), events_max: 500, ..Policy::default() };
/// let broadcaster = Broadcaster::builder().connection_with("log", Log, policy).build();
/// # let _ = broadcaster;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How long one try may take: 5 seconds.
    pub timeout: Duration,
    /// Events that may wait in the queue: 10,000.
    pub events_max: usize,
    /// Bytes that they may take: 16 MiB.
    pub bytes_max: usize,
    /// How long an event may wait: 60 seconds. What is older helps no screen.
    pub age_max: Duration,
    /// How often an event is tried: 8 times, which are half a minute of a server that is down.
    pub tries_max: u32,
    /// After how many failures in a row the connection is left alone: 3.
    pub failures_max: u32,
    /// For how long at first: 1 second; then twice as long each time.
    pub pause_min: Duration,
    /// For how long at last: 30 seconds.
    pub pause_max: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            events_max: 10_000,
            bytes_max: 16 * 1024 * 1024,
            age_max: Duration::from_secs(60),
            tries_max: 8,
            failures_max: 3,
            pause_min: Duration::from_secs(1),
            pause_max: Duration::from_secs(30),
        }
    }
}
