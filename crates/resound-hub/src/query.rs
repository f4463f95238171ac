//! Questions of the HTTP API, each answered by the shard that owns the channel.

use resound_protocol::{channel::ChannelName, member::Member};

use crate::{app::AppNumber, hub::Hub, owner::OwnedChannel, time::Now};

/// What is known of a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChannelInfo {
    /// Subscribed connections.
    pub subscriptions: u64,
    /// Distinct users, on presence channels.
    pub users: Option<usize>,
    /// The remembered event of a cache channel.
    pub cached: Option<CachedInfo>,
}

/// What a cache channel remembers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachedInfo {
    /// The event's data, the JSON string of its publisher.
    pub data_json: Box<str>,
    /// Seconds until it is forgotten.
    pub ttl_seconds: u32,
}

impl Hub {
    /// What this shard knows of a channel that it owns; nothing if nobody is in it and it
    /// remembers nothing.
    pub fn channel(&self, app: AppNumber, name: &str, now: Now) -> ChannelInfo {
        let Some(owned) = self.owned.get(app, name) else {
            let users = name.starts_with("presence-").then_some(0);
            return ChannelInfo { users, ..ChannelInfo::default() };
        };
        let cached = owned.cached(now).map(|cached| CachedInfo {
            data_json: cached.data_json.clone(),
            ttl_seconds: cached.expires - now.seconds(),
        });
        ChannelInfo { cached, ..info(name, owned) }
    }

    /// The occupied channels of this shard whose names begin with `prefix`.
    pub fn channels<'a>(
        &'a self,
        app: AppNumber,
        prefix: &'a str,
    ) -> impl Iterator<Item = (ChannelName, ChannelInfo)> + 'a {
        self.owned
            .of_app(app)
            .filter(move |(name, _)| name.as_str().starts_with(prefix))
            .map(|(name, owned)| (name.clone(), info(name.as_str(), owned)))
    }

    /// The ids of a presence channel's users as JSON, in the form in which they came.
    pub fn users(&self, app: AppNumber, name: &str) -> Vec<Box<str>> {
        self.members(app, name).map(|member| member.user_id_json.clone()).collect()
    }

    /// The users of a presence channel, in the order in which they came.
    pub fn members<'a>(
        &'a self,
        app: AppNumber,
        name: &str,
    ) -> impl Iterator<Item = &'a Member> + use<'a> {
        let presence = self.owned.get(app, name).and_then(|owned| owned.presence.as_ref());
        presence.map(|presence| presence.members()).unwrap_or_default().into_iter()
    }
}

fn info(name: &str, owned: &OwnedChannel) -> ChannelInfo {
    let present = owned.presence.as_ref().map_or(0, |presence| presence.len());
    let users = name.starts_with("presence-").then_some(present);
    ChannelInfo { subscriptions: owned.subscriptions(), users, cached: None }
}
