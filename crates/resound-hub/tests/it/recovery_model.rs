//! Clients that are cut at random moments: each misses nothing, or is told so.
//!
//! Every shard has a witness, a client that is never cut and is in all channels. A session lives on one
//! shard, and what its client gets must be what the witness there got while the client was subscribed,
//! in the same order, without what the client was excepted from. When a subscription begins and ends,
//! the hub notes.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use resound_hub::{
    app::AppOptions, authorise::AuthAnswer, peer::ShardId, socketio::SocketIoOptions, time::Now,
};
use resound_protocol::{engineio::Version, signature::channel_auth, socket_id::SocketId};
use serde_json::{Value, json};

use crate::world::{ClientId, Heard, Moment, Turn, World, app, offset_in, pid_in};

const CHANNELS: [&str; 3] = ["a", "private-b", PRESENCE];
const PRESENCE: &str = "presence-c";
const DEVICES: usize = 4;
const GUESTS: usize = 2;
/// Users, so that some of the devices are the same one.
const USERS: usize = 3;

const OPTIONS: SocketIoOptions = SocketIoOptions {
    ping_interval_seconds: 5,
    ping_timeout_seconds: 4,
    payload_bytes_max: 1_000_000,
    recovery_seconds: RECOVERY_SECONDS,
    recovery_bytes_max: 1 << 20,
    reports_members: false,
};
const RECOVERY_SECONDS: u32 = 10;
/// After which the log has forgotten everything.
const FORGOTTEN_SECONDS: u32 = 25;

#[derive(Clone, Debug)]
enum Act {
    Subscribe { device: usize, channel: usize },
    Unsubscribe { device: usize, channel: usize },
    Whisper { device: usize, channel: usize },
    Publish { shard: usize, channel: usize, except: Option<usize> },
    Guest { guest: usize },
    Read { device: usize, count: usize },
    Cut { device: usize, read: usize, is_noticed: bool },
    Return { device: usize, shard: usize },
    Answer { count: usize },
    Deliver { choices: Vec<usize> },
    Wait { seconds: u32 },
}

fn act() -> impl Strategy<Value = Act> {
    let (device, channel, shard) = (0..DEVICES, 0..CHANNELS.len(), 0..3_usize);
    let at = (device.clone(), channel.clone());
    prop_oneof![
        4 => at.clone().prop_map(|(device, channel)| Act::Subscribe { device, channel }),
        2 => at.prop_map(|(device, channel)| Act::Unsubscribe { device, channel }),
        1 => (device.clone(), 1..CHANNELS.len())
            .prop_map(|(device, channel)| Act::Whisper { device, channel }),
        6 => (shard.clone(), channel, prop::option::weighted(0.3, device.clone()))
            .prop_map(|(shard, channel, except)| Act::Publish { shard, channel, except }),
        1 => (0..GUESTS).prop_map(|guest| Act::Guest { guest }),
        4 => (device.clone(), 1..6_usize).prop_map(|(device, count)| Act::Read { device, count }),
        3 => (device.clone(), 0..4_usize, any::<bool>())
            .prop_map(|(device, read, is_noticed)| Act::Cut { device, read, is_noticed }),
        3 => (device, shard).prop_map(|(device, shard)| Act::Return { device, shard }),
        2 => (1..4_usize).prop_map(|count| Act::Answer { count }),
        6 => prop::collection::vec(any::<usize>(), 1..6).prop_map(|choices| Act::Deliver { choices }),
        1 => (1..14_u32).prop_map(|seconds| Act::Wait { seconds }),
        1 => Just(Act::Wait { seconds: FORGOTTEN_SECONDS }),
    ]
}

/// A session as its client knows it.
#[derive(Debug)]
struct Session {
    id: SocketId,
    pid: String,
    /// The events that the client received.
    received: Vec<String>,
    /// Events that were on their way when a connection was cut.
    lost: BTreeSet<String>,
    /// The offset that the client had when the session began.
    stale: Option<String>,
}

/// What socket.io-client 4 and Laravel Echo are to their user.
#[derive(Debug)]
struct Device {
    /// The connection, cut or not.
    client: ClientId,
    is_cut: bool,
    /// When it was cut while it was in.
    cut_at: Now,
    /// What it has read of what its connection heard.
    read: usize,
    /// Whether this connection has been let into the namespace.
    has_joined: bool,
    session: Option<Session>,
    wants: BTreeSet<&'static str>,
    /// Who is in the presence channel, if the list has arrived.
    members: Option<BTreeSet<String>>,
}

struct Room {
    world: World,
    devices: Vec<Device>,
    guests: Vec<(ClientId, bool)>,
    witnesses: Vec<ClientId>,
    /// Who was excepted from which numbered event.
    excepted: Vec<Option<SocketId>>,
}

/// An event as a witness heard it.
struct Seen {
    at: Moment,
    channel: String,
    text: String,
    number: Option<usize>,
}

impl Room {
    fn new(shards: usize) -> Self {
        let mut world = World::with_socketio(shards, [app(AppOptions::default())], OPTIONS);
        let witnesses: Vec<ClientId> = (0..shards)
            .map(|shard| world.connect_socketio(shard, Version::V3).expect("there is no quota"))
            .collect();
        let guests = (0..GUESTS)
            .map(|at| (world.connect(at % shards, "key").expect("there is no quota"), false))
            .collect();
        let now = world.now;
        let devices = (0..DEVICES).map(|at| Device::new(&mut world, at % shards, now)).collect();
        let mut room = Self { world, devices, guests, witnesses, excepted: Vec::new() };
        for witness in room.witnesses.clone() {
            for channel in CHANNELS {
                room.world.say(witness, &subscribe(channel));
            }
        }
        room.answer(usize::MAX);
        room.world.settle();
        (0..DEVICES).for_each(|at| room.read(at, usize::MAX));
        room
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Subscribe { device, channel } => self.subscribe(*device, CHANNELS[*channel]),
            Act::Unsubscribe { device, channel } => self.unsubscribe(*device, CHANNELS[*channel]),
            Act::Whisper { device, channel } => self.whisper(*device, CHANNELS[*channel]),
            Act::Publish { shard, channel, except } => {
                self.publish(*shard, CHANNELS[*channel], *except);
            }
            Act::Guest { guest } => self.guest(*guest),
            Act::Read { device, count } => self.read(*device, *count),
            Act::Cut { device, read, is_noticed } => self.cut(*device, *read, *is_noticed),
            Act::Return { device, shard } => self.come_back(*device, *shard),
            Act::Answer { count } => self.answer(*count),
            Act::Deliver { choices } => choices.iter().for_each(|choice| {
                self.world.deliver(*choice);
            }),
            Act::Wait { seconds } => (0..*seconds).for_each(|_| self.pass_second()),
        }
    }

    fn subscribe(&mut self, at: usize, channel: &'static str) {
        let device = &mut self.devices[at];
        if device.is_heard(&self.world) {
            device.wants.insert(channel);
            self.world.say(device.client, &subscribe(channel));
        }
    }

    fn unsubscribe(&mut self, at: usize, channel: &'static str) {
        let device = &mut self.devices[at];
        if device.is_heard(&self.world) {
            device.wants.remove(channel);
            if channel == PRESENCE {
                device.members = None;
            }
            let text = json!(["unsubscribe", {"channel": channel}]);
            self.world.say(device.client, &format!("42{text}"));
        }
    }

    fn whisper(&mut self, at: usize, channel: &'static str) {
        let device = &self.devices[at];
        if let Some(session) = device.session.as_ref().filter(|_| device.is_heard(&self.world)) {
            let data =
                json!({"channel": channel, "event": "client-w", "data": self.excepted.len()});
            self.excepted.push(Some(session.id));
            self.world.say(device.client, &format!("42{}", json!(["client event", data])));
        }
    }

    fn publish(&mut self, shard: ShardId, channel: &'static str, except: Option<usize>) {
        let session = except.and_then(|at| self.devices[at].session.as_ref());
        let (number, id) = (self.excepted.len().to_string(), session.map(|session| session.id));
        self.excepted.push(id);
        let shard = shard % self.world.shards();
        self.world.publish_except(shard, channel, "e", &number, id);
    }

    /// A client of Pusher's protocol joins or leaves the presence channel.
    fn guest(&mut self, at: usize) {
        let (client, is_in) = self.guests[at];
        self.guests[at].1 = !is_in;
        let message = if is_in {
            json!({"event": "pusher:unsubscribe", "data": {"channel": PRESENCE}})
        } else {
            let member = json!({"user_id": guest_id(at)}).to_string();
            let socket_id = self.world.client(client).socket_id.to_string();
            let signer = self.world.app();
            let auth = channel_auth("key", signer.signer(), &socket_id, PRESENCE, Some(&member));
            let data = json!({"channel": PRESENCE, "auth": auth, "channel_data": member});
            json!({"event": "pusher:subscribe", "data": data})
        };
        self.world.say(client, &message.to_string());
    }

    /// The application answers its oldest questions: a device comes in as its user, a witness as nobody.
    fn answer(&mut self, count: usize) {
        let questions: Vec<(SocketId, String)> = self
            .world
            .questions()
            .take(count)
            .map(|question| (question.socket_id, question.channel.name.to_string()))
            .collect();
        for (id, channel) in questions {
            let user = self.user_of(id).filter(|_| channel == PRESENCE);
            let channel_data = user.map(|user| json!({"user_id": user}).to_string());
            self.world.answer(id, &channel, &[AuthAnswer::Granted { channel_data }]);
        }
    }

    fn user_of(&self, id: SocketId) -> Option<String> {
        let client = self.world.client_of(id)?;
        let is_its = |device: &Device| self.world.is_same_client(device.client, client);
        self.devices.iter().position(is_its).map(user_id)
    }

    /// The device takes so much of what has arrived.
    fn read(&mut self, at: usize, count: usize) {
        for _ in 0..count {
            let device = &mut self.devices[at];
            let heard = &self.world.client(device.client).heard;
            if device.is_cut || device.read == heard.len() {
                return;
            }
            let one = heard[device.read].clone();
            device.read += 1;
            match one {
                Heard::Frame(text) => self.take(at, &text),
                Heard::Note(text) => assert!(text.contains("not_a_member"), "{text}"),
                // A connection that had been cut on its way to another shard came there after this one.
                Heard::Closed(4100, _) => self.fall_silent(at),
                Heard::ControlPing | Heard::Closed(..) => panic!("{device:?} heard {one:?}"),
            }
        }
    }

    fn take(&mut self, at: usize, text: &str) {
        let device = &mut self.devices[at];
        if text == "2" {
            return self.world.say(device.client, "3");
        }
        if let Some(pid) = pid_in(text) {
            device.has_joined = true;
            return match device.session.take() {
                Some(session) if session.pid == pid => device.session = Some(session),
                former => self.begin(at, former, pid),
            };
        }
        if offset_in(text).is_some() {
            let session = device.session.as_mut().expect("it is in");
            session.received.push(text.to_owned());
        }
        if text.starts_with("42[") && device.wants.contains(PRESENCE) {
            device.show(&serde_json::from_str(&text[2..]).expect("an event is JSON"));
        }
    }

    /// The device is told that it has another session, and subscribes again.
    fn begin(&mut self, at: usize, former: Option<Session>, pid: String) {
        let device = &mut self.devices[at];
        let id = pid.split('-').next().and_then(SocketId::parse).expect("it begins with the id");
        device.members = None;
        let (client, cut_at) = (device.client, device.cut_at);
        let stale = former.as_ref().and_then(|_| self.world.last_offset(client));
        device.session =
            Some(Session { id, pid, received: Vec::new(), lost: BTreeSet::new(), stale });
        let wants = device.wants.clone();
        if let Some(former) = former {
            assert_ne!(former.id, id, "a new session has a new id");
            self.check_received(&former, End::Cut);
            let away = self.world.now.micros() - cut_at.micros();
            let is_in_time = away < u64::from(RECOVERY_SECONDS - 1) * 1_000_000;
            assert!(!is_in_time || self.may_be_refused(&former), "{former:?} was not recovered");
        }
        wants.iter().for_each(|channel| self.world.say(client, &subscribe(channel)));
    }

    /// What a client received last may have been of a channel that it has left; and the offset that it
    /// has of another session may be of an event that has come to this one, too.
    fn may_be_refused(&self, session: &Session) -> bool {
        let left = self
            .world
            .journal()
            .iter()
            .any(|(_, id, turn)| *id == session.id && matches!(turn, Turn::Ends(_)));
        let is_ambiguous = |stale: &String| {
            let sent = self.sent(session);
            session.received.is_empty()
                && sent.iter().any(|(seen, _)| offset_in(&seen.text).as_ref() == Some(stale))
        };
        left || session.stale.as_ref().is_some_and(is_ambiguous)
    }

    fn cut(&mut self, at: usize, read: usize, is_noticed: bool) {
        if self.devices[at].is_cut {
            return;
        }
        self.read(at, read);
        self.fall_silent(at);
        if is_noticed {
            self.world.lose(self.devices[at].client);
        }
    }

    fn fall_silent(&mut self, at: usize) {
        let device = &mut self.devices[at];
        device.is_cut = true;
        if device.has_joined {
            device.cut_at = self.world.now;
        }
        self.world.receives_only(device.client, device.read);
    }

    /// What the last connection heard and the device did not is lost.
    fn note_lost(&mut self, at: usize) {
        let device = &mut self.devices[at];
        let heard = &self.world.client(device.client).heard[device.read..];
        if let Some(session) = &mut device.session {
            session.lost.extend(heard.iter().filter_map(|heard| match heard {
                Heard::Frame(text) => offset_in(text).map(|_| text.clone()),
                Heard::ControlPing | Heard::Closed(..) | Heard::Note(_) => None,
            }));
        }
    }

    fn come_back(&mut self, at: usize, shard: usize) {
        if !self.devices[at].is_cut {
            return;
        }
        self.note_lost(at);
        let shard = shard % self.world.shards();
        let before = self.devices[at].client;
        let client = self.world.connect_socketio(shard, Version::V4).expect("there is no quota");
        self.world.is_next_of(client, before);
        let device = &mut self.devices[at];
        (device.client, device.is_cut, device.read, device.has_joined) = (client, false, 1, false);
        let connect = match device.session {
            Some(_) => self.world.returning(before),
            None => "40".to_owned(),
        };
        self.world.say(client, &connect);
    }

    /// A second passes, and all who are there answer their pings.
    fn pass_second(&mut self) {
        self.world.pass_second();
        for witness in self.witnesses.clone() {
            self.world.say(witness, "2");
        }
        for (guest, _) in self.guests.clone() {
            self.world.say(guest, r#"{"event":"pusher:pong"}"#);
        }
        (0..DEVICES).for_each(|at| self.read(at, usize::MAX));
    }

    /// What a session was sent or will be, and whether it is in the channel still.
    fn sent(&self, session: &Session) -> Vec<(Seen, IsIn)> {
        let witness = self.witnesses[session.id.place(self.world.shards())];
        let witness = self.world.client(witness);
        let heard = witness.heard.iter().zip(&witness.heard_at);
        let seen = heard.filter_map(|(heard, at)| Seen::read(heard, *at));
        let stays = self.stays(session.id);
        seen.filter_map(|seen| {
            let is_excepted =
                seen.number.is_some_and(|number| self.excepted[number] == Some(session.id));
            let stays = stays.get(&seen.channel).filter(|_| !is_excepted)?;
            let stay = stays.iter().find(|(from, to)| *from < seen.at && seen.at < *to)?;
            Some((seen, IsIn(stay.1 == Moment::MAX)))
        })
        .collect()
    }

    fn stays(&self, id: SocketId) -> BTreeMap<String, Vec<(Moment, Moment)>> {
        let mut stays: BTreeMap<String, Vec<(Moment, Moment)>> = BTreeMap::new();
        for (at, _, turn) in self.world.journal().iter().filter(|(_, other, _)| *other == id) {
            match turn {
                Turn::Begins(channel) => {
                    stays.entry(channel.clone()).or_default().push((*at, Moment::MAX));
                }
                Turn::Ends(channel) => {
                    // One that was never let in ends, too.
                    if let Some(stay) = stays.get_mut(channel).and_then(|stays| stays.last_mut()) {
                        stay.1 = stay.1.min(*at);
                    }
                }
            }
        }
        stays
    }

    /// The client has received what it was sent, each event once and in its place; what was lost on its
    /// way is missing only of channels that the client has left.
    fn check_received(&self, session: &Session, end: End) {
        let mut received = session.received.iter().peekable();
        for (seen, IsIn(is_in)) in self.sent(session) {
            match received.peek() {
                Some(next) if **next == seen.text => drop(received.next()),
                _ if !is_in && session.lost.contains(&seen.text) => {}
                None if end == End::Cut => {}
                next => panic!("{} is missing before {next:?} in {session:?}", seen.text),
            }
        }
        assert_eq!(received.next(), None, "nobody was sent this: {session:?}");
    }

    /// Everybody comes back, and everything arrives.
    fn finish(&mut self, choices: &[usize]) {
        let mut choices = choices.iter().copied().cycle();
        loop {
            (0..DEVICES).for_each(|at| self.come_back(at, at));
            while self.world.deliver(choices.next().unwrap_or(0)) {}
            (0..DEVICES).for_each(|at| self.read(at, usize::MAX));
            self.answer(usize::MAX);
            let is_quiet = self.world.is_quiet();
            if is_quiet && self.devices.iter().all(|device| device.has_read_all(&self.world)) {
                break;
            }
        }
    }

    fn compare(&mut self, choices: &[usize]) {
        self.finish(choices);
        let last = self.excepted.len();
        (0..CHANNELS.len()).for_each(|at| self.publish(at, CHANNELS[at], None));
        self.finish(choices);
        for device in &self.devices {
            let session = device.session.as_ref().expect("it is back");
            self.check_received(session, End::Now);
            for (at, channel) in CHANNELS.iter().enumerate() {
                let number = Some(last + at);
                let has_it = session.received.iter().any(|text| number_in(text) == number);
                assert_eq!(has_it, device.wants.contains(channel), "{channel} of {device:?}");
            }
        }
        self.compare_presence();
    }

    fn compare_presence(&self) {
        let in_it = |device: &Device| device.wants.contains(PRESENCE);
        let devices = self.devices.iter().enumerate().filter(|(_, device)| in_it(device));
        let guests = self.guests.iter().enumerate().filter(|(_, (_, is_in))| *is_in);
        let expected: BTreeSet<String> =
            devices.map(|(at, _)| user_id(at)).chain(guests.map(|(at, _)| guest_id(at))).collect();
        let users = self.world.owner(PRESENCE).users(self.world.app().number(), PRESENCE);
        let users: BTreeSet<String> = users.iter().map(|id| id.trim_matches('"').into()).collect();
        assert_eq!(users, expected);
        for device in &self.devices {
            match &device.members {
                Some(members) => assert_eq!(*members, expected, "{device:?}"),
                None => {
                    assert!(!in_it(device) || self.has_lost_list(device), "{device:?} has no list");
                }
            }
        }
    }

    /// Whether a list was on its way when a connection was cut: it does not come again by itself.
    fn has_lost_list(&self, device: &Device) -> bool {
        let is_list = |heard: &Heard| match heard {
            Heard::Frame(text) => text.starts_with(r#"42["presence:subscribed""#),
            Heard::ControlPing | Heard::Closed(..) | Heard::Note(_) => false,
        };
        let earlier = |client: &ClientId| self.world.client(*client).before;
        std::iter::successors(earlier(&device.client), earlier).any(|client| {
            let received = self.world.received(client).len();
            self.world.client(client).heard[received..].iter().any(is_list)
        })
    }
}

/// Whether the client is still subscribed.
#[derive(Clone, Copy, Debug)]
struct IsIn(bool);

/// How far a session must have got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It was cut: what came last is missing.
    Cut,
    /// Everything has arrived.
    Now,
}

impl Device {
    fn new(world: &mut World, shard: ShardId, now: Now) -> Self {
        let client = world.connect_socketio(shard, Version::V4).expect("there is no quota");
        world.say(client, "40");
        Self {
            client,
            is_cut: false,
            cut_at: now,
            read: 1, // the greeting
            has_joined: false,
            session: None,
            wants: BTreeSet::new(),
            members: None,
        }
    }

    /// Whether what it says arrives. What it says before it has joined, socket.io-client keeps back.
    fn is_heard(&self, world: &World) -> bool {
        !self.is_cut && self.has_joined && world.is_connected(self.client)
    }

    fn has_read_all(&self, world: &World) -> bool {
        self.is_heard(world) && self.read == world.client(self.client).heard.len()
    }

    /// What the user sees of the presence channel.
    fn show(&mut self, event: &Value) {
        let id = |member: &Value| member["user_id"].as_str().expect("ids are texts").to_owned();
        match event[0].as_str() {
            Some("presence:subscribed") => {
                let members = event[2].as_array().expect("a list").iter().map(id).collect();
                self.members = Some(members);
            }
            Some("presence:joining") => {
                if let Some(members) = &mut self.members {
                    assert!(members.insert(id(&event[2])), "{event} of one who is there");
                }
            }
            Some("presence:leaving") => {
                if let Some(members) = &mut self.members {
                    assert!(members.remove(&id(&event[2])), "{event} of one who is not there");
                }
            }
            _ => {}
        }
    }
}

impl Seen {
    fn read(heard: &Heard, at: Moment) -> Option<Self> {
        let Heard::Frame(text) = heard else {
            return None;
        };
        offset_in(text)?;
        let event: Value = serde_json::from_str(&text[2..]).ok()?;
        let channel = event[1].as_str()?.to_owned();
        Some(Self { at, channel, text: text.clone(), number: number_in(text) })
    }
}

/// The number of an event that was published or whispered.
fn number_in(text: &str) -> Option<usize> {
    let event: Value = serde_json::from_str(text.strip_prefix("42")?).ok()?;
    event[2].as_u64().map(|number| number as usize)
}

fn subscribe(channel: &str) -> String {
    format!("42{}", json!(["subscribe", {"channel": channel}]))
}

fn user_id(device: usize) -> String {
    format!("u{}", device % USERS)
}

fn guest_id(guest: usize) -> String {
    format!("g{guest}")
}

proptest! {
    #![proptest_config(crate::world::fixed(400))]

    #[test]
    fn whoever_returns_misses_nothing_or_is_told(
        shards in 1..=3_usize,
        acts in prop::collection::vec(act(), 1..100),
        choices in prop::collection::vec(any::<usize>(), 1..20),
    ) {
        let mut room = Room::new(shards);
        acts.iter().for_each(|act| room.act(act));
        room.compare(&choices);
        let mut choices = choices.into_iter().cycle();
        room.world.empty(|| choices.next().unwrap_or(0));
    }
}
