//! The ways to a Redis: sockets, TCP, TLS, passwords, and the command line.

use std::{fs, path::Path, process::Command};

use crate::{
    client::Client,
    redis_server::{Redis, delivered, free_port, payload},
    server::{RESOUND, Server, command, folder, run},
    settings::Settings,
};

const PASSWORD: &str = "p%40ss-w0rd"; // "p@ss-w0rd" in a URL
const PASSWORD_DECODED: &str = "p@ss-w0rd";

/// A server of this URL, with these variables.
fn server(url: &str, env: &[(&str, &str)]) -> Server {
    let folder = folder(&Settings::default().toml());
    let mut command = command(RESOUND, folder.path());
    command.args(["start", "--port", "0", "--log", "json", "--debug", "--redis", url]);
    Server::spawn(
        {
            command.envs(env.iter().copied());
            command
        },
        folder,
    )
}

/// A subscriber of `news`.
fn subscriber(server: &Server) -> Client {
    let mut client = server.connect();
    client.subscribe("news");
    client
}

/// Checks that a server of this URL gets events.
#[track_caller]
fn check(redis: &Redis, url: &str, env: &[(&str, &str)], password: Option<&str>) {
    let server = server(url, env);
    let connected = server.log.wait_for("Redis is connected");
    let mut client = subscriber(&server);
    let mut publisher = redis.publisher();
    if let Some(password) = password {
        assert!(publisher.ask(&["AUTH", password]).starts_with("+OK"));
    }
    publisher.publish("laravel_database_news", payload(1));
    client.expect(delivered("news", 1));
    assert!(!connected["url"].to_string().contains('@'), "{connected}");
    check_no_secret(&server);
}

#[track_caller]
fn check_no_secret(server: &Server) {
    for line in server.log.lines() {
        assert!(!line.contains(PASSWORD) && !line.contains(PASSWORD_DECODED), "{line}");
    }
}

#[test]
fn a_socket_and_tcp_lead_to_redis_whatever_database_is_named() {
    let port = free_port().to_string();
    let redis = Redis::start_with(&["--port", &port]);
    check(&redis, &redis.url(), &[], None);
    check(&redis, &format!("{}?db=3", redis.url()), &[], None);
    check(&redis, &format!("redis://127.0.0.1:{port}"), &[], None);
    check(&redis, &format!("redis://localhost:{port}/999"), &[], None);
}

#[test]
fn passwords_and_users_are_taken_and_never_shown() {
    let port = free_port().to_string();
    let user = format!("on >{PASSWORD_DECODED} ~* &laravel* +psubscribe +ping +auth");
    let arguments = ["--port", &port, "--requirepass", PASSWORD_DECODED, "--user", "ann"];
    let user: Vec<_> = user.split(' ').collect();
    let redis = Redis::start_with(&[&arguments[..], &user].concat());
    let password = Some(PASSWORD_DECODED);
    check(&redis, &format!("redis://:{PASSWORD}@127.0.0.1:{port}/0"), &[], password);
    check(&redis, &format!("redis://default:{PASSWORD}@127.0.0.1:{port}"), &[], password);
    check(&redis, &format!("{}?pass={PASSWORD}", redis.url()), &[], password);
}

#[test]
fn a_user_who_may_see_our_channels_only_is_enough() {
    let user = "ann on >p@ss-w0rd resetchannels &laravel_database_* &laravel-database-* +@all";
    let user: Vec<_> = user.split(' ').collect();
    let redis = Redis::start_with(&[&["--user"], &user[..]].concat());
    check(&redis, &format!("{}?user=ann&pass={PASSWORD}", redis.url()), &[], None);
}

#[test]
fn a_wrong_password_is_told_without_the_password() {
    let redis = Redis::start_with(&["--requirepass", "another"]);
    for (url, reason) in
        [(format!("{}?pass={PASSWORD}", redis.url()), "WRONGPASS"), (redis.url(), "NOAUTH")]
    {
        let server = server(&url, &[]);
        let message = "Redis refuses the bridge; check redis.url, the bridge tries on";
        let warning = server.log.wait_for(message);
        assert_eq!(warning["level"], "WARN");
        let given = warning["reason"].as_str().expect("a text");
        assert!(given.contains(reason), "{given}");
        server.log.wait_for("Redis cannot be reached yet"); // it tries again, and says so in the debug log
        let warnings = server.log.events().iter().filter(|e| e["level"] == "WARN").count();
        assert_eq!(warnings, 1);
        assert_eq!(server.get("/ready").status, 503);
        check_no_secret(&server);
    }
}

/// A certificate for this machine that signs itself.
fn certificate(folder: &Path) {
    let status = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
        ])
        .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", "key.pem", "-out", "certificate.pem"])
        .current_dir(folder)
        .output()
        .expect("openssl is installed");
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
}

#[test]
fn tls_is_spoken_with_those_whom_we_trust() {
    let folder = tempfile::TempDir::new().expect("a folder");
    certificate(folder.path());
    let file = |name| folder.path().join(name).display().to_string();
    let (port, pem) = (free_port().to_string(), file("certificate.pem"));
    let redis = Redis::start_with(&[
        "--tls-port",
        &port,
        "--tls-cert-file",
        &pem,
        "--tls-key-file",
        &file("key.pem"),
        "--tls-ca-cert-file",
        &pem,
        "--tls-auth-clients",
        "no",
    ]);
    check(&redis, &format!("rediss://127.0.0.1:{port}#insecure"), &[], None);
    let trusted = [("SSL_CERT_FILE", &*pem)];
    check(&redis, &format!("rediss://localhost:{port}"), &trusted, None);
    check(&redis, &format!("tls://127.0.0.1:{port}"), &[("SSL_CERT_FILE", &*pem)], None);
    certificate(folder.path()); // another one, which Redis does not have
    let server = server(&format!("rediss://localhost:{port}"), &trusted);
    let warning =
        server.log.wait_for("Redis refuses the bridge; check redis.url, the bridge tries on");
    let reason = warning["reason"].as_str().expect("a text");
    assert!(reason.starts_with("TLS: invalid peer certificate"), "{reason}");
}

#[test]
fn the_flag_alone_takes_the_redis_of_the_env_file() {
    let port = free_port().to_string();
    let redis = Redis::start_with(&["--port", &port, "--requirepass", PASSWORD_DECODED]);
    let env =
        format!("REDIS_HOST=127.0.0.1\nREDIS_PORT={port}\nREDIS_PASSWORD={PASSWORD_DECODED}\n");
    let folder = folder(&Settings::default().toml());
    fs::write(folder.path().join(".env"), env).expect("the folder is ours");
    let mut command = command(RESOUND, folder.path());
    command.args(["start", "--port", "0", "--log", "json", "--redis"]);
    let server = Server::spawn(command, folder);
    server.log.wait_for("Redis is connected");
    assert_eq!(server.get("/ready").status, 200);
    drop(redis);
}

#[test]
fn without_a_bridge_the_redis_of_the_env_file_does_not_matter() {
    let folder = folder(&Settings::default().toml());
    let env = "REDIS_HOST=127.0.0.1\nREDIS_PORT=tcp://10.0.0.1:6379\nREDIS_PASSWORD=a b\n";
    fs::write(folder.path().join(".env"), env).expect("the folder is ours");
    let mut command = command(RESOUND, folder.path());
    command.args(["start", "--port", "0", "--log", "json"]).env("REDIS_URL", "nonsense");
    let server = Server::spawn(command, folder);
    assert_eq!(server.get("/ready").status, 200);
    assert!(!server.get("/metrics").body.contains("redis"));
}

#[test]
fn an_address_that_is_none_is_told_without_its_password() {
    let check = |arguments: &[&str], toml: &str, text: &str| {
        let folder = folder(&Settings::server(toml).toml());
        let output = run(folder.path(), &[&["start", "--port", "0"], arguments].concat());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(text) && !stderr.contains("s3cret"), "{stderr}");
    };
    check(
        &["--redis", "http://:s3cret@h"],
        "",
        "--redis is (hidden), expected a URL such as redis://",
    );
    check(&[], "[redis]\nurl = \"redis://:s3cret@h:x\"", "redis.url in resound.toml:3 is (hidden)");
}
