//! The Redis bridge: events that Laravel's redis broadcaster publishes, for the subscribers here.
//!
//! # Layout
//!
//! * [`run`]: the bridge's one task, beside the signals and the metrics of the process
//! * `bridge`: one subscription after the other, for ever; `outage`: what is said meanwhile
//! * `intake`: what is done with a message; `event`: what it says; `prefix`: for whom it is
//! * `presence`: members of presence channels, published to Redis
//! * `connection`, `tls`, `fault`: one connection, and how it ends
//! * `status`: what is counted
//!
//! # Why the connections are our own
//!
//! Of the crate `redis` there are URLs, commands and the parser here, and not its connections. Both
//! that it has for subscriptions, `PubSub` (RESP2) and `push_sender` (RESP3), read on while the
//! messages wait in a queue without a bound, so that a flood would fill the memory: nothing waits here
//! but what is read, and Redis notices that we are slow. A `PubSub` that ends does not say why, which
//! we must. And RESP3 would shut out servers before Redis 6 without bringing anything: reconnecting
//! needs our loop in any case, as it is to be told once, and shown.

mod bridge;
mod connection;
mod event;
mod fault;
mod intake;
mod outage;
mod prefix;
mod presence;
mod status;
mod tls;

use std::{convert::Infallible, sync::Arc};

pub(crate) use self::{
    event::OwnedEvent,
    presence::PresenceFeed,
    status::{RedisStatus, Skip},
};
use crate::{server::Shared, shard::mailbox::Shards};

/// Carries events from Redis to the shards and, if wanted, members to Redis, until it is dropped.
/// Without a bridge in the configuration it does nothing, for ever.
pub(crate) async fn run(shared: Arc<Shared>, shards: Shards) -> Infallible {
    let Some(config) = &shared.config.redis else {
        return std::future::pending().await;
    };
    tokio::select! {
        never = bridge::run(&shared, &shards, config) => never,
        never = presence::run(&shared, config) => never,
    }
}
