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
        open.until = now + self.probe;
        Ok(())
    }

    /// Whether there is no outage.
    #[cfg(feature = "_sql")]
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
            open.pause = (open.pause * 2).min(self.pause_max);
            open.until = now + open.pause;
            return None;
        }
        if self.failures < self.failures_max {
            return None;
        }
        self.open = Some(Open { until: now + self.pause_min, pause: self.pause_min });
        Some(self.pause_min)
    }
}

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
        for pause in [2, 3, 3] {
            assert_eq!(breaker.failed(now), None);
            assert_eq!(breaker.admit(now), Err(pause * SECOND));
        }
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
