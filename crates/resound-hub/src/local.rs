//! The channels that this shard has subscribers of.

use std::collections::HashMap;

use resound_protocol::channel::ChannelName;

use crate::{
    app::AppNumber,
    peer::{ChannelKey, Slot},
    shrink::shrink_map,
};

/// A local channel's place.
pub(crate) type LocalId = u32;

#[derive(Debug)]
pub(crate) struct LocalChannel {
    pub(crate) key: ChannelKey,
    /// Dense, so that fan-out walks over memory that lies together.
    pub(crate) subscribers: Vec<Slot>,
    /// Subscriptions, those included that the owner has not answered yet.
    references: u32,
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
        let channel = LocalChannel { key: key.clone(), subscribers: Vec::new(), references: 1 };
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

    pub(crate) fn len(&self) -> usize {
        self.channels.len() - self.free.len()
    }
}
