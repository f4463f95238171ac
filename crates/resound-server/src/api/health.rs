//! `/up`, `/live`, `/ready` and `/metrics`.

use hyper::StatusCode;

use super::response::{self, Answer, Fault};
use crate::{metrics::Scrape, server::Shared, shard::mailbox::Shards};

/// Answers by name. `/metrics` moves to its own listener when there is one.
pub(super) async fn respond(
    name: &str,
    shared: &Shared,
    shards: &Shards,
    has_metrics: bool,
) -> Result<Answer, Fault> {
    match name {
        // Reverb's answer, word for word.
        "up" => Ok(response::json(r#"{"health":"OK"}"#)),
        "live" => Ok(response::json(r#"{"live":true}"#)),
        "ready" if shared.is_draining() => Err(response::shutting_down()),
        "ready" if shared.config.redis.is_some() && !shared.redis.is_connected() => {
            Err(Fault::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "Redis is not connected: events that are published through it do not arrive.",
            ))
        }
        "ready" => Ok(response::json(r#"{"ready":true}"#)),
        "metrics" if has_metrics => Ok(metrics(shared, shards).await),
        "metrics" => Err(Fault::new(
            StatusCode::NOT_FOUND,
            "Metrics are on their own listener (metrics_address).",
        )),
        _ => Err(Fault::new(StatusCode::NOT_FOUND, format!("Nothing is at /{name}."))),
    }
}

async fn metrics(shared: &Shared, shards: &Shards) -> Answer {
    let answers = shards.ask_all(|hub, metrics, _| (metrics.clone(), hub.census())).await;
    let scrape = Scrape {
        prefix: &shared.config.metrics_prefix,
        port: shared.port,
        apps: &shared.apps(),
        process: &shared.metrics,
        redis: shared.config.redis.as_ref().map(|_| &shared.redis),
        webhooks: shared.hooks.counts(),
        happenings_lost: shared.hooks.lost(),
        shards: answers,
        sockets: shared.sockets.count(),
        sockets_max: shared.sockets.max(),
    };
    response::text("application/openmetrics-text; version=1.0.0; charset=utf-8", scrape.text())
}
