//! Log lines about clients that may not join: one each, and not more than the log can bear.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;

use crate::authorise::{
    case::Case,
    cause::{Kind, Refusal},
};

/// Lines of each kind per second: a broken application fails for every client.
pub(crate) const LINES_PER_SECOND: u32 = 10;
/// Lines about too much to do per second.
pub(crate) const OVERLOAD_LINES_PER_SECOND: u32 = 1;

/// Counts and writes the lines of one second.
#[derive(Debug, Default)]
pub(crate) struct Report {
    denials: AtomicU32,
    failures: AtomicU32,
    overloads: AtomicU32,
    is_counting: Notify,
}

impl Report {
    /// Writes the line about a refusal.
    pub(crate) fn refused(&self, case: &Case, refusal: &Refusal) {
        let (counter, lines_max) = match refusal.kind {
            Kind::Denial => (&self.denials, LINES_PER_SECOND),
            Kind::Failure => (&self.failures, LINES_PER_SECOND),
            Kind::Overload => (&self.overloads, OVERLOAD_LINES_PER_SECOND),
        };
        self.is_counting.notify_one();
        if counter.fetch_add(1, Ordering::Relaxed) < lines_max {
            write(case, refusal);
        }
    }

    /// Ends each second in which something was refused.
    pub(crate) async fn sum_up(self: Arc<Self>) {
        loop {
            self.is_counting.notified().await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.next_second();
        }
    }

    /// Begins another second; says what the last one left out.
    pub(crate) fn next_second(&self) {
        let left_out = |counter: &AtomicU32, lines_max| {
            Some(counter.swap(0, Ordering::Relaxed).saturating_sub(lines_max)).filter(|n| *n > 0)
        };
        if let Some(left_out) = left_out(&self.denials, LINES_PER_SECOND) {
            tracing::info!(left_out, "more subscriptions denied in a second than are logged");
        }
        if let Some(left_out) = left_out(&self.failures, LINES_PER_SECOND) {
            tracing::warn!(left_out, "more authorisations failed in a second than are logged");
        }
        if let Some(left_out) = left_out(&self.overloads, OVERLOAD_LINES_PER_SECOND) {
            tracing::warn!(
                left_out,
                "more authorisations not asked for in a second than are logged"
            );
        }
    }
}

fn write(case: &Case, refusal: &Refusal) {
    let (channel, connection) = (&*case.question.channel, &case.question.socket_id);
    let url = case.url.as_ref().map(ToString::to_string);
    let Refusal { status, body, kind, cause, advice, told: _ } = refusal;
    let body = (*status > 0).then_some(body.as_str());
    match kind {
        Kind::Denial => {
            tracing::info!(channel, %connection, url, status, body, cause, advice, "subscription denied");
        }
        Kind::Failure | Kind::Overload => {
            tracing::warn!(channel, %connection, url, status, body, cause, advice, "authorisation failed");
        }
    }
}
