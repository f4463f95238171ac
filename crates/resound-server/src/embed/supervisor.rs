//! The thread that watches over the shards and stops them.

use std::{net::TcpListener, sync::Arc, thread::JoinHandle};

use anyhow::Context as _;
use tokio::{runtime::Runtime, sync::watch};

use crate::{
    api, redis,
    server::{Shared, Threads, bind_metrics, stop},
    shard::mailbox::Shards,
    webhooks,
};

/// A thread that has been started, and how it is spoken to.
pub(super) struct Supervisor {
    pub(super) shared: Arc<Shared>,
    pub(super) shards: Shards,
    /// Ends it when it is set, or dropped.
    pub(super) stop: watch::Sender<bool>,
    pub(super) is_over: watch::Receiver<bool>,
    pub(super) thread: JoinHandle<()>,
}

impl Supervisor {
    pub(super) fn start(shared: Arc<Shared>, shards: usize) -> anyhow::Result<Self> {
        let metrics = shared.config.metrics_address.map(bind_metrics).transpose()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let threads = Threads::start(&shared, shards, None)?;
        let shards = threads.shards.clone();
        let (stop, stopped) = watch::channel(false);
        let (over, is_over) = watch::channel(false);
        let thread = {
            let (shared, shards) = (shared.clone(), shards.clone());
            let watch = move || {
                supervise(&runtime, &shared, threads, metrics, stopped);
                // A name that is being looked up is not waited for.
                runtime.shutdown_background();
                over.send_replace(true);
                shards.clear();
            };
            // What was moved in ends with it if the thread can't be started, and with that the shards.
            std::thread::Builder::new().name("resound".to_owned()).spawn(watch)
        };
        let thread = thread.context("the thread that watches over the shards can't be started")?;
        Ok(Self { shared, shards, stop, is_over, thread })
    }
}

fn supervise(
    runtime: &Runtime,
    shared: &Arc<Shared>,
    mut threads: Threads,
    metrics: Option<TcpListener>,
    mut stopped: watch::Receiver<bool>,
) {
    runtime.block_on(async {
        let metrics = api::serve_metrics(shared.clone(), threads.shards.clone(), metrics);
        let bridge = redis::run(shared.clone(), threads.shards.clone());
        let hooks = webhooks::run(shared.clone());
        tokio::pin!(metrics, bridge, hooks);
        tokio::select! {
            _ = stopped.wait_for(|is_stopped| *is_stopped) => {}
            _ = threads.ended.recv() => {
                tracing::error!("a thread of the embedded server has ended, the server stops; the log says why");
            }
            result = &mut metrics => {
                tracing::error!(?result, "the metrics listener failed, the embedded server stops");
            }
            never = &mut bridge => match never {},
            never = &mut hooks => match never {},
        }
        let connections = shared.websockets.count();
        tracing::info!(connections, "the embedded server is shutting down");
        tokio::select! {
            _ = stop(shared, &mut threads) => {}
            // Who is still connected still gets events.
            never = &mut bridge => match never {},
            never = &mut hooks => match never {},
        }
    });
    // It may be the application that holds this server.
    shared.hooks.listen(None);
    threads.join();
    if let Some(authoriser) = &shared.authoriser {
        // It may be the application that holds this server.
        authoriser.ask_in_process(None);
    }
    tracing::info!("the embedded server has stopped");
}
