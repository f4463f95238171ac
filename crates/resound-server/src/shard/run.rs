//! A shard's thread and its event loop.

use std::{
    cell::RefCell,
    io,
    net::TcpListener,
    os::fd::{AsRawFd, RawFd},
    rc::Rc,
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};

use mio::{Events, Interest, Poll, Registry, Token};
use resound_hub::peer::{ShardId, Slot};
use tokio::{
    io::unix::AsyncFd,
    sync::Notify,
    task::{LocalSet, spawn_local},
};

use super::{
    Shard,
    mailbox::{ShardMessage, Shards},
};
use crate::{
    api,
    server::{End, Shared},
};

const LISTENER: Token = Token(usize::MAX - 1);
const EVENTS_MAX: usize = 1024;
/// Connections that are written to before other work gets its turn: a quarter of a millisecond.
const WRITES_AT_ONCE: usize = 64;
/// At least so many connections are closed per second in a shutdown.
const CLOSES_PER_SECOND: u64 = 100;

/// Starts a shard's thread. The first shard has the listener. It ends after [`ShardMessage::Drain`].
pub(crate) fn spawn(
    id: ShardId,
    shared: Arc<Shared>,
    shards: Shards,
    listener: Option<TcpListener>,
    end: End,
) -> io::Result<JoinHandle<io::Result<()>>> {
    std::thread::Builder::new().name(format!("shard-{id}")).spawn(move || {
        let _end = end;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        LocalSet::new().block_on(&runtime, run(id, shared, shards, listener))
    })
}

/// The shard as its tasks share it. A borrow never lasts over an `await`.
#[derive(Clone)]
pub(crate) struct ShardHandle {
    shard: Rc<RefCell<Shard>>,
    turn_ends: Rc<Notify>,
    acceptor: Rc<RefCell<Option<Acceptor>>>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) shards: Shards,
    pub(crate) id: ShardId,
}

impl ShardHandle {
    /// Does something with the shard's state; what it sends is written at the end of the turn,
    /// after all other requests that are ready.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Shard) -> T) -> T {
        let result = act(&mut self.shard.borrow_mut());
        self.turn_ends.notify_one();
        result
    }

    /// Ends a turn. A small one is written at once, a large one piece by piece.
    fn end_turn(&self) {
        let requests = {
            let mut shard = self.shard.borrow_mut();
            if shard.io.waiting() > WRITES_AT_ONCE || shard.flush(WRITES_AT_ONCE) {
                self.turn_ends.notify_one();
            }
            std::mem::take(&mut shard.requests)
        };
        for connection in requests {
            spawn_local(api::serve(self.clone(), connection));
        }
    }
}

async fn run(
    id: ShardId,
    shared: Arc<Shared>,
    shards: Shards,
    listener: Option<TcpListener>,
) -> io::Result<()> {
    let poll = Poll::new()?;
    let acceptor = listener.map(|listener| Acceptor::new(listener, poll.registry())).transpose()?;
    let shard = Shard::new(id, shared.clone(), shards.clone(), poll.registry().try_clone()?);
    let handle = ShardHandle {
        shard: Rc::new(RefCell::new(shard)),
        turn_ends: Rc::new(Notify::new()),
        acceptor: Rc::new(RefCell::new(acceptor)),
        shared,
        shards,
        id,
    };
    let sockets = spawn_local(watch_sockets(handle.clone(), Watched(poll)));
    let ticks = spawn_local(tick(handle.clone()));
    let writes = spawn_local(write_out(handle.clone()));
    let grace_ms = read_mailbox(&handle).await;
    handle.acceptor.take(); // nobody can connect any more
    let drained = tokio::time::timeout(Duration::from_millis(grace_ms), drain(&handle, grace_ms));
    let mailbox = async {
        loop {
            read_mailbox(&handle).await;
        }
    };
    tokio::select! {
        _ = drained => {}
        () = mailbox => {}
    }
    sockets.abort();
    ticks.abort();
    writes.abort();
    Ok(())
}

/// Handles what other threads want, until the process is to end.
async fn read_mailbox(handle: &ShardHandle) -> u64 {
    loop {
        let mut grace_ms = None;
        for message in handle.shards.mailbox(handle.id).take().await {
            let mut shard = handle.shard.borrow_mut();
            let now = shard.now();
            let Shard { hub, io, .. } = &mut *shard;
            match message {
                ShardMessage::Peer(message) => hub.accept(message, now, io),
                ShardMessage::Connection(stream, peer) => shard.open(stream, peer),
                ShardMessage::Ask(question) => question(hub, &io.metrics, now),
                ShardMessage::Reload(apps) => hub.reload(apps, now, io),
                ShardMessage::Drain(millis) => grace_ms = Some(millis),
            }
        }
        handle.end_turn();
        if let Some(grace_ms) = grace_ms {
            return grace_ms;
        }
    }
}

/// Writes what waits, and looks around after each piece: what came in meanwhile is joined to what
/// is still to be written.
async fn write_out(handle: ShardHandle) {
    loop {
        handle.turn_ends.notified().await;
        while handle.shard.borrow_mut().flush(WRITES_AT_ONCE) {
            tokio::task::yield_now().await;
        }
    }
}

async fn tick(handle: ShardHandle) {
    let mut interval = tokio::time::interval(Duration::from_secs(1));
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        handle.shard.borrow_mut().tick();
        // Whom the system had no descriptor for is not told of again, but still waits.
        accept(&handle);
        handle.end_turn();
    }
}

/// The shard's epoll set, as the runtime watches it.
struct Watched(Poll);

impl AsRawFd for Watched {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

async fn watch_sockets(handle: ShardHandle, poll: Watched) -> io::Result<()> {
    #[expect(
        deprecated,
        reason = "its successor is unsafe because a descriptor could change or close under it; a Poll \
                  owns its descriptor for life, so that the safe constructor is enough"
    )]
    let mut poll = AsyncFd::with_interest(poll, tokio::io::Interest::READABLE)?;
    let mut events = Events::with_capacity(EVENTS_MAX);
    loop {
        if handle.shard.borrow().unfinished.is_empty() {
            let mut ready = poll.readable_mut().await?;
            ready.get_inner_mut().0.poll(&mut events, Some(Duration::ZERO))?;
            if events.iter().count() < EVENTS_MAX {
                ready.clear_ready();
            }
        } else {
            tokio::task::yield_now().await;
            poll.get_mut().0.poll(&mut events, Some(Duration::ZERO))?;
        }
        let unfinished = std::mem::take(&mut handle.shard.borrow_mut().unfinished);
        read_events(&handle, &events);
        for slot in unfinished {
            handle.shard.borrow_mut().readable(slot);
        }
        handle.end_turn();
        handle.shards.until_they_keep_up().await;
    }
}

fn read_events(handle: &ShardHandle, events: &Events) {
    for event in events {
        if event.token() == LISTENER {
            accept(handle);
            continue;
        }
        let slot = event.token().0 as Slot;
        let mut shard = handle.shard.borrow_mut();
        if event.is_writable() {
            shard.io.writable(slot);
        }
        if event.is_read_closed() || event.is_error() {
            shard.io.note_end(slot);
        }
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            shard.readable(slot);
        }
    }
}

/// The listener, and the shard that gets the next connection.
struct Acceptor {
    listener: mio::net::TcpListener,
    next: ShardId,
}

impl Acceptor {
    fn new(listener: TcpListener, registry: &Registry) -> io::Result<Self> {
        let mut listener = mio::net::TcpListener::from_std(listener);
        registry.register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self { listener, next: 0 })
    }
}

/// Accepts what waits and hands it to the shards in turn.
fn accept(handle: &ShardHandle) {
    let mut acceptor = handle.acceptor.borrow_mut();
    let Some(Acceptor { listener, next }) = &mut *acceptor else {
        return;
    };
    loop {
        match listener.accept() {
            Ok((stream, peer)) => {
                if handle.shared.sockets.is_full() {
                    handle.shared.metrics.refuse_full();
                    continue; // dropping it closes it
                }
                let stream = std::net::TcpStream::from(stream);
                if *next == handle.id {
                    handle.shard.borrow_mut().open(stream, peer);
                } else {
                    handle.shards.post(*next, ShardMessage::Connection(stream, peer));
                }
                *next = (*next + 1) % handle.shards.count();
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return tracing::warn!(%error, "a connection could not be accepted"),
        }
    }
}

/// Closes the connections over a part of the grace period, so that they don't all come back at the
/// same moment, and waits until they are gone.
async fn drain(handle: &ShardHandle, grace_ms: u64) {
    let slots = handle.shard.borrow_mut().begin_draining();
    let spread_ms = (grace_ms * 7 / 10).min(slots.len() as u64 * 1000 / CLOSES_PER_SECOND);
    let steps = (spread_ms / 50).max(1);
    for chunk in slots.chunks(slots.len().div_ceil(steps as usize).max(1)) {
        handle.shard.borrow_mut().close_for_shutdown(chunk);
        handle.end_turn();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    while handle.shard.borrow().io.has_sockets() || handle.shared.requests.count() > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
