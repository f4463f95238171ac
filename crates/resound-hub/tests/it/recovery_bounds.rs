//! What clients that do not return cannot fill.

use resound_hub::{
    app::AppOptions,
    hub::{Census, Hub},
    peer::Slot,
    socketio::Newcomer,
    time::Now,
};
use resound_protocol::{
    api::{EventBody, Info},
    channel::ChannelName,
    engineio::{Upgrades, Version},
    socket_id::SocketId,
};

use crate::bounds::{Counter, hub, now};

/// Sessions that a shard keeps.
const KEPT_MAX: usize = 100_000;
/// Subscriptions of these.
const KEPT_SUBSCRIPTIONS_MAX: usize = 500_000;
/// Bytes of events that a shard remembers.
const LOG_BYTES_MAX: usize = 64 << 20;

fn socket_id(number: usize) -> SocketId {
    SocketId::from_random((number as u64) << 8)
}

/// Connects client number so and so, which says this after the greeting.
fn connect(hub: &mut Hub, slot: Slot, number: usize, says: &str, counter: &mut Counter) {
    let newcomer = Newcomer {
        app: hub.apps().by_id("app").expect("it is there").number(),
        version: Version::V4,
        engine_id: socket_id(number),
        socket_id: socket_id(number),
        secret: number as u64,
        upgrades: Upgrades::None,
    };
    hub.connect_socketio(slot, &newcomer, now(), counter).expect("there is no quota");
    hub.receive(slot, says, now(), counter);
}

/// What a client says that returns to the session of this number.
fn returning(number: usize) -> String {
    format!(r#"40{{"pid":"{}-{number:x}"}}"#, socket_id(number))
}

fn subscribe(channel: &str) -> String {
    format!(r#"42["subscribe",{{"channel":"{channel}"}}]"#)
}

/// Whether a client returns to the session of this number; it stays.
fn returns(hub: &mut Hub, slot: Slot, number: usize, counter: &mut Counter) -> bool {
    let before = counter.recovered;
    connect(hub, slot, 1_000_000 + number, &returning(number), counter);
    counter.recovered > before
}

fn forget_all(hub: &mut Hub, counter: &mut Counter) {
    (0..10).for_each(|slot| hub.disconnect(slot, now(), counter));
    hub.tick(Now::from_seconds(10_000), counter);
    assert_eq!(hub.census(), Census::default());
}

#[test]
fn a_shard_keeps_a_bounded_number_of_sessions_and_the_oldest_go_first() {
    let (mut hub, mut counter) = (hub(AppOptions::default()), Counter::default());
    for number in 0..=KEPT_MAX {
        connect(&mut hub, 0, number, "40", &mut counter);
        hub.lose(0, now(), &mut counter);
    }
    assert_eq!(hub.census(), Census { kept: KEPT_MAX, ..Census::default() });
    assert!(!returns(&mut hub, 0, 0, &mut counter));
    assert!(returns(&mut hub, 1, 1, &mut counter));
    assert!(returns(&mut hub, 2, KEPT_MAX, &mut counter));
    forget_all(&mut hub, &mut counter);
}

#[test]
fn a_shard_keeps_a_bounded_number_of_subscriptions_of_those_who_are_away() {
    let (mut hub, mut counter) = (hub(AppOptions::default()), Counter::default());
    let each = 200;
    for number in 0..=KEPT_SUBSCRIPTIONS_MAX / each {
        connect(&mut hub, 0, number, "40", &mut counter);
        for channel in 0..each {
            hub.receive(0, &subscribe(&format!("c{channel}")), now(), &mut counter);
        }
        hub.lose(0, now(), &mut counter);
    }
    assert_eq!(hub.census().kept, KEPT_SUBSCRIPTIONS_MAX / each);
    assert!(!returns(&mut hub, 0, 0, &mut counter));
    assert!(returns(&mut hub, 1, 1, &mut counter));
    assert_eq!(hub.census().subscriptions, each);
    forget_all(&mut hub, &mut counter);
}

#[test]
fn being_cut_and_returning_without_end_leaves_nothing() {
    let (mut hub, mut counter) = (hub(AppOptions::default()), Counter::default());
    connect(&mut hub, 0, 0, "40", &mut counter);
    hub.receive(0, &subscribe("news"), now(), &mut counter);
    let before = format!("{hub:?}").len();
    for number in 1..10_000 {
        hub.lose(0, now(), &mut counter);
        connect(&mut hub, 0, number, &returning(0), &mut counter);
    }
    assert_eq!(counter.not_recovered, 0);
    assert!(format!("{hub:?}").len() < before + 20, "{hub:?}");
    forget_all(&mut hub, &mut counter);
}

#[test]
fn a_shard_remembers_a_bounded_number_of_bytes_and_who_missed_more_is_told() {
    let (mut hub, mut counter) = (hub(AppOptions::default()), Counter::default());
    let app = hub.apps().by_id("app").expect("it is there").clone();
    for (slot, channel) in [(0, "loud"), (1, "quiet"), (2, "still")] {
        connect(&mut hub, slot, slot as usize, "40", &mut counter);
        hub.receive(slot, &subscribe(channel), now(), &mut counter);
        hub.lose(slot, now(), &mut counter);
    }
    let publish = |hub: &mut Hub, counter: &mut Counter, channel: &str, bytes: usize| {
        let event = EventBody {
            name_json: r#""e""#,
            data_json: &format!("{:?}", "x".repeat(bytes)),
            channels: vec![ChannelName::parse(channel, 200).expect("a name")],
            socket_id: None,
            info: Info::default(),
        };
        hub.publish(&app, &event, now(), counter);
    };
    publish(&mut hub, &mut counter, "quiet", 1);
    let megabyte = 1 << 20;
    for _ in 0..100 {
        publish(&mut hub, &mut counter, "loud", megabyte);
        publish(&mut hub, &mut counter, "nobody", megabyte);
    }
    let remembered = hub.census().remembered;
    assert_eq!(remembered, LOG_BYTES_MAX / megabyte - 1, "with what each costs beyond its bytes");
    assert!(!returns(&mut hub, 3, 0, &mut counter), "it missed what is not remembered");
    assert!(!returns(&mut hub, 4, 1, &mut counter), "it did, too");
    assert!(returns(&mut hub, 5, 2, &mut counter), "it missed nothing");
    forget_all(&mut hub, &mut counter);
}

#[test]
fn events_of_channels_that_nobody_can_return_to_are_not_remembered() {
    let (mut hub, mut counter) = (hub(AppOptions::default()), Counter::default());
    connect(&mut hub, 0, 0, "40", &mut counter);
    for _ in 0..10 {
        hub.receive(0, &subscribe("private-a"), now(), &mut counter);
        hub.receive(0, &subscribe("a"), now(), &mut counter);
    }
    let says = r#"42["unsubscribe",{"channel":"a"}]"#;
    hub.receive(0, says, now(), &mut counter);
    let app = hub.apps().by_id("app").expect("it is there").clone();
    for channel in ["a", "private-a"] {
        let event = EventBody {
            name_json: r#""e""#,
            data_json: r#""{}""#,
            channels: vec![ChannelName::parse(channel, 200).expect("a name")],
            socket_id: None,
            info: Info::default(),
        };
        hub.publish(&app, &event, now(), &mut counter);
    }
    assert_eq!(hub.census().remembered, 0);
}
