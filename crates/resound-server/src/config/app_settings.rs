//! The settings of an application.

use resound_hub::{
    app::{App, AppOptions, ClientEvents, RateLimit},
    origin::OriginPattern,
};
use resound_protocol::webhook::Kinds;

use super::{
    settings::{Setting, Shown},
    value::{Expected, Value},
    webhooks::{webhook_url, webhooks},
};

/// An application while its settings are gathered.
#[derive(Clone, Default)]
pub(crate) struct AppDraft {
    pub(crate) id: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) secret: Option<String>,
    pub(crate) options: AppOptions,
    pub(crate) request_bytes_max: Option<usize>,
    pub(crate) is_rate_limited: bool,
    pub(crate) rate_limit: RateLimit,
}

impl AppDraft {
    /// Makes the application.
    ///
    /// # Errors
    ///
    /// The keys of the credentials that are missing.
    pub(crate) fn finish(self, request_bytes_max: Option<usize>) -> Result<App, Vec<&'static str>> {
        let mut options = self.options;
        let default = options.request_bytes_max;
        options.request_bytes_max = self.request_bytes_max.or(request_bytes_max).unwrap_or(default);
        options.rate_limit = self.is_rate_limited.then_some(self.rate_limit);
        let kinds = options.webhooks.iter().map(|webhook| webhook.kinds);
        // What ends is held back for what begins again, so that both are to be heard of.
        options.happenings = kinds.fold(options.happenings, Kinds::union).in_pairs();
        let [id, key, secret] =
            [self.id, self.key, self.secret].map(|text| text.filter(|t| !t.is_empty()));
        match (id, key, secret) {
            (Some(id), Some(key), Some(secret)) => {
                Ok(App { id: id.into(), key: key.into(), secret: secret.into(), options })
            }
            (id, key, secret) => Err(CREDENTIALS
                .into_iter()
                .zip([id, key, secret])
                .filter(|(_, text)| text.is_none())
                .map(|(name, _)| name)
                .collect()),
        }
    }
}

/// The keys of what an application cannot be without.
pub(crate) const CREDENTIALS: [&str; 3] = ["id", "key", "secret"];

type Row = Setting<AppDraft>;
const OPEN: Shown = Shown::Open;
/// The largest size that a message, a request or a member may be allowed.
const BYTES_MAX: u32 = 1 << 30;
const YEAR_SECONDS: u32 = 366 * 24 * 3600;

/// The table. The first names of id, key and secret are Reverb's, the second ones, which count only
/// when Reverb's are absent, those of the Pusher driver.
#[rustfmt::skip]
pub(crate) const APP: &[Row] = &[
    Row { key: "id", env: &["REVERB_APP_ID", "PUSHER_APP_ID"], default: "resound", shown: OPEN,
        help: "id in the paths of the HTTP API",
        apply: |to, value| { to.id = Some(segment(value)?); Ok(()) } },
    Row { key: "key", env: &["REVERB_APP_KEY", "PUSHER_APP_KEY"], default: "resound-key", shown: OPEN,
        help: "public key that browsers connect with",
        apply: |to, value| { to.key = Some(segment(value)?); Ok(()) } },
    Row { key: "secret", env: &["REVERB_APP_SECRET", "PUSHER_APP_SECRET"], default: "resound-secret", shown: Shown::Secret,
        help: "secret that signs",
        apply: |to, value| { to.secret = Some(value.text()?); Ok(()) } },
    Row { key: "enabled", env: &["RESOUND_APP_ENABLED"], default: "true", shown: OPEN,
        help: "a disabled app refuses everything",
        apply: |to, value| { to.options.enabled = value.switch()?; Ok(()) } },
    Row { key: "allowed_origins", env: &["REVERB_ALLOWED_ORIGINS"], default: "*", shown: OPEN,
        help: "origins or hosts whose pages may connect",
        apply: |to, value| { to.options.allowed_origins = origins(value)?; Ok(()) } },
    Row { key: "max_connections", env: &["REVERB_APP_MAX_CONNECTIONS"], default: "0: no limit", shown: OPEN,
        help: "concurrent connections, over it 4004",
        apply: |to, value| { to.options.connections_max = value.limit()?; Ok(()) } },
    Row { key: "ping_interval", env: &["REVERB_APP_PING_INTERVAL"], default: "60", shown: OPEN,
        help: "seconds of silence until the server pings",
        apply: |to, value| { to.options.ping_interval_seconds = value.count(1..=86_400)?; Ok(()) } },
    Row { key: "activity_timeout", env: &["REVERB_APP_ACTIVITY_TIMEOUT"], default: "30", shown: OPEN,
        help: "seconds told to clients, and granted after a ping",
        apply: |to, value| { to.options.activity_timeout_seconds = value.count(1..=86_400)?; Ok(()) } },
    Row { key: "max_message_size", env: &["REVERB_APP_MAX_MESSAGE_SIZE"], default: "10000", shown: OPEN,
        help: "bytes of a message from a client, over it 1009",
        apply: |to, value| { to.options.message_bytes_max = value.size(1..=BYTES_MAX)?; Ok(()) } },
    Row { key: "max_request_size", env: &["RESOUND_APP_MAX_REQUEST_SIZE"], default: "the server's", shown: OPEN,
        help: "bytes of an API request's body, over it 413",
        apply: |to, value| { to.request_bytes_max = Some(value.size(1..=BYTES_MAX)?); Ok(()) } },
    Row { key: "accept_client_events_from", env: &["REVERB_APP_ACCEPT_CLIENT_EVENTS_FROM"], default: "members", shown: OPEN,
        help: "who may send client events: members, all or none",
        apply: |to, value| { to.options.client_events = client_events(value)?; Ok(()) } },
    Row { key: "max_client_events_per_second", env: &["RESOUND_APP_MAX_CLIENT_EVENTS_PER_SECOND"], default: "200", shown: OPEN,
        help: "client events of one connection, over it 4301; 0: no limit",
        apply: |to, value| { to.options.client_events_per_second = value.limit()?; Ok(()) } },
    Row { key: "rate_limiting.enabled", env: &["REVERB_APP_RATE_LIMITING_ENABLED"], default: "false", shown: OPEN,
        help: "Reverb's limiter of all messages of a connection",
        apply: |to, value| { to.is_rate_limited = value.switch()?; Ok(()) } },
    Row { key: "rate_limiting.max_attempts", env: &["REVERB_APP_RATE_LIMIT_MAX_ATTEMPTS"], default: "60", shown: OPEN,
        help: "messages within the window",
        apply: |to, value| { to.rate_limit.max_attempts = value.count(1..=u32::MAX)?; Ok(()) } },
    Row { key: "rate_limiting.decay_seconds", env: &["REVERB_APP_RATE_LIMIT_DECAY_SECONDS"], default: "60", shown: OPEN,
        help: "seconds of the window",
        apply: |to, value| { to.rate_limit.decay_seconds = value.count(1..=86_400)?; Ok(()) } },
    Row { key: "rate_limiting.terminate_on_limit", env: &["REVERB_APP_RATE_LIMIT_TERMINATE"], default: "false", shown: OPEN,
        help: "close the connection at the limit",
        apply: |to, value| { to.rate_limit.terminate_on_limit = value.switch()?; Ok(()) } },
    Row { key: "subscription_count", env: &["RESOUND_APP_SUBSCRIPTION_COUNT"], default: "false", shown: OPEN,
        help: "tell subscribers how many they are",
        apply: |to, value| { to.options.subscription_count = value.switch()?; Ok(()) } },
    Row { key: "watchlist", env: &["RESOUND_APP_WATCHLIST"], default: "true", shown: OPEN,
        help: "signed-in users may watch others",
        apply: |to, value| { to.options.watchlist = value.switch()?; Ok(()) } },
    Row { key: "auth_timestamp_tolerance", env: &["RESOUND_APP_AUTH_TIMESTAMP_TOLERANCE"], default: "600", shown: OPEN,
        help: "seconds that an API request may be off; 0: not checked",
        apply: |to, value| { to.options.auth_timestamp_tolerance_seconds = value.limit()?; Ok(()) } },
    Row { key: "cache_ttl", env: &["RESOUND_APP_CACHE_TTL"], default: "1800", shown: OPEN,
        help: "seconds that a cache channel remembers",
        apply: |to, value| { to.options.cache_seconds = value.count(0..=YEAR_SECONDS)?; Ok(()) } },
    Row { key: "max_channels_per_connection", env: &["RESOUND_APP_MAX_CHANNELS_PER_CONNECTION"], default: "1000", shown: OPEN,
        help: "channels of one connection",
        apply: |to, value| { to.options.channels_per_connection_max = value.size(1..=1_000_000)?; Ok(()) } },
    Row { key: "max_channel_name_length", env: &["RESOUND_APP_MAX_CHANNEL_NAME_LENGTH"], default: "200", shown: OPEN,
        help: "characters of a channel's name",
        apply: |to, value| { to.options.channel_name_max = value.size(1..=10_000)?; Ok(()) } },
    Row { key: "max_event_name_length", env: &["RESOUND_APP_MAX_EVENT_NAME_LENGTH"], default: "200", shown: OPEN,
        help: "characters of an event's name",
        apply: |to, value| { to.options.event_name_max = value.size(1..=10_000)?; Ok(()) } },
    Row { key: "max_event_channels", env: &["RESOUND_APP_MAX_EVENT_CHANNELS"], default: "100", shown: OPEN,
        help: "channels of one event",
        apply: |to, value| { to.options.event_channels_max = value.size(1..=10_000)?; Ok(()) } },
    Row { key: "max_event_size", env: &["RESOUND_APP_MAX_EVENT_SIZE"], default: "0: bounded by the request", shown: OPEN,
        help: "bytes of an event's data",
        apply: |to, value| { to.options.event_bytes_max = value.limit()?.map(|limit| limit as usize); Ok(()) } },
    Row { key: "max_batch_size", env: &["RESOUND_APP_MAX_BATCH_SIZE"], default: "100", shown: OPEN,
        help: "events of one batch",
        apply: |to, value| { to.options.batch_max = value.size(1..=10_000)?; Ok(()) } },
    Row { key: "max_presence_members", env: &["RESOUND_APP_MAX_PRESENCE_MEMBERS"], default: "10000", shown: OPEN,
        help: "users of one presence channel",
        apply: |to, value| { to.options.presence_members_max = value.size(1..=1_000_000)?; Ok(()) } },
    Row { key: "max_presence_member_size", env: &["RESOUND_APP_MAX_PRESENCE_MEMBER_SIZE"], default: "10000", shown: OPEN,
        help: "bytes of a member's channel_data",
        apply: |to, value| { to.options.presence_member_bytes_max = value.size(1..=BYTES_MAX)?; Ok(()) } },
    Row { key: "webhooks", env: &["RESOUND_WEBHOOKS", "SOKETI_DEFAULT_APP_WEBHOOKS"], default: "none", shown: Shown::Secret,
        help: "who is told what happens: a list with url, event_types, filter, headers; JSON in the environment",
        apply: |to, value| { to.options.webhooks.extend(webhooks(value)?); Ok(()) } },
    Row { key: "webhook_url", env: &["RESOUND_WEBHOOK_URL"], default: "none", shown: Shown::Secret,
        help: "address that is told of everything",
        apply: |to, value| { to.options.webhooks.push(webhook_url(value)?); Ok(()) } },
];

/// An id or a key, which stands in a URL's path.
fn segment(value: &Value) -> Result<String, Expected> {
    let text = value.text()?;
    let is_allowed = |byte: u8| byte.is_ascii_graphic() && !b"/?#%\"<>\\^`{|}".contains(&byte);
    if text.is_empty() || text.len() > 200 || !text.bytes().all(is_allowed) {
        return Err("1 to 200 letters, digits and signs that may stand in a URL".to_owned());
    }
    Ok(text)
}

fn origins(value: &Value) -> Result<Vec<OriginPattern>, Expected> {
    let expected = |entry: &str| {
        format!(
            "origins such as https://a.example, a.example or *.a.example, which {entry:?} is not"
        )
    };
    let list = value.list()?;
    if list.is_empty() {
        return Err("at least one origin, or * for every one".to_owned());
    }
    list.iter().map(|entry| OriginPattern::parse(entry).ok_or_else(|| expected(entry))).collect()
}

/// Reverb takes any other word for `none`; a Laravel application's environment must mean the same
/// here, a file of our own may be held to the three words.
fn client_events(value: &Value) -> Result<ClientEvents, Expected> {
    let words = [
        ("members", ClientEvents::Members),
        ("all", ClientEvents::All),
        ("none", ClientEvents::None),
    ];
    match value.word(&words) {
        Err(_) if value.origin.is_environment() => Ok(ClientEvents::None),
        result => result,
    }
}
