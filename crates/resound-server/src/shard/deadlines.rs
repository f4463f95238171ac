//! Connections that must do something soon: say what they want, or close.

use std::collections::VecDeque;

use resound_hub::{peer::Slot, time::Now};

/// A deadline in microseconds since the process began, and the socket by slot and serial number.
type Deadline = (u64, Slot, u32);

/// Each list is in order, because all deadlines of a list are equally far away.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    pub(super) opening: VecDeque<Deadline>,
    pub(super) closing: VecDeque<Deadline>,
    /// Those that have to take what they are owed before they can hear that they are closed.
    pub(super) closing_slowly: VecDeque<Deadline>,
}

impl Deadlines {
    /// Takes a socket whose time is over; it may have met its deadline.
    pub(super) fn pop_due(&mut self, now: Now) -> Option<(Slot, u32)> {
        for list in [&mut self.opening, &mut self.closing, &mut self.closing_slowly] {
            if list.front().is_some_and(|(due, ..)| *due <= now.micros()) {
                let (_, slot, serial) = list.pop_front()?;
                if list.is_empty() {
                    list.shrink_to(0);
                }
                return Some((slot, serial));
            }
        }
        None
    }
}
