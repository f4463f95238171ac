//! Engine.IO's ways to a session: a WebSocket, requests, and the change from these to that.

use std::{ops::ControlFlow, sync::Arc};

use bytes::Bytes;
use resound_hub::{
    app::AppNumber,
    authorise::{AuthAnswer, AuthTicket},
    hub::Admission,
    peer::Slot,
    sink::Sink as _,
    socketio::Newcomer,
};
use resound_protocol::{
    engineio::{
        RequestFault, Upgrades, Version,
        payload::{self, BodyKind},
    },
    error::ClientError,
    socket_id::SocketId,
    websocket::{Incoming, pong_frame},
    xhr,
};

use super::{
    Asked, Shard,
    connection::{Link, Phase},
    guest::Guest,
    hear,
    mailbox::ShardMessage,
    polling::{Poll, PollAnswer, PollFormat, PollName, PollReply, Polling},
    random,
    socket::Socket,
};
use crate::{
    authorise::{self, ClientHeaders},
    transport::Upgrade,
};

/// A new session whose client sends requests.
pub(crate) enum NewSession {
    /// Of Engine.IO.
    Engine { app: AppNumber, version: Version, headers: Arc<ClientHeaders> },
    /// Of pusher-js' fallback.
    Xhr { app: AppNumber, name: Box<str> },
}

/// A WebSocket on its way to the session that it is to carry on. It stays counted.
pub(crate) struct Follower {
    socket: Socket,
    session: SocketId,
    /// What was read of it elsewhere.
    read: Vec<u8>,
}

/// What a client sent in the body of a request.
pub(crate) enum Posted {
    /// A payload of Engine.IO.
    Engine(BodyKind, Bytes),
    /// What pusher-js' fallback sends.
    Xhr(Bytes),
}

impl Shard {
    /// A name for a client of Socket.IO, which says that it is here.
    pub(super) fn new_socket_id(&self) -> SocketId {
        SocketId::from_random_at(random(), self.io.id, self.io.shards.count())
    }

    /// The application of a client of Socket.IO: the one that it names, or the configured one.
    pub(crate) fn admit_socketio(
        &self,
        key: Option<&str>,
        origin: Option<&str>,
    ) -> Result<AppNumber, ClientError> {
        let apps = self.hub.apps();
        let configured = || match self.io.shared.config.socketio.app.as_deref() {
            Some(id) => apps.by_id(id),
            None => apps.iter().next(),
        };
        let key = match key {
            Some(key) => key,
            None => configured().map(|app| &*app.key).ok_or(ClientError::UnknownApp)?,
        };
        self.hub.admit(&Admission { key, protocol: None, origin })
    }

    /// Lets a client of Socket.IO in that speaks WebSocket from the start.
    pub(super) fn admit_engine(
        &mut self,
        slot: Slot,
        request: &mut Upgrade,
        app: AppNumber,
        version: Version,
    ) -> Result<(), ClientError> {
        let shared = self.io.shared.clone();
        if !shared.websockets.try_enter() {
            return Err(ClientError::OverCapacity);
        }
        let newcomer = self.newcomer(app, version, Upgrades::None);
        let socket_id = newcomer.socket_id;
        self.io.set_phase(slot, Phase::Open { app, socket_id });
        let peer = self.io.socket(slot).and_then(|socket| socket.peer());
        if let Some(mut headers) = request.headers.take()
            && let Some(connection) = self.io.connection(slot)
        {
            headers.peer = peer.unwrap_or(headers.peer);
            connection.headers = Some(Arc::new(headers));
        }
        let now = self.now();
        let connected = self.hub.connect_socketio(slot, &newcomer, now, &mut self.io);
        if connected.is_err() {
            self.io.set_phase(slot, Phase::Opening(Vec::new()));
            shared.websockets.leave();
        }
        connected
    }

    fn newcomer(&self, app: AppNumber, version: Version, upgrades: Upgrades) -> Newcomer {
        let socket_id = self.new_socket_id();
        let engine_id = match version {
            Version::V3 => socket_id,
            Version::V4 => self.new_socket_id(),
        };
        Newcomer { app, version, engine_id, socket_id, secret: random(), upgrades }
    }

    /// Lets a WebSocket carry on a session that requests have begun, where that session is.
    pub(super) fn go_on(&mut self, slot: Slot, session: SocketId, request: Upgrade, head: Vec<u8>) {
        let name = PollName::Engine(session);
        let home = name.home(self.io.shards.count());
        if self.io.polling_slot(&name).is_some() {
            return self.begin_probe(slot, session, &request, &head);
        }
        let elsewhere =
            if home == self.io.id { self.io.moved.get(&session).copied() } else { Some(home) };
        let Some(shard) = elsewhere else {
            // The HTTP API says what is wrong with it.
            return self.explain(slot, &request, head.into());
        };
        self.io.unwatch(slot);
        if let Some(Link::Socket(socket)) = self.io.detach(slot).map(|connection| connection.link) {
            let stream = socket.into_stream();
            self.io.shards.post(
                shard,
                match request.answer {
                    Some(_) => ShardMessage::Request(stream, head),
                    None => ShardMessage::Guest(Box::new(Guest { stream, request, read: head })),
                },
            );
        }
    }

    fn begin_probe(&mut self, slot: Slot, session: SocketId, request: &Upgrade, head: &[u8]) {
        let known = self.io.polling_slot(&PollName::Engine(session));
        let polling = known.and_then(|known| self.io.connection(known)?.polling());
        if polling.is_none_or(|polling| polling.is_upgrading) {
            return self.explain(slot, request, Bytes::copy_from_slice(head));
        }
        self.answer(slot, request);
        self.io.set_phase(slot, Phase::Probing(session));
        self.read_rest(slot, &head[request.head_bytes..]);
    }

    /// Reads a WebSocket that may carry on a session: `2probe`, and then `5`.
    pub(super) fn probe(&mut self, slot: Slot, session: SocketId, count: usize) {
        let Some(to) = self.io.polling_slot(&PollName::Engine(session)) else {
            return self.follow(slot, session, count);
        };
        if !self.is_open(to) {
            return self.drop_connection(slot);
        }
        let now = self.now();
        let bytes_max = self.hub.message_bytes_max(to).unwrap_or(0);
        let Self { hub, io, buffer, .. } = self;
        let Some(socket) = io.socket(slot) else {
            return;
        };
        let mut decoder = std::mem::take(&mut socket.decoder);
        let (mut is_upgraded, mut is_broken, mut closed) = (false, false, None);
        let decoded = decoder.decode(&mut buffer[..count], bytes_max, |incoming| {
            if is_upgraded {
                return hear(hub, io, to, incoming, &mut closed, now);
            }
            match incoming {
                Incoming::Text("2probe") => io.probed(slot, to, now),
                Incoming::Text("5") => is_upgraded = io.take_over(slot, to, now),
                Incoming::Ping(payload) => io.send_bytes(slot, pong_frame(payload)),
                Incoming::Pong(_) => {}
                Incoming::Text(_) | Incoming::Binary(_) | Incoming::Close(_) => is_broken = true,
            }
            if is_broken { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let at = if is_upgraded { to } else { slot };
        if let Some(socket) = self.io.socket(at) {
            socket.decoder = decoder;
        }
        if is_upgraded {
            return self.finish_read(to, closed, decoded);
        }
        if is_broken || decoded.is_err() {
            self.drop_connection(slot);
        }
    }

    /// Sends a WebSocket after its session, which has moved meanwhile.
    fn follow(&mut self, slot: Slot, session: SocketId, count: usize) {
        let Some(shard) = self.io.moved.get(&session).copied() else {
            return self.drop_connection(slot); // the session has ended meanwhile
        };
        self.io.write_now(slot);
        self.io.unwatch(slot);
        if let Some(Link::Socket(socket)) = self.io.detach(slot).map(|connection| connection.link) {
            let read = self.buffer[..count].to_vec();
            let follower = Follower { socket, session, read };
            self.io.shards.post(shard, ShardMessage::Follower(Box::new(follower)));
        }
    }

    /// Takes in a WebSocket whose session has come from another shard.
    pub(super) fn take_follower(&mut self, follower: Follower) {
        let Follower { socket, session, read } = follower;
        let now = self.now();
        match self.io.open_probing(socket, session, now) {
            Ok(slot) => self.read_rest(slot, &read),
            Err(error) => {
                self.io.shared.sockets.leave();
                tracing::warn!(%error, "a connection could not be taken over");
            }
        }
    }

    /// A WebSocket that did not work out leaves the session as it was.
    pub(super) fn end_probe(&mut self, session: SocketId) {
        let known = self.io.polling_slot(&PollName::Engine(session));
        if let Some(polling) = known.and_then(|known| self.io.connection(known)?.polling()) {
            polling.is_upgrading = false;
        } else if let Some(shard) = self.io.moved.get(&session).copied() {
            let end = move |shard: &mut Self| shard.end_probe(session);
            self.io.shards.post(shard, ShardMessage::Act(Box::new(end)));
        }
    }

    /// Begins a session whose client sends requests.
    ///
    /// # Errors
    /// If the process or the application has as many connections as it may have.
    pub(crate) fn open_polling(&mut self, new: NewSession) -> Result<PollName, ClientError> {
        let shared = self.io.shared.clone();
        if self.draining {
            return Err(ClientError::ShuttingDown);
        }
        if !shared.polling.try_enter() {
            return Err(ClientError::OverCapacity);
        }
        if !shared.websockets.try_enter() {
            shared.polling.leave();
            return Err(ClientError::OverCapacity);
        }
        let now = self.now();
        let (name, slot, connected) = match new {
            NewSession::Engine { app, version, headers } => {
                let newcomer = self.newcomer(app, version, Upgrades::WebSocket);
                let name = PollName::Engine(newcomer.engine_id);
                let socket_id = newcomer.socket_id;
                let slot = self.seat_polling(&name, PollFormat::Engine(version), app, socket_id);
                if let Some(connection) = self.io.connection(slot) {
                    connection.headers = Some(headers);
                }
                let connected = self.hub.connect_socketio(slot, &newcomer, now, &mut self.io);
                (name, slot, connected)
            }
            NewSession::Xhr { app, name } => {
                let name = PollName::Xhr(name);
                let socket_id = SocketId::from_random(random());
                let slot = self.seat_polling(&name, PollFormat::Xhr, app, socket_id);
                let connected = self.hub.connect(slot, app, socket_id, now, &mut self.io);
                (name, slot, connected)
            }
        };
        match connected {
            Ok(()) => Ok(name),
            Err(error) => {
                self.io.remove(slot);
                Err(error)
            }
        }
    }

    fn seat_polling(
        &mut self,
        name: &PollName,
        format: PollFormat,
        app: AppNumber,
        socket_id: SocketId,
    ) -> Slot {
        let now = self.now();
        let polling = Box::new(Polling::new(name.clone(), format, now.micros()));
        self.io.open_polling(polling, Phase::Open { app, socket_id }, now)
    }

    /// Whether requests of this name belong to a session of this shard.
    pub(crate) fn has_polling(&self, name: &PollName) -> bool {
        self.io.polling_slot(name).is_some()
    }

    /// Says whether a session is here.
    ///
    /// # Errors
    /// With the answer to its requests if it is not.
    pub(crate) fn find(&mut self, name: &PollName) -> Result<(), PollAnswer> {
        if self.has_polling(name) { Ok(()) } else { Err(self.elsewhere(name)) }
    }

    /// Takes a request for messages.
    pub(crate) fn poll(&mut self, name: &PollName, reply: PollReply) {
        let now = self.now();
        let Some(slot) = self.io.polling_slot(name) else {
            let _ = reply.send(self.elsewhere(name)); // its client may have gone away
            return;
        };
        // What has been noted for it is to be in the answer.
        self.io.write_now(slot);
        let Some(polling) = self.io.connection(slot).and_then(|c| c.polling()) else {
            return;
        };
        match polling.poll(reply, now.micros()) {
            Poll::Taken => {}
            Poll::Ended => self.drop_connection(slot),
            Poll::Overlaps => {
                self.hub.lose(slot, now, &mut self.io);
                self.io.close(slot, &ClientError::InvalidMessage);
            }
        }
    }

    fn elsewhere(&self, name: &PollName) -> PollAnswer {
        let moved = match name {
            PollName::Engine(id) => self.io.moved.get(id),
            PollName::Xhr(_) => None,
        };
        moved.map_or(PollAnswer::Refused(RequestFault::UnknownSession), |to| PollAnswer::Moved(*to))
    }

    /// Takes notice that the client of a request for messages has gone away.
    pub(crate) fn poll_abandoned(&mut self, name: &PollName) {
        let now = self.now();
        let Some(slot) = self.io.polling_slot(name) else {
            if let PollAnswer::Moved(to) = self.elsewhere(name) {
                let name = name.clone();
                let tell = move |shard: &mut Self| shard.poll_abandoned(&name);
                self.io.shards.post(to, ShardMessage::Act(Box::new(tell)));
            }
            return;
        };
        let Some(polling) = self.io.connection(slot).and_then(|c| c.polling()) else {
            return;
        };
        // Who breaks off a request that waits is gone: a client of Engine.IO begins anew, and pusher-js, too.
        if polling.abandon(now.micros()) {
            self.drop_connection(slot);
        }
    }

    /// Takes what a client sent in a request.
    ///
    /// # Errors
    /// With the answer to requests of a session that is not here.
    pub(crate) fn take_posted(
        &mut self,
        name: &PollName,
        posted: &Posted,
    ) -> Result<(), PollAnswer> {
        let slot = self.io.polling_slot(name).ok_or_else(|| self.elsewhere(name))?;
        let Some(polling) = self.io.connection(slot).and_then(|c| c.polling()) else {
            return Ok(());
        };
        polling.note_request();
        let format = polling.format;
        let now = self.now();
        let texts = match (posted, format) {
            (Posted::Engine(kind, body), PollFormat::Engine(version)) => {
                payload::decode(version, *kind, body).map_err(|fault| fault.to_string())
            }
            (Posted::Xhr(body), PollFormat::Xhr) => {
                xhr::received(body).map_err(|fault| fault.to_string())
            }
            _ => Err("a request of another protocol".to_owned()),
        };
        match texts {
            Ok(texts) => {
                let bytes_max = self.hub.message_bytes_max(slot).unwrap_or(0);
                for text in &texts {
                    if text.len() > bytes_max {
                        self.break_off(slot, 1009, "the message is too large");
                        break;
                    }
                    if !self.is_open(slot) {
                        break;
                    }
                    self.hub.receive(slot, text, now, &mut self.io);
                }
                self.depart();
            }
            Err(reason) => self.break_off(slot, 1007, &reason),
        }
        Ok(())
    }

    fn is_open(&mut self, slot: Slot) -> bool {
        self.io.connection(slot).is_some_and(|c| matches!(c.phase, Phase::Open { .. }))
    }

    /// Ends a session that broke its limits.
    pub(crate) fn end_polling(&mut self, name: &PollName, reason: &str) {
        if let Some(slot) = self.io.polling_slot(name) {
            self.break_off(slot, 1009, reason);
        }
    }

    /// The questions for the application that have come up.
    pub(super) fn take_questions(&mut self) -> Vec<Asked> {
        std::mem::take(&mut self.io.questions)
    }

    /// Takes the application's answer.
    pub(super) fn authorised(&mut self, ticket: &AuthTicket, answer: authorise::Answer) {
        let now = self.now();
        let answer = match answer {
            authorise::Answer::Granted { channel_data } => AuthAnswer::Granted { channel_data },
            authorise::Answer::Refused { status } => AuthAnswer::Refused { status },
        };
        self.hub.authorised(ticket, answer, now, &mut self.io);
        self.io.post_outgoing();
    }
}
