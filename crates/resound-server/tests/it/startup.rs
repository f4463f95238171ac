//! A server that cannot start says why, and does so before it opens a socket.

use std::{
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    process::Stdio,
};

use rustix::process::{Pid, Signal, kill_process};

use crate::server::{Server, folder, run};

/// Checks that the binary refuses to start: its exit code and a part of what it says.
#[track_caller]
fn check(toml: &str, arguments: &[&str], code: i32, text: &str) {
    let folder = folder(toml);
    let output = run(folder.path(), arguments);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert!(stderr.contains(text), "{text:?} is not in {stderr:?}");
    assert!(!stderr.contains("listening") && !stderr.contains("panicked"), "{stderr}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "no banner");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("bound").port().to_string();
    check(
        "host = \"127.0.0.1\"",
        &["start", "--port", &port],
        1,
        &format!(
            "resound: 127.0.0.1:{port} can't be bound: another process listens there; stop it, or \
             choose another --port"
        ),
    );
    let running = Server::default();
    let port = running.address.port().to_string();
    let hint = "can't be bound: another process listens there";
    check("host = \"127.0.0.1\"", &["start", "--port", &port], 1, hint);
    running.connect().expect_pong();
}

#[test]
fn an_address_of_another_machine_is_named() {
    let arguments = ["start", "--host", "192.0.2.1", "--port", "0", "--allow-insecure-secret"];
    check("", &arguments, 1, "192.0.2.1:0 can't be bound: this machine has no such address");
}

#[test]
fn a_named_file_that_cannot_be_read_is_an_error() {
    check("", &["start", "--config", "nowhere.toml"], 1, "cannot read nowhere.toml");
    check("", &["start", "--env-file", "nowhere.env"], 1, "cannot read nowhere.env");
    check("", &["start", "--config", "."], 1, "cannot read .");
}

#[test]
fn a_wrong_value_is_named_with_file_key_and_what_is_allowed() {
    check("port = \"x\"", &["start"], 1, "port");
    check("port = \"x\"", &["start"], 1, "resound.toml");
    check("port = \"x\"", &["start"], 1, "expected a whole number from 0 to 65535");
    check("prot = 8080", &["start"], 1, "is no setting, did you mean port?");
    check("port = ", &["start"], 1, "resound.toml:1:");
    check("", &["start", "--port", "99999"], 2, "expected a whole number from 0 to 65535");
    check("[[apps]]\nid = \"1\"", &["start"], 1, "has no key");
}

#[test]
fn all_mistakes_are_told_at_once() {
    let toml = "shards = -1\nlog = \"xml\"\nbacklog = 1";
    for text in ["the configuration has 3 errors", "shards", "log", "backlog"] {
        check(toml, &["start"], 1, text);
    }
}

#[test]
fn a_secret_that_everybody_knows_is_refused_on_a_public_address() {
    let text = "the secret of the development app is a well-known one, and 0.0.0.0:0 can be \
        reached from outside: anybody could publish";
    check("", &["start", "--host", "0.0.0.0", "--port", "0"], 1, text);
    let toml =
        "host = \"0.0.0.0\"\nport = 0\n[[apps]]\nid = \"1\"\nkey = \"k\"\nsecret = \"secret\"";
    check(toml, &[], 1, "the secret of app \"1\" is a well-known one");
}

#[test]
fn without_an_app_the_development_app_is_served_on_the_loopback_address() {
    let folder = folder("");
    let mut command = crate::server::command(crate::server::RESOUND, folder.path());
    command.args(["start", "--port", "0", "--log", "json"]);
    let server = Server::spawn(command, folder);
    assert!(server.address.ip().is_loopback());
    server.connect().expect_pong();
}

#[test]
fn the_banner_is_on_stdout_and_the_log_on_stderr_without_colours() {
    let folder = folder("host = \"127.0.0.1\"\nport = 0");
    let mut command = crate::server::command(crate::server::RESOUND, folder.path());
    let mut child = command.stdout(Stdio::piped()).spawn().expect("the binary can be run");
    let mut line = String::new();
    let mut stderr = BufReader::new(child.stderr.take().expect("it is piped"));
    stderr.read_line(&mut line).expect("a line");
    assert!(line.contains(" INFO listening address=127.0.0.1:"), "{line:?}");
    kill_process(Pid::from_child(&child), Signal::TERM).expect("it runs");
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).expect("text");
    let output = child.wait_with_output().expect("it is ours");
    assert!(output.status.success(), "{rest}");
    let banner = String::from_utf8(output.stdout).expect("text");
    for text in ["Browsers connect to", "ws://", "Publishers post to", "resound-secret"] {
        assert!(banner.contains(text), "{banner}");
    }
    assert!(!(banner + &line + &rest).contains('\u{1b}'), "colours without a terminal");
}

#[test]
fn the_metrics_listeners_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("bound");
    let toml = format!("host = \"127.0.0.1\"\nport = 0\nmetrics_address = \"{address}\"");
    check(&toml, &["start"], 1, &format!("{address} can't be bound (metrics_address)"));
}
