//! The channels that this shard has subscribers of.

use std::collections::HashMap;

use resound_protocol::{channel::ChannelName, socket_id::SocketId};

use crate::{
    app::AppNumber,
    event::{WIRES, Wire},
    peer::{ChannelKey, Slot},
    shrink::shrink_map,
};

/// A local channel's place.
pub(crate) type LocalId = u32;

#[derive(Debug)]
pub(crate) struct LocalChannel {
    pub(crate) key: ChannelKey,
    /// Who gets its events, by wire format. Dense, so that fan-out walks over memory that lies together.
    subscribers: [Vec<Slot>; WIRES],
    /// Subscriptions whose sessions can be recovered: its events are remembered if there is one.
    pub(crate) recoverable: u32,
    /// The number of its newest entry in the shard's log; 0 if there has been none.
    pub(crate) newest: u64,
    /// The newest events that are not remembered any more, if there are any.
    pub(crate) evicted: Option<Box<Evicted>>,
    /// Subscriptions, those included that the owner has not answered yet.
    references: u32,
}

/// An event that the shard's log has dropped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dropped {
    /// Its place in the log.
    pub(crate) entry: u64,
    pub(crate) offset: u64,
    pub(crate) except: Option<SocketId>,
}

/// The newest event that the shard's log has dropped, and the newest one with another exception:
/// whoever was excepted from the one was sent the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evicted {
    newest: Dropped,
    other: Option<Dropped>,
}

impl Evicted {
    pub(crate) fn new(newest: Dropped) -> Self {
        Self { newest, other: None }
    }

    pub(crate) fn push(&mut self, dropped: Dropped) {
        if self.newest.except != dropped.except {
            self.other = Some(self.newest);
        }
        self.newest = dropped;
    }

    /// The newest one that this client was sent.
    pub(crate) fn newest_for(&self, id: SocketId) -> Option<Dropped> {
        if self.newest.except == Some(id) { self.other } else { Some(self.newest) }
    }
}

impl LocalChannel {
    pub(crate) fn list(&self, wire: Wire) -> &[Slot] {
        &self.subscribers[wire as usize]
    }

    pub(crate) fn list_mut(&mut self, wire: Wire) -> &mut Vec<Slot> {
        &mut self.subscribers[wire as usize]
    }
}

#[derive(Debug, Default)]
pub(crate) struct LocalChannels {
    channels: Vec<Option<LocalChannel>>,
    free: Vec<LocalId>,
    by_name: HashMap<AppNumber, HashMap<ChannelName, LocalId>>,
}

impl LocalChannels {
    /// Finds or makes the channel of a name, and counts a subscription to it.
    pub(crate) fn enter(&mut self, key: &ChannelKey) -> LocalId {
        if let Some(id) = self.find(key.app, key.name.as_str()) {
            self.channel_mut(id).references += 1;
            return id;
        }
        let channel = LocalChannel {
            key: key.clone(),
            subscribers: Default::default(),
            recoverable: 0,
            newest: 0,
            evicted: None,
            references: 1,
        };
        let id = match self.free.pop() {
            Some(id) => {
                self.channels[id as usize] = Some(channel);
                id
            }
            None => {
                self.channels.push(Some(channel));
                self.channels.len() as LocalId - 1
            }
        };
        self.by_name.entry(key.app).or_default().insert(key.name.clone(), id);
        id
    }

    /// Counts a subscription out; the last one takes the channel with it.
    pub(crate) fn leave(&mut self, id: LocalId) {
        let channel = self.channel_mut(id);
        channel.references -= 1;
        if channel.references > 0 {
            return;
        }
        let Some(ChannelKey { app, name }) = self.channels[id as usize].take().map(|c| c.key)
        else {
            return;
        };
        self.free.push(id);
        if let Some(names) = self.by_name.get_mut(&app) {
            names.remove(&name);
            shrink_map(names);
            if names.is_empty() {
                self.by_name.remove(&app);
            }
        }
        if self.free.len() == self.channels.len() {
            *self = Self::default();
        }
    }

    pub(crate) fn find(&self, app: AppNumber, name: &str) -> Option<LocalId> {
        self.by_name.get(&app)?.get(name).copied()
    }

    pub(crate) fn channel(&self, id: LocalId) -> &LocalChannel {
        self.channels[id as usize].as_ref().expect("a subscription keeps its channel")
    }

    pub(crate) fn channel_mut(&mut self, id: LocalId) -> &mut LocalChannel {
        self.channels[id as usize].as_mut().expect("a subscription keeps its channel")
    }

    /// The channel of a place, if there is one.
    pub(crate) fn get_mut(&mut self, id: LocalId) -> Option<&mut LocalChannel> {
        self.channels.get_mut(id as usize)?.as_mut()
    }

    pub(crate) fn len(&self) -> usize {
        self.channels.len() - self.free.len()
    }
}
