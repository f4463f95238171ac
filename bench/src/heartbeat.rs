//! Pings of the clients of Engine.IO 3: there the client says that it is alive, and a server that hears
//! nothing closes.

use std::collections::VecDeque;

use crate::clock::MILLISECOND;
use crate::news::Id;

/// When each client must send its next ping.
#[derive(Default)]
pub(crate) struct Heartbeat {
    /// In the order of time: the interval is the same for all.
    due: VecDeque<(u64, Id)>,
    interval: u64,
}

impl Heartbeat {
    /// A client has learnt from the server how often it must send pings.
    pub(crate) fn begin(&mut self, id: Id, now: u64, interval_milliseconds: u64) {
        self.interval = interval_milliseconds * MILLISECOND;
        self.go_on(id, now);
    }

    /// A client has sent a ping, and owes the next one.
    pub(crate) fn go_on(&mut self, id: Id, now: u64) {
        self.due.push_back((now + self.interval, id));
    }

    /// Takes a client whose ping is due.
    pub(crate) fn take(&mut self, now: u64) -> Option<Id> {
        let (_, id) = self.due.pop_front_if(|(due, _)| *due <= now)?;
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_owes_a_ping_after_each_interval() {
        let mut heartbeat = Heartbeat::default();
        heartbeat.begin(7, 0, 25);
        heartbeat.begin(8, 1, 25);
        assert_eq!(heartbeat.take(25 * MILLISECOND - 1), None);
        assert_eq!(heartbeat.take(25 * MILLISECOND), Some(7));
        assert_eq!(heartbeat.take(25 * MILLISECOND), None);
        heartbeat.go_on(7, 25 * MILLISECOND);
        assert_eq!(heartbeat.take(50 * MILLISECOND), Some(8));
        assert_eq!(heartbeat.take(50 * MILLISECOND), Some(7));
        assert_eq!(heartbeat.take(u64::MAX), None);
    }
}
