//! What one turn of the loop sends: noted first, then written with one write per connection.
//!
//! A frame for a thousand connections is kept once and noted a thousand times, each note eight
//! bytes in one list. Connections that get the same frames share the joined bytes, too.

use bytes::{Bytes, BytesMut};
use resound_hub::{peer::Slot, time::Now};

/// Notes after which a turn is written out at once, so that a burst cannot fill the memory.
const NOTES_MAX: usize = 1 << 20;
/// Capacity that an idle shard keeps.
const KEEP: usize = 1 << 12;
const NONE: u32 = u32::MAX;

/// A frame's place in the turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameId(u32);

/// A connection's notes: a list within the outbox's list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    first: u32,
    last: u32,
}

impl Default for Pending {
    fn default() -> Self {
        Self { first: NONE, last: NONE }
    }
}

#[derive(Clone, Copy, Debug)]
struct NoteEntry {
    frame: FrameId,
    next: u32,
}

#[derive(Debug, Default)]
pub(super) struct Outbox {
    frames: Vec<Bytes>,
    /// When the published ones among them were published.
    published: Vec<Now>,
    notes: Vec<NoteEntry>,
    dirty: Vec<Slot>,
    /// The frames of the connection before, and their joined bytes.
    joined_frames: Vec<FrameId>,
    joined: Bytes,
    scratch: Vec<FrameId>,
}

impl Outbox {
    pub(super) fn add_frame(&mut self, bytes: Bytes) -> FrameId {
        self.frames.push(bytes);
        FrameId(self.frames.len() as u32 - 1)
    }

    pub(super) fn note_published(&mut self, at: Now) {
        self.published.push(at);
    }

    /// Notes that a connection gets a frame.
    pub(super) fn note(&mut self, slot: Slot, pending: &mut Pending, frame: FrameId) {
        let at = self.notes.len() as u32;
        self.notes.push(NoteEntry { frame, next: NONE });
        if pending.first == NONE {
            pending.first = at;
            self.dirty.push(slot);
        } else {
            self.notes[pending.last as usize].next = at;
        }
        pending.last = at;
    }

    pub(super) fn is_full(&self) -> bool {
        self.notes.len() >= NOTES_MAX
    }

    pub(super) fn is_empty(&self) -> bool {
        self.dirty.is_empty()
    }

    /// The connections that get something; to be given back to [`Outbox::finish`].
    pub(super) fn take_dirty(&mut self) -> Vec<Slot> {
        std::mem::take(&mut self.dirty)
    }

    /// The bytes for one connection, and how many frames they are.
    pub(super) fn join(&mut self, pending: Pending) -> (Bytes, usize) {
        self.scratch.clear();
        let mut at = pending.first;
        while let Some(entry) = self.notes.get(at as usize) {
            self.scratch.push(entry.frame);
            at = entry.next;
        }
        let count = self.scratch.len();
        if let [only] = self.scratch[..] {
            return (self.frames[only.0 as usize].clone(), count);
        }
        if self.scratch != self.joined_frames {
            let bytes = self.scratch.iter().map(|id| self.frames[id.0 as usize].len()).sum();
            let mut joined = BytesMut::with_capacity(bytes);
            for id in &self.scratch {
                joined.extend_from_slice(&self.frames[id.0 as usize]);
            }
            self.joined = joined.freeze();
            std::mem::swap(&mut self.joined_frames, &mut self.scratch);
        }
        (self.joined.clone(), count)
    }

    /// Forgets the turn; says when its events were published.
    pub(super) fn finish(&mut self, mut dirty: Vec<Slot>) -> std::vec::Drain<'_, Now> {
        dirty.clear();
        dirty.shrink_to(KEEP);
        self.dirty = dirty;
        self.frames.clear();
        self.frames.shrink_to(KEEP);
        self.notes.clear();
        self.notes.shrink_to(KEEP);
        self.joined_frames.clear();
        self.joined = Bytes::new();
        self.published.drain(..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_with_the_same_frames_share_their_joined_bytes() {
        let mut outbox = Outbox::default();
        let frames: Vec<FrameId> =
            ["a", "b", "c"].iter().map(|text| outbox.add_frame(Bytes::from_static(text.as_bytes()))).collect();
        let mut pending = [Pending::default(); 3];
        for (slot, pending) in pending.iter_mut().enumerate().take(2) {
            for frame in &frames {
                outbox.note(slot as Slot, pending, *frame);
            }
        }
        outbox.note(2, &mut pending[2], frames[1]);
        let dirty = outbox.take_dirty();
        assert_eq!(dirty, [0, 1, 2]);
        let (first, count) = outbox.join(pending[0]);
        let (second, _) = outbox.join(pending[1]);
        assert_eq!((&*first, count), (&b"abc"[..], 3));
        assert_eq!(first.as_ptr(), second.as_ptr());
        assert_eq!(outbox.join(pending[2]), (Bytes::from_static(b"b"), 1));
        outbox.note_published(Now::from_seconds(1));
        assert_eq!(outbox.finish(dirty).count(), 1);
        assert!(outbox.is_empty());
    }
}
