//! Socket.IO's connection state recovery: a client whose connection was cut returns to its session and
//! gets what it missed.
//!
//! A shard keeps two things. Its log has the last events of channels that somebody who may return is
//! subscribed to, in the order in which they went out, once for all subscribers. A session whose
//! transport is gone stays, with its subscriptions and its presence, for as long as its client may
//! take to return; it is in no channel's list meanwhile. Answers that come meanwhile, of the application
//! or of a channel's owner, let it in all the same, and what they say is told at the return.
//!
//! What a client received last it says itself, by the offset that every event carries. If the log does
//! not reach back so far, or if more was missed than may be, it gets a new session, and knows that it
//! does. What was meant for one client alone (a list of members, a refusal, a remembered event) has no
//! offset: lost on its way, it comes again when the client subscribes again, as Echo does.

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
    local::{Dropped, Evicted, LocalChannels, LocalId},
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
/// Subscriptions of these sessions.
const KEPT_SUBSCRIPTIONS_MAX: usize = 500_000;
/// Seconds by which the ticks may come late, and times be rounded.
const SLACK_SECONDS: Second = 3;

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
    offset: u64,
    frame: Frame,
    except: Option<SocketId>,
    at: Second,
    /// The number of the entry before it of the same channel; 0 if there is none.
    previous: u64,
}

/// The last events, in the order in which they went out. Those of one channel are linked, so that
/// whoever returns is not made to look at everybody else's.
#[derive(Debug)]
pub(crate) struct Log {
    entries: VecDeque<Entry>,
    /// By owner, the offset of the newest event that was dropped. An owner's offsets ascend.
    newest_dropped: Vec<u64>,
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
    pub(crate) fn new(shards: usize) -> Self {
        Self { entries: VecDeque::new(), newest_dropped: vec![0; shards], dropped: 0, bytes: 0 }
    }

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
            let owner = entry.offset as usize % self.newest_dropped.len();
            self.newest_dropped[owner] = entry.offset;
            self.bytes -= entry.frame.bytes().len() + ENTRY_BYTES;
            if let Some(channel) = channels.get_mut(entry.channel) {
                let Entry { offset, except, .. } = *entry;
                let dropped = Dropped { entry: self.dropped, offset, except };
                match &mut channel.evicted {
                    Some(evicted) => evicted.push(dropped),
                    none => *none = Some(Box::new(Evicted::new(dropped))),
                }
            }
            self.entries.pop_front();
        }
        if self.entries.is_empty() {
            self.entries = VecDeque::new();
        }
    }

    /// What a session missed after the event of this offset, each with its number.
    fn missed(
        &self,
        session: &Session,
        offset: Option<u64>,
        channels: &LocalChannels,
        bytes_max: usize,
    ) -> Result<Vec<(u64, Frame)>, Gap> {
        let stale = session.socketio.as_ref().and_then(|s| s.stale).map(NonZeroU64::get);
        let found = offset.and_then(|offset| self.position(offset));
        let (offset, found) = match found {
            // It is of another session, unless the very event has come to this one too.
            Some(at) if offset == stale && self.concerns(at, session) => {
                return Err(Gap::Forgotten);
            }
            _ if offset == stale => (None, None),
            found => (offset, found),
        };
        if found.is_none() && newest_forgotten(session, channels) != offset {
            return Err(Gap::Forgotten);
        }
        let after = found.map_or(self.dropped, |at| self.number(at));
        let (mut missed, mut bytes) = (Vec::new(), 0);
        for subscription in &session.subscriptions {
            let Some(since) = subscription.since else {
                continue;
            };
            let mut number = channels.channel(subscription.channel).newest;
            while number > after && number >= since.get() {
                let entry = &self.entries[(number - self.dropped - 1) as usize];
                if entry.except != Some(session.socket_id) {
                    bytes += entry.frame.bytes().len();
                    missed.push((number, entry.frame.clone()));
                }
                if bytes > bytes_max {
                    return Err(Gap::TooMuch);
                }
                number = entry.previous;
            }
        }
        missed.sort_unstable_by_key(|(number, _)| *number);
        Ok(missed)
    }

    /// The place of the event of an offset. One that was dropped is not looked for.
    fn position(&self, offset: u64) -> Option<usize> {
        let owner = offset as usize % self.newest_dropped.len();
        if offset <= self.newest_dropped[owner] {
            return None;
        }
        self.entries.iter().rposition(|entry| entry.offset == offset)
    }

    /// The number of an entry at its place.
    fn number(&self, at: usize) -> u64 {
        self.dropped + at as u64 + 1
    }

    /// Whether a session would have been sent an event.
    fn concerns(&self, at: usize, session: &Session) -> bool {
        let entry = &self.entries[at];
        let since = session.subscription(entry.channel).and_then(|subscription| subscription.since);
        since.is_some_and(|since| since.get() <= self.number(at))
            && entry.except != Some(session.socket_id)
    }
}

/// The offset of the newest event among those that went to the session and are not remembered.
fn newest_forgotten(session: &Session, channels: &LocalChannels) -> Option<u64> {
    let evicted = session.subscriptions.iter().filter_map(|subscription| {
        let since = subscription.since?;
        let evicted = channels.channel(subscription.channel).evicted.as_ref()?;
        evicted.newest_for(session.socket_id).filter(|dropped| dropped.entry >= since.get())
    });
    evicted.max_by_key(|evicted| evicted.entry).map(|evicted| evicted.offset)
}

/// A session whose transport is gone.
#[derive(Debug)]
struct Waiting {
    until: Second,
    session: Box<Session>,
    /// Its subscriptions when it came.
    subscriptions: usize,
    /// What was meant for it alone, each with the number of the log's next entry.
    owed: Vec<(u64, Frame)>,
    owed_bytes: usize,
}

/// Sessions whose transport is gone.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    sessions: HashMap<SocketId, Waiting>,
    order: BTreeSet<(Second, SocketId)>,
    subscriptions: usize,
}

impl Kept {
    pub(crate) fn len(&self) -> usize {
        self.sessions.len()
    }

    fn insert(&mut self, until: Second, session: Box<Session>) {
        let (id, subscriptions) = (session.socket_id, session.subscriptions.len());
        let waiting = Waiting { until, session, subscriptions, owed: Vec::new(), owed_bytes: 0 };
        self.subscriptions += subscriptions;
        self.order.insert((until, id));
        self.sessions.insert(id, waiting);
    }

    pub(crate) fn get(&self, id: SocketId) -> Option<&Session> {
        self.sessions.get(&id).map(|waiting| &*waiting.session)
    }

    pub(crate) fn get_mut(&mut self, id: SocketId) -> Option<&mut Session> {
        self.sessions.get_mut(&id).map(|waiting| &mut *waiting.session)
    }

    fn remove(&mut self, id: SocketId) -> Option<Waiting> {
        let waiting = self.sessions.remove(&id)?;
        self.order.remove(&(waiting.until, id));
        self.subscriptions -= waiting.subscriptions;
        shrink_map(&mut self.sessions);
        Some(waiting)
    }

    /// The session that waits longest, if its time is over.
    fn pop_due(&mut self, now: Second) -> Option<Waiting> {
        let (until, id) = *self.order.first()?;
        if until > now { None } else { self.remove(id) }
    }

    /// The session that waits longest, if there is no room for one with so many subscriptions.
    fn pop_for(&mut self, subscriptions: usize) -> Option<Waiting> {
        let is_full = self.sessions.len() >= KEPT_MAX
            || self.subscriptions + subscriptions > KEPT_SUBSCRIPTIONS_MAX;
        if is_full { self.pop_due(Second::MAX) } else { None }
    }
}

impl Hub {
    /// From which entry on the log concerns a subscription that begins now.
    pub(crate) fn since(&self, session: &Session) -> Option<NonZeroU64> {
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
        if self.local.channel(id).recoverable == 0 {
            return;
        }
        let (Some(offset), Some(frame)) = (event.offset(), event.frame(Wire::SocketIo, name))
        else {
            return;
        };
        let (frame, at) = (frame.clone(), now.seconds());
        let number = self.log.next().get();
        let previous = std::mem::replace(&mut self.local.channel_mut(id).newest, number);
        let entry = Entry { channel: id, offset, frame, except, at, previous };
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
        // What it has asked for is answered while it is away.
        for subscription in &mut session.subscriptions {
            if let Place::In(position) = subscription.place {
                self.unlist(slot, subscription.channel, wire, position);
                subscription.place = Place::Away;
            }
        }
        while let Some(oldest) = self.kept.pop_for(session.subscriptions.len()) {
            self.let_go(*oldest.session, sink);
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
        while let Some(waiting) = self.kept.pop_due(now.seconds()) {
            self.let_go(*waiting.session, sink);
        }
        let options = &self.socketio;
        let unnoticed =
            options.ping_interval_seconds + options.ping_timeout_seconds + SLACK_SECONDS;
        let window = options.recovery_seconds.saturating_add(unnoticed);
        self.log.evict(now.seconds().saturating_sub(window), &mut self.local);
    }

    pub(crate) fn forget_kept(&mut self, is_meant: impl Fn(&Session) -> bool, sink: &mut dyn Sink) {
        let sessions = self.kept.sessions.values();
        let sessions = sessions.map(|waiting| &waiting.session);
        let meant: Vec<SocketId> =
            sessions.filter(|session| is_meant(session)).map(|session| session.socket_id).collect();
        for id in meant {
            if let Some(waiting) = self.kept.remove(id) {
                self.let_go(*waiting.session, sink);
            }
        }
    }

    /// Tells a client something that is meant for it alone; one that is away is told when it returns.
    pub(crate) fn tell_session(&mut self, id: SocketId, frame: &Frame, sink: &mut dyn Sink) {
        if let Some(slot) = self.sockets.get(&id) {
            return sink.send(*slot, frame);
        }
        let next = self.log.next().get();
        let Some(waiting) = self.kept.sessions.get_mut(&id) else {
            return;
        };
        waiting.owed_bytes += frame.bytes().len();
        waiting.owed.push((next, frame.clone()));
        if waiting.owed_bytes > self.socketio.recovery_bytes_max
            && let Some(waiting) = self.kept.remove(id)
        {
            self.let_go(*waiting.session, sink);
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
                self.join_anew(slot, returning.offset.as_deref(), sink);
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
        if !self.kept.get(pid.socket_id).is_some_and(is_theirs) {
            return Err("the session is unknown, or over (recovery_seconds)");
        }
        let offset = match offset.as_deref().map(parse_offset) {
            Some(None) => Err(Gap::Forgotten),
            Some(Some(offset)) => Ok(Some(offset)),
            None => Ok(None),
        };
        let waiting = self.kept.remove(pid.socket_id).ok_or("the session is over")?;
        let max = self.socketio.recovery_bytes_max.saturating_sub(waiting.owed_bytes);
        let missed =
            offset.and_then(|offset| self.log.missed(&waiting.session, offset, &self.local, max));
        let Waiting { session, mut owed, .. } = waiting;
        match missed {
            Ok(missed) => {
                // Sorting keeps what is owed in front of the log's next entry.
                owed.extend(missed);
                owed.sort_by_key(|(number, _)| *number);
                Ok((session, owed.into_iter().map(|(_, frame)| frame).collect()))
            }
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
            if subscription.place == Place::Away {
                subscription.place = Place::In(self.list(slot, subscription.channel, wire));
            }
        }
        session.life.hear(now);
        if let Some(socketio) = session.socketio.as_mut() {
            socketio.return_here();
        }
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
