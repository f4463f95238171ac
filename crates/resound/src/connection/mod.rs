//! A driver with what stands in front of it: a timeout, a queue, further tries, a circuit breaker.
//!
//! A page that sends an event puts it into a queue and goes on. One task per connection sends what is in the
//! queue, in its order. When the server is away the events wait, within the bounds of the [`Policy`]; what is
//! dropped is counted ([`Stats`]) and said in the log.
//!
//! # Layout
//!
//! * `policy`: the bounds
//! * `breaker`: when a server is left alone
//! * `queue`: what waits
//! * `worker`: who sends it
//! * `failure`: what is given up; `ear`: who is told
//! * `panic`: drivers that do

mod breaker;
mod ear;
mod failure;
mod panic;
mod policy;
mod queue;
mod worker;

use std::{
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, task::JoinHandle, time::Instant};

use crate::{
    channel::Channel,
    connection::{breaker::Breaker, ear::Ear, queue::Queue},
    driver::Driver,
    envelope::Envelope,
    error::{DriverError, SendError},
    figures::Figures,
};

pub(crate) use ear::Told;
pub use failure::Failure;
pub use policy::Policy;
pub use queue::Stats;

/// A driver by its name.
pub(crate) struct Connection {
    pub(crate) name: Arc<str>,
    pub(crate) driver: Arc<dyn Driver>,
    policy: Policy,
    breaker: Mutex<Breaker>,
    queue: Queue,
    worker: Mutex<Option<JoinHandle<()>>>,
    /// Who is told what the server took.
    pub(crate) sent: Ear<Envelope>,
    /// Who is told what is given up.
    pub(crate) failed: Ear<Failure>,
    /// An outage is over.
    back: Notify,
}

impl Connection {
    pub(crate) fn new(name: Arc<str>, driver: Arc<dyn Driver>, policy: Policy) -> Arc<Self> {
        let queue = Queue::new(Arc::clone(&name), &policy);
        let breaker = Mutex::new(Breaker::new(&policy));
        let (worker, back) = (Mutex::new(None), Notify::new());
        let (sent, failed) = (Ear::new(&name, "on_sent"), Ear::new(&name, "on_failure"));
        Arc::new(Self { name, driver, policy, breaker, queue, worker, sent, failed, back })
    }

    /// Puts an event into the queue.
    pub(crate) fn queue(self: &Arc<Self>, envelope: &Arc<Envelope>) -> Result<(), SendError> {
        self.start_worker()?;
        self.queue.push(&self.parts(envelope), Instant::now())
    }

    /// Sends an event, and waits for the server's answer.
    pub(crate) async fn send_now(&self, envelope: &Arc<Envelope>) -> Result<(), SendError> {
        for part in self.parts(envelope) {
            self.send_part(&part).await?;
        }
        Ok(())
    }

    /// An event for more channels than the driver takes in one call becomes several, so that what failed is
    /// tried again and what was sent is not. An encrypted channel is a call of its own, because it has a key of its own.
    pub(crate) fn parts(&self, envelope: &Arc<Envelope>) -> Vec<Arc<Envelope>> {
        let max = self.driver.channels_max().max(1);
        let has_encrypted = envelope.channels.iter().any(Channel::is_encrypted);
        if envelope.channels.len() <= max && !has_encrypted || envelope.channels.len() == 1 {
            return vec![Arc::clone(envelope)];
        }
        let part = |channels: &[Channel]| {
            Arc::new(Envelope { channels: channels.to_vec(), ..Envelope::clone(envelope) })
        };
        let (encrypted, plain): (Vec<_>, Vec<_>) =
            envelope.channels.iter().cloned().partition(Channel::is_encrypted);
        plain.chunks(max).chain(encrypted.chunks(1)).map(part).collect()
    }

    async fn send_part(&self, envelope: &Envelope) -> Result<(), SendError> {
        let admitted = lock(&self.breaker).admit(Instant::now());
        if let Err(retry_in) = admitted {
            self.queue.count_failed();
            return Err(SendError::Down { connection: Arc::clone(&self.name), retry_in });
        }
        self.attempt(envelope).await.inspect(|()| self.queue.count_sent()).inspect_err(|_| {
            self.queue.count_failed();
        })
    }

    /// What goes on at the server. Events do not wait for it, nor does the breaker hear of it: other servers may have no
    /// such answers.
    pub(crate) async fn figures(&self, prefix: &str) -> Result<Figures, SendError> {
        let asking = panic::caught(async { self.driver.figures(prefix).await });
        match tokio::time::timeout(self.policy.timeout, asking).await {
            Ok(answer) => self.named(answer.flatten()),
            Err(_) => Err(self.timed_out()),
        }
    }

    /// One try, of which the breaker hears.
    async fn attempt(&self, envelope: &Envelope) -> Result<(), SendError> {
        let timeout = self.policy.timeout;
        let sending = panic::caught(async { self.driver.send(envelope).await });
        let answer = tokio::time::timeout(timeout, sending).await.map(Result::flatten);
        let result = answer.map_or_else(|_| Err(self.timed_out()), |sent| self.named(sent));
        self.note(&result);
        if result.is_ok() {
            self.sent.tell(envelope);
        }
        result
    }

    /// One try of several events; the answers are those of [`Driver::send_batch`].
    async fn attempt_batch(&self, envelopes: &[Arc<Envelope>]) -> Vec<Result<(), SendError>> {
        let timeout = self.policy.timeout;
        let sending = panic::caught(async { self.driver.send_batch(envelopes).await });
        let results: Vec<_> = match tokio::time::timeout(timeout, sending).await {
            Ok(Ok(answers)) => answers.into_iter().map(|sent| self.named(sent)).collect(),
            // One by one, so that the event that made it panic is found.
            Ok(Err(_)) => Vec::new(),
            Err(_) => vec![Err(self.timed_out())],
        };
        for (result, envelope) in results.iter().zip(envelopes) {
            self.note(result);
            if result.is_ok() {
                self.sent.tell(envelope);
            }
        }
        results
    }

    fn named<T>(&self, sent: Result<T, DriverError>) -> Result<T, SendError> {
        sent.map_err(|fault| SendError::Driver { connection: Arc::clone(&self.name), fault })
    }

    fn timed_out(&self) -> SendError {
        SendError::Timeout { connection: Arc::clone(&self.name), timeout: self.policy.timeout }
    }

    /// Tells the breaker.
    fn note(&self, result: &Result<(), SendError>) {
        match result {
            // Who refuses is there.
            Ok(()) | Err(SendError::Driver { fault: DriverError::Refused(_), .. }) => {
                self.note_success();
            }
            // There is nothing to wait for.
            Err(SendError::Driver { fault: DriverError::Ended(_), .. }) => {}
            Err(error) => self.note_failure(error),
        }
    }

    fn note_success(&self) {
        let is_back = lock(&self.breaker).succeeded();
        if is_back {
            self.back.notify_waiters();
            let waiting = self.queue.stats().waiting;
            tracing::info!(connection = &*self.name, waiting, "the broadcast connection is back");
        }
    }

    fn note_failure(&self, error: &SendError) {
        let opened_for = lock(&self.breaker).failed(Instant::now());
        if let Some(pause) = opened_for {
            tracing::warn!(
                connection = &*self.name,
                reason = %error,
                waiting = self.queue.stats().waiting,
                retry_in_ms = pause.as_millis() as u64,
                "the broadcast connection is down: queued events wait, others fail at once"
            );
        }
    }

    /// One try for a queue that counts by itself.
    #[cfg(feature = "_sql")]
    pub(crate) async fn try_once(&self, envelope: &Envelope) -> Result<(), SendError> {
        self.attempt(envelope).await.inspect(|()| self.queue.count_sent())
    }

    /// Waits for the end of an outage, whoever finds out.
    pub(crate) async fn back(&self) {
        let mut back = pin!(self.back.notified());
        back.as_mut().enable();
        if !self.is_up() {
            back.await;
        }
    }

    /// Whether the breaker lets everybody through.
    pub(crate) fn is_up(&self) -> bool {
        lock(&self.breaker).is_closed()
    }

    #[cfg(feature = "_sql")]
    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// When the breaker lets somebody through, if it does not.
    pub(crate) fn admitted(&self) -> Result<(), Duration> {
        lock(&self.breaker).admit(Instant::now())
    }

    pub(crate) fn stats(&self) -> Stats {
        self.queue.stats()
    }

    /// Waits until nothing waits.
    pub(crate) async fn idle(self: &Arc<Self>) {
        // The runtime of the one who queued it may be gone.
        if self.queue.stats().waiting > 0 {
            let _ = self.start_worker();
        }
        self.queue.idle().await;
    }

    /// Lets the task end when the queue is empty.
    pub(crate) fn close(&self) {
        self.queue.close();
    }

    /// The task lives as long as its runtime; tests have several, one after the other.
    fn start_worker(self: &Arc<Self>) -> Result<(), SendError> {
        let mut worker = lock(&self.worker);
        if worker.as_ref().is_some_and(|worker| !worker.is_finished()) {
            return Ok(());
        }
        let no_runtime = |_| SendError::NoRuntime { connection: Arc::clone(&self.name) };
        let runtime = tokio::runtime::Handle::try_current().map_err(no_runtime)?;
        *worker = Some(runtime.spawn(worker::run(Arc::clone(self))));
        Ok(())
    }
}

/// What is behind our locks is right after every statement, so that a panic elsewhere harms nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
