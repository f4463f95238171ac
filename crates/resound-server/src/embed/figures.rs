//! What an application may ask.

use resound_hub::peer::{ChannelKey, owner_of};
use resound_protocol::{channel::ChannelName, member::Member};

use super::{Core, Server};
use crate::{metrics::AppCounts, shard::Shard};

/// Channels that one answer names.
pub const CHANNELS_MAX: usize = 1000;
/// Members that one answer names.
pub const MEMBERS_MAX: usize = 10_000;

/// A channel that somebody is in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChannelFigures {
    /// Its name.
    pub name: String,
    /// Connections that are in it.
    pub subscriptions: u64,
    /// Users that are in it, on presence channels.
    pub users: Option<usize>,
}

/// What was counted since the server started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Figures {
    /// Clients that are connected now.
    pub connections: usize,
    /// Channels that somebody is in now.
    pub channels: u64,
    /// Clients that have connected.
    pub connected: u64,
    /// Events that were published, whispers not among them.
    pub published: u64,
    /// Messages to clients, answers to their own among them.
    pub messages_out: u64,
    /// Messages from clients.
    pub messages_in: u64,
    /// Bytes to clients.
    pub bytes_out: u64,
    /// Bytes from clients.
    pub bytes_in: u64,
}

impl Server {
    /// Clients that are connected.
    pub fn connections(&self) -> usize {
        self.0.core.app().map_or(0, |app| app.connections())
    }

    /// Sockets that are held, those that have not said yet what they want or that speak HTTP among them.
    pub fn sockets(&self) -> usize {
        self.0.core.shared.sockets.count()
    }

    /// The channels that somebody is in whose names begin with `prefix`, in the order of their names: the first
    /// [`CHANNELS_MAX`].
    pub async fn channels(&self, prefix: &str) -> Vec<ChannelFigures> {
        let Some(app) = self.0.core.app() else { return Vec::new() };
        let (number, prefix) = (app.number(), prefix.to_owned());
        let ask = move |shard: &mut Shard| {
            let channels =
                shard.hub().channels(number, &prefix).map(|(name, known)| ChannelFigures {
                    name: name.to_string(),
                    subscriptions: known.subscriptions,
                    users: known.users,
                });
            channels.collect::<Vec<_>>()
        };
        let mut channels = self.0.core.ask_all(ask).await.concat();
        channels.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        channels.truncate(CHANNELS_MAX);
        channels
    }

    /// The users of a presence channel, in the order in which they came: the first [`MEMBERS_MAX`].
    pub async fn members(&self, channel: &str) -> Vec<Member> {
        let core = &self.0.core;
        let Some(app) = core.app() else { return Vec::new() };
        let Ok(name) = ChannelName::parse(channel, app.options.channel_name_max) else {
            return Vec::new();
        };
        let key = ChannelKey { app: app.number(), name };
        let owner = owner_of(&key, core.shards.count());
        let ask = move |shard: &mut Shard| {
            let members = shard.hub().members(key.app, key.name.as_str());
            members.take(MEMBERS_MAX).cloned().collect()
        };
        core.act(owner, ask).await.unwrap_or_default()
    }

    /// What was counted.
    pub async fn figures(&self) -> Figures {
        let core = &self.0.core;
        let Some(app) = core.app() else { return Figures::default() };
        let number = app.number();
        let ask = move |shard: &mut Shard| {
            let channels = shard.hub().channels(number, "").count() as u64;
            (shard.metrics_mut().traffic(number), channels)
        };
        let (mut counts, mut channels) = (AppCounts::default(), 0);
        for (of_shard, its_channels) in core.ask_all(ask).await {
            counts.add(&of_shard);
            channels += its_channels;
        }
        Figures {
            connections: app.connections(),
            channels,
            connected: counts.connected,
            published: counts.published,
            messages_out: counts.messages_out,
            messages_in: counts.messages_in,
            bytes_out: counts.bytes_out,
            bytes_in: counts.bytes_in,
        }
    }
}

impl Core {
    /// Asks one shard after the other; one that has ended says nothing.
    async fn ask_all<T: Send + 'static>(
        &self,
        question: impl Fn(&mut Shard) -> T + Clone + Send + 'static,
    ) -> Vec<T> {
        let mut answers = Vec::with_capacity(self.shards.count());
        for shard in 0..self.shards.count() {
            answers.extend(self.act(shard, question.clone()).await);
        }
        answers
    }
}
