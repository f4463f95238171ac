//! Who lets the client in.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::json;

use super::scene::{Counting, bad, connected, connected_with, scene};
use crate::{AuthorizationRequest, AuthorizeError, Authorizer, Authorizing};

/// Answers with this.
struct Always(Result<&'static str, AuthorizeError>);

impl Authorizer for Always {
    fn authorize<'a>(&'a self, _: &'a AuthorizationRequest) -> Authorizing<'a> {
        let answer = self.0.clone();
        Box::pin(async move { answer.map(|auth| crate::Authorization::new(auth.to_owned())) })
    }
}

struct Never;

impl Authorizer for Never {
    fn authorize<'a>(&'a self, _: &'a AuthorizationRequest) -> Authorizing<'a> {
        Box::pin(std::future::pending())
    }
}

struct Panicking;

impl Authorizer for Panicking {
    fn authorize<'a>(&'a self, _: &'a AuthorizationRequest) -> Authorizing<'a> {
        Box::pin(async { panic!("as the test wants it") })
    }
}

async fn check(authorizer: impl Authorizer, expected: &str) {
    let (client, _server, mut peer) =
        connected_with(|builder| builder.authorizer(authorizer)).await;
    let orders = client.private("orders.1");
    let mut listener = orders.listen::<u32>(".n");
    let error = orders.subscribed().await.expect_err("refused").to_string();
    assert_eq!(
        error,
        format!("the subscription to private-orders.1 was not authorised: {expected}")
    );
    assert_eq!(bad(&mut listener).await, error);
    // Nothing was said to the server, and the others go on.
    let _news = client.channel("news");
    peer.confirm("news").await;
}

#[tokio::test(start_paused = true)]
async fn who_is_not_let_in_is_told_why() {
    let no = AuthorizeError::Denied { url: "http://a".into(), status: 403, body: "No".into() };
    check(Always(Err(no)), "http://a answered 403: No").await;
    check(Never, "no answer within 15 seconds").await;
    check(Panicking, "the authorizer panicked").await;
}

#[tokio::test(start_paused = true)]
async fn without_an_authorizer_only_public_channels_are_open() {
    let (builder, mut server) = scene();
    let (client, _peer) = tokio::join!(builder.connect(), server.accept());
    let client = client.expect("a greeting");
    for error in [
        client.private("a").subscribed().await.expect_err("refused"),
        client.channel("presence-a").subscribed().await.expect_err("refused"),
    ] {
        assert!(error.to_string().contains("Builder::authorizer"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_encrypted_channel_needs_a_key() {
    let (client, _server, _peer) =
        connected_with(|builder| builder.authorizer(Always(Ok("k:s")))).await;
    let error = client.encrypted_private("a").subscribed().await.expect_err("refused").to_string();
    assert!(error.contains("shared_secret"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn every_connection_is_authorised_anew() {
    let counting = Counting::default();
    let (client, mut server, mut peer) =
        connected_with(|builder| builder.authorizer(counting.clone())).await;
    let room = client.join("room");
    let presence = json!({ "presence": { "ids": ["7"], "hash": { "7": { "name": "Zoë" } } } });
    let first = peer.confirm_signed(presence.clone()).await;
    assert_eq!(first["channel_data"], r#"{"user_id":"7","user_info":{"name":"Zoë"}}"#);
    room.subscribed().await.expect("confirmed");
    peer.close(4200).await;
    let mut peer = server.accept().await;
    let second = peer.confirm_signed(presence).await;
    assert_ne!(first["auth"], second["auth"]);
    room.subscribed().await.expect("confirmed");
    assert_eq!(counting.0.load(Ordering::SeqCst), 2);
}

/// Channels that were left while the authorizer thought about them.
#[tokio::test(start_paused = true)]
async fn nobody_is_subscribed_to_what_nobody_wants_any_more() {
    let (client, _server, mut peer) = connected().await;
    let many: Vec<_> = (0..50).map(|at| client.private(&format!("c{at}"))).collect();
    drop(many);
    let _last = client.private("last");
    let asked = peer.confirm_signed(json!({})).await;
    assert_eq!(asked["channel"], "private-last");
}

#[tokio::test(start_paused = true)]
async fn all_of_many_private_channels_are_authorised() {
    let (client, _server, mut peer) = connected().await;
    let many: Vec<_> = (0..50).map(|at| client.private(&format!("c{at}"))).collect();
    for _ in &many {
        peer.confirm_signed(json!({})).await;
    }
    for channel in &many {
        channel.subscribed().await.expect("confirmed");
    }
}

/// Away for so many questions.
struct Away(AtomicUsize);

impl Authorizer for Away {
    fn authorize<'a>(&'a self, request: &'a AuthorizationRequest) -> Authorizing<'a> {
        Box::pin(async move {
            let left = self.0.fetch_sub(1, Ordering::SeqCst);
            let away = |status| AuthorizeError::Denied {
                url: "http://a".into(),
                status,
                body: "deploying".into(),
            };
            match left {
                0 => {
                    self.0.store(0, Ordering::SeqCst);
                    super::scene::authorizer().authorize(request).await
                }
                1 => {
                    Err(AuthorizeError::Unreachable { url: "http://a".into(), reason: "x".into() })
                }
                2 => Err(AuthorizeError::NoAnswer { seconds: 15 }),
                _ => Err(away(503)),
            }
        })
    }
}

#[tokio::test(start_paused = true)]
async fn an_application_that_was_away_is_asked_again() {
    let away = Away(AtomicUsize::new(4));
    let (client, _server, mut peer) = connected_with(|builder| builder.authorizer(away)).await;
    let orders = client.private("orders.1");
    let mut listener = orders.listen::<u32>(".n");
    assert!(bad(&mut listener).await.contains("answered 503"));
    let start = tokio::time::Instant::now();
    let asked = peer.confirm_signed(json!({})).await;
    assert_eq!(asked["channel"], "private-orders.1");
    // 1, 2, 4 and 8 seconds, and up to as much again.
    let seconds = start.elapsed().as_secs();
    assert!((15..=30).contains(&seconds), "{seconds}");
    orders.subscribed().await.expect("confirmed");
    for expected in ["answered 503", "no answer within", "cannot be asked"] {
        let error = bad(&mut listener).await;
        assert!(error.contains(expected), "{error}");
    }
    peer.event("private-orders.1", "n", json!(7)).await;
    assert_eq!(super::scene::good(&mut listener).await, 7);
}

#[tokio::test(start_paused = true)]
async fn who_is_denied_does_not_ask_again() {
    let no = AuthorizeError::Denied { url: "http://a".into(), status: 403, body: "No".into() };
    let counting = Arc::new(AtomicUsize::new(0));
    let (client, _server, _peer) =
        connected_with(|builder| builder.authorizer(Refusing(no, Arc::clone(&counting)))).await;
    let _orders = client.private("orders.1");
    tokio::time::sleep(std::time::Duration::from_secs(20)).await;
    assert_eq!(counting.load(Ordering::SeqCst), 1);
}

struct Refusing(AuthorizeError, Arc<AtomicUsize>);

impl Authorizer for Refusing {
    fn authorize<'a>(&'a self, _: &'a AuthorizationRequest) -> Authorizing<'a> {
        self.1.fetch_add(1, Ordering::SeqCst);
        let error = self.0.clone();
        Box::pin(async { Err(error) })
    }
}
