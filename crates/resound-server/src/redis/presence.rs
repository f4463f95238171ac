//! Members of presence channels, published as laravel-echo-server does with `publishPresence`:
//! `{"event":{"channel":"presence-x:members","members":[…]}}` on `PresenceChannelUpdated`.
//!
//! The channel has no prefix: laravel-echo-server leaves prefixes to ioredis, which puts them in front
//! of keys and not of channels.

use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use resound_hub::app::AppNumber;
use tokio::{sync::Notify, time::sleep};

use super::{
    connection::{Connection, refusal},
    fault::Fault,
};
use crate::{config::RedisConfig, server::Shared};

/// Where members are published.
pub(super) const CHANNEL: &str = "PresenceChannelUpdated";
/// Channels whose members may wait to be published.
const CHANNELS_MAX: usize = 10_000;
/// Bytes of their members.
const BYTES_MAX: usize = 64 * 1024 * 1024;
/// How long to wait after a failure. That Redis is away is said by the bridge.
const TRY_AGAIN: Duration = Duration::from_secs(2);

/// What the shards have to say about presence channels: the latest of each channel, until it is
/// published.
#[derive(Debug)]
pub(crate) struct PresenceFeed {
    /// Whether anybody wants it.
    is_on: bool,
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

type Key = (AppNumber, Box<str>);

#[derive(Debug, Default)]
struct Waiting {
    /// The channels, those first that have waited longest.
    order: VecDeque<Key>,
    members: HashMap<Key, String>,
    bytes: usize,
    /// Changes that found no room since the last time that there was some.
    lost: usize,
}

impl PresenceFeed {
    pub(crate) fn new(config: Option<&RedisConfig>) -> Self {
        let is_on = config.is_some_and(|config| config.publishes_presence);
        Self { is_on, waiting: Mutex::default(), arrived: Notify::new() }
    }

    /// Whether members are published: if not, nobody has to write them down.
    pub(crate) fn is_on(&self) -> bool {
        self.is_on
    }

    /// Tells who is in a channel after a change: a JSON list. Never waits; of several changes that are
    /// not published yet the last one counts.
    pub(crate) fn changed(&self, app: AppNumber, channel: &str, members_json: String) {
        if self.is_on {
            self.waiting().put((app, channel.into()), members_json);
            self.arrived.notify_one();
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Whoever panicked has at worst left a channel out.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a change and takes it.
    async fn next(&self) -> (Key, String) {
        loop {
            if let Some(change) = self.waiting().take() {
                return change;
            }
            self.arrived.notified().await;
        }
    }
}

impl Waiting {
    fn put(&mut self, key: Key, members: String) {
        if let Some(old) = self.members.get_mut(&key) {
            self.bytes = self.bytes - old.len() + members.len();
            *old = members;
            return;
        }
        if self.order.len() >= CHANNELS_MAX || self.bytes + members.len() > BYTES_MAX {
            if self.lost == 0 {
                tracing::warn!(
                    channel = &*key.1,
                    channels_max = CHANNELS_MAX,
                    bytes_max = BYTES_MAX,
                    "members of presence channels are not published to Redis: too many wait for it"
                );
            }
            self.lost += 1;
            return;
        }
        self.bytes += members.len();
        self.order.push_back(key.clone());
        self.members.insert(key, members);
    }

    fn take(&mut self) -> Option<(Key, String)> {
        let key = self.order.pop_front()?;
        let members = self.members.remove(&key)?;
        self.bytes -= members.len();
        self.lost = 0;
        Some((key, members))
    }

    /// Puts back what could not be published, unless there is something newer.
    fn put_back(&mut self, key: Key, members: String) {
        if !self.members.contains_key(&key) {
            self.bytes += members.len();
            self.order.push_front(key.clone());
            self.members.insert(key, members);
        }
    }
}

/// Publishes what the shards say about the bridge's application.
pub(super) async fn run(shared: &Shared, config: &RedisConfig) -> Infallible {
    let feed = &shared.presence_feed;
    let mut connection = None;
    let mut has_warned = false;
    loop {
        let (key, members) = feed.next().await;
        // Redis has one channel for all of them, and no place for the application.
        if !is_ours(shared, config, key.0) {
            continue;
        }
        match publish(&mut connection, config, &key.1, &members).await {
            Ok(()) => has_warned = false,
            Err(fault) => {
                connection = None;
                feed.waiting().put_back(key, members);
                if fault.is_refusal() && !std::mem::replace(&mut has_warned, true) {
                    let url = &config.address;
                    tracing::warn!(%url, reason = %fault, "Redis refuses the members of presence channels");
                }
                sleep(TRY_AGAIN).await;
            }
        }
    }
}

fn is_ours(shared: &Shared, config: &RedisConfig, number: AppNumber) -> bool {
    let apps = shared.apps();
    let app = match &config.app {
        Some(id) => apps.by_id(id),
        None => apps.iter().next(),
    };
    app.is_some_and(|app| app.number() == number)
}

async fn publish(
    connection: &mut Option<Connection>,
    config: &RedisConfig,
    channel: &str,
    members: &str,
) -> Result<(), Fault> {
    let connection = match connection {
        Some(connection) => connection,
        none => none.insert(Connection::open(&config.address).await?),
    };
    let mut command = redis::cmd("PUBLISH");
    let answer = connection.ask(command.arg(CHANNEL).arg(message(channel, members))).await?;
    refusal(&answer, None).map_or(Ok(()), Err)
}

fn message(channel: &str, members_json: &str) -> String {
    let channel = serde_json::Value::from(format!("{channel}:members"));
    format!(r#"{{"event":{{"channel":{channel},"members":{members_json}}}}}"#)
}

#[cfg(test)]
#[path = "presence_tests.rs"]
mod tests;
