//! Shards, and the wires between them, which deliver when the test says so.

use std::{collections::VecDeque, sync::Arc};

use proptest::prelude::ProptestConfig;
use proptest::test_runner::RngSeed;

use resound_hub::{
    app::{App, AppNumber, AppOptions, Apps, LiveApp},
    authorise::{AuthAnswer, AuthRequest},
    hub::{Admission, Census, Hub},
    peer::{ChannelKey, ShardId, owner_of},
    sink::Sink as _,
    socketio::SocketIoOptions,
    time::Now,
};
use resound_protocol::{
    api::{EventBody, Info},
    channel::ChannelName,
    engineio::Version,
    error::ClientError,
    socket_id::SocketId,
    webhook::Kinds,
};

use crate::ledger::Ledger;
use crate::outside::{Client, Outside, Side};
pub(crate) use crate::outside::{ClientId, Heard, Moment, Turn};

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) hubs: Vec<Hub>,
    outside: Outside,
    pub(crate) now: Now,
    socketio: SocketIoOptions,
}

/// The application of most tests. It wants to know of everything, which the ledger checks.
pub(crate) fn app(mut options: AppOptions) -> App {
    if options.happenings == Kinds::NONE {
        options.happenings = Kinds::ALL;
    }
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
        let outside = Outside::new(shards);
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

    /// What the owners said of their channels.
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.outside.ledger
    }

    pub(crate) fn ledger_mut(&mut self) -> &mut Ledger {
        &mut self.outside.ledger
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
        let occupied = self.ledger().occupied(self.app().number());
        assert!(occupied.is_empty(), "nobody said that {occupied:?} were vacated");
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
