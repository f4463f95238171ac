//! An event is encoded once per wire format, whatever the number of subscribers and shards.

use std::collections::HashSet;

use resound_hub::app::AppOptions;
use resound_protocol::{engineio::Version, websocket::Frame};

use crate::world::{ClientId, World, app};

/// Where the last message to a client lies.
fn place(world: &World, client: ClientId) -> *const u8 {
    world.client(client).frames.last().map(Frame::bytes).expect("it heard something").as_ptr()
}

#[track_caller]
fn check_shared(world: &World, clients: &[ClientId], text: &str) {
    let places: HashSet<_> = clients.iter().map(|client| place(world, *client)).collect();
    assert_eq!(places.len(), 1, "{text}");
    for client in clients {
        assert!(world.client(*client).frames.last().is_some_and(|f| f.payload().contains(text)));
    }
}

struct Hall {
    world: World,
    pusher: Vec<ClientId>,
    socketio: Vec<ClientId>,
}

/// Two clients of each kind on each of three shards, all in one channel.
fn hall(channel: &str) -> Hall {
    let mut world = World::new(3, [app(AppOptions::default())]);
    let (mut pusher, mut socketio) = (Vec::new(), Vec::new());
    for at in 0..6 {
        pusher.push(world.connect(at % 3, "key").expect("there is no quota"));
        let version = if at < 3 { Version::V3 } else { Version::V4 };
        let client = world.connect_socketio(at % 3, version).expect("there is no quota");
        world.say(client, "40");
        socketio.push(client);
    }
    for client in &pusher {
        let text = format!(r#"{{"event":"pusher:subscribe","data":{{"channel":"{channel}"}}}}"#);
        world.say(*client, &text);
    }
    for client in &socketio {
        world.say(*client, &format!(r#"42["subscribe",{{"channel":"{channel}"}}]"#));
    }
    world.settle();
    Hall { world, pusher, socketio }
}

#[test]
fn all_subscribers_of_a_wire_format_get_the_same_bytes() {
    let Hall { mut world, pusher, socketio } = hall("news");
    world.publish(1, "news", "posted", r#"{"id":1}"#, None);
    world.settle();
    check_shared(&world, &pusher, "posted");
    check_shared(&world, &socketio, "posted");
    assert_ne!(place(&world, pusher[0]), place(&world, socketio[0]));
}

#[test]
fn who_returns_gets_the_bytes_that_the_others_had() {
    let Hall { mut world, socketio, .. } = hall("news");
    let away = socketio[3];
    world.lose(away);
    world.publish(1, "news", "posted", r#"{"id":1}"#, None);
    world.settle();
    let back = world.connect_socketio(1, Version::V4).expect("there is no quota");
    let connect = world.returning(away);
    world.say(back, &connect);
    world.settle();
    check_shared(&world, &[back, socketio[0], socketio[1], socketio[2]], "posted");
}

#[test]
fn what_is_told_of_members_is_encoded_once_too() {
    let mut world = World::new(3, [app(AppOptions::default())]);
    let clients: Vec<ClientId> = (0..6)
        .map(|at| world.connect_socketio(at % 3, Version::V3).expect("there is no quota"))
        .collect();
    for (at, client) in clients.iter().enumerate() {
        world.say(*client, r#"42["subscribe",{"channel":"presence-a"}]"#);
        let id = world.client(*client).socket_id;
        let channel_data = Some(format!(r#"{{"user_id":{at}}}"#));
        let answer = resound_hub::authorise::AuthAnswer::Granted { channel_data };
        world.answer(id, "presence-a", &[answer]);
        world.settle();
    }
    check_shared(&world, &clients[..5], "presence:joining");
    world.disconnect(clients[5]);
    world.settle();
    check_shared(&world, &clients[..5], "presence:leaving");
}
