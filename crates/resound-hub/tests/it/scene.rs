//! Conversations: steps, and what every client got at each of them.

use std::fmt::Write as _;

use expect_test::Expect;
use resound_hub::{
    app::{App, AppOptions},
    socketio::SocketIoOptions,
};
use resound_protocol::{
    error::ClientError,
    signature::{channel_auth, user_auth},
};
use serde_json::{Value, json};

use crate::world::{ClientId, Heard, World, app, offset_in};

/// A conversation of clients that have names.
pub(crate) struct Scene {
    pub(crate) world: World,
    names: Vec<(&'static str, ClientId)>,
    shown: Vec<usize>,
    transcript: String,
    connects: usize,
    publishes: usize,
    is_holding: bool,
    /// The offsets that were seen, in their order: which ones they are depends on the shards.
    offsets: Vec<String>,
}

/// Something that happens.
pub(crate) type Step = Box<dyn Fn(&mut Scene)>;

/// Plays the steps with one, two and three shards: nobody may notice the difference.
#[track_caller]
pub(crate) fn check(steps: &[Step], expected: Expect) {
    check_with(AppOptions::default(), steps, expected);
}

/// Plays the steps with an application of these options.
#[track_caller]
pub(crate) fn check_with(options: AppOptions, steps: &[Step], expected: Expect) {
    check_socketio(options, SocketIoOptions::default(), steps, expected);
}

/// Plays the steps with these options of the application and of Socket.IO.
#[track_caller]
pub(crate) fn check_socketio(
    options: AppOptions,
    socketio: SocketIoOptions,
    steps: &[Step],
    expected: Expect,
) {
    let play = |shards| Scene::new(shards, options.clone(), socketio).play(steps);
    let transcript = play(1);
    assert_eq!(transcript, play(2), "with two shards");
    assert_eq!(transcript, play(3), "with three shards");
    expected.assert_eq(&transcript);
}

/// Plays the steps with two shards, where messages can be on their way.
#[track_caller]
pub(crate) fn check_on_two_shards(options: AppOptions, steps: &[Step], expected: Expect) {
    expected.assert_eq(&Scene::new(2, options, SocketIoOptions::default()).play(steps));
}

impl Scene {
    pub(crate) fn new(shards: usize, options: AppOptions, socketio: SocketIoOptions) -> Self {
        Self {
            world: World::with_socketio(shards, [app(options)], socketio),
            names: Vec::new(),
            shown: Vec::new(),
            transcript: String::new(),
            connects: 0,
            publishes: 0,
            is_holding: false,
            offsets: Vec::new(),
        }
    }

    pub(crate) fn play(mut self, steps: &[Step]) -> String {
        for step in steps {
            step(&mut self);
            if !self.is_holding {
                self.world.settle();
            }
            self.show("");
        }
        self.world.empty(|| 0);
        self.transcript
    }

    pub(crate) fn client(&self, name: &str) -> ClientId {
        self.names.iter().rfind(|(known, _)| *known == name).expect("the client has connected").1
    }

    fn connect(&mut self, name: &'static str, key: &str) {
        let shard = self.next_shard();
        let connected = self.world.connect(shard, key);
        // The greeting is the subject of `admission`.
        self.enter(name, connected, 1);
    }

    /// The shards take turns.
    pub(crate) fn next_shard(&mut self) -> usize {
        self.connects += 1;
        (self.connects - 1) % self.world.shards()
    }

    /// Gives a client its name; so much of what it has heard is not written down.
    pub(crate) fn enter(
        &mut self,
        name: &'static str,
        connected: Result<ClientId, ClientError>,
        hidden: usize,
    ) {
        match connected {
            Ok(client) => {
                self.names.push((name, client));
                self.shown.resize(client + 1, 0);
                self.shown[client] = hidden;
            }
            Err(error) => self.write(&format!("{name} refused {} {error}", error.code())),
        }
    }

    pub(crate) fn write(&mut self, line: &str) {
        writeln!(self.transcript, "{line}").expect("a String grows");
    }

    fn publish(&mut self, channel: &str, event: &str, data: &str, except: Option<&str>) {
        let shard = self.publishes % self.world.shards();
        self.publishes += 1;
        let except = except.map(|name| self.client(name));
        self.world.publish(shard, channel, event, data, except);
    }

    /// Writes down what is new, in the order in which the clients came.
    fn show(&mut self, heading: &str) {
        let mut lines = String::new();
        for (name, client) in self.names.clone() {
            let heard = self.world.client(client).heard[self.shown[client]..].to_vec();
            for one in &heard {
                match one {
                    Heard::Frame(text) => writeln!(lines, "{name} < {}", self.without_ids(text)),
                    Heard::ControlPing => writeln!(lines, "{name} < control ping"),
                    Heard::Closed(code, reason) => writeln!(lines, "{name} closed {code} {reason}"),
                    Heard::Note(text) => writeln!(lines, "{name} note: {text}"),
                }
                .expect("a String grows");
            }
            self.shown[client] += heard.len();
        }
        if !lines.is_empty() {
            self.transcript.push_str(heading);
            self.transcript.push_str(&lines);
        }
    }

    /// Every client that is pinged answers; those of Engine.IO 3 ping. Nothing of it is written down.
    pub(crate) fn answer_pings(&mut self) {
        for (_, client) in self.names.clone() {
            let one = |text: &str| [Heard::Frame(text.to_owned())];
            let heard = &self.world.client(client).heard[self.shown[client]..];
            let is_pinged = heard == one("2");
            self.world.say(client, if is_pinged { "3" } else { "6" });
            self.shown[client] += usize::from(is_pinged);
        }
    }

    /// A text in which ids have the names of those to whom they were given: `ann`, and `ann2` for her
    /// second connection.
    fn without_ids(&mut self, text: &str) -> String {
        if text.starts_with("42")
            && let Some(offset) = offset_in(text)
        {
            let known = self.offsets.iter().position(|known| *known == offset);
            let number = known.unwrap_or_else(|| {
                self.offsets.push(offset.clone());
                self.offsets.len() - 1
            });
            let end = format!("{offset:?}]");
            let event = text.strip_suffix(&end).expect("the offset is the last argument");
            return format!("{event}#{}]", number + 1);
        }
        if !text.starts_with("0{") && !text.starts_with("40{") {
            return text.to_owned();
        }
        let mut text = text.to_owned();
        for (at, (name, client)) in self.names.iter().enumerate() {
            let before = self.names[..at].iter().filter(|(other, _)| other == name).count();
            let name =
                if before == 0 { (*name).to_owned() } else { format!("{name}{}", before + 1) };
            for (id, secret) in &self.world.client(*client).ids {
                text = text.replace(&format!("\"{id}\""), &format!("<{name}>"));
                text = text.replace(&format!("\"{id}-{secret:016x}\""), &format!("<{name}'s>"));
            }
        }
        text
    }

    fn auth(&self, name: &str, channel: &str, channel_data: Option<&str>) -> String {
        let socket_id = self.world.client(self.client(name)).socket_id.to_string();
        channel_auth("key", self.world.app().signer(), &socket_id, channel, channel_data)
    }

    fn say(&mut self, name: &str, message: &Value) {
        self.world.say(self.client(name), &message.to_string());
    }
}

pub(crate) fn step(does: impl Fn(&mut Scene) + 'static) -> Step {
    Box::new(does)
}

/// A client connects, on the next shard.
pub(crate) fn connect(name: &'static str) -> Step {
    connect_to(name, "key")
}

pub(crate) fn connect_to(name: &'static str, key: &'static str) -> Step {
    step(move |scene| scene.connect(name, key))
}

pub(crate) fn disconnect(name: &'static str) -> Step {
    step(move |scene| scene.world.disconnect(scene.client(name)))
}

/// A client says exactly this.
pub(crate) fn say(name: &'static str, text: &str) -> Step {
    let text = text.to_owned();
    step(move |scene| scene.world.say(scene.client(name), &text))
}

/// Subscribes to a channel; the application has signed if it is a private one.
pub(crate) fn subscribe(name: &'static str, channel: &'static str) -> Step {
    step(move |scene| {
        let is_public = !channel.starts_with("private-") && !channel.starts_with("presence-");
        let auth = if is_public { String::new() } else { scene.auth(name, channel, None) };
        let data = json!({"auth": auth, "channel": channel});
        scene.say(name, &json!({"event": "pusher:subscribe", "data": data}));
    })
}

/// Subscribes to a presence channel as this member.
pub(crate) fn join(name: &'static str, channel: &'static str, channel_data: &str) -> Step {
    let channel_data = channel_data.to_owned();
    step(move |scene| {
        let auth = scene.auth(name, channel, Some(&channel_data));
        let data = json!({"auth": auth, "channel": channel, "channel_data": channel_data});
        scene.say(name, &json!({"event": "pusher:subscribe", "data": data}));
    })
}

pub(crate) fn unsubscribe(name: &'static str, channel: &'static str) -> Step {
    say(name, &json!({"event": "pusher:unsubscribe", "data": {"channel": channel}}).to_string())
}

/// Signs in; the application has signed these data.
pub(crate) fn sign_in(name: &'static str, user_data: &str) -> Step {
    let user_data = user_data.to_owned();
    step(move |scene| {
        let socket_id = scene.world.client(scene.client(name)).socket_id.to_string();
        let auth = user_auth("key", scene.world.app().signer(), &socket_id, &user_data);
        let data = json!({"auth": auth, "user_data": user_data});
        scene.say(name, &json!({"event": "pusher:signin", "data": data}));
    })
}

/// Sends a client event.
pub(crate) fn whisper(name: &'static str, channel: &str, event: &str) -> Step {
    say(name, &json!({"event": event, "channel": channel, "data": {"n": 1}}).to_string())
}

/// The application publishes.
pub(crate) fn publish(channel: &'static str, event: &'static str, data: &'static str) -> Step {
    step(move |scene| scene.publish(channel, event, data, None))
}

pub(crate) fn publish_except(
    name: &'static str,
    channel: &'static str,
    event: &'static str,
    data: &'static str,
) -> Step {
    step(move |scene| scene.publish(channel, event, data, Some(name)))
}

pub(crate) fn terminate(user_id: &'static str) -> Step {
    step(move |scene| scene.world.terminate(scene.world.shards() - 1, user_id))
}

/// A client sends a WebSocket ping or pong.
pub(crate) fn control_frame(name: &'static str) -> Step {
    step(move |scene| scene.world.send_control_frame(scene.client(name)))
}

/// Seconds pass, each with its tick.
pub(crate) fn wait(seconds: u32) -> Step {
    step(move |scene| {
        for second in 1..=seconds {
            scene.world.pass_second();
            scene.world.settle();
            scene.show(&format!("after {second} s\n"));
        }
    })
}

/// From here on messages between shards wait.
pub(crate) fn hold() -> Step {
    step(|scene| scene.is_holding = true)
}

pub(crate) fn release() -> Step {
    step(|scene| scene.is_holding = false)
}

pub(crate) fn reload(apps: impl Fn() -> Vec<App> + 'static) -> Step {
    step(move |scene| scene.world.reload(apps()))
}

/// Writes down how many connections the application has.
pub(crate) fn count_connections() -> Step {
    step(|scene| {
        let count = scene.world.app().connections();
        writeln!(scene.transcript, "{count} connections").expect("a String grows");
    })
}
