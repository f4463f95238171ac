//! The certificate of TLS: where it comes from, what may be wrong with it, and another one in its place.

use std::{fs, path::Path};

use rustix::process::Signal;
use rustls::pki_types::CertificateDer;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    client::event,
    server::{RESOUND, Server, command, folder, run},
    settings::{ID, KEY, SECRET, Settings},
    tls_client::{
        Tls, certificate, client, connect, connect_with, fixture, greeted, http, lines, usual,
    },
};

/// The certificate that a connection was shown.
fn shown(tls: &Tls) -> CertificateDer<'static> {
    tls.conn.peer_certificates().expect("every server has one")[0].clone().into_owned()
}

/// Puts a certificate and its key where the server looks for them.
fn install(folder: &Path, cert: &str, key: &str) {
    fs::copy(fixture(cert), folder.join("tls.pem")).expect("the folder is ours");
    fs::copy(fixture(key), folder.join("tls.key")).expect("the folder is ours");
}

const RELATIVE: &str = "shards = 2\n[tls]\ncert = \"tls.pem\"\nkey = \"tls.key\"";

/// A server whose certificate stands in its folder.
fn start(cert: &str, key: &str) -> Server {
    let folder = folder(&Settings::server(RELATIVE).toml());
    install(folder.path(), cert, key);
    let mut command = command(RESOUND, folder.path());
    command.args(["start", "--port", "0", "--log", "json"]);
    Server::spawn(command, folder)
}

#[track_caller]
fn check_refused(server: &Server, reason: &str) {
    server.signal(Signal::HUP);
    let line = server.log.wait_for_event(reason, |event| {
        event["level"] == "ERROR" && event["message"].to_string().contains(reason)
    });
    let message = line["message"].as_str().expect("a text");
    assert!(message.starts_with("reload refused, everything stays as it was: "), "{message}");
}

#[test]
fn after_a_reload_new_connections_are_shown_the_new_one_and_old_ones_stay() {
    let server = start("second.pem", "second.key");
    let mut old = client(&server);
    old.subscribe("news");
    assert_eq!(shown(&old.stream), certificate("second.pem"));
    let chain = fs::read_to_string(fixture("chain.pem")).expect("a fixture");
    let cert = fs::read_to_string(fixture("server.pem")).expect("a fixture") + &chain;
    install(&server.file(""), "server.pem", "server.key");
    fs::write(server.file("tls.pem"), cert).expect("the folder is ours");
    server.signal(Signal::HUP);
    server.log.wait_for("reloaded");
    let new = connect(&server);
    assert_eq!(shown(&new), certificate("server.pem"));
    http(&server).publish("news", "e", "x");
    old.expect(event("e", "news", "x"));
    // Other files count, too.
    let [cert, key] = ["second.pem", "second.key"].map(fixture);
    let elsewhere = format!("shards = 2\n[tls]\ncert = {cert:?}\nkey = {key:?}");
    server.write_toml(&Settings::server(&elsewhere).toml());
    server.signal(Signal::HUP);
    server.wait_until(|| shown(&connect(&server)) == certificate("second.pem"));
    old.expect_pong();
}

#[test]
fn a_new_one_that_is_broken_leaves_the_old_one() {
    let server = start("second.pem", "second.key");
    let mut old = client(&server);
    install(&server.file(""), "server.pem", "second.key");
    check_refused(&server, "does not belong to the first certificate");
    install(&server.file(""), "second.pem", "server-aes256.key");
    check_refused(&server, "is encrypted, and there is no tls.passphrase");
    fs::write(server.file("tls.key"), "").expect("the folder is ours");
    check_refused(&server, "tls.key (tls.key) has no private key: it is empty");
    fs::remove_file(server.file("tls.pem")).expect("it is there");
    check_refused(&server, "(tls.cert): No such file or directory");
    assert_eq!(shown(&connect(&server)), certificate("second.pem"));
    old.expect_pong();
    install(&server.file(""), "second.pem", "second.key");
    server.signal(Signal::HUP);
    server.log.wait_for("reloaded");
    client(&server).expect_pong();
}

#[test]
fn tls_comes_and_goes_with_a_restart_only() {
    let server = start("second.pem", "second.key");
    server.write_toml(&Settings::default().toml());
    server.signal(Signal::HUP);
    let line = server.log.wait_for("TLS stays, with its certificate, until a restart");
    assert_eq!(line["level"], "WARN");
    client(&server).expect_pong();
    let plain = Server::default();
    plain.write_toml(&Settings::server(&lines("shards = 2")).toml());
    plain.signal(Signal::HUP);
    assert_eq!(plain.log.wait_for("TLS has no effect before a restart")["level"], "WARN");
    plain.connect().expect_pong();
}

#[track_caller]
fn check_no_start(toml: &str, expected: &str) {
    let folder = folder(&format!("host = \"127.0.0.1\"\nport = 0\n{toml}"));
    install(folder.path(), "server.pem", "server.key");
    let output = run(folder.path(), &["start"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    let place = format!("{}/", folder.path().display());
    assert_eq!(stderr.replace(&place, "").trim_end(), format!("resound: {expected}"));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "no banner");
}

#[test]
fn a_server_that_cannot_use_its_certificate_does_not_start() {
    check_no_start(
        "[tls]\ncert = \"nowhere.pem\"\nkey = \"tls.key\"",
        "cannot read nowhere.pem (tls.cert): No such file or directory (os error 2)",
    );
    check_no_start(
        "[tls]\ncert = \"tls.pem\"\nkey = \"tls.pem\"",
        "tls.pem (tls.key) has no private key: it has a certificate, which belongs to tls.cert",
    );
    check_no_start(
        "[tls]\ncert = \"tls.pem\"",
        "tls.cert in resound.toml:4 is \"tls.pem\", expected tls.key beside it",
    );
    check_no_start(
        "[tls]\nkey = \"tls.key\"",
        "tls.key in resound.toml:4 is \"tls.key\", expected tls.cert beside it",
    );
    check_no_start(
        "[tls]\ncert = \"tls.pem\"\nkey = \"tls.key\"\npassphrase = []",
        "tls.passphrase in resound.toml:6 is (hidden), expected a text",
    );
    check_no_start(
        "[tls]\ncerts = \"tls.pem\"",
        "tls.certs in resound.toml:4 is no setting, did you mean tls.cert?",
    );
}

/// A file as `laravel-echo-server init` writes it when the answer is https.
fn echo_server_file(more: &Value) -> String {
    let mut file = json!({
        "authHost": "http://localhost", "authEndpoint": "/broadcasting/auth",
        "clients": [{ "appId": ID, "key": "b2e1c5f00f8f6a3f7c2d1e0b9a8f7c6d" }],
        "database": "redis",
        "databaseConfig": { "redis": {}, "sqlite": { "databasePath": "/database/laravel-echo-server.sqlite" } },
        "devMode": false, "host": "127.0.0.1", "port": "6001", "protocol": "https", "socketio": {},
        "secureOptions": 67_108_864, "sslCertPath": "tls.pem", "sslKeyPath": "tls.key",
        "sslCertChainPath": "", "sslPassphrase": "",
        "subscribers": { "http": true, "redis": false },
        "apiOriginAllow": { "allowCors": false, "allowOrigin": "", "allowMethods": "", "allowHeaders": "" }
    });
    for (key, value) in more.as_object().expect("an object") {
        file[key] = value.clone();
    }
    file.to_string()
}

#[track_caller]
fn check_echo_server(key: &str, more: &Value, env: &[(&str, &str)]) {
    let folder = TempDir::new().expect("a folder");
    install(folder.path(), "server.pem", key);
    fs::copy(fixture("chain.pem"), folder.path().join("chain.pem")).expect("the folder is ours");
    fs::write(folder.path().join("les.json"), echo_server_file(more)).expect("the folder is ours");
    let mut command = command(RESOUND, folder.path());
    command.args(["start", "--port", "0", "--log", "json", "--config", "les.json"]);
    command.envs([("REVERB_APP_ID", ID), ("REVERB_APP_KEY", KEY), ("REVERB_APP_SECRET", SECRET)]);
    command.envs(env.iter().copied());
    let server = Server::spawn(command, folder);
    let mut client = greeted(connect_with(&server, usual()));
    client.subscribe("news");
    let headers = "Authorization: Bearer b2e1c5f00f8f6a3f7c2d1e0b9a8f7c6d\r\n";
    let body = r#"{"channel":"news","name":"Posted","data":{"id":1}}"#;
    let answer = http(&server).request("POST", &format!("/apps/{ID}/events"), headers, body);
    answer.check(200, r#"{"message":"ok"}"#);
    client.expect(event("Posted", "news", r#"{"id":1}"#));
    let lines = server.log.lines();
    assert!(
        lines.iter().all(|line| !line.contains("WARN") && !line.contains("words")),
        "{lines:?}"
    );
}

#[test]
fn a_configuration_of_laravel_echo_server_with_https_starts_unchanged() {
    let chain = json!({ "sslCertChainPath": "chain.pem" });
    check_echo_server("server.key", &chain, &[]);
    let passphrase = json!({ "sslCertChainPath": "chain.pem", "sslPassphrase": "words" });
    check_echo_server("server-aes256.key", &passphrase, &[]);
    let env = [
        ("LARAVEL_ECHO_SERVER_PROTO", "https"),
        ("LARAVEL_ECHO_SERVER_SSL_CHAIN", "chain.pem"),
        ("LARAVEL_ECHO_SERVER_SSL_PASS", "words"),
    ];
    check_echo_server("server-des3.key", &json!({ "protocol": "http" }), &env);
}
