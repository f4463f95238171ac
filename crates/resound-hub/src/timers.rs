//! What is due when, in buckets of one second.
//!
//! An entry is not taken out when its cause goes away: whoever is woken looks whether it is still
//! due. That keeps a timer at a few bytes and its renewal free.

use std::collections::BTreeMap;

use crate::time::Second;

#[derive(Debug)]
pub(crate) struct Timers<T> {
    buckets: BTreeMap<Second, Vec<T>>,
}

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Self { buckets: BTreeMap::new() }
    }
}

impl<T> Timers<T> {
    pub(crate) fn insert(&mut self, due: Second, entry: T) {
        self.buckets.entry(due).or_default().push(entry);
    }

    /// Takes one bucket whose second has come.
    pub(crate) fn pop_due(&mut self, now: Second) -> Option<(Second, Vec<T>)> {
        let entry = self.buckets.first_entry()?;
        (*entry.key() <= now).then(|| entry.remove_entry())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_out_when_their_second_has_come() {
        let mut timers = Timers::default();
        timers.insert(3, 'c');
        timers.insert(1, 'a');
        timers.insert(1, 'b');
        assert_eq!(timers.pop_due(0), None);
        assert_eq!(timers.pop_due(2), Some((1, vec!['a', 'b'])));
        assert_eq!(timers.pop_due(2), None);
        assert_eq!(timers.pop_due(9), Some((3, vec!['c'])));
        assert_eq!(timers.pop_due(9), None);
    }
}
