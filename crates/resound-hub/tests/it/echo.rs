//! Steps of Socket.IO's clients, as Laravel Echo takes them.

use resound_hub::{app::AppOptions, authorise::AuthAnswer, hub::Census, socketio::SocketIoOptions};
use resound_protocol::engineio::Version;
use serde_json::{Value, json};

use crate::scene::{Scene, Step, check_socketio, say, step};

/// Plays the steps with these options of Socket.IO.
#[track_caller]
pub(crate) fn check_recovery(
    socketio: SocketIoOptions,
    steps: &[Step],
    expected: expect_test::Expect,
) {
    check_socketio(AppOptions::default(), socketio, steps, expected);
}

/// Ten seconds to return, and pings that take a second.
pub(crate) fn brief() -> SocketIoOptions {
    SocketIoOptions {
        ping_interval_seconds: 1,
        ping_timeout_seconds: 1,
        recovery_seconds: 10,
        ..SocketIoOptions::default()
    }
}

/// No pings, where they would only be in the way.
pub(crate) fn quiet() -> SocketIoOptions {
    SocketIoOptions { ping_interval_seconds: 10_000, ..brief() }
}

/// A client of socket.io-client 2 connects, on the next shard; its greeting is not written down.
pub(crate) fn echo3(name: &'static str) -> Step {
    step(move |scene| greet(scene, name, Version::V3, 2))
}

/// A client of socket.io-client 4 connects, on the next shard, and joins; what it is told until then is
/// not written down.
pub(crate) fn echo4(name: &'static str) -> Step {
    step(move |scene| {
        greet(scene, name, Version::V4, 2);
        scene.world.say(scene.client(name), "40");
    })
}

/// A client connects, and everything that it is told is written down.
pub(crate) fn open(name: &'static str, version: Version) -> Step {
    step(move |scene| greet(scene, name, version, 0))
}

fn greet(scene: &mut Scene, name: &'static str, version: Version, hidden: usize) {
    let shard = scene.next_shard();
    let connected = scene.world.connect_socketio(shard, version);
    scene.enter(name, connected, hidden);
}

/// An event of a client.
pub(crate) fn emit(name: &'static str, event: &str, argument: &Value) -> Step {
    say(name, &format!("42{}", json!([event, argument])))
}

/// Wants into a channel. Whether a private one lets it in, the application is asked.
pub(crate) fn ask(name: &'static str, channel: &str) -> Step {
    emit(name, "subscribe", &json!({"channel": channel, "auth": {"headers": {}}}))
}

pub(crate) fn leave(name: &'static str, channel: &str) -> Step {
    emit(name, "unsubscribe", &json!({"channel": channel, "auth": {"headers": {}}}))
}

/// The application answers the oldest question of a client about a channel.
pub(crate) fn answer(name: &'static str, channel: &'static str, answer: AuthAnswer) -> Step {
    answer_repeatedly(name, channel, vec![answer])
}

pub(crate) fn answer_repeatedly(
    name: &'static str,
    channel: &'static str,
    answers: Vec<AuthAnswer>,
) -> Step {
    step(move |scene| {
        let socket_id = scene.world.client(scene.client(name)).socket_id;
        scene.world.answer(socket_id, channel, &answers);
    })
}

/// The application lets a client into a private channel.
pub(crate) fn grant(name: &'static str, channel: &'static str) -> Step {
    answer(name, channel, granted(None))
}

/// The application lets a client into a presence channel as this user.
pub(crate) fn grant_as(name: &'static str, channel: &'static str, data: &str) -> Step {
    answer(name, channel, granted(Some(data)))
}

pub(crate) fn deny(name: &'static str, channel: &'static str, status: u16) -> Step {
    answer(name, channel, AuthAnswer::Refused { status })
}

pub(crate) fn granted(channel_data: Option<&str>) -> AuthAnswer {
    AuthAnswer::Granted { channel_data: channel_data.map(str::to_owned) }
}

/// Writes down what the application is being asked.
pub(crate) fn show_questions() -> Step {
    step(|scene| {
        let lines: Vec<String> = scene
            .world
            .questions()
            .map(|question| format!("? {} {:?}", question.channel.name, question.headers))
            .collect();
        lines.iter().for_each(|line| scene.write(line));
    })
}

/// Sends a client event; no data are `Value::Null`'s absence.
pub(crate) fn whisper_to(name: &'static str, channel: &str, event: &str, data: &Value) -> Step {
    emit(name, "client event", &json!({"channel": channel, "event": event, "data": data}))
}

pub(crate) fn send_binary(name: &'static str, bytes: &'static [u8]) -> Step {
    step(move |scene| scene.world.send_binary(scene.client(name), bytes))
}

/// The connection is cut, and the server notices.
pub(crate) fn cut(name: &'static str) -> Step {
    cut_losing(name, 0)
}

/// The same; so much of what was sent last has not arrived.
pub(crate) fn cut_losing(name: &'static str, lost: usize) -> Step {
    step(move |scene| {
        fall_silent(scene, name, lost);
        scene.world.lose(scene.client(name));
    })
}

/// The connection is cut, and the server notices nothing. So much of what was sent last has not arrived.
pub(crate) fn cut_unnoticed(name: &'static str, lost: usize) -> Step {
    step(move |scene| fall_silent(scene, name, lost))
}

fn fall_silent(scene: &mut Scene, name: &'static str, lost: usize) {
    let client = scene.client(name);
    let arrived = scene.world.client(client).heard.len() - lost;
    scene.world.receives_only(client, arrived);
}

/// A client whose connection was cut comes back, on the next shard, as socket.io-client 4 does: with the
/// name of its session and the offset of what it received last.
pub(crate) fn back(name: &'static str) -> Step {
    step(move |scene| {
        let before = scene.client(name);
        let connect = scene.world.returning(before);
        come_back(scene, name, &connect);
    })
}

/// It comes back and says exactly this.
pub(crate) fn back_saying(
    name: &'static str,
    connect: impl Fn(&Scene) -> String + 'static,
) -> Step {
    step(move |scene| {
        let connect = connect(scene);
        come_back(scene, name, &connect);
    })
}

fn come_back(scene: &mut Scene, name: &'static str, connect: &str) {
    let before = scene.client(name);
    greet(scene, name, Version::V4, 1);
    let client = scene.client(name);
    assert_ne!(client, before, "it is let in");
    scene.world.is_next_of(client, before);
    scene.world.say(client, connect);
}

/// Writes down what the shards hold.
pub(crate) fn show_census() -> Step {
    step(|scene| {
        let Census { connections, subscriptions, channels, kept, .. } = scene.world.census();
        scene.write(&format!(
            "{connections} connections with {subscriptions} subscriptions, {channels} channels, {kept} kept"
        ));
    })
}

/// Seconds pass in which nothing happens but pings, which are answered and not written down.
pub(crate) fn pass(seconds: u32) -> Step {
    step(move |scene| {
        for _ in 0..seconds {
            scene.world.pass_second();
            scene.world.settle();
            scene.answer_pings();
        }
    })
}
