//! Socket.IO's connection state recovery: a client whose connection was cut returns to its session and
//! gets what it missed.
//!
//! A shard keeps two things. Its log has the last events of channels that somebody who may return is
//! subscribed to, in the order in which they went out, once for all subscribers. A session whose
//! transport is gone stays, with its subscriptions and its presence, for as long as its client may
//! take to return; it is in no channel's list meanwhile.
//!
//! What a client received last it says itself, by the offset that every event carries. If the log does
//! not reach back so far, or if more was missed than may be, it gets a new session, and knows that it
//! does.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    fmt,
    num::NonZeroU64,
    sync::Arc,
};

use resound_protocol::{
    channel::ChannelName, engineio::Version, error::ClientError, socket_id::SocketId,
    websocket::Frame,
};

use crate::{
    app::AppNumber,
    event::{Event, Wire, parse_offset},
    hub::Hub,
    local::{Evicted, LocalChannels, LocalId},
    peer::{ShardId, Slot},
    session::{Place, Session},
    shrink::shrink_map,
    sink::{Note, Sink, Who},
    socketio::{Newcomer, SocketIo, Stage},
    time::{Now, Second},
};

/// Bytes of events that a shard remembers; the oldest go first.
const LOG_BYTES_MAX: usize = 64 << 20;
/// What remembering an event costs beyond its bytes.
const ENTRY_BYTES: usize = 256;
/// Sessions of a shard that wait for their clients; the oldest go first.
const KEPT_MAX: usize = 100_000;

/// Names a session to which a client returns: Socket.IO's `pid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pid {
    socket_id: SocketId,
    secret: u64,
}

impl Pid {
    pub(crate) fn of(socket_id: SocketId, secret: u64) -> Self {
        Self { socket_id, secret }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (socket_id, secret) = text.split_once('-')?;
        let secret = u64::from_str_radix(secret, 16).ok()?;
        Some(Self { socket_id: SocketId::parse(socket_id)?, secret })
    }

    /// The shard that keeps the session.
    pub(crate) fn shard(self, shards: usize) -> ShardId {
        self.socket_id.place(shards)
    }
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:016x}", self.socket_id, self.secret)
    }
}

/// A client that wants to return to its session.
#[derive(Debug)]
pub struct Return {
    /// Whose client it is.
    pub app: AppNumber,
    pub(crate) pid: Pid,
    /// The offset of the last event that it received; `None` if it received none.
    pub(crate) offset: Option<Box<str>>,
}

/// An event that may have to be sent again.
#[derive(Debug)]
struct Entry {
    channel: LocalId,
    event: Arc<Event>,
    frame: Frame,
    except: Option<SocketId>,
    at: Second,
}

/// The last events, in the order in which they went out.
#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: VecDeque<Entry>,
    /// Entries that were dropped: the number of the first one that is left is one more.
    dropped: u64,
    bytes: usize,
}

/// Why what was missed is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gap {
    /// The last event that was received is not remembered any more, and is not the last of those.
    Forgotten,
    /// More was missed than may be.
    TooMuch,
}

impl Log {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The number of the next entry.
    fn next(&self) -> NonZeroU64 {
        NonZeroU64::MIN.saturating_add(self.dropped + self.entries.len() as u64)
    }

    fn push(&mut self, entry: Entry) {
        self.bytes += entry.frame.bytes().len() + ENTRY_BYTES;
        self.entries.push_back(entry);
    }

    /// Drops what is older than `keep_from`, and what is too much.
    fn evict(&mut self, keep_from: Second, channels: &mut LocalChannels) {
        while let Some(entry) = self.entries.front()
            && (entry.at < keep_from || self.bytes > LOG_BYTES_MAX)
        {
            self.dropped += 1;
            self.bytes -= entry.frame.bytes().len() + ENTRY_BYTES;
            if let Some(channel) = channels.get_mut(entry.channel) {
                let offset = entry.event.offset().unwrap_or(0);
                channel.evicted = Evicted { entry: self.dropped, offset };
            }
            self.entries.pop_front();
        }
        if self.entries.is_empty() {
            self.entries = VecDeque::new();
        }
    }

    /// What a session missed after the event of this offset.
    fn missed(
        &self,
        session: &Session,
        offset: Option<u64>,
        channels: &LocalChannels,
        bytes_max: usize,
    ) -> Result<Vec<Frame>, Gap> {
        let found = offset.and_then(|offset| {
            self.entries.iter().rposition(|entry| entry.event.offset() == Some(offset))
        });
        if found.is_none() && newest_forgotten(session, channels) != offset {
            return Err(Gap::Forgotten);
        }
        let from = found.map_or(0, |at| at + 1);
        let (mut missed, mut bytes) = (Vec::new(), 0);
        for (at, entry) in self.entries.iter().enumerate().skip(from) {
            let number = self.dropped + at as u64 + 1;
            if !concerns(entry, number, session) {
                continue;
            }
            bytes += entry.frame.bytes().len();
            if bytes > bytes_max {
                return Err(Gap::TooMuch);
            }
            missed.push(entry.frame.clone());
        }
        Ok(missed)
    }
}

/// The offset of the newest event among those that went to the session and are not remembered.
fn newest_forgotten(session: &Session, channels: &LocalChannels) -> Option<u64> {
    let evicted = session.subscriptions.iter().filter_map(|subscription| {
        let since = subscription.since?;
        let evicted = channels.channel(subscription.channel).evicted;
        (evicted.entry >= since.get()).then_some(evicted)
    });
    evicted.max_by_key(|evicted| evicted.entry).map(|evicted| evicted.offset)
}

/// Whether the session would have been sent this event.
fn concerns(entry: &Entry, number: u64, session: &Session) -> bool {
    let subscription = session.subscription(entry.channel);
    let is_subscribed =
        subscription.and_then(|s| s.since).is_some_and(|since| since.get() <= number);
    is_subscribed && entry.except != Some(session.socket_id)
}

/// Sessions whose transport is gone, and until when they wait.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    sessions: HashMap<SocketId, (Second, Box<Session>)>,
    order: BTreeSet<(Second, SocketId)>,
}

impl Kept {
    pub(crate) fn len(&self) -> usize {
        self.sessions.len()
    }

    fn insert(&mut self, until: Second, session: Box<Session>) {
        self.order.insert((until, session.socket_id));
        self.sessions.insert(session.socket_id, (until, session));
    }

    fn get(&self, id: SocketId) -> Option<&Session> {
        self.sessions.get(&id).map(|(_, session)| &**session)
    }

    fn remove(&mut self, id: SocketId) -> Option<Box<Session>> {
        let (until, session) = self.sessions.remove(&id)?;
        self.order.remove(&(until, id));
        shrink_map(&mut self.sessions);
        Some(session)
    }

    /// The session that waits longest, if its time is over.
    fn pop_due(&mut self, now: Second) -> Option<Box<Session>> {
        let (until, id) = *self.order.first()?;
        if until > now { None } else { self.remove(id) }
    }

    fn pop_oldest(&mut self) -> Option<Box<Session>> {
        self.pop_due(Second::MAX)
    }
}

impl Hub {
    /// From which entry on the log concerns a subscription that begins now.
    pub(crate) fn since(&self, slot: Slot) -> Option<NonZeroU64> {
        let session = self.session(slot)?;
        self.is_recoverable(session).then(|| self.log.next())
    }

    fn is_recoverable(&self, session: &Session) -> bool {
        let joined = |s: &SocketIo| s.version == Version::V4 && s.stage == Stage::Joined;
        self.socketio.recovery_seconds > 0 && session.socketio.as_deref().is_some_and(joined)
    }

    /// Notes an event that somebody may miss.
    pub(crate) fn remember_for_recovery(
        &mut self,
        id: LocalId,
        name: &ChannelName,
        event: &Arc<Event>,
        except: Option<SocketId>,
        now: Now,
    ) {
        if self.local.channel(id).recoverable == 0 || event.offset().is_none() {
            return;
        }
        let Some(frame) = event.frame(Wire::SocketIo, name).cloned() else {
            return;
        };
        let entry = Entry { channel: id, event: event.clone(), frame, except, at: now.seconds() };
        self.log.push(entry);
        self.log.evict(0, &mut self.local);
    }

    /// Keeps the session of a connection that is gone, if its client may return, or else forgets it.
    pub(crate) fn keep_or_forget(&mut self, slot: Slot, now: Now, sink: &mut dyn Sink) {
        match self.session(slot) {
            Some(session) if self.is_recoverable(session) => self.keep(slot, now, sink),
            Some(_) => self.forget(slot, sink),
            None => {}
        }
    }

    fn keep(&mut self, slot: Slot, now: Now, sink: &mut dyn Sink) {
        let Some(mut session) = self.take_session(slot, sink) else {
            return;
        };
        let wire = session.wire();
        for mut subscription in std::mem::take(&mut session.subscriptions) {
            if let Place::In(position) = subscription.place {
                self.unlist(slot, subscription.channel, wire, position);
                subscription.place = Place::Away;
                session.subscriptions.push(subscription);
            } else {
                self.drop_subscription(slot, wire, subscription, sink);
            }
        }
        if self.kept.len() >= KEPT_MAX
            && let Some(oldest) = self.kept.pop_oldest()
        {
            self.let_go(*oldest, sink);
        }
        let until = now.seconds_up().saturating_add(self.socketio.recovery_seconds);
        self.kept.insert(until, session);
    }

    /// Ends a session that was kept.
    fn let_go(&mut self, mut session: Session, sink: &mut dyn Sink) {
        let wire = session.wire();
        for subscription in std::mem::take(&mut session.subscriptions) {
            self.drop_subscription(0, wire, subscription, sink); // in no list, hence in no slot
        }
    }

    /// Ends the sessions whose clients have not returned in time, and forgets what nobody can miss any
    /// more: a connection may have been dead for as long as a ping takes before that was noticed.
    pub(crate) fn expire_kept(&mut self, now: Now, sink: &mut dyn Sink) {
        while let Some(session) = self.kept.pop_due(now.seconds()) {
            self.let_go(*session, sink);
        }
        let options = &self.socketio;
        let unnoticed = options.ping_interval_seconds + options.ping_timeout_seconds;
        let window = options.recovery_seconds.saturating_add(unnoticed);
        self.log.evict(now.seconds().saturating_sub(window), &mut self.local);
    }

    pub(crate) fn forget_kept(&mut self, is_meant: impl Fn(&Session) -> bool, sink: &mut dyn Sink) {
        let sessions = self.kept.sessions.values();
        let meant: Vec<SocketId> =
            sessions.filter(|(_, s)| is_meant(s)).map(|(_, s)| s.socket_id).collect();
        for id in meant {
            if let Some(session) = self.kept.remove(id) {
                self.let_go(*session, sink);
            }
        }
    }

    /// Takes a client that another shard has handed over, because its session is here. If it is not, the
    /// client becomes the newcomer.
    ///
    /// # Errors
    /// As [`Hub::connect`].
    pub fn arrive(
        &mut self,
        slot: Slot,
        newcomer: &Newcomer,
        returning: &Return,
        now: Now,
        sink: &mut dyn Sink,
    ) -> Result<(), ClientError> {
        self.enter(slot, newcomer.session(now), sink)?;
        self.recover(slot, returning, now, sink);
        self.settle(now, sink);
        Ok(())
    }

    /// Gives a connection the session to which it returns, or says that it is a new one.
    pub(crate) fn recover(
        &mut self,
        slot: Slot,
        returning: &Return,
        now: Now,
        sink: &mut dyn Sink,
    ) {
        match self.take_kept(slot, returning, now, sink) {
            Ok((session, missed)) => self.resume(slot, session, &missed, now, sink),
            Err(reason) => {
                if let Some((session, app)) = self.speaker(slot) {
                    let who = Who { app: &app, socket_id: session.socket_id };
                    sink.note(&who, Note::NotRecovered(reason));
                }
                self.join_anew(slot, sink);
            }
        }
    }

    /// The session that somebody returns to, and what was missed; a session that can't be made whole is
    /// ended.
    fn take_kept(
        &mut self,
        slot: Slot,
        returning: &Return,
        now: Now,
        sink: &mut dyn Sink,
    ) -> Result<(Box<Session>, Vec<Frame>), &'static str> {
        let Return { app, pid, offset } = returning;
        let is_theirs = |session: &Session| {
            let secret = session.socketio.as_ref().map(|socketio| socketio.secret);
            session.app == *app && secret == Some(pid.secret)
        };
        // The server may not have noticed yet that the former connection is dead.
        if let Some(former) = self.sockets.get(&pid.socket_id).copied()
            && former != slot
            && self.session(former).is_some_and(is_theirs)
        {
            self.keep_or_forget(former, now, sink);
            sink.close(former, &ClientError::TakenOver);
        }
        let Some(session) = self.kept.get(pid.socket_id).filter(|session| is_theirs(session))
        else {
            return Err("the session is unknown, or over (recovery_seconds)");
        };
        let offset = match offset.as_deref().map(parse_offset) {
            Some(None) => Err(Gap::Forgotten),
            Some(Some(offset)) => Ok(Some(offset)),
            None => Ok(None),
        };
        let max = self.socketio.recovery_bytes_max;
        let missed = offset.and_then(|offset| self.log.missed(session, offset, &self.local, max));
        let session = self.kept.remove(pid.socket_id).ok_or("the session is over")?;
        match missed {
            Ok(missed) => Ok((session, missed)),
            Err(gap) => {
                self.let_go(*session, sink);
                Err(match gap {
                    Gap::Forgotten => "what it missed is not remembered any more",
                    Gap::TooMuch => "it missed more than it may (recovery_bytes)",
                })
            }
        }
    }

    fn resume(
        &mut self,
        slot: Slot,
        mut session: Box<Session>,
        missed: &[Frame],
        now: Now,
        sink: &mut dyn Sink,
    ) {
        let (socket_id, wire) = (session.socket_id, session.wire());
        for subscription in &mut session.subscriptions {
            subscription.place = Place::In(self.list(slot, subscription.channel, wire));
        }
        session.life.hear(now);
        let pid = session.socketio.as_ref().map(|socketio| Pid::of(socket_id, socketio.secret));
        self.replace(slot, session);
        sink.resumed(slot, socket_id);
        if let Some(app) = self.speaker(slot).map(|(_, app)| app) {
            sink.note(&Who { app: &app, socket_id }, Note::Recovered(missed.len()));
        }
        if let Some(pid) = pid {
            self.welcome(slot, socket_id, pid, sink);
        }
        missed.iter().for_each(|frame| sink.send(slot, frame));
    }
}
