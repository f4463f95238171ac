//! Subscriptions to Redis, one after the other for as long as the process lives.

use std::{convert::Infallible, iter, sync::Arc, time::Duration};

use redis::{Cmd, Value};
use tokio::{
    task::yield_now,
    time::{Instant, Interval, MissedTickBehavior, interval, sleep},
};

use super::{
    connection::{ANSWER_MAX, Connection, refusal},
    fault::Fault,
    intake::Intake,
    outage::{Outage, Return},
    prefix::Prefixes,
    status::Skip,
};
use crate::{config::RedisConfig, server::Shared, shard::mailbox::Shards};

/// How often Redis is asked whether it is alive.
const PING_EVERY: Duration = Duration::from_secs(3);
/// Silence after which it is not.
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// Messages that are passed on before more is read.
const MESSAGES_AT_ONCE: usize = 32;
/// How often that is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Subscribes, passes messages on, and begins anew whenever a connection ends.
pub(super) async fn run(shared: &Arc<Shared>, shards: &Shards, config: &RedisConfig) -> Infallible {
    let prefixes = Prefixes::new(&config.prefixes);
    let mut intake = Intake::new(shared, shards, config, &prefixes);
    let mut outage = Outage::new();
    loop {
        let ended = subscription(shared, config, &prefixes, &mut intake, &mut outage).await;
        shared.redis.disconnected();
        let Err(fault) = ended;
        if matches!(fault, Fault::TooLarge(_)) {
            shared.redis.count_skipped(Skip::TooLarge);
        }
        sleep(outage.failed(&fault, &config.address)).await;
    }
}

/// One subscription, from the connection to its end.
async fn subscription(
    shared: &Shared,
    config: &RedisConfig,
    prefixes: &Prefixes,
    intake: &mut Intake<'_>,
    outage: &mut Outage,
) -> Result<Infallible, Fault> {
    let mut subscription = Subscription::open(config, prefixes).await?;
    let mut look = every(LOOK_EVERY);
    loop {
        tokio::select! {
            read = subscription.connection.read() => read?,
            _ = look.tick() => {
                subscription.look().await?;
                continue;
            }
        }
        let mut is_more = true;
        while is_more {
            // Signals and the metrics have their turn, and the runtime lets us read again.
            yield_now().await;
            subscription.connection.read_ahead().await;
            let mut messages = Vec::new();
            let heard = subscription.hear(&mut messages);
            if subscription.awaited == 0 && !shared.redis.is_connected() {
                shared.redis.connected();
                if outage.over(&prefixes.shown(), &config.address) == Return::Again {
                    shared.redis.reconnected();
                }
            }
            if !messages.is_empty() {
                intake.take(messages).await;
                subscription.connection.listen_again();
            }
            // Only then: what came before the fault is good.
            is_more = heard?;
        }
    }
}

fn every(period: Duration) -> Interval {
    let mut interval = interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// A connection that is subscribed to our channels, or about to be.
struct Subscription {
    connection: Connection,
    began: Instant,
    /// Confirmations of our patterns that are still to come.
    awaited: usize,
    pinged: Instant,
}

/// A published message.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) pattern: Vec<u8>,
    pub(super) channel: Vec<u8>,
    pub(super) payload: Vec<u8>,
}

impl Subscription {
    /// Connects, and asks for our channels and for what may be meant for us, which is one command for
    /// each pattern: one that is refused must not take the others with it.
    async fn open(config: &RedisConfig, prefixes: &Prefixes) -> Result<Self, Fault> {
        let mut connection = Connection::open(&config.address).await?;
        let own: Vec<_> = prefixes.own_patterns().collect();
        let near = prefixes.near_patterns();
        let commands = iter::once(psubscribe(&own));
        connection.send(commands.chain(near.iter().map(|pattern| psubscribe(&[pattern])))).await?;
        let now = Instant::now();
        Ok(Self { connection, began: now, awaited: own.len(), pinged: now })
    }

    /// Takes apart what was read, and says whether something is left of it.
    fn hear(&mut self, messages: &mut Vec<Message>) -> Result<bool, Fault> {
        while messages.len() < MESSAGES_AT_ONCE {
            let Some(value) = self.connection.next()? else {
                return Ok(false);
            };
            messages.extend(self.take(value)?);
        }
        Ok(true)
    }

    /// Understands what Redis says.
    fn take(&mut self, value: Value) -> Result<Option<Message>, Fault> {
        if let Some(fault) = refusal(&value, None) {
            if self.awaited > 0 {
                return Err(fault);
            }
            // Redis may allow us our own channels only; then we do without near misses.
            tracing::debug!(reason = %fault, "Redis refuses a pattern of near misses");
            return Ok(None);
        }
        let Value::Array(parts) = value else {
            return Ok(None);
        };
        let is_confirmation =
            matches!(parts.first(), Some(Value::BulkString(kind)) if kind == b"psubscribe");
        if is_confirmation && self.awaited > 0 {
            self.awaited -= 1;
            return Ok(None);
        }
        Ok(message(parts))
    }

    /// Looks whether Redis is alive: one that hangs does not close its connections.
    async fn look(&mut self) -> Result<(), Fault> {
        if self.awaited > 0 && self.began.elapsed() > ANSWER_MAX {
            return Err(Fault::Silent(ANSWER_MAX));
        }
        if self.connection.silence() > SILENCE_MAX {
            return Err(Fault::Silent(SILENCE_MAX));
        }
        if self.pinged.elapsed() >= PING_EVERY {
            self.pinged = Instant::now();
            self.connection.send([redis::cmd("PING")]).await?;
        }
        Ok(())
    }
}

fn psubscribe(patterns: &[&[u8]]) -> Cmd {
    let mut command = redis::cmd("PSUBSCRIBE");
    for pattern in patterns {
        command.arg(*pattern);
    }
    command
}

/// `pmessage`, the pattern, the channel and the payload; anything else is an answer to a ping.
fn message(parts: Vec<Value>) -> Option<Message> {
    let parts: [Value; 4] = parts.try_into().ok()?;
    let [
        Value::BulkString(kind),
        Value::BulkString(pattern),
        Value::BulkString(channel),
        Value::BulkString(payload),
    ] = parts
    else {
        return None;
    };
    (kind == b"pmessage").then_some(Message { pattern, channel, payload })
}
