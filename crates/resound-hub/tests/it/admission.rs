//! Who is let in.

use expect_test::{Expect, expect};
use resound_hub::{
    app::{App, AppOptions, Apps},
    hub::{Admission, Hub},
    origin::OriginPattern,
};

use crate::{
    scene::{check_with, connect, connect_to, count_connections, disconnect},
    world::{Heard, World, app},
};

#[track_caller]
fn check_admission(client: Admission<'_>, expected: Expect) {
    let allowed_origins = vec![OriginPattern::parse("https://*.a.example").expect("a pattern")];
    let apps = Apps::new([
        app(AppOptions { allowed_origins, ..AppOptions::default() }),
        App {
            id: "off".into(),
            key: "off".into(),
            ..app(AppOptions { enabled: false, ..AppOptions::default() })
        },
    ]);
    let hub = Hub::new(0, 1, apps.into());
    let decision = match hub.admit(&client) {
        Ok(_) => "admitted".to_owned(),
        Err(error) => format!("{} {error}", error.code()),
    };
    expected.assert_eq(&decision);
}

const CLIENT: Admission<'_> =
    Admission { key: "key", protocol: Some("7"), origin: Some("https://www.a.example") };

#[test]
fn a_client_with_key_protocol_and_origin_is_admitted() {
    check_admission(CLIENT, expect!["admitted"]);
    check_admission(Admission { origin: None, ..CLIENT }, expect!["admitted"]);
    for protocol in [None, Some("5"), Some("6")] {
        check_admission(Admission { protocol, ..CLIENT }, expect!["admitted"]);
    }
}

#[test]
fn every_other_client_is_told_why_not() {
    check_admission(
        Admission { key: "other", ..CLIENT },
        expect!["4001 Application does not exist"],
    );
    check_admission(Admission { key: "", ..CLIENT }, expect!["4001 Application does not exist"]);
    check_admission(Admission { key: "off", ..CLIENT }, expect!["4003 Application is disabled"]);
    check_admission(
        Admission { protocol: Some("4"), ..CLIENT },
        expect!["4007 Unsupported protocol version"],
    );
    check_admission(
        Admission { protocol: Some("8"), ..CLIENT },
        expect!["4007 Unsupported protocol version"],
    );
    check_admission(
        Admission { protocol: Some("seven"), ..CLIENT },
        expect!["4006 Invalid version string format"],
    );
    check_admission(
        Admission { protocol: Some(""), ..CLIENT },
        expect!["4006 Invalid version string format"],
    );
    check_admission(
        Admission { origin: Some("https://evil.example"), ..CLIENT },
        expect!["4009 Origin not allowed"],
    );
}

#[test]
fn a_connection_is_greeted_with_its_socket_id() {
    let mut world =
        World::new(1, [app(AppOptions { activity_timeout_seconds: 45, ..AppOptions::default() })]);
    let client = world.connect(0, "key").expect("it is admitted");
    let Heard::Frame(greeting) = &world.client(client).heard[0] else {
        panic!("the first thing is a frame");
    };
    expect![[r#"{"event":"pusher:connection_established","data":"{\"socket_id\":\"1.1\",\"activity_timeout\":45}"}"#]].assert_eq(greeting);
    let slot = world.client(client).slot.expect("it is connected");
    assert_eq!(world.hubs[0].socket_id(slot), Some(world.client(client).socket_id));
    assert_eq!(world.hubs[0].app_of(slot).map(|app| &*app.id), Some("app"));
    world.disconnect(client);
    assert_eq!(world.hubs[0].socket_id(slot), None);
    world.empty(|| 0);
}

#[test]
fn the_quota_counts_all_shards_and_is_given_back() {
    check_with(
        AppOptions { connections_max: Some(2), ..AppOptions::default() },
        &[
            connect("ann"),
            connect("bob"),
            connect("cid"),
            count_connections(),
            disconnect("ann"),
            disconnect("ann"),
            count_connections(),
            connect("dee"),
            connect("eve"),
            count_connections(),
        ],
        expect![[r#"
            cid refused 4004 Application is over connection quota
            2 connections
            1 connections
            eve refused 4004 Application is over connection quota
            2 connections
        "#]],
    );
}

#[test]
fn an_unknown_key_is_refused() {
    check_with(
        AppOptions::default(),
        &[connect_to("ann", "other"), count_connections()],
        expect![[r#"
        ann refused 4001 Application does not exist
        0 connections
    "#]],
    );
}

#[test]
fn an_application_that_is_disabled_between_admission_and_connect_lets_nobody_in() {
    let mut world = World::new(1, [app(AppOptions::default())]);
    let number = world.app().number();
    world.reload([app(AppOptions { enabled: false, ..AppOptions::default() })]);
    let refused = world.connect_admitted(0, number).expect_err("it is disabled");
    assert_eq!(refused.code(), 4003);
    world.reload([]);
    let refused = world.connect_admitted(0, number).expect_err("it is gone");
    assert_eq!(refused.code(), 4001);
    assert_eq!(world.census().connections, 0);
}
