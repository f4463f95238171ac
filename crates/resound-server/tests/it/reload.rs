//! SIGHUP: apps and limits are read again, connections stay.

use rustix::process::Signal;

use crate::{
    client::{Said, error, subscription},
    server::Server,
    settings::{KEY, SECRET, Settings},
};

const OTHER: (&str, &str, &str) = ("2", "other-key", "a-secret-of-its-own");

/// Gives the server another configuration and waits until every shard has taken it.
#[track_caller]
pub(crate) fn reload(server: &Server, settings: &Settings) {
    let count = || server.log.events().iter().filter(|e| e["message"] == "reloaded").count();
    let before = count();
    server.write_toml(&settings.toml());
    server.signal(Signal::HUP);
    server.wait_until(|| count() > before);
    // Each shard reads its messages in order, so that one question to all of them is answered after.
    assert_eq!(server.get("/metrics").status, 200);
}

#[test]
fn connections_stay_and_get_the_new_limits() {
    let server = Server::default();
    let mut clients = [server.connect(), server.connect()];
    for client in &mut clients {
        client.subscribe("news");
    }
    reload(
        &server,
        &Settings::app("max_message_size = 200\nmax_event_size = 3\nmax_connections = 2"),
    );
    server.publish("news", "e", "abc");
    for client in &mut clients {
        client.expect(r#"{"event":"e","channel":"news","data":"abc"}"#);
        client.expect_pong();
    }
    let body = r#"{"name":"e","channel":"news","data":"abcd"}"#;
    let message = "The data of the event is 4 bytes, the limit is 3 (max_event_size).";
    server.post("/events", body).check_error(413, message);
    let mut third = server.open("/app/resound-key");
    third.expect(error(4004, "Application is over connection quota"));
    let [mut first, mut second] = clients;
    first.send(subscription(&"x".repeat(180)));
    first.expect_close(1009, "Maximum message size exceeded");
    reload(&server, &Settings::default());
    second.subscribe(&"x".repeat(180));
    server.connect().expect_pong();
}

#[test]
fn new_origins_and_a_new_ping_interval_apply() {
    let server = Server::default();
    let mut silent = server.connect();
    let lines = "allowed_origins = [\"a.example\"]\nping_interval = 1\nactivity_timeout = 1";
    reload(&server, &Settings::app(lines));
    let mut foreign = server.open_with("/app/resound-key", "Origin: http://b.example\r\n");
    foreign.expect(error(4009, "Origin not allowed"));
    silent.expect(r#"{"event":"pusher:ping","data":"{}"}"#);
    silent.expect_close(4201, "Pong reply not received in time");
}

#[test]
fn an_app_can_be_added_and_taken_away() {
    let server = Server::default();
    let (id, key, secret) = OTHER;
    let mut refused = server.open("/app/other-key");
    refused.expect(error(4001, "Application does not exist"));
    let both = Settings::default().with_app(id, key, secret, "");
    reload(&server, &both);
    let mut others = [server.connect_to(key), server.connect_to(key)];
    let mut own = server.connect();
    reload(&server, &Settings::default());
    for other in &mut others {
        other.expect_close(4001, "Application does not exist");
    }
    own.expect_pong();
    assert_eq!(server.get("/apps/2/channels").status, 404);
    reload(&server, &both);
    server.connect_to(key).subscribe("news");
}

#[test]
fn the_connections_of_an_app_that_is_disabled_are_closed_with_4003() {
    let (id, key, secret) = OTHER;
    let server = Server::start(&Settings::default().with_app(id, key, secret, ""));
    let mut others = [server.connect_to(key), server.connect_to(key)];
    let mut own = [server.connect(), server.connect()];
    reload(&server, &Settings::default().with_app(id, key, secret, "enabled = false"));
    for other in &mut others {
        other.expect_close(4003, "Application is disabled");
    }
    for client in &mut own {
        client.expect_pong();
    }
    let mut late = server.open("/app/other-key");
    late.expect(error(4003, "Application is disabled"));
    assert_eq!(server.get("/apps/2/channels").status, 403);
}

#[test]
fn a_new_key_and_secret_count_from_then_on() {
    let server = Server::default();
    let mut client = server.connect();
    let mut settings = Settings::server("shards = 2");
    settings = settings.with_app("2", KEY, "another-secret-of-ours", "");
    let toml = settings.toml();
    let (_, second) = toml.split_once("[[apps]]").expect("two apps");
    let (_, second) = second.split_once("[[apps]]").expect("two apps");
    server.write_toml(&format!("shards = 2\nhost = \"127.0.0.1\"\n[[apps]]{second}"));
    server.signal(Signal::HUP);
    client.expect_close(4001, "Application does not exist");
    server.connect().expect_pong();
    assert_eq!(server.query("/channels", &[]).status, 404);
}

#[test]
fn a_broken_configuration_is_refused_and_everything_stays() {
    let server = Server::default();
    let mut client = server.connect();
    for (toml, reason) in [
        ("backlog_bytes = \"x\"", "expected a whole number"),
        ("[[apps]\n", "resound.toml:1"),
        ("unknown = 1", "is no setting"),
    ] {
        server.write_toml(toml);
        server.signal(Signal::HUP);
        let line = server.log.wait_for_event(reason, |event| {
            event["level"] == "ERROR" && event["message"].to_string().contains(reason)
        });
        let message = line["message"].as_str().expect("a text");
        assert!(message.starts_with("reload refused, everything stays as it was: "), "{message}");
        client.expect_pong();
        server.connect().expect_pong();
        server.publish("news", "e", "x");
    }
    reload(&server, &Settings::default());
    client.expect_pong();
}

/// The development app, whose secret everybody knows, is what there is without a configuration.
#[test]
fn a_configuration_that_is_gone_does_not_open_the_server_to_everybody() {
    let settings = Settings::of("shards = 2", "");
    let toml = settings.toml().replace("127.0.0.1", "0.0.0.0").replace(SECRET, "of-our-own");
    let folder = crate::server::folder(&toml);
    let mut command = crate::server::command(crate::server::RESOUND, folder.path());
    command.args(["start", "--port", "0", "--log", "json"]);
    let server = Server::spawn(command, folder);
    let mut client = server.connect();
    std::fs::remove_file(server.file("resound.toml")).expect("it is there");
    server.signal(Signal::HUP);
    let refused = server.log.wait_for(
        "reload refused, everything stays as it was: the secret of app \"resound\" is a well-known \
         one, and 0.0.0.0 can be reached from outside",
    );
    assert_eq!(refused["level"], "ERROR");
    client.expect_pong();
    assert_eq!(server.get("/apps/resound/channels").status, 404);
}

#[test]
fn the_welcome_page_does_not_publish_any_more_when_its_app_has_got_a_secret() {
    let folder = crate::server::folder("");
    let mut command = crate::server::command(crate::server::RESOUND, folder.path());
    command.args(["start", "--port", "0", "--log", "json"]);
    let server = Server::spawn(command, folder);
    let publish = || {
        let headers = "Origin: http://h\r\nX-Requested-With: resound-welcome\r\n";
        let body = r#"{"name":"e","channel":"news","data":"x"}"#;
        server.http().request("POST", "/welcome/events", headers, body).status
    };
    let mut client = server.connect();
    client.subscribe("news");
    assert_eq!(publish(), 200);
    client.expect(r#"{"event":"e","channel":"news","data":"x"}"#);
    let app = "[[apps]]\nid = \"resound\"\nkey = \"resound-key\"\nsecret = \"of-our-own\"";
    server.write_toml(app);
    server.signal(Signal::HUP);
    server.log.wait_for("reloaded");
    assert_eq!(publish(), 403);
    client.expect_pong();
}

#[test]
fn the_command_reload_sends_the_signal() {
    let server = Server::start_with(&Settings::default(), &["--pid-file", "resound.pid"]);
    server.write_toml(&Settings::default().with_app("2", "other-key", SECRET, "").toml());
    let folder = server.file("");
    let output = crate::server::run(&folder, &["reload", "--pid-file", "resound.pid"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    server.log.wait_for("reloaded");
    server.connect_to("other-key").expect_pong();
}

#[test]
fn many_reloads_under_load_lose_nothing() {
    let server = Server::default();
    let mut clients = [server.connect(), server.connect()];
    for client in &mut clients {
        client.subscribe("news");
    }
    let mut http = server.http();
    for at in 0..100 {
        if at % 10 == 0 {
            server.signal(Signal::HUP);
        }
        http.publish("news", "e", &at.to_string());
    }
    for client in &mut clients {
        for at in 0..100 {
            let expected = format!(r#"{{"event":"e","channel":"news","data":"{at}"}}"#);
            assert_eq!(client.next(), Said::Text(expected));
        }
    }
}
