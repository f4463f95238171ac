//! Waiting with what ends, in case it begins again (webhooks.md 3.3).
//!
//! Pusher's delay of up to three seconds: between the pages of a site, or when a connection is cut for a moment, a
//! user leaves and comes back. Neither is told then.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use resound_hub::app::AppNumber;
use resound_protocol::webhook::{Event, What};

/// Ends that may wait; over it the oldest is told at once. Outsiders can fill this.
pub(super) const WAITING_MAX: usize = 100_000;

/// What a shard has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) app: AppNumber,
    pub(super) event: Event,
}

/// A channel, or a member of one.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Subject {
    app: AppNumber,
    channel: String,
    user_id: Option<String>,
}

/// Ends that wait. Time is an argument, in milliseconds.
#[derive(Debug)]
pub(super) struct Patience {
    delay_ms: u64,
    /// In the order in which they were said, each with when it is due; those that were taken back are still there.
    order: VecDeque<(u64, u64, Arc<Subject>)>,
    waiting: HashMap<Arc<Subject>, (u64, Told)>,
    serial: u64,
}

impl Patience {
    pub(super) fn new(delay_ms: u64) -> Self {
        Self { delay_ms, order: VecDeque::new(), waiting: HashMap::new(), serial: 0 }
    }

    /// Takes what was said; gives it back if it is to be told at once.
    pub(super) fn take(&mut self, told: Told, now_ms: u64) -> Option<Told> {
        let user_id = match &told.event.what {
            What::ChannelOccupied | What::ChannelVacated => None,
            What::MemberAdded { user_id } | What::MemberRemoved { user_id } => {
                Some(user_id.clone())
            }
            What::ClientEvent { .. } | What::CacheMiss | What::SubscriptionCount { .. } => {
                return Some(told);
            }
        };
        let subject = Subject { app: told.app, channel: told.event.channel.clone(), user_id };
        if matches!(told.event.what, What::ChannelOccupied | What::MemberAdded { .. }) {
            return self.waiting.remove(&subject).is_none().then_some(told);
        }
        if self.delay_ms == 0 {
            return Some(told);
        }
        let subject = Arc::new(subject);
        self.serial += 1;
        self.order.push_back((now_ms + self.delay_ms, self.serial, Arc::clone(&subject)));
        self.waiting.insert(subject, (self.serial, told));
        None
    }

    /// When something is due next.
    pub(super) fn next_due(&self) -> Option<u64> {
        self.order.front().map(|(due, ..)| *due)
    }

    /// The next end that nothing has taken back in its time.
    pub(super) fn pop_due(&mut self, now_ms: u64) -> Option<Told> {
        while let Some((due, ..)) = self.order.front()
            && (*due <= now_ms || self.order.len() > WAITING_MAX)
        {
            let (_, serial, subject) = self.order.pop_front()?;
            if self.waiting.get(&subject).is_some_and(|(own, _)| *own == serial) {
                return self.waiting.remove(&subject).map(|(_, told)| told);
            }
        }
        if self.order.is_empty() {
            (self.order, self.waiting) = (VecDeque::new(), HashMap::new());
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use resound_hub::app::{App, AppOptions, Apps};

    use super::*;

    fn app() -> AppNumber {
        let app = App {
            id: "a".into(),
            key: "k".into(),
            secret: "s".into(),
            options: AppOptions::default(),
        };
        Apps::new([app]).by_id("a").expect("it was made").number()
    }

    fn told(line: &str) -> Told {
        let words: Vec<&str> = line.split(' ').collect();
        let user_id = words.get(2).copied().unwrap_or_default().to_owned();
        let what = match words[1] {
            "occupied" => What::ChannelOccupied,
            "vacated" => What::ChannelVacated,
            "added" => What::MemberAdded { user_id },
            "removed" => What::MemberRemoved { user_id },
            _ => What::CacheMiss,
        };
        Told { app: app(), event: Event { channel: words[0].to_owned(), what } }
    }

    fn line(told: &Told) -> String {
        let Event { channel, what } = &told.event;
        match what {
            What::ChannelOccupied => format!("{channel} occupied"),
            What::ChannelVacated => format!("{channel} vacated"),
            What::MemberAdded { user_id } => format!("{channel} added {user_id}"),
            What::MemberRemoved { user_id } => format!("{channel} removed {user_id}"),
            What::CacheMiss | What::ClientEvent { .. } | What::SubscriptionCount { .. } => {
                format!("{channel} other")
            }
        }
    }

    /// Each said at its second, told at which.
    #[track_caller]
    fn check(said: &[(u64, &str)], expected: &[(u64, &str)]) {
        let mut patience = Patience::new(3000);
        let mut heard = Vec::new();
        for second in 0..20 {
            while let Some(told) = patience.pop_due(second * 1000) {
                heard.push((second, line(&told)));
            }
            for (_, text) in said.iter().filter(|(at, _)| *at == second) {
                if let Some(told) = patience.take(told(text), second * 1000) {
                    heard.push((second, line(&told)));
                }
            }
        }
        let heard: Vec<(u64, &str)> = heard.iter().map(|(at, text)| (*at, &**text)).collect();
        assert_eq!(heard, expected);
        assert!(patience.waiting.is_empty() && patience.order.is_empty());
        assert_eq!(patience.next_due(), None);
    }

    #[test]
    fn an_end_is_told_after_three_seconds_and_in_its_order() {
        check(
            &[(0, "p occupied"), (0, "p added 7"), (1, "p removed 7"), (1, "p vacated")],
            &[(0, "p occupied"), (0, "p added 7"), (4, "p removed 7"), (4, "p vacated")],
        );
    }

    #[test]
    fn who_is_back_in_time_was_never_away() {
        let there = [(0, "p occupied"), (0, "p added 7")];
        let back = [(1, "p removed 7"), (1, "p vacated"), (3, "p occupied"), (3, "p added 7")];
        check(&[&there[..], &back].concat(), &there);
        let again = [(4, "p removed 7"), (4, "p vacated")];
        let end = [(7, "p removed 7"), (7, "p vacated")];
        check(&[&there[..], &back, &again].concat(), &[&there[..], &end].concat());
    }

    #[test]
    fn who_is_back_too_late_has_left_and_comes() {
        check(
            &[(0, "p added 7"), (1, "p removed 7"), (4, "p added 7")],
            &[(0, "p added 7"), (4, "p removed 7"), (4, "p added 7")],
        );
    }

    #[test]
    fn others_in_the_channel_and_other_channels_change_nothing() {
        check(
            &[
                (0, "p removed 7"),
                (0, "p vacated"),
                (1, "p occupied"),
                (1, "p added 8"),
                (1, "q added 7"),
                (2, "p other"),
            ],
            &[(1, "p added 8"), (1, "q added 7"), (2, "p other"), (3, "p removed 7")],
        );
    }

    #[test]
    fn more_than_may_wait_is_told_early_and_not_lost() {
        let mut patience = Patience::new(3000);
        for channel in 0..=WAITING_MAX {
            assert_eq!(patience.take(told(&format!("{channel} vacated")), 0), None);
        }
        assert_eq!(patience.pop_due(0).map(|told| line(&told)).as_deref(), Some("0 vacated"));
        assert_eq!(patience.pop_due(0), None);
    }

    #[test]
    fn without_a_delay_everything_is_told_at_once() {
        let mut patience = Patience::new(0);
        assert!(patience.take(told("p vacated"), 0).is_some());
        assert_eq!(patience.next_due(), None);
    }
}
