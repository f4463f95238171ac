//! What is to be sent: noted first, then written with one write per connection.
//!
//! A frame for a thousand connections is kept once and noted a thousand times, each note eight
//! bytes in one list. While one batch of notes is being written the next one collects, so that all
//! that comes in meanwhile leaves in one write per connection, too. Connections that get the same
//! frames share the joined bytes.

use bytes::{Bytes, BytesMut};
use resound_hub::{peer::Slot, time::Now};

/// Notes after which everything is written out at once, so that a burst cannot fill the memory.
const NOTES_MAX: usize = 1 << 20;
/// Capacity that an idle shard keeps.
const KEEP: usize = 1 << 12;
const NONE: u32 = u32::MAX;

/// A frame's place in the collecting batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameId(u32);

/// Where a connection's notes are, if the collecting batch has any for it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pending {
    batch: u32,
    entry: u32,
}

/// A connection that gets something: a list within the batch's notes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) slot: Slot,
    /// The socket's serial number: the slot may have another one when its turn comes.
    pub(super) serial: u32,
    first: u32,
    last: u32,
}

#[derive(Clone, Copy, Debug)]
struct NoteEntry {
    frame: FrameId,
    next: u32,
}

#[derive(Debug, Default)]
struct Batch {
    frames: Vec<Bytes>,
    /// When the published ones among them were published.
    published: Vec<Now>,
    notes: Vec<NoteEntry>,
    entries: Vec<Entry>,
}

#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// The collecting batch's number, less one.
    batches: u32,
    collecting: Batch,
    writing: Batch,
    written: usize,
    /// The frames of the connection before, and their joined bytes.
    joined_frames: Vec<FrameId>,
    joined: Bytes,
    scratch: Vec<FrameId>,
}

impl Outbox {
    pub(super) fn add_frame(&mut self, bytes: Bytes) -> FrameId {
        self.collecting.frames.push(bytes);
        FrameId(self.collecting.frames.len() as u32 - 1)
    }

    pub(super) fn note_published(&mut self, at: Now) {
        self.collecting.published.push(at);
    }

    /// Notes that a connection gets a frame.
    pub(super) fn note(&mut self, slot: Slot, serial: u32, pending: &mut Pending, frame: FrameId) {
        let batch = self.batches.wrapping_add(1);
        let Batch { notes, entries, .. } = &mut self.collecting;
        let at = notes.len() as u32;
        notes.push(NoteEntry { frame, next: NONE });
        if pending.batch != batch || entries.get(pending.entry as usize).is_none_or(|e| e.serial != serial) {
            *pending = Pending { batch, entry: entries.len() as u32 };
            entries.push(Entry { slot, serial, first: at, last: at });
            return;
        }
        let entry = &mut entries[pending.entry as usize];
        notes[entry.last as usize].next = at;
        entry.last = at;
    }

    /// Whether so much is noted that it has to be written at once.
    pub(super) fn is_full(&self) -> bool {
        self.collecting.notes.len() >= NOTES_MAX
    }

    /// How many connections wait to be written to.
    pub(super) fn waiting(&self) -> usize {
        self.writing.entries.len() - self.written + self.collecting.entries.len()
    }

    /// The next connection to write to. `None` ends a batch; the next call begins the next one.
    pub(super) fn next(&mut self) -> Option<Entry> {
        if self.writing.entries.is_empty() {
            std::mem::swap(&mut self.writing, &mut self.collecting);
            self.batches = self.batches.wrapping_add(1);
        }
        let entry = self.writing.entries.get(self.written).copied();
        self.written += usize::from(entry.is_some());
        entry
    }

    /// The bytes for one connection, and how many frames they are.
    pub(super) fn join(&mut self, entry: &Entry) -> (Bytes, usize) {
        let Batch { frames, notes, .. } = &self.writing;
        self.scratch.clear();
        let mut at = entry.first;
        while let Some(note) = notes.get(at as usize) {
            self.scratch.push(note.frame);
            at = note.next;
        }
        let count = self.scratch.len();
        if let [only] = self.scratch[..] {
            return (frames[only.0 as usize].clone(), count);
        }
        if self.scratch != self.joined_frames {
            let bytes = self.scratch.iter().map(|id| frames[id.0 as usize].len()).sum();
            let mut joined = BytesMut::with_capacity(bytes);
            for id in &self.scratch {
                joined.extend_from_slice(&frames[id.0 as usize]);
            }
            self.joined = joined.freeze();
            std::mem::swap(&mut self.joined_frames, &mut self.scratch);
        }
        (self.joined.clone(), count)
    }

    /// Forgets the batch that was written; says when its events were published.
    pub(super) fn finish_batch(&mut self) -> std::vec::Drain<'_, Now> {
        self.written = 0;
        let Batch { frames, notes, entries, published } = &mut self.writing;
        frames.clear();
        frames.shrink_to(KEEP);
        notes.clear();
        notes.shrink_to(KEEP);
        entries.clear();
        entries.shrink_to(KEEP);
        self.joined_frames.clear();
        self.joined = Bytes::new();
        published.drain(..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(outbox: &mut Outbox, text: &'static str) -> FrameId {
        outbox.add_frame(Bytes::from_static(text.as_bytes()))
    }

    fn text(outbox: &mut Outbox) -> Option<(Slot, String, usize)> {
        let entry = outbox.next()?;
        let (bytes, count) = outbox.join(&entry);
        Some((entry.slot, String::from_utf8_lossy(&bytes).into_owned(), count))
    }

    #[test]
    fn connections_with_the_same_frames_share_their_joined_bytes() {
        let mut outbox = Outbox::default();
        let mut pending = [Pending::default(); 2];
        for text in ["a", "b"] {
            let frame = frame(&mut outbox, text);
            for (slot, pending) in pending.iter_mut().enumerate() {
                outbox.note(slot as Slot, 1, pending, frame);
            }
        }
        assert_eq!(outbox.waiting(), 2);
        let (first, second) = (outbox.next().expect("an entry"), outbox.next().expect("an entry"));
        let ((first, count), (second, _)) = (outbox.join(&first), outbox.join(&second));
        assert_eq!((&*first, count), (&b"ab"[..], 2));
        assert_eq!(first.as_ptr(), second.as_ptr());
    }

    #[test]
    fn what_comes_while_a_batch_is_written_waits_for_the_next_one() {
        let mut outbox = Outbox::default();
        let mut pending = Pending::default();
        let a = frame(&mut outbox, "a");
        outbox.note(7, 1, &mut pending, a);
        assert_eq!(text(&mut outbox), Some((7, "a".to_owned(), 1)));
        for text in ["b", "c"] {
            let frame = frame(&mut outbox, text);
            outbox.note(7, 1, &mut pending, frame);
        }
        outbox.note_published(Now::from_seconds(1));
        assert_eq!(text(&mut outbox), None);
        assert_eq!(outbox.finish_batch().count(), 0);
        assert_eq!(text(&mut outbox), Some((7, "bc".to_owned(), 2)));
        assert_eq!(text(&mut outbox), None);
        assert_eq!(outbox.finish_batch().count(), 1);
        assert_eq!((outbox.waiting(), text(&mut outbox)), (0, None));
    }

    #[test]
    fn a_slot_with_another_socket_has_an_entry_of_its_own() {
        let mut outbox = Outbox::default();
        let a = frame(&mut outbox, "a");
        let mut pending = Pending::default();
        outbox.note(7, 1, &mut pending, a);
        outbox.note(7, 2, &mut pending, a);
        assert_eq!(outbox.waiting(), 2);
    }
}
