//! What an outsider cannot fill.

use resound_hub::{
    app::{AppOptions, Apps},
    authorise::AuthRequest,
    hub::{Admission, Census, Hub},
    peer::{ChannelKey, PeerMessage, ShardId, Slot},
    recovery::Return,
    sink::{Note, Sink, Who},
    time::Now,
};
use resound_protocol::{
    api::{EventBody, Info},
    channel::ChannelName,
    error::ClientError,
    member::Member,
    socket_id::SocketId,
    webhook::What,
    websocket::Frame,
};

use crate::world::app;

/// Counts what is sent, and keeps nothing.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    pub(crate) sent: usize,
    closed: usize,
    /// Clients that returned to their sessions, and those who could not.
    pub(crate) recovered: usize,
    pub(crate) not_recovered: usize,
}

impl Sink for Counter {
    fn send(&mut self, _: Slot, _: &Frame) {
        self.sent += 1;
    }

    fn fan_out(&mut self, to: &[Slot], _: Option<Slot>, _: &Frame, _: Option<Now>) {
        self.sent += to.len();
    }

    fn ping(&mut self, _: Slot) {}

    fn close(&mut self, _: Slot, _: &ClientError) {
        self.closed += 1;
    }

    fn peer(&mut self, _: ShardId, _: PeerMessage) {}

    fn authorise(&mut self, _: AuthRequest) {}

    fn hand_over(&mut self, _: Slot, _: ShardId, _: Return) {}

    fn happened(&mut self, _: &ChannelKey, _: What) {}

    fn members_changed(&mut self, _: &ChannelKey, _: &[&Member]) {}

    fn resumed(&mut self, _: Slot, _: SocketId) {}

    fn note(&mut self, _: &Who<'_>, note: Note<'_>) {
        self.recovered += usize::from(matches!(note, Note::Recovered(_)));
        self.not_recovered += usize::from(matches!(note, Note::NotRecovered(_)));
    }
}

pub(crate) fn now() -> Now {
    Now::from_seconds(1000)
}

pub(crate) fn hub(options: AppOptions) -> Hub {
    Hub::new(0, 1, Apps::new([app(options)]).into())
}

fn connect(hub: &mut Hub, slot: Slot, now: Now, counter: &mut Counter) {
    let app = hub.admit(&Admission { key: "key", ..Admission::default() }).expect("it is admitted");
    let socket_id = SocketId::from_random(u64::from(slot) << 8);
    hub.connect(slot, app, socket_id, now, counter).expect("there is no quota");
}

fn message(event: &str, channel: &str) -> String {
    format!(r#"{{"event":"pusher:{event}","data":{{"channel":"{channel}"}}}}"#)
}

/// A million takes a build without optimisation 15 seconds; a tenth of it shows the same.
const MANY: usize = if cfg!(debug_assertions) { 100_000 } else { 1_000_000 };

#[test]
fn a_million_subscriptions_of_one_socket_are_a_thousand() {
    let (mut hub, mut counter) = (hub(AppOptions::default()), Counter::default());
    connect(&mut hub, 0, now(), &mut counter);
    for number in 0..MANY {
        hub.receive(0, &message("subscribe", &format!("c{number}")), now(), &mut counter);
    }
    // A greeting, a thousand confirmations, two errors each for all others.
    assert_eq!(counter.sent, 1 + 1000 + 2 * (MANY - 1000));
    let census = Census {
        connections: 1,
        subscriptions: 1000,
        local_channels: 1000,
        channels: 1000,
        users: 0,
        ..Census::default()
    };
    assert_eq!(hub.census(), census);
    assert_eq!(counter.closed, 0);
    hub.disconnect(0, now(), &mut counter);
    assert_eq!(hub.census(), Census::default());
}

#[test]
fn subscribing_and_unsubscribing_without_end_leaves_nothing() {
    let options = AppOptions { subscription_count: true, ..AppOptions::default() };
    let (mut hub, mut counter) = (hub(options), Counter::default());
    connect(&mut hub, 0, now(), &mut counter);
    let empty = format!("{hub:?}").len();
    for number in 0..100_000 {
        let channel = format!("c{}", number % 5000);
        hub.receive(0, &message("subscribe", &channel), now(), &mut counter);
        hub.receive(0, &message("unsubscribe", &channel), now(), &mut counter);
    }
    assert_eq!(hub.census(), Census { connections: 1, ..Census::default() });
    // All that the hub holds, timers included, is what it held before; only its serial number grows.
    assert!(format!("{hub:?}").len() < empty + 20, "{hub:?}");
    hub.disconnect(0, now(), &mut counter);
    assert_eq!(hub.census(), Census::default());
}

#[test]
fn connecting_and_disconnecting_without_end_leaves_nothing() {
    let (mut hub, mut counter) = (hub(AppOptions::default()), Counter::default());
    connect(&mut hub, 0, now(), &mut counter);
    connect(&mut hub, 1, now(), &mut counter);
    let before = format!("{hub:?}").len();
    for _ in 0..100_000 {
        hub.disconnect(1, now(), &mut counter);
        connect(&mut hub, 1, now(), &mut counter);
    }
    assert!(format!("{hub:?}").len() < before + 10, "{hub:?}");
}

#[test]
fn a_shard_remembers_a_bounded_number_of_events_and_has_room_again_when_they_expire() {
    let (mut hub, mut counter) = (hub(AppOptions::default()), Counter::default());
    let app = hub.apps().by_id("app").expect("it is there").clone();
    let publish = |hub: &mut Hub, counter: &mut Counter, channel: &str, now: Now| {
        let event = EventBody {
            name_json: r#""price""#,
            data_json: r#""{}""#,
            channels: vec![ChannelName::parse(channel, 200).expect("a name")],
            socket_id: None,
            info: Info::default(),
        };
        hub.publish(&app, &event, now, counter);
        hub.channel(app.number(), channel, now).cached.is_some()
    };
    for number in 0..100_000 {
        assert!(publish(&mut hub, &mut counter, &format!("cache-{number}"), now()));
    }
    assert!(!publish(&mut hub, &mut counter, "cache-other", now()));
    assert!(publish(&mut hub, &mut counter, "cache-7", now()), "one that it remembers is renewed");
    let later = Now::from_seconds(1000 + 1800);
    hub.tick(later, &mut counter);
    assert!(publish(&mut hub, &mut counter, "cache-other", later));
}
