//! What a run came to.

use crate::latency::Latency;
use crate::ledger::Ledger;
use crate::news::Tally;
use crate::plan::Stream;
use crate::process::Usage;

/// What one run came to.
pub(crate) struct Outcome {
    pub(crate) ledger: Ledger,
    pub(crate) streams: Vec<Stream>,
    /// Events that were published over HTTP, and those of them that the server said it took.
    pub(crate) published: u64,
    pub(crate) acknowledged: u64,
    pub(crate) requests: u64,
    /// Events that clients sent.
    pub(crate) client_events: u64,
    pub(crate) failures: Tally,
    pub(crate) latency: Latency,
    /// The latency of events that were due while the slow ones did not read.
    pub(crate) latency_while_slow: Latency,
    pub(crate) acknowledgement: Latency,
    /// From the first event to the last arrival, or if nothing came the time in which events were sent.
    pub(crate) elapsed: u64,
    /// Resident memory of the server at some instants, if both are watched.
    pub(crate) memory: Vec<Sample>,
    pub(crate) reads: u64,
    /// Polls that the server answered.
    pub(crate) polls: u64,
    pub(crate) usage: Usage,
}

/// Resident memory at one instant.
pub(crate) struct Sample {
    /// Share of the run's time that had passed.
    pub(crate) at: f64,
    pub(crate) bytes: u64,
}

impl Outcome {
    pub(crate) fn new(ledger: Ledger, streams: Vec<Stream>) -> Self {
        Self {
            ledger,
            streams,
            published: 0,
            acknowledged: 0,
            requests: 0,
            client_events: 0,
            failures: Tally::default(),
            latency: Latency::default(),
            latency_while_slow: Latency::default(),
            acknowledgement: Latency::default(),
            elapsed: 0,
            memory: Vec::new(),
            reads: 0,
            polls: 0,
            usage: Usage::default(),
        }
    }
}
