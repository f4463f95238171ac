//! An application of axum with the server inside, on a port of its own.

use std::{net::SocketAddr, time::Duration};

use axum::{
    Router,
    extract::FromRequestParts,
    http::{StatusCode, header::COOKIE, request::Parts},
    serve::Listener,
};
use resound::{
    Broadcaster, Channels, Member, Path,
    embedded::{Embedded, Options},
};
use resound_client::{Client, EndpointAuthorizer};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// How long a test waits for anything before it fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) struct Application {
    pub(crate) embedded: Embedded,
    pub(crate) broadcaster: Broadcaster,
    pub(crate) address: SocketAddr,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for Application {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Who is named by the cookie `user`.
#[derive(Clone)]
pub(crate) struct User(u64);

impl<S: Sync> FromRequestParts<S> for User {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        let cookie = parts.headers.get(COOKIE).and_then(|cookie| cookie.to_str().ok());
        let id = cookie.and_then(|cookie| cookie.strip_prefix("user=")?.parse().ok());
        id.map(Self).ok_or(StatusCode::UNAUTHORIZED)
    }
}

fn channels() -> Channels<(), User> {
    Channels::new()
        .user::<User>()
        .private("orders.{id}", |user: User, Path(id): Path<u64>| async move { user.0 == id })
        .private("room", |_: User| async { true })
        .presence("room.{id}", |user: User, Path(_): Path<u64>| async move {
            Some(Member::new(user.0).info(json!({ "name": format!("User {}", user.0) })))
        })
}

impl Application {
    pub(crate) async fn start() -> Self {
        Self::with(Options::new()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        Self::on(listener, address, options).await
    }

    pub(crate) async fn on(
        listener: impl Listener<Addr: std::fmt::Debug>,
        address: SocketAddr,
        options: Options,
    ) -> Self {
        let embedded = Embedded::start(options.threads(2)).expect("it starts");
        let broadcaster = Broadcaster::builder().embedded(&embedded).build();
        let app = Router::new()
            .merge(resound::axum::routes(&broadcaster, channels()))
            .merge(resound::axum::server(&broadcaster))
            .merge(resound::axum::monitoring(&broadcaster));
        resound::axum::join_in_process(&broadcaster, &app);
        let serving = tokio::spawn(async { axum::serve(listener, app).await.expect("it serves") });
        Self { embedded, broadcaster, address, serving }
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}{}/app/{}", self.address, self.embedded.path(), self.embedded.key())
    }

    /// A client as whom the application knows this user.
    pub(crate) async fn connect(&self, user: u64) -> Client {
        let endpoint = format!("http://{}/broadcasting/auth", self.address);
        let authorizer = EndpointAuthorizer::new(&endpoint)
            .and_then(|authorizer| authorizer.header("Cookie", &format!("user={user}")))
            .expect("an endpoint");
        let client = Client::builder(&self.url()).authorizer(authorizer).connect().await;
        client.expect("it connects")
    }

    /// Sends a request as it stands, and reads until the server closes.
    pub(crate) async fn request(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.expect("it accepts");
        stream.write_all(request.as_bytes()).await.expect("it reads");
        let mut answer = Vec::new();
        let read = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut answer)).await;
        read.expect("the server closes").expect("an answer");
        String::from_utf8_lossy(&answer).into_owned()
    }

    pub(crate) async fn get(&self, path: &str) -> String {
        self.request(&format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")).await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> String {
        let length = body.len();
        self.request(&format!(
            "POST {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
        .await
    }

    /// Waits until nothing of any client is left.
    pub(crate) async fn until_empty(&self) {
        self.until("nothing is left of any client", async || {
            let stats = self.embedded.stats().await;
            stats.connections == 0 && stats.channels == 0 && self.embedded.server().sockets() == 0
        })
        .await;
    }

    pub(crate) async fn until(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        let wait = async {
            while !is_so().await {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        assert!(tokio::time::timeout(DEADLINE, wait).await.is_ok(), "in vain: {what}");
    }
}

/// What a stream of a client gives next.
pub(crate) async fn next<T>(listener: &mut resound_client::Listener<T>) -> T {
    let next = tokio::time::timeout(DEADLINE, listener.next()).await;
    next.expect("something comes").expect("the client lives").expect("it can be read")
}
