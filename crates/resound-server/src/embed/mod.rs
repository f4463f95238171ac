//! The server inside another process: no listener, no signals, no command line.
//!
//! An application has its own listener and hands in the requests that are meant for us. A WebSocket's socket is taken
//! out of the application's HTTP library and given to a shard, where it is one like all others: nothing of that
//! library stays with it. Other requests go to a shard over a pair of sockets, so that all that counts sockets,
//! bounds bodies, or notices clients that go away works as it does in the server.
//!
//! There is nothing global: a process may have several servers. The allocator, panics, signals and the log are the
//! application's.
//!
//! # Layout
//!
//! * this module: starting and stopping; `supervisor`: the thread that does
//! * `entry`: requests that are handed in; `websocket`, `bridge`: those that become WebSockets; `http`, `near_end`, `body`: others
//! * `publish`: events; `figures`: what an application may ask

mod body;
mod bridge;
mod entry;
mod figures;
mod http;
mod near_end;
mod publish;
mod supervisor;
mod websocket;

use std::{
    fmt, io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread::JoinHandle,
};

use resound_hub::app::{App, LiveApp};
use resound_protocol::webhook::Kinds;
use tokio::sync::watch;

use self::supervisor::Supervisor;
pub use self::{
    body::Body,
    figures::{CHANNELS_MAX, ChannelFigures, Figures, MEMBERS_MAX},
    publish::PublishFault,
};
pub use crate::authorise::{AuthReply, AuthRequest, InProcess};
use crate::{
    config::{Config, is_well_known},
    descriptors::Capacity,
    hook::Listener,
    server::{Shared, shard_count},
    shard::mailbox::{Act, ShardMessage, Shards},
};

/// Why the server can't be started.
#[derive(Debug, thiserror::Error)]
#[error("the embedded server can't be started: {0}")]
pub struct StartError(String);

/// A running server. It is a pointer: clone it. When the last one is dropped, the server stops, as by
/// [`Server::shutdown`].
#[derive(Clone)]
pub struct Server(Arc<Handle>);

struct Handle {
    core: Arc<Core>,
    stop: watch::Sender<bool>,
    supervisor: Mutex<Option<JoinHandle<()>>>,
}

/// What requests need; it keeps no server running.
struct Core {
    shared: Arc<Shared>,
    shards: Shards,
    /// The id of the application that the process publishes for.
    app_id: Box<str>,
    next: AtomicUsize,
    is_over: watch::Receiver<bool>,
}

impl Server {
    /// Starts the shards' threads, and one that watches over them. The first application of the configuration is the
    /// one that [`Server::publish`] publishes for.
    ///
    /// As the server does, this raises the process's limit of open files as far as it may be raised.
    ///
    /// # Errors
    /// If there is no application, the system gives no thread, or the address for metrics can't be bound.
    pub fn start(config: &Config) -> Result<Self, StartError> {
        let failed = |error: anyhow::Error| StartError(format!("{error:#}"));
        let app = config.apps.first();
        let app_id =
            app.ok_or_else(|| StartError("there is no application".to_owned()))?.id.clone();
        for app in config.apps.iter().filter(|app| is_well_known(&app.secret)) {
            let app = &*app.id;
            tracing::warn!(
                app,
                "the application's secret is a well-known one: whoever reaches it may publish"
            );
        }
        let shards = shard_count(&config.server);
        let capacity = Capacity::claim_beside_application(&config.server, shards);
        let shared = Shared::new(config, None, capacity, config.server.port).map_err(failed)?;
        let supervisor = Supervisor::start(Arc::new(shared), shards).map_err(failed)?;
        tracing::info!(
            app = &*app_id,
            shards,
            path = &*config.server.path,
            "the embedded server runs"
        );
        let Supervisor { shared, shards, stop, is_over, thread } = supervisor;
        let core = Core { shared, shards, app_id, next: AtomicUsize::new(0), is_over };
        let supervisor = Mutex::new(Some(thread));
        Ok(Self(Arc::new(Handle { core: Arc::new(core), stop, supervisor })))
    }

    /// Takes in no WebSocket any more, closes those that there are with 4100, which brings clients back to whoever
    /// serves them next, and waits until all threads have ended: `shutdown_grace_seconds` at most.
    pub async fn shutdown(&self) {
        self.0.stop.send_replace(true);
        self.0.core.until_over().await;
        let thread = self.0.supervisor.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Err(_)) = thread.map(JoinHandle::join) {
            tracing::error!("the thread that watches over the embedded server panicked");
        }
    }

    /// Whether it takes requests.
    pub fn is_running(&self) -> bool {
        !self.0.core.shared.is_draining() && !self.0.core.is_over()
    }

    /// In front of every path: `""` or `/prefix`.
    pub fn path(&self) -> &str {
        &self.0.core.shared.config.path
    }

    /// The path of Socket.IO behind the prefix, such as `/socket.io`, if it is served.
    pub fn socketio_path(&self) -> Option<&str> {
        let socketio = &self.0.core.shared.config.socketio;
        socketio.enabled.then_some(&*socketio.path)
    }

    /// Asks `application` in this process, and not over HTTP, whether clients of Socket.IO may join. The last one given
    /// counts; `None` asks over HTTP again. It is given up when the server stops.
    pub fn ask_in_process(&self, application: Option<InProcess>) {
        if let Some(authoriser) = &self.0.core.shared.authoriser {
            authoriser.ask_in_process(application);
        }
    }

    /// Tells `listener` what happens in channels, of every application and from now on. The last one given counts; it is
    /// given up when the server stops, after everybody has left.
    ///
    /// To hear of whole channels, give it before the first client comes.
    pub fn listen(&self, listener: Listener) {
        let core = &self.0.core;
        core.shared.hooks.listen(Some(listener));
        let wanting = |app: &Arc<LiveApp>| {
            let mut app = App::clone(app);
            app.options.happenings = Kinds::ALL;
            app
        };
        let apps = core.shared.reload(core.shared.apps().iter().map(wanting).collect());
        for shard in 0..core.shards.count() {
            core.post(shard, ShardMessage::Reload(apps.clone()));
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("is_running", &self.is_running()).finish_non_exhaustive()
    }
}

impl Core {
    fn is_over(&self) -> bool {
        *self.is_over.borrow() || self.is_over.has_changed().is_err()
    }

    /// Waits until no shard does anything any more.
    async fn until_over(&self) {
        // The thread that would say so has ended if this fails.
        let _ = self.is_over.clone().wait_for(|is_over| *is_over).await;
    }

    fn app(&self) -> Option<Arc<LiveApp>> {
        self.shared.apps().by_id(&self.app_id).cloned()
    }

    /// The shards in turn.
    fn next_shard(&self) -> usize {
        self.next.fetch_add(1, Ordering::Relaxed) % self.shards.count()
    }

    fn post(&self, shard: usize, message: ShardMessage) {
        self.shards.post(shard, message);
        // Whoever comes so late that nobody takes it any more drops it, and what waits for it hears that.
        if self.is_over() {
            self.shards.clear();
        }
    }

    /// Does something on a shard. `None` if the server has stopped.
    async fn act<T: Send + 'static>(
        &self,
        shard: usize,
        act: impl FnOnce(&mut crate::shard::Shard) -> T + Send + 'static,
    ) -> Option<T> {
        let (reply, answer) = tokio::sync::oneshot::channel();
        let act: Act = Box::new(move |shard| {
            let _ = reply.send(act(shard)); // whoever asked may have left
        });
        self.post(shard, ShardMessage::Act(act));
        answer.await.ok()
    }
}

/// A pair of connected sockets, of which the first is for a shard.
fn socket_pair() -> io::Result<(std::net::TcpStream, tokio::net::UnixStream)> {
    let (far, near) = std::os::unix::net::UnixStream::pair()?;
    far.set_nonblocking(true)?;
    near.set_nonblocking(true)?;
    // To read, to write and to watch, a socket is a socket.
    let far = std::net::TcpStream::from(std::os::fd::OwnedFd::from(far));
    Ok((far, tokio::net::UnixStream::from_std(near)?))
}
