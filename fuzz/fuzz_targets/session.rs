//! A conversation of clients and publishers with a hub of several shards, whose messages to one
//! another are held up at will. Whatever is said and however it interleaves:
//!
//! * every frame is JSON, reaches a connection that is there, of the application it belongs to,
//! * nobody hears of a channel that it is not in, twice of an event, or of its own client event,
//! * members are added once and removed once, and in the end everybody sees the same members,
//! * what the shards hold is what the clients have, and nothing when all have left.

#![no_main]

mod world;

use libfuzzer_sys::{arbitrary, arbitrary::Arbitrary, fuzz_target};

use crate::world::World;

/// More would only make a run slower.
const ACTIONS_MAX: usize = 200;

#[derive(Arbitrary, Debug)]
enum Action<'a> {
    Connect { shard: u8, app: bool, user: u8 },
    Say { client: u8, text: &'a str },
    Subscribe { client: u8, channel: u8, forged: bool },
    Unsubscribe { client: u8, channel: u8 },
    SignIn { client: u8, watched: u8, other: bool },
    ClientEvent { client: u8, channel: u8 },
    Publish { shard: u8, app: bool, channels: u8, except: Option<u8> },
    Disconnect { client: u8 },
    Terminate { shard: u8, app: bool, user: u8 },
    Hear { client: u8 },
    Tick { seconds: u8 },
    Relay { from: u8, to: u8 },
    Reload { second: bool },
}

fn act(world: &mut World, action: Action<'_>) {
    match action {
        Action::Connect { shard, app, user } => world.connect(shard, app, user),
        Action::Say { client, text } => world.say(client, text),
        Action::Subscribe { client, channel, forged } => world.subscribe(client, channel, forged),
        Action::Unsubscribe { client, channel } => world.unsubscribe(client, channel),
        Action::SignIn { client, watched, other } => world.sign_in(client, watched, other),
        Action::ClientEvent { client, channel } => world.client_event(client, channel),
        Action::Publish { shard, app, channels, except } => {
            world.publish(shard, app, channels, except);
        }
        Action::Disconnect { client } => world.disconnect(client),
        Action::Terminate { shard, app, user } => world.terminate(shard, app, user),
        Action::Hear { client } => world.hear(client),
        Action::Tick { seconds } => world.tick(seconds),
        Action::Relay { from, to } => world.relay(from, to),
        Action::Reload { second } => world.reload(second),
    }
}

fuzz_target!(|actions: Vec<Action<'_>>| {
    let mut world = World::default();
    for action in actions.into_iter().take(ACTIONS_MAX) {
        act(&mut world, action);
    }
    world.settle();
    world.check_agreement();
    world.check_that_everybody_hears();
    world.leave_all();
    world.check_emptiness();
});
