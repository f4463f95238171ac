//! What is said when Redis goes and comes, and how long to wait before the next try.

use std::time::Duration;

use tokio::time::Instant;

use super::fault::Fault;
use crate::config::RedisAddress;

/// The first wait, at most.
const WAIT_MIN: Duration = Duration::from_millis(200);
/// The longest wait.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// A connection that lasts so long was a good one; one that ends sooner counts as one more failure.
const STABLE: Duration = Duration::from_secs(10);

/// The time without Redis, from the first failure to the connection.
#[derive(Debug)]
pub(crate) struct Outage {
    began: Option<Instant>,
    connected: Option<Instant>,
    has_been_there: bool,
    has_warned: bool,
    has_warned_of_refusal: bool,
    failures: u32,
}

/// How Redis was found again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Return {
    /// For the first time.
    First,
    /// After it was away.
    Again,
}

impl Outage {
    pub(crate) fn new() -> Self {
        Self {
            began: None,
            connected: None,
            has_been_there: false,
            has_warned: false,
            has_warned_of_refusal: false,
            failures: 0,
        }
    }

    /// Notes a failure, warns of the first one, and says how long to wait.
    pub(crate) fn failed(&mut self, fault: &Fault, address: &RedisAddress) -> Duration {
        let was_connected = self.connected.take();
        if was_connected.is_some_and(|since| since.elapsed() >= STABLE) {
            self.failures = 0;
        }
        self.began.get_or_insert_with(Instant::now);
        self.warn(fault, address, was_connected.is_some());
        self.failures += 1;
        jitter(wait_max(self.failures))
    }

    /// Once for each outage, and once more if Redis then refuses us: waiting does not help there.
    fn warn(&mut self, fault: &Fault, url: &RedisAddress, was_connected: bool) {
        let is_refusal = fault.is_refusal();
        let has_warned =
            if is_refusal { &mut self.has_warned_of_refusal } else { &mut self.has_warned };
        if std::mem::replace(has_warned, true) {
            return tracing::debug!(%url, reason = %fault, "Redis cannot be reached yet");
        }
        if is_refusal {
            // Being away is no news after that.
            self.has_warned = true;
            tracing::warn!(%url, reason = %fault, "Redis refuses the bridge; check redis.url, the bridge tries on");
        } else if was_connected {
            tracing::warn!(%url, reason = %fault, "Redis is gone; what is published until it is back does not arrive");
        } else {
            tracing::warn!(%url, reason = %fault, "Redis cannot be reached; the bridge tries until it can");
        }
    }

    /// Notes that Redis is there.
    pub(crate) fn over(&mut self, prefixes: &str, url: &RedisAddress) -> Return {
        self.connected = Some(Instant::now());
        (self.has_warned, self.has_warned_of_refusal) = (false, false);
        let has_been_there = std::mem::replace(&mut self.has_been_there, true);
        let began = self.began.take().filter(|_| has_been_there);
        let Some(away) = began.map(|began| began.elapsed()) else {
            tracing::info!(%url, prefixes, "Redis is connected");
            return Return::First;
        };
        let away_seconds = away.as_millis() as f64 / 1000.0;
        tracing::info!(%url, away_seconds, "Redis is back");
        Return::Again
    }
}

fn wait_max(failures: u32) -> Duration {
    WAIT_MIN.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1))).min(WAIT_MAX)
}

/// Between half of it and all of it, so that many servers do not come back at one moment.
fn jitter(wait: Duration) -> Duration {
    // Without randomness all servers come at one moment, which is still better than none.
    let random = getrandom::u32().unwrap_or(u32::MAX);
    wait / 2 + (wait / 2).mul_f64(f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_five_seconds() {
        let waits: Vec<_> = (1..9).map(|failures| wait_max(failures).as_millis()).collect();
        assert_eq!(waits, [200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
        assert_eq!(wait_max(u32::MAX), WAIT_MAX);
    }

    #[test]
    fn a_wait_is_half_to_all_of_what_it_may_be() {
        for _ in 0..100 {
            let wait = jitter(WAIT_MAX);
            assert!(wait >= WAIT_MAX / 2 && wait <= WAIT_MAX, "{wait:?}");
        }
    }
}
