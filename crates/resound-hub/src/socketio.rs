//! Clients of Socket.IO: sessions of Engine.IO 3 and 4 that speak laravel-echo-server's events.

use std::num::NonZeroU64;

use resound_protocol::{
    channel::{Access, ChannelName},
    engineio::{self, Handshake, Packet, Upgrades, Version},
    error::ClientError,
    member::Member,
    socket_id::SocketId,
    socketio::{self, ClientEvent as Said, ClientPacket},
};

use crate::{
    app::{AppNumber, LiveApp},
    authorise::AuthRequest,
    event::{Wire, parse_offset},
    hub::Hub,
    peer::{ChannelKey, ConnectionKey, Message, Slot, SubscribeRequest, Ticket, WelcomeKind},
    recovery::{Pid, Return},
    session::{Place, Session},
    sink::{Note, Sink, Who},
    subscribe::{Refusal, has_room},
    time::{Now, Second},
};

/// How long a client of Engine.IO 4 may take to join the namespace (Socket.IO's `connectTimeout`).
pub(crate) const JOIN_SECONDS: Second = 45;
/// Questions of one connection that the application may have before it: one client's do not keep the
/// others waiting.
const QUESTIONS_MAX: u32 = 256;

/// What is the same for all clients of Socket.IO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketIoOptions {
    /// Engine.IO 4: seconds between pings of the server; 3: of the client. Default 25.
    pub ping_interval_seconds: u32,
    /// Seconds within which the other side answers. Default 20.
    pub ping_timeout_seconds: u32,
    /// Bytes of a message, or of the body of a polling request. Default 1,000,000.
    pub payload_bytes_max: usize,
    /// Seconds within which a client may return to its session; 0 switches that off. Default 120.
    pub recovery_seconds: u32,
    /// Bytes that one session may have missed. Default 1 MiB.
    pub recovery_bytes_max: usize,
    /// Whether the sink is told of the members of presence channels. Default false.
    pub reports_members: bool,
}

impl Default for SocketIoOptions {
    fn default() -> Self {
        Self {
            ping_interval_seconds: 25,
            ping_timeout_seconds: 20,
            payload_bytes_max: 1_000_000,
            recovery_seconds: 120,
            recovery_bytes_max: 1 << 20,
            reports_members: false,
        }
    }
}

/// What a session of Socket.IO has beyond one of Pusher's protocol.
#[derive(Clone, Debug)]
pub(crate) struct SocketIo {
    pub(crate) version: Version,
    pub(crate) stage: Stage,
    /// Proves, as a part of the `pid`, that a client that returns is the same one.
    pub(crate) secret: u64,
    /// Binary packets that belong to an event which is passed over.
    attachments: u32,
    /// Questions that the application has not answered yet.
    questions: u32,
    /// The offset with which the client came from a session that it did not get back. It says it again
    /// until it receives an event, since socket.io-client never forgets one.
    pub(crate) stale: Option<NonZeroU64>,
    /// Whether the client has returned to this session.
    has_returned: bool,
}

/// Whether the client is in the namespace. Those of Engine.IO 3 are from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It has been greeted at this second, and has not joined.
    Greeted(Second),
    Joined,
}

impl SocketIo {
    /// Notes that the client is here again. What it had begun to say is lost.
    pub(crate) fn return_here(&mut self) {
        self.attachments = 0;
        self.has_returned = true;
    }

    /// Whether it is time for a ping rather than for the end.
    pub(crate) fn pings(&self, now: Now) -> bool {
        let is_late = match self.stage {
            Stage::Greeted(at) => at.saturating_add(JOIN_SECONDS) <= now.seconds(),
            Stage::Joined => false,
        };
        self.version == Version::V4 && !is_late
    }
}

/// A new client of Socket.IO. Both ids are random and have the form of socket ids.
#[derive(Clone, Copy, Debug)]
pub struct Newcomer {
    /// Whose client it is.
    pub app: AppNumber,
    /// The version of Engine.IO.
    pub version: Version,
    /// Names the transport; a secret between the client and the server. With Engine.IO 3 it is the
    /// socket id.
    pub engine_id: SocketId,
    /// Names the client. It says on which shard it lives, see [`SocketId::place`].
    pub socket_id: SocketId,
    /// Random bits that nobody else may guess.
    pub secret: u64,
    /// What the client may change to.
    pub upgrades: Upgrades,
}

impl Newcomer {
    pub(crate) fn session(&self, now: Now) -> Box<Session> {
        let stage = match self.version {
            Version::V3 => Stage::Joined,
            Version::V4 => Stage::Greeted(now.seconds()),
        };
        let socketio = SocketIo {
            version: self.version,
            stage,
            secret: self.secret,
            attachments: 0,
            questions: 0,
            stale: None,
            has_returned: false,
        };
        let mut session = Session::new(self.socket_id, self.app, now);
        session.socketio = Some(Box::new(socketio));
        Box::new(session)
    }
}

impl Hub {
    /// Lets a client of Socket.IO in and greets it.
    ///
    /// # Errors
    /// As [`Hub::connect`].
    pub fn connect_socketio(
        &mut self,
        slot: Slot,
        newcomer: &Newcomer,
        now: Now,
        sink: &mut dyn Sink,
    ) -> Result<(), ClientError> {
        self.enter(slot, newcomer.session(now), sink)?;
        let options = &self.socketio;
        let handshake = Handshake {
            ping_interval_ms: options.ping_interval_seconds * 1000,
            ping_timeout_ms: options.ping_timeout_seconds * 1000,
            max_payload: options.payload_bytes_max,
        };
        let (version, sid) = (newcomer.version, newcomer.engine_id.to_string());
        sink.send(slot, &engineio::open_packet(version, &sid, newcomer.upgrades, &handshake));
        if version == Version::V3 {
            sink.send(slot, &socketio::connect_v3());
        }
        Ok(())
    }

    /// Takes a packet of Engine.IO.
    pub(crate) fn receive_packet(&mut self, slot: Slot, text: &str, now: Now, sink: &mut dyn Sink) {
        let Some(version) = self.version(slot) else {
            return;
        };
        let packet = match Packet::parse(text) {
            Ok(packet) => packet,
            Err(fault) => return self.break_off(slot, &fault.to_string(), sink),
        };
        match (version, packet) {
            (Version::V3, packet) => {
                self.hear(slot, now);
                if let Packet::Ping(data) = packet {
                    return sink.send(slot, &engineio::pong(data));
                }
            }
            (Version::V4, Packet::Pong(_)) => return self.hear(slot, now),
            (Version::V4, Packet::Ping(_)) => {
                return self.break_off(slot, "a client of Engine.IO 4 does not ping", sink);
            }
            (Version::V4, _) => {}
        }
        match packet {
            Packet::Message(text) => self.take_message(slot, text, now, sink),
            Packet::Binary => self.take_attachment(slot, sink),
            // A client that leaves for good says so in Socket.IO before.
            Packet::Close => {
                self.keep_or_forget(slot, now, sink);
                sink.close(slot, &ClientError::Left);
            }
            Packet::Open | Packet::Ping(_) | Packet::Pong(_) | Packet::Upgrade | Packet::Noop => {}
        }
    }

    fn version(&self, slot: Slot) -> Option<Version> {
        Some(self.session(slot)?.socketio.as_ref()?.version)
    }

    fn hear(&mut self, slot: Slot, now: Now) {
        if self.session_mut(slot).is_some_and(|session| session.life.hear(now)) {
            self.watch_life(slot);
        }
    }

    /// Ends a connection that broke the rules of Engine.IO or Socket.IO.
    fn break_off(&mut self, slot: Slot, reason: &str, sink: &mut dyn Sink) {
        self.refuse(slot, &ClientError::InvalidMessage, reason, sink);
        self.end(slot, &ClientError::InvalidMessage, sink);
    }

    fn take_attachment(&mut self, slot: Slot, sink: &mut dyn Sink) {
        let socketio = self.session_mut(slot).and_then(|session| session.socketio.as_mut());
        match socketio.map(|socketio| &mut socketio.attachments) {
            Some(0) => self.break_off(slot, "an attachment that belongs to no packet", sink),
            Some(attachments) => *attachments -= 1,
            None => {}
        }
    }

    fn take_message(&mut self, slot: Slot, text: &str, now: Now, sink: &mut dyn Sink) {
        let Some((session, app)) = self.speaker(slot) else {
            return;
        };
        let who = Who { app: &app, socket_id: session.socket_id };
        sink.note(&who, Note::Received(text));
        let limit = app.options.rate_limit.as_ref();
        if let Some(limit) = limit.filter(|limit| !session.messages.attempt(limit, now)) {
            self.refuse(slot, &ClientError::RateLimit, "rate_limiting", sink);
            if limit.terminate_on_limit {
                return self.end(slot, &ClientError::RateLimit, sink);
            }
            return self.expect_attachments(slot, text);
        }
        match ClientPacket::parse(text) {
            Ok(packet) => self.take_socketio(slot, &app, packet, now, sink),
            Err(fault) if fault.is_fatal() => self.break_off(slot, &fault.to_string(), sink),
            Err(fault) => {
                self.refuse(slot, &ClientError::InvalidMessage, &fault.to_string(), sink);
            }
        }
    }

    /// The attachments of a packet that is passed over come all the same.
    fn expect_attachments(&mut self, slot: Slot, text: &str) {
        if text.starts_with(['5', '6'])
            && let Ok(ClientPacket::Binary { attachments }) = ClientPacket::parse(text)
            && let Some(socketio) = self.session_mut(slot).and_then(|s| s.socketio.as_mut())
        {
            socketio.attachments = attachments;
        }
    }

    fn take_socketio(
        &mut self,
        slot: Slot,
        app: &LiveApp,
        packet: ClientPacket<'_>,
        now: Now,
        sink: &mut dyn Sink,
    ) {
        let Some(socketio) = self.session_mut(slot).and_then(|session| session.socketio.as_mut())
        else {
            return;
        };
        if socketio.attachments > 0 {
            return self.break_off(slot, "a packet where an attachment is due", sink);
        }
        let has_joined = socketio.stage == Stage::Joined;
        match packet {
            ClientPacket::Connect { namespace, auth } => {
                self.join_namespace(slot, namespace, auth, now, sink);
            }
            _ if !has_joined => self.break_off(slot, "a packet before CONNECT", sink),
            ClientPacket::Disconnect { namespace: "/" } => {
                self.end(slot, &ClientError::Left, sink);
            }
            ClientPacket::Event { namespace: "/", event, .. } => {
                self.follow_socketio(slot, app, event, now, sink);
            }
            ClientPacket::Binary { attachments } => {
                socketio.attachments = attachments;
                let reason = "an event with binary data, of which there are none here";
                self.refuse(slot, &ClientError::InvalidMessage, reason, sink);
            }
            ClientPacket::Disconnect { .. }
            | ClientPacket::Event { .. }
            | ClientPacket::Ack
            | ClientPacket::ConnectError => {}
        }
    }

    fn join_namespace(
        &mut self,
        slot: Slot,
        namespace: &str,
        auth: Option<&str>,
        now: Now,
        sink: &mut dyn Sink,
    ) {
        let Some(session) = self.session(slot) else {
            return;
        };
        let app = session.app;
        let Some(SocketIo { version, stage, .. }) = session.socketio.as_deref().cloned() else {
            return;
        };
        if namespace != "/" {
            let frame = socketio::connect_error(version, namespace, "Invalid namespace");
            return sink.send(slot, &frame);
        }
        if stage == Stage::Joined {
            return;
        }
        let recovery =
            if self.socketio.recovery_seconds > 0 { socketio::recovery(auth) } else { None };
        let pid = recovery.as_ref().and_then(|recovery| Pid::parse(&recovery.pid));
        let offset: Option<Box<str>> =
            recovery.and_then(|recovery| recovery.offset).map(Into::into);
        let Some(pid) = pid else {
            return self.join_anew(slot, offset.as_deref(), sink);
        };
        let returning = Return { app, pid, offset };
        let shard = pid.shard(self.shards);
        if shard == self.shard {
            return self.recover(slot, &returning, now, sink);
        }
        self.forget(slot, sink);
        sink.hand_over(slot, shard, returning);
    }

    /// Makes a connection a session of its own. The client may say an offset of another one.
    pub(crate) fn join_anew(&mut self, slot: Slot, offset: Option<&str>, sink: &mut dyn Sink) {
        let Some(session) = self.session_mut(slot) else {
            return;
        };
        let socket_id = session.socket_id;
        if let Some(socketio) = session.socketio.as_mut() {
            socketio.stage = Stage::Joined;
            socketio.stale = offset.and_then(parse_offset).and_then(NonZeroU64::new);
            let pid = Pid::of(socket_id, socketio.secret);
            self.welcome(slot, socket_id, pid, sink);
        }
    }

    /// Tells a client of Engine.IO 4 that it is in, and how it can return.
    pub(crate) fn welcome(
        &mut self,
        slot: Slot,
        socket_id: SocketId,
        pid: Pid,
        sink: &mut dyn Sink,
    ) {
        let pid = (self.socketio.recovery_seconds > 0).then(|| pid.to_string());
        sink.send(slot, &socketio::connect(socket_id, pid.as_deref()));
    }

    fn follow_socketio(
        &mut self,
        slot: Slot,
        app: &LiveApp,
        event: Said<'_>,
        now: Now,
        sink: &mut dyn Sink,
    ) {
        match event {
            Said::Subscribe { channel, headers } => {
                self.subscribe_socketio(slot, app, &channel, headers, sink);
            }
            Said::Unsubscribe { channel } => self.unsubscribe(slot, app, &channel, sink),
            Said::ClientEvent(event) => self.client_event(slot, app, &event, now, sink),
            Said::Unknown { name } => {
                let reason = format!("nobody listens to the event {name:?}");
                self.refuse(slot, &ClientError::InvalidMessage, &reason, sink);
            }
        }
    }

    fn subscribe_socketio(
        &mut self,
        slot: Slot,
        app: &LiveApp,
        channel: &str,
        headers: Vec<(String, String)>,
        sink: &mut dyn Sink,
    ) {
        let name = match ChannelName::parse_lenient(channel, app.options.channel_name_max) {
            Ok(name) => name,
            Err(fault) => {
                return self.refuse_subscription(slot, channel, &Refusal::invalid(&fault), sink);
            }
        };
        let Some(session) = self.session(slot) else {
            return;
        };
        let key = ChannelKey { app: app.number(), name };
        let socket_id = session.socket_id;
        let known = self
            .local
            .find(key.app, key.name.as_str())
            .and_then(|id| session.subscription(id))
            .map(|s| (s.place, s.serial, s.member.is_some()));
        match known {
            Some((Place::Authorising, serial, _)) => {
                return self.ask_application_again(slot, &key, serial, headers, sink);
            }
            Some((_, serial, is_member)) => {
                let welcome = if is_member { WelcomeKind::Members } else { WelcomeKind::Plain };
                let ticket = Ticket::Repeated(serial);
                return self.ask_owner(socket_id, &key, None, welcome, ticket, sink);
            }
            None => {}
        }
        if let Err(refusal) = has_room(session, app) {
            return self.refuse_subscription(slot, channel, &refusal, sink);
        }
        match key.name.access() {
            Access::Public => {
                let serial = self.add_subscription(slot, &key, Place::Asked, None);
                let ticket = Ticket::New(serial);
                self.ask_owner(socket_id, &key, None, WelcomeKind::Plain, ticket, sink);
            }
            Access::User => {
                let reason = "only clients of the Pusher protocol sign in (pusher.signin())";
                let refusal = Refusal::unauthorized(reason);
                self.refuse_subscription(slot, channel, &refusal, sink);
            }
            Access::Private | Access::Presence => self.ask_application(slot, &key, headers, sink),
        }
    }

    /// Asks a channel's owner to let a connection in.
    pub(crate) fn ask_owner(
        &mut self,
        socket_id: SocketId,
        key: &ChannelKey,
        member: Option<Member>,
        welcome: WelcomeKind,
        ticket: Ticket,
        sink: &mut dyn Sink,
    ) {
        // Whose client is away has no slot, and needs none: the answer finds the session.
        let slot = self.sockets.get(&socket_id).copied().unwrap_or_default();
        let connection = ConnectionKey { shard: self.shard, slot, socket_id };
        let (channel, wire) = (key.clone(), Wire::SocketIo);
        let request = SubscribeRequest { connection, wire, channel, member, welcome, ticket };
        self.route_to_owner(key, Message::Subscribe(request), sink);
    }

    fn ask_application(
        &mut self,
        slot: Slot,
        key: &ChannelKey,
        headers: Vec<(String, String)>,
        sink: &mut dyn Sink,
    ) {
        let Some(socket_id) = self.count_question(slot) else {
            let reason = format!("{QUESTIONS_MAX} subscriptions wait for the application already");
            let refusal = Refusal::limit(reason);
            return self.refuse_subscription(slot, key.name.as_str(), &refusal, sink);
        };
        let serial = self.add_subscription(slot, key, Place::Authorising, None);
        sink.authorise(AuthRequest { slot, socket_id, serial, channel: key.clone(), headers });
    }

    /// Echo repeats its subscriptions when it has come back. The first answer is on its way, unless the
    /// connection was cut before the question went out.
    fn ask_application_again(
        &mut self,
        slot: Slot,
        key: &ChannelKey,
        serial: u32,
        headers: Vec<(String, String)>,
        sink: &mut dyn Sink,
    ) {
        let socketio = self.session(slot).and_then(|session| session.socketio.as_ref());
        if socketio.is_some_and(|socketio| socketio.has_returned)
            && let Some(socket_id) = self.count_question(slot)
        {
            sink.authorise(AuthRequest { slot, socket_id, serial, channel: key.clone(), headers });
        }
    }

    /// Counts a question to the application; the client that it is about, unless it has too many.
    fn count_question(&mut self, slot: Slot) -> Option<SocketId> {
        let session = self.session_mut(slot)?;
        let socketio = session.socketio.as_mut()?;
        if socketio.questions >= QUESTIONS_MAX {
            return None;
        }
        socketio.questions += 1;
        Some(session.socket_id)
    }

    /// Counts an answer of the application.
    pub(crate) fn question_answered(&mut self, id: SocketId) {
        if let Some(socketio) = self.session_of_mut(id).and_then(|s| s.socketio.as_mut()) {
            socketio.questions = socketio.questions.saturating_sub(1);
        }
    }
}
