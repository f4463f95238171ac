//! What the outside is told of channels. That it is exact in every interleaving is what each world's
//! `ledger` sees to; here is what it says.

use expect_test::{Expect, expect};
use resound_hub::{
    app::{AppOptions, ClientEvents},
    socketio::SocketIoOptions,
};
use resound_protocol::webhook::{Kind, What};
use serde_json::json;

use crate::{
    echo::{ask, back, cut, echo4, grant_as, pass, whisper_to},
    scene::{
        Scene, Step, connect, disconnect, join, publish, subscribe, unsubscribe, wait, whisper,
    },
};

/// Plays the steps with one, two and three shards.
#[track_caller]
fn check_with(options: AppOptions, steps: &[Step], expected: Expect) {
    let play = |shards| {
        let mut scene = Scene::new(shards, options.clone(), SocketIoOptions::default());
        let mut said = String::new();
        for step in steps {
            step(&mut scene);
            scene.world.settle();
            let entries = std::mem::take(&mut scene.world.ledger_mut().entries);
            for (channel, what) in entries {
                said += &format!("{channel} {}\n", line(&what));
            }
            said += "-\n";
        }
        scene.world.empty(|| 0);
        said
    };
    let said = play(1);
    assert_eq!(said, play(2), "with two shards");
    assert_eq!(said, play(3), "with three shards");
    expected.assert_eq(&said);
}

#[track_caller]
fn check(steps: &[Step], expected: Expect) {
    check_with(AppOptions::default(), steps, expected);
}

fn line(what: &What) -> String {
    let name = what.kind().name();
    match what {
        What::ChannelOccupied | What::ChannelVacated | What::CacheMiss => name.to_owned(),
        What::MemberAdded { user_id } | What::MemberRemoved { user_id } => {
            format!("{name} {user_id}")
        }
        What::ClientEvent { event, data, user_id, .. } => {
            format!("{name} {event} {data} {}", user_id.as_deref().unwrap_or("-"))
        }
        What::SubscriptionCount { count } => format!("{name} {count}"),
    }
}

#[test]
fn a_channel_is_occupied_by_the_first_and_vacated_by_the_last() {
    check(
        &[
            connect("ann"),
            connect("bob"),
            subscribe("ann", "news"),
            subscribe("ann", "news"),
            subscribe("bob", "news"),
            unsubscribe("ann", "news"),
            unsubscribe("ann", "news"),
            disconnect("bob"),
        ],
        expect![[r#"
            -
            -
            news channel_occupied
            news subscription_count 1
            -
            -
            news subscription_count 2
            -
            news subscription_count 1
            -
            -
            news subscription_count 0
            news channel_vacated
            -
        "#]],
    );
}

#[test]
fn a_user_is_added_with_the_first_connection_and_removed_with_the_last() {
    check(
        &[
            connect("ann"),
            connect("ann's telephone"),
            connect("bob"),
            join("ann", "presence-a", r#"{"user_id":7}"#),
            join("ann's telephone", "presence-a", r#"{"user_id":"7"}"#),
            join("bob", "presence-a", r#"{"user_id":"8"}"#),
            disconnect("ann"),
            unsubscribe("ann's telephone", "presence-a"),
            disconnect("bob"),
        ],
        expect![[r#"
            -
            -
            -
            presence-a channel_occupied
            presence-a member_added 7
            -
            -
            presence-a member_added 8
            -
            -
            presence-a member_removed 7
            -
            presence-a member_removed 8
            presence-a channel_vacated
            -
        "#]],
    );
}

#[test]
fn who_is_refused_occupies_nothing() {
    let full = AppOptions { presence_members_max: 0, ..AppOptions::default() };
    check_with(
        full,
        &[
            connect("ann"),
            join("ann", "presence-a", r#"{"user_id":"7"}"#),
            crate::scene::say(
                "ann",
                r#"{"event":"pusher:subscribe","data":{"channel":"private-a"}}"#,
            ),
        ],
        expect![[r#"
            -
            -
            -
        "#]],
    );
}

#[test]
fn client_events_are_told_with_the_senders_text() {
    check(
        &[
            connect("ann"),
            join("ann", "presence-a", r#"{"user_id":"7"}"#),
            whisper("ann", "presence-a", "client-typing"),
            subscribe("ann", "private-a"),
            whisper("ann", "private-a", "client-typing"),
            whisper("ann", "private-b", "client-typing"),
            whisper("ann", "private-a", "typing"),
        ],
        expect![[r#"
            -
            presence-a channel_occupied
            presence-a member_added 7
            -
            presence-a client_event client-typing {"n":1} 7
            -
            private-a channel_occupied
            private-a subscription_count 1
            -
            private-a client_event client-typing {"n":1} -
            -
            -
            -
        "#]],
    );
}

#[test]
fn what_is_said_in_public_channels_is_nobodys() {
    let all = AppOptions { client_events: ClientEvents::All, ..AppOptions::default() };
    check_with(
        all,
        &[connect("ann"), subscribe("ann", "news"), whisper("ann", "news", "client-typing")],
        expect![[r#"
            -
            news channel_occupied
            news subscription_count 1
            -
            -
        "#]],
    );
}

#[test]
fn a_miss_is_told_once_in_three_seconds_and_not_while_something_is_remembered() {
    check(
        &[
            connect("ann"),
            connect("bob"),
            subscribe("ann", "cache-a"),
            subscribe("bob", "cache-a"),
            wait(3),
            subscribe("bob", "cache-a"),
            publish("cache-a", "price", "{}"),
            wait(3),
            subscribe("bob", "cache-a"),
        ],
        expect![[r#"
            -
            -
            cache-a channel_occupied
            cache-a cache_miss
            cache-a subscription_count 1
            -
            cache-a subscription_count 2
            -
            -
            cache-a cache_miss
            -
            -
            -
            -
        "#]],
    );
}

#[test]
fn nothing_is_told_that_nobody_wants() {
    let some = [Kind::ChannelOccupied, Kind::ChannelVacated].into_iter().collect();
    check_with(
        AppOptions { happenings: some, ..AppOptions::default() },
        &[
            connect("ann"),
            subscribe("ann", "cache-a"),
            join("ann", "presence-a", r#"{"user_id":"7"}"#),
            whisper("ann", "presence-a", "client-typing"),
            unsubscribe("ann", "presence-a"),
            disconnect("ann"),
        ],
        expect![[r#"
            -
            cache-a channel_occupied
            -
            presence-a channel_occupied
            -
            -
            presence-a channel_vacated
            -
            cache-a channel_vacated
            -
        "#]],
    );
}

#[test]
fn clients_of_socket_io_are_told_of_alike_and_stay_while_they_may_return() {
    let ann = r#"{"user_id":1}"#;
    check(
        &[
            echo4("ann"),
            ask("ann", "presence-a"),
            grant_as("ann", "presence-a", ann),
            whisper_to("ann", "presence-a", "client-typing", &json!("hello")),
            cut("ann"),
            pass(100),
            back("ann"),
            cut("ann"),
            pass(119),
            pass(2),
        ],
        expect![[r#"
            -
            -
            presence-a channel_occupied
            presence-a member_added 1
            -
            presence-a client_event client-typing hello 1
            -
            -
            -
            -
            -
            -
            presence-a member_removed 1
            presence-a channel_vacated
            -
        "#]],
    );
}
