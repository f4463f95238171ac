//! Signs of life: who is silent is asked, who stays silent is closed.

use resound_protocol::{error::ClientError, message};

use crate::{
    app::LiveApp,
    hub::{Due, Hub},
    peer::Slot,
    session::Life,
    sink::Sink,
    time::{Now, Second},
    timers::Timers,
};

/// When the shard looks at which slot.
///
/// A slot has one look ahead of it, however many connections come and go in it: the look that a
/// former connection has left serves the next one, if it does not come too late.
#[derive(Debug, Default)]
pub(crate) struct Lookouts {
    timers: Timers<Slot>,
    next: Vec<Second>,
}

const NEVER: Second = Second::MAX;

impl Lookouts {
    fn watch(&mut self, slot: Slot, due: Second) {
        let at = slot as usize;
        if self.next.len() <= at {
            self.next.resize(at + 1, NEVER);
        }
        if due < self.next[at] {
            self.next[at] = due;
            self.timers.insert(due, slot);
        }
    }

    /// Takes slots whose look is due.
    fn pop_due(&mut self, now: Second) -> Option<Vec<Slot>> {
        let (due, mut slots) = self.timers.pop_due(now)?;
        // One that is not the slot's next look was overtaken by an earlier one.
        slots.retain(|slot| {
            self.next
                .get_mut(*slot as usize)
                .and_then(|next| (*next == due).then(|| *next = NEVER))
                .is_some()
        });
        Some(slots)
    }
}

impl Life {
    /// Notes a sign of life. Says whether it answers a ping: then the next look is to be made
    /// earlier than the answer was due.
    pub(crate) fn hear(&mut self, now: Now) -> bool {
        self.heard = now.seconds_up();
        std::mem::take(&mut self.pinged)
    }

    /// When it is time to ask or to close.
    fn due(&self, app: &LiveApp) -> Second {
        if self.pinged {
            return self.answer_due;
        }
        self.heard.saturating_add(app.options.ping_interval_seconds)
    }
}

impl Hub {
    /// Does what is due. To be called once a second.
    pub fn tick(&mut self, now: Now, sink: &mut dyn Sink) {
        while let Some(slots) = self.lookouts.pop_due(now.seconds()) {
            for slot in slots {
                self.check_life(slot, now, sink);
            }
        }
        while let Some((_, due)) = self.timers.pop_due(now.seconds()) {
            for due in due {
                match due {
                    Due::Cached(channel) => self.expire_cached(channel, now),
                    Due::Count(channel) => self.send_held_count(&channel, now, sink),
                }
            }
        }
        self.settle(now, sink);
    }

    pub(crate) fn watch_life(&mut self, slot: Slot) {
        if let Some((session, app)) = self.speaker(slot) {
            let due = session.life.due(&app);
            self.lookouts.watch(slot, due);
        }
    }

    /// Every connection is asked and closed, also one that never subscribed (Reverb overlooks it).
    fn check_life(&mut self, slot: Slot, now: Now, sink: &mut dyn Sink) {
        let Some((session, app)) = self.speaker(slot) else {
            return;
        };
        let life = &mut session.life;
        if life.due(&app) > now.seconds() {
            return self.watch_life(slot);
        }
        if life.pinged {
            return self.end(slot, &ClientError::PongMissing, sink);
        }
        life.pinged = true;
        life.answer_due = now.seconds().saturating_add(app.options.activity_timeout_seconds);
        if life.knows_control_frames {
            sink.ping(slot);
        } else {
            sink.send(slot, &message::ping());
        }
        self.watch_life(slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_looked_at_once_however_often_it_is_watched() {
        let mut lookouts = Lookouts::default();
        (0..1000).for_each(|_| lookouts.watch(3, 60));
        lookouts.watch(3, 70);
        lookouts.watch(0, 65);
        assert_eq!(lookouts.pop_due(59), None);
        assert_eq!(lookouts.pop_due(99), Some(vec![3]));
        assert_eq!(lookouts.pop_due(99), Some(vec![0]));
        assert_eq!(lookouts.pop_due(99), None);
    }

    #[test]
    fn an_earlier_look_overtakes_a_later_one() {
        let mut lookouts = Lookouts::default();
        lookouts.watch(3, 60);
        lookouts.watch(3, 50);
        assert_eq!(lookouts.pop_due(50), Some(vec![3]));
        lookouts.watch(3, 60);
        assert_eq!(lookouts.pop_due(60), Some(vec![3]));
        assert_eq!(lookouts.pop_due(60), None);
    }
}
