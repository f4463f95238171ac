//! A shard: one thread with its sockets, its part of the hub, and one event loop.
//!
//! The loop is a single-threaded runtime. WebSocket connections are no tasks: their sockets stand
//! in an epoll set of the shard's own, which the runtime watches as one descriptor, so that a
//! connection costs a few hundred bytes and a fan-out is a walk over a list. Requests of the HTTP
//! API are tasks beside it; they reach the hub of their shard directly.

mod arrival;
mod connection;
mod deadlines;
pub(crate) mod engine;
pub(crate) mod guest;
mod io;
pub(crate) mod mailbox;
mod outbox;
pub(crate) mod polling;
mod run;
mod socket;
mod stream;

use std::{net::SocketAddr, ops::ControlFlow, sync::Arc};

use bytes::Bytes;
use mio::Registry;
use resound_hub::{
    app::AppNumber,
    authorise::AuthTicket,
    hub::Hub,
    peer::{ShardId, Slot},
    sink::{Note, Sink, Who},
    socketio::SocketIoOptions,
    time::Now,
};
use resound_protocol::{
    api::EventBody,
    error::ClientError,
    message,
    socket_id::SocketId,
    websocket::{self, Incoming},
};
pub(crate) use run::{ShardHandle, spawn};
pub(crate) use stream::Stream;

use self::{connection::Phase, io::Io, mailbox::Shards, socket::is_temporary};
use crate::{
    authorise::Question,
    server::{HttpStay, Shared},
    tls::{Received, SessionFault, Tls},
    transport::{self, Opening, Target},
};

/// The close code of a page that is left (RFC 6455, 7.4.1).
const GOING_AWAY: u16 = 1001;
/// Bytes that one connection may be read in a turn; the buffer is the shard's, not the connection's.
const READ_BYTES: usize = 64 * 1024;
/// How a connection begins whose client speaks TLS (RFC 8446, section 5.1).
const TLS_HANDSHAKE: &[u8] = &[22, 3];
/// Handshakes of TLS before other work gets its turn: some milliseconds with a key of RSA.
const HANDSHAKES_AT_ONCE: usize = 8;

/// A shard's state.
pub(crate) struct Shard {
    hub: Hub,
    io: Io,
    buffer: Vec<u8>,
    /// Connections that have more to read than they may in one turn. One that is replaced meanwhile
    /// is read once in vain.
    unfinished: Vec<Slot>,
    /// Connections that turned out to speak HTTP.
    requests: Vec<HttpConnection>,
    /// Handshakes of TLS that this turn has gone on with.
    handshakes: usize,
    draining: bool,
}

/// A connection that speaks HTTP, with what was read of it.
pub(crate) struct HttpConnection {
    pub(crate) stream: Stream,
    pub(crate) read: Bytes,
    pub(crate) stay: HttpStay,
}

impl Shard {
    fn new(id: ShardId, shared: Arc<Shared>, shards: Shards, registry: Registry) -> Self {
        let hub = Hub::new(id, shards.count(), shared.apps()).with_socketio(SocketIoOptions {
            reports_members: shared.presence_feed.is_on(),
            ..shared.config.socketio.options
        });
        Self {
            hub,
            io: Io::new(id, shared, shards, registry),
            buffer: vec![0; READ_BYTES],
            unfinished: Vec::new(),
            requests: Vec::new(),
            handshakes: 0,
            draining: false,
        }
    }

    pub(crate) fn hub(&self) -> &Hub {
        &self.hub
    }

    pub(crate) fn metrics_mut(&mut self) -> &mut crate::metrics::ShardMetrics {
        &mut self.io.metrics
    }

    fn now(&self) -> Now {
        self.io.shared.clock.now()
    }

    /// Takes in a connection, which is counted, or closes it.
    fn open(&mut self, tcp: std::net::TcpStream, peer: SocketAddr) {
        if self.io.shared.is_draining() {
            self.stop_admitting(); // another shard has heard of the end first, and so has this client
        }
        let now = self.now();
        let tls = self.io.shared.tls.as_ref().map(Tls::session).transpose();
        // Accepted by mio it does not block, and on Linux it has the listener's TCP_NODELAY.
        let opened = tls
            .map_err(std::io::Error::other)
            .and_then(|tls| self.io.open(Stream { tcp, tls }, now));
        if let Err(error) = opened {
            self.io.shared.sockets.leave();
            if self.may_log() {
                tracing::warn!(%peer, %error, "a connection could not be taken in");
            }
        }
    }

    /// Whether a line about what outsiders cause may be written; there is a limit for each second.
    pub(crate) fn may_log(&mut self) -> bool {
        self.io.log.may_write()
    }

    /// Reads what a connection sent, up to its share of the turn.
    fn readable(&mut self, slot: Slot) {
        let Some(socket) = self.io.socket(slot) else {
            return;
        };
        if socket.is_unfinished {
            return; // its turn comes
        }
        if socket.is_handshaking() {
            if self.handshakes == HANDSHAKES_AT_ONCE {
                return self.leave_unfinished(slot);
            }
            self.handshakes += 1;
        }
        let is_ending = socket.is_ending;
        match self.io.read(slot, &mut self.buffer) {
            Ok(Received { count: 0, .. }) => return self.drop_connection(slot),
            Ok(Received { count, is_all }) => {
                self.take(slot, count);
                if is_all && !is_ending {
                    return;
                }
            }
            Err(SessionFault::Io(error)) if is_temporary(&error) => return,
            Err(fault) => return self.refuse_bytes(slot, &fault),
        }
        self.leave_unfinished(slot);
    }

    fn leave_unfinished(&mut self, slot: Slot) {
        if let Some(socket) = self.io.socket(slot) {
            socket.is_unfinished = true;
            self.unfinished.push(slot);
        }
    }

    /// Ends a connection that can't be read.
    fn refuse_bytes(&mut self, slot: Slot, fault: &SessionFault) {
        let peer = self.io.socket(slot).and_then(|socket| socket.peer());
        let peer = peer.map(tracing::field::display);
        match fault {
            SessionFault::Io(_) => self.drop_connection(slot),
            SessionFault::Tls(error) => {
                self.io.metrics.request_refused("tls");
                if self.may_log() {
                    tracing::info!(peer, reason = %error, "TLS failed, the connection is closed");
                }
                self.drop_connection(slot);
            }
            SessionFault::NoTls => {
                self.io.metrics.request_refused("no_tls");
                if self.may_log() {
                    tracing::info!(
                        peer,
                        "a client speaks HTTP where HTTPS is spoken; it is told so"
                    );
                }
                self.io.refuse_plain(slot);
            }
        }
    }

    /// Begins a turn: reads on where the turn before had to stop.
    fn read_unfinished(&mut self) {
        self.handshakes = 0;
        for slot in std::mem::take(&mut self.unfinished) {
            if let Some(socket) = self.io.socket(slot) {
                socket.is_unfinished = false;
                self.readable(slot);
            }
        }
    }

    fn take(&mut self, slot: Slot, count: usize) {
        let Some(connection) = self.io.connection(slot) else {
            return;
        };
        match &mut connection.phase {
            Phase::Opening(head) => {
                head.extend_from_slice(&self.buffer[..count]);
                self.opening(slot);
            }
            Phase::Probing(name) => {
                let name = *name;
                self.probe(slot, name, count);
            }
            Phase::Open { .. } => self.decode(slot, count),
            Phase::Closing { .. } => self.listen_for_close(slot, count),
        }
    }

    /// Discards what a client says that is being closed, until it closes, too.
    fn listen_for_close(&mut self, slot: Slot, count: usize) {
        let Some(socket) = self.io.socket(slot) else {
            return;
        };
        let mut is_closed = false;
        let decoded = socket.decoder.decode(&mut self.buffer[..count], READ_BYTES, |incoming| {
            is_closed |= matches!(incoming, Incoming::Close(_));
            ControlFlow::Continue(())
        });
        if is_closed || decoded.is_err() {
            self.io.close_answered(slot);
        }
    }

    /// Looks whether the request is complete, and what it wants.
    fn opening(&mut self, slot: Slot) {
        let shared = self.io.shared.clone();
        let is_draining = self.draining;
        let Some(connection) = self.io.connection(slot) else {
            return;
        };
        let Phase::Opening(head) = &mut connection.phase else {
            return;
        };
        let opening = transport::read_opening(head, &shared.config);
        match opening {
            Opening::Incomplete => {}
            Opening::WebSocket(request) if !is_draining => {
                let head = std::mem::take(head);
                self.upgrade(slot, *request, head);
            }
            // A WebSocket that comes during a shutdown is answered over HTTP: pusher-js for Node gives
            // up for good when connections that were opened end soon.
            Opening::WebSocket(_) | Opening::Http => {
                let read = Bytes::from(std::mem::take(head));
                if read.starts_with(TLS_HANDSHAKE) && shared.tls.is_none() && self.may_log() {
                    tracing::warn!(
                        "a client speaks TLS, and this server has no certificate: configure tls.cert and \
                         tls.key, or let the client use http:// and ws://"
                    );
                }
                self.hand_over(slot, read);
            }
        }
    }

    /// Takes in a connection that another shard has read a request of.
    fn take_request(&mut self, stream: Stream, head: Vec<u8>) {
        let now = self.now();
        match self.io.open(stream, now) {
            Ok(slot) => {
                self.io.set_phase(slot, Phase::Opening(head));
                self.opening(slot);
            }
            Err(error) => {
                self.io.shared.sockets.leave();
                tracing::warn!(%error, "a connection could not be taken over");
            }
        }
    }

    fn hand_over(&mut self, slot: Slot, read: Bytes) {
        self.io.unwatch(slot);
        let removed = self.io.remove(slot).map(|connection| connection.link);
        if let Some(connection::Link::Socket(socket)) = removed {
            let stream = socket.into_stream();
            let stay = HttpStay::new(&self.io.shared);
            self.requests.push(HttpConnection { stream, read, stay });
        }
    }

    /// Completes the WebSocket handshake of a new client, or of one that goes on over it.
    fn upgrade(&mut self, slot: Slot, mut request: transport::Upgrade, head: Vec<u8>) {
        let head_bytes = request.head_bytes;
        let admitted = match &request.target {
            Target::Pusher { .. } => {
                self.answer(slot, &request);
                self.admit(slot, &request)
            }
            Target::Engine(target) => {
                if let Some(session) = target.session {
                    return self.go_on(slot, session, request, head);
                }
                let version = target.version;
                match self.admit_socketio(request.target.key(), request.origin.as_deref()) {
                    Ok(app) => {
                        self.answer(slot, &request);
                        self.admit_engine(slot, &mut request, app, version)
                    }
                    Err(error) if request.answer.is_none() => Err(error),
                    // The HTTP API says why.
                    Err(_) => return self.hand_over(slot, head.into()),
                }
            }
        };
        if let Err(error) = admitted {
            return self.refuse_upgrade(slot, &request, &error);
        }
        self.read_rest(slot, &head[head_bytes..]);
    }

    /// Completes the handshake, unless somebody else has.
    fn answer(&mut self, slot: Slot, request: &transport::Upgrade) {
        if let Some(answer) = &request.answer {
            self.io.send_bytes(slot, answer.bytes());
        }
    }

    /// Lets the HTTP API say what is wrong with a request; where that is too late the connection ends.
    fn explain(&mut self, slot: Slot, request: &transport::Upgrade, head: Bytes) {
        match request.answer {
            Some(_) => self.hand_over(slot, head),
            None => self.drop_connection(slot),
        }
    }

    /// Reads what came together with the request.
    fn read_rest(&mut self, slot: Slot, rest: &[u8]) {
        for part in rest.chunks(READ_BYTES) {
            self.buffer[..part.len()].copy_from_slice(part);
            self.take(slot, part.len());
        }
    }

    /// A refused client is told why over the WebSocket, because a browser cannot read anything else.
    fn refuse_upgrade(&mut self, slot: Slot, request: &transport::Upgrade, error: &ClientError) {
        let is_pusher = matches!(request.target, Target::Pusher { .. });
        if self.may_log() {
            let key = request.target.key();
            let app = key.and_then(|key| self.hub.apps().by_key(key)).map(|app| app.id.clone());
            let (app, origin) = (app.as_deref(), request.origin.as_deref());
            tracing::info!(app, origin, code = error.code(), reason = %error, "connection refused");
        }
        if is_pusher {
            self.io.send_bytes(slot, message::error(error).bytes().clone());
        }
        self.io.close(slot, error);
    }

    fn admit(&mut self, slot: Slot, request: &transport::Upgrade) -> Result<(), ClientError> {
        let now = self.now();
        let shared = self.io.shared.clone();
        let app = self.hub.admit(&request.admission())?;
        if !shared.websockets.try_enter() {
            return Err(ClientError::OverCapacity);
        }
        let socket_id = SocketId::from_random(random());
        self.io.set_phase(slot, Phase::Open { app, socket_id });
        let connected = self.hub.connect(slot, app, socket_id, now, &mut self.io);
        if connected.is_err() {
            self.io.set_phase(slot, Phase::Opening(Vec::new()));
            shared.websockets.leave();
        }
        connected
    }

    fn decode(&mut self, slot: Slot, count: usize) {
        let Self { hub, io, buffer, .. } = self;
        let Some(socket) = io.socket(slot) else {
            return;
        };
        let Some(bytes_max) = hub.message_bytes_max(slot) else {
            return;
        };
        let mut decoder = std::mem::take(&mut socket.decoder);
        let now = io.shared.clock.now();
        let mut closed = None;
        let decoded = decoder.decode(&mut buffer[..count], bytes_max, |incoming| {
            hear(hub, io, slot, incoming, &mut closed, now)
        });
        if let Some(socket) = io.socket(slot) {
            socket.decoder = decoder;
        }
        self.finish_read(slot, closed, decoded);
    }

    /// Does what a connection's messages have led to: it may end, or go on on another shard.
    fn finish_read(
        &mut self,
        slot: Slot,
        closed: Option<u16>,
        decoded: Result<(), websocket::DecodeError>,
    ) {
        if closed.is_some() || decoded.is_err() {
            self.io.departures.clear(); // who ends stays here for that
        }
        if let Some(code) = closed {
            let now = self.now();
            // A page that goes away does not come back to its session; whoever else closes may.
            match code {
                GOING_AWAY => self.hub.disconnect(slot, now, &mut self.io),
                _ => self.hub.lose(slot, now, &mut self.io),
            }
            self.io.close_with(slot, code, "", now);
            self.io.close_answered(slot);
        }
        self.depart();
        if let Err(fault) = decoded {
            self.break_off(slot, fault.close_code(), fault.close_reason());
        }
    }

    /// Closes a connection that broke the rules of WebSocket.
    fn break_off(&mut self, slot: Slot, code: u16, reason: &str) {
        let now = self.now();
        if let (Some(socket_id), Some(app)) = (self.hub.socket_id(slot), self.hub.app_of(slot)) {
            let who = Who { app, socket_id };
            self.io.note(&who, Note::Refused(&ClientError::InvalidMessage, reason));
        }
        self.hub.disconnect(slot, now, &mut self.io);
        self.io.close_with(slot, code, reason, now);
        self.io.close_answered(slot); // its frames can't be read any more
    }

    fn drop_connection(&mut self, slot: Slot) {
        let now = self.now();
        self.hub.lose(slot, now, &mut self.io);
        let Some(mut removed) = self.io.remove(slot) else {
            return;
        };
        if let Phase::Probing(session) = removed.phase {
            self.end_probe(session);
        }
        if let Some(socket) = removed.socket() {
            socket.bid_farewell();
        }
    }

    /// Publishes an event of the HTTP API.
    pub(crate) fn publish(&mut self, app: AppNumber, events: &[EventBody<'_>]) {
        let now = self.now();
        let Some(app) = self.hub.apps().by_number(app).cloned() else {
            return;
        };
        for event in events {
            self.hub.publish(&app, event, now, &mut self.io);
        }
        // Before the answer: the publisher's next request may be on another shard's connection, and
        // must not overtake this one.
        self.io.post_outgoing();
    }

    /// Ends a user's connections.
    pub(crate) fn terminate(&mut self, app: AppNumber, user_id: &str) {
        let now = self.now();
        self.hub.terminate(app, user_id, now, &mut self.io);
        self.io.post_outgoing();
    }

    /// Writes to some of the connections that wait; says whether others are left.
    fn flush(&mut self, connections_max: usize) -> bool {
        self.io.flush(connections_max);
        for slot in self.io.take_broken() {
            self.give_up(slot);
        }
        self.io.post_outgoing();
        self.io.waiting() > 0
    }

    /// Ends a connection that does not take its messages: with a close code that brings it back, so
    /// that it knows that it missed something; or at once if its socket is broken.
    fn give_up(&mut self, slot: Slot) {
        let now = self.now();
        let is_open =
            self.io.connection(slot).is_some_and(|c| matches!(c.phase, Phase::Open { .. }));
        if is_open && self.io.has_caught_up(slot) {
            return;
        }
        if !is_open || !self.io.abandon_backlog(slot) {
            return self.drop_connection(slot);
        }
        if let (Some(socket_id), Some(app)) = (self.hub.socket_id(slot), self.hub.app_of(slot))
            && self.io.log.may_write()
        {
            let max = self.io.shared.config.backlog_bytes;
            tracing::info!(app = %app.id, connection = %socket_id, backlog_bytes = max, "connection is too slow and is closed");
        }
        self.hub.lose(slot, now, &mut self.io);
        self.io.close(slot, &ClientError::TooSlow);
    }

    fn tick(&mut self) {
        let now = self.now();
        self.hub.tick(now, &mut self.io);
        for slot in self.io.take_late(now) {
            self.drop_connection(slot);
        }
        self.io.allow_log_lines();
    }

    /// Lets no WebSocket in any more, drops who has not said anything yet, and names the others. The
    /// API stays, so that a load balancer can ask whether the server is ready.
    fn begin_draining(&mut self) -> Vec<(Slot, u32)> {
        self.stop_admitting();
        let open = self.io.slots(|phase| matches!(phase, Phase::Open { .. }));
        let serial = |slot| self.io.connection(slot).map(|connection| (slot, connection.serial));
        open.into_iter().filter_map(serial).collect()
    }

    /// Drops those who have not said anything before the end began. Who comes later is answered.
    fn stop_admitting(&mut self) {
        if std::mem::replace(&mut self.draining, true) {
            return;
        }
        for slot in self.io.slots(|phase| matches!(phase, Phase::Opening(_) | Phase::Probing(_))) {
            self.drop_connection(slot);
        }
    }

    /// Closes some connections for a shutdown; they come back to whoever serves them next. One that has
    /// gone meanwhile may have left its slot to another.
    fn close_for_shutdown(&mut self, connections: &[(Slot, u32)]) {
        let now = self.now();
        for (slot, serial) in connections {
            let is_there = |c: &mut connection::Connection| {
                c.serial == *serial && matches!(c.phase, Phase::Open { .. })
            };
            if !self.io.connection(*slot).is_some_and(is_there) {
                continue;
            }
            self.hub.disconnect(*slot, now, &mut self.io);
            self.io.close(*slot, &ClientError::ShuttingDown);
        }
    }
}

/// Takes something of an open WebSocket; a close code is left in `closed`. What comes after the end is
/// looked through for the client's close frame.
fn hear(
    hub: &mut Hub,
    io: &mut Io,
    slot: Slot,
    incoming: Incoming<'_>,
    closed: &mut Option<u16>,
    now: Now,
) -> ControlFlow<()> {
    let is_open = io.connection(slot).is_some_and(|c| matches!(c.phase, Phase::Open { .. }));
    match incoming {
        Incoming::Close(_) if !is_open => io.close_answered(slot),
        _ if !is_open => {}
        Incoming::Text(text) => hub.receive(slot, text, now, io),
        Incoming::Binary(bytes) => hub.receive_binary(slot, bytes, now, io),
        Incoming::Ping(payload) => {
            hub.heard(slot, now);
            io.send_bytes(slot, websocket::pong_frame(payload));
        }
        Incoming::Pong(_) => hub.heard(slot, now),
        Incoming::Close(status) => *closed = Some(status.map_or(1000, |(code, _)| code)),
    }
    ControlFlow::Continue(())
}

/// What a question to the application needs besides its way back.
pub(crate) type Asked = (AuthTicket, Question);

/// Random bits for a socket id, which others must not guess.
fn random() -> u64 {
    getrandom::u64().expect("the system has a source of randomness, which it does not run out of")
}
