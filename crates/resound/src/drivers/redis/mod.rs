//! Redis, in Laravel's format: for Resound (`--redis`), laravel-echo-server, and whoever else subscribes there.
//!
//! # Layout
//!
//! * `options`: where Redis is, and what stands in front of the channels
//! * `message`: what is published
//! * `connection`: one connection, which is replaced when it breaks
//! * `fault`: what Redis says when it says no

mod connection;
mod fault;
mod message;
mod options;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use redis::{Pipeline, RedisError, RedisResult, Value};

use crate::{
    driver::{Answers, Credentials, Driver, Sending, SendingBatch},
    drivers::redis::{connection::Connection, message::Message},
    envelope::Envelope,
    error::DriverError,
};

pub use options::{InvalidRedisUrl, RedisOptions};

#[doc = include_str!("../../../docs/redis.md")]
#[derive(Debug)]
pub struct Redis {
    options: RedisOptions,
    connection: Connection,
    /// Whether this Redis lets nobody run scripts.
    has_no_scripts: AtomicBool,
}

/// Laravel's script: one call for all channels. Laravel: `RedisBroadcaster::broadcastMultipleChannelsScript`.
const SCRIPT: &str = "for i = 2, #ARGV do\n  redis.call('publish', ARGV[i], ARGV[1])\nend";
/// Events of one pipeline.
const BATCH_MAX: usize = 100;
/// Bytes of one pipeline, beyond its first event.
const BATCH_BYTES_MAX: usize = 1024 * 1024;

/// How messages are published.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// One script for all channels, as Laravel does.
    Script,
    /// One command for each channel.
    Commands,
}

impl Redis {
    /// Prepares the driver; nothing is connected yet.
    ///
    /// # Errors
    /// If the URL is none of Redis.
    ///
    /// ```
    /// use resound::{Broadcaster, drivers::{Redis, RedisOptions}};
    ///
    /// let redis = Redis::new(RedisOptions::new("redis://127.0.0.1:6379"))?;
    /// let broadcaster = Broadcaster::builder().connection("redis", redis).build();
    /// assert_eq!(broadcaster.connections().next(), Some("redis"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(options: RedisOptions) -> Result<Self, InvalidRedisUrl> {
        let connection = Connection::new(options.connection_info()?, options.login())?;
        Ok(Self { options, connection, has_no_scripts: AtomicBool::new(false) })
    }

    /// Publishes the first events, as many as go into one pipeline.
    async fn publish(&self, envelopes: &[&Envelope]) -> Vec<Result<(), DriverError>> {
        let mut messages = Vec::new();
        let mut bytes = 0;
        for envelope in envelopes {
            bytes += envelope.bytes();
            if !messages.is_empty() && bytes > BATCH_BYTES_MAX {
                break;
            }
            match self.message(envelope) {
                Ok(message) => messages.push(message),
                Err(fault) if messages.is_empty() => return vec![Err(fault)],
                Err(_) => break,
            }
        }
        match self.run(&messages).await {
            Ok(results) => results.into_iter().map(|result| self.answer(result)).collect(),
            Err(error) => vec![self.answer(Err(error))],
        }
    }

    /// An encrypted channel needs a key here as everywhere: Laravel publishes its payload in clear.
    fn message(&self, envelope: &Envelope) -> Result<Message, DriverError> {
        let Some(channel) = envelope.channels.iter().find(|channel| channel.is_encrypted()) else {
            return Ok(Message::of(envelope, &self.options.prefix));
        };
        if envelope.channels.len() > 1 {
            let reason = format!("{channel} is encrypted and must come alone");
            return Err(DriverError::Refused(reason));
        }
        let none = Credentials::new("", "");
        let credentials = self.options.credentials.as_ref().unwrap_or(&none);
        let sealed = credentials.seal(channel.as_str(), &envelope.payload);
        let payload = sealed.map_err(DriverError::Refused)?;
        Ok(Message::of(&Envelope { payload, ..envelope.clone() }, &self.options.prefix))
    }

    /// Publishes messages; a Redis without scripts is remembered.
    async fn run(&self, messages: &[Message]) -> RedisResult<Vec<RedisResult<()>>> {
        if self.has_no_scripts.load(Ordering::Relaxed) {
            return self.run_by(Way::Commands, messages).await;
        }
        let results = self.run_by(Way::Script, messages).await?;
        let refusal = results.iter().filter_map(|result| result.as_ref().err());
        let Some(refusal) = refusal.into_iter().find(|error| fault::forbids_scripts(error)) else {
            return Ok(results);
        };
        if !self.has_no_scripts.swap(true, Ordering::Relaxed) {
            let reason = fault::text(refusal);
            tracing::info!(
                reason,
                "this Redis runs no scripts: each channel is published to by itself"
            );
        }
        // Scripts are forbidden to all or to none, so that nothing was published.
        self.run_by(Way::Commands, messages).await
    }

    async fn run_by(&self, way: Way, messages: &[Message]) -> RedisResult<Vec<RedisResult<()>>> {
        let mut pipeline = Pipeline::new();
        pipeline.ignore_errors();
        for message in messages {
            message.publish(way, &mut pipeline);
        }
        let mut answers = self.connection.run(&pipeline).await?.into_iter();
        let result = |message: &Message| {
            let answers: Vec<RedisResult<Value>> =
                answers.by_ref().take(message.commands(way)).collect();
            answers.into_iter().try_for_each(|answer| answer.map(drop))
        };
        Ok(messages.iter().map(result).collect())
    }

    fn answer(&self, result: Result<(), RedisError>) -> Result<(), DriverError> {
        result.map_err(|error| {
            let fault = fault::of(&self.options, &error);
            if matches!(fault, DriverError::Unavailable(_)) {
                // After a failover the name may lead to another server.
                self.connection.close();
            }
            fault
        })
    }
}

impl Driver for Redis {
    fn send<'a>(&'a self, envelope: &'a Envelope) -> Sending<'a> {
        Box::pin(async move { self.publish(&[envelope]).await.pop().unwrap_or(Ok(())) })
    }

    fn send_batch<'a>(&'a self, envelopes: &'a [Arc<Envelope>]) -> SendingBatch<'a> {
        Box::pin(async move {
            let envelopes: Vec<&Envelope> = envelopes.iter().map(|envelope| &**envelope).collect();
            self.publish(&envelopes).await
        })
    }

    fn batch_max(&self) -> usize {
        BATCH_MAX
    }

    /// With the key of an application clients of Pusher's protocol get signatures; servers that ask for their
    /// Socket.IO clients name no connection, and get `true` either way.
    fn answers(&self) -> Answers {
        self.options.credentials.clone().map_or(Answers::SocketIo, Answers::Pusher)
    }
}
