//! What is to be sent: noted first, then written with one write per connection.
//!
//! Connections with something to get stand in a queue. What comes in for a connection while it
//! waits is joined to what it gets, so that a burst leaves in one write per connection. Neighbours
//! in the queue mostly get the same frames; they share the joined bytes.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use resound_hub::{peer::Slot, time::Now};
use smallvec::SmallVec;

/// Notes after which everything is written out at once, so that a burst cannot fill the memory.
const NOTES_MAX: usize = 1 << 20;
/// Room that an empty queue keeps.
const KEEP: usize = 1 << 12;

/// The frames that a connection gets with its next write.
pub(super) type Pending = SmallVec<[Bytes; 1]>;

/// A connection's place in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) slot: Slot,
    /// The socket's serial number: the slot may have another one when its turn comes.
    pub(super) serial: u32,
}

#[derive(Debug, Default)]
pub(super) struct Outbox {
    queue: VecDeque<Entry>,
    /// Frames that wait, over all connections.
    notes: usize,
    /// Connections that ever left the queue.
    served: u64,
    /// Published events, with what `served` is when their last connection has been served.
    published: VecDeque<(u64, Now)>,
    /// The frames of the connection before, and their joined bytes.
    neighbour: Pending,
    joined: Bytes,
}

impl Outbox {
    /// Notes that a connection gets a frame.
    pub(super) fn note(&mut self, entry: Entry, pending: &mut Pending, frame: Bytes) {
        if pending.is_empty() {
            self.queue.push_back(entry);
        }
        pending.push(frame);
        self.notes += 1;
    }

    /// Notes when an event was published whose frames have been noted.
    pub(super) fn note_published(&mut self, at: Now) {
        self.published.push_back((self.served + self.queue.len() as u64, at));
    }

    /// Whether so much is noted that it has to be written at once.
    pub(super) fn is_full(&self) -> bool {
        self.notes >= NOTES_MAX
    }

    /// How many connections wait to be written to.
    pub(super) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// The next connection to write to.
    pub(super) fn next(&mut self) -> Option<Entry> {
        let entry = self.queue.pop_front();
        if entry.is_some() {
            self.served += 1;
            return entry;
        }
        self.queue.shrink_to(KEEP);
        self.neighbour = Pending::new();
        self.joined = Bytes::new();
        self.notes = 0;
        None
    }

    /// Joins what a connection gets.
    pub(super) fn join(&mut self, pending: Pending) -> Bytes {
        self.notes = self.notes.saturating_sub(pending.len());
        if pending.len() == 1 {
            return pending.into_iter().next().unwrap_or_default();
        }
        if !is_same(&pending, &self.neighbour) {
            let mut joined = BytesMut::with_capacity(pending.iter().map(Bytes::len).sum());
            pending.iter().for_each(|frame| joined.extend_from_slice(frame));
            self.joined = joined.freeze();
            self.neighbour = pending;
        }
        self.joined.clone()
    }

    /// Takes so many notes for written that went another way.
    pub(super) fn forget(&mut self, notes: usize) {
        self.notes = self.notes.saturating_sub(notes);
    }

    /// An event whose last frame has been written: when it was published.
    pub(super) fn pop_published(&mut self) -> Option<Now> {
        let (due, at) = *self.published.front()?;
        (due <= self.served).then(|| {
            self.published.pop_front();
            at
        })
    }
}

/// Frames are the same when they are the same bytes in the same place.
fn is_same(a: &[Bytes], b: &[Bytes]) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| a.as_ptr() == b.as_ptr() && a.len() == b.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Entry = Entry { slot: 0, serial: 1 };
    const SECOND: Entry = Entry { slot: 1, serial: 2 };

    #[test]
    fn connections_with_the_same_frames_share_their_joined_bytes() {
        let mut outbox = Outbox::default();
        let mut pending = [Pending::new(), Pending::new()];
        for text in ["a", "b"] {
            let frame = Bytes::from_static(text.as_bytes());
            outbox.note(FIRST, &mut pending[0], frame.clone());
            outbox.note(SECOND, &mut pending[1], frame);
        }
        assert_eq!(outbox.waiting(), 2);
        assert_eq!((outbox.next(), outbox.next()), (Some(FIRST), Some(SECOND)));
        let [first, second] = pending.map(|pending| outbox.join(pending));
        assert_eq!(first, "ab");
        assert_eq!(first.as_ptr(), second.as_ptr());
        assert_eq!(outbox.next(), None);
    }

    #[test]
    fn what_comes_while_a_connection_waits_is_joined() {
        let mut outbox = Outbox::default();
        let mut pending = [Pending::new(), Pending::new()];
        outbox.note(FIRST, &mut pending[0], Bytes::from_static(b"a"));
        outbox.note(SECOND, &mut pending[1], Bytes::from_static(b"a"));
        outbox.note_published(Now::from_seconds(1));
        assert_eq!(outbox.next(), Some(FIRST));
        assert_eq!(outbox.join(std::mem::take(&mut pending[0])), "a");
        assert_eq!(outbox.pop_published(), None);
        outbox.note(SECOND, &mut pending[1], Bytes::from_static(b"b"));
        outbox.note(FIRST, &mut pending[0], Bytes::from_static(b"b"));
        assert_eq!(outbox.next(), Some(SECOND));
        assert_eq!(outbox.join(std::mem::take(&mut pending[1])), "ab");
        assert_eq!(outbox.pop_published(), Some(Now::from_seconds(1)));
        assert_eq!(outbox.next(), Some(FIRST));
        assert_eq!(outbox.join(std::mem::take(&mut pending[0])), "b");
        assert_eq!(outbox.next(), None);
    }
}
