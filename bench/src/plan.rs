//! What flows in a run: channels, their subscribers, who sends what at which pace.

use std::rc::Rc;

use crate::news::Id;
use crate::schedule::Pace;

/// Events that flow for a while.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) channels: usize,
    /// Subscribers of each channel.
    pub(crate) subscribers: usize,
    pub(crate) source: Source,
    pub(crate) pace: Pace,
    /// Bytes of an event's data.
    pub(crate) payload_bytes: usize,
    pub(crate) seconds: f64,
    /// Seconds of the same before it is measured.
    pub(crate) warmup_seconds: f64,
    pub(crate) slow: Option<Slow>,
}

/// Who sends the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// So many HTTP connections, with so many events in each request.
    Publishers { count: usize, batch: usize },
    /// The subscribers themselves: each sends client events to the others of its channel.
    Members,
}

/// Subscribers that stop reading in the second third of the time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slow {
    pub(crate) count: usize,
    /// Size of their receive buffers: the smaller, the sooner the server feels it.
    pub(crate) receive_buffer_bytes: usize,
}

/// Events of one sender on one channel. They are sent one after the other, so every receiver must see
/// their numbers complete and in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stream {
    pub(crate) channel: usize,
    /// Its place among the streams of its channel.
    pub(crate) place: u16,
    pub(crate) sender: Sender,
    /// Events that were sent: the next one's number.
    pub(crate) sent: u32,
}

/// Who sends a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sender {
    Publisher(usize),
    Member(Id),
}

impl Plan {
    pub(crate) fn connections(&self) -> usize {
        self.channels * self.subscribers
    }

    /// The channel of a connection: they are dealt out in turn.
    pub(crate) fn channel_of(&self, id: Id) -> usize {
        id % self.channels
    }

    pub(crate) fn is_slow(&self, id: Id) -> bool {
        self.slow.is_some_and(|slow| id < slow.count)
    }

    pub(crate) fn publishers(&self) -> usize {
        match self.source {
            Source::Publishers { count, .. } => count,
            Source::Members => 0,
        }
    }

    /// Events in one request, or in one message of a client.
    pub(crate) fn batch(&self) -> usize {
        match self.source {
            Source::Publishers { batch, .. } => batch,
            Source::Members => 1,
        }
    }

    pub(crate) fn channel_names(&self) -> Rc<[Rc<str>]> {
        let prefix = match self.source {
            Source::Publishers { .. } => "bench-",
            Source::Members => "private-bench-",
        };
        (0..self.channels).map(|index| Rc::from(format!("{prefix}{index}"))).collect()
    }

    /// The streams of the run. Every channel has one and every publisher has one; a channel has several
    /// when there are more senders than channels.
    pub(crate) fn streams(&self) -> Vec<Stream> {
        let count = match self.source {
            Source::Publishers { count, .. } => self.channels.max(count),
            Source::Members => self.connections(),
        };
        let stream = |index: usize| Stream {
            channel: self.channel_of(index),
            place: (index / self.channels) as u16,
            sender: match self.source {
                Source::Publishers { count, .. } => Sender::Publisher(index % count),
                Source::Members => Sender::Member(index),
            },
            sent: 0,
        };
        (0..count).map(stream).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(channels: usize, source: Source) -> Plan {
        let pace = Pace::PerSecond(1.0);
        Plan {
            channels,
            subscribers: 2,
            source,
            pace,
            payload_bytes: 100,
            seconds: 1.0,
            warmup_seconds: 0.0,
            slow: None,
        }
    }

    #[track_caller]
    fn check(plan: &Plan, expected: &[(usize, u16, Sender)]) {
        let found: Vec<(usize, u16, Sender)> = plan
            .streams()
            .iter()
            .map(|stream| (stream.channel, stream.place, stream.sender))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn channels_are_dealt_out_to_publishers() {
        let publisher = |index| Sender::Publisher(index);
        let source = |count| Source::Publishers { count, batch: 1 };
        check(
            &plan(3, source(2)),
            &[(0, 0, publisher(0)), (1, 0, publisher(1)), (2, 0, publisher(0))],
        );
        check(
            &plan(1, source(3)),
            &[(0, 0, publisher(0)), (0, 1, publisher(1)), (0, 2, publisher(2))],
        );
    }

    #[test]
    fn every_member_sends_a_stream_of_its_own() {
        let member = |id| Sender::Member(id);
        check(
            &plan(2, Source::Members),
            &[(0, 0, member(0)), (1, 0, member(1)), (0, 1, member(2)), (1, 1, member(3))],
        );
    }
}
