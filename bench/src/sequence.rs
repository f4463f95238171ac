//! Whether a receiver got each event of a stream, once, and in order.

/// Gaps that one receiver remembers for one stream. Over it the oldest counts as lost for good, and an
/// event that fills it after all counts as a duplicate.
const GAPS_MAX: usize = 4096;

/// What the receivers got, in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Arrivals {
    /// Events that came, each counted once for each receiver.
    pub(crate) delivered: u64,
    /// Events that came again.
    pub(crate) duplicate: u64,
    /// Events that came after a later one of their stream. They count as delivered too.
    pub(crate) reordered: u64,
}

/// The events of one stream that one receiver has seen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sequence {
    next: u32,
    /// Half-open ranges below `next` that have not come, in ascending order.
    gaps: Vec<(u32, u32)>,
    given_up: u64,
}

impl Sequence {
    #[inline]
    pub(crate) fn arrived(&mut self, number: u32, arrivals: &mut Arrivals) {
        if number != self.next {
            return self.arrived_out_of_turn(number, arrivals);
        }
        self.next += 1;
        arrivals.delivered += 1;
    }

    #[cold]
    fn arrived_out_of_turn(&mut self, number: u32, arrivals: &mut Arrivals) {
        if number > self.next {
            self.open_gap(number);
            arrivals.delivered += 1;
        } else if self.fill(number) {
            arrivals.delivered += 1;
            arrivals.reordered += 1;
        } else {
            arrivals.duplicate += 1;
        }
    }

    fn open_gap(&mut self, until: u32) {
        if self.gaps.len() == GAPS_MAX {
            let (from, to) = self.gaps.remove(0);
            self.given_up += u64::from(to - from);
        }
        self.gaps.push((self.next, until));
        self.next = until + 1;
    }

    fn fill(&mut self, number: u32) -> bool {
        let after = self.gaps.partition_point(|(from, _)| *from <= number);
        let Some(index) = after.checked_sub(1) else { return false };
        let (from, to) = self.gaps[index];
        if number >= to {
            return false;
        }
        let rest = [(from, number), (number + 1, to)].into_iter().filter(|(from, to)| from < to);
        self.gaps.splice(index..=index, rest);
        true
    }

    /// Events that never came although a later one did: holes in what the receiver saw.
    pub(crate) fn holes(&self) -> u64 {
        self.given_up + self.gaps.iter().map(|(from, to)| u64::from(to - from)).sum::<u64>()
    }

    /// Events that never came, of `sent` in all.
    pub(crate) fn lost(&self, sent: u32) -> u64 {
        self.holes() + u64::from(sent.saturating_sub(self.next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(numbers: &[u32], sent: u32, expected: (u64, u64, u64, u64)) {
        let mut sequence = Sequence::default();
        let mut arrivals = Arrivals::default();
        for number in numbers {
            sequence.arrived(*number, &mut arrivals);
        }
        let Arrivals { delivered, duplicate, reordered } = arrivals;
        assert_eq!((delivered, duplicate, reordered, sequence.lost(sent)), expected);
    }

    #[test]
    fn a_complete_sequence_has_nothing_to_report() {
        check(&[0, 1, 2, 3], 4, (4, 0, 0, 0));
    }

    #[test]
    fn what_never_comes_is_lost() {
        check(&[], 3, (0, 0, 0, 3));
        check(&[0, 3], 4, (2, 0, 0, 2));
        check(&[0, 1], 5, (2, 0, 0, 3));
        check(&[2, 5], 8, (2, 0, 0, 6));
    }

    #[test]
    fn what_comes_twice_is_a_duplicate() {
        check(&[0, 0, 1, 1, 1, 0], 2, (2, 4, 0, 0));
        check(&[0, 3, 3, 1, 1], 4, (3, 2, 1, 1));
    }

    #[test]
    fn what_comes_late_is_reordered_and_not_lost() {
        check(&[0, 2, 1, 3], 4, (4, 0, 1, 0));
        check(&[5, 4, 3, 2, 1, 0], 6, (6, 0, 5, 0));
        check(&[6, 3, 0, 2], 7, (4, 0, 3, 3));
    }

    #[test]
    fn more_gaps_than_are_remembered_still_count_as_lost() {
        let odd: Vec<u32> = (0..10_000).map(|n| 2 * n + 1).collect();
        check(&odd, 20_000, (10_000, 0, 0, 10_000));
    }
}
