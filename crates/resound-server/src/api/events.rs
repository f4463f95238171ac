//! `POST /events` and `POST /batch_events`.

use hyper::{Request, StatusCode, body::Incoming};
use resound_hub::app::LiveApp;
use resound_protocol::api::EventBody;
use serde_json::{Map, Value, json};

use super::{
    channels,
    request::{Call, limits, read_body, refuse},
    response::{self, Answer, Fault},
};
use crate::{
    config::is_development,
    shard::{Shard, ShardHandle},
    welcome,
};

/// Publishes one event to up to a hundred channels.
pub(super) async fn publish(call: Call<'_>) -> Result<Answer, Fault> {
    let shard = call.shard;
    let request = call.verify().await?;
    let event = EventBody::parse(&request.body, &request.limits())
        .map_err(|fault| invalid(shard, fault))?;
    spread(shard, &request.app, std::slice::from_ref(&event)).await;
    if !event.info.is_asked() {
        return Ok(response::empty_object());
    }
    let mut infos = Map::new();
    for channel in &event.channels {
        infos.insert(
            channel.to_string(),
            channels::attributes(shard, &request.app, channel.as_str(), event.info).await,
        );
    }
    Ok(response::json(json!({ "channels": infos }).to_string()))
}

/// Publishes several events of one channel each.
pub(super) async fn publish_batch(call: Call<'_>) -> Result<Answer, Fault> {
    let shard = call.shard;
    let request = call.verify().await?;
    let events = EventBody::parse_batch(&request.body, &request.limits())
        .map_err(|fault| invalid(shard, fault))?;
    spread(shard, &request.app, &events).await;
    if !events.iter().any(|event| event.info.is_asked()) {
        return Ok(response::empty_object());
    }
    let mut infos: Vec<Value> = Vec::with_capacity(events.len());
    for event in &events {
        let name = event.channels.first().map_or("", |channel| channel.as_str());
        infos.push(channels::attributes(shard, &request.app, name, event.info).await);
    }
    Ok(response::json(json!({ "batch": infos }).to_string()))
}

/// Publishes for the welcome page, which has no secret to sign with: only for the development
/// application, and only for pages whose origin is this server.
pub(super) async fn publish_from_welcome_page(
    shard: &ShardHandle,
    request: Request<Incoming>,
) -> Result<Answer, Fault> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let origin_host =
        header("origin").and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    let is_ours = header("x-requested-with") == Some(welcome::REQUESTED_WITH)
        && origin_host.is_some()
        && origin_host == header("host");
    let id = shard.shared.development_app.as_deref();
    let app = id.and_then(|id| shard.shared.apps().by_id(id).cloned());
    // A reload may have given the development app a secret of its own.
    let Some(app) = app.filter(|app| is_ours && is_development(app)) else {
        let message = "Events without a signature are taken from this server's own welcome page only, for the development app.";
        return Err(refuse(shard, "unsigned", Fault::new(StatusCode::FORBIDDEN, message)));
    };
    let (parts, body) = request.into_parts();
    let bytes_max = app.options.request_bytes_max;
    let body = read_body(shard, &parts.headers, body, bytes_max, "max_request_size").await?;
    let event =
        EventBody::parse(&body, &limits(&app.options)).map_err(|fault| invalid(shard, fault))?;
    spread(shard, &app, std::slice::from_ref(&event)).await;
    Ok(response::empty_object())
}

fn invalid(shard: &ShardHandle, fault: resound_protocol::api::BodyFault) -> Fault {
    let fault = Fault::from(fault);
    if shard.look(Shard::may_log) {
        tracing::info!(
            status = fault.status().as_u16(),
            reason = fault.message(),
            "publish refused"
        );
    }
    refuse(shard, "invalid_body", fault)
}

/// Publishes events whose sender may.
pub(super) async fn spread(shard: &ShardHandle, app: &LiveApp, events: &[EventBody<'_>]) {
    shard.shards.until_they_keep_up().await;
    if tracing::enabled!(tracing::Level::DEBUG) {
        for event in events {
            let (name, data) = (event.name_json, event.data_json);
            tracing::debug!(app = %app.id, channels = ?event.channels, event = name, data, "published");
        }
    }
    shard.with(|shard| {
        shard.metrics_mut().app(app.number()).published += events.len() as u64;
        shard.publish(app.number(), events);
    });
}
