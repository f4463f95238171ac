//! Connections that must do something soon: say what they want, or close.

use std::collections::VecDeque;

use resound_hub::{peer::Slot, time::Now};

/// A deadline in microseconds since the process began, and the socket by slot and serial number.
type Deadline = (u64, Slot, u32);

/// What a deadline is for. A connection that is closed soon after it was opened has one of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaited {
    /// That it says what it wants.
    Request,
    /// That it closes, too.
    Close,
    /// That it fetches its messages.
    Poll,
}

/// Each list is in order, because all deadlines of a list are equally far away.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    pub(super) opening: VecDeque<Deadline>,
    pub(super) closing: VecDeque<Deadline>,
    /// Those that have to take what they are owed before they can hear that they are closed.
    pub(super) closing_slowly: VecDeque<Deadline>,
    /// Clients of Pusher's fallback, which are looked after again and again.
    pub(super) polling: VecDeque<Deadline>,
}

impl Deadlines {
    /// Takes a socket whose time for something is over; it may have met its deadline.
    pub(super) fn pop_due(&mut self, now: Now) -> Option<(Slot, u32, Awaited)> {
        let lists = [
            (&mut self.opening, Awaited::Request),
            (&mut self.closing, Awaited::Close),
            (&mut self.closing_slowly, Awaited::Close),
            (&mut self.polling, Awaited::Poll),
        ];
        for (list, awaited) in lists {
            if list.front().is_some_and(|(due, ..)| *due <= now.micros()) {
                let (_, slot, serial) = list.pop_front()?;
                if list.is_empty() {
                    list.shrink_to(0);
                }
                return Some((slot, serial, awaited));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_that_is_closed_soon_has_a_deadline_for_each() {
        let mut deadlines = Deadlines::default();
        deadlines.opening.push_back((10, 7, 1));
        deadlines.closing_slowly.push_back((30, 7, 1));
        let due = |deadlines: &mut Deadlines, at| deadlines.pop_due(Now::from_micros(at));
        assert_eq!(due(&mut deadlines, 9), None);
        assert_eq!(due(&mut deadlines, 10), Some((7, 1, Awaited::Request)));
        assert_eq!(due(&mut deadlines, 10), None);
        assert_eq!(due(&mut deadlines, 30), Some((7, 1, Awaited::Close)));
    }
}
