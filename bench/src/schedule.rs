//! When events are due. Latency counts from that instant, which is what keeps coordinated omission out:
//! while the server (or the generator) stalls, events go on falling due, and each of them is late.

use crate::clock::SECOND;

/// How fast events are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Pace {
    /// So many events per second, whatever the server does: an open loop.
    PerSecond(f64),
    /// Each publisher sends its next request when the last one was answered, while at most `window`
    /// events are published and not yet delivered to everybody (0: no such limit): a closed loop.
    Acknowledged { window: u64 },
}

impl Pace {
    /// What the options `--rate` and `--window` say.
    pub(crate) fn from_options(rate: f64, window: u64) -> Self {
        if rate > 0.0 { Self::PerSecond(rate) } else { Self::Acknowledged { window } }
    }
}

/// A fixed rate: the n-th turn is due at `start + n / rate`, however late the turns before it were.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schedule {
    start: u64,
    interval: f64,
    done: u64,
}

impl Schedule {
    pub(crate) fn new(start: u64, turns_per_second: f64) -> Self {
        Self { start, interval: SECOND as f64 / turns_per_second, done: 0 }
    }

    /// When the next turn is due.
    pub(crate) fn due(&self) -> u64 {
        // From the count and not from the last turn, so that rounding does not add up.
        self.start.saturating_add((self.done as f64 * self.interval) as u64)
    }

    /// Takes the next turn if it is due, and says since when.
    pub(crate) fn take(&mut self, now: u64) -> Option<u64> {
        let due = self.due();
        (due <= now).then(|| {
            self.done += 1;
            due
        })
    }

    /// How many turns were taken.
    pub(crate) fn done(&self) -> u64 {
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::MILLISECOND;
    use crate::latency::Latency;

    #[test]
    fn turns_are_due_at_even_distances() {
        let mut schedule = Schedule::new(1000, 3.0);
        let due: Vec<u64> =
            (0..4).map(|_| schedule.take(u64::MAX).expect("it is late enough")).collect();
        assert_eq!(due, [1000, 333_334_333, 666_667_666, 1_000_001_000]);
    }

    #[test]
    fn nothing_is_due_early() {
        let mut schedule = Schedule::new(1000, 10.0);
        assert_eq!(schedule.take(999), None);
        assert_eq!(schedule.take(1000), Some(1000));
        assert_eq!(schedule.take(1000), None);
        assert_eq!(schedule.done(), 1);
    }

    #[test]
    fn a_stall_makes_every_event_late_that_was_due_meanwhile() {
        // 1000 events per second for two seconds, each delivered in 1 ms, save that nothing moves in
        // the second second: a generator that waits for its answers would count one slow event, this
        // one counts a thousand, half of them later than half a second.
        let mut schedule = Schedule::new(0, 1000.0);
        let mut latency = Latency::default();
        let mut now = 0;
        while schedule.due() < 2 * SECOND {
            now += MILLISECOND;
            if now > SECOND {
                now = 2 * SECOND;
            }
            while let Some(due) = schedule.take(now) {
                latency.record(now + MILLISECOND - due);
            }
        }
        assert_eq!(latency.count(), 2001);
        let half = latency.quantile_us(0.75) / 1000.0;
        assert!((495.0..510.0).contains(&half), "three quarters within {half} ms");
        assert!(latency.quantile_us(1.0) > 990_000.0);
    }

    #[test]
    fn no_rate_means_as_fast_as_acknowledged() {
        assert_eq!(Pace::from_options(0.0, 16), Pace::Acknowledged { window: 16 });
        assert_eq!(Pace::from_options(2.5, 16), Pace::PerSecond(2.5));
    }
}
