//! Other applications, other limits, while connections stay.

use expect_test::expect;
use resound_hub::app::{App, AppOptions};

use crate::{
    scene::{
        Step, check, check_with, connect, connect_to, count_connections, join, publish, reload, sign_in,
        subscribe, unsubscribe, wait, whisper,
    },
    world::{World, app},
};

fn other() -> App {
    App { id: "other".into(), key: "other".into(), ..app(AppOptions::default()) }
}

#[test]
fn connections_stay_when_their_application_does() {
    check(
        &[
            connect("ann"),
            subscribe("ann", "news"),
            reload(|| vec![other(), app(AppOptions::default())]),
            count_connections(),
            publish("news", "e", "{}"),
            connect_to("bob", "other"),
        ],
        expect![[]],
    );
}

#[test]
fn connections_of_an_application_that_is_gone_are_closed_and_its_users_with_them() {
    check(
        &[
            connect("ann"),
            connect("bob"),
            join("ann", "presence-a", r#"{"user_id":"7"}"#),
            join("bob", "presence-a", r#"{"user_id":"8"}"#),
            sign_in("ann", r#"{"id":"7","watchlist":["8"]}"#),
            reload(|| vec![other()]),
            connect("ann"),
            reload(|| vec![other(), app(AppOptions::default())]),
            connect("ann"),
            count_connections(),
        ],
        expect![[]],
    );
}

#[test]
fn connections_of_a_disabled_application_are_closed() {
    check(
        &[
            connect("ann"),
            subscribe("ann", "news"),
            reload(|| vec![app(AppOptions { enabled: false, ..AppOptions::default() })]),
            connect("bob"),
            count_connections(),
        ],
        expect![[]],
    );
}

#[test]
fn other_limits_count_from_the_next_action_on() {
    let strict = || AppOptions {
        connections_max: Some(1),
        channels_per_connection_max: 1,
        channel_name_max: 5,
        subscription_count: true,
        ..AppOptions::default()
    };
    let steps: [Step; 9] = [
        connect("ann"),
        subscribe("ann", "private-with-a-long-name"),
        reload(move || vec![app(strict())]),
        connect("bob"),
        subscribe("ann", "short"),
        whisper("ann", "private-with-a-long-name", "client-a"),
        publish("private-with-a-long-name", "e", "{}"),
        unsubscribe("ann", "private-with-a-long-name"),
        subscribe("ann", "short"),
    ];
    check(&steps, expect![[]]);
}

#[test]
fn a_shorter_ping_interval_counts_for_those_who_are_there() {
    let options = |ping_interval_seconds| AppOptions {
        ping_interval_seconds,
        activity_timeout_seconds: 3,
        ..AppOptions::default()
    };
    check_with(
        options(1000),
        &[connect("ann"), wait(4), reload(move || vec![app(options(10))]), wait(12)],
        expect![[]],
    );
}

#[test]
fn shards_may_hear_of_a_reload_one_after_the_other() {
    for order in [[0, 1], [1, 0]] {
        let mut world = World::new(2, [app(AppOptions::default())]);
        let kept = world.app();
        let clients: Vec<_> = (0..6).map(|at| world.connect(at % 2, "key").expect("admitted")).collect();
        let subscribe = |world: &mut World, channel: usize| {
            for client in &clients {
                let text = format!(r#"{{"event":"pusher:subscribe","data":{{"channel":"c{channel}"}}}}"#);
                world.say(*client, &text);
            }
        };
        (0..8).for_each(|channel| subscribe(&mut world, channel));
        world.settle();
        let gone = std::sync::Arc::new(world.hubs[0].apps().reloaded([]));
        (8..16).for_each(|channel| subscribe(&mut world, channel));
        world.reload_shard(order[0], &gone);
        (16..24).for_each(|channel| subscribe(&mut world, channel));
        world.settle();
        world.reload_shard(order[1], &gone);
        world.settle();
        assert_eq!(world.census(), resound_hub::hub::Census::default());
        assert_eq!(kept.connections(), 0);
        assert!(clients.iter().all(|client| !world.is_connected(*client)));
    }
}
