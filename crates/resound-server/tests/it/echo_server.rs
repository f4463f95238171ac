//! In place of laravel-echo-server: its configuration and its HTTP API. The answers are those that
//! version 1.6.3 gave to the same requests.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    client::event,
    http::{Answer, signed_target},
    server::{RESOUND, Server, command},
    settings::{ID, KEY, SECRET},
};

const FILE: &str = "laravel-echo-server.json";
/// The key of the API's client whose id is that of the application.
const BEARER: &str = "b2e1c5f00f8f6a3f7c2d1e0b9a8f7c6d";
const POSTED: &str = r#"{"channel":"news","name":"Posted","data":{"id":1}}"#;

/// A configuration with two clients, and these keys.
fn config(more: &str) -> String {
    format!(
        r#"{{"host": "127.0.0.1", "subscribers": {{"http": true, "redis": false}}, "clients": [
            {{"appId": "{ID}", "key": "{BEARER}"}}, {{"appId": "second", "key": "k2"}}]{more}}}"#
    )
}

fn folder(file: &str) -> TempDir {
    let folder = TempDir::new().expect("a folder for the test");
    fs::write(folder.path().join(FILE), file).expect("the folder is ours");
    folder
}

fn resound(folder: &TempDir, arguments: &[&str]) -> Command {
    let mut command = command(RESOUND, folder.path());
    command.args(["start", "--port", "0", "--log", "json"]).args(arguments);
    command
}

/// A server whose application nobody can sign for.
fn start(more: &str) -> Server {
    let folder = folder(&config(more));
    Server::spawn(resound(&folder, &["--config", FILE]), folder)
}

/// A server whose application is that of the tests.
fn start_signed(more: &str) -> Server {
    let folder = folder(&config(more));
    let mut command = resound(&folder, &["--config", FILE]);
    let app = [("REVERB_APP_ID", ID), ("REVERB_APP_KEY", KEY), ("REVERB_APP_SECRET", SECRET)];
    command.envs(app);
    Server::spawn(command, folder)
}

/// Asks with the key in the header; `path` is what follows `/apps/{id}`.
#[track_caller]
fn ask(server: &Server, method: &str, path: &str, body: &str) -> Answer {
    let headers = format!("Authorization: Bearer {BEARER}\r\n");
    server.http().request(method, &format!("/apps/{ID}{path}"), &headers, body)
}

#[track_caller]
fn publish(server: &Server, body: &str) {
    ask(server, "POST", "/events", body).check(200, r#"{"message":"ok"}"#);
}

#[test]
fn a_monitor_gets_ok() {
    let server = start("");
    server.get("/").check(200, "OK");
    assert_eq!(server.http().request("HEAD", "/", "", "").status, 200);
    server.get("/up").check(200, r#"{"health":"OK"}"#);
    assert!(Server::default().get("/").body.starts_with("<!doctype html>"));
}

#[test]
fn the_welcome_page_tells_nobody_a_clients_key() {
    let folder = folder(&config(""));
    let command = resound(&folder, &["--config", FILE, "--path", "/ws"]);
    let server = Server::spawn(command, folder);
    for path in ["/ws", "/ws/", "/"] {
        server.get(path).check(200, "OK");
    }
    for path in ["/ws/welcome.js", "/ws/metrics", "/ws/app/x", "/welcome"] {
        assert!(!server.get(path).body.contains(BEARER), "{path}");
    }
}

#[test]
fn an_event_reaches_subscribers_as_from_any_publisher() {
    let server = start_signed("");
    let mut client = server.connect();
    client.subscribe("news");
    client.subscribe("second");
    publish(&server, POSTED);
    client.expect(event("Posted", "news", r#"{"id":1}"#));
    publish(&server, r#"{"channel":"news","name":"e","data":"{\"a\": 1.0}"}"#);
    client.expect(event("e", "news", r#"{"a": 1.0}"#));
    publish(&server, r#"{"channel":"news","name":"e","data":"no JSON"}"#);
    client.expect(event("e", "news", "no JSON"));
    publish(&server, r#"{"channels":["news","second"],"name":"App\\Events\\E","data":[1]}"#);
    client.expect(event("App\\Events\\E", "news", "[1]"));
    client.expect(event("App\\Events\\E", "second", "[1]"));
}

#[test]
fn the_sender_is_left_out_if_it_is_here() {
    let server = start_signed("");
    let (mut sender, mut other) = (server.connect(), server.connect());
    sender.subscribe("news");
    other.subscribe("news");
    let body = |id: &str, name: &str| {
        json!({ "channel": "news", "name": name, "data": {"a": 1}, "socket_id": id }).to_string()
    };
    publish(&server, &body(&sender.socket_id, "first"));
    publish(&server, &body("Na3zUbbaCrGmAAAA", "second"));
    other.expect(event("first", "news", r#"{"a":1}"#));
    other.expect(event("second", "news", r#"{"a":1}"#));
    sender.expect(event("second", "news", r#"{"a":1}"#));
}

#[test]
fn all_clients_publish_to_everybody() {
    let server = start_signed("");
    let mut client = server.connect();
    client.subscribe("news");
    let answer = server.http().request("POST", "/apps/second/events?auth_key=k2", "", POSTED);
    answer.check(200, r#"{"message":"ok"}"#);
    client.expect(event("Posted", "news", r#"{"id":1}"#));
    server.publish("news", "signed", "x");
    client.expect(event("signed", "news", "x"));
}

#[test]
fn only_who_shows_a_clients_key_is_let_in() {
    let server = start("");
    let refused = r#"{"error":"Unauthorized"}"#;
    let mut http = server.http();
    let mut check = |target: &str, headers: &str, status: u16| {
        let answer = http.request("GET", target, headers, "");
        assert_eq!(answer.status, status, "{target} {headers}");
        assert_eq!(answer.body == refused, status == 403, "{answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
    };
    let channels = format!("/apps/{ID}/channels");
    let header = |text: &str| format!("Authorization: {text}\r\n");
    check(&channels, "", 403);
    check(&channels, &header(&format!("Bearer {BEARER}")), 200);
    check(&channels, &header(BEARER), 200);
    check(&format!("{channels}?auth_key={BEARER}"), "", 200);
    for wrong in ["", "x", &BEARER[1..], &format!("{BEARER}x"), &BEARER.to_uppercase(), "k2"] {
        check(&channels, &header(&format!("Bearer {wrong}")), 403);
        check(&format!("{channels}?auth_key={wrong}"), "", 403);
    }
    // The header counts when both are there.
    check(&format!("{channels}?auth_key={BEARER}"), &header("Bearer x"), 403);
    check("/apps/second/channels?auth_key=k2", "", 200);
    check(&format!("/apps/second/channels?auth_key={BEARER}"), "", 403);
    check(&format!("/apps/nobody/channels?auth_key={BEARER}"), "", 403);
    check("/apps/nobody/status", "", 403);
    check("/apps/nobody/channels/news", "", 403);
    check("/apps/nobody/channels/presence-a/users", "", 403);
    let answer = server.http().request("POST", &format!("/apps/{ID}/events"), "", POSTED);
    answer.check(403, refused);
}

#[test]
fn without_clients_the_api_is_closed() {
    let folder = folder(r#"{"host": "127.0.0.1", "subscribers": {"http": true}}"#);
    let server = Server::spawn(resound(&folder, &["--config", FILE]), folder);
    for target in ["/apps/laravel-echo-server/channels", "/apps/x/channels?auth_key=x"] {
        server.get(target).check(403, r#"{"error":"Unauthorized"}"#);
    }
    server.connect_to("laravel-echo-server").subscribe("news");
}

#[test]
fn what_is_no_event_is_refused() {
    let server = start("");
    let incomplete = r#"{"error":"Event must include channel, event name and data"}"#;
    for body in [
        "{}",
        r#"{"channel":"news","name":"e"}"#,
        r#"{"channel":"news","data":"x"}"#,
        r#"{"name":"e","data":"x"}"#,
        r#"{"channel":"","name":"e","data":"x"}"#,
        r#"{"channel":"news","name":"e","data":""}"#,
        r#"{"channel":"news","name":"e","data":0}"#,
        r#"{"channel":"news","name":"e","data":null}"#,
    ] {
        ask(&server, "POST", "/events", body).check(400, incomplete);
    }
    for body in [
        "",
        "x",
        "[]",
        r#"{"channel":"#,
        "\u{0}",
        r#"{"channel":["a"],"name":"e","data":"x"}"#,
        r#"{"channels":"a","name":"e","data":"x"}"#,
        r#"{"channels":[],"name":"e","data":"x"}"#,
        r#"{"channel":"a\tb","name":"e","data":"x"}"#,
        r#"{"channel":"a","name":7,"data":"x"}"#,
        r#"{"channel":"a","name":"pusher:error","data":"x"}"#,
    ] {
        let answer = ask(&server, "POST", "/events", body);
        assert_eq!(answer.status, 400, "{body}: {answer:?}");
        assert!(answer.json()["error"].as_str().is_some_and(|text| !text.is_empty()), "{answer:?}");
        assert_eq!(answer.json().as_object().map(serde_json::Map::len), Some(1));
    }
    let large = json!({ "channel": "a", "name": "e", "data": "x".repeat(10_000) }).to_string();
    let answer = ask(&server, "POST", "/events", &large);
    assert_eq!(answer.status, 413, "{answer:?}");
    publish(&server, POSTED);
}

#[test]
fn channels_are_listed_with_their_subscriptions() {
    let server = start_signed("");
    let (mut one, mut two) = (server.connect(), server.connect());
    ask(&server, "GET", "/channels", "").check(200, r#"{"channels":{}}"#);
    one.subscribe("news");
    two.subscribe("news");
    one.subscribe("other");
    one.join("presence-room", "1");
    two.join("presence-room", "1");
    let all = r#"{"channels":{"news":{"subscription_count":2,"occupied":true},"other":{"subscription_count":1,"occupied":true},"presence-room":{"subscription_count":2,"occupied":true}}}"#;
    ask(&server, "GET", "/channels", "").check(200, all);
    ask(&server, "GET", "/channels?filter_by_prefix=ne", "")
        .check(200, r#"{"channels":{"news":{"subscription_count":2,"occupied":true}}}"#);
    ask(&server, "GET", "/channels/news", "")
        .check(200, r#"{"subscription_count":2,"occupied":true}"#);
    ask(&server, "GET", "/channels/nobody", "")
        .check(200, r#"{"subscription_count":0,"occupied":false}"#);
    ask(&server, "GET", "/channels/presence-room", "")
        .check(200, r#"{"subscription_count":2,"occupied":true,"user_count":1}"#);
    ask(&server, "GET", "/channels/presence-nobody", "")
        .check(200, r#"{"subscription_count":0,"occupied":false,"user_count":0}"#);
}

#[test]
fn the_users_of_a_presence_channel_are_listed_with_their_info() {
    let server = start_signed("");
    let mut clients = [server.connect(), server.connect(), server.connect()];
    for (client, channel_data) in clients.iter_mut().zip([
        r#"{"user_id":1,"user_info":{"name":"Å","admin":false}}"#,
        r#"{"user_id":"b"}"#,
        r#"{"user_id":1,"user_info":{"name":"another"}}"#,
    ]) {
        client.ask_to_subscribe("presence-room", Some(channel_data));
        client.text();
    }
    ask(&server, "GET", "/channels/presence-room/users", "")
        .check(200, r#"{"users":[{"id":1,"user_info":{"name":"Å","admin":false}},{"id":"b"}]}"#);
    ask(&server, "GET", "/channels/presence-nobody/users", "").check(200, r#"{"users":[]}"#);
    ask(&server, "GET", "/channels/presence-%20%00/users", "").check(200, r#"{"users":[]}"#);
    for channel in ["news", "private-presence-a", "%FF"] {
        let path = format!("/channels/{channel}/users");
        ask(&server, "GET", &path, "")
            .check(400, r#"{"error":"User list is only possible for Presence Channels"}"#);
    }
}

#[test]
fn the_status_tells_connections_time_and_memory() {
    let server = start_signed("");
    let (_one, _two) = (server.connect(), server.connect());
    let status = ask(&server, "GET", "/status", "").json();
    assert_eq!(status["subscription_count"], 2);
    let uptime = status["uptime"].as_f64().expect("seconds");
    assert!(uptime > 0.0 && uptime < 600.0, "{uptime}");
    let memory = &status["memory_usage"];
    for name in ["rss", "heapTotal", "heapUsed"] {
        assert!(memory[name].as_u64().is_some_and(|bytes| bytes > 1 << 20), "{memory}");
    }
    assert_eq!((&memory["external"], &memory["arrayBuffers"]), (&json!(0), &json!(0)));
}

#[test]
fn a_signed_request_is_still_one_of_pusher() {
    let server = start_signed("");
    let mut http = server.http();
    http.signed("GET", "/channels", &[], "").check(200, r#"{"channels":{}}"#);
    http.signed("POST", "/events", &[], POSTED)
        .check_error(422, "The data field must be a string.");
    let forged = signed_target("GET", "/channels", &[], "") + "0";
    assert_eq!(http.request("GET", &forged, "", "").status, 401);
    // A key alone opens nothing of the application that browsers know by its key.
    let target = format!("/apps/{ID}/channels?auth_key={KEY}");
    http.request("GET", &target, "", "").check(403, r#"{"error":"Unauthorized"}"#);
}

#[test]
fn the_pusher_driver_needs_the_key_and_no_secret() {
    let server = start("");
    let mut client = server.connect_to(BEARER);
    client.subscribe("news");
    let body = r#"{"name":"e","data":"{\"id\":1}","channels":["news"]}"#;
    let query = format!("auth_key={BEARER}&auth_timestamp=1&auth_version=1.0&auth_signature=00");
    let target = format!("/apps/{ID}/events?{query}");
    server.http().request("POST", &target, "", body).check(200, r#"{"message":"ok"}"#);
    client.expect(event("e", "news", r#"{"id":1}"#));
    let target = target.replace(BEARER, "another");
    server.http().request("POST", &target, "", body).check(403, r#"{"error":"Unauthorized"}"#);
    // What laravel-echo-server does not have is Pusher's, and nobody can sign for it.
    let target = format!("/apps/{ID}/batch_events?{query}");
    assert_eq!(server.http().request("POST", &target, "", "{}").status, 401);
}

#[test]
fn without_its_configuration_there_is_no_api_of_laravel_echo_server() {
    let server = Server::default();
    let target = format!("/apps/{ID}/channels?auth_key={KEY}");
    assert_eq!(server.get(&target).status, 401);
    assert_eq!(server.get(&format!("/apps/{ID}/status?auth_key={KEY}")).status, 404);
}

#[test]
fn events_over_http_can_be_off() {
    let file = config("").replace(r#""http": true"#, r#""http": false"#);
    let folder = folder(&file);
    let server = Server::spawn(resound(&folder, &["--config", FILE]), folder);
    ask(&server, "POST", "/events", POSTED)
        .check(404, r#"{"error":"Events are not taken over HTTP (subscribers.http)."}"#);
    assert_eq!(ask(&server, "GET", "/channels", "").status, 200);
}

#[test]
fn pages_may_ask_if_the_configuration_lets_them() {
    let server = start(
        r#", "headers": {"X-Served-By": "les"}, "apiOriginAllow": {"allowCors": true,
            "allowOrigin": "http://a.example", "allowMethods": "GET, POST",
            "allowHeaders": "Origin, Authorization"}"#,
    );
    let allowed = [
        ("access-control-allow-origin", "http://a.example"),
        ("access-control-allow-methods", "GET, POST"),
        ("access-control-allow-headers", "Origin, Authorization"),
        ("x-served-by", "les"),
    ];
    let answers = [
        server.get("/"),
        ask(&server, "GET", "/channels", ""),
        ask(&server, "POST", "/events", "{}"),
        server.get("/apps/nobody/status"),
        server.http().request("OPTIONS", &format!("/apps/{ID}/events"), "", ""),
    ];
    for answer in answers {
        for (name, value) in allowed {
            assert_eq!(answer.header(name), Some(value), "{answer:?}");
        }
    }
    let preflight = server.http().request("OPTIONS", &format!("/apps/{ID}/channels"), "", "");
    preflight.check(200, "GET,HEAD");
    assert_eq!(preflight.header("allow"), Some("GET,HEAD"));
}

#[test]
fn pages_may_not_ask_unless_the_configuration_lets_them() {
    let server = start("");
    for answer in [
        ask(&server, "GET", "/channels", ""),
        server.http().request("OPTIONS", &format!("/apps/{ID}/events"), "", ""),
    ] {
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, None));
    }
}

#[test]
fn its_command_line_is_understood() {
    let folder = folder(&config(""));
    let elsewhere = TempDir::new().expect("a folder");
    let mut command = resound(&elsewhere, &["--force", "--dev", "--dir"]);
    command.arg(folder.path()).stdout(Stdio::piped());
    let server = Server::spawn(command, elsewhere);
    let warned = |text: &str| {
        server.log.wait_for(text);
    };
    warned("there is no resound.toml: laravel-echo-server.json is read in its place");
    warned("--force has no effect: a server that is running is stopped by SIGTERM");
    ask(&server, "POST", "/events", POSTED);
    let published = server.log.wait_for("published");
    assert_eq!(published["level"], "DEBUG");
}

#[test]
fn the_banner_has_its_lines_and_no_key() {
    let folder = folder(&config(""));
    let mut command = resound(&folder, &["--config", FILE]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it runs");
    let mut banner = String::new();
    for line in BufReader::new(child.stdout.take().expect("it is piped")).lines() {
        banner += &(line.expect("text") + "\n");
        if banner.contains("Health") {
            break;
        }
    }
    child.kill().expect("it is ours");
    child.wait().expect("it is ours");
    for text in ["Starting server...", "Running at 127.0.0.1 on port ", FILE, "/apps/1001/status"] {
        assert!(banner.contains(text), "{text:?} is not in {banner}");
    }
    assert!(!banner.contains(BEARER), "{banner}");
}

#[test]
fn a_reload_takes_other_clients() {
    let server = start("");
    fs::write(server.file(FILE), config("").replace("k2", "k3")).expect("the folder is ours");
    server.signal(rustix::process::Signal::HUP);
    server.wait_until(|| server.get("/apps/second/channels?auth_key=k3").status == 200);
    assert_eq!(server.get("/apps/second/channels?auth_key=k2").status, 403);
}

#[test]
fn a_refused_key_is_counted_and_never_logged() {
    let server = start("");
    let target = format!("/apps/{ID}/channels?auth_key=guessed");
    assert_eq!(server.get(&target).status, 403);
    server.log.wait_for("request refused");
    assert!(!server.log.lines().iter().any(|line| line.contains("guessed")));
    let metrics = server.get("/metrics").body;
    assert!(metrics.contains(r#"reason="bad_key""#), "{metrics}");
    let value: Value = server.get(&format!("/apps/{ID}/status?auth_key={BEARER}")).json();
    assert!(value["uptime"].is_number());
}
