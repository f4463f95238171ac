//! Who must get what, and what came of it.

use crate::mark::Mark;
use crate::news::Id;
use crate::plan::{Plan, Sender, Stream};
use crate::sequence::{Arrivals, Sequence};

/// The books of one run.
pub(crate) struct Ledger {
    /// Streams of the channel that has most.
    places: usize,
    /// Those of connection `id` begin at `id * places`.
    sequences: Vec<Sequence>,
    connections: Vec<Account>,
    /// Subscribers of each channel that must get everything, and those that are slow.
    healthy: Vec<u64>,
    slow: Vec<u64>,
    /// Deliveries that healthy subscribers are owed, and got.
    pub(crate) expected: u64,
    pub(crate) arrivals: Arrivals,
    /// The same for slow ones; what one did not get before the server gave it up is written off.
    pub(crate) slow_expected: u64,
    pub(crate) slow_arrivals: Arrivals,
    /// Slow subscribers that the server gave up, and what they never got.
    pub(crate) slow_disconnected: u64,
    pub(crate) slow_written_off: u64,
}

/// What kind of subscriber a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Account {
    Healthy,
    Slow,
    /// A slow one that the server gave up.
    Gone,
}

impl Ledger {
    pub(crate) fn new(plan: &Plan, streams: &[Stream]) -> Self {
        let places = streams.iter().map(|stream| usize::from(stream.place) + 1).max().unwrap_or(1);
        let mut ledger = Self {
            places,
            sequences: vec![Sequence::default(); plan.connections() * places],
            connections: Vec::with_capacity(plan.connections()),
            healthy: vec![0; plan.channels],
            slow: vec![0; plan.channels],
            expected: 0,
            arrivals: Arrivals::default(),
            slow_expected: 0,
            slow_arrivals: Arrivals::default(),
            slow_disconnected: 0,
            slow_written_off: 0,
        };
        for id in 0..plan.connections() {
            let is_slow = plan.is_slow(id);
            let audience = if is_slow { &mut ledger.slow } else { &mut ledger.healthy };
            audience[plan.channel_of(id)] += 1;
            ledger.connections.push(if is_slow { Account::Slow } else { Account::Healthy });
        }
        ledger
    }

    /// Healthy subscribers of all channels, per channel.
    pub(crate) fn mean_audience(&self) -> f64 {
        self.healthy.iter().sum::<u64>() as f64 / self.healthy.len().max(1) as f64
    }

    /// An event was sent: everybody on its channel is owed it, save its sender.
    pub(crate) fn owe(&mut self, stream: &Stream) {
        let sender = u64::from(matches!(stream.sender, Sender::Member(_)));
        self.expected += self.healthy[stream.channel] - sender;
        self.slow_expected += self.slow[stream.channel];
    }

    /// An event came. Says what kind of subscriber got it.
    #[inline]
    pub(crate) fn arrived(&mut self, id: Id, mark: Mark) -> Account {
        let account = self.connections[id];
        let arrivals = match account {
            Account::Healthy => &mut self.arrivals,
            Account::Slow | Account::Gone => &mut self.slow_arrivals,
        };
        // A stream that nobody sends can only be a server's mistake; it counts as one.
        match self.sequences.get_mut(id * self.places + usize::from(mark.stream)) {
            Some(sequence) if usize::from(mark.stream) < self.places => {
                sequence.arrived(mark.number, arrivals);
            }
            _ => arrivals.duplicate += 1,
        }
        account
    }

    /// The server ended a connection. A slow one is owed nothing more; a healthy one is.
    pub(crate) fn ended(&mut self, streams: &[Stream], plan: &Plan, id: Id) {
        if self.connections[id] != Account::Slow {
            return;
        }
        let channel = plan.channel_of(id);
        let of_its_channel = streams.iter().filter(|stream| stream.channel == channel);
        let missing: u64 =
            of_its_channel.map(|stream| self.sequence(id, stream).lost(stream.sent)).sum();
        self.slow_expected -= missing;
        self.slow_written_off += missing;
        self.connections[id] = Account::Gone;
        self.slow[channel] -= 1;
        self.slow_disconnected += 1;
    }

    fn sequence(&self, id: Id, stream: &Stream) -> &Sequence {
        &self.sequences[id * self.places + usize::from(stream.place)]
    }

    /// Deliveries that healthy subscribers are still owed.
    pub(crate) fn owed(&self) -> u64 {
        self.expected.saturating_sub(self.arrivals.delivered)
    }

    /// Deliveries that connected slow subscribers are still owed.
    pub(crate) fn owed_to_slow(&self) -> u64 {
        self.slow_expected.saturating_sub(self.slow_arrivals.delivered)
    }

    /// Events that healthy subscribers never got.
    pub(crate) fn lost(&self, streams: &[Stream], plan: &Plan) -> u64 {
        self.missing(streams, plan, Account::Healthy, |sequence, sent| sequence.lost(sent))
    }

    /// Events that slow subscribers never got although they got later ones: silent holes.
    pub(crate) fn slow_holes(&self, streams: &[Stream], plan: &Plan) -> u64 {
        let holes = |sequence: &Sequence, _| sequence.holes();
        self.missing(streams, plan, Account::Slow, holes)
            + self.missing(streams, plan, Account::Gone, holes)
    }

    fn missing(
        &self,
        streams: &[Stream],
        plan: &Plan,
        account: Account,
        count: impl Fn(&Sequence, u32) -> u64,
    ) -> u64 {
        let mut sum = 0;
        for stream in streams {
            // The subscribers of a channel: every so-manieth connection.
            for id in (stream.channel..plan.connections()).step_by(plan.channels) {
                if self.connections[id] == account && stream.sender != Sender::Member(id) {
                    sum += count(self.sequence(id, stream), stream.sent);
                }
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Slow, Source};
    use crate::schedule::Pace;

    fn plan(source: Source, slow: usize) -> Plan {
        Plan {
            channels: 1,
            subscribers: 3,
            source,
            pace: Pace::PerSecond(1.0),
            payload_bytes: 100,
            seconds: 1.0,
            warmup_seconds: 0.0,
            slow: Some(Slow { count: slow, receive_buffer_bytes: 4096 }),
        }
    }

    fn send(ledger: &mut Ledger, stream: &mut Stream) -> Mark {
        let mark = Mark { due: 0, number: stream.sent, stream: stream.place, run: 0 };
        stream.sent += 1;
        ledger.owe(stream);
        mark
    }

    #[test]
    fn everybody_is_owed_every_event() {
        let plan = plan(Source::Publishers { count: 1, batch: 1 }, 0);
        let mut streams = plan.streams();
        let mut ledger = Ledger::new(&plan, &streams);
        let mark = send(&mut ledger, &mut streams[0]);
        ledger.arrived(0, mark);
        ledger.arrived(2, mark);
        assert_eq!((ledger.expected, ledger.owed(), ledger.lost(&streams, &plan)), (3, 1, 1));
        ledger.arrived(1, mark);
        assert_eq!((ledger.owed(), ledger.lost(&streams, &plan)), (0, 0));
    }

    #[test]
    fn a_member_is_not_owed_its_own_events() {
        let plan = plan(Source::Members, 0);
        let mut streams = plan.streams();
        let mut ledger = Ledger::new(&plan, &streams);
        let mark = send(&mut ledger, &mut streams[1]);
        ledger.arrived(0, mark);
        ledger.arrived(2, mark);
        assert_eq!((ledger.expected, ledger.owed(), ledger.lost(&streams, &plan)), (2, 0, 0));
    }

    #[test]
    fn a_slow_subscriber_that_was_given_up_is_owed_nothing_but_shows_its_holes() {
        let plan = plan(Source::Publishers { count: 1, batch: 1 }, 1);
        let mut streams = plan.streams();
        let mut ledger = Ledger::new(&plan, &streams);
        let marks: Vec<Mark> = (0..4).map(|_| send(&mut ledger, &mut streams[0])).collect();
        assert_eq!((ledger.expected, ledger.slow_expected), (8, 4));
        ledger.arrived(0, marks[0]);
        ledger.arrived(0, marks[2]);
        assert_eq!(ledger.owed_to_slow(), 2);
        ledger.ended(&streams, &plan, 0);
        assert_eq!((ledger.owed_to_slow(), ledger.slow_written_off), (0, 2));
        assert_eq!((ledger.slow_disconnected, ledger.slow_holes(&streams, &plan)), (1, 1));
        send(&mut ledger, &mut streams[0]);
        assert_eq!((ledger.slow_expected, ledger.lost(&streams, &plan)), (2, 10));
    }

    #[test]
    fn an_event_of_a_stream_that_nobody_sends_is_a_mistake() {
        let plan = plan(Source::Publishers { count: 1, batch: 1 }, 0);
        let mut ledger = Ledger::new(&plan, &plan.streams());
        ledger.arrived(2, Mark { due: 0, number: 0, stream: 9, run: 0 });
        assert_eq!(ledger.arrivals, Arrivals { duplicate: 1, ..Arrivals::default() });
    }
}
