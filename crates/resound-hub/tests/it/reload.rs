//! Other applications, other limits, while connections stay.

use expect_test::expect;
use resound_hub::app::{App, AppOptions};

use crate::{
    scene::{
        Step, check, check_with, connect, connect_to, count_connections, join, publish, reload,
        sign_in, subscribe, unsubscribe, wait, whisper,
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
        expect![[r#"
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"news"}
            1 connections
            ann < {"event":"e","channel":"news","data":"{}"}
        "#]],
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
        expect![[r#"
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[\"7\"],\"hash\":{\"7\":null},\"count\":1}}","channel":"presence-a"}
            ann < {"event":"pusher_internal:member_added","data":"{\"user_id\":\"8\"}","channel":"presence-a"}
            bob < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[\"7\",\"8\"],\"hash\":{\"7\":null,\"8\":null},\"count\":2}}","channel":"presence-a"}
            ann < {"event":"pusher:signin_success","data":{"user_data":"{\"id\":\"7\",\"watchlist\":[\"8\"]}"}}
            ann < {"event":"pusher_internal:watchlist_events","data":"{\"events\":[{\"name\":\"offline\",\"user_ids\":[\"8\"]}]}"}
            ann closed 4001 Application does not exist
            bob closed 4001 Application does not exist
            ann refused 4001 Application does not exist
            1 connections
        "#]],
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
        expect![[r#"
            ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"news"}
            ann closed 4003 Application is disabled
            bob refused 4003 Application is disabled
            0 connections
        "#]],
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
    check(
        &steps,
        expect![[r#"
        ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"private-with-a-long-name"}
        bob refused 4004 Application is over connection quota
        ann note: no subscription to short: The connection is in 1 channels already (max_channels_per_connection)
        ann < {"event":"pusher:error","data":"{\"code\":4100,\"message\":\"The connection is in 1 channels already (max_channels_per_connection)\"}"}
        ann < {"event":"pusher:subscription_error","channel":"short","data":"{\"type\":\"LimitReached\",\"error\":\"The connection is in 1 channels already (max_channels_per_connection)\",\"status\":4100}"}
        ann < {"event":"e","channel":"private-with-a-long-name","data":"{}"}
        ann < {"event":"pusher_internal:subscription_succeeded","data":"{}","channel":"short"}
        ann < {"event":"pusher_internal:subscription_count","data":"{\"subscription_count\":1}","channel":"short"}
    "#]],
    );
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
        expect![[r#"
            after 6 s
            ann < {"event":"pusher:ping","data":"{}"}
            after 9 s
            ann closed 4201 Pong reply not received in time
        "#]],
    );
}

#[test]
fn shards_may_hear_of_a_reload_one_after_the_other() {
    for order in [[0, 1], [1, 0]] {
        let mut world = World::new(2, [app(AppOptions::default())]);
        let kept = world.app();
        let clients: Vec<_> =
            (0..6).map(|at| world.connect(at % 2, "key").expect("admitted")).collect();
        let subscribe = |world: &mut World, channel: usize| {
            for client in &clients {
                let text =
                    format!(r#"{{"event":"pusher:subscribe","data":{{"channel":"c{channel}"}}}}"#);
                world.say(*client, &text);
            }
        };
        (0..8).for_each(|channel| subscribe(&mut world, channel));
        world.settle();
        let gone = std::sync::Arc::new(world.hubs[0].apps().reloaded([]));
        (8..16).for_each(|channel| subscribe(&mut world, channel));
        world.reload_shard(order[0], &gone);
        (0..8).for_each(|channel| subscribe(&mut world, channel)); // once more
        (16..24).for_each(|channel| subscribe(&mut world, channel));
        world.settle();
        world.reload_shard(order[1], &gone);
        world.settle();
        assert_eq!(world.census(), resound_hub::hub::Census::default());
        assert_eq!(kept.connections(), 0);
        assert!(clients.iter().all(|client| !world.is_connected(*client)));
    }
}
