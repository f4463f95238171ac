//! The channels that this shard owns: their order, their members, what they remember.

use std::{collections::HashMap, sync::Arc};

use resound_protocol::{
    channel::ChannelName,
    error::ClientError,
    message,
    socket_id::SocketId,
    socketio,
    webhook::{Kind, What},
    websocket::Frame,
};
use smallvec::SmallVec;

use crate::{
    app::{AppNumber, LiveApp},
    event::{Content, Event, Wire},
    hub::{Due, Hub},
    peer::{
        ChannelKey, Delivery, Message, Publication, ShardId, SubscribeAnswer, SubscribeRequest,
        Ticket, Welcome, WelcomeKind,
    },
    presence::{Join, Presence},
    shrink::shrink_map,
    sink::Sink,
    time::{Now, Second},
};

/// Cached events that one shard keeps. Only publishers, who are signed, can fill this.
const CACHED_EVENTS_MAX: usize = 100_000;

/// A count of more subscribers than this is sent every few seconds only (Pusher).
const COUNT_AT_ONCE_MAX: u64 = 100;
const COUNT_INTERVAL_SECONDS: Second = 5;
/// How long a cache channel that remembers nothing is not reported again: about as long as it takes to
/// publish something.
const MISS_INTERVAL_SECONDS: Second = 3;

#[derive(Debug, Default)]
pub(crate) struct OwnedChannel {
    /// The shards that have subscribers, and how many each.
    shards: SmallVec<[(u32, u32); 1]>,
    pub(crate) presence: Option<Box<Presence>>,
    pub(crate) cached: Option<Box<Cached>>,
    count_sent: Second,
    count_is_due: bool,
    /// Until when another miss is none to report.
    miss_told_until: Second,
}

/// The last published event of a cache channel.
#[derive(Debug)]
pub(crate) struct Cached {
    event: Arc<Event>,
    pub(crate) data_json: Box<str>,
    pub(crate) expires: Second,
}

#[derive(Debug, Default)]
pub(crate) struct OwnedChannels {
    apps: HashMap<AppNumber, HashMap<ChannelName, OwnedChannel>>,
    cached: usize,
}

impl OwnedChannel {
    /// Connections that are subscribed, on all shards.
    pub(crate) fn subscriptions(&self) -> u64 {
        self.shards.iter().map(|(_, count)| u64::from(*count)).sum()
    }

    fn enter(&mut self, shard: ShardId) {
        match self.shards.iter_mut().find(|(id, _)| *id as ShardId == shard) {
            Some((_, count)) => *count += 1,
            None => self.shards.push((shard as u32, 1)),
        }
    }

    /// Counts a connection out; whether it was the last one.
    fn leave(&mut self, shard: ShardId) -> bool {
        let Some(at) = self.shards.iter().position(|(id, _)| *id as ShardId == shard) else {
            return false;
        };
        self.shards[at].1 -= 1;
        if self.shards[at].1 == 0 {
            self.shards.swap_remove(at);
        }
        self.shards.is_empty()
    }

    pub(crate) fn cached(&self, now: Now) -> Option<&Cached> {
        self.cached.as_deref().filter(|cached| cached.expires > now.seconds())
    }

    fn is_needed(&self) -> bool {
        !self.shards.is_empty() || self.cached.is_some()
    }
}

impl OwnedChannels {
    pub(crate) fn get(&self, app: AppNumber, name: &str) -> Option<&OwnedChannel> {
        self.apps.get(&app)?.get(name)
    }

    fn get_mut(&mut self, key: &ChannelKey) -> Option<&mut OwnedChannel> {
        self.apps.get_mut(&key.app)?.get_mut(&key.name)
    }

    fn entry(&mut self, key: &ChannelKey) -> &mut OwnedChannel {
        self.apps.entry(key.app).or_default().entry(key.name.clone()).or_default()
    }

    /// The channels of an application that have subscribers.
    pub(crate) fn of_app(
        &self,
        app: AppNumber,
    ) -> impl Iterator<Item = (&ChannelName, &OwnedChannel)> {
        self.apps.get(&app).into_iter().flatten().filter(|(_, channel)| !channel.shards.is_empty())
    }

    pub(crate) fn occupied(&self) -> usize {
        self.apps.keys().map(|app| self.of_app(*app).count()).sum()
    }

    fn remove_if_unneeded(&mut self, key: &ChannelKey) {
        let Some(channels) = self.apps.get_mut(&key.app) else {
            return;
        };
        if channels.get(&key.name).is_some_and(|channel| !channel.is_needed()) {
            channels.remove(&key.name);
            shrink_map(channels);
            if channels.is_empty() {
                self.apps.remove(&key.app);
            }
        }
    }

    fn remember(&mut self, key: &ChannelKey, cached: Cached) -> bool {
        if self.get(key.app, key.name.as_str()).is_none_or(|channel| channel.cached.is_none()) {
            if self.cached >= CACHED_EVENTS_MAX {
                return false;
            }
            self.cached += 1;
        }
        self.entry(key).cached.replace(Box::new(cached)).is_none()
    }

    fn forget_cached(&mut self, key: &ChannelKey) {
        if self.get_mut(key).is_some_and(|channel| channel.cached.take().is_some()) {
            self.cached -= 1;
        }
        self.remove_if_unneeded(key);
    }
}

impl Hub {
    pub(crate) fn own_subscribe(
        &mut self,
        request: SubscribeRequest,
        now: Now,
        sink: &mut dyn Sink,
    ) {
        let outcome = match self.app(request.channel.app) {
            Some(app) => self.let_in(&request, &app, now, sink),
            // A reload that this shard has not heard of yet, or that has taken the app away.
            None => Err(ClientError::LimitReached("The application is being reloaded".into())),
        };
        let SubscribeRequest { connection, channel, member, ticket, .. } = request;
        let is_in = matches!(ticket, Ticket::New(_)) && outcome.is_ok();
        if is_in {
            self.owned.entry(&channel).enter(connection.shard);
        } else {
            self.owned.remove_if_unneeded(&channel);
        }
        let member = member.map(|member| member.user_id);
        let answer =
            SubscribeAnswer { connection, channel: channel.clone(), member, ticket, outcome };
        self.route(connection.shard, Message::Answer(answer), sink);
        if is_in {
            self.count_changed(&channel, now, sink);
        }
    }

    /// Decides whether somebody comes in, and makes the welcome. The others are told before the
    /// joiner is among them, because it has the list.
    fn let_in(
        &mut self,
        request: &SubscribeRequest,
        app: &LiveApp,
        now: Now,
        sink: &mut dyn Sink,
    ) -> Result<Welcome, ClientError> {
        let SubscribeRequest { channel, wire, .. } = request;
        let is_new = matches!(request.ticket, Ticket::New(_));
        let owned = self.owned.entry(channel);
        let is_occupied = is_new && owned.shards.is_empty();
        let mut added = None;
        if let Some(member) = request.member.as_ref().filter(|_| is_new) {
            let presence = owned.presence.get_or_insert_default();
            let max = app.options.presence_members_max;
            if !presence.has_room(&member.user_id, max) {
                return Err(ClientError::LimitReached(
                    format!("The channel has as many members as it may have, {max} (max_presence_members)")
                        .into(),
                ));
            }
            if presence.join(member) == Join::First {
                added = Some(member.clone());
            }
        }
        let confirmation = confirm(&channel.name, owned, *wire, request.welcome);
        let cached = channel.name.is_cache().then(|| owned.cached(now));
        let cached = cached.and_then(|cached| match (cached, wire) {
            (Some(cached), wire) => cached.event.frame_alone(*wire, &channel.name),
            (None, Wire::Pusher) => Some(message::cache_miss(&channel.name)),
            (None, Wire::SocketIo) => None,
        });
        let is_missed = channel.name.is_cache() && owned.cached(now).is_none();
        if is_occupied {
            self.report(channel, Kind::ChannelOccupied, || What::ChannelOccupied, sink);
        }
        if let Some(member) = added {
            let what = || What::MemberAdded { user_id: member.user_id.to_string() };
            self.report(channel, Kind::MemberAdded, what, sink);
            self.spread(channel, Content::Added(member), sink);
            self.report_members(channel, sink);
        }
        if is_missed {
            self.report_miss(channel, now, sink);
        }
        Ok(Welcome { confirmation, cached })
    }

    /// Many who come at once miss the same event.
    fn report_miss(&mut self, channel: &ChannelKey, now: Now, sink: &mut dyn Sink) {
        if !self.wants(channel.app, Kind::CacheMiss) {
            return;
        }
        if let Some(owned) = self.owned.get_mut(channel)
            && owned.miss_told_until <= now.seconds()
        {
            owned.miss_told_until = now.seconds().saturating_add(MISS_INTERVAL_SECONDS);
            sink.happened(channel, What::CacheMiss);
        }
    }

    pub(crate) fn own_unsubscribe(
        &mut self,
        channel: &ChannelKey,
        shard: ShardId,
        member: Option<&str>,
        now: Now,
        sink: &mut dyn Sink,
    ) {
        let Some(owned) = self.owned.get_mut(channel) else {
            return;
        };
        let is_vacated = owned.leave(shard);
        let left = member.and_then(|id| owned.presence.as_mut()?.leave(id));
        if let Some(member) = left {
            let what = || What::MemberRemoved { user_id: member.user_id.to_string() };
            self.report(channel, Kind::MemberRemoved, what, sink);
            self.spread(channel, Content::Removed(member), sink);
            self.report_members(channel, sink);
        }
        self.count_changed(channel, now, sink);
        if is_vacated {
            self.report(channel, Kind::ChannelVacated, || What::ChannelVacated, sink);
        }
        self.owned.remove_if_unneeded(channel);
    }

    fn report_members(&self, channel: &ChannelKey, sink: &mut dyn Sink) {
        if !self.socketio.reports_members {
            return;
        }
        let presence = self.owned.get(channel.app, channel.name.as_str());
        let presence = presence.and_then(|owned| owned.presence.as_ref());
        let mut members = presence.map(|presence| presence.members()).unwrap_or_default();
        members.reverse();
        sink.members_changed(channel, &members);
    }

    pub(crate) fn own_publish(&mut self, publication: Publication, sink: &mut dyn Sink) {
        self.report_client_event(&publication, sink);
        let Publication { channel, content, except, cached_data, at } = publication;
        let event = Event::new(content, self.next_offset());
        if let (Some(data_json), Some(app)) = (cached_data, self.app(channel.app)) {
            let expires = at.seconds().saturating_add(app.options.cache_seconds);
            let cached = Cached { event: event.clone(), data_json, expires };
            if self.owned.remember(&channel, cached) {
                self.timers.insert(expires, Due::Cached(channel.clone()));
            }
        }
        self.spread_event(&channel, &event, except, Some(at), sink);
    }

    /// An event's place among all events of the process.
    fn next_offset(&mut self) -> Option<u64> {
        if self.socketio.recovery_seconds == 0 {
            return None;
        }
        self.events += 1;
        Some(self.events * self.shards as u64 + self.shard as u64)
    }

    /// A cached event has one timer; one that was renewed meanwhile gets another.
    pub(crate) fn expire_cached(&mut self, channel: ChannelKey, now: Now) {
        let expires =
            self.owned.get_mut(&channel).and_then(|owned| Some(owned.cached.as_ref()?.expires));
        match expires {
            Some(expires) if expires > now.seconds() => {
                self.timers.insert(expires, Due::Cached(channel))
            }
            _ => self.owned.forget_cached(&channel),
        }
    }

    fn spread(&mut self, channel: &ChannelKey, content: Content, sink: &mut dyn Sink) {
        let event = Event::new(content, self.next_offset());
        self.spread_event(channel, &event, None, None, sink);
    }

    fn spread_event(
        &mut self,
        channel: &ChannelKey,
        event: &Arc<Event>,
        except: Option<SocketId>,
        published: Option<Now>,
        sink: &mut dyn Sink,
    ) {
        let Some(owned) = self.owned.get_mut(channel) else {
            return;
        };
        for (shard, _) in owned.shards.clone() {
            let delivery =
                Delivery { channel: channel.clone(), event: event.clone(), except, published };
            self.route(shard as ShardId, Message::Deliver(delivery), sink);
        }
    }

    pub(crate) fn deliver(&mut self, delivery: &Delivery, now: Now, sink: &mut dyn Sink) {
        let Delivery { channel: ChannelKey { app, name }, event, except, published } = delivery;
        let Some(id) = self.local.find(*app, name.as_str()) else {
            return;
        };
        self.remember_for_recovery(id, name, event, *except, now);
        let channel = self.local.channel(id);
        let except = except.and_then(|id| self.sockets.get(&id).copied());
        let mut published = *published;
        for wire in [Wire::Pusher, Wire::SocketIo] {
            let subscribers = channel.list(wire);
            let frame = if subscribers.is_empty() { None } else { event.frame(wire, name) };
            if let Some(frame) = frame {
                sink.fan_out(subscribers, except, frame, published.take());
            }
        }
    }

    fn count_changed(&mut self, channel: &ChannelKey, now: Now, sink: &mut dyn Sink) {
        let is_told = self.tells_count(channel.app) || self.wants(channel.app, COUNT);
        if !is_told || channel.name.is_presence() {
            return;
        }
        let Some(owned) = self.owned.get_mut(channel) else {
            return;
        };
        let next = owned.count_sent + COUNT_INTERVAL_SECONDS;
        if owned.subscriptions() <= COUNT_AT_ONCE_MAX || next <= now.seconds() {
            return self.send_count(channel, now, sink);
        }
        if !owned.count_is_due {
            owned.count_is_due = true;
            self.timers.insert(next, Due::Count(channel.clone()));
        }
    }

    /// Whether subscribers are told how many they are.
    fn tells_count(&self, app: AppNumber) -> bool {
        self.apps.by_number(app).is_some_and(|app| app.options.subscription_count)
    }

    /// One that was sent meanwhile has another timer, if it is due again.
    pub(crate) fn send_held_count(&mut self, channel: &ChannelKey, now: Now, sink: &mut dyn Sink) {
        let is_due = self.owned.get_mut(channel).is_some_and(|owned| {
            owned.count_is_due && owned.count_sent + COUNT_INTERVAL_SECONDS <= now.seconds()
        });
        if is_due {
            self.send_count(channel, now, sink);
        }
    }

    fn send_count(&mut self, channel: &ChannelKey, now: Now, sink: &mut dyn Sink) {
        let Some(owned) = self.owned.get_mut(channel) else {
            return;
        };
        (owned.count_sent, owned.count_is_due) = (now.seconds(), false);
        let count = owned.subscriptions();
        self.report(channel, COUNT, || What::SubscriptionCount { count }, sink);
        if self.tells_count(channel.app) {
            self.spread(channel, Content::Count(count), sink);
        }
    }
}

/// What counts are told as.
const COUNT: Kind = Kind::SubscriptionCount;

/// What somebody hears who is let in.
fn confirm(
    name: &ChannelName,
    owned: &OwnedChannel,
    wire: Wire,
    kind: WelcomeKind,
) -> Option<Frame> {
    let members = || owned.presence.as_ref().map(|presence| presence.members()).unwrap_or_default();
    match (wire, kind) {
        (Wire::Pusher, WelcomeKind::Plain) => Some(message::subscription_succeeded(name)),
        (Wire::Pusher, WelcomeKind::Members) => {
            Some(message::presence_succeeded(name, members().into_iter()))
        }
        (Wire::SocketIo, WelcomeKind::Plain) => None,
        // The newest first, as laravel-echo-server has them.
        (Wire::SocketIo, WelcomeKind::Members) => {
            Some(socketio::presence_subscribed(name, members().into_iter().rev()))
        }
    }
}
