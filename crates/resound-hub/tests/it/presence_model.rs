//! Presence against a naive model: every screen shows exactly who is there.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use resound_hub::app::AppOptions;
use resound_protocol::signature::channel_auth;
use serde_json::{Value, json};

use crate::world::{ClientId, Heard, World, app};

const CHANNELS: [&str; 3] = ["presence-a", "presence-b", "presence-cache-c"];

#[derive(Clone, Debug)]
enum Act {
    Connect,
    Join { client: usize, channel: usize, user: u32 },
    Leave { client: usize, channel: usize },
    Kill { client: usize },
    Deliver { choices: Vec<usize> },
}

fn act() -> impl Strategy<Value = Act> {
    let (client, channel) = (0..12_usize, 0..CHANNELS.len());
    prop_oneof![
        2 => Just(Act::Connect),
        6 => (client.clone(), channel.clone(), 0..4_u32)
            .prop_map(|(client, channel, user)| Act::Join { client, channel, user }),
        3 => (client.clone(), channel).prop_map(|(client, channel)| Act::Leave { client, channel }),
        1 => client.prop_map(|client| Act::Kill { client }),
        6 => prop::collection::vec(any::<usize>(), 1..6).prop_map(|choices| Act::Deliver { choices }),
    ]
}

/// One channel as one client knows it, the way pusher-js does.
#[derive(Debug, Default)]
struct View {
    /// As whom the client asked to be in; `None` if it wants to be out.
    user: Option<String>,
    /// The list, once the subscription is confirmed.
    members: Option<BTreeSet<String>>,
}

#[derive(Debug)]
struct Screen {
    client: ClientId,
    read: usize,
    views: BTreeMap<&'static str, View>,
}

struct Room {
    world: World,
    screens: Vec<Screen>,
}

impl Room {
    fn new(shards: usize, members_max: usize) -> Self {
        let options = AppOptions { presence_members_max: members_max, ..AppOptions::default() };
        Self { world: World::new(shards, [app(options)]), screens: Vec::new() }
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Connect => self.connect(),
            Act::Join { client, channel, user } => self.join(*client, CHANNELS[*channel], *user),
            Act::Leave { client, channel } => self.leave(*client, CHANNELS[*channel]),
            Act::Kill { client } => self.kill(*client),
            Act::Deliver { choices } => choices.iter().for_each(|choice| {
                self.world.deliver(*choice);
            }),
        }
        self.read();
    }

    fn connect(&mut self) {
        let shard = self.screens.len() % self.world.shards();
        let client = self.world.connect(shard, "key").expect("there is no quota");
        self.screens.push(Screen { client, read: 1, views: BTreeMap::new() });
    }

    fn screen(&mut self, at: usize) -> Option<&mut Screen> {
        let count = self.screens.len();
        self.screens.get_mut(at % count.max(1))
    }

    fn join(&mut self, at: usize, channel: &'static str, user: u32) {
        let Some(screen) = self.screen(at) else {
            return;
        };
        let client = screen.client;
        // Who is in as somebody stays it: only the list is sent again.
        screen.views.entry(channel).or_default().user.get_or_insert(user.to_string());
        // Users with odd numbers have numeric ids on odd connections.
        let id = if user % 2 == 1 && at % 2 == 1 { json!(user) } else { json!(user.to_string()) };
        let data = json!({"user_id": id, "user_info": {"client": client}}).to_string();
        let socket_id = self.world.client(client).socket_id.to_string();
        let auth = channel_auth("key", self.world.app().signer(), &socket_id, channel, Some(&data));
        let data = json!({"channel": channel, "auth": auth, "channel_data": data});
        self.world.say(client, &json!({"event": "pusher:subscribe", "data": data}).to_string());
    }

    fn leave(&mut self, at: usize, channel: &'static str) {
        let Some(screen) = self.screen(at) else {
            return;
        };
        let client = screen.client;
        screen.views.remove(channel);
        let message = json!({"event": "pusher:unsubscribe", "data": {"channel": channel}});
        self.world.say(client, &message.to_string());
    }

    fn kill(&mut self, at: usize) {
        if let Some(screen) = self.screen(at) {
            let client = screen.client;
            screen.views.clear();
            self.world.disconnect(client);
            self.screens.retain(|screen| screen.client != client);
        }
    }

    /// Every client reads what came.
    fn read(&mut self) {
        for screen in &mut self.screens {
            let heard = &self.world.client(screen.client).heard;
            for one in &heard[screen.read..] {
                if let Heard::Frame(text) = one {
                    screen.take(&serde_json::from_str(text).expect("a frame is JSON"));
                }
            }
            screen.read = heard.len();
        }
    }

    /// All messages have arrived: all screens show the same, and the owner knows the same.
    fn compare(&mut self, choices: &[usize]) {
        let mut choices = choices.iter().copied().cycle();
        while self.world.deliver(choices.next().unwrap_or(0)) {}
        self.read();
        for channel in CHANNELS {
            let views = || self.screens.iter().filter_map(|screen| screen.views.get(channel));
            let users: BTreeSet<String> = views().filter_map(|view| view.user.clone()).collect();
            let subscriptions = views().filter(|view| view.user.is_some()).count();
            for screen in &self.screens {
                if let Some(view) = screen.views.get(channel).filter(|view| view.user.is_some()) {
                    assert_eq!(view.members.as_ref(), Some(&users), "{channel} of {screen:?}");
                }
            }
            let (hub, app) = (self.world.owner(channel), self.world.app().number());
            let owned: BTreeSet<String> =
                hub.users(app, channel).iter().map(|id| id.trim_matches('"').to_owned()).collect();
            assert_eq!(owned, users, "{channel} of its owner");
            let info = hub.channel(app, channel, self.world.now);
            assert_eq!((info.subscriptions, info.users), (subscriptions as u64, Some(users.len())));
            let told = self.world.ledger().members(app, channel);
            assert_eq!(told, Some(&users).filter(|_| subscriptions > 0), "{channel} as told");
            let listed = hub.channels(app, channel).any(|(name, _)| name.as_str() == channel);
            assert_eq!(listed, subscriptions > 0);
        }
    }
}

impl Screen {
    fn take(&mut self, message: &Value) {
        let event = message["event"].as_str().expect("every message has an event");
        let Some(channel) = message["channel"].as_str() else {
            assert_eq!(event, "pusher:error", "{self:?} does not expect {message}");
            return;
        };
        let data: Value = message["data"].as_str().map_or(Value::Null, |data| {
            serde_json::from_str(data).expect("the data of the server's own messages is JSON")
        });
        let Some(View { user: Some(own), members }) = self.views.get_mut(channel) else {
            panic!("{self:?} is not in the channel of {message}");
        };
        let id = || data["user_id"].to_string().trim_matches('"').to_owned();
        match event {
            "pusher_internal:subscription_succeeded" => {
                let presence = &data["presence"];
                let list: BTreeSet<String> =
                    presence["hash"].as_object().expect("a hash").keys().cloned().collect();
                assert!(list.contains(own), "{own} is not in {message}");
                assert_eq!(presence["count"], list.len());
                assert_eq!(presence["ids"].as_array().map(Vec::len), Some(list.len()));
                *members = Some(list);
            }
            "pusher_internal:member_added" => {
                let list = members.as_mut().expect("the list comes first");
                assert_ne!(&id(), own, "nobody is told of himself");
                assert!(list.insert(id()), "{list:?} has the one of {message} already");
            }
            "pusher_internal:member_removed" => {
                let list = members.as_mut().expect("the list comes first");
                assert_ne!(&id(), own, "nobody is told of himself");
                assert!(list.remove(&id()), "{list:?} has not the one of {message}");
            }
            "pusher:subscription_error" => drop(self.views.remove(channel)),
            "pusher:cache_miss" => assert!(members.is_some(), "the list comes first"),
            _ => panic!("nobody expects {message}"),
        }
    }
}

fn play(shards: usize, members_max: usize, acts: &[Act], choices: &[usize]) {
    let mut room = Room::new(shards, members_max);
    acts.iter().for_each(|act| room.act(act));
    room.compare(choices);
    let mut choices = choices.iter().copied().cycle();
    room.world.empty(|| choices.next().unwrap_or(0));
}

proptest! {
    #![proptest_config(crate::world::fixed(400))]

    #[test]
    fn every_screen_shows_exactly_who_is_there(
        shards in 1..=3_usize,
        acts in prop::collection::vec(act(), 1..80),
        choices in prop::collection::vec(any::<usize>(), 1..20),
    ) {
        play(shards, 1000, &acts, &choices);
    }

    #[test]
    fn also_where_only_two_users_have_room(
        shards in 1..=3_usize,
        acts in prop::collection::vec(act(), 1..80),
        choices in prop::collection::vec(any::<usize>(), 1..20),
    ) {
        play(shards, 2, &acts, &choices);
    }
}
