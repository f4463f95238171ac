//! How shards reach each other.

use std::{
    net::{SocketAddr, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use resound_hub::{
    app::{AppNumber, Apps},
    hub::Hub,
    peer::{PeerMessage, ShardId},
    time::Now,
};
use tokio::sync::{Notify, oneshot};

use super::{Shard, Stream, arrival::Arrival, engine::Follower, guest::Guest};
use crate::{metrics::ShardMetrics, redis::OwnedEvent};

/// Messages that may wait for one shard. Above it nobody reads from sockets until the shard has
/// caught up, so that what outsiders send cannot fill the memory.
const WAITING_MAX: usize = 65_536;

/// Something for a shard to do.
pub(crate) enum ShardMessage {
    /// From another shard's hub.
    Peer(PeerMessage),
    /// A connection that was accepted elsewhere.
    Connection(TcpStream, SocketAddr),
    /// A connection that belongs here, with what was read of it elsewhere.
    Request(Stream, Vec<u8>),
    /// A WebSocket that was opened elsewhere than on the listener.
    Guest(Box<Guest>),
    /// A WebSocket whose session has moved here.
    Follower(Box<Follower>),
    /// A client that returns to a session of this shard.
    Arrival(Box<Arrival>),
    /// Something for the shard to do with its state.
    Act(Act),
    /// A question; it answers itself.
    Ask(Question),
    /// An event from elsewhere than the HTTP API.
    Publish(AppNumber, OwnedEvent),
    /// Other applications or limits.
    Reload(Arc<Apps>),
    /// The process ends: close every connection within so many milliseconds.
    Drain(u64),
}

/// Something to do with a shard's state.
pub(crate) type Act = Box<dyn FnOnce(&mut Shard) + Send>;

/// A question to a shard, with its way back.
pub(crate) type Question = Box<dyn FnOnce(&Hub, &ShardMetrics, Now) + Send>;

/// The messages that wait for one shard.
#[derive(Default)]
pub(crate) struct Mailbox {
    waiting: Mutex<Vec<ShardMessage>>,
    count: AtomicUsize,
    arrived: Notify,
    emptied: Notify,
}

impl Mailbox {
    /// Adds messages, all at once.
    pub(crate) fn post(&self, messages: &mut Vec<ShardMessage>) {
        // A panic elsewhere cannot leave a Vec of messages half-written.
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.append(messages);
        self.count.store(waiting.len(), Ordering::Relaxed);
        drop(waiting);
        self.arrived.notify_one();
    }

    /// Waits until there are messages, and takes them.
    pub(crate) async fn take(&self) -> Vec<ShardMessage> {
        loop {
            let messages = self.take_all();
            if !messages.is_empty() {
                return messages;
            }
            self.arrived.notified().await;
        }
    }

    fn take_all(&self) -> Vec<ShardMessage> {
        let messages =
            std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        if !messages.is_empty() {
            self.count.store(0, Ordering::Relaxed);
            self.emptied.notify_waiters();
        }
        messages
    }

    fn is_full(&self) -> bool {
        self.count.load(Ordering::Relaxed) > WAITING_MAX
    }
}

/// The way to every shard of the process.
#[derive(Clone)]
pub(crate) struct Shards(Arc<[Mailbox]>);

impl Shards {
    pub(crate) fn new(count: usize) -> Self {
        Self((0..count).map(|_| Mailbox::default()).collect())
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn mailbox(&self, shard: ShardId) -> &Mailbox {
        &self.0[shard]
    }

    pub(crate) fn post(&self, shard: ShardId, message: ShardMessage) {
        self.0[shard].post(&mut vec![message]);
    }

    /// Drops what waits; nobody is there any more who would do it.
    pub(crate) fn clear(&self) {
        for mailbox in self.0.iter() {
            drop(mailbox.take_all());
        }
    }

    /// Waits until no shard has more waiting than it should.
    pub(crate) async fn until_they_keep_up(&self) {
        for mailbox in self.0.iter() {
            loop {
                let emptied = mailbox.emptied.notified();
                tokio::pin!(emptied);
                emptied.as_mut().enable();
                if !mailbox.is_full() {
                    break;
                }
                emptied.await;
            }
        }
    }

    /// Asks one shard. `None` if it stops before it answers.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        shard: ShardId,
        question: impl FnOnce(&Hub, &ShardMetrics, Now) -> T + Send + 'static,
    ) -> Option<T> {
        let (tx, rx) = oneshot::channel();
        let ask: Question = Box::new(move |hub, metrics, now| {
            let _ = tx.send(question(hub, metrics, now));
        });
        self.post(shard, ShardMessage::Ask(ask));
        rx.await.ok()
    }

    /// Asks every shard, one after the other.
    pub(crate) async fn ask_all<T: Send + 'static>(
        &self,
        question: impl Fn(&Hub, &ShardMetrics, Now) -> T + Send + Clone + 'static,
    ) -> Vec<T> {
        let mut answers = Vec::with_capacity(self.count());
        for shard in 0..self.count() {
            answers.extend(self.ask(shard, question.clone()).await);
        }
        answers
    }
}
