//! One order per channel: everybody gets the same events in the same order, none missing from the
//! confirmation on.
//!
//! The channel is a cache channel. What a subscriber gets with its confirmation, the remembered
//! event or a miss, says after which event it was let in: the next one must follow.

use std::collections::BTreeSet;

use proptest::prelude::*;
use resound_hub::{
    app::AppOptions,
    peer::{ChannelKey, owner_of},
};
use resound_protocol::channel::ChannelName;
use serde_json::Value;

use crate::world::{ClientId, Heard, World, app};

const CHANNEL: &str = "cache-a";
const CLIENTS: usize = 6;
/// The first thing that every client hears is the greeting.
const GREETING: usize = 1;

#[derive(Clone, Debug)]
enum Act {
    Subscribe(usize),
    Unsubscribe(usize),
    Publish { shard: usize, except: Option<usize> },
    Deliver(Vec<usize>),
}

fn act() -> impl Strategy<Value = Act> {
    let client = 0..CLIENTS;
    prop_oneof![
        3 => client.clone().prop_map(Act::Subscribe),
        1 => client.clone().prop_map(Act::Unsubscribe),
        5 => (0..3_usize, prop::option::weighted(0.3, client))
            .prop_map(|(shard, except)| Act::Publish { shard, except }),
        6 => prop::collection::vec(any::<usize>(), 1..6).prop_map(Act::Deliver),
    ]
}

/// What one client got of the channel.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Got {
    Confirmation,
    Miss,
    Event(usize),
}

struct Radio {
    world: World,
    clients: Vec<ClientId>,
    /// What a client had heard when it subscribed for the last time.
    stays: Vec<usize>,
    /// It is in from the beginning, on the owner's own shard: it gets the order itself.
    listener: ClientId,
    /// Who was excepted from each published event.
    excepted: Vec<Option<usize>>,
}

impl Radio {
    fn new(shards: usize) -> Self {
        let mut world = World::new(shards, [app(AppOptions::default())]);
        let name = ChannelName::parse(CHANNEL, 200).expect("a name");
        let owner = owner_of(&ChannelKey { app: world.app().number(), name }, shards);
        let listener = world.connect(owner, "key").expect("there is no quota");
        let clients = (0..CLIENTS)
            .map(|at| world.connect(at % shards, "key").expect("there is no quota"))
            .collect();
        let mut radio =
            Self { world, clients, stays: vec![GREETING; CLIENTS], listener, excepted: Vec::new() };
        radio.say("subscribe", listener);
        radio
    }

    fn say(&mut self, what: &str, client: ClientId) {
        self.world.say(
            client,
            &format!(r#"{{"event":"pusher:{what}","data":{{"channel":"{CHANNEL}"}}}}"#),
        );
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Subscribe(at) => self.say("subscribe", self.clients[*at]),
            Act::Unsubscribe(at) => self.unsubscribe(*at),
            Act::Publish { shard, except } => {
                let number = self.excepted.len().to_string();
                let shard = shard % self.world.shards();
                self.world.publish(shard, CHANNEL, "e", &number, except.map(|at| self.clients[at]));
                self.excepted.push(*except);
            }
            Act::Deliver(choices) => choices.iter().for_each(|choice| {
                self.world.deliver(*choice);
            }),
        }
    }

    /// Nothing may come any more for the stay that ends here.
    fn unsubscribe(&mut self, at: usize) {
        self.say("unsubscribe", self.clients[at]);
        self.check_stay(at);
        self.stays[at] = self.world.client(self.clients[at]).heard.len();
    }

    fn got(&self, client: ClientId, from: usize) -> Vec<Got> {
        self.world.client(client).heard[from..].iter().map(got).collect()
    }

    fn order(&self) -> Vec<usize> {
        events(&self.got(self.listener, GREETING)[2..])
    }

    /// The client has got, from where it was let in, what the order says without what it was
    /// excepted from; returns what is still to come.
    fn check_stay(&self, at: usize) -> Option<Vec<usize>> {
        let got = self.got(self.clients[at], self.stays[at]);
        let mut expected: Option<Vec<usize>> = None;
        let order = self.order();
        let mut got = got.into_iter();
        while let Some(one) = got.next() {
            match one {
                Got::Confirmation => {
                    let before = match got.next().expect("an event or a miss follows at once") {
                        Got::Event(last) => {
                            order.iter().position(|event| *event == last).map(|at| at + 1)
                        }
                        Got::Miss => Some(0),
                        Got::Confirmation => None,
                    };
                    let from = before.expect("the remembered event has its place in the order");
                    let rest = order[from..].iter().copied();
                    let rest: Vec<usize> =
                        rest.filter(|event| self.excepted[*event] != Some(at)).collect();
                    // A repeated confirmation must not have skipped anything either.
                    if let Some(expected) = &expected {
                        assert!(expected.ends_with(&rest) && expected.len() == rest.len());
                    }
                    expected = Some(rest);
                }
                Got::Event(event) => {
                    let expected =
                        expected.as_mut().expect("nothing comes before the confirmation");
                    assert_eq!(expected.first(), Some(&event), "the next of {expected:?}");
                    expected.remove(0);
                }
                Got::Miss => panic!("a miss without a confirmation"),
            }
        }
        expected
    }
}

fn events(got: &[Got]) -> Vec<usize> {
    let event = |got: &Got| match got {
        Got::Event(number) => Some(*number),
        Got::Confirmation | Got::Miss => None,
    };
    got.iter().filter_map(event).collect()
}

fn got(heard: &Heard) -> Got {
    let Heard::Frame(text) = heard else {
        panic!("nobody is closed or refused: {heard:?}");
    };
    let message: Value = serde_json::from_str(text).expect("a frame is JSON");
    assert_eq!(message["channel"], CHANNEL);
    match message["event"].as_str() {
        Some("pusher_internal:subscription_succeeded") => Got::Confirmation,
        Some("pusher:cache_miss") => Got::Miss,
        Some("e") => {
            Got::Event(message["data"].as_str().and_then(|n| n.parse().ok()).expect("a number"))
        }
        _ => panic!("nobody expects {message}"),
    }
}

proptest! {
    #![proptest_config(crate::world::fixed(400))]

    #[test]
    fn everybody_gets_the_same_events_in_the_same_order(
        shards in 1..=3_usize,
        acts in prop::collection::vec(act(), 1..100),
        choices in prop::collection::vec(any::<usize>(), 1..20),
    ) {
        let mut radio = Radio::new(shards);
        acts.iter().for_each(|act| radio.act(act));
        let mut choices = choices.into_iter().cycle();
        while radio.world.deliver(choices.next().unwrap_or(0)) {}

        let order = radio.order();
        assert_eq!(order.len(), radio.excepted.len(), "every event was published once");
        assert_eq!(order.iter().collect::<BTreeSet<_>>().len(), order.len());
        for at in 0..CLIENTS {
            if let Some(missing) = radio.check_stay(at) {
                assert!(missing.is_empty(), "client {at} misses {missing:?}");
            }
        }
        radio.world.empty(|| choices.next().unwrap_or(0));
    }
}
