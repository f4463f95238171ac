//! Who is not let back into a session.

use expect_test::expect;
use resound_hub::{
    app::{App, AppOptions},
    socketio::SocketIoOptions,
};
use resound_protocol::engineio::Version;
use serde_json::json;

use crate::{
    echo::{ask, back, back_saying, cut, echo3, echo4, emit, grant_as, open, show_census},
    scene::{
        check, check_socketio, connect, count_connections, disconnect, join, publish, reload, say,
        step, terminate,
    },
    world::app,
};

const ANN: &str = r#"{"user_id":1}"#;
const PIA: &str = r#"{"user_id":"pia"}"#;

#[test]
fn a_session_is_given_to_none_but_its_client() {
    check(
        &[
            echo4("ann"),
            ask("ann", "news"),
            cut("ann"),
            publish("news", "1", "{}"),
            back_saying("ann", |_| r#"40{"pid":"1.1-000000000000abc2","offset":"1"}"#.into()),
            back_saying("ann", |_| r#"40{"pid":"7.1-000000000000abc1"}"#.into()),
            back_saying("ann", |_| r#"40{"pid":"1.1"}"#.into()),
            back_saying("ann", |_| r#"40{"pid":7}"#.into()),
            back_saying("ann", |_| r#"40{"pid":"1.1-000000000000abc1"}"#.into()),
        ],
        expect![[r#"
            ann < 40{"sid":<ann2>,"pid":<ann2's>}
            ann < 40{"sid":<ann3>,"pid":<ann3's>}
            ann < 40{"sid":<ann4>,"pid":<ann4's>}
            ann < 40{"sid":<ann5>,"pid":<ann5's>}
            ann < 40{"sid":<ann>,"pid":<ann's>}
            ann < 42["1","news",{},#1]
        "#]],
    );
}

#[test]
fn a_session_that_was_left_is_not_given_back() {
    check(
        &[
            echo4("ann"),
            say("ann", "41"),
            back("ann"),
            say("ann", "42{}"),
            back("ann"),
            disconnect("ann"),
            back("ann"),
            say("ann", "1"),
            back("ann"),
        ],
        expect![[r#"
            ann closed 1000 Disconnected
            ann < 40{"sid":<ann2>,"pid":<ann2's>}
            ann note: refused with invalid_message: an event packet has a JSON array that begins with a name: invalid type: map, expected a name and arguments at line 1 column 0
            ann closed 4200 Invalid message format
            ann < 40{"sid":<ann3>,"pid":<ann3's>}
            ann < 40{"sid":<ann4>,"pid":<ann4's>}
            ann closed 1000 Disconnected
            ann < 40{"sid":<ann4>,"pid":<ann4's>}
        "#]],
    );
}

#[test]
fn a_session_is_given_back_once() {
    check(
        &[
            echo4("ann"),
            ask("ann", "news"),
            cut("ann"),
            publish("news", "1", "{}"),
            back("ann"),
            open("eve", Version::V4),
            back_saying("ann", |scene| scene.world.returning(0)),
            publish("news", "2", "{}"),
            count_connections(),
        ],
        expect![[r#"
            ann < 40{"sid":<ann>,"pid":<ann's>}
            ann < 42["1","news",{},#1]
            eve < 0{"sid":"902.9","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}
            ann closed 4100 The session goes on in another connection
            ann < 40{"sid":<ann>,"pid":<ann's>}
            ann < 42["1","news",{},#1]
            ann < 42["2","news",{},#2]
            2 connections
        "#]],
    );
}

#[test]
fn clients_of_engine_io_3_and_those_who_have_not_joined_are_not_kept() {
    check(
        &[
            connect("pia"),
            echo3("ann"),
            open("bob", Version::V4),
            join("pia", "presence-a", PIA),
            ask("ann", "presence-a"),
            grant_as("ann", "presence-a", ANN),
            cut("ann"),
            cut("bob"),
            cut("pia"),
            show_census(),
        ],
        expect![[r#"
            bob < 0{"sid":"902.9","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}
            pia < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[\"pia\"],\"hash\":{\"pia\":null},\"count\":1}}","channel":"presence-a"}
            pia < {"event":"pusher_internal:member_added","data":"{\"user_id\":1}","channel":"presence-a"}
            ann < 42["presence:subscribed","presence-a",[{"user_id":1},{"user_id":"pia"}]]
            pia < {"event":"pusher_internal:member_removed","data":"{\"user_id\":1}","channel":"presence-a"}
            0 connections with 0 subscriptions, 0 channels, 0 kept
        "#]],
    );
}

#[test]
fn a_user_whose_connections_are_ended_does_not_return() {
    check(
        &[
            connect("pia"),
            join("pia", "presence-a", PIA),
            echo4("ann"),
            ask("ann", "presence-a"),
            grant_as("ann", "presence-a", ANN),
            cut("ann"),
            terminate("1"),
            back("ann"),
        ],
        expect![[r#"
            pia < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[\"pia\"],\"hash\":{\"pia\":null},\"count\":1}}","channel":"presence-a"}
            pia < {"event":"pusher_internal:member_added","data":"{\"user_id\":1}","channel":"presence-a"}
            ann < 42["presence:subscribed","presence-a",[{"user_id":1},{"user_id":"pia"}]]
            pia < {"event":"pusher_internal:member_removed","data":"{\"user_id\":1}","channel":"presence-a"}
            ann < 40{"sid":<ann2>,"pid":<ann2's>}
        "#]],
    );
}

#[test]
fn nobody_returns_to_an_application_that_is_gone() {
    let other = || vec![App { id: "o".into(), key: "o".into(), ..app(AppOptions::default()) }];
    check(
        &[
            echo4("ann"),
            ask("ann", "presence-a"),
            grant_as("ann", "presence-a", ANN),
            cut("ann"),
            reload(other),
            reload(|| vec![app(AppOptions::default())]),
            show_census(),
            back("ann"),
        ],
        expect![[r#"
            ann < 42["presence:subscribed","presence-a",[{"user_id":1}]]
            0 connections with 0 subscriptions, 0 channels, 0 kept
            ann < 40{"sid":<ann2>,"pid":<ann2's>}
        "#]],
    );
}

#[test]
fn a_session_of_another_application_is_not_given_back() {
    let both = || {
        let other = App { id: "o".into(), key: "o".into(), ..app(AppOptions::default()) };
        vec![app(AppOptions::default()), other]
    };
    check(
        &[
            reload(both),
            echo4("ann"),
            cut("ann"),
            step(|scene| {
                let connect = scene.world.returning(0);
                let other = scene.world.hubs[0].apps().by_id("o").expect("it is there").number();
                let shard = scene.next_shard();
                let connected = scene.world.connect_socketio_to(shard, other, Version::V4);
                scene.enter("eve", connected, 1);
                scene.world.say(scene.client("eve"), &connect);
            }),
            back("ann"),
            disconnect("eve"),
        ],
        expect![[r#"
            eve < 40{"sid":<eve>,"pid":<eve's>}
            ann < 40{"sid":<ann>,"pid":<ann's>}
        "#]],
    );
}

#[test]
fn over_the_quota_a_client_does_not_return() {
    check_socketio(
        AppOptions { connections_max: Some(1), ..AppOptions::default() },
        SocketIoOptions::default(),
        &[
            echo4("ann"),
            ask("ann", "news"),
            cut("ann"),
            publish("news", "1", "{}"),
            connect("pia"),
            open("ann", Version::V4),
            disconnect("pia"),
            back("ann"),
            emit("ann", "x", &json!({})),
        ],
        expect![[r#"
            ann refused 4004 Application is over connection quota
            ann < 40{"sid":<ann>,"pid":<ann's>}
            ann < 42["1","news",{},#1]
            ann note: refused with invalid_message: nobody listens to the event "x"
        "#]],
    );
}
