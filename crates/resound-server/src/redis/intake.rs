//! What is done with the messages that Redis sends.

use std::{sync::Arc, time::Duration};

use resound_hub::app::LiveApp;
use resound_protocol::laravel::RedisEvent;
use tokio::{sync::Semaphore, time::Instant};

use super::{
    bridge::Message,
    connection::MESSAGE_BYTES_MAX,
    event::{OwnedEvent, Skipped},
    prefix::{Arrival, Prefixes, foreign_prefix},
    presence,
    status::Skip,
};
use crate::{
    config::RedisConfig,
    server::Shared,
    shard::mailbox::{ShardMessage, Shards},
};

/// Bytes of events that may be on their way to the shard; Redis has to wait for room.
const UNDERWAY_BYTES_MAX: usize = 2 * MESSAGE_BYTES_MAX;
/// The shard that publishes: one queue keeps the order.
const PUBLISHER: usize = 0;
/// Foreign prefixes that are warned of.
const FOREIGN_PREFIXES_MAX: usize = 16;
/// Characters of what others have written that a log line shows.
const SHOWN_CHARS_MAX: usize = 200;
/// Lines about messages that were skipped, per minute.
const LINES_PER_MINUTE: u32 = 10;
const MINUTE: Duration = Duration::from_secs(60);

/// The way from the bridge to the hub.
pub(super) struct Intake<'a> {
    shared: &'a Shared,
    shards: &'a Shards,
    config: &'a RedisConfig,
    prefixes: &'a Prefixes,
    room: Arc<Semaphore>,
    foreign: Vec<Vec<u8>>,
    lines: Lines,
}

impl<'a> Intake<'a> {
    pub(super) fn new(
        shared: &'a Shared,
        shards: &'a Shards,
        config: &'a RedisConfig,
        prefixes: &'a Prefixes,
    ) -> Self {
        let room = Arc::new(Semaphore::new(UNDERWAY_BYTES_MAX));
        let lines = Lines { minute: Instant::now(), written: 0 };
        Self { shared, shards, config, prefixes, room, foreign: Vec::new(), lines }
    }

    /// Passes messages on in their order, as fast as the shards take them.
    pub(super) async fn take(&mut self, messages: Vec<Message>) {
        self.shards.until_they_keep_up().await;
        let app = self.app();
        let mut batch = Vec::with_capacity(messages.len());
        for message in messages {
            let Some((app, event)) = self.read(&message, app.as_deref()) else { continue };
            let weight = event.bytes().min(UNDERWAY_BYTES_MAX) as u32;
            let room = match self.room.clone().try_acquire_many_owned(weight) {
                Ok(room) => room,
                Err(_) => {
                    // What is before it must be on its way, or there will never be room.
                    self.shards.mailbox(PUBLISHER).post(&mut batch);
                    let room = self.room.clone().acquire_many_owned(weight).await;
                    room.expect("nobody closes the semaphore")
                }
            };
            batch.push(ShardMessage::Publish(app.number(), event.with_weight(room)));
        }
        if !batch.is_empty() {
            self.shards.mailbox(PUBLISHER).post(&mut batch);
        }
    }

    /// The application as it is configured at the moment.
    fn app(&self) -> Option<Arc<LiveApp>> {
        let apps = self.shared.apps();
        let app = match &self.config.app {
            Some(id) => apps.by_id(id),
            None => apps.iter().next(),
        };
        app.filter(|app| app.options.enabled).cloned()
    }

    /// Makes an event of a message that is one, for us.
    fn read<'m>(
        &mut self,
        message: &Message,
        app: Option<&'m LiveApp>,
    ) -> Option<(&'m LiveApp, OwnedEvent)> {
        match self.prefixes.sort(&message.pattern, &message.channel) {
            Arrival::Repeated => None,
            Arrival::Foreign(prefix) => {
                if is_of_laravel(message) {
                    self.shared.redis.count_skipped(Skip::Prefix);
                    self.note_foreign(prefix, message);
                }
                None
            }
            // Our own words, if there is no prefix.
            Arrival::Ours(channel) if channel == presence::CHANNEL.as_bytes() => None,
            Arrival::Ours(channel) => self.read_ours(channel, message, app),
        }
    }

    fn read_ours<'m>(
        &mut self,
        channel: &[u8],
        message: &Message,
        app: Option<&'m LiveApp>,
    ) -> Option<(&'m LiveApp, OwnedEvent)> {
        self.shared.redis.count_message();
        let read = match app {
            Some(app) => OwnedEvent::read(channel, &message.payload, app).map(|event| (app, event)),
            None => {
                let reason = "the application is disabled or has been taken away".to_owned();
                Err(Skipped { why: Skip::App, reason })
            }
        };
        let (app, event) = match read {
            Ok(read) => read,
            Err(skipped) => {
                self.note_skipped(&skipped, message);
                return None;
            }
        };
        if self.prefixes.take_all()
            && let Some(prefix) = foreign_prefix(channel).filter(|prefix| !prefix.is_empty())
        {
            self.note_foreign(prefix, message);
        }
        tracing::debug!(app = %app.id, channel = shown(channel), text = shown(&message.payload), "published through Redis");
        Some((app, event))
    }

    fn note_skipped(&mut self, skipped: &Skipped, message: &Message) {
        let Skipped { why, reason } = skipped;
        self.shared.redis.count_skipped(*why);
        let channel = shown(&message.channel);
        if *why == Skip::NotLaravel {
            let text = shown(&message.payload);
            return tracing::debug!(
                channel,
                reason,
                text,
                "a message from Redis is not Laravel's and is skipped"
            );
        }
        if self.lines.may_write() {
            tracing::info!(channel, reason, "an event from Redis is skipped");
        }
    }

    /// Warns once of each prefix that is not ours, up to a number of them.
    fn note_foreign(&mut self, prefix: &[u8], message: &Message) {
        let is_known = self.foreign.iter().any(|known| known == prefix);
        if is_known || self.foreign.len() >= FOREIGN_PREFIXES_MAX {
            return;
        }
        self.foreign.push(prefix.to_vec());
        let (prefix, channel) = (shown(prefix), shown(&message.channel));
        let expected = self.prefixes.shown();
        tracing::warn!(
            prefix,
            expected,
            channel,
            "a Laravel application publishes through Redis with another prefix; if it is yours, set \
             redis.prefix (REDIS_PREFIX) to {prefix:?}"
        );
    }
}

fn is_of_laravel(message: &Message) -> bool {
    RedisEvent::parse(&message.payload).is_ok()
}

/// The beginning of what others have written.
fn shown(bytes: &[u8]) -> String {
    let bytes = &bytes[..bytes.len().min(4 * SHOWN_CHARS_MAX)];
    String::from_utf8_lossy(bytes).chars().take(SHOWN_CHARS_MAX).collect()
}

/// Lines that were written in a minute.
struct Lines {
    minute: Instant,
    written: u32,
}

impl Lines {
    fn may_write(&mut self) -> bool {
        if self.minute.elapsed() >= MINUTE {
            *self = Self { minute: Instant::now(), written: 0 };
        }
        self.written += 1;
        self.written <= LINES_PER_MINUTE
    }
}
