//! Watchlists against a naive model: everybody who watches knows who is there.

use std::collections::BTreeMap;

use proptest::prelude::*;
use resound_hub::app::AppOptions;
use resound_protocol::signature::user_auth;
use serde_json::{Value, json};

use crate::world::{ClientId, Heard, World, app};

const USERS: usize = 4;

#[derive(Clone, Debug)]
enum Act {
    SignIn { user: usize, watched: Vec<bool> },
    Kill(usize),
    Deliver(Vec<usize>),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..USERS, prop::collection::vec(any::<bool>(), USERS))
            .prop_map(|(user, watched)| Act::SignIn { user, watched }),
        3 => any::<usize>().prop_map(Act::Kill),
        5 => prop::collection::vec(any::<usize>(), 1..6).prop_map(Act::Deliver),
    ]
}

struct Person {
    client: ClientId,
    user: usize,
    watched: Vec<bool>,
}

fn sign_in(world: &mut World, people: &mut Vec<Person>, user: usize, watched: &[bool]) {
    let shard = people.len() % world.shards();
    let client = world.connect(shard, "key").expect("there is no quota");
    let watchlist: Vec<String> =
        (0..USERS).filter(|user| watched[*user]).map(|user| user.to_string()).collect();
    let data = json!({"id": user.to_string(), "watchlist": watchlist}).to_string();
    let socket_id = world.client(client).socket_id.to_string();
    let auth = user_auth("key", world.app().signer(), &socket_id, &data);
    let data = json!({"auth": auth, "user_data": data});
    world.say(client, &json!({"event": "pusher:signin", "data": data}).to_string());
    people.push(Person { client, user, watched: watched.to_vec() });
}

/// Who is there, as a client was told; nobody may be told what is known.
fn view(world: &World, client: ClientId) -> BTreeMap<usize, bool> {
    let mut view = BTreeMap::new();
    for heard in &world.client(client).heard[2..] {
        let Heard::Frame(text) = heard else {
            panic!("nobody is closed: {heard:?}");
        };
        let message: Value = serde_json::from_str(text).expect("a frame is JSON");
        assert_eq!(message["event"], "pusher_internal:watchlist_events");
        let data: Value =
            serde_json::from_str(message["data"].as_str().expect("a string")).expect("JSON");
        for event in data["events"].as_array().expect("a list of events") {
            let is_online = event["name"] == "online";
            for id in event["user_ids"].as_array().expect("a list of ids") {
                let user = id.as_str().and_then(|id| id.parse().ok()).expect("one of our ids");
                assert_ne!(
                    view.insert(user, is_online),
                    Some(is_online),
                    "{client} is told again: {message}"
                );
            }
        }
    }
    view
}

proptest! {
    #![proptest_config(crate::world::fixed(300))]

    #[test]
    fn everybody_who_watches_knows_who_is_there(
        shards in 1..=3_usize,
        acts in prop::collection::vec(act(), 1..60),
        choices in prop::collection::vec(any::<usize>(), 1..20),
    ) {
        let mut world = World::new(shards, [app(AppOptions::default())]);
        let mut people = Vec::new();
        for act in &acts {
            match act {
                Act::SignIn { user, watched } => sign_in(&mut world, &mut people, *user, watched),
                Act::Kill(at) if !people.is_empty() => {
                    let person = people.swap_remove(at % people.len());
                    world.disconnect(person.client);
                }
                Act::Kill(_) => {}
                Act::Deliver(choices) => choices.iter().for_each(|choice| {
                    world.deliver(*choice);
                }),
            }
        }
        let mut choices = choices.into_iter().cycle();
        while world.deliver(choices.next().unwrap_or(0)) {}
        for person in &people {
            let expected: BTreeMap<usize, bool> = (0..USERS)
                .filter(|user| person.watched[*user])
                .map(|user| (user, people.iter().any(|other| other.user == user)))
                .collect();
            assert_eq!(view(&world, person.client), expected, "of client {}", person.client);
        }
        world.empty(|| choices.next().unwrap_or(0));
    }
}
