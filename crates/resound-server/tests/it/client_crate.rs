//! `resound-client` and this server.

use std::time::{Duration, Instant};

use resound_client::{
    Builder, Client, ConnectError, ConnectionError, ConnectionState, ListenError, Listener, Member,
    SecretAuthorizer,
};
use rustix::process::Signal;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{runtime::Runtime, sync::oneshot};

use crate::{
    log::DEADLINE,
    server::{RESOUND, Server, command, folder},
    settings::{KEY, SECRET, Settings},
    tls_client,
};

/// A thread on which clients live, so that they go on while a test waits for a server.
struct Background {
    handle: tokio::runtime::Handle,
    thread: Option<(oneshot::Sender<()>, std::thread::JoinHandle<Runtime>)>,
}

impl Background {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let handle = runtime.handle().clone();
        let (tx, rx) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let _ = runtime.block_on(rx);
            runtime
        });
        Self { handle, thread: Some((tx, thread)) }
    }

    /// Runs this on the test's own thread, with a deadline.
    #[track_caller]
    fn run<T>(&self, future: impl Future<Output = T>) -> T {
        let result =
            self.handle.block_on(async { tokio::time::timeout(2 * DEADLINE, future).await });
        result.expect("not in time")
    }

    #[track_caller]
    fn connect(&self, builder: Builder) -> Client {
        self.run(builder.connect()).expect("a greeting")
    }

    /// The next item, which must be good.
    #[track_caller]
    fn good<T>(&self, listener: &mut Listener<T>) -> T {
        self.run(listener.next()).expect("no end").expect("no error")
    }

    #[track_caller]
    fn bad<T: std::fmt::Debug>(&self, listener: &mut Listener<T>) -> ListenError {
        self.run(listener.next()).expect("no end").expect_err("an error")
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let Some((tx, thread)) = self.thread.take() else { return };
        let _ = tx.send(());
        let runtime = thread.join();
        drop(runtime);
    }
}

/// A client that signs for itself, as this user.
fn builder(server: &Server, user: &str) -> Builder {
    builder_with(server, KEY, SECRET, user)
}

fn builder_with(server: &Server, key: &str, secret: &str, user: &str) -> Builder {
    let member = Member::new(user, json!({ "name": user }));
    let authorizer = SecretAuthorizer::new(key, secret)
        .member(member)
        .master_key("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
        .expect("32 bytes");
    Client::builder(&format!("ws://{}/app/{key}", server.address)).authorizer(authorizer)
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
struct Order {
    id: u64,
}

#[test]
fn events_arrive_typed_under_the_names_of_echo() {
    let server = Server::default();
    let background = Background::new();
    let client = background.connect(builder(&server, "7"));
    let (public, private) = (client.channel("orders"), client.private("orders.1"));
    let mut shipped = public.listen::<Order>("OrderShipped");
    let mut updated = private.listen::<Order>(".order.updated");
    background.run(async {
        public.subscribed().await.expect("subscribed");
        private.subscribed().await.expect("subscribed");
    });
    server.publish("orders", r"App\Events\OrderShipped", r#"{"id":7}"#);
    server.publish("private-orders.1", "order.updated", r#"{"id":8}"#);
    assert_eq!(background.good(&mut shipped), Order { id: 7 });
    assert_eq!(background.good(&mut updated), Order { id: 8 });
    background.run(client.close());
    server.wait_until_empty();
}

#[test]
fn events_to_others_do_not_come_back() {
    let server = Server::default();
    let background = Background::new();
    let client = background.connect(builder(&server, "7"));
    let news = client.channel("news");
    let mut listener = news.listen::<u32>(".n");
    background.run(news.subscribed()).expect("subscribed");
    let socket_id = client.socket_id().expect("connected");
    let body = json!({ "name": "n", "channel": "news", "data": "1", "socket_id": socket_id });
    server.post("/events", &body.to_string()).check(200, "{}");
    server.publish("news", "n", "2");
    assert_eq!(background.good(&mut listener), 2);
}

#[test]
fn encrypted_events_pass_the_server_sealed() {
    let server = Server::default();
    let background = Background::new();
    let client = background.connect(builder(&server, "7"));
    let orders = client.encrypted_private("orders.7");
    let mut listener = orders.listen::<Order>(".shipped");
    background.run(orders.subscribed()).expect("subscribed");
    let sealed = r#"{"nonce":"ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7","ciphertext":"JmRF3YLDbqj+WmJt0MT/EaVUIdKlfAzPHyTcinQc67lNXMICtXLII9a7AQ=="}"#;
    server.publish("private-encrypted-orders.7", "shipped", sealed);
    assert_eq!(background.good(&mut listener), Order { id: 7 });
}

#[test]
fn after_a_restart_of_the_server_all_channels_are_there_again() {
    let mut server = Server::default();
    let address = server.address;
    let background = Background::new();
    let client = background.connect(builder(&server, "7"));
    let (news, orders, room) =
        (client.channel("news"), client.private("orders"), client.join("room"));
    let mut listeners =
        [news.listen::<u32>(".n"), orders.listen::<u32>(".n"), room.listen::<u32>(".n")];
    let (mut here, mut states) = (room.here(), client.states());
    assert_eq!(background.good(&mut here).len(), 1);
    server.stop(Signal::TERM);
    drop(server);
    let folder = folder(&Settings::default().toml());
    let mut command = command(RESOUND, folder.path());
    command.args(["start", "--log", "json", "--port", &address.port().to_string()]);
    let server = Server::spawn(command, folder);
    assert_eq!(background.good(&mut here).len(), 1);
    background.run(async {
        news.subscribed().await.expect("subscribed");
        orders.subscribed().await.expect("subscribed");
    });
    for (at, channel) in ["news", "private-orders", "presence-room"].iter().enumerate() {
        server.publish(channel, "n", "5");
        assert_eq!(background.good(&mut listeners[at]), 5);
    }
    let mut ids = Vec::new();
    while ids.len() < 2 {
        if let ConnectionState::Connected { socket_id } = background.good(&mut states) {
            ids.push(socket_id);
        }
    }
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn a_shutdown_closes_the_client_politely_and_it_comes_back_later() {
    let mut server = Server::default();
    let background = Background::new();
    let client = background.connect(builder(&server, "7"));
    let mut states = client.states();
    background.good(&mut states);
    let began = Instant::now();
    server.stop(Signal::TERM); // checks that nobody was waited for too long
    assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
    let ConnectionState::Waiting { retry_in, reason } = background.good(&mut states) else {
        panic!("not waiting");
    };
    assert!(matches!(reason, ConnectionError::Closed { code: 4100, .. }), "{reason}");
    assert!(retry_in >= Duration::from_secs(1), "{retry_in:?}");
    assert_eq!(client.socket_id(), None);
}

#[test]
fn members_see_each_other_come_and_go() {
    let server = Server::default();
    let background = Background::new();
    let (zoe, bo) =
        (background.connect(builder(&server, "zoe")), background.connect(builder(&server, "bo")));
    let room = zoe.join("room.1");
    let (mut here, mut joining, mut leaving) = (room.here(), room.joining(), room.leaving());
    let ids = |members: &[Member]| members.iter().map(|m| m.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&background.good(&mut here)), ["zoe"]);
    let other = bo.join("room.1");
    assert_eq!(background.good(&mut joining), Member::new("bo", json!({ "name": "bo" })));
    let mut all = ids(&background.good(&mut other.here()));
    all.sort();
    assert_eq!(all, ["bo", "zoe"]);
    assert_eq!(room.members().len(), 2);
    other.leave();
    assert_eq!(background.good(&mut leaving).id, "bo");
    let _again = bo.join("room.1");
    assert_eq!(background.good(&mut joining).id, "bo");
    drop(bo); // which closes its connection
    assert_eq!(background.good(&mut leaving).id, "bo");
}

#[test]
fn whispers_reach_the_others_only() {
    let server = Server::default();
    let background = Background::new();
    let clients = ["zoe", "bo"].map(|user| background.connect(builder(&server, user)));
    let [zoe, bo] = [clients[0].join("room"), clients[1].join("room")];
    let mut own = zoe.listen_for_whisper::<Value>("typing");
    let mut heard = bo.listen_raw(".client-typing");
    background.run(async {
        zoe.subscribed().await.expect("subscribed");
        bo.subscribed().await.expect("subscribed");
    });
    zoe.whisper("typing", &json!({ "n": 1 })).expect("room for it");
    let event = background.good(&mut heard);
    assert_eq!((&*event.text, event.user_id.as_deref()), (r#"{"n":1}"#, Some("zoe")));
    bo.whisper("typing", "back").expect("room for it");
    assert_eq!(background.good(&mut own), "back");
}

#[test]
fn a_whisper_that_the_server_does_not_take_is_an_error_of_the_client() {
    let server = Server::start(&Settings::app("accept_client_events_from = \"none\""));
    let background = Background::new();
    let client = background.connect(builder(&server, "7"));
    let mut errors = client.errors();
    let room = client.private("room");
    background.run(room.subscribed()).expect("subscribed");
    room.whisper("typing", &1).expect("room for it");
    assert_eq!(background.good(&mut errors).code, Some(4301));
}

#[test]
fn a_signature_with_another_secret_is_refused_with_the_servers_reason() {
    let server = Server::default();
    let background = Background::new();
    let client = background.connect(builder_with(&server, KEY, "wrong", "7"));
    let orders = client.private("orders");
    let mut listener = orders.listen::<u32>(".n");
    let error = background.run(orders.subscribed()).expect_err("refused").to_string();
    assert!(
        error.starts_with("the server refused the subscription to private-orders: "),
        "{error}"
    );
    assert!(error.contains("signature does not match"), "{error}");
    assert!(matches!(background.bad(&mut listener), ListenError::Subscribe(_)));
    // The connection goes on.
    background.run(client.channel("news").subscribed()).expect("subscribed");
}

#[test]
fn what_the_server_does_not_want_back_does_not_come_back() {
    let server = Server::start(&Settings::app("max_connections = 2"));
    let background = Background::new();
    let refused = |key: &str| {
        let Err(ConnectError::Connection(ConnectionError::Closed { code, .. })) =
            background.run(builder_with(&server, key, SECRET, "7").connect())
        else {
            panic!("not refused")
        };
        code
    };
    assert_eq!(refused("no-such-key"), 4001);
    let client = background.connect(builder(&server, "7"));
    let other = background.connect(builder(&server, "8"));
    assert_eq!(refused(KEY), 4004);
    let room = client.join("room");
    let mut listener = room.listen::<u32>(".n");
    background.run(room.subscribed()).expect("subscribed");
    server.post("/users/7/terminate_connections", "{}").check(200, "{}");
    let ListenError::Ended(reason) = background.bad(&mut listener) else {
        panic!("another end");
    };
    assert!(matches!(reason, ConnectionError::Closed { code: 4009, .. }), "{reason}");
    assert!(background.run(listener.next()).is_none());
    server.wait_until_empty_but(1);
    drop(other);
    server.wait_until_empty();
}

#[test]
fn a_slow_listener_is_told_what_it_missed_and_its_connection_stays() {
    let server = Server::default();
    let background = Background::new();
    let client = background.connect(builder(&server, "7").queue_events_max(10));
    let news = client.channel("news");
    let (mut slow, mut quick) = (news.listen::<u32>(".n"), news.listen::<u32>(".n"));
    background.run(news.subscribed()).expect("subscribed");
    let mut http = server.http();
    for n in 0..100 {
        http.publish("news", "n", &n.to_string());
        assert_eq!(background.good(&mut quick), n);
    }
    assert!(matches!(background.bad(&mut slow), ListenError::Missed(90)));
    assert_eq!(background.good(&mut slow), 90);
    assert!(client.socket_id().is_some());
}

#[test]
fn a_client_that_comes_before_its_server_waits_for_it() {
    let server = Server::default();
    let address = server.address;
    drop(server);
    let background = Background::new();
    let url = format!("ws://{address}/app/{KEY}");
    let error = background.run(Client::connect(&url)).expect_err("nobody there").to_string();
    assert!(error.contains("cannot be reached"), "{error}");
    let client = {
        let _guard = background.handle.enter();
        Client::builder(&url).start().expect("an address")
    };
    let news = client.channel("news");
    let folder = folder(&Settings::default().toml());
    let mut command = command(RESOUND, folder.path());
    command.args(["start", "--log", "json", "--port", &address.port().to_string()]);
    let server = Server::spawn(command, folder);
    background.run(news.subscribed()).expect("subscribed");
    drop(client);
    server.wait_until_empty();
}

#[test]
fn over_tls_it_is_the_same() {
    let server = tls_client::start();
    let background = Background::new();
    let url = format!("wss://localhost:{}/app/{KEY}", server.address.port());
    let authorizer = SecretAuthorizer::new(KEY, SECRET);
    let builder = Client::builder(&url).authorizer(authorizer).tls_config(tls_client::usual());
    let client = background.connect(builder);
    let orders = client.private("orders");
    let mut listener = orders.listen::<u32>(".n");
    background.run(orders.subscribed()).expect("subscribed");
    tls_client::http(&server).publish("private-orders", "n", "5");
    assert_eq!(background.good(&mut listener), 5);
    // A certificate that nobody vouches for.
    let error = background.run(Client::connect(&url)).expect_err("not trusted");
    assert!(matches!(error, ConnectError::Connection(ConnectionError::Tls { .. })), "{error}");
    background.run(client.close());
}
