//! Who is subscribed to what, and the frames on their way to them.

use std::collections::HashMap;

use crate::floor::body::Published;
use crate::floor::client::Clients;
use crate::frame::{Opcode, write_plain};

/// A connection, by its place and by a number that tells it from later ones at the same place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientId {
    pub(crate) place: usize,
    pub(crate) serial: u64,
}

#[derive(Default)]
struct Channel {
    subscribers: Vec<ClientId>,
    /// Frames that go out with the next write, and of how many publishes they are.
    waiting: Vec<u8>,
    publishes: usize,
}

/// All channels.
pub(crate) struct Channels {
    by_name: HashMap<Vec<u8>, usize>,
    channels: Vec<Channel>,
    /// Channels with frames that wait.
    due: Vec<usize>,
    /// Publishes that are joined in one write.
    batch: usize,
    message: Vec<u8>,
}

impl Channels {
    pub(crate) fn new(batch: usize) -> Self {
        Self {
            by_name: HashMap::new(),
            channels: Vec::new(),
            due: Vec::new(),
            batch,
            message: Vec::new(),
        }
    }

    pub(crate) fn subscribe(&mut self, name: &[u8], client: ClientId) {
        let next = self.channels.len();
        let index = *self.by_name.entry(name.to_vec()).or_insert(next);
        if index == next {
            self.channels.push(Channel::default());
        }
        self.channels[index].subscribers.push(client);
    }

    /// Takes the events of one request. They go out at once, unless publishes are joined.
    pub(crate) fn publish<'a>(
        &mut self,
        events: impl Iterator<Item = Published<'a>>,
        clients: &mut Clients,
    ) {
        for event in events {
            let Some(&index) = self.by_name.get(event.channel) else { continue };
            let channel = &mut self.channels[index];
            if channel.waiting.is_empty() {
                self.due.push(index);
            }
            self.message.clear();
            self.message.extend_from_slice(br#"{"event":"bench","channel":""#);
            self.message.extend_from_slice(event.channel);
            self.message.extend_from_slice(br#"","data":"#);
            self.message.extend_from_slice(event.data);
            self.message.push(b'}');
            write_plain(&mut channel.waiting, Opcode::Text, &self.message);
            channel.publishes += 1;
        }
        if self.batch == 1 {
            return self.flush(clients);
        }
        let is_full = |index: &usize| self.channels[*index].publishes >= self.batch;
        let (full, rest) = self.due.iter().copied().partition(is_full);
        self.due = rest;
        self.write(full, clients);
    }

    /// Passes a message of a client on to the other subscribers.
    pub(crate) fn relay(&self, name: &[u8], frame: &[u8], sender: ClientId, clients: &mut Clients) {
        let Some(&index) = self.by_name.get(name) else { return };
        for subscriber in &self.channels[index].subscribers {
            if *subscriber != sender {
                clients.write(*subscriber, frame);
            }
        }
    }

    pub(crate) fn are_waiting(&self) -> bool {
        !self.due.is_empty()
    }

    /// Writes everything that waits.
    pub(crate) fn flush(&mut self, clients: &mut Clients) {
        let due = std::mem::take(&mut self.due);
        self.write(due, clients);
    }

    fn write(&mut self, mut due: Vec<usize>, clients: &mut Clients) {
        for index in due.drain(..) {
            let channel = &mut self.channels[index];
            let frames = &channel.waiting;
            channel.subscribers.retain(|subscriber| clients.write(*subscriber, frames));
            channel.waiting.clear();
            channel.publishes = 0;
        }
        if self.due.capacity() == 0 {
            self.due = due;
        }
    }
}
