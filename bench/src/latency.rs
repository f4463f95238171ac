//! Percentiles of latencies.

use hdrhistogram::Histogram;

/// Shorter latencies count as this one.
const SHORTEST_NANOSECONDS: u64 = 1_000;
/// Longer latencies count as this one; no run lasts so long.
const LONGEST_NANOSECONDS: u64 = 3_600_000_000_000;
/// Three significant digits: an error below 0.1 %.
const DIGITS: u8 = 3;

/// A histogram of latencies.
pub(crate) struct Latency(Histogram<u32>);

impl Default for Latency {
    fn default() -> Self {
        let histogram =
            Histogram::new_with_bounds(SHORTEST_NANOSECONDS, LONGEST_NANOSECONDS, DIGITS)
                .expect("the bounds are constants in their order");
        Self(histogram)
    }
}

impl Latency {
    #[inline]
    pub(crate) fn record(&mut self, nanoseconds: u64) {
        self.0.saturating_record(nanoseconds.max(SHORTEST_NANOSECONDS));
    }

    /// The latency that this share of all stayed within, in microseconds; 0 when there are none.
    pub(crate) fn quantile_us(&self, share: f64) -> f64 {
        if self.0.is_empty() {
            return 0.0;
        }
        self.0.value_at_quantile(share).min(self.0.max()) as f64 / 1e3
    }

    #[cfg(test)]
    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_recorded_values() {
        let mut latency = Latency::default();
        for microseconds in 1..=1000 {
            latency.record(microseconds * 1000);
        }
        assert_eq!(latency.count(), 1000);
        for (share, expected) in [(0.5, 500.0), (0.99, 990.0), (1.0, 1000.0)] {
            let found = latency.quantile_us(share);
            assert!((found - expected).abs() <= expected * 0.002, "{found} for {expected}");
        }
    }

    #[test]
    fn without_values_there_is_no_latency() {
        assert_eq!(Latency::default().quantile_us(0.99), 0.0);
    }
}
