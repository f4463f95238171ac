//! Files of laravel-echo-server, and what becomes of them.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::PathBuf};

use expect_test::{Expect, expect};
use tempfile::TempDir;

use super::*;
use crate::config::{ConfigErrors, Flags, Loaded, load, settings::server_settings};

/// What `laravel-echo-server init` (1.6.3) writes when every question is answered with its default,
/// and a client is asked for.
const INIT: &str = r#"{
	"authHost": "http://localhost",
	"authEndpoint": "/broadcasting/auth",
	"clients": [
		{
			"appId": "8a1c38d2f0c0a7b5",
			"key": "b2e1c5f00f8f6a3f7c2d1e0b9a8f7c6d"
		}
	],
	"database": "redis",
	"databaseConfig": {
		"redis": {},
		"sqlite": {
			"databasePath": "/database/laravel-echo-server.sqlite"
		}
	},
	"devMode": false,
	"host": null,
	"port": "6001",
	"protocol": "http",
	"socketio": {},
	"secureOptions": 67108864,
	"sslCertPath": "",
	"sslKeyPath": "",
	"sslCertChainPath": "",
	"sslPassphrase": "",
	"subscribers": {
		"http": true,
		"redis": true
	},
	"apiOriginAllow": {
		"allowCors": false,
		"allowOrigin": "",
		"allowMethods": "",
		"allowHeaders": ""
	}
}"#;

fn variables_of(env: &[(&str, &str)]) -> BTreeMap<String, String> {
    env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn read_with(json: &str, env: &[(&str, &str)]) -> Result<EchoServerFile, Vec<ConfigError>> {
    let env = variables_of(env);
    let file = File { name: "les.json".to_owned(), content: json.into() };
    read(Some(&file), &Environment::new(&env, None))
}

/// Everything that became of a file, a line each.
fn shown(file: &EchoServerFile) -> String {
    let mut text = String::new();
    for (key, value) in &file.server.values {
        assert!(server_settings().any(|setting| setting.key == key), "{key}");
        let _ = writeln!(text, "{key} = {} ({})", value.raw, value.origin);
    }
    for client in &file.clients {
        let _ = writeln!(text, "client {} {}", client.id, client.key);
    }
    if let Some(origins) = &file.origins {
        let _ = writeln!(text, "origins {}", origins.raw);
    }
    if !file.config.http_events {
        text.push_str("no events over HTTP\n");
    }
    for (name, value) in &file.config.api_headers {
        let _ = writeln!(text, "{name}: {}", value.to_str().expect("ASCII"));
    }
    for warning in &file.warnings {
        let _ = writeln!(text, "! {warning}");
    }
    text
}

/// What a file says beyond a file that says nothing.
#[track_caller]
#[allow(clippy::needless_pass_by_value, reason = "`expect!` makes an owned value")]
fn check(json: &str, expect: Expect) {
    check_with(json, &[], expect);
}

#[track_caller]
#[allow(clippy::needless_pass_by_value, reason = "`expect!` makes an owned value")]
fn check_with(json: &str, env: &[(&str, &str)], expect: Expect) {
    let nothing = shown(&read_with("{}", &[]).expect("a configuration"));
    let file = read_with(json, env).unwrap_or_else(|errors| panic!("{}", ConfigErrors(errors)));
    let beyond = shown(&file);
    let lines = beyond.lines().filter(|line| !nothing.lines().any(|usual| usual == *line));
    expect.assert_eq(&lines.fold(String::new(), |text, line| text + line + "\n"));
}

#[track_caller]
#[allow(clippy::needless_pass_by_value, reason = "`expect!` makes an owned value")]
fn check_errors(json: &str, expect: Expect) {
    let errors = read_with(json, &[]).expect_err("a mistake");
    expect.assert_eq(&ConfigErrors(errors).to_string());
}

/// Loads as `resound start` does.
fn start(
    files: &[(&str, &str)],
    env: &[(&str, &str)],
    config: Option<&str>,
) -> Result<Loaded, ConfigErrors> {
    let folder = TempDir::new().expect("a folder");
    for (name, content) in files {
        fs::write(folder.path().join(name), content).expect("a file");
    }
    let flags = Flags { config: config.map(PathBuf::from), ..Flags::default() };
    load(&flags, &variables_of(env), folder.path())
}

#[track_caller]
fn started(files: &[(&str, &str)], env: &[(&str, &str)], config: Option<&str>) -> Loaded {
    start(files, env, config).unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn what_init_writes_starts_unchanged_and_without_a_warning() {
    let file = read_with(INIT, &[]).expect("a configuration");
    expect![[r#"
        port = 6001 (port in les.json:19)
        auth.hosts = ["http://localhost"] (authHost in les.json:2)
        auth.endpoint = "/broadcasting/auth" (authEndpoint in les.json:3)
        auth.verify_tls = false (the default of laravel-echo-server)
        redis.url = "redis://127.0.0.1:6379" (databaseConfig.redis in les.json:12)
        redis.prefix = "" (the default of laravel-echo-server)
        client 8a1c38d2f0c0a7b5 b2e1c5f00f8f6a3f7c2d1e0b9a8f7c6d
    "#]]
    .assert_eq(&shown(&file));

    let Loaded { config, warnings } =
        started(&[("laravel-echo-server.json", INIT)], &[], Some("laravel-echo-server.json"));
    assert_eq!(warnings, [""; 0]);
    assert_eq!((&*config.server.host, config.server.port), ("0.0.0.0", 6001));
    let [app] = &*config.apps else { panic!("one application") };
    assert_eq!(&*app.id, "8a1c38d2f0c0a7b5");
    assert_eq!(&*app.key, "b2e1c5f00f8f6a3f7c2d1e0b9a8f7c6d");
    assert!(app.options.secret_is_drawn && app.secret.len() == 64);
}

#[test]
fn an_empty_file_has_the_defaults_of_laravel_echo_server() {
    let file = read_with("{}", &[]).expect("a configuration");
    expect![[r#"
        port = 6001 (the default of laravel-echo-server)
        auth.hosts = ["http://localhost"] (the default of laravel-echo-server)
        auth.verify_tls = false (the default of laravel-echo-server)
        redis.url = "redis://127.0.0.1:6379" (the default of laravel-echo-server)
        redis.prefix = "" (the default of laravel-echo-server)
    "#]]
    .assert_eq(&shown(&file));
    let app = &started(&[("a.json", "{}")], &[], Some("a.json")).config.apps[0];
    assert_eq!((&*app.id, &*app.key), ("laravel-echo-server", "laravel-echo-server"));
    assert!(app.options.bearer_clients.is_empty());
}

#[test]
fn each_key_of_the_process_has_its_setting() {
    check(
        r#"{"host": "127.0.0.1", "port": 6002, "devMode": true}"#,
        expect![[r#"
            host = "127.0.0.1" (host in les.json:1)
            port = 6002 (port in les.json:1)
            debug = true (devMode in les.json:1)
        "#]],
    );
    for port in ["\"6002\"", "\"tcp://10.0.0.1:6002\"", "\"http://localhost:6002/\""] {
        let file = read_with(&format!(r#"{{"port": {port}}}"#), &[]).expect("a port");
        assert_eq!(file.server.value("port").expect("given").raw, Raw::Integer(6002), "{port}");
    }
    for mode in ["false", "\"false\"", "null", "\"\""] {
        let file = read_with(&format!(r#"{{"devMode": {mode}}}"#), &[]).expect("a mode");
        assert!(file.server.value("debug").is_none() && file.warnings.is_empty(), "{mode}");
    }
    check(
        r#"{"devMode": 1}"#,
        expect![[r#"
            ! devMode in les.json:1 has no effect: it is on if it is true, and only then
        "#]],
    );
}

#[test]
fn https_needs_certificate_and_key() {
    check(
        r#"{"protocol": "https", "port": 443, "sslCertPath": "a.crt", "sslKeyPath": "a.key",
            "sslCertChainPath": "chain.crt", "sslPassphrase": "words"}"#,
        expect![[r#"
            port = 443 (port in les.json:1)
            tls.cert = "a.crt" (sslCertPath in les.json:1)
            tls.key = "a.key" (sslKeyPath in les.json:1)
            tls.chain = "chain.crt" (sslCertChainPath in les.json:2)
            tls.passphrase = "words" (sslPassphrase in les.json:2)
            public_scheme = "https" (protocol in les.json:1)
            public_port = 443 (port in les.json:1)
        "#]],
    );
    check(r#"{"protocol": "http", "sslCertPath": "a.crt", "sslKeyPath": "a.key"}"#, expect![""]);
    check_errors(
        r#"{"protocol": "https"}"#,
        expect![[r#"
            the configuration has 2 errors
              - protocol in les.json:1 is "https", expected sslCertPath beside it
              - protocol in les.json:1 is "https", expected sslKeyPath beside it"#]],
    );
    check_errors(
        r#"{"protocol": "wss"}"#,
        expect![[r#"protocol in les.json:1 is "wss", expected http or https"#]],
    );
}

#[test]
fn the_authorising_host_is_one_or_several() {
    check(
        r#"{"authHost": "http://app:8000", "authEndpoint": "/api/broadcasting/auth"}"#,
        expect![[r#"
            auth.hosts = ["http://app:8000"] (authHost in les.json:1)
            auth.endpoint = "/api/broadcasting/auth" (authEndpoint in les.json:1)
        "#]],
    );
    check(
        r#"{"authHost": ["https://a.example", ".b.example"]}"#,
        expect![[r#"
            auth.hosts = ["https://a.example", ".b.example"] (authHost in les.json:1)
            ! authHost in les.json:1 is asked without a check of its certificate, as laravel-echo-server did; RESOUND_AUTH_VERIFY_TLS=true checks it
        "#]],
    );
    check(r#"{"authHost": ""}"#, expect![""]);
    check(r#"{"authHost": []}"#, expect![""]);
}

#[test]
fn redis_is_reached_as_ioredis_would() {
    let url = |redis: &str| {
        let json = format!(r#"{{"databaseConfig": {{"redis": {redis}}}}}"#);
        let file = read_with(&json, &[]).unwrap_or_else(|e| panic!("{}", ConfigErrors(e)));
        assert_eq!(file.warnings, [""; 0]);
        file.server.value("redis.url").expect("given").text().expect("a text")
    };
    for (redis, expected) in [
        ("{}", "redis://127.0.0.1:6379"),
        (r#"{"host": "redis", "port": 6380}"#, "redis://redis:6380"),
        (r#"{"host": "redis", "port": "6380", "db": "3"}"#, "redis://redis:6380/3"),
        (r#"{"host": "::1", "password": ""}"#, "redis://[::1]:6379"),
        (r#"{"password": "p@ss/w:rd"}"#, "redis://:p%40ss%2Fw%3Ard@127.0.0.1:6379"),
        (r#"{"username": "me", "password": "é"}"#, "redis://me:%C3%A9@127.0.0.1:6379"),
        (r#"{"host": "redis", "tls": {}}"#, "rediss://redis:6379"),
        (r#"{"path": "/run/redis.sock"}"#, "unix:///run/redis.sock"),
        (
            r#"{"path": "/run/redis.sock", "password": "a b", "db": 2}"#,
            "unix:///run/redis.sock?db=2&pass=a%20b",
        ),
        (r#""redis://redis:7000/1""#, "redis://redis:7000/1"),
        (r#""/run/redis.sock""#, "unix:///run/redis.sock"),
    ] {
        assert_eq!(url(redis), expected, "{redis}");
    }
}

#[test]
fn events_and_presence_of_redis_have_their_switches() {
    check(
        r#"{"databaseConfig": {"redis": {"keyPrefix": "shop_"}, "publishPresence": true}}"#,
        expect![[r#"
            redis.prefix = "shop_" (databaseConfig.redis.keyPrefix in les.json:1)
            redis.publish_presence = true (databaseConfig.publishPresence in les.json:1)
        "#]],
    );
    check(
        r#"{"databaseConfig": {"redis": {"retryStrategy": 1, "tls": {"ca": "x"}}}}"#,
        expect![[r#"
            redis.url = "rediss://127.0.0.1:6379" (the default of laravel-echo-server)
            ! databaseConfig.redis.retryStrategy in les.json:1 has no effect
            ! databaseConfig.redis.tls.ca in les.json:1 has no effect
        "#]],
    );
    check(
        r#"{"database": "sqlite", "databaseConfig": {"publishPresence": true}}"#,
        expect![[r#"
            ! databaseConfig.publishPresence in les.json:1 has no effect: it needs subscribers.redis, and redis as the database
            ! database in les.json:1 has no effect: the members of presence channels are kept in memory
        "#]],
    );
    let off = read_with(r#"{"subscribers": {"http": true, "redis": false}}"#, &[]).expect("off");
    assert!(!off.server.values.iter().any(|(key, _)| key.starts_with("redis.")));
    assert!(off.config.http_events);
    // laravel-echo-server's defaults are not merged into the object.
    let off = read_with(r#"{"subscribers": {"redis": true}}"#, &[]).expect("off");
    assert!(off.server.value("redis.url").is_some() && !off.config.http_events);
    let off = read_with(r#"{"subscribers": {}}"#, &[]).expect("off");
    assert!(off.server.value("redis.url").is_none() && !off.config.http_events);
}

#[test]
fn a_redis_behind_sentinels_is_refused() {
    check_errors(
        r#"{"databaseConfig": {"redis": {
            "sentinels": [{"host": "a", "port": 26379}, {"host": "b", "port": 26379}],
            "name": "mymaster"}}}"#,
        expect![[
            r#"databaseConfig.redis.name in les.json:3 is there, expected host and port of one Redis server: sentinels and clusters are not supported"#
        ]],
    );
    check_errors(
        r#"{"databaseConfig": {"redis": {"port": "x", "db": -1, "password": ["secret"]}}}"#,
        expect![[r#"
            the configuration has 3 errors
              - databaseConfig.redis.port in les.json:1 is "x", expected a whole number from 0 to 65535
              - databaseConfig.redis.password in les.json:1 is (hidden), expected a text
              - databaseConfig.redis.db in les.json:1 is -1, expected a whole number from 0 to 4294967295"#]],
    );
}

#[test]
fn the_options_of_socket_io_are_mapped_or_named() {
    check(
        r#"{"socketio": {"path": "/ws", "pingInterval": 10000, "pingTimeout": 4500,
            "maxHttpBufferSize": 5000, "origins": "http://a.example:80 b.example:*",
            "transports": ["polling", "websocket"], "serveClient": true, "cookie": false}}"#,
        expect![[r#"
            socketio.path = "/ws" (socketio.path in les.json:1)
            socketio.max_payload = 5000 (socketio.maxHttpBufferSize in les.json:2)
            socketio.ping_interval = 10 (socketio.pingInterval in les.json:1)
            socketio.ping_timeout = 5 (socketio.pingTimeout in les.json:1)
            origins ["http://a.example:80", "b.example"]
        "#]],
    );
    check(
        r#"{"socketio": {"transports": ["websocket"], "cookie": "io", "perMessageDeflate": true,
            "origins": ["https://a.example:*", "*:*"]}}"#,
        expect![[r#"
            origins ["a.example", "*"]
            ! socketio.cookie in les.json:1 has no effect
            ! socketio.perMessageDeflate in les.json:1 has no effect
            ! socketio.transports in les.json:1 has no effect
        "#]],
    );
    check_errors(
        r#"{"socketio": {"pingInterval": "often", "origins": 7}}"#,
        expect![[r#"
            the configuration has 2 errors
              - socketio.pingInterval in les.json:1 is "often", expected a whole number from 1 to 86400000, in milliseconds
              - socketio.origins in les.json:1 is 7, expected a list of texts"#]],
    );
}

#[test]
fn the_headers_of_the_api_are_configured() {
    let cors = r#""allowOrigin": "http://a.example", "allowMethods": "GET, POST",
        "allowHeaders": "Origin, Authorization""#;
    check(
        &format!(
            r#"{{"apiOriginAllow": {{"allowCors": true, {cors}}}, "headers": {{"X-A": "b"}}}}"#
        ),
        expect![[r#"
            x-a: b
            access-control-allow-origin: http://a.example
            access-control-allow-methods: GET, POST
            access-control-allow-headers: Origin, Authorization
        "#]],
    );
    check(&format!(r#"{{"apiOriginAllow": {{"allowCors": false, {cors}}}}}"#), expect![""]);
    check_errors(
        r#"{"headers": {"X A": "b"}, "apiOriginAllow": {"allowCors": true, "allowOrigin": "a\nb"}}"#,
        expect![[r#"
            the configuration has 2 errors
              - headers.X A in les.json:1 is "b", expected what may stand in a header
              - apiOriginAllow.allowOrigin in les.json:1 is "a\nb", expected what may stand in a header"#]],
    );
}

#[test]
fn clients_have_an_id_and_a_key() {
    check(
        r#"{"clients": [{"appId": "a", "key": "k1"}, {"appId": "b", "key": "k2", "note": "x"},
            {"appId": "a", "key": "k3"}]}"#,
        expect![[r#"
            client a k1
            client b k2
            ! clients[1].note in les.json:1 has no effect
            ! clients[2].appId in les.json:2 has no effect: an earlier client has the same id
        "#]],
    );
    check_errors(
        r#"{"clients": [{"appId": "a"}, {"key": "k"}]}"#,
        expect![[r#"
            the configuration has 2 errors
              - clients[0] (clients[0].appId in les.json:1) has no key
              - clients[1] (clients[1].key in les.json:1) has no appId"#]],
    );
    check_errors(
        r#"{"clients": ["a"]}"#,
        expect![[
            r#"clients in les.json:1 is ["a"], expected a list of objects with appId and key"#
        ]],
    );
}

#[test]
fn an_unknown_key_is_a_warning() {
    check(
        r#"{"authHost": "http://localhost", "verifyAuthServer": true, "referrers": [{"a": 1}]}"#,
        expect![[r#"
            auth.hosts = ["http://localhost"] (authHost in les.json:1)
            ! referrers[0].a in les.json:1 has no effect
            ! verifyAuthServer in les.json:1 has no effect
        "#]],
    );
    check(
        r#"{"protocol": "http", "secureOptions": 1}"#,
        expect![[r#"
            ! secureOptions in les.json:1 has no effect: TLS 1.2 and 1.3 are spoken, nothing older
        "#]],
    );
}

#[test]
fn the_json_of_something_else_is_refused() {
    check_errors(
        r#"{"name": "shop", "version": "1.0", "dependencies": {"laravel-echo": "^2"}}"#,
        expect![
            "cannot read les.json: it is no configuration of laravel-echo-server, whose JSON has keys such as authHost and databaseConfig; this one has dependencies, name, version"
        ],
    );
    // soketi's
    check_errors(
        r#"{"debug": true, "port": 6001, "appManager.array.apps": [{"id": "a", "key": "b"}]}"#,
        expect![
            "cannot read les.json: it is no configuration of laravel-echo-server, whose JSON has keys such as authHost and databaseConfig; this one has appManager, debug, port"
        ],
    );
    check_errors("{\n\"port\": 6001,\n}", expect!["les.json:3: trailing comma"]);
    let file = read_with(r#"{"host": "127.0.0.1", "port": 6001}"#, &[]);
    assert!(file.is_ok(), "keys that others have, too");
}

#[test]
fn each_variable_is_stronger_than_its_key() {
    let json = r#"{"authHost": "http://a", "host": "a", "port": 1, "devMode": false, "protocol": "http",
        "databaseConfig": {"redis": {"host": "a", "port": 1, "password": "a"}}}"#;
    check_with(
        json,
        &[
            ("LARAVEL_ECHO_SERVER_AUTH_HOST", "http://b"),
            ("LARAVEL_ECHO_SERVER_DEBUG", "true"),
            ("LARAVEL_ECHO_SERVER_HOST", "b"),
            ("LARAVEL_ECHO_SERVER_PORT", "2"),
            ("LARAVEL_ECHO_SERVER_PROTO", "https"),
            ("LARAVEL_ECHO_SERVER_REDIS_HOST", "b"),
            ("LARAVEL_ECHO_SERVER_REDIS_PORT", "2"),
            ("LARAVEL_ECHO_SERVER_REDIS_PASSWORD", "b"),
            ("LARAVEL_ECHO_SERVER_SSL_CERT", "b.crt"),
            ("LARAVEL_ECHO_SERVER_SSL_KEY", "b.key"),
            ("LARAVEL_ECHO_SERVER_SSL_CHAIN", "b.chain"),
            ("LARAVEL_ECHO_SERVER_SSL_PASS", "b"),
        ],
        expect![[r#"
            host = "b" (LARAVEL_ECHO_SERVER_HOST in the environment)
            port = 2 (LARAVEL_ECHO_SERVER_PORT in the environment)
            debug = "true" (LARAVEL_ECHO_SERVER_DEBUG in the environment)
            tls.cert = "b.crt" (LARAVEL_ECHO_SERVER_SSL_CERT in the environment)
            tls.key = "b.key" (LARAVEL_ECHO_SERVER_SSL_KEY in the environment)
            tls.chain = "b.chain" (LARAVEL_ECHO_SERVER_SSL_CHAIN in the environment)
            tls.passphrase = "b" (LARAVEL_ECHO_SERVER_SSL_PASS in the environment)
            public_scheme = "https" (LARAVEL_ECHO_SERVER_PROTO in the environment)
            public_port = 2 (LARAVEL_ECHO_SERVER_PORT in the environment)
            auth.hosts = "http://b" (LARAVEL_ECHO_SERVER_AUTH_HOST in the environment)
            redis.url = "redis://:b@b:2" (LARAVEL_ECHO_SERVER_REDIS_HOST in the environment)
        "#]],
    );
}

#[test]
fn a_variable_may_refer_to_another_one() {
    let env = [
        ("LARAVEL_ECHO_SERVER_AUTH_HOST", "${APP_URL}"),
        ("LARAVEL_ECHO_SERVER_REDIS_HOST", "redis.${DOMAIN}"),
        ("LARAVEL_ECHO_SERVER_REDIS_PASSWORD", "${NOBODY}"),
        ("APP_URL", "http://${DOMAIN}"),
        ("DOMAIN", "a.example"),
    ];
    check_with(
        "{}",
        &env,
        expect![[r#"
            auth.hosts = "http://${DOMAIN}" (LARAVEL_ECHO_SERVER_AUTH_HOST in the environment)
            redis.url = "redis://redis.a.example:6379" (LARAVEL_ECHO_SERVER_REDIS_HOST in the environment)
        "#]],
    );
}

#[test]
fn the_file_is_found_when_there_is_no_resound_toml() {
    let json = ("laravel-echo-server.json", r#"{"port": 6005, "clients": []}"#);
    let Loaded { config, warnings } = started(&[json], &[], None);
    assert_eq!(config.server.port, 6005);
    let source = config.server.echo_server.map(|echo_server| echo_server.source);
    assert_eq!(source.as_deref(), Some("laravel-echo-server.json"));
    assert_eq!(
        warnings,
        ["there is no resound.toml: laravel-echo-server.json is read in its place"]
    );

    let toml = ("resound.toml", "port = 8081");
    let Loaded { config, warnings } = started(&[json, toml], &[], None);
    assert_eq!((config.server.port, config.server.echo_server), (8081, None));
    assert_eq!(warnings, [""; 0]);
    let both = started(&[json, toml], &[], Some("laravel-echo-server.json")).config;
    assert_eq!(both.server.port, 6005);
}

#[test]
fn the_environment_alone_is_a_configuration() {
    let port = ("LARAVEL_ECHO_SERVER_PORT", "6003");
    let config = started(&[], &[port], None).config;
    assert_eq!(config.server.port, 6003);
    let source = config.server.echo_server.map(|echo_server| echo_server.source);
    assert_eq!(source.as_deref(), Some("the environment (LARAVEL_ECHO_SERVER_*)"));
    let dotenv = (".env", "LARAVEL_ECHO_SERVER_PORT=6004\nLARAVEL_ECHO_SERVER_HOST=127.0.0.1");
    let config = started(&[dotenv], &[], None).config;
    assert_eq!((config.server.port, &*config.server.host), (6004, "127.0.0.1"));
    assert_eq!(started(&[dotenv], &[port], None).config.server.port, 6003);

    // What Kubernetes gives every container.
    let injected = ("LARAVEL_ECHO_SERVER_PORT", "tcp://10.0.0.1:6001");
    assert_eq!(started(&[], &[injected], None).config.server.echo_server, None);
}

#[test]
fn variables_without_laravel_echo_server_are_named() {
    let app = [
        ("REVERB_APP_ID", "1"),
        ("REVERB_APP_KEY", "k"),
        ("REVERB_APP_SECRET", "0123456789abcdef"),
        ("LARAVEL_ECHO_SERVER_PORT", "6001"),
        ("LARAVEL_ECHO_SERVER_AUTH_HOST", "http://a"),
    ];
    let Loaded { config, warnings } = started(&[], &app, None);
    assert_eq!((config.server.port, config.server.echo_server), (8080, None));
    assert_eq!(
        warnings,
        [
            "LARAVEL_ECHO_SERVER_PORT in the environment has no effect: the configuration is not that of \
          laravel-echo-server"
        ]
    );
    let slip = ("LARAVEL_ECHO_SERVER_PROT", "6001");
    let warnings = started(&[], &[slip], None).warnings;
    assert_eq!(
        warnings,
        ["LARAVEL_ECHO_SERVER_PROT in the environment is no setting and is ignored, did you mean \
          LARAVEL_ECHO_SERVER_PORT?"]
    );
}

#[test]
fn our_own_variables_are_stronger() {
    let env = [("RESOUND_PORT", "7000"), ("LARAVEL_ECHO_SERVER_PORT", "7001")];
    let config = started(&[("a.json", r#"{"port": 7002}"#)], &env, Some("a.json")).config;
    assert_eq!(config.server.port, 7000);
    let errors = start(&[("a.json", "{\n\"port\": 99999}")], &[], Some("a.json"));
    assert_eq!(
        errors.expect_err("no port").to_string(),
        "port in a.json:2 is 99999, expected a whole number from 0 to 65535"
    );
    let errors = start(&[("a.json", r#"{"socketio": {"origins": "a b:x"}}"#)], &[], Some("a.json"));
    assert_eq!(
        errors.expect_err("no origin").to_string(),
        "socketio.origins in a.json:1 is [\"a\", \"b:x\"], expected origins such as https://a.example, \
         a.example or *.a.example, which \"b:x\" is not"
    );
}

const CLIENTS: (&str, &str) = ("a.json", r#"{"clients": [{"appId": "1", "key": "bearer"}]}"#);

#[test]
fn the_application_of_the_environment_is_that_of_the_clients() {
    let env = [
        ("REVERB_APP_ID", "1001"),
        ("REVERB_APP_KEY", "public"),
        ("REVERB_APP_SECRET", "0123456789abcdef"),
    ];
    let Loaded { config, warnings } = started(&[CLIENTS], &env, Some("a.json"));
    assert_eq!(warnings, [""; 0]);
    let [app] = &*config.apps else { panic!("one application") };
    assert_eq!((&*app.id, &*app.key, &*app.secret), ("1001", "public", "0123456789abcdef"));
    assert!(!app.options.secret_is_drawn);
    assert_eq!(app.options.bearer_clients, [BearerClient { id: "1".into(), key: "bearer".into() }]);
    assert!(!format!("{app:?}").contains("bearer\""), "{app:?}");

    let env = [("REVERB_APP_KEY", "bearer"), env[0], env[2]];
    let warnings = started(&[CLIENTS], &env, Some("a.json")).warnings;
    assert_eq!(
        warnings,
        [
            "the key of app 1001 in the environment is the key of one of the clients, too: who reads it \
          in a page can publish; give the client a key of its own"
        ]
    );
}

#[test]
fn a_secret_is_not_needed() {
    // README: with Laravel's pusher driver the "secret is not required".
    let env = [("PUSHER_APP_ID", "1"), ("PUSHER_APP_KEY", "bearer"), ("PUSHER_APP_SECRET", "")];
    let Loaded { config, warnings } = started(&[CLIENTS], &env, Some("a.json"));
    assert!(config.apps[0].options.secret_is_drawn);
    assert_eq!(
        warnings,
        ["the app of PUSHER_APP_ID in the environment, PUSHER_APP_KEY in the environment has no \
          PUSHER_APP_SECRET: signed requests are not taken"]
    );
    let env = [env[0], env[1], ("PUSHER_APP_SECRET", "secret")];
    let Loaded { config, warnings } = started(&[CLIENTS], &env, Some("a.json"));
    assert!(config.apps[0].options.secret_is_drawn && &*config.apps[0].secret != "secret");
    assert_eq!(
        warnings,
        [
            "the secret of app 1 in the environment is a well-known one: signed requests are not taken, \
          unless RESOUND_ALLOW_INSECURE_SECRET is true"
        ]
    );
}

#[test]
fn options_of_the_environment_are_those_of_the_application() {
    let env = [("REVERB_ALLOWED_ORIGINS", "a.example"), ("REVERB_APP_MAX_CONNECTIONS", "5")];
    let json = r#"{"clients": [], "socketio": {"origins": "b.example:*"}}"#;
    let app = &started(&[("a.json", json)], &env[..1], Some("a.json")).config.apps[0];
    assert!(app.options.allows_origin(Some("https://a.example")));
    assert!(!app.options.allows_origin(Some("https://b.example")));
    let app = &started(&[("a.json", json)], &env[1..], Some("a.json")).config.apps[0];
    assert!(app.options.allows_origin(Some("https://b.example")));
    assert_eq!(app.options.connections_max, Some(5));
}

#[test]
fn a_key_that_cannot_stand_in_a_url_is_still_one_for_the_api() {
    let json = r#"{"clients": [{"appId": "1", "key": "a/b c"}]}"#;
    let app = &started(&[("a.json", json)], &[], Some("a.json")).config.apps[0];
    assert_eq!((&*app.key, &*app.options.bearer_clients[0].key), ("1", "a/b c"));
    let json = r#"{"clients": [{"appId": "a/b", "key": "k"}]}"#;
    let errors = start(&[("a.json", json)], &[], Some("a.json")).expect_err("an id for paths");
    assert_eq!(
        errors.to_string(),
        "clients[0].appId in a.json:1 is \"a/b\", expected 1 to 200 letters, digits and signs that \
         may stand in a URL"
    );
}
