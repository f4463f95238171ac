//! Telling subscribers how many they are.

use expect_test::expect;
use resound_hub::app::AppOptions;

use crate::{
    scene::{check_with, connect, disconnect, join, subscribe, unsubscribe},
    world::{ClientId, Heard, World, app},
};

fn counting() -> AppOptions {
    AppOptions { subscription_count: true, ..AppOptions::default() }
}

#[test]
fn every_change_is_told_except_on_presence_channels() {
    check_with(
        counting(),
        &[
            connect("ann"),
            connect("bob"),
            subscribe("ann", "news"),
            subscribe("bob", "news"),
            subscribe("bob", "news"),
            join("bob", "presence-a", r#"{"user_id":"8"}"#),
            unsubscribe("ann", "news"),
            subscribe("ann", "news"),
            disconnect("ann"),
        ],
        expect![[r#"
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"news"}
            ann < {"event":"pusher_internal:subscription_count","data":"{\"subscription_count\":1}","channel":"news"}
            ann < {"event":"pusher_internal:subscription_count","data":"{\"subscription_count\":2}","channel":"news"}
            bob < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"news"}
            bob < {"event":"pusher_internal:subscription_count","data":"{\"subscription_count\":2}","channel":"news"}
            bob < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"news"}
            bob < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[\"8\"],\"hash\":{\"8\":null},\"count\":1}}","channel":"presence-a"}
            bob < {"event":"pusher_internal:subscription_count","data":"{\"subscription_count\":1}","channel":"news"}
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"news"}
            ann < {"event":"pusher_internal:subscription_count","data":"{\"subscription_count\":2}","channel":"news"}
            bob < {"event":"pusher_internal:subscription_count","data":"{\"subscription_count\":2}","channel":"news"}
            bob < {"event":"pusher_internal:subscription_count","data":"{\"subscription_count\":1}","channel":"news"}
        "#]],
    );
}

/// The counts that a client was told since `from`.
fn counts(world: &World, client: ClientId, from: &mut usize) -> Vec<u32> {
    let heard = &world.client(client).heard;
    let new = &heard[*from..];
    *from = heard.len();
    new.iter()
        .filter_map(|one| match one {
            Heard::Frame(text) => {
                text.split_once(r#"subscription_count\":"#)?.1.split_once('}')?.0.parse().ok()
            }
            Heard::ControlPing | Heard::Closed(..) | Heard::Note(_) => None,
        })
        .collect()
}

#[test]
fn a_crowd_is_counted_every_five_seconds_while_there_is_activity() {
    let mut world = World::new(3, [app(counting())]);
    let crowd: Vec<ClientId> =
        (0..150).map(|at| world.connect(at % 3, "key").expect("admitted")).collect();
    let subscribe = |world: &mut World, client| {
        world.say(client, r#"{"event":"pusher:subscribe","data":{"channel":"news"}}"#);
        world.settle();
    };
    let first = crowd[0];
    let mut seen = 0;
    crowd[..100].iter().for_each(|client| subscribe(&mut world, *client));
    assert_eq!(counts(&world, first, &mut seen), (1..=100).collect::<Vec<u32>>());

    crowd[100..].iter().for_each(|client| subscribe(&mut world, *client));
    assert!(counts(&world, first, &mut seen).is_empty());
    let mut told = Vec::new();
    for second in 1..=20 {
        if second == 9 {
            world.disconnect(crowd[149]);
            world.disconnect(crowd[148]);
        }
        world.pass_second();
        world.settle();
        told.extend(counts(&world, first, &mut seen).into_iter().map(|count| (second, count)));
    }
    assert_eq!(told, [(5, 150), (10, 148)]);
    world.empty(|| 0);
}
