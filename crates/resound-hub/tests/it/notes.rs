//! What the log gets to know.

use expect_test::expect;
use resound_hub::app::AppOptions;

use crate::world::{World, app};

#[test]
fn every_step_of_a_connection_is_noted() {
    let mut world = World::new(2, [app(AppOptions::default())]);
    let client = world.connect(0, "key").expect("it is admitted");
    for text in [
        r#"{"event":"pusher:subscribe","data":{"channel":"news"}}"#,
        r#"{"event":"pusher:subscribe","data":{"channel":"private-a"}}"#,
        r#"{"event":"client-a","channel":"news"}"#,
        r#"{"event":"pusher:unsubscribe","data":{"channel":"news"}}"#,
        r#"{"event":"pusher:unsubscribe","data":{"channel":"news"}}"#,
        "no message",
    ] {
        world.say(client, text);
        world.settle();
    }
    world.disconnect(client);
    world.disconnect(client);
    expect![[r#"
        Connected
        Received("{\"event\":\"pusher:subscribe\",\"data\":{\"channel\":\"news\"}}")
        Subscribed("news")
        Received("{\"event\":\"pusher:subscribe\",\"data\":{\"channel\":\"private-a\"}}")
        SubscriptionRefused { channel: "private-a", reason: "no auth was given" }
        Received("{\"event\":\"client-a\",\"channel\":\"news\"}")
        Refused(PublicChannel, "client event")
        Received("{\"event\":\"pusher:unsubscribe\",\"data\":{\"channel\":\"news\"}}")
        Unsubscribed("news")
        Received("{\"event\":\"pusher:unsubscribe\",\"data\":{\"channel\":\"news\"}}")
        Received("no message")
        Refused(InvalidMessage, "the message or its data is not a JSON object")
        Disconnected"#]]
    .assert_eq(&world.client(client).log.join("\n"));
}

#[test]
fn signing_in_and_speaking_to_others_is_noted() {
    use resound_hub::app::ClientEvents;

    let options = AppOptions { client_events: ClientEvents::All, ..AppOptions::default() };
    let mut world = World::new(2, [app(options)]);
    let client = world.connect(0, "key").expect("it is admitted");
    world.say(client, r#"{"event":"client-a","channel":"news"}"#);
    let data = r#"{"id":"7"}"#;
    let socket_id = world.client(client).socket_id.to_string();
    let auth =
        resound_protocol::signature::user_auth("key", world.app().signer(), &socket_id, data);
    let message =
        serde_json::json!({"event": "pusher:signin", "data": {"auth": auth, "user_data": data}});
    world.say(client, &message.to_string());
    let notes: Vec<&str> = world
        .client(client)
        .log
        .iter()
        .map(String::as_str)
        .filter(|n| !n.starts_with("Received"))
        .collect();
    expect![[r#"
        Connected
        ClientEvent { event: "client-a", channel: "news" }
        SignedIn("7")"#]]
    .assert_eq(&notes.join("\n"));
    world.empty(|| 0);
}
