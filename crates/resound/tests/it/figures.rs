//! What servers tell of the application.

use resound::{DriverError, SendError};
use resound_protocol::signature::{Query, RequestParts, Signer, verify_request};
use serde_json::json;

use crate::{
    application::Application,
    pusher::{Seen, Server},
};

#[tokio::test]
async fn the_server_inside_tells_who_is_where() {
    let app = Application::start().await;
    let (ann, bob) = (app.connect(1).await, app.connect(2).await);
    let (room, news) = (ann.join("room.7"), bob.channel("news"));
    room.subscribed().await.expect("she may join");
    news.subscribed().await.expect("he may join");
    let figures = app.broadcaster.figures("").await.expect("it tells");
    assert_eq!(
        json!(figures),
        json!({ "connections": 2, "channels": [
            { "name": "news", "subscriptions": 1, "members": null },
            { "name": "presence-room.7", "subscriptions": 1, "members": 1 },
        ] })
    );
    let presence = app.broadcaster.figures("presence-").await.expect("it tells");
    assert_eq!(presence.channels, figures.channels[1..]);
}

#[tokio::test]
async fn another_server_is_asked_over_http_with_a_signature() {
    fn script(seen: &Seen) -> (u16, &'static str) {
        if seen.uri.starts_with("/apps/1001/connections?") {
            return (200, r#"{"connections":3}"#);
        }
        let channels =
            r#"{"channels":{"presence-room.7":{"user_count":2},"news":{"subscription_count":5}}}"#;
        (200, channels)
    }
    let server = Server::start(script).await;
    let figures = server.broadcaster().figures("a/b c").await.expect("it tells");
    assert_eq!(
        json!(figures),
        json!({ "connections": 3, "channels": [
            { "name": "news", "subscriptions": 5, "members": null },
            { "name": "presence-room.7", "subscriptions": null, "members": 2 },
        ] })
    );
    let seen = server.seen();
    let (path, raw_query) = seen[0].uri.split_once('?').expect("a query");
    let query = Query::parse(raw_query);
    assert_eq!(query.value("filter_by_prefix").as_deref(), Some("a/b c"));
    let now: u64 = query.value("auth_timestamp").expect("a time").parse().expect("a number");
    let parts = RequestParts { method: "GET", path, raw_query, body: b"" };
    let signer = Signer::new("resound-secret");
    verify_request(parts, "resound-key", &signer, now, Some(10)).expect("it is signed");
}

#[tokio::test]
async fn a_server_that_does_not_count_connections_tells_the_rest() {
    // PHP's empty object is a list.
    fn script(seen: &Seen) -> (u16, &'static str) {
        if seen.uri.contains("/channels?") { (200, r#"{"channels":[]}"#) } else { (404, "") }
    }
    let server = Server::start(script).await;
    let figures = server.broadcaster().figures("").await.expect("it tells");
    assert_eq!((figures.connections, figures.channels.len()), (None, 0));
}

#[tokio::test]
async fn a_server_that_says_no_or_nonsense_is_an_error_and_events_are_still_sent() {
    for (script, message) in [
        ((|_| (401, "who are you")) as fn(&Seen) -> _, "answered 401 who are you"),
        (|_| (200, "<html>"), "answered what can't be read"),
    ] {
        let server = Server::start(script).await;
        let broadcaster = server.broadcaster();
        let error = broadcaster.figures("").await.expect_err("no figures");
        let SendError::Driver { fault: DriverError::Refused(text), .. } = &error else {
            panic!("{error}")
        };
        assert!(text.contains(message), "{text}");
        assert_eq!(broadcaster.stats("reverb").expect("it is there").failed, 0);
    }
}
