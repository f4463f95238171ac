//! What laravel-echo-server tells of its channels, key by key in its order.

use std::{collections::BTreeMap, fs};

use resound_hub::{app::LiveApp, peer::owner_of};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{api::channels, shard::ShardHandle};

/// `GET /status`.
#[derive(Serialize)]
pub(super) struct Status {
    subscription_count: usize,
    uptime: f64,
    memory_usage: Memory,
}

/// In Node's names. There is no heap here that a collector looks through: it is all of the memory.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Memory {
    rss: u64,
    heap_total: u64,
    heap_used: u64,
    external: u64,
    array_buffers: u64,
}

/// `GET /channels`.
#[derive(Serialize)]
pub(super) struct Channels {
    channels: BTreeMap<String, Channel>,
}

/// `GET /channels/{channel}`.
#[derive(Serialize)]
pub(super) struct Channel {
    subscription_count: u64,
    occupied: bool,
    /// Of presence channels that are asked for by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_count: Option<usize>,
}

/// `GET /channels/{channel}/users`.
#[derive(Serialize)]
pub(super) struct Users {
    users: Vec<User>,
}

#[derive(Serialize)]
struct User {
    id: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_info: Option<Box<RawValue>>,
}

pub(super) fn status(shard: &ShardHandle, app: &LiveApp) -> Status {
    let resident = resident_bytes();
    Status {
        subscription_count: app.connections(),
        uptime: shard.shared.clock.now().micros() as f64 / 1e6,
        memory_usage: Memory {
            rss: resident,
            heap_total: resident,
            heap_used: resident,
            external: 0,
            array_buffers: 0,
        },
    }
}

pub(super) async fn channels(shard: &ShardHandle, app: &LiveApp, prefix: String) -> Channels {
    let found = channels::occupied(shard, app.number(), prefix).await;
    let channels = found
        .into_iter()
        .map(|(name, known)| (name.to_string(), Channel::new(known.subscriptions, None)));
    Channels { channels: channels.collect() }
}

pub(super) async fn channel(shard: &ShardHandle, app: &LiveApp, name: &str) -> Channel {
    let known = channels::ask(shard, app, name).await;
    let user_count = name.starts_with("presence-").then_some(known.users.unwrap_or(0));
    Channel::new(known.subscriptions, user_count)
}

pub(super) async fn users(shard: &ShardHandle, app: &LiveApp, name: String) -> Users {
    let Some(key) = channels::key(app, &name) else { return Users { users: Vec::new() } };
    let (owner, number) = (owner_of(&key, shard.shards.count()), app.number());
    let members = shard
        .shards
        .ask(owner, move |hub, _, _| hub.members(number, &name).cloned().collect::<Vec<_>>())
        .await;
    let users = members.unwrap_or_default().into_iter().map(|member| User {
        id: raw(&member.user_id_json),
        user_info: member.user_info_json.as_deref().and_then(raw),
    });
    Users { users: users.collect() }
}

impl Channel {
    fn new(subscription_count: u64, user_count: Option<usize>) -> Self {
        Self { subscription_count, occupied: subscription_count > 0, user_count }
    }
}

/// JSON that came as JSON and was checked when it came.
fn raw(json: &str) -> Option<Box<RawValue>> {
    RawValue::from_string(json.to_owned()).ok()
}

/// Resident memory; 0 where the system does not tell.
fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    number.unwrap_or(0) * 1024
}
