//! A shard's sockets, and what goes out through them.

use std::{io, sync::Arc};

use bytes::Bytes;
use mio::{Interest, Registry, Token, net::TcpStream};
use resound_hub::{
    app::AppNumber,
    peer::{PeerMessage, ShardId, Slot},
    sink::{Note, Sink, Who},
    time::Now,
};
use resound_protocol::{error::ClientError, websocket};

use super::{
    deadlines::{Awaited, Deadlines},
    mailbox::{ShardMessage, Shards},
    outbox::{Entry, Outbox},
    socket::{Phase, Socket, Written},
};
use crate::{log::MessageLog, metrics::ShardMetrics, server::Shared};

/// How long a closed connection may take to take its last bytes and close, too.
const CLOSING_SECONDS: u64 = 5;
/// How long one may take that was closed because it took its messages too slowly.
const CLOSING_SLOWLY_SECONDS: u64 = 30;
/// Messages for another shard that are handed over before the turn ends.
const OUTGOING_MAX: usize = 1024;

/// Everything of a shard but its hub.
pub(super) struct Io {
    pub(super) shared: Arc<Shared>,
    pub(super) shards: Shards,
    pub(super) metrics: ShardMetrics,
    registry: Registry,
    sockets: Vec<Option<Box<Socket>>>,
    free: Vec<Slot>,
    serial: u32,
    outbox: Outbox,
    outgoing: Vec<Vec<ShardMessage>>,
    /// Connections that broke while they were written to; their sessions are to be ended.
    broken: Vec<(Slot, u32)>,
    deadlines: Deadlines,
    pub(super) log: MessageLog,
}

impl Io {
    pub(super) fn new(shared: Arc<Shared>, shards: Shards, registry: Registry) -> Self {
        Self {
            metrics: ShardMetrics::default(),
            registry,
            sockets: Vec::new(),
            free: Vec::new(),
            serial: 0,
            outbox: Outbox::default(),
            outgoing: (0..shards.count()).map(|_| Vec::new()).collect(),
            broken: Vec::new(),
            deadlines: Deadlines::default(),
            log: MessageLog::default(),
            shared,
            shards,
        }
    }

    /// Takes in a connection, which is counted; it has a while to say what it wants.
    pub(super) fn open(&mut self, mut stream: TcpStream, now: Now) -> io::Result<()> {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.sockets.push(None);
            self.sockets.len() as Slot - 1
        });
        if let Err(error) =
            self.registry.register(&mut stream, Token(slot as usize), Interest::READABLE)
        {
            self.free.push(slot);
            return Err(error);
        }
        self.serial = self.serial.wrapping_add(1);
        self.sockets[slot as usize] = Some(Box::new(Socket::new(stream, self.serial)));
        let due = now.micros() + self.shared.handshake_timeout_micros();
        self.deadlines.opening.push_back((due, slot, self.serial));
        Ok(())
    }

    pub(super) fn socket(&mut self, slot: Slot) -> Option<&mut Socket> {
        self.sockets.get_mut(slot as usize)?.as_deref_mut()
    }

    /// Takes a socket out: to be dropped, or to be handed to the HTTP API.
    pub(super) fn remove(&mut self, slot: Slot) -> Option<Box<Socket>> {
        let socket = self.sockets.get_mut(slot as usize)?.take()?;
        match socket.phase {
            Phase::Opening(_) => {}
            Phase::Open { .. } => self.shared.websockets.leave(),
            Phase::Closing { .. } => self.shared.closing.leave(),
        }
        self.shared.sockets.leave();
        self.free.push(slot);
        if self.free.len() == self.sockets.len() {
            self.sockets = Vec::new();
            self.free = Vec::new();
        }
        Some(socket)
    }

    /// Takes a socket that will live on out of the shard's epoll set; closing does that by itself.
    pub(super) fn unwatch(&mut self, slot: Slot) {
        let Some(socket) = self.sockets.get_mut(slot as usize).and_then(Option::as_deref_mut)
        else {
            return;
        };
        if let Err(error) = self.registry.deregister(&mut socket.stream) {
            tracing::warn!(%error, "a socket could not be taken out of the epoll set");
        }
    }

    pub(super) fn set_phase(&mut self, slot: Slot, phase: Phase) {
        if let Some(socket) = self.socket(slot) {
            socket.phase = phase;
        }
    }

    /// Notes that a client has closed its side.
    pub(super) fn note_end(&mut self, slot: Slot) {
        if let Some(socket) = self.socket(slot) {
            socket.is_ending = true;
        }
    }

    /// The connections in some phase.
    pub(super) fn slots(&self, is_meant: impl Fn(&Phase) -> bool) -> Vec<Slot> {
        let is_meant = |slot: &Slot| {
            self.sockets[*slot as usize].as_ref().is_some_and(|socket| is_meant(&socket.phase))
        };
        (0..self.sockets.len() as Slot).filter(is_meant).collect()
    }

    pub(super) fn send_bytes(&mut self, slot: Slot, bytes: Bytes) {
        let Some(socket) = self.sockets.get_mut(slot as usize).and_then(Option::as_deref_mut)
        else {
            return;
        };
        let entry = Entry { slot, serial: socket.serial };
        self.outbox.note(entry, &mut socket.pending, bytes);
    }

    /// Sends a close frame; the socket follows when the client has closed its side or is late.
    pub(super) fn close_with(&mut self, slot: Slot, code: u16, reason: &str, now: Now) {
        let Some(socket) = self.socket(slot) else {
            return;
        };
        if matches!(socket.phase, Phase::Closing { .. }) {
            return;
        }
        let was_open = matches!(socket.phase, Phase::Open { .. });
        socket.phase = Phase::Closing { is_answered: false };
        let (serial, owes) = (socket.serial, socket.owes());
        self.shared.closing.enter();
        if was_open {
            self.shared.websockets.leave();
        }
        self.send_bytes(slot, websocket::close_frame(code, reason));
        let (list, seconds) = match owes {
            true => (&mut self.deadlines.closing_slowly, CLOSING_SLOWLY_SECONDS),
            false => (&mut self.deadlines.closing, CLOSING_SECONDS),
        };
        list.push_back((now.micros() + seconds * 1_000_000, slot, serial));
    }

    /// Notes that a closing client has closed, too, or that its close frame is not waited for.
    pub(super) fn close_answered(&mut self, slot: Slot) {
        if let Some(socket) = self.socket(slot)
            && matches!(socket.phase, Phase::Closing { .. })
        {
            socket.phase = Phase::Closing { is_answered: true };
            socket.finish();
        }
    }

    /// Hands over what other shards are to do.
    pub(super) fn post_outgoing(&mut self) {
        for (shard, outgoing) in self.outgoing.iter_mut().enumerate() {
            if !outgoing.is_empty() {
                self.shards.mailbox(shard).post(outgoing);
            }
        }
    }

    /// How many connections wait to be written to.
    pub(super) fn waiting(&self) -> usize {
        self.outbox.waiting()
    }

    /// Writes to so many connections, one write each; to all of them if too much is noted, answers to
    /// a flood among it.
    pub(super) fn flush(&mut self, connections_max: usize) {
        let connections_max = if self.outbox.is_full() { usize::MAX } else { connections_max };
        for _ in 0..connections_max {
            let Some(entry) = self.outbox.next() else {
                break;
            };
            self.write_pending(entry);
        }
        let mut now = None;
        while let Some(published) = self.outbox.pop_published() {
            let now = now.get_or_insert_with(|| self.shared.clock.now());
            let passed = now.micros().saturating_sub(published.micros());
            self.metrics.publish_to_write.observe(passed);
        }
    }

    fn write_pending(&mut self, entry: Entry) {
        let slot = entry.slot;
        let Some(socket) = self.sockets.get_mut(slot as usize).and_then(Option::as_deref_mut)
        else {
            return;
        };
        if socket.serial != entry.serial {
            return;
        }
        let pending = std::mem::take(&mut socket.pending);
        if pending.is_empty() {
            return; // it was given up
        }
        let bytes = self.outbox.join(pending);
        let owed_before = socket.owes();
        // A close frame waits behind what it ends, however much that is.
        let backlog_max = match socket.phase {
            Phase::Closing { .. } => usize::MAX,
            Phase::Opening(_) | Phase::Open { .. } => self.shared.config.backlog_bytes,
        };
        match socket.write(&bytes, backlog_max) {
            Ok(Written::All) => socket.finish(),
            Ok(Written::Waits) if !owed_before => {
                self.watch(slot, Interest::READABLE | Interest::WRITABLE);
            }
            Ok(Written::Waits) => {}
            Ok(Written::TooMuch) | Err(_) => self.broken.push((slot, entry.serial)),
        }
    }

    /// Writes what a socket did not take before.
    pub(super) fn writable(&mut self, slot: Slot) {
        let Some(socket) = self.socket(slot) else {
            return;
        };
        if !socket.owes() {
            return;
        }
        match socket.drain() {
            Ok(Written::All) => {
                socket.finish();
                self.watch(slot, Interest::READABLE);
            }
            Ok(_) => {}
            Err(_) => {
                let serial = socket.serial;
                self.broken.push((slot, serial));
            }
        }
    }

    fn watch(&mut self, slot: Slot, interest: Interest) {
        let Some(socket) = self.sockets.get_mut(slot as usize).and_then(Option::as_deref_mut)
        else {
            return;
        };
        if let Err(error) =
            self.registry.reregister(&mut socket.stream, Token(slot as usize), interest)
        {
            tracing::warn!(%error, "a socket can't be watched; it is closed");
            self.broken.push((slot, socket.serial));
        }
    }

    /// The connections that broke and are still there.
    pub(super) fn take_broken(&mut self) -> Vec<Slot> {
        let mut broken = std::mem::take(&mut self.broken);
        broken.retain(|(slot, serial)| {
            self.socket(*slot).is_some_and(|socket| socket.serial == *serial)
        });
        broken.into_iter().map(|(slot, _)| slot).collect()
    }

    /// Gives up what a slow connection is owed, so that the close frame can follow.
    pub(super) fn abandon_backlog(&mut self, slot: Slot) -> bool {
        let Some(socket) = self.socket(slot) else {
            return false;
        };
        socket.abandon_backlog();
        socket.owes()
    }

    /// The connections that were too slow to say what they want, or to close.
    pub(super) fn take_late(&mut self, now: Now) -> Vec<Slot> {
        let mut late = Vec::new();
        while let Some((slot, serial, awaited)) = self.deadlines.pop_due(now) {
            let is_late = self.socket(slot).is_some_and(|socket| {
                let still_awaited = match socket.phase {
                    Phase::Opening(_) => awaited == Awaited::Request,
                    Phase::Open { .. } => false,
                    Phase::Closing { .. } => awaited == Awaited::Close,
                };
                socket.serial == serial && still_awaited
            });
            if is_late {
                late.push(slot);
            }
        }
        late
    }

    pub(super) fn allow_log_lines(&mut self) {
        self.log.next_second();
    }
}

impl Sink for Io {
    fn send(&mut self, to: Slot, frame: &websocket::Frame) {
        if self.log.shows_messages()
            && let Some(Phase::Open { socket_id, .. }) = self.socket(to).map(|socket| &socket.phase)
        {
            let socket_id = *socket_id;
            self.log.sent(socket_id, frame);
        }
        if let Some(Phase::Open { app, .. }) = self.socket(to).map(|socket| &socket.phase) {
            let app = *app;
            self.metrics.app(app).sent(1, frame.bytes().len());
        }
        self.send_bytes(to, frame.bytes().clone());
    }

    fn fan_out(
        &mut self,
        to: &[Slot],
        except: Option<Slot>,
        frame: &websocket::Frame,
        published: Option<Now>,
    ) {
        if self.outbox.is_full() {
            self.flush(usize::MAX);
        }
        let shows_messages = self.log.shows_messages();
        let (mut sent, mut sent_for) = (0, None);
        for slot in to.iter().filter(|slot| Some(**slot) != except) {
            if let Some(socket) =
                self.sockets.get_mut(*slot as usize).and_then(Option::as_deref_mut)
            {
                let entry = Entry { slot: *slot, serial: socket.serial };
                self.outbox.note(entry, &mut socket.pending, frame.bytes().clone());
                if let Phase::Open { app, socket_id } = socket.phase {
                    (sent, sent_for) = (sent + 1, Some(app));
                    if shows_messages {
                        self.log.sent(socket_id, frame);
                    }
                }
            }
        }
        if let Some(app) = sent_for {
            self.metrics.app(app).sent(sent, sent * frame.bytes().len());
        }
        if let Some(at) = published {
            self.outbox.note_published(at);
        }
    }

    fn ping(&mut self, to: Slot) {
        self.send_bytes(to, websocket::ping_frame());
    }

    fn close(&mut self, slot: Slot, error: &ClientError) {
        // Those that are left out have been counted when they were noted, or are no refusals.
        if !matches!(
            error,
            ClientError::SignInRefused
                | ClientError::Terminated
                | ClientError::RateLimit
                | ClientError::ShuttingDown
        ) {
            self.metrics.refused(error);
        }
        let now = self.shared.clock.now();
        self.close_with(slot, error.code(), &error.to_string(), now);
    }

    fn peer(&mut self, shard: ShardId, message: PeerMessage) {
        let outgoing = &mut self.outgoing[shard];
        outgoing.push(ShardMessage::Peer(message));
        if outgoing.len() >= OUTGOING_MAX {
            self.shards.mailbox(shard).post(outgoing);
        }
    }

    fn note(&mut self, who: &Who<'_>, note: Note<'_>) {
        let app: AppNumber = who.app.number();
        match note {
            Note::Connected => self.metrics.app(app).connected += 1,
            Note::Disconnected => self.metrics.app(app).disconnected += 1,
            Note::Received(text) => self.metrics.app(app).received(text.len()),
            Note::Refused(error, _) => self.metrics.refused(error),
            Note::SubscriptionRefused { .. } => self.metrics.subscription_refused(),
            Note::Subscribed(_) => self.metrics.app(app).subscribed += 1,
            Note::Unsubscribed(_) | Note::SignedIn(_) | Note::ClientEvent { .. } => {}
        }
        self.log.note(who, note);
    }
}
