//! Applications: who may connect and publish, and within which limits.

use std::{
    collections::HashMap,
    fmt,
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use resound_protocol::{signature::Signer, webhook::Kinds};

use crate::{origin::OriginPattern, webhook::Webhook};

/// One application: its credentials and its options.
#[derive(Clone, PartialEq, Eq)]
pub struct App {
    /// The id in the paths of the HTTP API.
    pub id: Box<str>,
    /// The public key in `/app/{key}` and in front of every signature.
    pub key: Box<str>,
    /// The secret that signs; never shown.
    pub secret: Box<str>,
    /// Everything else, each with a default.
    pub options: AppOptions,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("id", &self.id)
            .field("key", &self.key)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// Who may send client events (`client-…`, Echo's whispers). Reverb's setting of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientEvents {
    /// Members of a private or presence channel, to that channel. The default.
    Members,
    /// Every connection, to every channel, subscribed or not.
    All,
    /// Nobody.
    None,
}

/// Reverb's limiter of all messages of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Messages that are accepted within `decay_seconds`. Default 60.
    pub max_attempts: u32,
    /// Seconds of one window. Default 60.
    pub decay_seconds: u32,
    /// Whether the connection is closed at the limit. Default false.
    pub terminate_on_limit: bool,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self { max_attempts: 60, decay_seconds: 60, terminate_on_limit: false }
    }
}

/// Who may use laravel-echo-server's HTTP API, which takes a key where Pusher's takes a signature.
#[derive(Clone, PartialEq, Eq)]
pub struct BearerClient {
    /// The id in the paths of its requests. It need not be the application's.
    pub id: Box<str>,
    /// The key that it shows; a secret.
    pub key: Box<str>,
}

impl fmt::Debug for BearerClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BearerClient").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What an application allows. `None` in a limit means that nothing but the memory bounds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppOptions {
    /// A disabled application refuses connections (4003) and requests (403). Default true.
    pub enabled: bool,
    /// Origins whose pages may connect. Default: every origin.
    pub allowed_origins: Vec<OriginPattern>,
    /// Concurrent connections; over it 4004. Default no limit.
    pub connections_max: Option<u32>,
    /// Seconds of silence after which the server pings. Default 60.
    pub ping_interval_seconds: u32,
    /// Told to clients, and how long a pinged connection may stay silent. Default 30.
    pub activity_timeout_seconds: u32,
    /// Bytes of a message from a client; over it 1009. Default 10,000.
    pub message_bytes_max: usize,
    /// Bytes of a body of the HTTP API; over it 413. Default 10,000.
    pub request_bytes_max: usize,
    /// Who may send client events. Default members.
    pub client_events: ClientEvents,
    /// Client events of one connection per second; over it 4301. Default 200.
    pub client_events_per_second: Option<u32>,
    /// Reverb's limiter of all messages of a connection. Default off.
    pub rate_limit: Option<RateLimit>,
    /// Whether subscribers are told how many they are. Default false.
    pub subscription_count: bool,
    /// Whether signed-in users may watch others. Default true.
    pub watchlist: bool,
    /// How many seconds a request's `auth_timestamp` may be off. Default 600.
    pub auth_timestamp_tolerance_seconds: Option<u32>,
    /// How long a cache channel remembers its last event. Default 1800.
    pub cache_seconds: u32,
    /// Channels of one connection. Default 1,000.
    pub channels_per_connection_max: usize,
    /// Characters of a channel's name. Default 200.
    pub channel_name_max: usize,
    /// Characters of an event's name. Default 200.
    pub event_name_max: usize,
    /// Channels of one published event. Default 100.
    pub event_channels_max: usize,
    /// Bytes of a published event's `data`. Default: bounded by `request_bytes_max` only.
    pub event_bytes_max: Option<usize>,
    /// Events of one batch. Default 100 (Pusher 10, Reverb unlimited).
    pub batch_max: usize,
    /// Users of one presence channel. Default 10,000.
    pub presence_members_max: usize,
    /// Bytes of a member's `channel_data`. Default 10,000.
    pub presence_member_bytes_max: usize,
    /// Who may publish and ask with a key alone, as with laravel-echo-server. Default nobody.
    pub bearer_clients: Vec<BearerClient>,
    /// Whether the secret was drawn at the start because none is configured: then nobody can sign.
    /// Default false.
    pub secret_is_drawn: bool,
    /// Of what the outside wants to know ([`Sink::happened`](crate::sink::Sink::happened)). Default nothing.
    pub happenings: Kinds,
    /// Who is told of it over HTTP. Default nobody.
    pub webhooks: Vec<Webhook>,
}

impl Default for AppOptions {
    fn default() -> Self {
        Self {
            enabled: true,
            allowed_origins: vec![OriginPattern::any()],
            connections_max: None,
            ping_interval_seconds: 60,
            activity_timeout_seconds: 30,
            message_bytes_max: 10_000,
            request_bytes_max: 10_000,
            client_events: ClientEvents::Members,
            client_events_per_second: Some(200),
            rate_limit: None,
            subscription_count: false,
            watchlist: true,
            auth_timestamp_tolerance_seconds: Some(600),
            cache_seconds: 1800,
            channels_per_connection_max: 1_000,
            channel_name_max: 200,
            event_name_max: 200,
            event_channels_max: 100,
            event_bytes_max: None,
            batch_max: 100,
            presence_members_max: 10_000,
            presence_member_bytes_max: 10_000,
            bearer_clients: Vec::new(),
            secret_is_drawn: false,
            happenings: Kinds::NONE,
            webhooks: Vec::new(),
        }
    }
}

impl AppOptions {
    /// Says whether a page of this origin may connect. Without an `Origin` header the client is no
    /// browser, and the check protects nobody: it passes, as with Reverb's `*`.
    pub fn allows_origin(&self, origin: Option<&str>) -> bool {
        let Some(origin) = origin else {
            return true;
        };
        self.allowed_origins.iter().any(|pattern| pattern.matches(origin))
    }
}

/// An application in use: what every shard needs of it.
#[derive(Debug)]
pub struct LiveApp {
    app: App,
    number: AppNumber,
    signer: Signer,
    connections: Arc<AtomicUsize>,
}

/// The place of an application among those of the process. It keeps its number over a reload, so
/// that sessions and channels find it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AppNumber(pub(crate) u32);

impl AppNumber {
    /// The number itself: small, and never given to another application.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl LiveApp {
    /// Its number.
    pub fn number(&self) -> AppNumber {
        self.number
    }

    /// Signs and verifies with the application's secret.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// Connections of the application on all shards.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Counts a connection in, unless the application has as many as it may have.
    pub(crate) fn enter(&self) -> bool {
        let max = self.options.connections_max.map_or(usize::MAX, |max| max as usize);
        self.connections
            .try_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
                (count < max).then_some(count + 1)
            })
            .is_ok()
    }

    /// Counts a connection out.
    pub(crate) fn leave(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Deref for LiveApp {
    type Target = App;

    fn deref(&self) -> &App {
        &self.app
    }
}

/// The applications of a process. Immutable: a reload makes another one.
#[derive(Debug, Default)]
pub struct Apps {
    by_id: HashMap<Box<str>, Arc<LiveApp>>,
    by_key: HashMap<Box<str>, Arc<LiveApp>>,
    /// By number; `None` is an application that a reload took away.
    by_number: Vec<Option<Arc<LiveApp>>>,
    /// Every id that ever had a number.
    numbers: HashMap<Box<str>, AppNumber>,
}

impl Apps {
    /// Collects applications; of two with the same id or key the later one counts (the
    /// configuration refuses such a pair before).
    pub fn new(apps: impl IntoIterator<Item = App>) -> Self {
        Self::default().reloaded(apps)
    }

    /// The applications after a reload: those that stay keep number and connections.
    pub fn reloaded(&self, apps: impl IntoIterator<Item = App>) -> Self {
        let mut all = Self {
            numbers: self.numbers.clone(),
            by_number: vec![None; self.by_number.len()],
            ..Self::default()
        };
        for app in apps {
            all.insert(app, self);
        }
        all
    }

    fn insert(&mut self, app: App, previous: &Self) {
        let next = AppNumber(self.numbers.len() as u32);
        let number = *self.numbers.entry(app.id.clone()).or_insert(next);
        let connections =
            previous.by_number(number).map(|app| app.connections.clone()).unwrap_or_default();
        let signer = Signer::new(&app.secret);
        let live = Arc::new(LiveApp { app, number, signer, connections });
        self.by_number.resize(self.numbers.len(), None);
        self.by_number[number.0 as usize] = Some(live.clone());
        self.by_key.insert(live.key.clone(), live.clone());
        self.by_id.insert(live.id.clone(), live);
    }

    /// The application whose HTTP API is at `/apps/{id}`.
    pub fn by_id(&self, id: &str) -> Option<&Arc<LiveApp>> {
        self.by_id.get(id)
    }

    /// The application that clients connect to at `/app/{key}`.
    pub fn by_key(&self, key: &str) -> Option<&Arc<LiveApp>> {
        self.by_key.get(key)
    }

    /// The application of this number, unless a reload took it away.
    pub fn by_number(&self, number: AppNumber) -> Option<&Arc<LiveApp>> {
        self.by_number.get(number.0 as usize)?.as_ref()
    }

    /// The application that this client of laravel-echo-server's API uses, and the client.
    pub fn by_bearer_client(&self, id: &str) -> Option<(&Arc<LiveApp>, &BearerClient)> {
        self.iter().find_map(|app| {
            let client = app.options.bearer_clients.iter().find(|client| &*client.id == id)?;
            Some((app, client))
        })
    }

    /// All applications, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<LiveApp>> {
        self.by_number.iter().flatten()
    }
}
