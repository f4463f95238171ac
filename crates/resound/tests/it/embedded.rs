//! What an application and its clients see of the server inside.

use resound::{
    Broadcaster, Channel, DriverError, SendError, broadcast,
    embedded::{ClientEvents, Embedded, Options},
};
use resound_client::{Client, ConnectionState};
use serde_json::{Value, json};

use crate::application::{Application, DEADLINE, next};

#[tokio::test]
async fn an_event_arrives_in_the_order_in_which_it_was_sent() {
    let app = Application::start().await;
    let client = app.connect(7).await;
    let orders = client.private("orders.7");
    let mut events = orders.listen::<Value>(".shipped");
    orders.subscribed().await.expect("it may join");
    for number in 0..200 {
        let event = broadcast::private("orders.7").name("shipped").with(json!({ "n": number }));
        // One with, one without the queue: each is awaited until it has its place.
        let sent = app.broadcaster.send(event).now().result().await;
        sent.expect("it is sent");
    }
    for number in 0..200 {
        assert_eq!(next(&mut events).await, json!({ "n": number }));
    }
    let stats = app.embedded.stats().await;
    assert_eq!((stats.published, stats.connections), (200, 1));
    assert!(stats.deliveries >= 200 && stats.received >= 1, "{stats:?}");
}

#[tokio::test]
async fn who_sent_it_does_not_get_it() {
    let app = Application::start().await;
    let (ann, bob) = (app.connect(1).await, app.connect(2).await);
    let mut heard = Vec::new();
    for client in [&ann, &bob] {
        let news = client.channel("news");
        heard.push((news.listen::<Value>(".n"), news.subscribed().await));
    }
    let send = |n: u64| app.broadcaster.send(broadcast::public("news").name("n").with(json!(n)));
    send(1).to_others(ann.socket_id()).now().result().await.expect("it is sent");
    send(2).now().result().await.expect("it is sent");
    assert_eq!(next(&mut heard[0].0).await, json!(2));
    assert_eq!(next(&mut heard[1].0).await, json!(1));
}

#[tokio::test]
async fn members_whisper_and_come_and_go() {
    let app = Application::start().await;
    let (ann, bob) = (app.connect(1).await, app.connect(2).await);
    let room = ann.join("room.7");
    let (mut joining, mut leaving) = (room.joining(), room.leaving());
    let mut typing = room.listen_for_whisper::<Value>("typing");
    room.subscribed().await.expect("she may join");
    let bobs = bob.join("room.7");
    bobs.subscribed().await.expect("he may join");
    assert_eq!(next(&mut joining).await.id, "2");
    bobs.whisper("typing", &json!({ "in": "room" })).expect("he is in");
    assert_eq!(next(&mut typing).await, json!({ "in": "room" }));

    let channels = app.embedded.channels("presence-").await;
    assert_eq!((&*channels[0].name, channels[0].members), ("presence-room.7", Some(2)));
    let members = app.embedded.members("presence-room.7").await;
    assert_eq!((&*members[0].id, &members[1].info), ("1", &json!({ "name": "User 2" })));
    assert_eq!(app.embedded.members("presence-room.8").await, []);

    drop((bobs, bob));
    assert_eq!(next(&mut leaving).await.id, "2");
    drop((room, joining, leaving, typing, ann));
    app.until_empty().await;
}

#[tokio::test]
async fn who_may_not_join_does_not() {
    let app = Application::start().await;
    let client = app.connect(8).await;
    let orders = client.private("orders.7");
    assert!(orders.subscribed().await.is_err());
    assert_eq!(app.embedded.channels("").await, []);
}

#[tokio::test]
async fn a_page_of_another_origin_is_refused() {
    let options = Options::new().allowed_origins(["https://shop.example"]);
    let app = Application::with(options).await;
    let connect = |origin| {
        let builder = Client::builder(&app.url()).header("Origin", origin).expect("a header");
        async { builder.connect().await.map(|_| ()) }
    };
    connect("https://shop.example").await.expect("it may connect");
    let error = connect("https://evil.example").await.expect_err("it may not");
    assert!(error.to_string().contains("4009"), "{error}");
}

#[tokio::test]
async fn client_events_can_be_forbidden() {
    let app = Application::with(Options::new().client_events(ClientEvents::None)).await;
    let client = app.connect(1).await;
    let mut errors = client.errors();
    let room = client.private("room");
    room.subscribed().await.expect("it may join");
    room.whisper("typing", &json!({})).expect("it is in");
    assert_eq!(next(&mut errors).await.code, Some(4301));
}

#[tokio::test]
async fn everything_may_stand_behind_a_prefix() {
    let app = Application::with(Options::new().path("/ws")).await;
    let client = app.connect(1).await;
    client.channel("news").subscribed().await.expect("it may join");
    assert_eq!(app.broadcaster.front_end().path, "/ws", "pages are told");
    assert!(app.get("/ws/up").await.ends_with(r#"{"health":"OK"}"#));
    assert!(app.get("/up").await.starts_with("HTTP/1.1 404"));
}

#[tokio::test]
async fn two_servers_in_one_process_know_nothing_of_each_other() {
    let (one, two) = (Application::start().await, Application::start().await);
    assert_ne!(one.embedded.credentials(), two.embedded.credentials());
    let (ann, bob) = (one.connect(1).await, two.connect(1).await);
    let (anns, bobs) = (ann.channel("news"), bob.channel("news"));
    let mut heard = [anns.listen::<Value>(".n"), bobs.listen::<Value>(".n")];
    anns.subscribed().await.expect("it may join");
    bobs.subscribed().await.expect("it may join");
    for (app, n) in [(&one, 1), (&two, 2)] {
        let event = broadcast::public("news").name("n").with(json!(n));
        app.broadcaster.send(event).now().result().await.expect("it is sent");
    }
    assert_eq!(next(&mut heard[0]).await, json!(1));
    assert_eq!(next(&mut heard[1]).await, json!(2));
    one.embedded.shutdown().await;
    assert!(two.embedded.is_running());
}

#[tokio::test]
async fn a_shutdown_sends_clients_away_and_leaves_nothing() {
    let app = Application::start().await;
    let client = app.connect(1).await;
    let mut states = client.states();
    client.channel("news").subscribed().await.expect("it may join");
    // Two at once, as from several handles.
    let other = app.embedded.clone();
    tokio::join!(app.embedded.shutdown(), other.shutdown());
    while matches!(next(&mut states).await, ConnectionState::Connected { .. }) {}
    assert!(!app.embedded.is_running());
    assert_eq!(app.embedded.connections(), 0);
    assert_eq!(app.embedded.channels("").await, []);
    assert!(app.get("/up").await.starts_with("HTTP/1.1 503"));
    let path = format!("/app/{}", app.embedded.key());
    assert!(app.get(&path).await.starts_with("HTTP/1.1 503"));
    let sent = app.broadcaster.send(broadcast::public("news")).now().result().await;
    let Err(SendError::Driver { fault: DriverError::Ended(reason), .. }) = sent else {
        panic!("{sent:?}");
    };
    assert_eq!(reason, "the embedded server has stopped");
    // Nor does what is queued hold up the process's end.
    app.broadcaster.send(broadcast::public("news")).await;
    app.broadcaster.flush(DEADLINE).await.expect("nothing waits");
}

#[tokio::test]
async fn it_stops_when_nobody_holds_it_any_more() {
    let embedded = Embedded::start(Options::new().threads(1)).expect("it starts");
    let url = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("ws://{}/app/{}", listener.local_addr().expect("one"), embedded.key());
        let broadcaster = Broadcaster::builder().embedded(&embedded).build();
        let app: axum::Router = resound::axum::server(&broadcaster);
        let serving = tokio::spawn(async { axum::serve(listener, app).await });
        let client = Client::connect(&url).await.expect("it connects");
        let mut states = client.states();
        serving.abort();
        // What serves is dropped, and what it held.
        let _ = serving.await;
        drop((broadcaster, embedded));
        while matches!(next(&mut states).await, ConnectionState::Connected { .. }) {}
        url
    };
    assert!(Client::connect(&url).await.is_err());
}

#[tokio::test]
async fn more_clients_than_may_be_are_told_so() {
    let app = Application::with(Options::new().connections_max(1)).await;
    let _one = app.connect(1).await;
    let error = Client::connect(&app.url()).await.expect_err("there is no place");
    assert!(error.to_string().contains("4100"), "{error}");
}

#[tokio::test]
async fn what_no_server_would_take_is_refused() {
    let app = Application::start().await;
    let refused = async |event: broadcast::AnonymousEvent| {
        let sent = app.broadcaster.send(event).now().result().await;
        sent.expect_err("it is refused").to_string()
    };
    let text = refused(broadcast::public("a b")).await;
    assert!(text.contains("channels"), "{text}");
    let text = refused(broadcast::public("a").with("x".repeat(10_000))).await;
    assert!(text.contains("max_request_size"), "{text}");
}

#[tokio::test]
async fn the_environment_starts_it() {
    let variables = |name: &str| match name {
        "BROADCAST_CONNECTION" => Some("embedded".to_owned()),
        "RESOUND_SHARDS" => Some("1".to_owned()),
        _ => None,
    };
    let broadcaster = Broadcaster::from_variables(variables).expect("it starts");
    assert_eq!(broadcaster.connections().next(), Some("embedded"));
    let embedded = broadcaster.embedded().expect("it is there").clone();
    broadcaster.send(broadcast::public("news")).now().result().await.expect("it is sent");
    assert_eq!(embedded.stats().await.published, 1);

    let wrong = |name: &str| {
        variables(name)
            .map(|value| if name == "RESOUND_SHARDS" { "many".to_owned() } else { value })
    };
    let error = Broadcaster::from_variables(wrong).expect_err("it is wrong").to_string();
    assert!(error.contains("RESOUND_SHARDS"), "{error}");
}

#[cfg(feature = "encryption")]
#[tokio::test]
async fn what_goes_to_an_encrypted_channel_is_sealed() {
    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let app =
        Application::with(Options::new().set("REVERB_ENCRYPTION_MASTER_KEY_BASE64", KEY)).await;
    let client = app.connect(7).await;
    let orders = client.encrypted_private("orders.7");
    let mut events = orders.listen::<Value>(".shipped");
    orders.subscribed().await.expect("it may join");
    let event =
        broadcast::on([Channel::encrypted("orders.7")]).name("shipped").with(json!({ "id": 7 }));
    app.broadcaster.send(event).now().result().await.expect("it is sent");
    assert_eq!(next(&mut events).await, json!({ "id": 7 }));
}

/// What begins a task when it is dropped, as a connection of sqlx does.
struct BeginsTask(Option<tokio::sync::oneshot::Sender<()>>);

impl Drop for BeginsTask {
    fn drop(&mut self) {
        let sender = self.0.take();
        tokio::spawn(async move { sender.map(|sender| sender.send(())) });
    }
}

#[tokio::test]
async fn an_application_that_goes_with_the_server_finds_its_runtime() {
    let embedded = Embedded::start(Options::new().threads(1)).expect("it starts");
    let broadcaster = Broadcaster::builder().embedded(&embedded).build();
    let (sender, dropped) = tokio::sync::oneshot::channel();
    let state = std::sync::Arc::new(BeginsTask(Some(sender)));
    let app = axum::Router::new()
        .route("/", axum::routing::get(async || ()))
        .layer(axum::Extension(state));
    resound::axum::join_in_process(&broadcaster, &app);
    drop(app);
    embedded.shutdown().await;
    tokio::time::timeout(DEADLINE, dropped).await.expect("in time").expect("the task runs");
}
