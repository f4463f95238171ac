//! Three shards with two applications, and the wires between them.

mod client;

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use resound_hub::{
    app::{App, AppNumber, AppOptions, Apps, ClientEvents, LiveApp},
    authorise::AuthRequest,
    hub::{Admission, Census, Hub},
    peer::{ChannelKey, PeerMessage, ShardId, Slot},
    recovery::Return,
    sink::{Note, Sink, Who},
    time::Now,
};
use resound_protocol::{
    api::{BodyLimits, EventBody},
    channel::NameRule,
    client::ClientMessage,
    error::ClientError,
    member::Member,
    signature::{channel_auth, user_auth},
    socket_id::SocketId,
    webhook::What,
    websocket::Frame,
};
use serde_json::json;

use client::{Client, MARK};

const SHARDS: usize = 3;
const USERS: u8 = 4;
const CHANNELS: [&str; 8] = [
    "news",
    "private-a",
    "presence-a",
    "presence-cache-b",
    "cache-c",
    "private-encrypted-d",
    "#server-to-user-1",
    "no such name",
];
const LIMITS: BodyLimits = BodyLimits {
    channel_name_max: 50,
    channel_names: NameRule::Pusher,
    event_name_max: 50,
    event_channels_max: CHANNELS.len(),
    event_bytes_max: None,
    batch_max: 1,
};

pub struct World {
    hubs: Vec<Hub>,
    outside: Outside,
    now: Now,
    /// Makes every socket id and every event different.
    serial: u64,
}

/// All that is not a hub.
#[derive(Default)]
struct Outside {
    /// Whose turn it is.
    shard: ShardId,
    /// `wires[from][to]`.
    wires: [[VecDeque<PeerMessage>; SHARDS]; SHARDS],
    /// By shard and slot; a slot is taken again as soon as it is free.
    clients: [Vec<Option<Client>>; SHARDS],
}

impl Outside {
    fn client(&mut self, slot: Slot) -> &mut Client {
        let clients = &mut self.clients[self.shard];
        clients[slot as usize].as_mut().expect("a frame for a connection that is gone")
    }
}

impl Sink for Outside {
    fn send(&mut self, to: Slot, frame: &Frame) {
        self.client(to).take(frame);
    }

    fn fan_out(&mut self, to: &[Slot], except: Option<Slot>, frame: &Frame, _: Option<Now>) {
        let receivers: BTreeSet<Slot> = to.iter().copied().collect();
        assert_eq!(receivers.len(), to.len(), "a connection is in a channel once");
        for slot in receivers.into_iter().filter(|slot| Some(*slot) != except) {
            self.client(slot).take(frame);
        }
    }

    fn ping(&mut self, to: Slot) {
        self.client(to);
    }

    fn close(&mut self, slot: Slot, _: &ClientError) {
        self.client(slot);
        self.clients[self.shard][slot as usize] = None;
    }

    fn peer(&mut self, shard: ShardId, message: PeerMessage) {
        assert_ne!(shard, self.shard);
        self.wires[self.shard][shard].push_back(message);
    }

    fn authorise(&mut self, _: AuthRequest) {}

    fn hand_over(&mut self, _: Slot, _: ShardId, _: Return) {}

    fn happened(&mut self, _: &ChannelKey, _: What) {}

    fn members_changed(&mut self, _: &ChannelKey, _: &[&Member]) {}

    fn resumed(&mut self, _: Slot, _: SocketId) {}

    fn note(&mut self, _: &Who<'_>, _: Note<'_>) {}
}

fn app(id: &str, options: AppOptions) -> App {
    App { id: id.into(), key: format!("key-{id}").into(), secret: "secret".into(), options }
}

/// The two applications; their limits are low, so that they are met.
fn apps(second_is_enabled: bool) -> [App; 2] {
    let common = AppOptions {
        presence_members_max: 3,
        channels_per_connection_max: 5,
        cache_seconds: 100,
        ..AppOptions::default()
    };
    let first = AppOptions { connections_max: Some(12), ..common.clone() };
    let second = AppOptions {
        enabled: second_is_enabled,
        client_events: ClientEvents::All,
        client_events_per_second: Some(3),
        subscription_count: true,
        ..common
    };
    [app("0", first), app("1", second)]
}

impl Default for World {
    fn default() -> Self {
        let all = Arc::new(Apps::new(apps(true)));
        let hubs = (0..SHARDS).map(|shard| Hub::new(shard, SHARDS, all.clone())).collect();
        Self { hubs, outside: Outside::default(), now: Now::default(), serial: 0 }
    }
}

impl World {
    pub fn connect(&mut self, shard: u8, second: bool, user: u8) {
        let shard = usize::from(shard) % SHARDS;
        self.serial += 1;
        let socket_id = SocketId::from_random(self.serial.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let app = self.live_app(second);
        let clients = &mut self.outside.clients[shard];
        let free = clients.iter().position(Option::is_none).unwrap_or(clients.len());
        if free == clients.len() {
            clients.push(None);
        }
        let admission = Admission { key: &app.key, ..Admission::default() };
        let Ok(number) = self.hubs[shard].admit(&admission) else { return };
        clients[free] = Some(Client::new(app, socket_id, user % USERS));
        self.outside.shard = shard;
        let slot = free as Slot;
        let result = self.hubs[shard].connect(slot, number, socket_id, self.now, &mut self.outside);
        if result.is_err() {
            self.outside.clients[shard][free] = None;
        }
    }

    pub fn say(&mut self, client: u8, text: &str) {
        let Some((shard, slot)) = self.find(client) else { return };
        if let Ok(ClientMessage::Unsubscribe(channel)) = ClientMessage::parse(text) {
            self.outside.client(slot).leave(&channel);
        }
        self.hubs[shard].receive(slot, text, self.now, &mut self.outside);
    }

    pub fn subscribe(&mut self, client: u8, channel: u8, forged: bool) {
        let Some((_, slot)) = self.find(client) else { return };
        let (key, socket_id, user) = self.outside.client(slot).identity();
        let channel = CHANNELS[usize::from(channel) % CHANNELS.len()];
        let mut data = json!({ "channel": channel });
        let member = json!({ "user_id": user, "user_info": { "n": self.serial } }).to_string();
        let channel_data = channel.starts_with("presence-").then_some(&*member);
        let app = &self.outside.client(slot).app;
        let auth = channel_auth(&key, app.signer(), &socket_id, channel, channel_data);
        data["auth"] = if forged { auth.replace('0', "1") } else { auth }.into();
        if let Some(member) = channel_data {
            data["channel_data"] = member.into();
        }
        self.say(client, &json!({ "event": "pusher:subscribe", "data": data }).to_string());
    }

    pub fn unsubscribe(&mut self, client: u8, channel: u8) {
        let channel = CHANNELS[usize::from(channel) % CHANNELS.len()];
        let message = json!({ "event": "pusher:unsubscribe", "data": { "channel": channel } });
        self.say(client, &message.to_string());
    }

    pub fn sign_in(&mut self, client: u8, watched: u8, other: bool) {
        let Some((_, slot)) = self.find(client) else { return };
        let (key, socket_id, user) = self.outside.client(slot).identity();
        let id = if other { "other".to_owned() } else { user.to_string() };
        let watchlist: Vec<_> =
            (0..USERS).filter(|id| watched >> id & 1 == 1).map(|id| id.to_string()).collect();
        let data = json!({ "id": id, "watchlist": watchlist }).to_string();
        let auth = user_auth(&key, self.outside.client(slot).app.signer(), &socket_id, &data);
        let data = json!({ "auth": auth, "user_data": data });
        self.say(client, &json!({ "event": "pusher:signin", "data": data }).to_string());
    }

    pub fn client_event(&mut self, client: u8, channel: u8) {
        let Some((_, slot)) = self.find(client) else { return };
        self.serial += 1;
        let channel = CHANNELS[usize::from(channel) % CHANNELS.len()];
        let from = self.outside.client(slot);
        let data = json!({ "app": &*from.app.id, MARK: self.serial, "from": from.socket_id });
        let message = json!({ "event": "client-e", "channel": channel, "data": data.to_string() });
        self.say(client, &message.to_string());
    }

    pub fn publish(&mut self, shard: u8, second: bool, channels: u8, except: Option<u8>) {
        let except = except
            .and_then(|client| self.find(client))
            .map(|(_, slot)| self.outside.client(slot).socket_id.clone());
        self.outside.shard = usize::from(shard) % SHARDS;
        self.serial += 1;
        let app = self.live_app(second);
        let data = json!({ "app": &*app.id, MARK: self.serial, "except": except }).to_string();
        let names: Vec<_> = (0..CHANNELS.len())
            .filter(|at| channels >> at & 1 == 1)
            .map(|at| CHANNELS[at])
            .collect();
        let body = json!({ "name": "e", "data": data, "channels": names, "socket_id": except });
        let body = body.to_string();
        let Ok(event) = EventBody::parse(body.as_bytes(), &LIMITS) else { return };
        self.hubs[self.outside.shard].publish(&app, &event, self.now, &mut self.outside);
    }

    pub fn disconnect(&mut self, client: u8) {
        let Some((shard, slot)) = self.find(client) else { return };
        self.outside.clients[shard][slot as usize] = None;
        self.hubs[shard].disconnect(slot, self.now, &mut self.outside);
    }

    pub fn terminate(&mut self, shard: u8, second: bool, user: u8) {
        self.outside.shard = usize::from(shard) % SHARDS;
        let (app, user) = (self.live_app(second).number(), (user % USERS).to_string());
        self.hubs[self.outside.shard].terminate(app, &user, self.now, &mut self.outside);
    }

    pub fn hear(&mut self, client: u8) {
        let Some((shard, slot)) = self.find(client) else { return };
        self.hubs[shard].heard(slot, self.now);
    }

    pub fn tick(&mut self, seconds: u8) {
        self.now = Now::from_micros(self.now.micros() + u64::from(seconds) * 300_000);
        for shard in 0..SHARDS {
            self.outside.shard = shard;
            self.hubs[shard].tick(self.now, &mut self.outside);
        }
    }

    pub fn relay(&mut self, from: u8, to: u8) {
        let (from, to) = (usize::from(from) % SHARDS, usize::from(to) % SHARDS);
        let Some(message) = self.outside.wires[from][to].pop_front() else { return };
        self.outside.shard = to;
        self.hubs[to].accept(message, self.now, &mut self.outside);
    }

    pub fn reload(&mut self, second_is_enabled: bool) {
        let next = Arc::new(self.hubs[0].apps().reloaded(apps(second_is_enabled)));
        for shard in 0..SHARDS {
            self.outside.shard = shard;
            self.hubs[shard].reload(next.clone(), self.now, &mut self.outside);
        }
    }

    /// Delivers all that is under way.
    pub fn settle(&mut self) {
        while self.outside.wires.iter().flatten().any(|wire| !wire.is_empty()) {
            for from in 0..SHARDS {
                for to in 0..SHARDS {
                    self.relay(from as u8, to as u8);
                }
            }
        }
    }

    pub fn leave_all(&mut self) {
        while self.clients().next().is_some() {
            self.disconnect(0);
        }
        self.settle();
    }

    /// What the shards hold is what the clients believe.
    pub fn check_agreement(&self) {
        let census = self.census();
        assert_eq!(census.connections, self.clients().count());
        let subscriptions: usize = self.clients().map(|client| client.channels.len()).sum();
        assert_eq!(census.subscriptions, subscriptions);
        let apps = self.hubs[0].apps();
        for app in apps.iter() {
            let of_app = || self.clients().filter(|client| client.app.id == app.id);
            assert_eq!(app.connections(), of_app().count());
            for channel in CHANNELS {
                self.check_channel(app.number(), channel, &of_app().collect::<Vec<_>>());
            }
        }
    }

    fn check_channel(&self, app: AppNumber, channel: &str, clients: &[&Client]) {
        let present = || clients.iter().filter(|client| client.channels.contains_key(channel));
        let infos = self.hubs.iter().map(|hub| hub.channel(app, channel, self.now));
        let subscriptions: u64 = infos.map(|info| info.subscriptions).sum();
        assert_eq!(subscriptions, present().count() as u64, "{channel}");
        if !channel.starts_with("presence-") {
            return;
        }
        let users: BTreeSet<String> = present().map(|client| client.user.to_string()).collect();
        let known: Vec<_> = self.hubs.iter().flat_map(|hub| hub.users(app, channel)).collect();
        assert_eq!(known.len(), users.len(), "{channel}");
        for client in present() {
            assert_eq!(client.channels[channel], users, "{channel} as {} sees it", client.user);
        }
    }

    /// Publishes to every channel, which reaches all who are in it.
    pub fn check_that_everybody_hears(&mut self) {
        for second in [false, true] {
            self.publish(0, second, 0x7F, None);
            self.settle();
            let (serial, app) = (self.serial, self.live_app(second));
            for client in self.clients().filter(|client| client.app.id == app.id) {
                for channel in client.channels.keys() {
                    assert!(client.heard.contains(&(channel.clone(), serial)), "{channel}");
                }
            }
        }
    }

    pub fn check_emptiness(&self) {
        assert_eq!(self.census(), Census::default());
        assert!(self.hubs[0].apps().iter().all(|app| app.connections() == 0));
    }

    fn census(&self) -> Census {
        self.hubs.iter().map(Hub::census).fold(Census::default(), |sum, census| Census {
            connections: sum.connections + census.connections,
            subscriptions: sum.subscriptions + census.subscriptions,
            local_channels: sum.local_channels + census.local_channels,
            channels: sum.channels + census.channels,
            users: sum.users + census.users,
            kept: sum.kept + census.kept,
            remembered: sum.remembered + census.remembered,
        })
    }

    fn clients(&self) -> impl Iterator<Item = &Client> {
        self.outside.clients.iter().flatten().flatten()
    }

    fn live_app(&self, second: bool) -> Arc<LiveApp> {
        let id = if second { "1" } else { "0" };
        self.hubs[0].apps().by_id(id).expect("no reload takes it away").clone()
    }

    /// The client of this number, modulo how many there are; it is its shard's turn then.
    fn find(&mut self, client: u8) -> Option<(ShardId, Slot)> {
        let all: Vec<_> = (0..SHARDS)
            .flat_map(|shard| (0..self.outside.clients[shard].len()).map(move |slot| (shard, slot)))
            .filter(|(shard, slot)| self.outside.clients[*shard][*slot].is_some())
            .collect();
        let (shard, slot) = *all.get(usize::from(client).checked_rem(all.len())?)?;
        self.outside.shard = shard;
        Some((shard, slot as Slot))
    }
}
