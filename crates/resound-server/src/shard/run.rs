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
    task::{JoinSet, LocalSet, spawn_local},
};

use super::{
    Asked, Shard,
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
/// Messages of other shards that are handled before other work gets its turn.
const MESSAGES_AT_ONCE: usize = 1024;
/// Connections that are accepted before other work gets its turn.
const ACCEPTS_AT_ONCE: usize = 64;
/// At least so many connections of a shard are closed per second in a shutdown: those of most servers are closed
/// before the first one, a second later, dials the next process.
const CLOSES_PER_SECOND: u64 = 250;

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

    /// Looks at the shard's state, or counts something: nothing is sent, so that no turn has to end.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&mut Shard) -> T) -> T {
        look(&mut self.shard.borrow_mut())
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
        self.ask_application();
    }

    /// Asks the application what clients have brought up.
    fn ask_application(&self) {
        let questions = self.shard.borrow_mut().take_questions();
        for question in questions {
            spawn_local(authorise(self.clone(), question));
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
    // Each of them runs as long as the shard does; one that ends has failed, and the shard with it.
    let mut tasks = JoinSet::new();
    tasks.spawn_local(watch_sockets(handle.clone(), Watched(poll)));
    tasks.spawn_local(tick(handle.clone()));
    tasks.spawn_local(write_out(handle.clone()));
    let work = async {
        let grace_ms = read_mailbox(&handle).await;
        let grace = Duration::from_millis(grace_ms);
        let mailbox = async {
            loop {
                read_mailbox(&handle).await;
            }
        };
        tokio::select! {
            _ = tokio::time::timeout(grace, drain(&handle, grace_ms)) => {}
            () = mailbox => {}
        }
    };
    tokio::select! {
        () = work => Ok(()),
        failed = tasks.join_next() => failed.map_or(Ok(()), |ended| ended.map_err(io::Error::other)?),
    }
}

/// Handles what other threads want, until the process is to end.
async fn read_mailbox(handle: &ShardHandle) -> u64 {
    loop {
        let mut grace_ms = None;
        for (count, message) in
            handle.shards.mailbox(handle.id).take().await.into_iter().enumerate()
        {
            if count % MESSAGES_AT_ONCE == MESSAGES_AT_ONCE - 1 {
                handle.end_turn();
                tokio::task::yield_now().await;
            }
            let mut shard = handle.shard.borrow_mut();
            let now = shard.now();
            let Shard { hub, io, .. } = &mut *shard;
            match message {
                ShardMessage::Peer(message) => hub.accept(message, now, io),
                ShardMessage::Connection(stream, peer) => shard.open(stream, peer),
                ShardMessage::Request(stream, head) => shard.take_request(stream, head),
                ShardMessage::Guest(guest) => shard.take_guest(*guest),
                ShardMessage::Follower(follower) => shard.take_follower(*follower),
                ShardMessage::Arrival(arrival) => shard.arrive(*arrival),
                ShardMessage::Act(act) => act(&mut shard),
                ShardMessage::Ask(question) => question(hub, &io.metrics, now),
                ShardMessage::Publish(app, event) => shard.publish(app, &[event.body()]),
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

/// Asks the application whether a client may subscribe.
async fn authorise(handle: ShardHandle, (ticket, question): Asked) {
    let Some(authoriser) = &handle.shared.authoriser else {
        return; // without clients of Socket.IO nobody asks
    };
    let answer = authoriser.ask(question).await;
    handle.with(|shard| shard.authorised(&ticket, answer));
}

/// Writes what waits, and looks around after each piece: what came in meanwhile is joined to what
/// is still to be written.
async fn write_out(handle: ShardHandle) -> io::Result<()> {
    loop {
        handle.turn_ends.notified().await;
        handle.ask_application(); // a request may have brought questions up
        while handle.shard.borrow_mut().flush(WRITES_AT_ONCE) {
            tokio::task::yield_now().await;
        }
    }
}

async fn tick(handle: ShardHandle) -> io::Result<()> {
    let mut interval = tokio::time::interval(Duration::from_secs(1));
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        handle.shard.borrow_mut().tick();
        // Whom the system had no descriptor for is not told of again, but still waits.
        handle.acceptor.borrow_mut().iter_mut().for_each(|acceptor| acceptor.has_more = true);
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
        if is_finished(&handle) && events.iter().count() < EVENTS_MAX {
            let mut ready = poll.readable_mut().await?;
            ready.get_inner_mut().0.poll(&mut events, Some(Duration::ZERO))?;
            if events.iter().count() < EVENTS_MAX {
                ready.clear_ready();
            }
        } else {
            tokio::task::yield_now().await;
            poll.get_mut().0.poll(&mut events, Some(Duration::ZERO))?;
        }
        // They have waited longer.
        handle.shard.borrow_mut().read_unfinished();
        read_events(&handle, &events);
        accept(&handle);
        handle.end_turn();
        handle.shards.until_they_keep_up().await;
    }
}

/// Whether nothing is left to do of which the epoll set does not tell again.
fn is_finished(handle: &ShardHandle) -> bool {
    let is_accepting = handle.acceptor.borrow().as_ref().is_some_and(|acceptor| acceptor.has_more);
    !is_accepting && handle.shard.borrow().unfinished.is_empty()
}

fn read_events(handle: &ShardHandle, events: &Events) {
    for event in events {
        if event.token() == LISTENER {
            handle.acceptor.borrow_mut().iter_mut().for_each(|acceptor| acceptor.has_more = true);
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
    /// Whether somebody may be waiting to be accepted.
    has_more: bool,
}

impl Acceptor {
    fn new(listener: TcpListener, registry: &Registry) -> io::Result<Self> {
        let mut listener = mio::net::TcpListener::from_std(listener);
        registry.register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self { listener, next: 0, has_more: false })
    }
}

/// Accepts some of those who wait and hands them to the shards in turn.
fn accept(handle: &ShardHandle) {
    let mut acceptor = handle.acceptor.borrow_mut();
    let Some(Acceptor { listener, next, has_more }) = &mut *acceptor else {
        return;
    };
    for _ in 0..ACCEPTS_AT_ONCE {
        if !*has_more {
            return;
        }
        match listener.accept() {
            Ok((stream, peer)) => {
                if !handle.shared.sockets.try_enter() {
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
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                *has_more = false;
                let is_failure = error.kind() != io::ErrorKind::WouldBlock;
                if is_failure && handle.look(Shard::may_log) {
                    tracing::warn!(%error, "a connection could not be accepted");
                }
            }
        }
    }
}

/// Closes the connections over a part of the grace period, so that they don't all come back at the
/// same moment, and stays until all shards' connections are gone: a channel of theirs may be this
/// one's.
async fn drain(handle: &ShardHandle, grace_ms: u64) {
    const STEP: Duration = Duration::from_millis(50);
    let slots = handle.shard.borrow_mut().begin_draining();
    let spread_ms = (grace_ms * 7 / 10).min(slots.len() as u64 * 1000 / CLOSES_PER_SECOND);
    let steps = (spread_ms / STEP.as_millis() as u64).max(1);
    for chunk in slots.chunks(slots.len().div_ceil(steps as usize).max(1)) {
        handle.shard.borrow_mut().close_for_shutdown(chunk);
        handle.end_turn();
        tokio::time::sleep(STEP).await;
    }
    let Shared { websockets, closing, http, .. } = &*handle.shared;
    while websockets.count() > 0 || closing.count() > 0 || http.count() > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
