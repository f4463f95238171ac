//! Hooks at work: what happens waits here for its handlers, channel by channel.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    future::Future,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::{Semaphore, oneshot},
    time::timeout,
};

use crate::{
    broadcaster::Broadcaster,
    channels::Denial,
    driver::Credentials,
    hooks::{Hooks, event::Happening, hook::Fault, report::Report, sealed},
};

/// What may wait for handlers; over it webhooks are answered with 503, and an embedded server's news are dropped.
pub const WAITING_MAX: usize = 10_000;
/// Handlers that run at once.
pub const RUNNING_MAX: usize = 64;
/// How long a handler may take; then it is dropped.
pub const HANDLER_SECONDS_MAX: u64 = 60;

/// [`Hooks`] with the state that they need to run, on the runtime that they were made on. It is a pointer: clone it.
///
/// Frameworks hand webhooks in ([`Reactor::webhook`]); [`resound::axum::hooks`](crate::axum::hooks) does that for axum.
/// Tests hand in what they like.
///
/// ```
/// use resound::{Broadcaster, Path, hooks::{Happening, Hooks, Joined}};
/// use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let last = Arc::new(AtomicU64::new(0));
/// let hooks = Hooks::<Arc<AtomicU64>>::new().on_join("room.{id}", {
///     let last = last.clone();
///     move |_: Joined, Path(room): Path<u64>| {
///         let last = last.clone();
///         async move { last.store(room, Ordering::Relaxed) }
///     }
/// });
/// let reactor = hooks.with_state(&Broadcaster::null(), last.clone());
/// reactor.handle(Happening::joined("presence-room.3", "7")).await;
/// assert_eq!(last.load(Ordering::Relaxed), 3);
/// # }
/// ```
pub struct Reactor<S>(Arc<Inner<S>>);

/// Keys of a broadcaster's connections.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    /// With which webhooks may be signed: those of servers elsewhere. The server in this process sends none.
    pub(crate) signing: Vec<Credentials>,
    /// With which data may be encrypted.
    pub(crate) opening: Vec<Credentials>,
}

struct Inner<S> {
    hooks: Arc<Hooks<S>>,
    state: S,
    keys: Keys,
    runtime: Handle,
    running: Semaphore,
    lanes: Mutex<Lanes>,
    /// What found no place.
    dropped: AtomicU64,
    report: Report,
}

/// What waits, by channel. A channel that is here has a task.
#[derive(Default)]
struct Lanes {
    waiting: usize,
    by_channel: HashMap<String, VecDeque<Job>>,
}

struct Job {
    happening: Arc<Happening>,
    done: oneshot::Sender<()>,
}

/// More waits than may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{WAITING_MAX} happenings wait for their handlers")]
pub(crate) struct Full;

impl<S: Clone + Send + Sync + 'static> Reactor<S> {
    pub(crate) fn new(hooks: Arc<Hooks<S>>, broadcaster: &Broadcaster, state: S) -> Self {
        Self::with_keys(hooks, broadcaster.keys(), state)
    }

    pub(crate) fn with_keys(hooks: Arc<Hooks<S>>, keys: Keys, state: S) -> Self {
        Self(Arc::new(Inner {
            hooks,
            state,
            keys,
            runtime: Handle::current(),
            running: Semaphore::new(RUNNING_MAX),
            lanes: Mutex::default(),
            dropped: AtomicU64::new(0),
            report: Report::default(),
        }))
    }

    /// Calls all hooks that fit, after those for what happened in the channel before, and waits until they have ended.
    /// Those that fail are logged. If too much waits, nothing is called, and that is logged.
    ///
    /// ```
    /// use resound::{Broadcaster, Hooks, hooks::{Happening, Joined}};
    /// use tokio::sync::watch;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (seen, saw) = watch::channel(String::new());
    /// let hooks = Hooks::<()>::new().on_join("room.{id}", move |member: Joined| {
    ///     seen.send_replace(member.user_id);
    ///     async {}
    /// });
    /// let reactor = hooks.with_state(&Broadcaster::null(), ());
    /// reactor.handle(Happening::joined("presence-room.1", "7")).await;
    /// assert_eq!(*saw.borrow(), "7");
    /// # }
    /// ```
    pub async fn handle(&self, happening: Happening) {
        match self.take(vec![happening]) {
            Ok(handled) => handled.await,
            Err(full) => self.refused(full),
        }
    }

    /// How much waits for handlers, or is with them.
    ///
    /// ```
    /// use resound::{Broadcaster, Hooks, hooks::WAITING_MAX};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let reactor = Hooks::<()>::new().with_state(&Broadcaster::null(), ());
    /// let is_busy = reactor.waiting() > WAITING_MAX / 2; // for a figure on a dashboard
    /// assert!(!is_busy);
    /// # }
    /// ```
    pub fn waiting(&self) -> usize {
        self.0.lanes().waiting
    }

    /// How much found no place since the start.
    ///
    /// ```
    /// use resound::{Broadcaster, Hooks};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let reactor = Hooks::<()>::new().with_state(&Broadcaster::null(), ());
    /// assert_eq!(reactor.dropped(), 0); // for an alarm
    /// # }
    /// ```
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    /// Takes what an embedded server says. Never waits.
    #[cfg(feature = "embedded")]
    pub(crate) fn offer(&self, happening: Happening) {
        match self.take(vec![happening]) {
            Ok(handled) => drop(handled),
            Err(full) => self.refused(full),
        }
    }

    fn refused(&self, full: Full) {
        // One line for the first, and one for each thousand after it.
        if self.0.dropped.fetch_add(1, Ordering::Relaxed).is_multiple_of(1000) {
            let dropped = self.dropped();
            tracing::error!(dropped, reason = %full, "hooks are not called: they are too slow");
        }
    }

    pub(super) fn keys(&self) -> &Keys {
        &self.0.keys
    }

    /// Takes all or nothing; the future waits for the handlers, which run without it.
    pub(super) fn take(
        &self,
        happenings: Vec<Happening>,
    ) -> Result<impl Future<Output = ()> + use<S>, Full> {
        let is_wanted = |happening: &Happening| self.0.hooks.wants(happening);
        let happenings: Vec<_> = happenings.into_iter().filter(is_wanted).collect();
        let mut handled = Vec::with_capacity(happenings.len());
        let mut lanes = self.0.lanes();
        if lanes.waiting + happenings.len() > WAITING_MAX {
            return Err(Full);
        }
        for happening in happenings {
            let (done, receiver) = oneshot::channel();
            handled.push(receiver);
            self.0.enter(&mut lanes, Job { happening: Arc::new(happening), done });
        }
        drop(lanes);
        Ok(async move {
            for done in handled {
                // Its sender is gone if the runtime is.
                let _ = done.await;
            }
        })
    }
}

impl<S: Clone + Send + Sync + 'static> Inner<S> {
    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(self: &Arc<Self>, lanes: &mut Lanes, job: Job) {
        lanes.waiting += 1;
        if let Some(lane) = lanes.by_channel.get_mut(&job.happening.channel) {
            return lane.push_back(job);
        }
        let channel = job.happening.channel.clone();
        lanes.by_channel.insert(channel.clone(), VecDeque::from([job]));
        self.runtime.spawn(Arc::clone(self).work(channel));
    }

    /// Handles what has happened in a channel, until nothing waits.
    async fn work(self: Arc<Self>, channel: String) {
        while let Some(Job { happening, done }) = self.next(&channel) {
            // One at a time, so that busy channels leave room for others.
            let place = self.running.acquire().await;
            self.react(&happening).await;
            drop(place);
            self.lanes().waiting -= 1;
            let _ = done.send(()); // whoever wanted to know may have left
        }
    }

    fn next(&self, channel: &str) -> Option<Job> {
        let mut lanes = self.lanes();
        let job = lanes.by_channel.get_mut(channel)?.pop_front();
        if job.is_none() {
            lanes.by_channel.remove(channel);
            if lanes.by_channel.is_empty() {
                lanes.by_channel = HashMap::new();
            }
        }
        job
    }

    async fn react(self: &Arc<Self>, happening: &Arc<Happening>) {
        let opened = match sealed::open(happening, &self.keys.opening) {
            Ok(opened) => opened.map_or_else(|| Arc::clone(happening), Arc::new),
            Err(reason) => {
                return self.report.bad_data("client_event", &happening.channel, &reason);
            }
        };
        for (at, _) in self.hooks.fitting(&opened) {
            self.call(at, &opened).await;
        }
    }

    /// Calls one hook in a task of its own, so that a panic is its own, too.
    async fn call(self: &Arc<Self>, at: usize, happening: &Arc<Happening>) {
        let mut task = {
            let (this, happening) = (Arc::clone(self), Arc::clone(happening));
            tokio::spawn(async move { this.hooks.hooks[at].call(&happening, &this.state).await })
        };
        let ended = timeout(Duration::from_secs(HANDLER_SECONDS_MAX), &mut task).await;
        let (name, channel) = (self.hooks.hooks[at].name(), &*happening.channel);
        let failed = |reason: &str| self.report.failed(&name, channel, reason);
        match ended {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(Fault::Data(reason)))) => self.report.bad_data(&name, channel, &reason),
            Ok(Ok(Err(Fault::Failed(denial @ Denial::BadParameter { .. })))) => {
                self.report.bad_name(&name, channel, &denial.to_string());
            }
            Ok(Ok(Err(Fault::Failed(denial)))) => failed(&denial.to_string()),
            Ok(Err(error)) if error.is_panic() => failed("it panicked"),
            Ok(Err(_)) => failed("the runtime has ended"),
            Err(_) => {
                task.abort();
                failed(&format!("it took more than {HANDLER_SECONDS_MAX} s and was ended"));
            }
        }
    }
}

impl<S> Clone for Reactor<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: 'static> fmt::Debug for Reactor<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reactor").field("hooks", &self.0.hooks).finish_non_exhaustive()
    }
}
