//! Signs of life: who is silent is asked, who stays silent is closed.

use resound_protocol::{engineio, error::ClientError, message};

use crate::{
    app::LiveApp,
    hub::{Due, Hub},
    peer::Slot,
    session::{Life, Session},
    sink::Sink,
    socketio::{JOIN_SECONDS, SocketIoOptions, Stage},
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
}

impl Session {
    /// When it is time to ask or to close.
    fn due(&self, app: &LiveApp, options: &SocketIoOptions) -> Second {
        let Life { heard, pinged, answer_due, .. } = self.life;
        let silence = match self.socketio.as_ref().map(|socketio| socketio.version) {
            None => app.options.ping_interval_seconds,
            // The client pings; the server only waits.
            Some(engineio::Version::V3) => {
                return heard
                    .saturating_add(options.ping_interval_seconds + options.ping_timeout_seconds);
            }
            Some(engineio::Version::V4) => options.ping_interval_seconds,
        };
        let due = if pinged { answer_due } else { heard.saturating_add(silence) };
        match self.socketio.as_ref().map(|socketio| socketio.stage) {
            Some(Stage::Greeted(at)) => due.min(at.saturating_add(JOIN_SECONDS)),
            Some(Stage::Joined) | None => due,
        }
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
        self.expire_kept(now, sink);
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
        let options = self.socketio;
        if let Some((session, app)) = self.speaker(slot) {
            let due = session.due(&app, &options);
            self.lookouts.watch(slot, due);
        }
    }

    /// Every connection is asked and closed, also one that never subscribed (Reverb overlooks it).
    fn check_life(&mut self, slot: Slot, now: Now, sink: &mut dyn Sink) {
        let options = self.socketio;
        let Some((session, app)) = self.speaker(slot) else {
            return;
        };
        if session.due(&app, &options) > now.seconds() {
            return self.watch_life(slot);
        }
        let asks = session.socketio.as_ref().is_none_or(|socketio| socketio.pings(now));
        if session.life.pinged || !asks {
            self.keep_or_forget(slot, now, sink);
            return sink.close(slot, &ClientError::PongMissing);
        }
        session.life.pinged = true;
        let time_to_answer = match session.socketio {
            Some(_) => options.ping_timeout_seconds,
            None => app.options.activity_timeout_seconds,
        };
        session.life.answer_due = now.seconds().saturating_add(time_to_answer);
        match session.socketio {
            Some(_) => sink.send(slot, &engineio::ping()),
            None if session.life.knows_control_frames => sink.ping(slot),
            None => sink.send(slot, &message::ping()),
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
