//! The server's part, played by a test.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use futures_util::{SinkExt as _, Stream};
use serde_json::{Value, json};
use tokio::{io::DuplexStream, sync::mpsc};
use tokio_tungstenite::{
    WebSocketStream, accept_async,
    tungstenite::{
        Message,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

use crate::{
    AuthorizationRequest, Authorizer, Authorizing, Builder, Client, Listener, Member,
    SecretAuthorizer,
};

/// Where connections arrive.
pub(super) struct Server {
    accepting: mpsc::Receiver<DuplexStream>,
    connections: usize,
}

/// A client's connection, seen from the server.
pub(super) struct Peer(WebSocketStream<DuplexStream>);

/// A builder whose client connects to the server beside it.
pub(super) fn scene() -> (Builder, Server) {
    let (tx, accepting) = mpsc::channel(1);
    let builder = Client::builder("ws://test/app/key").in_memory(tx);
    (builder, Server { accepting, connections: 0 })
}

/// A connected client that signs for itself.
pub(super) async fn connected() -> (Client, Server, Peer) {
    connected_with(|builder| builder).await
}

pub(super) async fn connected_with(
    change: impl FnOnce(Builder) -> Builder,
) -> (Client, Server, Peer) {
    let (builder, mut server) = scene();
    let builder = change(builder.authorizer(authorizer()));
    let (client, peer) = tokio::join!(builder.connect(), server.accept());
    (client.expect("a greeting"), server, peer)
}

pub(super) fn authorizer() -> SecretAuthorizer {
    SecretAuthorizer::new("key", "secret").member(Member::new("7", json!({ "name": "Zoë" })))
}

impl Server {
    /// Takes a connection and greets it; its socket id is `N.N` for the Nth.
    pub(super) async fn accept(&mut self) -> Peer {
        let mut peer = self.accept_silently().await;
        let id = self.connections;
        let data = json!({ "socket_id": format!("{id}.{id}"), "activity_timeout": 30 }).to_string();
        peer.send(json!({ "event": "pusher:connection_established", "data": data })).await;
        peer
    }

    /// Takes a connection and says nothing.
    pub(super) async fn accept_silently(&mut self) -> Peer {
        let stream = self.accepting.recv().await.expect("the client dials");
        self.connections += 1;
        Peer(accept_async(stream).await.expect("a handshake"))
    }

    /// Checks that nobody comes back.
    pub(super) async fn expect_nobody(&mut self) {
        assert!(self.accepting.recv().await.is_none(), "somebody came back");
    }
}

impl Peer {
    pub(super) async fn send(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.expect("the client reads");
    }

    /// The client's next message; `None` if it closes.
    pub(super) async fn next(&mut self) -> Option<Value> {
        loop {
            let next =
                std::future::poll_fn(|cx| std::pin::Pin::new(&mut self.0).poll_next(cx)).await;
            match next {
                Some(Ok(Message::Text(text))) => {
                    return Some(serde_json::from_str(&text).expect("JSON"));
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    #[track_caller]
    pub(super) fn expect(&mut self, expected: Value) -> impl Future<Output = ()> {
        let place = std::panic::Location::caller();
        async move { assert_eq!(self.next().await, Some(expected), "at {place}") }
    }

    /// Checks that a public channel is asked for, and confirms it.
    pub(super) async fn confirm(&mut self, channel: &str) {
        self.expect(
            json!({ "event": "pusher:subscribe", "data": { "auth": "", "channel": channel } }),
        )
        .await;
        self.succeed(channel, json!({})).await;
    }

    /// Confirms the subscription that is asked for next, and returns its data.
    pub(super) async fn confirm_signed(&mut self, presence: Value) -> Value {
        let asked = self.next().await.expect("a message");
        assert_eq!(asked["event"], "pusher:subscribe", "{asked}");
        let channel = asked["data"]["channel"].as_str().expect("a text");
        self.succeed(channel, presence).await;
        asked["data"].clone()
    }

    pub(super) async fn succeed(&mut self, channel: &str, data: Value) {
        let event = "pusher_internal:subscription_succeeded";
        self.send(json!({ "event": event, "channel": channel, "data": data.to_string() })).await;
    }

    pub(super) async fn event(&mut self, channel: &str, name: &str, data: Value) {
        self.send(json!({ "event": name, "channel": channel, "data": data.to_string() })).await;
    }

    pub(super) async fn close(mut self, code: u16) {
        let frame = CloseFrame { code: CloseCode::from(code), reason: "because".into() };
        self.0.close(Some(frame)).await.expect("the client reads");
        while self.next().await.is_some() {}
    }
}

/// The next item of a listener, which must be there and be good.
pub(super) async fn good<T>(listener: &mut Listener<T>) -> T {
    listener.next().await.expect("no end").expect("no error")
}

/// The next item of a listener, which must be an error.
pub(super) async fn bad<T: std::fmt::Debug>(listener: &mut Listener<T>) -> String {
    listener.next().await.expect("no end").expect_err("an error").to_string()
}

/// Counts how often it is asked.
#[derive(Clone, Default)]
pub(super) struct Counting(pub(super) Arc<AtomicUsize>);

impl Authorizer for Counting {
    fn authorize<'a>(&'a self, request: &'a AuthorizationRequest) -> Authorizing<'a> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move { authorizer().authorize(request).await })
    }
}
