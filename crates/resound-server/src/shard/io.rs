//! A shard's sockets, and what goes out through them.

use std::{collections::HashMap, io, sync::Arc};

use bytes::Bytes;
use mio::{Interest, Registry, Token};
use resound_hub::{
    app::AppNumber,
    authorise::AuthRequest,
    peer::{ChannelKey, PeerMessage, ShardId, Slot},
    recovery::Return,
    sink::{Note, Sink, Who},
    time::Now,
};
use resound_protocol::{
    error::ClientError, member::Member, socket_id::SocketId, socketio, webhook::What, websocket,
};

use super::{
    Asked,
    connection::{Connection, Link, Phase},
    deadlines::{Awaited, Deadlines},
    mailbox::{ShardMessage, Shards},
    outbox::{Entry, Outbox},
    polling::{CHECK_MICROS, PollFormat, PollName, Polling},
    socket::{Socket, Written},
    stream::Stream,
};
use crate::{
    authorise::Question,
    log::MessageLog,
    metrics::ShardMetrics,
    server::Shared,
    tls::{Received, SessionFault},
};

/// How long a closed connection may take to take its last bytes and close, too.
const CLOSING_SECONDS: u64 = 5;
/// How long one may take that was closed because it took its messages too slowly.
const CLOSING_SLOWLY_SECONDS: u64 = 30;
/// Messages for another shard that are handed over before the turn ends.
const OUTGOING_MAX: usize = 1024;

/// The answer to HTTP where HTTPS is spoken.
const NO_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 79\r\n\
    Connection: close\r\n\r\nThis port speaks HTTPS: use https:// and wss:// in place of http:// and ws://.\n";

/// Everything of a shard but its hub.
pub(super) struct Io {
    pub(super) id: ShardId,
    pub(super) shared: Arc<Shared>,
    pub(super) shards: Shards,
    pub(super) metrics: ShardMetrics,
    registry: Registry,
    connections: Vec<Option<Box<Connection>>>,
    free: Vec<Slot>,
    /// Those that have no socket of their own, by the name of their requests.
    polling: HashMap<PollName, Slot>,
    /// Those that have moved to another shard, by the same name.
    pub(super) moved: HashMap<SocketId, ShardId>,
    /// Questions for the application.
    pub(super) questions: Vec<Asked>,
    /// Connections that are to move to another shard.
    pub(super) departures: Vec<(Slot, ShardId, Return)>,
    serial: u32,
    outbox: Outbox,
    outgoing: Vec<Vec<ShardMessage>>,
    /// Connections that broke while they were written to; their sessions are to be ended.
    broken: Vec<(Slot, u32)>,
    deadlines: Deadlines,
    pub(super) log: MessageLog,
}

impl Io {
    pub(super) fn new(
        id: ShardId,
        shared: Arc<Shared>,
        shards: Shards,
        registry: Registry,
    ) -> Self {
        Self {
            id,
            metrics: ShardMetrics::default(),
            registry,
            connections: Vec::new(),
            free: Vec::new(),
            polling: HashMap::new(),
            moved: HashMap::new(),
            questions: Vec::new(),
            departures: Vec::new(),
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

    /// Takes in a socket, which is counted; it has a while to say what it wants.
    pub(super) fn open(&mut self, stream: Stream, now: Now) -> io::Result<Slot> {
        let link = Link::Socket(Socket::new(stream));
        let slot = self.seat(link, Phase::Opening(Vec::new()))?;
        let due = now.micros() + self.shared.handshake_timeout_micros();
        self.deadlines.opening.push_back((due, slot, self.serial));
        Ok(slot)
    }

    /// Takes in a WebSocket, which is counted, that is to carry on a session.
    pub(super) fn open_probing(
        &mut self,
        socket: Socket,
        session: SocketId,
        now: Now,
    ) -> io::Result<Slot> {
        let slot = self.seat(Link::Socket(socket), Phase::Probing(session))?;
        let due = now.micros() + self.shared.handshake_timeout_micros();
        self.deadlines.opening.push_back((due, slot, self.serial));
        Ok(slot)
    }

    /// Takes in a client without a socket, which is counted.
    pub(super) fn open_polling(&mut self, polling: Box<Polling>, phase: Phase, now: Now) -> Slot {
        let is_watched = polling.format == PollFormat::Xhr;
        let slot = self.seat(Link::Polling(polling), phase).expect("no socket is to be watched");
        if is_watched {
            self.deadlines.polling.push_back((now.micros() + CHECK_MICROS, slot, self.serial));
        } else {
            // One that is opened and left alone must not take a place for as long as a ping takes.
            let due = now.micros() + self.shared.handshake_timeout_micros();
            self.deadlines.opening.push_back((due, slot, self.serial));
        }
        slot
    }

    /// Gives something that carries messages a place.
    pub(super) fn seat(&mut self, mut link: Link, phase: Phase) -> io::Result<Slot> {
        let slot = self.free.last().copied().unwrap_or(self.connections.len() as Slot);
        match &mut link {
            Link::Socket(socket) => {
                let (token, interest) = (Token(slot as usize), interest(socket));
                self.registry.register(socket.source(), token, interest)?;
            }
            Link::Polling(polling) => {
                self.polling.insert(polling.name.clone(), slot);
            }
        }
        if self.free.pop().is_none() {
            self.connections.push(None);
        }
        self.serial = self.serial.wrapping_add(1);
        let connection = Connection::new(self.serial, phase, link);
        self.connections[slot as usize] = Some(Box::new(connection));
        Ok(slot)
    }

    pub(super) fn connection(&mut self, slot: Slot) -> Option<&mut Connection> {
        self.connections.get_mut(slot as usize)?.as_deref_mut()
    }

    pub(super) fn socket(&mut self, slot: Slot) -> Option<&mut Socket> {
        self.connection(slot)?.socket()
    }

    /// The slot of a client without a socket.
    pub(super) fn polling_slot(&self, name: &PollName) -> Option<Slot> {
        self.polling.get(name).copied()
    }

    /// Takes a connection out that ends, or that becomes one of the HTTP API.
    pub(super) fn remove(&mut self, slot: Slot) -> Option<Box<Connection>> {
        let connection = self.detach(slot)?;
        match connection.phase {
            Phase::Opening(_) | Phase::Probing(_) => {}
            Phase::Open { .. } => self.shared.websockets.leave(),
            Phase::Closing { .. } => self.shared.closing.leave(),
        }
        match &connection.link {
            Link::Socket(_) => self.shared.sockets.leave(),
            Link::Polling(polling) => {
                self.shared.polling.leave();
                self.forget_move(&polling.name);
            }
        }
        Some(connection)
    }

    /// Takes a connection out that lives on somewhere else. Its counts stay.
    pub(super) fn detach(&mut self, slot: Slot) -> Option<Box<Connection>> {
        let connection = self.connections.get_mut(slot as usize)?.take()?;
        if let Link::Polling(polling) = &connection.link {
            self.polling.remove(&polling.name);
        }
        self.free.push(slot);
        if self.free.len() == self.connections.len() {
            self.connections = Vec::new();
            self.free = Vec::new();
            self.polling = HashMap::new();
        }
        Some(connection)
    }

    /// Tells the shard where a client's requests arrive where the client has gone.
    pub(super) fn note_move(&mut self, id: SocketId, to: ShardId) {
        let home = id.place(self.shards.count());
        let note = move |shard: &mut super::Shard| {
            shard.io.moved.insert(id, to);
        };
        self.outgoing[home].push(ShardMessage::Act(Box::new(note)));
    }

    /// Tells the shard where a client's requests arrive that the client is not here any more.
    fn forget_move(&mut self, name: &PollName) {
        let home = name.home(self.shards.count());
        if let PollName::Engine(id) = name
            && home != self.id
        {
            let id = *id;
            let forget = move |shard: &mut super::Shard| {
                shard.io.moved.remove(&id);
            };
            self.outgoing[home].push(ShardMessage::Act(Box::new(forget)));
        }
    }

    /// Takes a socket that will live on out of the shard's epoll set; closing does that by itself.
    pub(super) fn unwatch(&mut self, slot: Slot) {
        let Some(socket) = self
            .connections
            .get_mut(slot as usize)
            .and_then(Option::as_mut)
            .and_then(|c| c.socket())
        else {
            return;
        };
        if let Err(error) = self.registry.deregister(socket.source()) {
            tracing::warn!(%error, "a socket could not be taken out of the epoll set");
        }
    }

    pub(super) fn set_phase(&mut self, slot: Slot, phase: Phase) {
        if let Some(connection) = self.connection(slot) {
            connection.phase = phase;
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
            let connection = self.connections[*slot as usize].as_ref();
            connection.is_some_and(|connection| is_meant(&connection.phase))
        };
        (0..self.connections.len() as Slot).filter(is_meant).collect()
    }

    pub(super) fn send_bytes(&mut self, slot: Slot, bytes: Bytes) {
        let Some(connection) =
            self.connections.get_mut(slot as usize).and_then(Option::as_deref_mut)
        else {
            return;
        };
        let entry = Entry { slot, serial: connection.serial };
        self.outbox.note(entry, &mut connection.pending, bytes);
    }

    /// Reads what has come for a connection.
    pub(super) fn read(&mut self, slot: Slot, to: &mut [u8]) -> Result<Received, SessionFault> {
        let Some(socket) = self.socket(slot) else {
            return Ok(Received { count: 0, is_all: true });
        };
        let owed_before = socket.owes();
        let received = socket.read(to);
        // TLS may have answered something that the socket did not take.
        if !owed_before && socket.owes() {
            self.watch(slot);
        }
        received
    }

    /// Tells a client that speaks HTTP without TLS that this is wrong.
    pub(super) fn refuse_plain(&mut self, slot: Slot) {
        if let Some(socket) = self.socket(slot) {
            socket.drop_tls();
        }
        self.close_after(slot, Bytes::from_static(NO_TLS), self.shared.clock.now());
        self.close_answered(slot); // it sends no close frame
    }

    /// Says that the connection is closed; it ends when the client has closed its side or is late.
    pub(super) fn close_with(&mut self, slot: Slot, code: u16, reason: &str, now: Now) {
        let Some(connection) = self.connection(slot) else {
            return;
        };
        if matches!(connection.phase, Phase::Closing { .. }) {
            return;
        }
        let last = match &mut connection.link {
            Link::Socket(_) => websocket::close_frame(code, reason),
            Link::Polling(polling) => {
                polling.end(code, reason);
                Bytes::new() // what is noted for it goes first
            }
        };
        self.close_after(slot, last, now);
    }

    /// Closes an open connection after its last bytes.
    fn close_after(&mut self, slot: Slot, last: Bytes, now: Now) {
        let Some(connection) = self.connection(slot) else {
            return;
        };
        let was_open = matches!(connection.phase, Phase::Open { .. });
        connection.phase = Phase::Closing { is_answered: false };
        let (serial, owes) = (connection.serial, connection.owes());
        self.shared.closing.enter();
        if was_open {
            self.shared.websockets.leave();
        }
        self.send_bytes(slot, last);
        let (list, seconds) = match owes {
            true => (&mut self.deadlines.closing_slowly, CLOSING_SLOWLY_SECONDS),
            false => (&mut self.deadlines.closing, CLOSING_SECONDS),
        };
        list.push_back((now.micros() + seconds * 1_000_000, slot, serial));
    }

    /// Notes that a closing client has closed, too, or that its close frame is not waited for.
    pub(super) fn close_answered(&mut self, slot: Slot) {
        if let Some(connection) = self.connection(slot)
            && matches!(connection.phase, Phase::Closing { .. })
        {
            connection.phase = Phase::Closing { is_answered: true };
            connection.finish();
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

    /// Writes to one connection without waiting for its turn.
    pub(super) fn write_now(&mut self, slot: Slot) {
        if let Some(serial) = self.connection(slot).map(|connection| connection.serial) {
            self.write_pending(Entry { slot, serial });
        }
    }

    fn write_pending(&mut self, entry: Entry) {
        let slot = entry.slot;
        let Some(connection) =
            self.connections.get_mut(slot as usize).and_then(Option::as_deref_mut)
        else {
            return;
        };
        if connection.serial != entry.serial {
            return;
        }
        let pending = std::mem::take(&mut connection.pending);
        if pending.is_empty() {
            return; // it was given up
        }
        // A close frame waits behind what it ends, however much that is.
        let backlog_max = match connection.phase {
            Phase::Closing { .. } => usize::MAX,
            Phase::Opening(_) | Phase::Probing(_) | Phase::Open { .. } => {
                self.shared.config.backlog_bytes
            }
        };
        let socket = match &mut connection.link {
            Link::Socket(socket) => socket,
            Link::Polling(polling) => {
                self.outbox.forget(pending.len());
                // What comes when nothing waits may be larger, as for a socket.
                let is_behind = !polling.is_empty();
                let waiting = pending.into_iter().map(|frame| polling.push(frame)).last();
                let is_over = polling.answer(self.shared.clock.now().micros());
                let is_too_much = is_behind && !polling.is_empty() && waiting > Some(backlog_max);
                if is_over || is_too_much {
                    self.broken.push((slot, entry.serial));
                }
                return;
            }
        };
        let bytes = self.outbox.join(pending);
        let owed_before = socket.owes();
        match socket.write(&bytes, backlog_max) {
            Ok(Written::All) => connection.finish(),
            Ok(Written::Waits) if !owed_before => self.watch(slot),
            Ok(Written::Waits) => {}
            Ok(Written::TooMuch) | Err(_) => self.broken.push((slot, entry.serial)),
        }
    }

    /// Writes what a socket did not take before.
    pub(super) fn writable(&mut self, slot: Slot) {
        let Some(connection) = self.connection(slot) else {
            return;
        };
        let serial = connection.serial;
        let Some(socket) = connection.socket().filter(|socket| socket.owes()) else {
            return;
        };
        match socket.drain() {
            Ok(Written::All) => {
                connection.finish();
                self.watch(slot);
            }
            Ok(_) => {}
            Err(_) => self.broken.push((slot, serial)),
        }
    }

    /// Watches a socket for what it is to do next.
    fn watch(&mut self, slot: Slot) {
        let Some(connection) =
            self.connections.get_mut(slot as usize).and_then(Option::as_deref_mut)
        else {
            return;
        };
        let serial = connection.serial;
        let Some(socket) = connection.socket() else {
            return;
        };
        let (token, interest) = (Token(slot as usize), interest(socket));
        if let Err(error) = self.registry.reregister(socket.source(), token, interest) {
            tracing::warn!(%error, "a socket can't be watched; it is closed");
            self.broken.push((slot, serial));
        }
    }

    /// Answers a WebSocket's probe. From here on no request waits: its client changes over.
    pub(super) fn probed(&mut self, from: Slot, to: Slot, now: Now) {
        self.send_bytes(from, websocket::Frame::text("3probe").bytes().clone());
        if let Some(polling) = self.connection(to).and_then(|c| c.polling()) {
            polling.is_upgrading = true;
            polling.answer(now.micros());
        }
    }

    /// Lets a WebSocket carry on what requests have begun. Says whether it does.
    pub(super) fn take_over(&mut self, from: Slot, to: Slot, now: Now) -> bool {
        self.write_now(from); // the answers to its handshake and its probe
        let Some(Link::Socket(mut socket)) = self.detach(from).map(|connection| connection.link)
        else {
            return false;
        };
        let Some(connection) = self.connections.get_mut(to as usize).and_then(Option::as_deref_mut)
        else {
            return false;
        };
        let (token, interest) = (Token(to as usize), interest(&socket));
        if let Err(error) = self.registry.reregister(socket.source(), token, interest) {
            tracing::warn!(%error, "a socket can't be watched; it is closed");
            self.shared.sockets.leave();
            return false;
        }
        let Link::Polling(mut polling) =
            std::mem::replace(&mut connection.link, Link::Socket(socket))
        else {
            return false;
        };
        self.shared.polling.leave();
        // Before what the outbox has noted since.
        let noted = std::mem::take(&mut connection.pending);
        self.outbox.forget(noted.len());
        polling.answer_empty(now.micros());
        self.polling.remove(&polling.name);
        self.forget_move(&polling.name);
        for frame in polling.take_queued().into_iter().chain(noted) {
            self.send_bytes(to, frame);
        }
        true
    }

    /// The connections that broke and are still there.
    pub(super) fn take_broken(&mut self) -> Vec<Slot> {
        let mut broken = std::mem::take(&mut self.broken);
        broken.retain(|(slot, serial)| {
            self.connection(*slot).is_some_and(|connection| connection.serial == *serial)
        });
        broken.into_iter().map(|(slot, _)| slot).collect()
    }

    /// Whether a client has fetched everything since it was found to be too slow.
    pub(super) fn has_caught_up(&mut self, slot: Slot) -> bool {
        self.connection(slot).and_then(|c| c.polling()).is_some_and(|polling| polling.is_empty())
    }

    /// Gives up what a slow connection is owed, so that its end can follow. What is noted for later goes,
    /// too: after a hole nothing may come but the end. Says whether the end can be told at all.
    pub(super) fn abandon_backlog(&mut self, slot: Slot) -> bool {
        let Some(connection) = self.connection(slot) else {
            return false;
        };
        connection.pending.clear();
        match &mut connection.link {
            Link::Socket(socket) => {
                socket.abandon_backlog();
                socket.owes()
            }
            Link::Polling(polling) => {
                polling.take_queued();
                true
            }
        }
    }

    /// The connections that were too slow to say what they want, to close, or to fetch anything.
    pub(super) fn take_late(&mut self, now: Now) -> Vec<Slot> {
        let mut late = Vec::new();
        while let Some((slot, serial, awaited)) = self.deadlines.pop_due(now) {
            let Some(connection) = self.connection(slot).filter(|c| c.serial == serial) else {
                continue;
            };
            let is_late = match (&connection.phase, awaited) {
                (Phase::Opening(_) | Phase::Probing(_), Awaited::Request)
                | (Phase::Closing { .. }, Awaited::Close) => true,
                (Phase::Open { .. }, Awaited::Request) => {
                    connection.polling().is_some_and(|polling| !polling.has_returned())
                }
                (Phase::Open { .. }, Awaited::Poll) => {
                    connection.polling().is_some_and(|polling| polling.check(now.micros()))
                }
                _ => false,
            };
            if is_late {
                late.push(slot);
            } else if awaited == Awaited::Poll {
                self.deadlines.polling.push_back((now.micros() + CHECK_MICROS, slot, serial));
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
            && let Some(Phase::Open { socket_id, .. }) = self.connection(to).map(|to| &to.phase)
        {
            let socket_id = *socket_id;
            self.log.sent(socket_id, frame);
        }
        if let Some(Phase::Open { app, .. }) = self.connection(to).map(|to| &to.phase) {
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
            if let Some(connection) =
                self.connections.get_mut(*slot as usize).and_then(Option::as_deref_mut)
            {
                let entry = Entry { slot: *slot, serial: connection.serial };
                self.outbox.note(entry, &mut connection.pending, frame.bytes().clone());
                if let Phase::Open { app, socket_id } = connection.phase {
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
            ClientError::Left
                | ClientError::TakenOver
                | ClientError::SignInRefused
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

    fn authorise(&mut self, request: AuthRequest) {
        let asker = self.connection(request.slot);
        let Some(handshake) = asker.and_then(|connection| connection.headers.clone()) else {
            return; // clients of Socket.IO ask, and all of them have some
        };
        let channel = request.channel.name.to_string();
        let socket_id = request.socket_id.to_string();
        let (ticket, headers) = request.into_ticket();
        self.questions.push((ticket, Question { channel, socket_id, headers, handshake }));
    }

    fn hand_over(&mut self, slot: Slot, shard: ShardId, returning: Return) {
        self.departures.push((slot, shard, returning));
    }

    fn members_changed(&mut self, channel: &ChannelKey, members: &[&Member]) {
        let members = socketio::members_json(members.iter().copied());
        self.shared.presence_feed.changed(channel.app, channel.name.as_str(), members);
    }

    fn happened(&mut self, channel: &ChannelKey, what: What) {
        self.shared.hooks.happened(channel.app, channel.name.as_str(), what);
    }

    fn resumed(&mut self, slot: Slot, socket_id: SocketId) {
        if let Some(Phase::Open { socket_id: name, .. }) =
            self.connection(slot).map(|connection| &mut connection.phase)
        {
            *name = socket_id;
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
            Note::Recovered(_) => self.metrics.recovered += 1,
            Note::NotRecovered(_) => self.metrics.not_recovered += 1,
            Note::Unsubscribed(_) | Note::SignedIn(_) | Note::ClientEvent { .. } => {}
        }
        self.log.note(who, note);
    }
}

/// What a socket is watched for.
fn interest(socket: &Socket) -> Interest {
    if socket.owes() { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE }
}
