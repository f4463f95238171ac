//! How connections of Socket.IO begin, live and end.

use expect_test::expect;
use resound_hub::{
    app::{App, AppOptions},
    socketio::SocketIoOptions,
};
use resound_protocol::engineio::Version;

use crate::{
    echo::{ask, check_recovery, echo3, echo4, grant, grant_as, open},
    scene::{
        check, check_socketio, connect, count_connections, disconnect, join, publish, reload, say,
        terminate, wait,
    },
    world::app,
};

#[test]
fn a_client_of_engine_io_3_is_greeted_and_in() {
    check(
        &[open("ann", Version::V3), say("ann", "40"), count_connections(), disconnect("ann")],
        expect![[r#"
            ann < 0{"sid":<ann>,"upgrades":[],"pingInterval":25000,"pingTimeout":20000}
            ann < 40
            1 connections
        "#]],
    );
}

#[test]
fn a_client_of_engine_io_4_is_in_when_it_has_asked() {
    check(
        &[
            open("ann", Version::V4),
            say("ann", r#"40{"token":"t"}"#),
            say("ann", "40"),
            disconnect("ann"),
        ],
        expect![[r#"
            ann < 0{"sid":"900.9","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}
            ann < 40{"sid":<ann>,"pid":<ann's>}
        "#]],
    );
}

#[test]
fn without_recovery_there_is_no_private_id_and_no_offset() {
    let options = SocketIoOptions { recovery_seconds: 0, ..SocketIoOptions::default() };
    check_recovery(
        options,
        &[
            open("ann", Version::V4),
            say("ann", r#"40{"pid":"1.1-000000000000abc1"}"#),
            ask("ann", "news"),
            publish("news", "e", "{}"),
            publish("news", "e", "text"),
        ],
        expect![[r#"
            ann < 0{"sid":"900.9","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}
            ann < 40{"sid":<ann>}
            ann < 42["e","news",{}]
            ann < 42["e","news","text",null]
        "#]],
    );
}

#[test]
fn other_namespaces_are_refused_and_the_connection_stays() {
    check(
        &[
            echo3("ann"),
            open("bob", Version::V4),
            say("ann", "40/admin?token=t,"),
            say("bob", "40/admin,{}"),
            say("ann", r#"42/admin,["subscribe",{"channel":"news"}]"#),
            say("ann", "41/admin,"),
            say("bob", "40"),
            say("bob", r#"42/admin,["subscribe",{"channel":"news"}]"#),
            ask("bob", "news"),
            publish("news", "e", "{}"),
        ],
        expect![[r#"
            bob < 0{"sid":"901.9","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}
            ann < 44/admin,"Invalid namespace"
            bob < 44/admin,{"message":"Invalid namespace"}
            bob < 40{"sid":<bob>,"pid":<bob's>}
            bob < 42["e","news",{},#1]
        "#]],
    );
}

#[test]
fn a_client_of_engine_io_3_pings_and_is_closed_when_it_does_not() {
    check(
        &[
            echo3("ann"),
            echo3("bob"),
            say("ann", "2"),
            wait(40),
            say("ann", "2probe"),
            wait(10),
            ask("ann", "news"),
            wait(44),
            say("ann", "6"),
            wait(50),
        ],
        expect![[r#"
            ann < 3
            ann < 3probe
            after 5 s
            bob closed 4201 Pong reply not received in time
            after 45 s
            ann closed 4201 Pong reply not received in time
        "#]],
    );
}

#[test]
fn a_client_of_engine_io_4_is_pinged_and_is_closed_when_it_does_not_answer() {
    check_recovery(
        SocketIoOptions { recovery_seconds: 0, ..SocketIoOptions::default() },
        &[
            echo4("ann"),
            wait(26),
            say("ann", "3"),
            wait(20),
            ask("ann", "news"),
            wait(100),
            count_connections(),
        ],
        expect![[r#"
            after 25 s
            ann < 2
            after 5 s
            ann < 2
            after 25 s
            ann closed 4201 Pong reply not received in time
            0 connections
        "#]],
    );
}

#[test]
fn a_client_of_engine_io_4_does_not_ping() {
    check(
        &[echo4("ann"), say("ann", "2"), count_connections()],
        expect![[r#"
        ann note: refused with invalid_message: a client of Engine.IO 4 does not ping
        ann closed 4200 Invalid message format
        0 connections
    "#]],
    );
}

#[test]
fn a_client_that_does_not_join_is_closed_after_45_seconds() {
    check(
        &[
            open("ann", Version::V4),
            open("bob", Version::V4),
            wait(25),
            say("ann", "3"),
            say("bob", "3"),
            wait(19),
            say("ann", "40"),
            wait(10),
            count_connections(),
        ],
        expect![[r#"
            ann < 0{"sid":"900.9","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}
            bob < 0{"sid":"901.9","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}
            after 25 s
            ann < 2
            bob < 2
            ann < 40{"sid":<ann>,"pid":<ann's>}
            after 1 s
            bob closed 4201 Pong reply not received in time
            after 6 s
            ann < 2
            1 connections
        "#]],
    );
}

#[test]
fn a_users_connections_are_ended_by_the_member_that_they_are() {
    check(
        &[
            echo3("ann"),
            echo4("bob"),
            connect("pia"),
            ask("ann", "presence-a"),
            ask("bob", "presence-a"),
            grant_as("ann", "presence-a", r#"{"user_id":"7"}"#),
            grant_as("bob", "presence-a", r#"{"user_id":8}"#),
            join("pia", "presence-a", r#"{"user_id":"8"}"#),
            terminate("7"),
            terminate("8"),
            count_connections(),
        ],
        expect![[r#"
            ann < 42["presence:subscribed","presence-a",[{"user_id":"7"}]]
            ann < 42["presence:joining","presence-a",{"user_id":8},#1]
            bob < 42["presence:subscribed","presence-a",[{"user_id":8},{"user_id":"7"}]]
            pia < {"event":"pusher_internal:subscription_succeeded","data":"{\"presence\":{\"ids\":[\"7\",8],\"hash\":{\"7\":null,\"8\":null},\"count\":2}}","channel":"presence-a"}
            ann note: refused with terminated: terminate_connections
            ann < 41
            ann closed 4009 You got disconnected by the app.
            bob < 42["presence:leaving","presence-a",{"user_id":"7"},#2]
            pia < {"event":"pusher_internal:member_removed","data":"{\"user_id\":\"7\"}","channel":"presence-a"}
            bob note: refused with terminated: terminate_connections
            bob < 41
            bob closed 4009 You got disconnected by the app.
            pia note: refused with terminated: terminate_connections
            pia < {"event":"pusher:error","data":"{\"code\":4009,\"message\":\"You got disconnected by the app.\"}"}
            pia closed 4009 You got disconnected by the app.
            0 connections
        "#]],
    );
}

#[test]
fn a_reload_that_takes_the_application_away_ends_its_connections_for_good() {
    let other = || App { id: "other".into(), key: "other".into(), ..app(AppOptions::default()) };
    let off = || app(AppOptions { enabled: false, ..AppOptions::default() });
    let steps = |then: fn() -> App| {
        vec![
            echo3("ann"),
            echo4("bob"),
            ask("ann", "news"),
            ask("bob", "presence-a"),
            grant_as("bob", "presence-a", r#"{"user_id":8}"#),
            ask("bob", "private-b"),
            reload(move || vec![then()]),
            say("bob", "3"),
            reload(|| vec![app(AppOptions::default())]),
            grant("bob", "private-b"),
            count_connections(),
        ]
    };
    check(
        &steps(other),
        expect![[r#"
        bob < 42["presence:subscribed","presence-a",[{"user_id":8}]]
        ann < 41
        ann closed 4001 Application does not exist
        bob < 41
        bob closed 4001 Application does not exist
        0 connections
    "#]],
    );
    check(
        &steps(off),
        expect![[r#"
        bob < 42["presence:subscribed","presence-a",[{"user_id":8}]]
        ann < 41
        ann closed 4003 Application is disabled
        bob < 41
        bob closed 4003 Application is disabled
        0 connections
    "#]],
    );
}

#[test]
fn an_answer_after_a_reload_that_took_the_application_away_and_back_means_nothing() {
    let other = || vec![App { id: "o".into(), key: "o".into(), ..app(AppOptions::default()) }];
    check(
        &[
            echo4("ann"),
            ask("ann", "presence-a"),
            reload(other),
            reload(|| vec![app(AppOptions::default())]),
            grant_as("ann", "presence-a", r#"{"user_id":8}"#),
            publish("presence-a", "e", "{}"),
        ],
        expect![[r#"
            ann < 41
            ann closed 4001 Application does not exist
        "#]],
    );
}

#[test]
fn who_leaves_says_so_and_is_gone() {
    check(
        &[
            echo3("ann"),
            echo4("bob"),
            echo4("cid"),
            connect("pia"),
            ask("ann", "presence-a"),
            ask("bob", "presence-a"),
            ask("cid", "presence-a"),
            grant_as("ann", "presence-a", r#"{"user_id":1}"#),
            grant_as("bob", "presence-a", r#"{"user_id":2}"#),
            grant_as("cid", "presence-a", r#"{"user_id":3}"#),
            say("ann", "41"),
            say("bob", "41"),
            // It may have been cut from its own side: it is waited for.
            say("cid", "1"),
            count_connections(),
            wait(121),
        ],
        expect![[r#"
            ann < 42["presence:subscribed","presence-a",[{"user_id":1}]]
            ann < 42["presence:joining","presence-a",{"user_id":2},#1]
            bob < 42["presence:subscribed","presence-a",[{"user_id":2},{"user_id":1}]]
            ann < 42["presence:joining","presence-a",{"user_id":3},#2]
            bob < 42["presence:joining","presence-a",{"user_id":3},#2]
            cid < 42["presence:subscribed","presence-a",[{"user_id":3},{"user_id":2},{"user_id":1}]]
            ann closed 1000 Disconnected
            bob < 42["presence:leaving","presence-a",{"user_id":1},#3]
            cid < 42["presence:leaving","presence-a",{"user_id":1},#3]
            bob closed 1000 Disconnected
            cid < 42["presence:leaving","presence-a",{"user_id":2},#4]
            cid closed 1000 Disconnected
            1 connections
            after 60 s
            pia < {"event":"pusher:ping","data":"{}"}
            after 90 s
            pia closed 4201 Pong reply not received in time
        "#]],
    );
}

#[test]
fn over_the_quota_nobody_is_let_in() {
    check_socketio(
        AppOptions { connections_max: Some(1), ..AppOptions::default() },
        SocketIoOptions::default(),
        &[echo3("ann"), open("bob", Version::V4), disconnect("ann"), open("cid", Version::V4)],
        expect![[r#"
            bob refused 4004 Application is over connection quota
            cid < 0{"sid":"902.9","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}
        "#]],
    );
}
