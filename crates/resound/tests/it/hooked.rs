//! One application with hooks, whatever the driver: the server is in its process, or calls it by webhooks.

use axum::{
    Router,
    extract::{FromRequestParts, State},
    http::{StatusCode, header::COOKIE, request::Parts},
};
use resound::{
    Broadcaster, Channels, Hooks, Member, Path,
    embedded::{Embedded, Options},
    hooks::{ClientEvent, Joined, Left, Occupied, Vacated},
};
use resound_client::{Client, EndpointAuthorizer};
use serde::Deserialize;
use serde_json::json;
use tokio::{net::TcpListener, sync::mpsc, time::timeout};

use crate::{
    application::DEADLINE,
    process::{KEY, Server},
};

/// How long the end of something waits for its beginning, in both servers.
const DELAY: (&str, &str) = ("RESOUND_WEBHOOK_DELAY_SECONDS", "1");

/// The state: where hooks write to.
#[derive(Clone)]
struct Seen(mpsc::Sender<String>);

impl Seen {
    async fn write(&self, line: String) {
        self.0.send(line).await.expect("the test still listens");
    }
}

#[derive(Clone)]
struct User(u64);

impl FromRequestParts<Seen> for User {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &Seen) -> Result<Self, StatusCode> {
        let cookie = parts.headers.get(COOKIE).and_then(|cookie| cookie.to_str().ok());
        let id = cookie.and_then(|cookie| cookie.strip_prefix("user=")?.parse().ok());
        id.map(Self).ok_or(StatusCode::UNAUTHORIZED)
    }
}

fn channels() -> Channels<Seen, User> {
    Channels::new().user::<User>().presence("room.{id}", |user: User| async move {
        Some(Member::new(user.0).info(json!({ "name": "somebody" })))
    })
}

#[derive(Deserialize)]
struct Typing {
    text: String,
}

fn hooks() -> Hooks<Seen> {
    Hooks::new()
        .on_occupied(
            "room.{id}",
            |_: Occupied, Path(id): Path<u64>, State(seen): State<Seen>| async move {
                seen.write(format!("{id} occupied")).await;
            },
        )
        .on_join(
            "room.{id}",
            |member: Joined, Path(id): Path<u64>, State(seen): State<Seen>| async move {
                seen.write(format!("{} joined {id}", member.user_id)).await;
            },
        )
        .on_client_event(
            "typing",
            "room.{id}",
            |event: ClientEvent<Typing>, State(seen): State<Seen>| async move {
                let user = event.user_id.unwrap_or_default();
                seen.write(format!("{user} typed {}", event.data.text)).await;
            },
        )
        .on_leave("room.{id}", |member: Left, State(seen): State<Seen>| async move {
            seen.write(format!("{} left", member.user_id)).await;
        })
        .on_vacated("room.{id}", |_: Vacated, State(seen): State<Seen>| async move {
            seen.write("vacated".to_owned()).await;
        })
}

/// The router of the application: the same for all drivers.
fn app(broadcaster: &Broadcaster, seen: mpsc::Sender<String>) -> Router {
    Router::new()
        .merge(resound::axum::routes(broadcaster, channels()))
        .merge(resound::axum::server(broadcaster))
        .merge(resound::axum::hooks(broadcaster, hooks()))
        .with_state(Seen(seen))
}

async fn connect(url: &str, application: std::net::SocketAddr, user: u64) -> Client {
    let endpoint = format!("http://{application}/broadcasting/auth");
    let authorizer = EndpointAuthorizer::new(&endpoint)
        .and_then(|authorizer| authorizer.header("Cookie", &format!("user={user}")))
        .expect("an endpoint");
    Client::builder(url).authorizer(authorizer).connect().await.expect("it connects")
}

async fn expect(seen: &mut mpsc::Receiver<String>, lines: &[&str]) {
    for line in lines {
        let next = timeout(DEADLINE, seen.recv()).await.expect("a hook is called");
        assert_eq!(next.as_deref(), Some(*line));
    }
}

/// Somebody joins, leaves for a moment, whispers, and leaves.
async fn play(url: &str, application: std::net::SocketAddr, seen: &mut mpsc::Receiver<String>) {
    let ann = connect(url, application, 7).await;
    let room = ann.join("room.1");
    room.subscribed().await.expect("she may join");
    expect(seen, &["1 occupied", "7 joined 1"]).await;

    let bob = connect(url, application, 8).await;
    let bobs = bob.join("room.1");
    bobs.subscribed().await.expect("he may join");
    expect(seen, &["8 joined 1"]).await;

    room.whisper("typing", &json!({ "text": 3 })).expect("she is in"); // no text: not for the hook
    room.whisper("typing", &json!({ "text": "hello" })).expect("she is in");
    expect(seen, &["7 typed hello"]).await;

    drop((bobs, bob));
    expect(seen, &["8 left"]).await;
    drop((room, ann));
    expect(seen, &["7 left", "vacated"]).await;
}

#[tokio::test]
async fn a_server_in_this_process_calls_hooks_directly() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("it is bound");
    let embedded = Embedded::start(Options::new().threads(2).set(DELAY.0, DELAY.1));
    let embedded = embedded.expect("it starts");
    let broadcaster = Broadcaster::builder().embedded(&embedded).build();
    let (sender, mut seen) = mpsc::channel(100);
    let app = app(&broadcaster, sender);
    let serving = tokio::spawn(async { axum::serve(listener, app).await.expect("it serves") });
    let url = format!("ws://{address}/app/{}", embedded.key());
    play(&url, address, &mut seen).await;

    let stats = embedded.stats().await;
    assert_eq!((stats.connections, stats.channels), (0, 0));
    // Who is there at the end leaves, and the state is given back.
    let ann = connect(&url, address, 7).await;
    let room = ann.join("room.2");
    room.subscribed().await.expect("she may join");
    expect(&mut seen, &["2 occupied", "7 joined 2"]).await;
    embedded.shutdown().await;
    expect(&mut seen, &["7 left", "vacated"]).await;
    drop((room, ann));
    serving.abort();
    let _ = serving.await;
    assert_eq!(timeout(DEADLINE, seen.recv()).await, Ok(None), "nobody holds the state");
}

#[tokio::test]
async fn a_server_elsewhere_calls_them_by_webhooks() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("it is bound");
    let webhook = format!("http://{address}/broadcasting/webhook");
    let server = Server::start_with(&[], &[("RESOUND_WEBHOOK_URL", &webhook), DELAY]);
    let port = server.port;
    let (sender, mut seen) = mpsc::channel(100);
    let app = app(&server.broadcaster(), sender);
    let serving = tokio::spawn(async { axum::serve(listener, app).await.expect("it serves") });
    play(&format!("ws://127.0.0.1:{port}/app/{KEY}"), address, &mut seen).await;
    serving.abort();
}

#[tokio::test]
async fn hooks_whose_state_is_another_one_are_said_to_be_idle() {
    let (log, _guard) = crate::logs::Log::start();
    let embedded = Embedded::start(Options::new().threads(1)).expect("it starts");
    let broadcaster = Broadcaster::builder().embedded(&embedded).build();
    let (sender, _seen) = mpsc::channel(1);
    let hooked = resound::axum::hooks(&broadcaster, hooks()).with_state(Seen(sender));
    let app: Router = resound::axum::server::<()>(&broadcaster).with_state(());
    let app = app.merge(hooked);
    let request = axum::http::Request::get("/app/nobody").body(axum::body::Body::empty());
    let answer = tower::ServiceExt::oneshot(app, request.expect("a request")).await;
    drop(answer.expect("an answer"));
    assert!(log.lines().join("\n").contains("states of different types"));
    embedded.shutdown().await;
}
