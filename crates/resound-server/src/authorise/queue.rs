//! The thread that asks the application, and the questions that wait for it.

use std::{
    sync::{Arc, OnceLock},
    thread::{self, JoinHandle},
};

use anyhow::Context as _;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    task::JoinSet,
    time::{Instant, timeout_at},
};

use crate::{
    authorise::{
        case::Case,
        client::{Client, Reply},
        fault::Fault,
        report::Report,
        tls::Trust,
    },
    config::AuthConfig,
};

/// Questions that may wait for a place.
pub(crate) const WAITING_MAX: usize = 16_384;
/// Bytes of the questions that wait: most are small, but nobody's headers need be.
pub(crate) const WAITING_BYTES_MAX: usize = 32 << 20;

/// The way to the thread. Dropping it ends the thread and whatever it is about.
#[derive(Debug)]
pub(crate) struct Queue {
    jobs: mpsc::Sender<Job>,
    bytes: Arc<Semaphore>,
    /// Held open until the thread is to end.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A question that waits.
struct Job {
    case: Arc<Case>,
    deadline: Instant,
    /// When it got a place.
    begun: Arc<OnceLock<Instant>>,
    answer: oneshot::Sender<Result<Reply, Fault>>,
    /// Its part of [`WAITING_BYTES_MAX`].
    bytes: OwnedSemaphorePermit,
}

impl Queue {
    pub(crate) fn start(
        trust: Trust,
        config: &Arc<AuthConfig>,
        report: &Arc<Report>,
    ) -> anyhow::Result<Self> {
        let (jobs, waiting) = mpsc::channel(WAITING_MAX);
        let (stop, stopped) = oneshot::channel();
        let (places, report) = (config.concurrent_max, Arc::clone(report));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = thread::Builder::new().name("authorise".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = ask_all(waiting, trust, places) => {}
                    () = report.sum_up() => {}
                    _ = stopped => {}
                }
            });
            // A name that is being looked up is not waited for.
            runtime.shutdown_background();
        });
        let thread = thread.context("cannot start the thread that asks the application")?;
        let bytes = Arc::new(Semaphore::new(WAITING_BYTES_MAX));
        Ok(Self { jobs, bytes, stop: Some(stop), thread: Some(thread) })
    }

    /// Asks in turn.
    pub(crate) async fn ask(&self, case: &Arc<Case>) -> Result<Reply, Fault> {
        let deadline = Instant::now() + case.config.timeout;
        let size = u32::try_from(case.bytes()).map_err(|_| Fault::Overload)?;
        let bytes = Arc::clone(&self.bytes).try_acquire_many_owned(size);
        let bytes = bytes.map_err(|_| Fault::Overload)?;
        let (answer, answered) = oneshot::channel();
        let begun = Arc::new(OnceLock::new());
        let job =
            Job { case: Arc::clone(case), deadline, begun: Arc::clone(&begun), answer, bytes };
        self.jobs.try_send(job).map_err(|_| Fault::Overload)?;
        match timeout_at(deadline, answered).await {
            Ok(Ok(Err(Fault::Silence))) | Err(_) => {
                // Which of the two took the time: the others, or the application.
                let half_time = deadline - case.config.timeout / 2;
                let had_time = begun.get().is_some_and(|begun| *begun < half_time);
                Err(if had_time { Fault::Silence } else { Fault::NoPlace })
            }
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(Fault::Other("the question was given up".to_owned())),
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // It panicked if this fails, and has said so.
            let _ = thread.join();
        }
    }
}

/// Takes one question after the other, for as long as there are places. What was begun keeps its place
/// until it has ended, even if nobody waits for it: the application is still busy with it.
async fn ask_all(mut waiting: mpsc::Receiver<Job>, trust: Trust, places: usize) {
    let Some(mut job) = waiting.recv().await else { return };
    let client = Client::new(trust, places);
    let places = Arc::new(Semaphore::new(places));
    let mut tasks = JoinSet::new();
    loop {
        let place = Arc::clone(&places).acquire_owned().await.expect("nobody closes it");
        while tasks.try_join_next().is_some() {}
        if !job.answer.is_closed() {
            tasks.spawn(ask(job, client.clone(), place));
        }
        let Some(next) = waiting.recv().await else { return };
        job = next;
    }
}

async fn ask(job: Job, client: Client, _place: OwnedSemaphorePermit) {
    let Job { case, deadline, begun, answer, bytes } = job;
    begun.get_or_init(Instant::now);
    drop(bytes);
    let Some(request) = case.request() else { return };
    let result = timeout_at(deadline, client.send(request)).await;
    // Whoever asked may have left.
    let _ = answer.send(result.unwrap_or(Err(Fault::Silence)));
}
