//! Questions about channels.

use hyper::StatusCode;
use resound_hub::{
    app::{AppNumber, LiveApp},
    peer::{ChannelKey, owner_of},
    query::ChannelInfo,
};
use resound_protocol::{api::Info, channel::ChannelName};
use serde_json::{Map, Value, json};

use super::{
    request::{Call, decode},
    response::{self, Answer, Fault},
};
use crate::shard::ShardHandle;

/// `GET /channels`: the occupied ones. An attribute that does not apply to a channel is left out,
/// as with Reverb.
pub(super) async fn list(call: Call<'_>) -> Result<Answer, Fault> {
    let shard = call.shard;
    let request = call.verify().await?;
    let prefix = request.parameter("filter_by_prefix").unwrap_or_default();
    let number = request.app.number();
    let found = occupied(shard, number, prefix).await;
    let info = Info { cache: false, ..request.info() };
    let channels: Map<String, Value> =
        found.iter().map(|(name, known)| (name.to_string(), describe(known, info))).collect();
    Ok(response::json(json!({ "channels": channels }).to_string()))
}

/// The occupied channels of all shards, in the order of their names.
pub(super) async fn occupied(
    shard: &ShardHandle,
    app: AppNumber,
    prefix: String,
) -> Vec<(ChannelName, ChannelInfo)> {
    let lists =
        shard.shards.ask_all(move |hub, _, _| hub.channels(app, &prefix).collect::<Vec<_>>()).await;
    let mut found: Vec<(ChannelName, ChannelInfo)> = lists.into_iter().flatten().collect();
    found.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    found
}

/// `GET /channels/{channel}`.
pub(super) async fn one(call: Call<'_>, channel: &str) -> Result<Answer, Fault> {
    let shard = call.shard;
    let request = call.verify().await?;
    let name = decode(channel);
    let known = ask(shard, &request.app, &name).await;
    let mut answer = Map::from_iter([("occupied".to_owned(), json!(known.subscriptions > 0))]);
    if let Value::Object(attributes) = describe(&known, request.info()) {
        answer.extend(attributes);
    }
    let is_cache = ChannelName::parse(&name, usize::MAX).is_ok_and(|name| name.is_cache());
    if request.info().cache && is_cache {
        answer.insert("cache".to_owned(), cache(&known));
    }
    Ok(response::json(Value::Object(answer).to_string()))
}

/// `GET /channels/{channel}/users`. A channel that nobody is in has no users: 200 and an empty
/// list, where Reverb answers 404.
pub(super) async fn users(call: Call<'_>, channel: &str) -> Result<Answer, Fault> {
    let shard = call.shard;
    let request = call.verify().await?;
    let name = decode(channel);
    if !name.starts_with("presence-") {
        let message =
            format!("The channel {name:?} is no presence channel: only those have users.");
        return Err(Fault::new(StatusCode::BAD_REQUEST, message));
    }
    let number = request.app.number();
    let ids = match key(&request.app, &name) {
        Some(key) => {
            let owner = owner_of(&key, shard.shards.count());
            shard
                .shards
                .ask(owner, move |hub, _, _| hub.users(number, &name))
                .await
                .unwrap_or_default()
        }
        None => Vec::new(),
    };
    let users: Vec<Value> = ids.iter().map(|id| json!({ "id": raw(id) })).collect();
    Ok(response::json(json!({ "users": users }).to_string()))
}

/// `GET /connections`, which Reverb's Pulse card asks.
pub(super) async fn connections(call: Call<'_>) -> Result<Answer, Fault> {
    let request = call.verify().await?;
    Ok(response::json(json!({ "connections": request.app.connections() }).to_string()))
}

/// What `info` asks of one channel.
pub(super) async fn attributes(
    shard: &ShardHandle,
    app: &LiveApp,
    channel: &str,
    info: Info,
) -> Value {
    if !info.is_asked() {
        return json!({});
    }
    describe(&ask(shard, app, channel).await, info)
}

/// What the owner of a channel knows of it.
pub(super) async fn ask(shard: &ShardHandle, app: &LiveApp, channel: &str) -> ChannelInfo {
    let Some(key) = key(app, channel) else {
        return ChannelInfo::default();
    };
    let (owner, number) = (owner_of(&key, shard.shards.count()), app.number());
    let answer = shard
        .shards
        .ask(owner, move |hub, _, now| hub.channel(number, key.name.as_str(), now))
        .await;
    answer.unwrap_or_default()
}

/// A name that is none has no channel, and so no answer but "nobody".
pub(super) fn key(app: &LiveApp, channel: &str) -> Option<ChannelKey> {
    let name = ChannelName::parse(channel, app.options.channel_name_max).ok()?;
    Some(ChannelKey { app: app.number(), name })
}

fn describe(known: &ChannelInfo, info: Info) -> Value {
    let mut attributes = Map::new();
    match known.users {
        Some(users) if info.user_count => {
            attributes.insert("user_count".to_owned(), json!(users));
        }
        None if info.subscription_count => {
            attributes.insert("subscription_count".to_owned(), json!(known.subscriptions));
        }
        _ => {}
    }
    Value::Object(attributes)
}

fn cache(known: &ChannelInfo) -> Value {
    known.cached.as_ref().map_or(
        Value::Null,
        |cached| json!({ "data": raw(&cached.data_json), "ttl": cached.ttl_seconds }),
    )
}

/// JSON that came as JSON and was checked when it came.
fn raw(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or(Value::Null)
}
