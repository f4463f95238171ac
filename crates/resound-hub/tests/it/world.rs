//! Shards, clients, and the wires between shards, which deliver when the test says so.

use std::{collections::VecDeque, sync::Arc};

use proptest::prelude::ProptestConfig;
use proptest::test_runner::RngSeed;

use resound_hub::{
    app::{App, AppNumber, AppOptions, Apps, LiveApp},
    authorise::AuthRequest,
    hub::{Admission, Census, Hub},
    peer::{ChannelKey, PeerMessage, ShardId, Slot, owner_of},
    recovery::Return,
    sink::{Note, Sink, Who},
    time::Now,
};
use resound_protocol::{
    api::{EventBody, Info},
    channel::ChannelName,
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
    /// All notes about it.
    pub(crate) log: Vec<String>,
}

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
    questions: Vec<AuthRequest>,
    /// Clients on their way to another shard.
    travellers: Vec<(ClientId, ShardId, Return)>,
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) hubs: Vec<Hub>,
    outside: Outside,
    pub(crate) now: Now,
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
        let apps = Arc::new(Apps::new(apps));
        let outside = Outside {
            shards,
            clients: Vec::new(),
            slots: vec![Vec::new(); shards],
            wires: (0..shards * shards).map(|_| VecDeque::new()).collect(),
            questions: Vec::new(),
            travellers: Vec::new(),
        };
        let hubs = (0..shards).map(|shard| Hub::new(shard, shards, apps.clone())).collect();
        Self { hubs, outside, now: Now::from_seconds(1000) }
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
        let (name_json, data_json) = (format!("{event:?}"), format!("{data:?}"));
        let event = EventBody {
            name_json: &name_json,
            data_json: &data_json,
            channels: vec![ChannelName::parse(channel, 200).expect("the test names a channel")],
            socket_id: except.map(|client| self.client(client).socket_id.to_string()),
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
        if loaded.is_empty() {
            return false;
        }
        let wire = loaded[choice % loaded.len()];
        let message = self.outside.wires[wire].pop_front().expect("a loaded wire was chosen");
        let shard = wire % shards;
        let mut side = Side { shard, outside: &mut self.outside };
        self.hubs[shard].accept(message, self.now, &mut side);
        true
    }

    /// Delivers until all wires are empty.
    pub(crate) fn settle(&mut self) {
        while self.deliver(0) {}
    }

    /// The hub that owns a channel.
    pub(crate) fn owner(&self, channel: &str) -> &Hub {
        let name = ChannelName::parse(channel, 200).expect("the test names a channel");
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
        assert_eq!(self.census(), Census::default());
        assert_eq!(self.app().connections(), 0);
        self.now = Now::from_micros(self.now.micros() + 1_000_000 * 86_400);
        self.pass_second();
        self.settle();
        for (shard, hub) in self.hubs.iter().enumerate() {
            let fresh = Hub::new(shard, self.hubs.len(), hub.apps().clone());
            assert_eq!(contents(hub), contents(&fresh), "shard {shard} keeps something");
        }
    }
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
        let slots = &mut self.slots[shard];
        let slot = slots.iter().position(Option::is_none).unwrap_or(slots.len());
        slots.resize(slots.len().max(slot + 1), None);
        slots[slot] = Some(client);
        let slot = slot as Slot;
        let number = client + 1;
        let socket_id = SocketId::parse(&format!("{number}.{number}")).expect("two numbers");
        self.clients.push(Client {
            shard,
            slot: Some(slot),
            socket_id,
            heard: Vec::new(),
            log: Vec::new(),
        });
        (client, slot, socket_id)
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
        self.outside.clients[client].heard.push(heard);
    }
}

impl Sink for Side<'_> {
    fn send(&mut self, to: Slot, frame: &Frame) {
        self.hears(to, Heard::Frame(frame.payload().to_owned()));
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
        self.outside.questions.push(request);
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
        let client =
            self.outside.clients.iter_mut().find(|client| client.socket_id == who.socket_id);
        let client = client.expect("notes are about clients");
        client.log.push(format!("{note:?}"));
        if let Note::SubscriptionRefused { channel, reason } = note {
            let text = format!("no subscription to {channel}: {reason}");
            client.heard.push(Heard::Note(text));
        }
        if let Note::Refused(error, reason) = note {
            client.heard.push(Heard::Note(format!("refused with {}: {reason}", error.label())));
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
