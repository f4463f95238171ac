//! Shards, clients, and the wires between shards, which deliver when the test says so.

use std::{collections::VecDeque, sync::Arc};

use proptest::prelude::ProptestConfig;
use proptest::test_runner::RngSeed;

use resound_hub::{
    app::{App, AppNumber, AppOptions, Apps, LiveApp},
    authorise::{AuthAnswer, AuthRequest},
    hub::{Admission, Census, Hub},
    peer::{ChannelKey, PeerMessage, ShardId, Slot, owner_of},
    recovery::Return,
    sink::{Note, Sink, Who},
    socketio::{Newcomer, SocketIoOptions},
    time::Now,
};
use resound_protocol::{
    api::{EventBody, Info},
    channel::ChannelName,
    engineio::{Upgrades, Version},
    error::ClientError,
    member::Member,
    socket_id::SocketId,
    websocket::Frame,
};

/// A client's place among all that ever connected.
pub(crate) type ClientId = usize;

/// What a client gets, and the notes about refusals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Frame(String),
    ControlPing,
    Closed(u16, String),
    Note(String),
}

#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) shard: ShardId,
    /// `None` once it is disconnected or closed.
    pub(crate) slot: Option<Slot>,
    pub(crate) socket_id: SocketId,
    pub(crate) heard: Vec<Heard>,
    /// When it heard what it heard.
    pub(crate) heard_at: Vec<Moment>,
    /// The frames among what it heard, each as the hub sent it.
    pub(crate) frames: Vec<Frame>,
    /// All notes about it.
    pub(crate) log: Vec<String>,
    /// The socket ids that it was given when it came to a shard, each with its secret.
    pub(crate) ids: Vec<(SocketId, u64)>,
    /// The connection that its client had before, if it has come back.
    pub(crate) before: Option<ClientId>,
    /// How much of what it heard did arrive.
    received: Option<usize>,
    /// It was cut while it was on its way to another shard.
    is_lost: bool,
}

/// A place in the order of all that happens to clients.
pub(crate) type Moment = usize;

/// Everything around the hubs.
#[derive(Debug)]
struct Outside {
    shards: usize,
    clients: Vec<Client>,
    slots: Vec<Vec<Option<ClientId>>>,
    /// One queue from each shard to each: what one shard sends another stays in order, and nothing
    /// else is promised.
    wires: Vec<VecDeque<PeerMessage>>,
    /// What the application is asked.
    questions: Vec<(ShardId, AuthRequest)>,
    /// Clients on their way to another shard.
    travellers: Vec<(ClientId, ShardId, Return)>,
    /// Which subscriptions began and ended, and when.
    journal: Vec<(Moment, SocketId, Turn)>,
    moment: Moment,
    /// Socket ids that were given out.
    ids: u32,
}

/// A subscription begins or ends, by what the hub notes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Begins(String),
    Ends(String),
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) hubs: Vec<Hub>,
    outside: Outside,
    pub(crate) now: Now,
    socketio: SocketIoOptions,
}

/// One shard's view of the outside.
struct Side<'w> {
    shard: ShardId,
    outside: &'w mut Outside,
}

/// The application of most tests.
pub(crate) fn app(options: AppOptions) -> App {
    App { id: "app".into(), key: "key".into(), secret: "secret".into(), options }
}

impl World {
    pub(crate) fn new(shards: usize, apps: impl IntoIterator<Item = App>) -> Self {
        Self::with_socketio(shards, apps, SocketIoOptions::default())
    }

    pub(crate) fn with_socketio(
        shards: usize,
        apps: impl IntoIterator<Item = App>,
        socketio: SocketIoOptions,
    ) -> Self {
        let apps = Arc::new(Apps::new(apps));
        let outside = Outside {
            shards,
            clients: Vec::new(),
            slots: vec![Vec::new(); shards],
            wires: (0..shards * shards).map(|_| VecDeque::new()).collect(),
            questions: Vec::new(),
            travellers: Vec::new(),
            journal: Vec::new(),
            moment: 0,
            ids: 0,
        };
        let hub = |shard| Hub::new(shard, shards, apps.clone()).with_socketio(socketio);
        let hubs = (0..shards).map(hub).collect();
        Self { hubs, outside, now: Now::from_seconds(1000), socketio }
    }

    pub(crate) fn shards(&self) -> usize {
        self.hubs.len()
    }

    pub(crate) fn app(&self) -> Arc<LiveApp> {
        self.hubs[0].apps().by_id("app").expect("every world has it").clone()
    }

    /// Connects a client, in the first free slot of the shard.
    pub(crate) fn connect(&mut self, shard: ShardId, key: &str) -> Result<ClientId, ClientError> {
        let number = self.hubs[shard].admit(&Admission { key, ..Admission::default() })?;
        self.connect_admitted(shard, number)
    }

    pub(crate) fn connect_admitted(
        &mut self,
        shard: ShardId,
        app: AppNumber,
    ) -> Result<ClientId, ClientError> {
        let (client, slot, socket_id) = self.outside.seat(shard);
        let mut side = Side { shard, outside: &mut self.outside };
        let connected = self.hubs[shard].connect(slot, app, socket_id, self.now, &mut side);
        if connected.is_err() {
            self.outside.unseat(client);
        }
        connected.map(|()| client)
    }

    /// Connects a client of Socket.IO. One of Engine.IO 4 has not joined yet.
    pub(crate) fn connect_socketio(
        &mut self,
        shard: ShardId,
        version: Version,
    ) -> Result<ClientId, ClientError> {
        self.connect_socketio_to(shard, self.app().number(), version)
    }

    pub(crate) fn connect_socketio_to(
        &mut self,
        shard: ShardId,
        app: AppNumber,
        version: Version,
    ) -> Result<ClientId, ClientError> {
        let (client, slot, socket_id) = self.outside.seat(shard);
        let newcomer = self.outside.newcomer(client, app, version, socket_id);
        let mut side = Side { shard, outside: &mut self.outside };
        let connected = self.hubs[shard].connect_socketio(slot, &newcomer, self.now, &mut side);
        if connected.is_err() {
            self.outside.unseat(client);
        }
        connected.map(|()| client)
    }

    pub(crate) fn client(&self, client: ClientId) -> &Client {
        &self.outside.clients[client]
    }

    pub(crate) fn is_connected(&self, client: ClientId) -> bool {
        self.client(client).slot.is_some()
    }

    pub(crate) fn say(&mut self, client: ClientId, text: &str) {
        let Some((shard, slot)) = self.outside.place(client) else {
            return;
        };
        let mut side = Side { shard, outside: &mut self.outside };
        self.hubs[shard].receive(slot, text, self.now, &mut side);
    }

    pub(crate) fn send_control_frame(&mut self, client: ClientId) {
        if let Some((shard, slot)) = self.outside.place(client) {
            self.hubs[shard].heard(slot, self.now);
        }
    }

    pub(crate) fn send_binary(&mut self, client: ClientId, bytes: &[u8]) {
        let Some((shard, slot)) = self.outside.place(client) else {
            return;
        };
        let mut side = Side { shard, outside: &mut self.outside };
        self.hubs[shard].receive_binary(slot, bytes, self.now, &mut side);
    }

    /// The shard notices that a connection is gone, which is not the client's wish.
    pub(crate) fn lose(&mut self, client: ClientId) {
        let Some((shard, slot)) = self.outside.place(client) else {
            // It may be on its way to another shard, which will notice.
            return self.outside.clients[client].is_lost = true;
        };
        self.outside.unseat(client);
        let mut side = Side { shard, outside: &mut self.outside };
        self.hubs[shard].lose(slot, self.now, &mut side);
    }

    /// Of what the client has heard only so much has arrived.
    pub(crate) fn receives_only(&mut self, client: ClientId, heard: usize) {
        self.outside.clients[client].received = Some(heard);
    }

    /// What the client has really got.
    pub(crate) fn received(&self, client: ClientId) -> &[Heard] {
        let Client { heard, received, .. } = self.client(client);
        &heard[..received.unwrap_or(heard.len())]
    }

    /// Notes that a connection is the client's next one after another one.
    pub(crate) fn is_next_of(&mut self, client: ClientId, before: ClientId) {
        self.outside.clients[client].before = Some(before);
    }

    /// What socket.io-client 4 says when it comes back: the `pid` of its last session, and the offset of
    /// the last event of this or, as it never forgets one, of an earlier session.
    pub(crate) fn returning(&self, client: ClientId) -> String {
        let pid = self.pid(client).expect("the client was in");
        match self.last_offset(client) {
            Some(offset) => format!(r#"40{{"pid":"{pid}","offset":"{offset}"}}"#),
            None => format!(r#"40{{"pid":"{pid}"}}"#),
        }
    }

    pub(crate) fn pid(&self, client: ClientId) -> Option<String> {
        let pid = |heard: &Heard| text(heard).and_then(pid_in);
        let own = self.received(client).iter().rev().find_map(pid);
        own.or_else(|| self.pid(self.client(client).before?))
    }

    /// The client of a connection's socket id.
    pub(crate) fn client_of(&self, id: SocketId) -> Option<ClientId> {
        let has_it = |client: &Client| client.ids.iter().any(|(own, _)| *own == id);
        self.outside.clients.iter().position(has_it)
    }

    /// Whether a connection is one that the client of a later one had before.
    pub(crate) fn is_same_client(&self, later: ClientId, earlier: ClientId) -> bool {
        let chain = std::iter::successors(Some(later), |client| self.client(*client).before);
        chain.into_iter().any(|client| client == earlier)
    }

    /// Whether nothing is on its way, and nobody waits for the application.
    pub(crate) fn is_quiet(&self) -> bool {
        let Outside { wires, questions, travellers, .. } = &self.outside;
        wires.iter().all(VecDeque::is_empty) && questions.is_empty() && travellers.is_empty()
    }

    /// The offset of the last event that the client received, of this or an earlier session.
    pub(crate) fn last_offset(&self, client: ClientId) -> Option<String> {
        let offset = |heard: &Heard| text(heard).and_then(offset_in);
        let own = self.received(client).iter().rev().find_map(offset);
        own.or_else(|| self.last_offset(self.client(client).before?))
    }

    /// The journal of subscriptions.
    pub(crate) fn journal(&self) -> &[(Moment, SocketId, Turn)] {
        &self.outside.journal
    }

    /// What the application is asked: by whom and for which channel, with which headers.
    pub(crate) fn questions(&self) -> impl Iterator<Item = &AuthRequest> {
        self.outside.questions.iter().map(|(_, question)| question)
    }

    /// The application answers the oldest question of a client about a channel, as often as there are
    /// answers.
    pub(crate) fn answer(&mut self, socket_id: SocketId, channel: &str, answers: &[AuthAnswer]) {
        let is_meant = |(_, question): &(ShardId, AuthRequest)| {
            question.socket_id == socket_id && question.channel.name.as_str() == channel
        };
        let at = self.outside.questions.iter().position(is_meant);
        let (shard, question) =
            self.outside.questions.remove(at.expect("the application was asked"));
        let (ticket, _) = question.into_ticket();
        for answer in answers {
            let mut side = Side { shard, outside: &mut self.outside };
            self.hubs[shard].authorised(&ticket, answer.clone(), self.now, &mut side);
        }
    }

    pub(crate) fn disconnect(&mut self, client: ClientId) {
        let Some((shard, slot)) = self.outside.place(client) else {
            return;
        };
        self.outside.unseat(client);
        let mut side = Side { shard, outside: &mut self.outside };
        self.hubs[shard].disconnect(slot, self.now, &mut side);
    }

    /// Publishes as if the request had come in at this shard. `data` is the payload's text.
    pub(crate) fn publish(
        &mut self,
        shard: ShardId,
        channel: &str,
        event: &str,
        data: &str,
        except: Option<ClientId>,
    ) {
        let except = except.map(|client| self.client(client).socket_id);
        self.publish_except(shard, channel, event, data, except);
    }

    pub(crate) fn publish_except(
        &mut self,
        shard: ShardId,
        channel: &str,
        event: &str,
        data: &str,
        except: Option<SocketId>,
    ) {
        let (name_json, data_json) = (format!("{event:?}"), format!("{data:?}"));
        let event = EventBody {
            name_json: &name_json,
            data_json: &data_json,
            channels: vec![
                ChannelName::parse_lenient(channel, 200).expect("the test names a channel"),
            ],
            socket_id: except.map(|id| id.to_string()),
            info: Info::default(),
        };
        let app = self.app();
        let mut side = Side { shard, outside: &mut self.outside };
        self.hubs[shard].publish(&app, &event, self.now, &mut side);
    }

    pub(crate) fn terminate(&mut self, shard: ShardId, user_id: &str) {
        let app = self.app().number();
        let mut side = Side { shard, outside: &mut self.outside };
        self.hubs[shard].terminate(app, user_id, self.now, &mut side);
    }

    pub(crate) fn reload(&mut self, apps: impl IntoIterator<Item = App>) {
        let apps = Arc::new(self.hubs[0].apps().reloaded(apps));
        for shard in 0..self.shards() {
            self.reload_shard(shard, &apps);
        }
    }

    pub(crate) fn reload_shard(&mut self, shard: ShardId, apps: &Arc<Apps>) {
        let mut side = Side { shard, outside: &mut self.outside };
        self.hubs[shard].reload(apps.clone(), self.now, &mut side);
    }

    /// Lets time pass, with the tick of every shard each second.
    pub(crate) fn pass_second(&mut self) {
        self.now = Now::from_micros(self.now.micros() + 1_000_000);
        for shard in 0..self.shards() {
            let mut side = Side { shard, outside: &mut self.outside };
            self.hubs[shard].tick(self.now, &mut side);
        }
    }

    /// Delivers one message over one of the wires that have some; `false` if none has.
    pub(crate) fn deliver(&mut self, choice: usize) -> bool {
        let shards = self.shards();
        let loaded: Vec<usize> =
            (0..shards * shards).filter(|wire| !self.outside.wires[*wire].is_empty()).collect();
        let choices = loaded.len() + self.outside.travellers.len();
        if choices == 0 {
            return false;
        }
        let Some(wire) = loaded.get(choice % choices).copied() else {
            self.travel(choice % choices - loaded.len());
            return true;
        };
        let message = self.outside.wires[wire].pop_front().expect("a loaded wire was chosen");
        let shard = wire % shards;
        let mut side = Side { shard, outside: &mut self.outside };
        self.hubs[shard].accept(message, self.now, &mut side);
        true
    }

    /// A client arrives at the shard to which it was handed over.
    fn travel(&mut self, at: usize) {
        let (client, shard, returning) = self.outside.travellers.remove(at);
        let (slot, socket_id) = self.outside.reseat(client, shard);
        let newcomer = self.outside.newcomer(client, returning.app, Version::V4, socket_id);
        let mut side = Side { shard, outside: &mut self.outside };
        let arrived = self.hubs[shard].arrive(slot, &newcomer, &returning, self.now, &mut side);
        if let Err(error) = arrived {
            side.close(slot, &error);
        }
        if std::mem::take(&mut self.outside.clients[client].is_lost) {
            self.lose(client);
        }
    }

    /// Delivers until all wires are empty.
    pub(crate) fn settle(&mut self) {
        while self.deliver(0) {}
    }

    /// The hub that owns a channel.
    pub(crate) fn owner(&self, channel: &str) -> &Hub {
        let name = ChannelName::parse_lenient(channel, 200).expect("the test names a channel");
        let key = ChannelKey { app: self.app().number(), name };
        &self.hubs[owner_of(&key, self.shards())]
    }

    /// What all shards hold together.
    pub(crate) fn census(&self) -> Census {
        self.hubs.iter().map(Hub::census).fold(Census::default(), |sum, one| Census {
            connections: sum.connections + one.connections,
            subscriptions: sum.subscriptions + one.subscriptions,
            local_channels: sum.local_channels + one.local_channels,
            channels: sum.channels + one.channels,
            users: sum.users + one.users,
            kept: sum.kept + one.kept,
            remembered: sum.remembered + one.remembered,
        })
    }

    /// Everybody leaves; afterwards no shard may hold anything.
    #[track_caller]
    pub(crate) fn empty(&mut self, mut choose: impl FnMut() -> usize) {
        for client in 0..self.outside.clients.len() {
            self.disconnect(client);
        }
        while self.deliver(choose()) {}
        for client in 0..self.outside.clients.len() {
            self.disconnect(client); // it was on its way
        }
        while self.deliver(choose()) {}
        let census = self.census();
        if census.kept == 0 {
            assert_eq!(Census { remembered: 0, ..census }, Census::default());
        }
        assert_eq!(self.app().connections(), 0);
        self.now = Now::from_micros(self.now.micros() + 1_000_000 * 86_400);
        self.pass_second();
        self.settle();
        assert_eq!(self.census(), Census::default(), "nobody can come back any more");
        for (shard, hub) in self.hubs.iter().enumerate() {
            let fresh = Hub::new(shard, self.hubs.len(), hub.apps().clone());
            let fresh = fresh.with_socketio(self.socketio);
            assert_eq!(contents(hub), contents(&fresh), "shard {shard} keeps something");
        }
    }
}

fn text(heard: &Heard) -> Option<&str> {
    match heard {
        Heard::Frame(text) => Some(text),
        Heard::ControlPing | Heard::Closed(..) | Heard::Note(_) => None,
    }
}

/// The session that a CONNECT answer names.
pub(crate) fn pid_in(text: &str) -> Option<String> {
    let answer: serde_json::Value = serde_json::from_str(text.strip_prefix("40")?).ok()?;
    Some(answer["pid"].as_str()?.to_owned())
}

/// What socket.io-client 4 takes for an offset: the last argument of an event, if it is a string.
pub(crate) fn offset_in(text: &str) -> Option<String> {
    let event: serde_json::Value = serde_json::from_str(text.strip_prefix("42")?).ok()?;
    event.as_array()?.iter().skip(1).last()?.as_str().map(str::to_owned)
}

/// All that a hub holds, save the serial number of its last subscription.
fn contents(hub: &Hub) -> String {
    let text = format!("{hub:?}");
    let end = text.rfind("serial: ").expect("a hub counts its subscriptions");
    text[..end].to_owned()
}

impl Outside {
    /// Finds a slot for another client.
    fn seat(&mut self, shard: ShardId) -> (ClientId, Slot, SocketId) {
        let client = self.clients.len();
        let socket_id = self.next_id(shard);
        self.clients.push(Client {
            shard,
            slot: None,
            socket_id,
            heard: Vec::new(),
            heard_at: Vec::new(),
            frames: Vec::new(),
            log: Vec::new(),
            ids: Vec::new(),
            before: None,
            received: None,
            is_lost: false,
        });
        (client, self.take_slot(client, shard), socket_id)
    }

    /// Finds a slot in another shard.
    fn reseat(&mut self, client: ClientId, shard: ShardId) -> (Slot, SocketId) {
        let socket_id = self.next_id(shard);
        self.clients[client].socket_id = socket_id;
        (self.take_slot(client, shard), socket_id)
    }

    fn take_slot(&mut self, client: ClientId, shard: ShardId) -> Slot {
        let slots = &mut self.slots[shard];
        let slot = slots.iter().position(Option::is_none).unwrap_or(slots.len());
        slots.resize(slots.len().max(slot + 1), None);
        slots[slot] = Some(client);
        let slot = slot as Slot;
        (self.clients[client].shard, self.clients[client].slot) = (shard, Some(slot));
        slot
    }

    /// An id that says where it was made.
    fn next_id(&mut self, shard: ShardId) -> SocketId {
        self.ids += 1;
        let of_shard = |place: &usize| (place - 1) % self.shards == shard;
        let place = (self.ids as usize..).find(of_shard).expect("numbers have no end");
        SocketId::parse(&format!("{}.{place}", self.ids)).expect("two numbers")
    }

    fn newcomer(
        &mut self,
        client: ClientId,
        app: AppNumber,
        version: Version,
        socket_id: SocketId,
    ) -> Newcomer {
        let engine_id = match version {
            Version::V3 => socket_id,
            Version::V4 => SocketId::parse(&format!("{}.9", 900 + client)).expect("two numbers"),
        };
        let secret = 0xabc0 + u64::from(self.ids);
        self.clients[client].ids.push((socket_id, secret));
        let upgrades = Upgrades::None;
        Newcomer { app, version, engine_id, socket_id, secret, upgrades }
    }

    fn unseat(&mut self, client: ClientId) {
        let client = &mut self.clients[client];
        if let Some(slot) = client.slot.take() {
            self.slots[client.shard][slot as usize] = None;
        }
    }

    fn place(&self, client: ClientId) -> Option<(ShardId, Slot)> {
        let client = &self.clients[client];
        client.slot.map(|slot| (client.shard, slot))
    }
}

impl Side<'_> {
    #[track_caller]
    fn at(&self, slot: Slot) -> ClientId {
        self.outside.slots[self.shard][slot as usize]
            .expect("the hub speaks to those who are there")
    }

    #[track_caller]
    fn hears(&mut self, slot: Slot, heard: Heard) {
        let client = self.at(slot);
        self.outside.moment += 1;
        let client = &mut self.outside.clients[client];
        client.heard.push(heard);
        client.heard_at.push(self.outside.moment);
    }
}

impl Sink for Side<'_> {
    fn send(&mut self, to: Slot, frame: &Frame) {
        self.hears(to, Heard::Frame(frame.payload().to_owned()));
        let client = self.at(to);
        self.outside.clients[client].frames.push(frame.clone());
    }

    fn fan_out(&mut self, to: &[Slot], except: Option<Slot>, frame: &Frame, _: Option<Now>) {
        for slot in to.iter().filter(|slot| Some(**slot) != except) {
            self.send(*slot, frame);
        }
    }

    fn ping(&mut self, to: Slot) {
        self.hears(to, Heard::ControlPing);
    }

    fn close(&mut self, slot: Slot, error: &ClientError) {
        self.hears(slot, Heard::Closed(error.code(), error.to_string()));
        let client = self.at(slot);
        self.outside.unseat(client);
    }

    fn peer(&mut self, shard: ShardId, message: PeerMessage) {
        assert_ne!(shard, self.shard, "a shard needs no wire to itself");
        let wire = self.shard * self.outside.shards + shard;
        self.outside.wires[wire].push_back(message);
    }

    fn authorise(&mut self, request: AuthRequest) {
        self.outside.questions.push((self.shard, request));
    }

    fn hand_over(&mut self, slot: Slot, shard: ShardId, returning: Return) {
        let client = self.at(slot);
        self.outside.unseat(client);
        self.outside.travellers.push((client, shard, returning));
    }

    fn members_changed(&mut self, _: &ChannelKey, _: &[&Member]) {}

    fn resumed(&mut self, slot: Slot, socket_id: SocketId) {
        let client = self.at(slot);
        self.outside.clients[client].socket_id = socket_id;
    }

    fn note(&mut self, who: &Who<'_>, note: Note<'_>) {
        self.outside.moment += 1;
        let moment = self.outside.moment;
        match note {
            Note::Subscribed(channel) => {
                let turn = Turn::Begins(channel.to_owned());
                self.outside.journal.push((moment, who.socket_id, turn));
            }
            Note::Unsubscribed(channel) => {
                let turn = Turn::Ends(channel.to_owned());
                self.outside.journal.push((moment, who.socket_id, turn));
            }
            _ => {}
        }
        // A client that has come back to its session has the id of its former connection.
        let mut clients = self.outside.clients.iter_mut();
        let client = clients.rfind(|client| client.socket_id == who.socket_id);
        let client = client.expect("notes are about clients");
        client.log.push(format!("{note:?}"));
        if let Note::SubscriptionRefused { channel, reason } = note {
            let text = format!("no subscription to {channel}: {reason}");
            client.heard.push(Heard::Note(text));
            client.heard_at.push(moment);
        }
        if let Note::Refused(error, reason) = note {
            client.heard.push(Heard::Note(format!("refused with {}: {reason}", error.label())));
            client.heard_at.push(moment);
        }
    }
}

/// The same random cases in every run, so that no run fails that did not fail before;
/// `PROPTEST_CASES` and `PROPTEST_RNG_SEED` ask for others.
pub(crate) fn fixed(cases: u32) -> ProptestConfig {
    let mut config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(2);
    }
    config
}
