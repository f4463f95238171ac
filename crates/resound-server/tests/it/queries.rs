//! Questions about channels, users and connections.

use crate::{server::Server, settings::Settings};

#[test]
fn without_channels_the_answer_is_an_empty_object() {
    let server = Server::default();
    server.query("/channels", &[]).check(200, r#"{"channels":{}}"#);
    server
        .query("/channels", &[("filter_by_prefix", "presence-")])
        .check(200, r#"{"channels":{}}"#);
    server.query("/connections", &[]).check(200, r#"{"connections":0}"#);
}

#[test]
fn occupied_channels_are_listed_with_what_info_asks_for() {
    let server = Server::default();
    let [mut ann, mut tab, mut bob] = [server.connect(), server.connect(), server.connect()];
    for client in [&mut ann, &mut tab] {
        client.join("presence-a", "ann");
        client.subscribe("news");
    }
    bob.subscribe("presenceless");
    bob.subscribe_private("private-b");
    let check = |query: &[(&str, &str)], body: &str| {
        server.query("/channels", query).check(200, &format!(r#"{{"channels":{body}}}"#));
    };
    check(&[], r#"{"news":{},"presence-a":{},"presenceless":{},"private-b":{}}"#);
    check(
        &[("info", "user_count,subscription_count")],
        r#"{"news":{"subscription_count":2},"presence-a":{"user_count":1},"presenceless":{"subscription_count":1},"private-b":{"subscription_count":1}}"#,
    );
    check(
        &[("filter_by_prefix", "presence-"), ("info", "user_count")],
        r#"{"presence-a":{"user_count":1}}"#,
    );
    check(&[("filter_by_prefix", "p")], r#"{"presence-a":{},"presenceless":{},"private-b":{}}"#);
    drop(bob);
    server.wait_for_channels(r#"{"news":{},"presence-a":{}}"#);
    drop((ann, tab));
    server.wait_for_channels("{}");
}

#[test]
fn one_channel_is_described() {
    let server = Server::default();
    let [mut ann, mut bob] = [server.connect(), server.connect()];
    ann.join("presence-a", "ann");
    bob.join("presence-a", "bob");
    bob.subscribe("news");
    let check = |channel: &str, info: &str, body: &str| {
        let query = [("info", info)];
        let query = if info.is_empty() { &[][..] } else { &query[..] };
        server.query(&format!("/channels/{channel}"), query).check(200, body);
    };
    let all = "user_count,subscription_count,cache";
    check("news", "", r#"{"occupied":true}"#);
    check("news", all, r#"{"occupied":true,"subscription_count":1}"#);
    check("presence-a", all, r#"{"occupied":true,"user_count":2}"#);
    check("nobody", "", r#"{"occupied":false}"#);
    check("nobody", all, r#"{"occupied":false,"subscription_count":0}"#);
    check("presence-nobody", all, r#"{"occupied":false,"user_count":0}"#);
}

#[test]
fn the_users_of_a_presence_channel_are_listed_once_each_in_the_form_of_their_ids() {
    let server = Server::default();
    let [mut ann, mut tab, mut number] = [server.connect(), server.connect(), server.connect()];
    ann.join("presence-a", "ann");
    tab.join("presence-a", "ann");
    number.ask_to_subscribe("presence-a", Some(r#"{"user_id":2}"#));
    number.text();
    let answer = server.query("/channels/presence-a/users", &[]);
    assert_eq!(answer.status, 200);
    let mut users = answer.json()["users"].as_array().expect("a list").clone();
    users.sort_by_key(ToString::to_string);
    assert_eq!(users, [serde_json::json!({ "id": "ann" }), serde_json::json!({ "id": 2 })]);
    server.query("/channels/presence-nobody/users", &[]).check(200, r#"{"users":[]}"#);
    server
        .query("/channels/news/users", &[])
        .check_error(400, "The channel \"news\" is no presence channel: only those have users.");
}

#[test]
fn a_cache_channel_tells_what_it_remembers_and_for_how_long() {
    let server = Server::start(&Settings::app("cache_ttl = 100"));
    let cache = |channel: &str| {
        let answer = server.query(&format!("/channels/{channel}"), &[("info", "cache")]);
        assert_eq!(answer.status, 200);
        answer.json()
    };
    for channel in ["cache-a", "private-cache-a", "presence-cache-a", "private-encrypted-cache-a"] {
        assert_eq!(cache(channel), serde_json::json!({ "occupied": false, "cache": null }));
        server.publish(channel, "price", "{\"n\":1.0}");
        let known = cache(channel);
        assert_eq!(known["occupied"], false);
        assert_eq!(known["cache"]["data"], "{\"n\":1.0}");
        let ttl = known["cache"]["ttl"].as_u64().expect("a number");
        assert!((80..=101).contains(&ttl), "{ttl}");
    }
    server.query("/channels", &[]).check(200, r#"{"channels":{}}"#);
}

#[test]
fn connections_are_counted_whether_they_subscribe_or_not() {
    let server = Server::start(&Settings::default().with_app("2", "other-key", "other", ""));
    let mut clients: Vec<_> = (0..5).map(|_| server.connect()).collect();
    let _other = server.connect_to("other-key");
    clients[0].subscribe("news");
    server.query("/connections", &[]).check(200, r#"{"connections":5}"#);
    clients.truncate(1);
    server.wait_until_empty_but(1);
}

#[test]
fn apps_do_not_see_each_others_channels() {
    let server = Server::start(&Settings::default().with_app("2", "other-key", "other", ""));
    let mut other = server.connect_to("other-key");
    other.subscribe("news");
    server.query("/channels", &[]).check(200, r#"{"channels":{}}"#);
    let mut own = server.connect();
    own.subscribe("news");
    server.publish("news", "own", "x");
    own.expect(r#"{"event":"own","channel":"news","data":"x"}"#);
    other.expect_pong();
}
