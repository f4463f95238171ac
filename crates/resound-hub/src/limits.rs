//! How often something may happen.

use crate::{
    app::RateLimit,
    time::{Now, Second},
};

/// A token bucket: `per_second` at once, refilled evenly.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TokenBucket {
    /// Thousandths of tokens that are used up, and when that was counted.
    used_milli: u32,
    counted: u32,
}

impl TokenBucket {
    /// Takes a token; `false` if there is none.
    pub(crate) fn take(&mut self, per_second: u32, now: Now) -> bool {
        let now_ms = (now.micros() / 1000) as u32;
        let refilled = u64::from(now_ms.wrapping_sub(self.counted)) * u64::from(per_second);
        self.counted = now_ms;
        self.used_milli = u64::from(self.used_milli).saturating_sub(refilled) as u32;
        let full = per_second.saturating_mul(1000);
        if self.used_milli.saturating_add(1000) > full {
            return false;
        }
        self.used_milli += 1000;
        true
    }
}

/// Reverb's limiter: so many attempts within a window that begins with the first of them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Window {
    ends: Second,
    attempts: u32,
}

impl Window {
    /// Counts an attempt; `false` if it is one too many.
    pub(crate) fn attempt(&mut self, limit: &RateLimit, now: Now) -> bool {
        if now.seconds() >= self.ends {
            *self = Self { ends: now.seconds().saturating_add(limit.decay_seconds), attempts: 0 };
        }
        self.attempts = self.attempts.saturating_add(1);
        self.attempts <= limit.max_attempts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_rate_at_once_and_then_refills() {
        let mut bucket = TokenBucket::default();
        let taken = |bucket: &mut TokenBucket, millis: u64| {
            (0..50).filter(|_| bucket.take(10, Now::from_micros(millis * 1000))).count()
        };
        assert_eq!(taken(&mut bucket, 0), 10);
        assert_eq!(taken(&mut bucket, 99), 0);
        assert_eq!(taken(&mut bucket, 200), 2);
        assert_eq!(taken(&mut bucket, 60_000), 10);
    }

    #[test]
    fn a_window_begins_with_its_first_attempt() {
        let limit = RateLimit { max_attempts: 2, decay_seconds: 5, terminate_on_limit: false };
        let mut window = Window::default();
        let attempts: Vec<bool> =
            [7, 8, 11, 12].iter().map(|s| window.attempt(&limit, Now::from_seconds(*s))).collect();
        assert_eq!(attempts, [true, true, false, true]);
    }
}
