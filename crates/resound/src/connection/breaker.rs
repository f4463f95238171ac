//! When a server is left alone.
//!
//! After some failures in a row nobody is let through for a while; then one is, as a probe. Its failure
//! doubles the pause, its success ends it.

use std::time::Duration;

use tokio::time::Instant;

use crate::connection::policy::Policy;

/// Counts failures in a row.
#[derive(Debug)]
pub(crate) struct Breaker {
    failures_max: u32,
    pause_min: Duration,
    pause_max: Duration,
    /// How long a probe may take; nobody else is let through meanwhile.
    probe: Duration,
    failures: u32,
    open: Option<Open>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    until: Instant,
    pause: Duration,
    /// Whether somebody was let through whose answer is still to come.
    is_probed: bool,
}

impl Breaker {
    pub(crate) fn new(policy: &Policy) -> Self {
        Self {
            failures_max: policy.failures_max.max(1),
            pause_min: policy.pause_min,
            pause_max: policy.pause_max.max(policy.pause_min),
            probe: policy.timeout,
            failures: 0,
            open: None,
        }
    }

    /// Lets somebody through, or says when to come again.
    pub(crate) fn admit(&mut self, now: Instant) -> Result<(), Duration> {
        let Some(open) = &mut self.open else { return Ok(()) };
        if now < open.until {
            return Err(open.until - now);
        }
        // A probe that is given up by its page says nothing; the next one comes after the time it had.
        open.until = after(now, self.probe);
        open.is_probed = true;
        Ok(())
    }

    /// Whether there is no outage.
    pub(crate) fn is_closed(&self) -> bool {
        self.open.is_none()
    }

    /// Says whether this ends an outage.
    pub(crate) fn succeeded(&mut self) -> bool {
        self.failures = 0;
        self.open.take().is_some()
    }

    /// Says for how long the server is left alone, if this begins an outage.
    pub(crate) fn failed(&mut self, now: Instant) -> Option<Duration> {
        self.failures = self.failures.saturating_add(1);
        if let Some(open) = &mut self.open {
            // Of many that were on their way when the outage began each fails; only a probe says more.
            if std::mem::take(&mut open.is_probed) {
                open.pause = open.pause.saturating_mul(2).min(self.pause_max);
                open.until = after(now, open.pause);
            }
            return None;
        }
        if self.failures < self.failures_max {
            return None;
        }
        let (until, pause) = (after(now, self.pause_min), self.pause_min);
        self.open = Some(Open { until, pause, is_probed: false });
        Some(pause)
    }
}

/// So much later; what is beyond the clock is as far as anybody waits.
pub(super) fn after(now: Instant, time: Duration) -> Instant {
    now.checked_add(time).unwrap_or_else(|| now + FAR)
}

/// Thirty years.
const FAR: Duration = Duration::from_secs(30 * 365 * 86_400);

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn breaker() -> (Breaker, Instant) {
        let policy = Policy { failures_max: 2, pause_max: 3 * SECOND, ..Policy::default() };
        (Breaker::new(&policy), Instant::now())
    }

    #[test]
    fn single_failures_stop_nobody() {
        let (mut breaker, now) = breaker();
        for _ in 0..10 {
            assert_eq!(breaker.failed(now), None);
            assert!(!breaker.succeeded());
            assert_eq!(breaker.admit(now), Ok(()));
        }
    }

    #[test]
    fn after_failures_in_a_row_one_probe_is_let_through_at_a_time() {
        let (mut breaker, now) = breaker();
        breaker.failed(now);
        assert_eq!(breaker.failed(now), Some(SECOND));
        assert_eq!(breaker.admit(now), Err(SECOND));
        assert_eq!(breaker.admit(now + SECOND), Ok(()));
        assert_eq!(breaker.admit(now + SECOND), Err(5 * SECOND));
        assert!(breaker.succeeded());
        assert_eq!(breaker.admit(now + SECOND), Ok(()));
    }

    #[test]
    fn the_pause_grows_up_to_its_bound() {
        let (mut breaker, now) = breaker();
        breaker.failed(now);
        breaker.failed(now);
        let mut now = now + SECOND;
        for pause in [2, 3, 3] {
            assert_eq!(breaker.admit(now), Ok(()));
            assert_eq!(breaker.failed(now), None);
            assert_eq!(breaker.admit(now), Err(pause * SECOND));
            now += pause * SECOND;
        }
    }

    #[test]
    fn those_who_were_on_their_way_when_it_began_do_not_lengthen_the_pause() {
        let (mut breaker, now) = breaker();
        for _ in 0..100 {
            breaker.failed(now);
        }
        assert_eq!(breaker.admit(now), Err(SECOND));
        assert_eq!(breaker.admit(now + SECOND), Ok(()));
        for _ in 0..100 {
            breaker.failed(now + SECOND);
        }
        assert_eq!(breaker.admit(now + SECOND), Err(2 * SECOND));
    }

    #[test]
    fn a_pause_without_end_is_one() {
        let policy = Policy {
            failures_max: 1,
            pause_min: Duration::MAX,
            timeout: Duration::MAX,
            ..Policy::default()
        };
        let (mut breaker, now) = (Breaker::new(&policy), Instant::now());
        assert_eq!(breaker.failed(now), Some(Duration::MAX));
        assert!(breaker.admit(now + 1_000_000 * SECOND).is_err());
        assert_eq!(breaker.admit(now + FAR), Ok(()));
        assert_eq!(breaker.failed(now + FAR), None);
    }

    #[test]
    fn a_probe_that_never_reports_is_followed_by_another() {
        let (mut breaker, now) = breaker();
        breaker.failed(now);
        breaker.failed(now);
        assert_eq!(breaker.admit(now + SECOND), Ok(()));
        assert_eq!(breaker.admit(now + 6 * SECOND), Ok(()));
    }
}
