//! One shard's part of the hub.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use resound_protocol::{
    client::ClientMessage, engineio::Version, error::ClientError, message, socket_id::SocketId,
    socketio, websocket::Frame,
};

use crate::{
    app::{AppNumber, Apps, LiveApp},
    event::Wire,
    happening::Wanted,
    life::Lookouts,
    local::LocalChannels,
    owner::OwnedChannels,
    peer::{ChannelKey, Message, PeerMessage, ShardId, Slot, owner_of, owner_of_users},
    recovery::{Kept, Log},
    session::Session,
    shrink::shrink_map,
    sink::{Note, Sink, Who},
    socketio::SocketIoOptions,
    time::Now,
    timers::Timers,
    users::Users,
};

/// The sessions of a shard's connections, the channels and users that the shard owns.
///
/// Every method may send, through the [`Sink`]; none waits, and none reads a clock.
#[derive(Debug)]
pub struct Hub {
    pub(crate) shard: ShardId,
    pub(crate) shards: usize,
    pub(crate) apps: Arc<Apps>,
    pub(crate) wanted: Wanted,
    pub(crate) socketio: SocketIoOptions,
    sessions: Vec<Option<Box<Session>>>,
    live: usize,
    pub(crate) sockets: HashMap<SocketId, Slot>,
    pub(crate) local: LocalChannels,
    pub(crate) owned: OwnedChannels,
    pub(crate) users: Users,
    pub(crate) timers: Timers<Due>,
    pub(crate) lookouts: Lookouts,
    /// Sessions that wait for their clients to return.
    pub(crate) kept: Kept,
    /// Messages to this very shard: handled before anything else comes in.
    inbox: VecDeque<Message>,
    pub(crate) serial: u32,
    /// Events to which this shard, as their channel's owner, has given a place.
    pub(crate) events: u64,
    /// What a client that returns may have missed.
    pub(crate) log: Log,
}

/// How a binary packet is written where all packets are text.
const ATTACHMENT: &str = "b";
/// Room for messages that an empty inbox keeps.
const INBOX_KEPT_MAX: usize = 1024;

/// What a timer is for.
#[derive(Debug)]
pub(crate) enum Due {
    /// A cached event's end.
    Cached(ChannelKey),
    /// A subscription count that was held back.
    Count(ChannelKey),
}

/// What a client says of itself before it is let in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Admission<'a> {
    /// The application's key.
    pub key: &'a str,
    /// The `protocol` parameter.
    pub protocol: Option<&'a str>,
    /// The `Origin` header.
    pub origin: Option<&'a str>,
}

/// How much a shard holds; all zero when everybody has left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Connections.
    pub connections: usize,
    /// Subscriptions of these connections.
    pub subscriptions: usize,
    /// Channels with subscribers on this shard.
    pub local_channels: usize,
    /// Channels that this shard owns and that have subscribers.
    pub channels: usize,
    /// Users who are signed in or watched.
    pub users: usize,
    /// Sessions that wait for their clients to return.
    pub kept: usize,
    /// Events that are remembered for clients that return.
    pub remembered: usize,
}

impl Hub {
    /// An empty hub for the shard of this number among `shards`.
    pub fn new(shard: ShardId, shards: usize, apps: Arc<Apps>) -> Self {
        Self {
            shard,
            shards,
            wanted: Wanted::of(&apps),
            apps,
            socketio: SocketIoOptions::default(),
            sessions: Vec::new(),
            live: 0,
            sockets: HashMap::new(),
            local: LocalChannels::default(),
            owned: OwnedChannels::default(),
            users: Users::default(),
            timers: Timers::default(),
            lookouts: Lookouts::default(),
            kept: Kept::default(),
            inbox: VecDeque::new(),
            serial: 0,
            events: 0,
            log: Log::new(shards),
        }
    }

    /// The same hub with other options for clients of Socket.IO.
    pub fn with_socketio(mut self, options: SocketIoOptions) -> Self {
        self.socketio = options;
        self
    }

    /// The applications as this shard knows them.
    pub fn apps(&self) -> &Arc<Apps> {
        &self.apps
    }

    /// Decides whether a client may connect; its quota is counted by [`Hub::connect`].
    ///
    /// # Errors
    /// With the code with which the connection is to be closed.
    pub fn admit(&self, client: &Admission<'_>) -> Result<AppNumber, ClientError> {
        let app = self.apps.by_key(client.key).ok_or(ClientError::UnknownApp)?;
        if !app.options.enabled {
            return Err(ClientError::AppDisabled);
        }
        // A missing version is taken for 7, as Reverb and soketi do; 5 to 7 differ in nothing that
        // a server does.
        match client.protocol.map(str::parse::<u32>) {
            None | Some(Ok(5..=7)) => {}
            Some(Ok(_)) => return Err(ClientError::UnsupportedProtocol),
            Some(Err(_)) => return Err(ClientError::MalformedVersion),
        }
        if !app.options.allows_origin(client.origin) {
            return Err(ClientError::OriginNotAllowed);
        }
        Ok(app.number())
    }

    /// Lets a connection in and greets it.
    ///
    /// # Errors
    /// If its application has as many connections as it may have, or if a reload since
    /// [`Hub::admit`] has disabled it or taken it away.
    pub fn connect(
        &mut self,
        slot: Slot,
        app: AppNumber,
        socket_id: SocketId,
        now: Now,
        sink: &mut dyn Sink,
    ) -> Result<(), ClientError> {
        let app = self.enter(slot, Box::new(Session::new(socket_id, app, now)), sink)?;
        let timeout = app.options.activity_timeout_seconds;
        sink.send(slot, &message::connection_established(socket_id, timeout));
        Ok(())
    }

    /// Counts a session in and puts it into its slot.
    pub(crate) fn enter(
        &mut self,
        slot: Slot,
        session: Box<Session>,
        sink: &mut dyn Sink,
    ) -> Result<Arc<LiveApp>, ClientError> {
        let app = self.app(session.app).ok_or(ClientError::UnknownApp)?;
        if !app.options.enabled {
            return Err(ClientError::AppDisabled);
        }
        if !app.enter() {
            return Err(ClientError::OverQuota);
        }
        sink.note(&Who { app: &app, socket_id: session.socket_id }, Note::Connected);
        self.put(slot, session);
        Ok(app)
    }

    /// Puts a session, which is counted, into its slot.
    fn put(&mut self, slot: Slot, session: Box<Session>) {
        let at = slot as usize;
        if self.sessions.len() <= at {
            self.sessions.resize_with(at + 1, || None);
        }
        self.sockets.insert(session.socket_id, slot);
        self.sessions[at] = Some(session);
        self.live += 1;
        self.watch_life(slot);
    }

    /// Gives a connection another session in place of its own, whose count it takes over.
    pub(crate) fn replace(&mut self, slot: Slot, session: Box<Session>) {
        if let Some(former) = self.sessions.get_mut(slot as usize).and_then(Option::take) {
            self.live -= 1;
            self.sockets.remove(&former.socket_id);
        }
        self.put(slot, session);
    }

    /// Takes a message of a client: Pusher's JSON, or a packet of Engine.IO.
    pub fn receive(&mut self, slot: Slot, text: &str, now: Now, sink: &mut dyn Sink) {
        let Some((session, app)) = self.speaker(slot) else {
            return;
        };
        if session.socketio.is_some() {
            self.receive_packet(slot, text, now, sink);
            return self.settle(now, sink);
        }
        let answers_ping = session.life.hear(now);
        let who = Who { app: &app, socket_id: session.socket_id };
        sink.note(&who, Note::Received(text));
        let limit = app.options.rate_limit.as_ref();
        let over = limit.filter(|limit| !session.messages.attempt(limit, now));
        if answers_ping {
            self.watch_life(slot);
        }
        if let Some(limit) = over {
            self.refuse(slot, &ClientError::RateLimit, "rate_limiting", sink);
            if limit.terminate_on_limit {
                self.end(slot, &ClientError::RateLimit, sink);
                self.settle(now, sink);
            }
            return;
        }
        match ClientMessage::parse(text) {
            Ok(message) => self.follow(slot, &app, message, now, sink),
            Err(fault) => self.refuse(slot, &ClientError::InvalidMessage, &fault.to_string(), sink),
        }
        self.settle(now, sink);
    }

    fn follow(
        &mut self,
        slot: Slot,
        app: &LiveApp,
        message: ClientMessage<'_>,
        now: Now,
        sink: &mut dyn Sink,
    ) {
        match message {
            ClientMessage::Subscribe(request) => self.subscribe(slot, app, &request, sink),
            ClientMessage::Unsubscribe(channel) => self.unsubscribe(slot, app, &channel, sink),
            ClientMessage::Ping => sink.send(slot, &message::pong()),
            ClientMessage::Pong => {}
            ClientMessage::SignIn(request) => self.sign_in(slot, app, &request, sink),
            ClientMessage::Event(event) => self.client_event(slot, app, &event, now, sink),
        }
    }

    /// Takes a binary message: text for who sends Pusher's protocol so, an attachment in Socket.IO.
    pub fn receive_binary(&mut self, slot: Slot, bytes: &[u8], now: Now, sink: &mut dyn Sink) {
        let is_socketio = self.session(slot).is_some_and(|session| session.socketio.is_some());
        let text = if is_socketio { ATTACHMENT } else { str::from_utf8(bytes).unwrap_or("") };
        self.receive(slot, text, now, sink);
    }

    /// Takes a sign of life that is no message: a WebSocket ping or pong.
    pub fn heard(&mut self, slot: Slot, now: Now) {
        let Some(session) = self.session_mut(slot) else {
            return;
        };
        // A client of Engine.IO 4 waits for pings, which another sign of life must not put off.
        if session.socketio.as_ref().is_some_and(|socketio| socketio.version == Version::V4) {
            return;
        }
        session.life.knows_control_frames = true;
        if session.life.hear(now) {
            self.watch_life(slot);
        }
    }

    /// Takes notice that a connection is gone, and forgets it unless its client may return to its
    /// session. Harmless when the hub has forgotten it already.
    pub fn lose(&mut self, slot: Slot, now: Now, sink: &mut dyn Sink) {
        self.keep_or_forget(slot, now, sink);
        self.settle(now, sink);
    }

    /// Forgets a connection that is gone for good. Harmless when the hub has forgotten it already.
    pub fn disconnect(&mut self, slot: Slot, now: Now, sink: &mut dyn Sink) {
        self.forget(slot, sink);
        self.settle(now, sink);
    }

    /// Takes a message of another shard.
    pub fn accept(&mut self, message: PeerMessage, now: Now, sink: &mut dyn Sink) {
        self.inbox.push_back(message.0);
        self.settle(now, sink);
    }

    /// Ends a user's connections on this shard and, through the sink, on all others: those that
    /// are signed in as the user, and those that are a presence member of that id (what users of
    /// Reverb, which has no sign-in, expect).
    pub fn terminate(&mut self, app: AppNumber, user_id: &str, now: Now, sink: &mut dyn Sink) {
        for shard in 0..self.shards {
            self.route(shard, Message::Terminate { app, user_id: user_id.into() }, sink);
        }
        self.settle(now, sink);
    }

    /// Takes another set of applications. Connections stay, save those whose application is gone
    /// or disabled.
    pub fn reload(&mut self, apps: Arc<Apps>, now: Now, sink: &mut dyn Sink) {
        for slot in 0..self.sessions.len() as Slot {
            let Some(session) = self.session(slot) else {
                continue;
            };
            match apps.by_number(session.app) {
                Some(app) if app.options.enabled => {}
                Some(_) => self.end(slot, &ClientError::AppDisabled, sink),
                None => self.end(slot, &ClientError::UnknownApp, sink),
            }
        }
        self.forget_kept(
            |session| !apps.by_number(session.app).is_some_and(|app| app.options.enabled),
            sink,
        );
        // Only after all have ended: those who end too need not be told that the others do.
        self.settle(now, sink);
        self.wanted.reload(&apps);
        self.apps = apps;
        for slot in 0..self.sessions.len() as Slot {
            self.watch_life(slot); // the interval may be a shorter one
        }
    }

    /// Handles what this shard has told itself.
    pub(crate) fn settle(&mut self, now: Now, sink: &mut dyn Sink) {
        while let Some(message) = self.inbox.pop_front() {
            match message {
                Message::Subscribe(request) => self.own_subscribe(request, now, sink),
                Message::Unsubscribe { channel, shard, member } => {
                    self.own_unsubscribe(&channel, shard, member.as_deref(), now, sink);
                }
                Message::Publish(publication) => self.own_publish(publication, sink),
                Message::Deliver(delivery) => self.deliver(&delivery, now, sink),
                Message::Answer(answer) => self.subscribe_answered(answer, sink),
                Message::SignIn(request) => self.own_sign_in(request, sink),
                Message::SignOut(request) => self.own_sign_out(&request, sink),
                Message::Send { connection, frame } => {
                    if self.sockets.get(&connection.socket_id) == Some(&connection.slot) {
                        sink.send(connection.slot, &frame);
                    }
                }
                Message::Terminate { app, user_id } => self.terminate_here(app, &user_id, sink),
            }
        }
        if self.inbox.capacity() > INBOX_KEPT_MAX {
            self.inbox = VecDeque::new();
        }
    }

    pub(crate) fn route(&mut self, shard: ShardId, message: Message, sink: &mut dyn Sink) {
        if shard == self.shard {
            self.inbox.push_back(message);
            return;
        }
        sink.peer(shard, PeerMessage(message));
    }

    pub(crate) fn route_to_owner(
        &mut self,
        channel: &ChannelKey,
        message: Message,
        sink: &mut dyn Sink,
    ) {
        self.route(owner_of(channel, self.shards), message, sink);
    }

    pub(crate) fn route_to_users(&mut self, app: AppNumber, message: Message, sink: &mut dyn Sink) {
        self.route(owner_of_users(app, self.shards), message, sink);
    }

    /// Tells a client that something was refused; the connection stays.
    pub(crate) fn refuse(
        &mut self,
        slot: Slot,
        error: &ClientError,
        reason: &str,
        sink: &mut dyn Sink,
    ) {
        if let Some((session, app)) = self.speaker(slot) {
            let wire = session.wire();
            sink.note(
                &Who { app: &app, socket_id: session.socket_id },
                Note::Refused(error, reason),
            );
            if wire == Wire::Pusher {
                sink.send(slot, &message::error(error));
            }
        }
    }

    /// Forgets a connection and has it closed.
    pub(crate) fn end(&mut self, slot: Slot, error: &ClientError, sink: &mut dyn Sink) {
        let wire = self.session(slot).map(Session::wire);
        self.forget(slot, sink);
        // It is what keeps Socket.IO's clients from returning, as these codes keep Pusher's.
        if wire == Some(Wire::SocketIo) && error.is_final() {
            sink.send(slot, &socketio::disconnect());
        }
        sink.close(slot, error);
    }

    pub(crate) fn forget(&mut self, slot: Slot, sink: &mut dyn Sink) {
        let Some(mut session) = self.take_session(slot, sink) else {
            return;
        };
        let wire = session.wire();
        for subscription in std::mem::take(&mut session.subscriptions) {
            self.drop_subscription(slot, wire, subscription, sink);
        }
        self.sign_out(slot, &mut session, sink);
    }

    /// Counts a session out; what it is subscribed to is the caller's to undo.
    pub(crate) fn take_session(&mut self, slot: Slot, sink: &mut dyn Sink) -> Option<Box<Session>> {
        let session = self.sessions.get_mut(slot as usize).and_then(Option::take)?;
        self.live -= 1;
        self.sockets.remove(&session.socket_id);
        shrink_map(&mut self.sockets);
        if let Some(app) = self.app(session.app) {
            app.leave();
            sink.note(&Who { app: &app, socket_id: session.socket_id }, Note::Disconnected);
        }
        if self.live == 0 {
            self.sessions = Vec::new();
            self.lookouts = Lookouts::default();
        }
        Some(session)
    }

    fn terminate_here(&mut self, app: AppNumber, user_id: &str, sink: &mut dyn Sink) {
        for slot in 0..self.sessions.len() as Slot {
            let is_meant = self.session(slot).is_some_and(|session| {
                let signed_in = session.user.as_ref().is_some_and(|user| &*user.id == user_id);
                let member =
                    || session.subscriptions.iter().any(|s| s.member.as_deref() == Some(user_id));
                session.app == app && (signed_in || member())
            });
            if is_meant {
                self.refuse(slot, &ClientError::Terminated, "terminate_connections", sink);
                self.end(slot, &ClientError::Terminated, sink);
            }
        }
        let is_member = |session: &Session| {
            session.subscriptions.iter().any(|s| s.member.as_deref() == Some(user_id))
        };
        self.forget_kept(|session| session.app == app && is_member(session), sink);
    }

    pub(crate) fn app(&self, number: AppNumber) -> Option<Arc<LiveApp>> {
        self.apps.by_number(number).cloned()
    }

    pub(crate) fn session(&self, slot: Slot) -> Option<&Session> {
        self.sessions.get(slot as usize)?.as_deref()
    }

    pub(crate) fn session_mut(&mut self, slot: Slot) -> Option<&mut Session> {
        self.sessions.get_mut(slot as usize)?.as_deref_mut()
    }

    /// The session of a socket id: its client is here, or may return.
    pub(crate) fn session_of(&self, id: SocketId) -> Option<&Session> {
        match self.sockets.get(&id) {
            Some(slot) => self.session(*slot),
            None => self.kept.get(id),
        }
    }

    pub(crate) fn session_of_mut(&mut self, id: SocketId) -> Option<&mut Session> {
        match self.sockets.get(&id).copied() {
            Some(slot) => self.session_mut(slot),
            None => self.kept.get_mut(id),
        }
    }

    pub(crate) fn speaker(&mut self, slot: Slot) -> Option<(&mut Session, Arc<LiveApp>)> {
        let session = self.sessions.get_mut(slot as usize)?.as_deref_mut()?;
        let app = self.apps.by_number(session.app)?.clone();
        Some((session, app))
    }

    /// Counts what is held, from the things themselves.
    pub fn census(&self) -> Census {
        Census {
            connections: self.live,
            subscriptions: self.sessions.iter().flatten().map(|s| s.subscriptions.len()).sum(),
            local_channels: self.local.len(),
            channels: self.owned.occupied(),
            users: self.users.len(),
            kept: self.kept.len(),
            remembered: self.log.len(),
        }
    }

    /// Bytes that a message of a connection may have; `None` if there is no such connection.
    pub fn message_bytes_max(&self, slot: Slot) -> Option<usize> {
        if self.session(slot)?.socketio.is_some() {
            return Some(self.socketio.payload_bytes_max);
        }
        self.app_of(slot).map(|app| app.options.message_bytes_max)
    }

    /// The application of a connection.
    pub fn app_of(&self, slot: Slot) -> Option<&LiveApp> {
        self.apps.by_number(self.session(slot)?.app).map(|app| &**app)
    }

    /// The socket id of a connection.
    pub fn socket_id(&self, slot: Slot) -> Option<SocketId> {
        self.session(slot).map(|session| session.socket_id)
    }

    /// Tells one client something, wherever it is heard of.
    pub(crate) fn tell(
        &mut self,
        connection: crate::peer::ConnectionKey,
        frame: Frame,
        sink: &mut dyn Sink,
    ) {
        self.route(connection.shard, Message::Send { connection, frame }, sink);
    }
}
