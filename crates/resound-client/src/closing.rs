//! What follows the end of a connection: whether to come back, and when.

use std::time::Duration;

use crate::error::ConnectionError;

/// A connection that lived so long was a good one: after its end nothing has failed yet.
pub(crate) const STABLE: Duration = Duration::from_secs(5);
const DELAY_MIN: Duration = Duration::from_secs(1);
const DELAY_MAX: Duration = Duration::from_secs(30);

/// When to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Return {
    Never,
    Later,
    AtOnce,
}

/// How often in a row it went wrong.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// How long to wait after this end of a connection that lived so long; `None`: for ever.
    ///
    /// After a second, doubled with each failure up to half a minute; what `random` (0 to 1) adds, as
    /// much again at most, keeps those who lost their server together from coming back together.
    pub(crate) fn delay(
        &mut self,
        error: &ConnectionError,
        lived: Duration,
        random: f64,
    ) -> Option<Duration> {
        if lived >= STABLE {
            self.failures = 0;
        }
        let failures = self.failures;
        self.failures = failures.saturating_add(1);
        match class(error) {
            Return::Never => None,
            Return::AtOnce if failures == 0 => Some(Duration::ZERO),
            Return::AtOnce => Some(spread(failures - 1, random)),
            Return::Later => Some(spread(failures, random)),
        }
    }
}

/// One to two seconds, twice as long with every failure, up to a minute.
pub(crate) fn spread(failures: u32, random: f64) -> Duration {
    let delay = DELAY_MIN.saturating_mul(1 << failures.min(10)).min(DELAY_MAX);
    delay + delay.mul_f64(random.clamp(0.0, 1.0))
}

/// Pusher, "Connection closure": 4000–4099 don't come back, 4100–4199 after a second, 4200–4299 at
/// once. From 4300 on as pusher-js does. 4000, which asks for TLS, is for who chose the address.
fn class(error: &ConnectionError) -> Return {
    match error {
        ConnectionError::Closed { code: 4000..4100 | 4300..5000, .. } => Return::Never,
        ConnectionError::Closed { code: 4200..4300, .. } | ConnectionError::Silent { .. } => {
            Return::AtOnce
        }
        ConnectionError::Closed { .. }
        | ConnectionError::Unreachable { .. }
        | ConnectionError::Tls { .. }
        | ConnectionError::NoWebSocket { .. }
        | ConnectionError::NoAnswer { .. }
        | ConnectionError::NotPusher { .. }
        | ConnectionError::Lost { .. } => Return::Later,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(code: u16) -> ConnectionError {
        ConnectionError::Closed { code, reason: String::new() }
    }

    #[test]
    fn the_close_code_decides_when_to_come_back() {
        let delay = |code| Backoff::default().delay(&closed(code), Duration::ZERO, 0.5);
        for code in [4000, 4001, 4009, 4099, 4300, 4301, 4999] {
            assert_eq!(delay(code), None, "{code}");
        }
        for code in [1000, 1001, 1006, 1009, 3000, 4100, 4199] {
            assert_eq!(delay(code), Some(Duration::from_millis(1500)), "{code}");
        }
        for code in [4200, 4201, 4299] {
            assert_eq!(delay(code), Some(Duration::ZERO), "{code}");
        }
        let silent = ConnectionError::Silent { seconds: 30 };
        assert_eq!(Backoff::default().delay(&silent, Duration::ZERO, 0.5), Some(Duration::ZERO));
    }

    #[test]
    fn each_failure_doubles_the_delay_up_to_half_a_minute() {
        let mut backoff = Backoff::default();
        let mut delay = |lived| backoff.delay(&closed(4100), lived, 0.0).expect("it returns");
        let seconds: Vec<_> = (0..7).map(|_| delay(Duration::ZERO).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(delay(STABLE), Duration::from_secs(1));
    }

    #[test]
    fn a_server_that_says_at_once_again_and_again_is_not_flooded() {
        let mut backoff = Backoff::default();
        let mut delay = || backoff.delay(&closed(4200), Duration::ZERO, 1.0);
        let seconds: Vec<_> = (0..3).map(|_| delay().expect("it returns").as_secs()).collect();
        assert_eq!(seconds, [0, 2, 4]);
    }
}
