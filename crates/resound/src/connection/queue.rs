//! What waits to be sent, bounded in events and in bytes.

use std::{
    collections::VecDeque,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use crate::{
    connection::{lock, policy::Policy},
    envelope::Envelope,
    error::SendError,
};

/// How often the log is told about dropped events at most.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// What became of the events of a connection.
///
/// ```
/// use resound::{Broadcaster, broadcast};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broadcaster = Broadcaster::null();
/// broadcaster.send(broadcast::public("news").name("posted")).now().await;
/// let stats = broadcaster.stats("null").ok_or("no such connection")?;
/// assert_eq!((stats.sent, stats.failed, stats.dropped, stats.waiting), (1, 0, 0, 0));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Events that the server took.
    pub sent: u64,
    /// Events that were to be sent at once, and were not.
    pub failed: u64,
    /// Events that the queue lost: refused by the server, too old, tried too often, or without room.
    pub dropped: u64,
    /// Events that wait.
    pub waiting: usize,
}

/// An event that waits.
pub(crate) struct Job {
    pub(crate) envelope: Arc<Envelope>,
    pub(crate) since: Instant,
    pub(crate) tries: u32,
}

/// The events that wait, in their order.
pub(crate) struct Queue {
    connection: Arc<str>,
    events_max: usize,
    bytes_max: usize,
    state: Mutex<State>,
    /// Something came, or the queue was closed.
    filled: Notify,
    /// Nothing is left.
    emptied: Notify,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    bytes: usize,
    sent: u64,
    failed: u64,
    dropped: u64,
    is_closed: bool,
    unreported: u64,
    reported_at: Option<Instant>,
}

impl Queue {
    pub(crate) fn new(connection: Arc<str>, policy: &Policy) -> Self {
        Self {
            connection,
            events_max: policy.events_max,
            bytes_max: policy.bytes_max,
            state: Mutex::default(),
            filled: Notify::new(),
            emptied: Notify::new(),
        }
    }

    /// Takes all parts of an event, or none. The newest event is the one that finds no room, because its sender can be told.
    pub(crate) fn push(&self, parts: &[Arc<Envelope>], now: Instant) -> Result<(), SendError> {
        let bytes = parts.iter().map(|part| part.bytes()).fold(0, usize::saturating_add);
        let mut state = lock(&self.state);
        let events_free = self.events_max.saturating_sub(state.jobs.len());
        let bytes_free = self.bytes_max.saturating_sub(state.bytes);
        if parts.len() > events_free || bytes > bytes_free {
            let waiting = state.jobs.len();
            self.drop_one(state, now, "the queue is full");
            return Err(SendError::QueueFull { connection: Arc::clone(&self.connection), waiting });
        }
        state.bytes += bytes;
        let job =
            |envelope: &Arc<Envelope>| Job { envelope: Arc::clone(envelope), since: now, tries: 0 };
        state.jobs.extend(parts.iter().map(job));
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// The oldest events, so many at most, which stay in the queue; `None` when the queue is closed and
    /// empty.
    pub(crate) async fn next(&self, max: usize) -> Option<Vec<Arc<Envelope>>> {
        loop {
            let filled = self.filled.notified();
            {
                let state = lock(&self.state);
                if !state.jobs.is_empty() {
                    let oldest = state.jobs.iter().take(max.max(1));
                    return Some(oldest.map(|job| Arc::clone(&job.envelope)).collect());
                }
                if state.is_closed {
                    return None;
                }
            }
            filled.await;
        }
    }

    /// The oldest event was sent.
    pub(crate) fn pop_sent(&self) {
        let mut state = lock(&self.state);
        state.sent += 1;
        self.pop(&mut state);
    }

    /// The oldest event is given up.
    pub(crate) fn pop_dropped(&self, reason: &str, now: Instant) {
        let mut state = lock(&self.state);
        self.pop(&mut state);
        self.drop_one(state, now, reason);
    }

    /// The oldest event was tried in vain; says how often by now.
    pub(crate) fn note_try(&self) -> u32 {
        let mut state = lock(&self.state);
        state.jobs.front_mut().map_or(0, |job| {
            job.tries += 1;
            job.tries
        })
    }

    /// Since when the oldest event waits.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        lock(&self.state).jobs.front().map(|job| job.since)
    }

    pub(crate) fn count_sent(&self) {
        lock(&self.state).sent += 1;
    }

    pub(crate) fn count_failed(&self) {
        lock(&self.state).failed += 1;
    }

    pub(crate) fn stats(&self) -> Stats {
        let state = lock(&self.state);
        let State { sent, failed, dropped, .. } = *state;
        Stats { sent, failed, dropped, waiting: state.jobs.len() }
    }

    pub(crate) fn close(&self) {
        lock(&self.state).is_closed = true;
        self.filled.notify_one();
    }

    pub(crate) async fn idle(&self) {
        loop {
            let mut emptied = pin!(self.emptied.notified());
            emptied.as_mut().enable();
            if lock(&self.state).jobs.is_empty() {
                return;
            }
            emptied.await;
        }
    }

    fn pop(&self, state: &mut State) {
        let Some(job) = state.jobs.pop_front() else { return };
        state.bytes -= job.envelope.bytes();
        if state.jobs.is_empty() {
            // A queue that was long once need not keep its room.
            state.jobs.shrink_to(64);
            self.emptied.notify_waiters();
        }
    }

    /// Counts, and says so: the first at once, the rest together. Not behind the lock: who writes the log may
    /// broadcast it.
    fn drop_one(&self, mut state: MutexGuard<'_, State>, now: Instant, reason: &str) {
        state.dropped += 1;
        state.unreported += 1;
        let is_due = state.reported_at.is_none_or(|at| now >= at + REPORT_EVERY);
        if is_due {
            state.reported_at = Some(now);
            let (dropped, all) = (std::mem::take(&mut state.unreported), state.dropped);
            drop(state);
            let connection = &*self.connection;
            tracing::error!(connection, dropped, all, reason, "broadcasts were dropped");
        }
    }
}
