//! Signs of life: who is silent is asked, who stays silent is closed.

use resound_protocol::{error::ClientError, message};

use crate::{
    hub::{Due, Hub},
    peer::Slot,
    session::Life,
    sink::Sink,
    time::{Now, Second},
};

impl Life {
    pub(crate) fn hear(&mut self, now: Now) {
        // Rounded up, so that nobody is asked or closed before the time.
        self.heard = now.seconds() + 1;
        self.pinged = false;
    }
}

impl Hub {
    /// Does what is due. To be called once a second.
    pub fn tick(&mut self, now: Now, sink: &mut dyn Sink) {
        while let Some(due) = self.timers.pop_due(now.seconds()) {
            for due in due {
                match due {
                    Due::Life(slot) => self.check_life(slot, now, sink),
                    Due::Cached(channel) => self.expire_cached(channel, now),
                    Due::Count(channel) => self.send_held_count(&channel, now, sink),
                }
            }
        }
        self.settle(now, sink);
    }

    pub(crate) fn watch_life(&mut self, slot: Slot, due: Second) {
        if let Some(session) = self.session_mut(slot) {
            session.life.due = due;
            self.timers.insert(due, Due::Life(slot));
        }
    }

    /// Every connection is asked and closed, also one that never subscribed (Reverb overlooks it).
    fn check_life(&mut self, slot: Slot, now: Now, sink: &mut dyn Sink) {
        let Some((session, app)) = self.speaker(slot) else {
            return;
        };
        let life = &mut session.life;
        if life.due > now.seconds() {
            return; // the slot's former connection was meant
        }
        let silent_until = life.heard + app.options.ping_interval_seconds;
        if life.pinged {
            self.end(slot, &ClientError::PongMissing, sink);
            return;
        }
        if silent_until > now.seconds() {
            self.watch_life(slot, silent_until);
            return;
        }
        life.pinged = true;
        if life.knows_control_frames {
            sink.ping(slot);
        } else {
            sink.send(slot, &message::ping());
        }
        self.watch_life(slot, now.seconds() + app.options.activity_timeout_seconds);
    }
}
