//! The process: one listener, the shards, signals.

use std::{
    io,
    net::{SocketAddr, TcpListener, ToSocketAddrs},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use resound_hub::app::{App, Apps};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{mpsc, watch},
};

use crate::{
    api,
    authorise::Authoriser,
    clock::Clock,
    config::{Config, ServerConfig, is_loopback, is_well_known},
    descriptors::Capacity,
    metrics::ProcessMetrics,
    redis::{self, PresenceFeed, RedisStatus},
    shard::{
        self,
        mailbox::{ShardMessage, Shards},
    },
    tls::Tls,
    webhooks::{self, Hooks},
};

/// Connections that the system keeps until they are accepted.
const LISTEN_BACKLOG: i32 = 4096;
/// What is left of the grace period for the process's own end.
const END_MARGIN_MS: u64 = 500;

/// What all threads of the process share. Nothing of it is locked on the way of a message.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: ServerConfig,
    pub(crate) clock: Clock,
    /// The port that is bound, also when the configuration left the choice to the system.
    pub(crate) port: u16,
    /// The id of the application that everybody knows, if it is served.
    pub(crate) development_app: Option<Box<str>>,
    pub(crate) websockets: Occupancy,
    /// Those among them that poll: they cost their clients no socket, and get no more than their share.
    pub(crate) polling: Occupancy,
    /// WebSockets that are being closed.
    pub(crate) closing: Occupancy,
    pub(crate) sockets: Occupancy,
    /// Sockets that speak HTTP; they are counted among `sockets`, too.
    pub(crate) http: Occupancy,
    pub(crate) metrics: ProcessMetrics,
    /// Asks the application about clients of Socket.IO, if there may be some.
    pub(crate) authoriser: Option<Authoriser>,
    pub(crate) redis: RedisStatus,
    pub(crate) presence_feed: PresenceFeed,
    /// Who is told what happens in channels.
    pub(crate) hooks: Hooks,
    /// TLS on the listener, if it speaks that.
    pub(crate) tls: Option<Tls>,
    apps: Mutex<Arc<Apps>>,
    draining: watch::Sender<bool>,
}

/// How many of something there are, and may be.
#[derive(Debug)]
pub(crate) struct Occupancy {
    count: AtomicUsize,
    max: usize,
}

impl Occupancy {
    fn new(max: usize) -> Self {
        Self { count: AtomicUsize::new(0), max }
    }

    /// Counts one in, unless there are as many as may be.
    pub(crate) fn try_enter(&self) -> bool {
        let enter = |count| (count < self.max).then_some(count + 1);
        self.count.try_update(Ordering::Relaxed, Ordering::Relaxed, enter).is_ok()
    }

    /// Counts one in.
    pub(crate) fn enter(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one out.
    pub(crate) fn leave(&self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    pub(crate) fn max(&self) -> usize {
        self.max
    }
}

/// An HTTP connection that is counted, until it is dropped.
#[derive(Debug)]
pub(crate) struct HttpStay(Arc<Shared>);

impl HttpStay {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        shared.sockets.enter();
        shared.http.enter();
        Self(shared.clone())
    }
}

impl Drop for HttpStay {
    fn drop(&mut self) {
        self.0.sockets.leave();
        self.0.http.leave();
    }
}

impl Shared {
    pub(crate) fn new(
        config: &Config,
        tls: Option<Tls>,
        capacity: Capacity,
        port: u16,
    ) -> anyhow::Result<Self> {
        let is_asked = config.server.socketio.enabled;
        let authoriser = is_asked.then(|| Authoriser::new(&config.server.auth)).transpose()?;
        Ok(Self {
            config: config.server.clone(),
            clock: Clock::start(),
            port,
            development_app: config.development_app().map(|app| app.id.clone()),
            websockets: Occupancy::new(capacity.websockets),
            polling: Occupancy::new(capacity.websockets / 4 * 3),
            closing: Occupancy::new(usize::MAX),
            sockets: Occupancy::new(capacity.sockets),
            http: Occupancy::new(usize::MAX),
            metrics: ProcessMetrics::default(),
            authoriser,
            redis: RedisStatus::default(),
            presence_feed: PresenceFeed::new(config.server.redis.as_ref()),
            hooks: Hooks::default(),
            tls,
            apps: Mutex::new(Arc::new(Apps::new(config.apps.clone()))),
            draining: watch::Sender::new(false),
        })
    }

    /// The applications as they are configured at the moment.
    pub(crate) fn apps(&self) -> Arc<Apps> {
        self.apps.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn reload(&self, apps: Vec<App>) -> Arc<Apps> {
        let mut current = self.apps.lock().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(current.reloaded(apps));
        current.clone()
    }

    pub(crate) fn handshake_timeout_micros(&self) -> u64 {
        u64::from(self.config.handshake_timeout_seconds) * 1_000_000
    }

    /// Whether the process is about to end.
    pub(crate) fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// Waits until the process is about to end.
    pub(crate) async fn until_draining(&self) {
        // The sender lives as long as `self`, so that this can't fail.
        let _ = self.draining.subscribe().wait_for(|is_draining| *is_draining).await;
    }
}

/// Runs the server until it is told to stop by SIGTERM or SIGINT; SIGHUP reloads.
///
/// # Errors
///
/// If the certificate can't be used, an address can't be bound, or a thread ends that should not.
#[cfg(feature = "cli")]
pub fn run(
    config: &Config,
    reload: impl Fn() -> anyhow::Result<Config> + Send + 'static,
) -> anyhow::Result<()> {
    let tls = config.server.tls.as_ref().map(Tls::load).transpose()?;
    let listener = bind(&config.server.host, config.server.port)?;
    let address = listener.local_addr().context("the bound address is unknown")?;
    let metrics_listener = config.server.metrics_address.map(bind_metrics).transpose()?;
    let shards = shard_count(&config.server);
    let capacity = Capacity::claim(&config.server, shards);
    let shared = Arc::new(Shared::new(config, tls, capacity, address.port())?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let context = runtime.enter();
    let mut signals = Signals::new().context("signals can't be received")?;
    let threads = Threads::start(&shared, shards, Some(listener))?;
    crate::banner::print(config, address);
    announce(&shared, &threads.shards, address, metrics_listener.as_ref());
    let result =
        runtime.block_on(supervise(shared, threads, metrics_listener, &mut signals, reload));
    drop(context);
    // A question for an address that nobody answers must not hold up the end.
    runtime.shutdown_background();
    result
}

fn announce(shared: &Shared, shards: &Shards, address: SocketAddr, metrics: Option<&TcpListener>) {
    let connections_max = shared.websockets.max();
    tracing::info!(%address, shards = shards.count(), connections_max, "listening");
    if let Some(address) = metrics.and_then(|listener| listener.local_addr().ok()) {
        tracing::info!(%address, "metrics listening");
    }
}

fn bind(host: &str, port: u16) -> anyhow::Result<TcpListener> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let addresses = (bare, port).to_socket_addrs().with_context(|| {
        format!("the host {host:?} is neither an address nor a name of this machine")
    })?;
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match listen(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    let hint = hint(last.kind());
    Err(last).with_context(|| format!("{host}:{port} can't be bound: {hint}"))
}

/// What to do about an address that can't be bound.
fn hint(kind: io::ErrorKind) -> &'static str {
    if kind == io::ErrorKind::AddrInUse {
        return "another process listens there; stop it, or choose another --port";
    }
    if kind == io::ErrorKind::PermissionDenied {
        return "ports below 1024 need a privilege; choose another --port";
    }
    if kind == io::ErrorKind::AddrNotAvailable {
        return "this machine has no such address; choose another --host";
    }
    "choose another --host or --port"
}

pub(crate) fn bind_metrics(address: SocketAddr) -> anyhow::Result<TcpListener> {
    listen(address).with_context(|| format!("{address} can't be bound (metrics_address)"))
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    // Accepted connections have it from the listener.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    socket.listen(LISTEN_BACKLOG)?;
    Ok(socket.into())
}

pub(crate) fn shard_count(config: &ServerConfig) -> usize {
    let per_core = || std::thread::available_parallelism().map_or(1, usize::from);
    config.shards.unwrap_or_else(per_core)
}

/// The shards' threads.
pub(crate) struct Threads {
    pub(crate) shards: Shards,
    handles: Vec<JoinHandle<io::Result<()>>>,
    /// Hears of each thread that ends.
    pub(crate) ended: mpsc::Receiver<()>,
}

impl Threads {
    /// Starts them; the first gets the listener, if there is one.
    pub(crate) fn start(
        shared: &Arc<Shared>,
        count: usize,
        mut listener: Option<TcpListener>,
    ) -> anyhow::Result<Self> {
        let shards = Shards::new(count);
        let (ends, ended) = mpsc::channel(count);
        let mut threads = Self { shards, handles: Vec::with_capacity(count), ended };
        for id in 0..count {
            let (end, shards) = (End(ends.clone()), threads.shards.clone());
            match shard::spawn(id, shared.clone(), shards, listener.take(), end) {
                Ok(handle) => threads.handles.push(handle),
                Err(error) => {
                    threads.post_all(|| ShardMessage::Drain(0));
                    return Err(error).context("a shard's thread can't be started");
                }
            }
        }
        Ok(threads)
    }

    fn post_all(&self, message: impl Fn() -> ShardMessage) {
        for shard in 0..self.shards.count() {
            self.shards.post(shard, message());
        }
    }

    /// Waits until they have ended.
    pub(crate) fn join(self) {
        for handle in self.handles {
            match handle.join() {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, "a shard ended with an error"),
                Err(_) => tracing::error!("a shard panicked"),
            }
        }
    }
}

/// Tells that a thread has ended, in whatever way.
pub(crate) struct End(mpsc::Sender<()>);

impl Drop for End {
    fn drop(&mut self) {
        let _ = self.0.try_send(());
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

enum Wish {
    Stop(&'static str),
    Reload,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// A wish to stop; it is too late for others.
    async fn next_stop(&mut self) -> &'static str {
        loop {
            if let Wish::Stop(signal) = self.next().await {
                return signal;
            }
        }
    }

    async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.terminate.recv() => Wish::Stop("SIGTERM"),
            _ = self.interrupt.recv() => Wish::Stop("SIGINT"),
            _ = self.hang_up.recv() => Wish::Reload,
        }
    }
}

async fn supervise(
    shared: Arc<Shared>,
    mut threads: Threads,
    metrics_listener: Option<TcpListener>,
    signals: &mut Signals,
    reload: impl Fn() -> anyhow::Result<Config>,
) -> anyhow::Result<()> {
    let metrics = api::serve_metrics(shared.clone(), threads.shards.clone(), metrics_listener);
    let bridge = redis::run(shared.clone(), threads.shards.clone());
    let hooks = webhooks::run(shared.clone());
    tokio::pin!(metrics, bridge, hooks);
    loop {
        let wish = tokio::select! {
            wish = signals.next() => wish,
            _ = threads.ended.recv() => anyhow::bail!("a shard's thread has ended; the log says why"),
            result = &mut metrics => return result.context("the metrics listener failed"),
            never = &mut bridge => match never {},
            never = &mut hooks => match never {},
        };
        match wish {
            Wish::Reload => take_reload(&shared, &threads, reload()),
            Wish::Stop(signal) => {
                tracing::info!(signal, connections = shared.websockets.count(), "shutting down");
                break;
            }
        }
    }
    let stopping = async {
        if stop(&shared, &mut threads).await {
            threads.join();
        }
    };
    tokio::select! {
        () = stopping => tracing::info!("stopped"),
        signal = signals.next_stop() => tracing::warn!(signal, "stopped without waiting"),
        // Until the end somebody may ask whether the process is ready.
        result = &mut metrics => return result.context("the metrics listener failed"),
        // Who is still connected still gets events.
        never = &mut bridge => match never {},
        never = &mut hooks => match never {},
    }
    Ok(())
}

fn take_reload(shared: &Shared, threads: &Threads, config: anyhow::Result<Config>) {
    let config = config
        .and_then(|config| stays_safe(&shared.config.host, config))
        .and_then(|config| take_certificate(shared, config));
    let config = match config {
        Ok(config) => config,
        Err(error) => {
            return tracing::error!("reload refused, everything stays as it was: {error:#}");
        }
    };
    let apps = shared.reload(config.apps);
    threads.post_all(|| ShardMessage::Reload(apps.clone()));
    tracing::info!(apps = apps.iter().count(), "reloaded");
}

/// Refuses secrets that everybody knows if the address that is bound, and that a reload does not
/// change, can be reached from outside: the file may be gone, or have another host in it.
fn stays_safe(bound_host: &str, config: Config) -> anyhow::Result<Config> {
    if is_loopback(bound_host) || !is_loopback(&config.server.host) {
        return Ok(config);
    }
    if let Some(app) = config.apps.iter().find(|app| is_well_known(&app.secret)) {
        anyhow::bail!(
            "the secret of app {:?} is a well-known one, and {bound_host} can be reached from outside",
            app.id
        );
    }
    Ok(config)
}

/// Reads the certificate again, which may be in other files now.
fn take_certificate(shared: &Shared, config: Config) -> anyhow::Result<Config> {
    match (&shared.tls, &config.server.tls) {
        (Some(tls), Some(files)) => tls.reload(files)?,
        (None, None) => {}
        (Some(_), None) => tracing::warn!("TLS stays, with its certificate, until a restart"),
        (None, Some(_)) => tracing::warn!("TLS has no effect before a restart"),
    }
    Ok(config)
}

/// Stops accepting, closes all connections, and waits until the threads have ended and what that did to
/// channels is told. Says whether the threads have ended within the grace period.
pub(crate) async fn stop(shared: &Shared, threads: &mut Threads) -> bool {
    let begin = Instant::now();
    let have_ended = stop_shards(shared, threads).await;
    let grace = Duration::from_secs(u64::from(shared.config.shutdown_grace_seconds));
    let left = grace.saturating_sub(begin.elapsed());
    shared.hooks.finish(left.max(Duration::from_millis(END_MARGIN_MS / 2))).await;
    have_ended
}

async fn stop_shards(shared: &Shared, threads: &mut Threads) -> bool {
    shared.draining.send_replace(true);
    let grace_ms = u64::from(shared.config.shutdown_grace_seconds) * 1000;
    let grace_ms = grace_ms.saturating_sub(END_MARGIN_MS);
    threads.post_all(|| ShardMessage::Drain(grace_ms));
    let all_ended = async {
        for _ in 0..threads.handles.len() {
            threads.ended.recv().await;
        }
    };
    let limit = Duration::from_millis(grace_ms + END_MARGIN_MS / 2);
    let have_ended = tokio::time::timeout(limit, all_ended).await.is_ok();
    if !have_ended {
        tracing::warn!(
            connections = shared.websockets.count(),
            "the grace period is over; connections were cut"
        );
    }
    have_ended
}
