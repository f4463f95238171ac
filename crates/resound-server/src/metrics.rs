//! What is counted, and how Prometheus reads it.
//!
//! Counters are plain numbers of the shards, so that counting costs nothing; gauges are asked of
//! what they count at the moment of the scrape, so that they return to zero. Names are soketi's
//! where soketi has one, for the dashboards that exist.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeMetric, MetricEncoder, NoLabelSet, text::encode},
    metrics::{MetricType, TypedMetric, counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use resound_hub::{
    app::{AppNumber, Apps},
    hub::Census,
};
use resound_protocol::error::ClientError;

use crate::{
    redis::{RedisStatus, Skip},
    webhooks::Counts,
};

/// The counts of one shard.
#[derive(Clone, Debug, Default)]
pub(crate) struct ShardMetrics {
    /// By the application's number.
    apps: Vec<AppCounts>,
    refused: BTreeMap<&'static str, u64>,
    pub(crate) publish_to_write: Durations,
    /// Clients that returned to their sessions, and those that got new ones instead.
    pub(crate) recovered: u64,
    pub(crate) not_recovered: u64,
}

/// How often something took how long.
#[derive(Clone, Debug, Default)]
pub(crate) struct Durations {
    /// One more than there are bounds, for what took longer than all of them.
    counts: [u64; DURATION_BOUNDS_MICROS.len() + 1],
    sum_micros: u64,
}

const DURATION_BOUNDS_MICROS: [u64; 14] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000,
];

impl Durations {
    pub(crate) fn observe(&mut self, micros: u64) {
        let at = DURATION_BOUNDS_MICROS.iter().position(|bound| micros <= *bound);
        self.counts[at.unwrap_or(DURATION_BOUNDS_MICROS.len())] += 1;
        self.sum_micros += micros;
    }

    fn add(&mut self, other: &Self) {
        for (count, other) in self.counts.iter_mut().zip(&other.counts) {
            *count += other;
        }
        self.sum_micros += other.sum_micros;
    }
}

impl EncodeMetric for Durations {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> std::fmt::Result {
        let bounds = DURATION_BOUNDS_MICROS.iter().map(|micros| *micros as f64 / 1e6);
        let buckets: Vec<(f64, u64)> =
            bounds.chain([f64::MAX]).zip(self.counts.iter().copied()).collect();
        let count = self.counts.iter().sum();
        encoder.encode_histogram::<NoLabelSet>(self.sum_micros as f64 / 1e6, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

/// The counts of one application on one shard.
#[derive(Clone, Debug, Default)]
pub(crate) struct AppCounts {
    pub(crate) connected: u64,
    pub(crate) disconnected: u64,
    pub(crate) subscribed: u64,
    pub(crate) published: u64,
    pub(crate) requests: u64,
    pub(crate) request_bytes: u64,
    pub(crate) response_bytes: u64,
    pub(crate) messages_in: u64,
    pub(crate) bytes_in: u64,
    pub(crate) messages_out: u64,
    pub(crate) bytes_out: u64,
}

impl ShardMetrics {
    pub(crate) fn app(&mut self, app: AppNumber) -> &mut AppCounts {
        let at = app.index();
        if self.apps.len() <= at {
            self.apps.resize_with(at + 1, AppCounts::default);
        }
        &mut self.apps[at]
    }

    /// What was counted for an application.
    pub(crate) fn traffic(&self, app: AppNumber) -> AppCounts {
        self.apps.get(app.index()).cloned().unwrap_or_default()
    }

    pub(crate) fn refused(&mut self, error: &ClientError) {
        *self.refused.entry(error.label()).or_default() += 1;
    }

    pub(crate) fn subscription_refused(&mut self) {
        *self.refused.entry("subscription").or_default() += 1;
    }

    pub(crate) fn request_refused(&mut self, reason: &'static str) {
        *self.refused.entry(reason).or_default() += 1;
    }

    fn add(&mut self, other: &Self) {
        let longest = self.apps.len().max(other.apps.len());
        self.apps.resize_with(longest, AppCounts::default);
        for (counts, other) in self.apps.iter_mut().zip(&other.apps) {
            counts.add(other);
        }
        self.publish_to_write.add(&other.publish_to_write);
        self.recovered += other.recovered;
        self.not_recovered += other.not_recovered;
        for (reason, count) in &other.refused {
            *self.refused.entry(reason).or_default() += count;
        }
    }
}

impl AppCounts {
    pub(crate) fn received(&mut self, bytes: usize) {
        self.messages_in += 1;
        self.bytes_in += bytes as u64;
    }

    pub(crate) fn sent(&mut self, frames: usize, bytes: usize) {
        self.messages_out += frames as u64;
        self.bytes_out += bytes as u64;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.connected += other.connected;
        self.disconnected += other.disconnected;
        self.subscribed += other.subscribed;
        self.published += other.published;
        self.requests += other.requests;
        self.request_bytes += other.request_bytes;
        self.response_bytes += other.response_bytes;
        self.messages_in += other.messages_in;
        self.bytes_in += other.bytes_in;
        self.messages_out += other.messages_out;
        self.bytes_out += other.bytes_out;
    }
}

/// What is counted for the whole process.
#[derive(Debug, Default)]
pub(crate) struct ProcessMetrics {
    refused_full: AtomicU64,
}

impl ProcessMetrics {
    /// Counts a connection that was closed unheard, because there is no descriptor to spare.
    pub(crate) fn refuse_full(&self) {
        self.refused_full.fetch_add(1, Ordering::Relaxed);
    }
}

/// A count without the `_total` that this library's counters get: soketi's names have none.
#[derive(Clone, Debug, Default)]
struct Total(Gauge);

impl TypedMetric for Total {
    const TYPE: MetricType = MetricType::Unknown;
}

impl EncodeMetric for Total {
    fn encode(&self, encoder: MetricEncoder<'_>) -> std::fmt::Result {
        self.0.encode(encoder)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct AppLabels {
    app_id: String,
    port: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

/// Everything of one scrape.
pub(crate) struct Scrape<'a> {
    pub(crate) prefix: &'a str,
    pub(crate) port: u16,
    pub(crate) apps: &'a Apps,
    pub(crate) process: &'a ProcessMetrics,
    /// What was counted of webhooks, by the application's id.
    pub(crate) webhooks: Vec<(Box<str>, Arc<Counts>)>,
    /// What happened and was told nobody, because more happened than can be told.
    pub(crate) happenings_lost: u64,
    /// The Redis bridge, if there is one.
    pub(crate) redis: Option<&'a RedisStatus>,
    pub(crate) shards: Vec<(ShardMetrics, Census)>,
    pub(crate) sockets: usize,
    pub(crate) sockets_max: usize,
}

type Read = fn(&AppCounts) -> u64;
type ReadWebhooks = fn(&Counts) -> u64;

impl Scrape<'_> {
    /// The exposition as text.
    pub(crate) fn text(&self) -> String {
        let mut registry = Registry::default();
        let mut total = ShardMetrics::default();
        for (metrics, _) in &self.shards {
            total.add(metrics);
        }
        self.register_apps(&mut registry, &mut total);
        self.register_gauges(&mut registry);
        if let Some(redis) = self.redis {
            self.register_redis(&mut registry, redis);
        }
        self.register_webhooks(&mut registry);
        let refusals = Family::<ReasonLabels, Counter>::default();
        for (reason, count) in &total.refused {
            refusals.get_or_create(&ReasonLabels { reason }).inc_by(*count);
        }
        let returns = [
            ("recoveries", "Clients that returned to their sessions", total.recovered),
            ("failed_recoveries", "Clients that wanted to and got new ones", total.not_recovered),
        ];
        for (name, help, value) in returns {
            let counter = Counter::<u64>::default();
            counter.inc_by(value);
            self.register(&mut registry, name, help, counter);
        }
        let full = self.process.refused_full.load(Ordering::Relaxed);
        refusals.get_or_create(&ReasonLabels { reason: "no_descriptor" }).inc_by(full);
        self.register(&mut registry, "refusals", "Refusals by reason", refusals);
        self.register(
            &mut registry,
            "publish_to_write_seconds",
            "From the request of an event to the write to its last subscriber on a shard",
            total.publish_to_write,
        );
        let mut text = String::new();
        // Writing to a String can't fail.
        let _ = encode(&mut text, &registry);
        text
    }

    fn register(
        &self,
        registry: &mut Registry,
        name: &str,
        help: &str,
        metric: impl prometheus_client::registry::Metric,
    ) {
        registry.register(format!("{}{name}", self.prefix), help, metric);
    }

    fn register_apps(&self, registry: &mut Registry, total: &mut ShardMetrics) {
        let counters: [(&str, &str, Read); 7] = [
            ("new_connections", "Connections made", |counts| counts.connected),
            ("new_disconnections", "Connections ended", |counts| counts.disconnected),
            ("ws_messages_received", "Messages from clients", |counts| counts.messages_in),
            ("ws_messages_sent", "Messages to clients", |counts| counts.messages_out),
            ("http_calls_received", "Requests of the HTTP API", |counts| counts.requests),
            ("events_published", "Events published over the HTTP API", |counts| counts.published),
            ("channel_subscriptions", "Subscriptions made", |counts| counts.subscribed),
        ];
        for (name, help, read) in counters {
            let family = Family::<AppLabels, Counter>::default();
            for app in self.apps.iter() {
                family.get_or_create(&self.labels(&app.id)).inc_by(read(total.app(app.number())));
            }
            self.register(registry, name, help, family);
        }
        let bytes: [(&str, &str, Read); 4] = [
            ("socket_received_bytes", "Bytes of messages from clients", |counts| counts.bytes_in),
            ("socket_transmitted_bytes", "Bytes of frames to clients", |counts| counts.bytes_out),
            ("http_received_bytes", "Bytes of request bodies", |counts| counts.request_bytes),
            ("http_transmitted_bytes", "Bytes of response bodies", |counts| counts.response_bytes),
        ];
        for (name, help, read) in bytes {
            let family = Family::<AppLabels, Total>::default();
            for app in self.apps.iter() {
                let value = read(total.app(app.number())) as i64;
                family.get_or_create(&self.labels(&app.id)).0.set(value);
            }
            self.register(registry, name, help, family);
        }
    }

    fn register_gauges(&self, registry: &mut Registry) {
        let connected = Family::<AppLabels, Gauge>::default();
        for app in self.apps.iter() {
            connected.get_or_create(&self.labels(&app.id)).set(app.connections() as i64);
        }
        self.register(registry, "connected", "Connections", connected);
        let sum = |read: fn(&Census) -> usize| -> i64 {
            self.shards.iter().map(|(_, census)| read(census) as i64).sum()
        };
        let gauges = [
            ("subscriptions", "Subscriptions of connections to channels", sum(|c| c.subscriptions)),
            ("channels", "Channels that have subscribers", sum(|c| c.channels)),
            ("users", "Users who are signed in or watched", sum(|c| c.users)),
            ("kept_sessions", "Sessions that wait for their clients to return", sum(|c| c.kept)),
            ("remembered_events", "Events kept for clients that return", sum(|c| c.remembered)),
            ("sockets", "Open sockets of every kind", self.sockets as i64),
            ("sockets_max", "Sockets that the process can hold", self.sockets_max as i64),
        ];
        for (name, help, value) in gauges {
            let gauge = Gauge::<i64>::default();
            gauge.set(value);
            self.register(registry, name, help, gauge);
        }
    }

    fn register_redis(&self, registry: &mut Registry, redis: &RedisStatus) {
        let connected = Gauge::<i64>::default();
        connected.set(i64::from(redis.is_connected()));
        self.register(registry, "redis_connected", "Whether Redis is connected", connected);
        let counters = [
            ("redis_messages", "Messages from Redis on channels with our prefix", redis.messages()),
            ("redis_reconnections", "How often Redis has come back", redis.reconnections()),
        ];
        for (name, help, value) in counters {
            let counter = Counter::<u64>::default();
            counter.inc_by(value);
            self.register(registry, name, help, counter);
        }
        let skipped = Family::<ReasonLabels, Counter>::default();
        for why in Skip::ALL {
            let labels = ReasonLabels { reason: why.label() };
            skipped.get_or_create(&labels).inc_by(redis.skipped(why));
        }
        let help = "Messages from Redis that are not passed on, by reason";
        self.register(registry, "redis_messages_skipped", help, skipped);
    }

    fn register_webhooks(&self, registry: &mut Registry) {
        if self.webhooks.is_empty() {
            return;
        }
        let counters: [(&str, &str, ReadWebhooks); 3] = [
            ("webhook_events_sent", "Events that receivers of webhooks have taken", Counts::sent),
            (
                "webhook_events_dropped",
                "Events for webhooks that were given up, or found no place",
                Counts::dropped,
            ),
            (
                "webhook_failures",
                "Requests of webhooks that were not answered by 2xx",
                Counts::failed,
            ),
        ];
        for (name, help, read) in counters {
            let family = Family::<AppLabels, Counter>::default();
            for (id, counts) in &self.webhooks {
                family.get_or_create(&self.labels(id)).inc_by(read(counts));
            }
            self.register(registry, name, help, family);
        }
        let lost = Counter::<u64>::default();
        lost.inc_by(self.happenings_lost);
        self.register(
            registry,
            "happenings_lost",
            "What was told nobody, for want of a place",
            lost,
        );
        let waiting = Family::<AppLabels, Gauge>::default();
        for (id, counts) in &self.webhooks {
            waiting.get_or_create(&self.labels(id)).set(counts.waiting() as i64);
        }
        self.register(registry, "webhook_events_waiting", "Events that wait for webhooks", waiting);
    }

    fn labels(&self, app_id: &str) -> AppLabels {
        AppLabels { app_id: app_id.to_owned(), port: self.port }
    }
}
