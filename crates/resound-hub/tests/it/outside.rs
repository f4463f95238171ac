//! Everything around the hubs: clients, the wires between shards, the application.

use std::collections::VecDeque;

use resound_hub::{
    app::AppNumber,
    authorise::AuthRequest,
    peer::{ChannelKey, PeerMessage, ShardId, Slot},
    recovery::Return,
    sink::{Note, Sink, Who},
    socketio::Newcomer,
    time::Now,
};
use resound_protocol::{
    engineio::{Upgrades, Version},
    error::ClientError,
    member::Member,
    socket_id::SocketId,
    webhook::What,
    websocket::Frame,
};

use crate::ledger::Ledger;

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
    pub(crate) received: Option<usize>,
    /// It was cut while it was on its way to another shard.
    pub(crate) is_lost: bool,
}

/// A place in the order of all that happens to clients.
pub(crate) type Moment = usize;

/// Everything around the hubs.
#[derive(Debug)]
pub(crate) struct Outside {
    shards: usize,
    pub(crate) clients: Vec<Client>,
    pub(crate) slots: Vec<Vec<Option<ClientId>>>,
    /// One queue from each shard to each: what one shard sends another stays in order, and nothing
    /// else is promised.
    pub(crate) wires: Vec<VecDeque<PeerMessage>>,
    /// What the application is asked.
    pub(crate) questions: Vec<(ShardId, AuthRequest)>,
    /// Clients on their way to another shard.
    pub(crate) travellers: Vec<(ClientId, ShardId, Return)>,
    /// Which subscriptions began and ended, and when.
    pub(crate) journal: Vec<(Moment, SocketId, Turn)>,
    pub(crate) moment: Moment,
    /// What the owners said of their channels.
    pub(crate) ledger: Ledger,
    /// Socket ids that were given out.
    pub(crate) ids: u32,
}

/// A subscription begins or ends, by what the hub notes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Begins(String),
    Ends(String),
}

/// One shard's view of the outside.
pub(crate) struct Side<'w> {
    pub(crate) shard: ShardId,
    pub(crate) outside: &'w mut Outside,
}

impl Outside {
    pub(crate) fn new(shards: usize) -> Self {
        Self {
            shards,
            clients: Vec::new(),
            slots: vec![Vec::new(); shards],
            wires: (0..shards * shards).map(|_| VecDeque::new()).collect(),
            questions: Vec::new(),
            travellers: Vec::new(),
            journal: Vec::new(),
            moment: 0,
            ledger: Ledger::default(),
            ids: 0,
        }
    }

    /// Finds a slot for another client.
    pub(crate) fn seat(&mut self, shard: ShardId) -> (ClientId, Slot, SocketId) {
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
    pub(crate) fn reseat(&mut self, client: ClientId, shard: ShardId) -> (Slot, SocketId) {
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

    pub(crate) fn newcomer(
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

    pub(crate) fn unseat(&mut self, client: ClientId) {
        let client = &mut self.clients[client];
        if let Some(slot) = client.slot.take() {
            self.slots[client.shard][slot as usize] = None;
        }
    }

    pub(crate) fn place(&self, client: ClientId) -> Option<(ShardId, Slot)> {
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

    fn happened(&mut self, channel: &ChannelKey, what: What) {
        self.outside.ledger.take(channel.app, channel.name.as_str(), what);
    }

    fn resumed(&mut self, slot: Slot, socket_id: SocketId) {
        let client = self.at(slot);
        self.outside.clients[client].socket_id = socket_id;
    }

    fn note(&mut self, who: &Who<'_>, note: Note<'_>) {
        self.outside.moment += 1;
        let moment = self.outside.moment;
        if let Note::Subscribed(channel) = note {
            let turn = Turn::Begins(channel.to_owned());
            self.outside.journal.push((moment, who.socket_id, turn));
        }
        if let Note::Unsubscribed(channel) = note {
            let turn = Turn::Ends(channel.to_owned());
            self.outside.journal.push((moment, who.socket_id, turn));
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
