//! Clients of Socket.IO at the server inside: by requests, by WebSocket, and into channels of the application.

use std::net::TcpStream;

use resound::embedded::Options;
use serde_json::json;
use tungstenite::{Message, WebSocket, client::IntoClientRequest as _};

use crate::application::{Application, DEADLINE};

/// Sessions that are kept for clients that return would still be there at the end.
async fn start() -> Application {
    Application::with(Options::new().set("RESOUND_SOCKETIO_RECOVERY_SECONDS", "0")).await
}

/// A client over WebSocket, in a thread of its own.
struct Client(WebSocket<TcpStream>);

impl Client {
    fn connect(address: std::net::SocketAddr, query: &str, user: u64) -> Self {
        let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket{query}");
        let mut request = url.into_client_request().expect("a request");
        let cookie = format!("user={user}").parse().expect("a header");
        request.headers_mut().insert("cookie", cookie);
        let stream = TcpStream::connect(address).expect("it accepts");
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        let (socket, _) = tungstenite::client(request, stream).expect("a handshake");
        Self(socket)
    }

    fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).expect("it takes it");
    }

    /// The next message that begins so.
    fn until(&mut self, start: &str) -> String {
        loop {
            let message = self.0.read().expect("a message");
            if let Message::Text(text) = message
                && text.starts_with(start)
            {
                return text.to_string();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_is_let_in_by_the_applications_own_router() {
    let app = start().await;
    let address = app.address;
    let (joined, wait) = tokio::sync::oneshot::channel();
    let client = tokio::task::spawn_blocking(move || {
        let mut client = Client::connect(address, "", 7);
        client.until("0");
        client.send("40");
        client.until("40");
        client.send(r#"42["subscribe",{"channel":"presence-room.7","auth":{"headers":{}}}]"#);
        let members = client.until("42");
        joined.send(members).expect("the test waits");
        client.until(r#"42["n""#)
    });
    let members = wait.await.expect("it joins");
    assert!(members.contains("presence:subscribed") && members.contains("User 7"), "{members}");
    let event = resound::broadcast::presence("room.7").name("n").with(json!({ "a": 1 }));
    app.broadcaster.send(event).now().result().await.expect("it is sent");
    let heard = client.await.expect("it ends");
    assert_eq!(heard, r#"42["n","presence-room.7",{"a":1}]"#);
    app.until_empty().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_who_may_not_join_hears_it() {
    let app = start().await;
    let address = app.address;
    let answer = tokio::task::spawn_blocking(move || {
        let mut client = Client::connect(address, "", 8);
        client.until("0");
        client.send("40");
        client.until("40");
        client.send(r#"42["subscribe",{"channel":"private-orders.7","auth":{"headers":{}}}]"#);
        client.until("42")
    });
    let answer = answer.await.expect("an answer");
    assert!(answer.contains("subscription_error") && answer.contains("403"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_begins_with_requests_and_goes_on_over_a_websocket() {
    let app = start().await;
    // Some of the sessions are on the other thread than the one that the WebSocket arrives at.
    for _ in 0..4 {
        let opened = app.get("/socket.io/?EIO=4&transport=polling").await;
        let sid = opened.split(r#""sid":""#).nth(1).and_then(|rest| rest.split('"').next());
        let sid = sid.expect("a session").to_owned();
        let answer =
            app.post(&format!("/socket.io/?EIO=4&transport=polling&sid={sid}"), "40").await;
        assert!(answer.ends_with("ok"), "{answer}");
        let answer = app.get(&format!("/socket.io/?EIO=4&transport=polling&sid={sid}")).await;
        assert!(answer.contains("40{"), "{answer}");
        let address = app.address;
        let client = tokio::task::spawn_blocking(move || {
            let mut client = Client::connect(address, &format!("&sid={sid}"), 7);
            client.send("2probe");
            client.until("3probe");
            client.send("5");
            client.send(r#"42["subscribe",{"channel":"news"}]"#);
            client
        });
        let client = client.await.expect("it goes on");
        app.until("it has joined", async || app.embedded.channels("news").await.len() == 1).await;
        drop(client);
        app.until_empty().await;
    }
}

#[tokio::test]
async fn a_websocket_of_a_session_that_is_none_is_answered_over_http() {
    let app = start().await;
    let request = "GET /socket.io/?EIO=4&transport=websocket&sid=1.2 HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, close\r\n\
        Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let answer = app.request(request).await;
    assert!(
        answer.starts_with("HTTP/1.1 400") && answer.contains("Session ID unknown"),
        "{answer}"
    );
}

#[tokio::test]
async fn the_script_of_socket_io_is_served() {
    let app = start().await;
    let answer = app.get("/socket.io/socket.io.js").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{}", &answer[..200.min(answer.len())]);
}
