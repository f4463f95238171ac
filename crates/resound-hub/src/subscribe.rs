//! Subscribing and unsubscribing, on the side of the connection.

use std::borrow::Cow;

use resound_protocol::{
    channel::{Access, ChannelName},
    client::Subscribe,
    error::ClientError,
    member::Member,
    message::{self, RefusalKind},
    signature::{ChannelDataRule, verify_channel_auth},
    socket_id::SocketId,
    socketio,
};

use crate::{
    app::LiveApp,
    event::Wire,
    hub::Hub,
    local::LocalId,
    peer::{ChannelKey, Message, Slot, SubscribeAnswer, SubscribeRequest, Ticket, WelcomeKind},
    session::{Place, Session, Subscription},
    shrink::shrink_vec,
    sink::{Note, Sink, Who},
};

/// Why a subscription is refused: what the client gets, and what the developer reads.
pub(crate) struct Refusal {
    kind: RefusalKind,
    error: ClientError,
    reason: String,
}

impl Refusal {
    pub(crate) fn unauthorized(reason: &(impl ToString + ?Sized)) -> Self {
        Self {
            kind: RefusalKind::AuthError,
            error: ClientError::Unauthorized,
            reason: reason.to_string(),
        }
    }

    pub(crate) fn invalid(reason: &(impl ToString + ?Sized)) -> Self {
        let reason = reason.to_string();
        let error = ClientError::Refused(Cow::Owned(reason.clone()));
        Self { kind: RefusalKind::InvalidChannel, error, reason }
    }

    pub(crate) fn limit(reason: String) -> Self {
        let error = ClientError::LimitReached(Cow::Owned(reason.clone()));
        Self { kind: RefusalKind::LimitReached, error, reason }
    }
}

impl Hub {
    pub(crate) fn subscribe(
        &mut self,
        slot: Slot,
        app: &LiveApp,
        request: &Subscribe<'_>,
        sink: &mut dyn Sink,
    ) {
        let Some(session) = self.session(slot) else {
            return;
        };
        let (name, member) = match permit(session, app, request) {
            Ok(permitted) => permitted,
            Err(refusal) => {
                return self.refuse_subscription(slot, &request.channel, &refusal, sink);
            }
        };
        let key = ChannelKey { app: app.number(), name };
        let known = self
            .local
            .find(key.app, key.name.as_str())
            .and_then(|id| session.subscription(id))
            .map(|s| s.serial);
        if known.is_none()
            && let Err(refusal) = has_room(session, app)
        {
            return self.refuse_subscription(slot, &request.channel, &refusal, sink);
        }
        let connection = session.key(self.shard, slot);
        let welcome = if member.is_some() { WelcomeKind::Members } else { WelcomeKind::Plain };
        let ticket = match known {
            Some(serial) => Ticket::Repeated(serial),
            None => Ticket::New(self.add_subscription(slot, &key, Place::Asked, member.as_ref())),
        };
        let wire = Wire::Pusher;
        let request =
            SubscribeRequest { connection, wire, channel: key.clone(), member, welcome, ticket };
        self.route_to_owner(&key, Message::Subscribe(request), sink);
    }

    /// Notes that a connection wants in; the number tells this wish from later ones.
    pub(crate) fn add_subscription(
        &mut self,
        slot: Slot,
        key: &ChannelKey,
        place: Place,
        member: Option<&Member>,
    ) -> u32 {
        self.serial = self.serial.wrapping_add(1);
        let serial = self.serial;
        let channel = self.local.enter(key);
        let member = member.map(|member| member.user_id.clone());
        let session = self.session_mut(slot).expect("the caller has it");
        if session.subscriptions.capacity() == 0 {
            session.subscriptions.reserve_exact(1); // most connections have one channel or two
        }
        session.subscriptions.push(Subscription { channel, serial, place, member, since: None });
        serial
    }

    pub(crate) fn subscribe_answered(&mut self, answer: SubscribeAnswer, sink: &mut dyn Sink) {
        let socket_id = answer.connection.socket_id;
        let (Ticket::New(serial) | Ticket::Repeated(serial)) = answer.ticket;
        let is_new = answer.ticket == Ticket::New(serial);
        let waiting =
            self.local.find(answer.channel.app, answer.channel.name.as_str()).filter(|id| {
                let session = self.session_of(socket_id);
                let subscription = session.and_then(|session| session.subscription(*id));
                subscription.is_some_and(|s| s.serial == serial)
            });
        match (waiting, answer.outcome) {
            (Some(id), Ok(welcome)) => {
                if is_new {
                    self.place(socket_id, id, sink);
                }
                for frame in welcome.confirmation.iter().chain(&welcome.cached) {
                    self.tell_session(socket_id, frame, sink);
                }
            }
            (Some(id), Err(error)) => {
                // Who is in already stays in: only its list was refused.
                if is_new {
                    self.take_back(socket_id, id);
                }
                let refusal =
                    Refusal { kind: RefusalKind::LimitReached, reason: error.to_string(), error };
                self.deny(socket_id, &answer.channel, &refusal, sink);
            }
            // Let in, but gone or unsubscribed meanwhile: the place is given back.
            (None, Ok(_)) if is_new => {
                let out = Message::Unsubscribe {
                    channel: answer.channel.clone(),
                    shard: self.shard,
                    member: answer.member,
                };
                self.route_to_owner(&answer.channel, out, sink);
            }
            (None, _) => {}
        }
    }

    fn place(&mut self, socket_id: SocketId, id: LocalId, sink: &mut dyn Sink) {
        let Some(session) = self.session_of(socket_id) else {
            return;
        };
        let (app, wire, since) = (session.app, session.wire(), self.since(session));
        let place = match self.sockets.get(&socket_id).copied() {
            Some(slot) => Place::In(self.list(slot, id, wire)),
            None => Place::Away,
        };
        let channel = self.local.channel_mut(id);
        channel.recoverable += u32::from(since.is_some());
        let name = channel.key.name.clone();
        let session = self.session_of_mut(socket_id);
        if let Some(subscription) = session.and_then(|session| session.subscription_mut(id)) {
            subscription.place = place;
            subscription.since = since;
        }
        if let Some(app) = self.app(app) {
            sink.note(&Who { app: &app, socket_id }, Note::Subscribed(name.as_str()));
        }
    }

    /// Undoes a subscription that the owner does not count.
    pub(crate) fn take_back(&mut self, socket_id: SocketId, id: LocalId) {
        let session = self.session_of_mut(socket_id);
        if session.and_then(|session| session.take_subscription(id)).is_some() {
            self.local.leave(id);
        }
    }

    /// Puts a connection into a channel's list; its place in it.
    pub(crate) fn list(&mut self, slot: Slot, id: LocalId, wire: Wire) -> u32 {
        let subscribers = self.local.channel_mut(id).list_mut(wire);
        let position = subscribers.len() as u32;
        if position == 0 {
            subscribers.reserve_exact(1); // many channels have one subscriber
        }
        subscribers.push(slot);
        position
    }

    /// Takes a connection out of a channel's list; the last one in the list takes its place.
    pub(crate) fn unlist(&mut self, slot: Slot, id: LocalId, wire: Wire, position: u32) {
        let subscribers = self.local.channel_mut(id).list_mut(wire);
        debug_assert_eq!(subscribers[position as usize], slot);
        subscribers.swap_remove(position as usize);
        shrink_vec(subscribers);
        if let Some(moved) = subscribers.get(position as usize).copied()
            && let Some(session) = self.session_mut(moved)
            && let Some(moved) = session.subscription_mut(id)
        {
            moved.place = Place::In(position);
        }
    }

    /// Unsubscribing has no answer, and from what was never joined it has no effect.
    pub(crate) fn unsubscribe(
        &mut self,
        slot: Slot,
        app: &LiveApp,
        channel: &str,
        sink: &mut dyn Sink,
    ) {
        let Some(id) = self.local.find(app.number(), channel) else {
            return;
        };
        let session = self.session_mut(slot);
        let Some(subscription) = session.and_then(|session| session.take_subscription(id)) else {
            return;
        };
        if let Some(session) = self.session(slot) {
            sink.note(&Who { app, socket_id: session.socket_id }, Note::Unsubscribed(channel));
        }
        let wire = self.session(slot).map_or(Wire::Pusher, Session::wire);
        self.drop_subscription(slot, wire, subscription, sink);
    }

    /// Undoes a subscription that its session has no more. One that is not in yet is undone when the
    /// answer to it finds nobody.
    pub(crate) fn drop_subscription(
        &mut self,
        slot: Slot,
        wire: Wire,
        subscription: Subscription,
        sink: &mut dyn Sink,
    ) {
        let id = subscription.channel;
        if let Place::In(position) = subscription.place {
            self.unlist(slot, id, wire, position);
        }
        if subscription.place.is_in() {
            let channel = self.local.channel_mut(id);
            channel.recoverable -= u32::from(subscription.since.is_some());
            let channel = channel.key.clone();
            let out = Message::Unsubscribe {
                channel: channel.clone(),
                shard: self.shard,
                member: subscription.member,
            };
            self.route_to_owner(&channel, out, sink);
        }
        self.local.leave(id);
    }

    /// Refuses a subscription to a client that may be away.
    pub(crate) fn deny(
        &mut self,
        socket_id: SocketId,
        channel: &ChannelKey,
        refusal: &Refusal,
        sink: &mut dyn Sink,
    ) {
        match self.sockets.get(&socket_id).copied() {
            Some(slot) => self.refuse_subscription(slot, channel.name.as_str(), refusal, sink),
            None => {
                let status = status(refusal.kind);
                self.deny_with(socket_id, channel, status, &refusal.reason, sink);
            }
        }
    }

    /// Refuses a subscription to a client of Socket.IO, with a status.
    pub(crate) fn deny_with(
        &mut self,
        socket_id: SocketId,
        channel: &ChannelKey,
        status: u16,
        reason: &str,
        sink: &mut dyn Sink,
    ) {
        let name = channel.name.as_str();
        if let Some(app) = self.app(channel.app) {
            let note = Note::SubscriptionRefused { channel: name, reason };
            sink.note(&Who { app: &app, socket_id }, note);
        }
        self.tell_session(socket_id, &socketio::subscription_error(name, status), sink);
    }

    /// A client of Pusher's protocol gets both: Reverb's `pusher:error`, which reaches the connection's
    /// handlers, and `pusher:subscription_error`, which reaches the channel's.
    pub(crate) fn refuse_subscription(
        &mut self,
        slot: Slot,
        channel: &str,
        refusal: &Refusal,
        sink: &mut dyn Sink,
    ) {
        let Some((session, app)) = self.speaker(slot) else {
            return;
        };
        let note = Note::SubscriptionRefused { channel, reason: &refusal.reason };
        sink.note(&Who { app: &app, socket_id: session.socket_id }, note);
        match session.wire() {
            Wire::Pusher => {
                sink.send(slot, &message::error(&refusal.error));
                let frame = message::subscription_error(channel, refusal.kind, &refusal.reason);
                sink.send(slot, &frame);
            }
            Wire::SocketIo => {
                sink.send(slot, &socketio::subscription_error(channel, status(refusal.kind)));
            }
        }
    }
}

/// The HTTP status with which laravel-echo-server's clients are told of a refusal.
fn status(kind: RefusalKind) -> u16 {
    match kind {
        RefusalKind::AuthError => 403,
        RefusalKind::LimitReached => 429,
        RefusalKind::InvalidChannel => 422,
    }
}

/// Whether a connection may be in one more channel.
pub(crate) fn has_room(session: &Session, app: &LiveApp) -> Result<(), Refusal> {
    let max = app.options.channels_per_connection_max;
    if session.subscriptions.len() < max {
        return Ok(());
    }
    Err(Refusal::limit(format!(
        "The connection is in {max} channels already (max_channels_per_connection)"
    )))
}

/// Decides whether a connection may subscribe, and as which member.
fn permit(
    session: &Session,
    app: &LiveApp,
    request: &Subscribe<'_>,
) -> Result<(ChannelName, Option<Member>), Refusal> {
    let options = &app.options;
    let name = ChannelName::parse(&request.channel, options.channel_name_max)
        .map_err(|fault| Refusal::invalid(&fault))?;
    match name.access() {
        Access::Public => Ok((name, None)),
        Access::User => {
            let user = session.user.as_ref();
            if user.is_none_or(|user| Some(&*user.id) != name.user()) {
                return Err(Refusal::unauthorized(
                    "Only a connection that is signed in as this user may subscribe (pusher.signin())",
                ));
            }
            Ok((name, None))
        }
        Access::Private => {
            authorise(session, app, request, &name)?;
            Ok((name, None))
        }
        Access::Presence => {
            authorise(session, app, request, &name)?;
            let member = member(session, request, options.presence_member_bytes_max)?;
            Ok((name, Some(member)))
        }
    }
}

fn authorise(
    session: &Session,
    app: &LiveApp,
    request: &Subscribe<'_>,
    name: &ChannelName,
) -> Result<(), Refusal> {
    let socket_id = session.socket_id.to_string();
    let auth = request.auth.as_deref().unwrap_or("");
    let data = request.channel_data.as_deref();
    let rule = match data {
        Some(_) if name.is_presence() => ChannelDataRule::Always,
        _ => ChannelDataRule::IfSent,
    };
    verify_channel_auth(auth, &app.key, app.signer(), &socket_id, name.as_str(), data, rule)
        .map_err(|fault| Refusal::unauthorized(&fault))
}

/// The member as the application signed it; without `channel_data` the signed-in user.
fn member(session: &Session, request: &Subscribe<'_>, bytes_max: usize) -> Result<Member, Refusal> {
    let Some(data) = request.channel_data.as_deref() else {
        let user = session.user.as_deref().map(Member::of);
        return user.ok_or_else(|| {
            Refusal::invalid(
                "A presence channel needs channel_data with a user_id, or a signed-in user",
            )
        });
    };
    parse_member(data, bytes_max)
}

/// A member of at most so many bytes.
pub(crate) fn parse_member(data: &str, bytes_max: usize) -> Result<Member, Refusal> {
    if data.len() > bytes_max {
        let size = data.len();
        return Err(Refusal::limit(format!(
            "The channel_data has {size} bytes, the limit is {bytes_max} (max_presence_member_size)"
        )));
    }
    Member::parse(data).map_err(|fault| Refusal::invalid(&fault))
}
