//! Webhooks: what happens in channels, told over HTTP as Pusher does (webhooks.md), and to an application that
//! embeds the server without HTTP.
//!
//! # Layout
//!
//! * this module: the way from the shards, who must not wait, to one task
//! * `patience`: waits with what ends, in case it begins again
//! * `desk`: whom an application wants told
//! * `receiver`: one of them, and what waits for it; `courier`: its requests; `persistence`: how often they are tried
//! * `counts`, `report`: what is counted and what is logged
//!
//! # Bounds
//!
//! Shards leave what happens in one queue, the task does nothing but distribute, and each receiver has a queue of its
//! own; what finds no place is dropped, counted and logged. The task lives beside the signals and the metrics, on
//! no shard.

mod counts;
mod courier;
mod desk;
mod patience;
mod persistence;
mod receiver;
mod report;

use std::{
    collections::BTreeMap,
    convert::Infallible,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use resound_hub::app::AppNumber;
use resound_protocol::webhook::{Event, What};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until, timeout},
};

pub(crate) use self::counts::Counts;
use self::{
    desk::Desk,
    patience::{Patience, Told},
};
use crate::{hook::Listener, server::Shared};

/// What may wait for the task, which is never busy for long.
const WAITING_MAX: usize = 65_536;
/// What the task takes at once.
const AT_ONCE: usize = 256;

/// What the shards say, on its way.
pub(crate) struct Hooks {
    told: mpsc::Sender<Told>,
    inbox: Mutex<Option<mpsc::Receiver<Told>>>,
    listener: RwLock<Option<Listener>>,
    /// What found no place since the last line about it, and since the start.
    lost: AtomicU64,
    lost_in_all: AtomicU64,
    counts: Mutex<BTreeMap<Box<str>, Arc<Counts>>>,
    stage: watch::Sender<Stage>,
}

/// How far the end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Open,
    /// Nothing more happens: what waits is to be sent.
    Finishing,
    /// Nothing waits.
    Finished,
}

impl Default for Hooks {
    fn default() -> Self {
        let (told, inbox) = mpsc::channel(WAITING_MAX);
        Self {
            told,
            inbox: Mutex::new(Some(inbox)),
            listener: RwLock::default(),
            lost: AtomicU64::new(0),
            lost_in_all: AtomicU64::new(0),
            counts: Mutex::default(),
            stage: watch::Sender::new(Stage::Open),
        }
    }
}

impl Hooks {
    /// Tells this listener, too, from now on.
    pub(crate) fn listen(&self, listener: Option<Listener>) {
        let former = std::mem::replace(
            &mut *self.listener.write().unwrap_or_else(PoisonError::into_inner),
            listener,
        );
        // It may hold much that is dropped with it.
        drop(former);
    }

    fn listener(&self) -> Option<Listener> {
        self.listener.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes what a shard says. Never waits.
    pub(crate) fn happened(&self, app: AppNumber, channel: &str, what: What) {
        let told = Told { app, event: Event { channel: channel.to_owned(), what } };
        if self.told.try_send(told).is_ok() {
            return;
        }
        self.lost_in_all.fetch_add(1, Ordering::Relaxed);
        if self.lost.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::error!(
                app = app.index(),
                channel,
                waiting_max = WAITING_MAX,
                "what happens in channels is lost to webhooks and handlers: more happens than can be told"
            );
        }
    }

    /// What was counted, by the application's id; of those that have or had webhooks.
    pub(crate) fn counts(&self) -> Vec<(Box<str>, Arc<Counts>)> {
        let counts = self.all_counts();
        counts.iter().map(|(id, counts)| (id.clone(), Arc::clone(counts))).collect()
    }

    /// What was lost on its way from the shards.
    pub(crate) fn lost(&self) -> u64 {
        self.lost_in_all.load(Ordering::Relaxed)
    }

    fn counts_of(&self, app_id: &str) -> Arc<Counts> {
        Arc::clone(self.all_counts().entry(app_id.into()).or_default())
    }

    fn all_counts(&self) -> MutexGuard<'_, BTreeMap<Box<str>, Arc<Counts>>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has everything sent that waits, after the shards have ended, for as long as the limit.
    pub(crate) async fn finish(&self, limit: Duration) {
        self.stage.send_replace(Stage::Finishing);
        let mut stage = self.stage.subscribe();
        let finished = stage.wait_for(|stage| *stage == Stage::Finished);
        if timeout(limit, finished).await.is_err() {
            let waiting: u64 = self.all_counts().values().map(|counts| counts.waiting()).sum();
            tracing::warn!(waiting, "the process ends before all webhooks are sent");
        }
    }

    /// What was lost since the last time that somebody asked.
    fn report_lost(&self) {
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 1 {
            tracing::error!(lost, "so much was lost to webhooks and handlers");
        }
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").field("lost", &self.lost).finish_non_exhaustive()
    }
}

/// Tells whom it concerns what happens, until it is dropped.
pub(crate) async fn run(shared: Arc<Shared>) -> Infallible {
    let hooks = &shared.hooks;
    let inbox = hooks.inbox.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(inbox) = inbox else {
        return std::future::pending().await;
    };
    let delay = shared.config.webhooks.delay.as_millis() as u64;
    let task = Task { desk: Desk::new(&shared), patience: Patience::new(delay), shared: &shared };
    task.run(inbox).await;
    hooks.stage.send_replace(Stage::Finished);
    std::future::pending().await
}

struct Task<'a> {
    shared: &'a Arc<Shared>,
    desk: Desk<'a>,
    patience: Patience,
}

impl Task<'_> {
    /// Runs until nothing more can happen, and all is sent.
    async fn run(mut self, mut inbox: mpsc::Receiver<Told>) {
        let (begin, mut batch) = (Instant::now(), Vec::new());
        let mut stage = self.shared.hooks.stage.subscribe();
        loop {
            let due = self.patience.next_due();
            let wake = begin + Duration::from_millis(due.unwrap_or_default());
            tokio::select! {
                biased;
                _ = inbox.recv_many(&mut batch, AT_ONCE) => {}
                () = sleep_until(wake), if due.is_some() => {}
                _ = stage.wait_for(|stage| *stage != Stage::Open) => break,
            }
            let now_ms = begin.elapsed().as_millis() as u64;
            self.end(now_ms);
            for told in batch.drain(..) {
                self.begin(told, now_ms);
            }
            if inbox.is_empty() {
                self.shared.hooks.report_lost();
            }
            // Signals and the metrics have their turn.
            tokio::task::yield_now().await;
        }
        self.end(u64::MAX);
        self.desk.finish().await;
    }

    fn begin(&mut self, told: Told, now_ms: u64) {
        if let Some(told) = self.patience.take(told, now_ms) {
            self.desk.tell(told);
        }
    }

    /// Tells what has really ended.
    fn end(&mut self, now_ms: u64) {
        while let Some(told) = self.patience.pop_due(now_ms) {
            self.desk.tell(told);
        }
    }
}

#[cfg(test)]
mod tests {
    use resound_hub::app::{App, AppOptions, Apps};

    use super::*;

    #[test]
    fn what_finds_no_place_is_counted() {
        let options = AppOptions::default();
        let app = App { id: "a".into(), key: "k".into(), secret: "s".into(), options };
        let number = Apps::new([app]).by_id("a").expect("it was made").number();
        let hooks = Hooks::default();
        for _ in 0..WAITING_MAX + 2 {
            hooks.happened(number, "news", What::CacheMiss);
        }
        assert_eq!(hooks.lost(), 2);
    }
}
