//! `resound listen`, `resound send`, `resound sign`.

use std::{
    io::{BufRead as _, BufReader, Read},
    path::Path,
    process::{Child, Output, Stdio},
    sync::mpsc,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::{
    log::DEADLINE,
    server::{RESOUND, Server, command, folder, run},
    settings::Settings,
    tls_client,
};

/// A `resound listen` of a test.
struct Listening {
    child: Child,
    stdout: mpsc::Receiver<String>,
    stderr: mpsc::Receiver<String>,
}

fn lines(from: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (tx, rx) = mpsc::channel();
    std::thread::spawn(move || {
        let lines = BufReader::new(from).lines().map_while(Result::ok);
        lines.take_while(|line| tx.send(line.clone()).is_ok()).for_each(drop);
    });
    rx
}

impl Listening {
    /// Listens in a folder with the app's configuration.
    fn start(server: &Server, folder: &Path, arguments: &[&str]) -> Self {
        let mut command = command(RESOUND, folder);
        command.args(["listen", "--url", &url(server)]).args(arguments).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the binary can be run");
        let stdout = lines(child.stdout.take().expect("it is piped"));
        let stderr = lines(child.stderr.take().expect("it is piped"));
        Self { child, stdout, stderr }
    }

    #[track_caller]
    fn line(&self) -> String {
        self.stdout.recv_timeout(DEADLINE).expect("a line")
    }

    /// Waits for a line on standard error that has this text.
    #[track_caller]
    fn wait_for(&self, text: &str) {
        self.wait_for_all(&[text]);
    }

    /// Waits for lines on standard error that have these texts, in any order.
    #[track_caller]
    fn wait_for_all(&self, texts: &[&str]) {
        let mut missing = texts.to_vec();
        while !missing.is_empty() {
            let line = self.stderr.recv_timeout(DEADLINE).expect("a line");
            missing.retain(|text| !line.contains(text));
        }
    }

    /// Waits for the end, and returns the exit code.
    #[track_caller]
    fn wait(&mut self) -> Option<i32> {
        while self.stderr.recv_timeout(DEADLINE).is_ok() {}
        self.child.wait().expect("it is ours").code()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn url(server: &Server) -> String {
    format!("http://{}", server.address)
}

/// Publishes by the command, in a folder with the app's configuration.
fn send(server: &Server, folder: &Path, arguments: &[&str]) -> Output {
    run(folder, &[&["send", "--url", &url(server)], arguments].concat())
}

#[track_caller]
fn check(output: &Output, code: i32, stderr: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{text}");
    for part in stderr {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

#[test]
fn what_is_sent_is_heard() {
    let server = Server::default();
    let folder = folder(&Settings::default().toml());
    let arguments = ["news", "private-orders.1", "--count", "2"];
    let mut listening = Listening::start(&server, folder.path(), &arguments);
    listening.wait_for_all(&["subscribed to news", "subscribed to private-orders.1"]);
    let sent = send(&server, folder.path(), &["news", "headline", r#""It works""#]);
    check(&sent, 0, &["resound: sent headline to news"]);
    assert_eq!(listening.line(), r#"news headline "It works""#);
    let sent =
        send(&server, folder.path(), &["private-orders.1", r"App\Events\Shipped", r#"{"id":1}"#]);
    check(&sent, 0, &[]);
    assert_eq!(listening.line(), r#"private-orders.1 App\Events\Shipped {"id":1}"#);
    assert_eq!(listening.wait(), Some(0));
    server.wait_until_empty();
}

#[test]
fn lines_can_be_json_and_of_one_event_only() {
    let server = Server::default();
    let folder = folder(&Settings::default().toml());
    let arguments = ["orders", "--json", "--event", "Shipped", "--count", "1"];
    let mut listening = Listening::start(&server, folder.path(), &arguments);
    listening.wait_for("subscribed to orders");
    server.publish("orders", "other", "1");
    server.publish("orders", r"App\Events\Shipped", "{\n\"id\": 1}");
    let line: Value = serde_json::from_str(&listening.line()).expect("JSON");
    let expected =
        json!({ "channel": "orders", "event": "App\\Events\\Shipped", "data": { "id": 1 } });
    assert_eq!(line, expected);
    assert_eq!(listening.wait(), Some(0));
}

#[test]
fn members_of_a_presence_channel_are_shown() {
    let server = Server::default();
    let folder = folder(&Settings::default().toml());
    let arguments = ["presence-room", "--user-id", "me", "--user-info", "1", "--count", "3"];
    let mut listening = Listening::start(&server, folder.path(), &arguments);
    assert_eq!(
        listening.line(),
        r#"presence-room pusher:subscription_succeeded [{"id":"me","info":1}]"#
    );
    let mut client = server.connect();
    client.join("presence-room", "zoe");
    assert_eq!(
        listening.line(),
        r#"presence-room pusher:member_added {"id":"zoe","info":{"name":"zoe"}}"#
    );
    client.unsubscribe("presence-room");
    assert_eq!(
        listening.line(),
        r#"presence-room pusher:member_removed {"id":"zoe","info":{"name":"zoe"}}"#
    );
    assert_eq!(listening.wait(), Some(0));
}

#[test]
fn listening_ends_in_good_order_when_it_is_told_to() {
    let server = Server::default();
    let folder = folder(&Settings::default().toml());
    for told in [Signal::TERM, Signal::INT] {
        let mut listening = Listening::start(&server, folder.path(), &["news"]);
        listening.wait_for("subscribed to news");
        kill_process(Pid::from_child(&listening.child), told).expect("it runs");
        assert_eq!(listening.wait(), Some(0));
    }
    server.wait_until_empty();
}

#[test]
fn listening_in_vain_is_a_failure() {
    let server = Server::default();
    let folder = folder(&Settings::default().toml());
    for (arguments, reason) in [
        (&["private-a", "--secret", "wrong"][..], "the signature does not match"),
        (&["news", "--app-key", "no-such-key", "--secret", "s"], "4001"),
        (&["private-encrypted-a"], "shared_secret"),
        (&["a", "--app-key", "no-such-key"], "no such app is configured; there is 1001 (key"),
        (&["a", "--url", "http://127.0.0.1:1", "--json"], "cannot be reached"),
    ] {
        let url = url(&server);
        let named = if arguments.contains(&"--url") { vec![] } else { vec!["--url", &*url] };
        let output = run(folder.path(), &[&["listen"], arguments, &named].concat());
        check(&output, 1, &[reason]);
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn who_caused_an_event_does_not_get_it() {
    let server = Server::default();
    let folder = folder(&Settings::default().toml());
    let mut client = server.connect();
    client.subscribe("news");
    let id = client.socket_id.clone();
    check(&send(&server, folder.path(), &["news", "e", "1", "--to-others", &id]), 0, &[]);
    check(&send(&server, folder.path(), &["news", "e", "2"]), 0, &[]);
    client.expect(r#"{"event":"e","channel":"news","data":"2"}"#);
}

#[test]
fn refusals_are_explained() {
    let server = Server::default();
    let folder = folder(&Settings::default().toml());
    let long = format!("\"{}\"", "x".repeat(20_000));
    for (arguments, parts) in [
        (
            &["news", "e", "1", "--secret", "wrong"][..],
            &["answered 401: Authentication signature invalid: ", "Advice: is it the secret"][..],
        ),
        (
            &["news", "e", "1", "--app-id", "9", "--app-key", "k", "--secret", "s"],
            &["answered 404: No matching application for ID [9].", "--app-id"],
        ),
        (&["news", "e", &long], &["answered 413: ", "max_request_size"]),
        (&["private-encrypted-a", "e", "1"], &["are encrypted by the application"]),
        (
            &["news", "e", "1", "--app-key", "k", "--secret", "s"],
            &["the app's id is needed (--app-id)"],
        ),
    ] {
        check(&send(&server, folder.path(), arguments), 1, parts);
    }
    let output = run(folder.path(), &["send", "news", "e", "1", "--url", "http://127.0.0.1:1"]);
    check(&output, 1, &["http://127.0.0.1:1 cannot be asked; does `resound start` run there?"]);
}

#[test]
fn the_configured_server_is_the_one_that_is_meant() {
    let server = Server::default();
    let port = server.address.port();
    let folder = folder("");
    let env = format!(
        "REVERB_APP_ID=1001\nREVERB_APP_KEY=resound-key\nREVERB_APP_SECRET=resound-secret\n\
         REVERB_HOST=127.0.0.1\nREVERB_PORT={port}\nREVERB_SCHEME=http\n"
    );
    std::fs::write(folder.path().join(".env"), env).expect("the folder is ours");
    let output = run(folder.path(), &["send", "news", "e", "1"]);
    check(&output, 0, &["sent e to news"]);
    let other = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().to_str().expect("UTF-8");
    check(&run(other.path(), &["send", "news", "e", "1", "--dir", path]), 0, &[]);
}

#[test]
fn signatures_are_shown_and_compared() {
    let folder = folder(&Settings::default().toml());
    let arguments = ["sign", "--socket-id", "123456.7891011", "--channel", "private-orders.7"];
    let output = run(folder.path(), &arguments);
    check(&output, 0, &[]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("string to sign: 123456.7891011:private-orders.7\n"), "{text}");
    let auth = "resound-key:bbbca0b81864e363c8267d09c5ae60ff73bdbc6b15a5695fb0c99cd39c999184";
    assert!(text.contains(auth), "{text}");
    let compared = run(folder.path(), &[&arguments[..], &["--compare", auth]].concat());
    check(&compared, 0, &[]);
    let wrong = run(folder.path(), &[&arguments[..], &["--compare", "resound-key:0"]].concat());
    check(&wrong, 1, &["the signature is wrong: "]);
    assert!(!String::from_utf8_lossy(&wrong.stdout).contains("resound-secret"));
}

/// What `resound sign` signs, the server takes.
#[test]
fn a_signed_request_is_taken() {
    let server = Server::default();
    let folder = folder(&Settings::default().toml());
    let body = r#"{"name":"e","channel":"news","data":"1"}"#;
    let path = "/apps/1001/events";
    let output = run(folder.path(), &["sign", "--path", path, "--body", body]);
    let text = String::from_utf8_lossy(&output.stdout);
    let query = text.lines().find_map(|line| line.strip_prefix("query:")).expect("a query").trim();
    let mut http = server.http();
    http.request("POST", &format!("{path}?{query}"), "", body).check(200, "{}");
}

#[test]
fn a_wrong_call_is_told_from_a_failure() {
    let folder = folder("");
    for (arguments, reason) in [
        (&["listen"][..], "<CHANNEL>"),
        (&["listen", "a b"], "a channel name has only letters"),
        (&["listen", "a", "--count", "0"], "--count"),
        (&["send", "news", "e", "hello"], "it is no JSON"),
        (&["send", "news", "e", "1", "--to-others", "me"], "two numbers"),
        (&["send", "news", "e", "1", "--url", "localhost"], "http://localhost:8080"),
        (&["sign"], "required"),
        (&["sign", "--channel", "private-a"], "--socket-id"),
    ] {
        check(&run(folder.path(), arguments), 2, &[reason]);
    }
}

#[test]
fn over_tls_the_machines_roots_are_trusted() {
    let server = tls_client::start();
    let folder = folder(&Settings::default().toml());
    let url = format!("https://localhost:{}", server.address.port());
    let call = |roots: Option<&str>| {
        let mut command = command(RESOUND, folder.path());
        command.args(["send", "news", "e", "1", "--url", &url]);
        command.env("SSL_CERT_FILE", tls_client::fixture(roots.unwrap_or("server.pem")));
        command.output().expect("the binary can be run")
    };
    check(&call(Some("root.pem")), 0, &["sent e to news"]);
    check(&call(None), 1, &["cannot be asked", "certificate"]);
}
