//! Configurations as people write them, and what they get.

use std::{collections::BTreeMap, fs};

use expect_test::{Expect, expect};
use resound_hub::app::ClientEvents;
use tempfile::TempDir;

use super::{Flags, Loaded, load};
use crate::config::{AuthConfig, AuthHost, ConfigErrors, is_development};

/// A folder with configuration files, the environment and the flags of one start.
#[derive(Default)]
struct Start {
    files: Vec<(&'static str, &'static str)>,
    env: Vec<(&'static str, &'static str)>,
    flags: Vec<(&'static str, &'static str)>,
}

impl Start {
    fn load(&self) -> Result<Loaded, ConfigErrors> {
        let folder = TempDir::new().expect("a folder");
        for (name, content) in &self.files {
            fs::write(folder.path().join(name), content).expect("a file");
        }
        let text = |pairs: &[(&'static str, &str)]| -> BTreeMap<&'static str, String> {
            pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
        };
        let env =
            text(&self.env).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let flags = Flags { settings: text(&self.flags), ..Flags::default() };
        load(&flags, &env, folder.path())
    }
}

fn env_file(content: &'static str) -> Start {
    Start { files: vec![(".env", content)], ..Start::default() }
}

fn toml(content: &'static str) -> Start {
    Start { files: vec![("resound.toml", content)], ..Start::default() }
}

#[track_caller]
fn loaded(start: &Start) -> Loaded {
    start.load().unwrap_or_else(|errors| panic!("{errors}"))
}

#[track_caller]
#[allow(clippy::needless_pass_by_value, reason = "`expect!` makes an owned value")]
fn check_errors(start: &Start, expect: Expect) {
    let errors = start.load().expect_err("a mistake");
    expect.assert_eq(&errors.to_string());
}

#[test]
fn without_anything_there_is_a_development_app_on_the_loopback_address() {
    let Loaded { config, warnings } = loaded(&Start::default());
    assert_eq!((config.server.host.as_str(), config.server.port), ("127.0.0.1", 8080));
    assert!(is_development(&config.apps[0]) && config.apps.len() == 1);
    assert!(config.development_app().is_some() && warnings.is_empty());
}

const LARAVEL: &str = r#"APP_NAME="A shop"
APP_KEY=base64:abc=
DB_PASSWORD='it is # a secret'
MAIL_FROM_NAME="${APP_NAME}"

BROADCAST_CONNECTION=reverb
REVERB_APP_ID=123456
REVERB_APP_KEY=kx677b9udp95kpffwpcg
REVERB_APP_SECRET=0123456789abcdefghij
REVERB_HOST="localhost"
REVERB_PORT=8080
REVERB_SCHEME=http
REVERB_APP_MAX_CONNECTIONS=

VITE_REVERB_APP_KEY="${REVERB_APP_KEY}"
PUSHER_APP_ID=
PUSHER_APP_KEY=
"#;

#[test]
fn the_env_file_of_a_laravel_project_is_enough() {
    let Loaded { config, warnings } = loaded(&env_file(LARAVEL));
    let app = &config.apps[0];
    assert_eq!((&*app.id, &*app.key), ("123456", "kx677b9udp95kpffwpcg"));
    assert_eq!(&*app.secret, "0123456789abcdefghij");
    assert_eq!(app.options.connections_max, None);
    assert_eq!((config.server.host.as_str(), config.server.public_port), ("0.0.0.0", 8080));
    assert_eq!(warnings, Vec::<String>::new());
}

#[test]
fn each_source_is_weaker_than_the_one_before() {
    let app = "[[apps]]\nid = 1\nkey = \"k\"\nsecret = \"kx677b9udp95kpffwpcg\"\n";
    let content: &'static str =
        Box::leak(format!("port = 1\npath = \"a\"\n{app}").into_boxed_str());
    let mut start = toml(content);
    let port = |start: &Start| loaded(start).config.server.port;
    assert_eq!(port(&start), 1);
    start.files.push((".env", "REVERB_SERVER_PORT=2\n"));
    assert_eq!(port(&start), 2);
    start.env.push(("REVERB_SERVER_PORT", "3"));
    assert_eq!(port(&start), 3);
    start.env.push(("RESOUND_PORT", "4"));
    assert_eq!(port(&start), 4);
    start.flags.push(("port", "5"));
    assert_eq!(port(&start), 5);
    assert_eq!(loaded(&start).config.server.path, "/a");
}

#[test]
fn an_empty_variable_says_nothing() {
    for empty in ["", " ", "null", "(null)", "(empty)", "\"\"", "NULL"] {
        let mut start = env_file("REVERB_SERVER_PORT=2\n");
        start.env.push(("REVERB_SERVER_PORT", empty));
        assert_eq!(loaded(&start).config.server.port, 2, "{empty:?}");
    }
}

#[test]
fn the_path_has_a_slash_in_front_and_none_behind() {
    for (written, path) in [("", ""), ("/", ""), ("ws", "/ws"), ("/ws/", "/ws"), ("a/b", "/a/b")] {
        let start = Start { flags: vec![("path", written)], ..Start::default() };
        assert_eq!(loaded(&start).config.server.path, path, "{written:?}");
    }
}

#[test]
fn the_public_port_is_the_port_or_that_of_https() {
    let public = |start: &Start| loaded(start).config.server.public_port;
    assert_eq!(public(&env_file("RESOUND_PORT=9000\n")), 9000);
    assert_eq!(public(&env_file("RESOUND_PORT=9000\nREVERB_SCHEME=https\n")), 443);
    assert_eq!(public(&env_file("REVERB_PORT=8443\nREVERB_SCHEME=https\n")), 8443);
    assert_eq!(public(&env_file("RESOUND_PORT=0\n")), 0);
}

#[test]
fn apps_of_the_file_have_their_own_options() {
    let config = loaded(&toml(
        r#"max_request_size = 20_000
[[apps]]
id = 1001
key = "one"
secret = "kx677b9udp95kpffwpcg"
allowed_origins = ["https://a.example", "*.b.example"]
max_connections = 5
accept_client_events_from = "all"
rate_limiting = { enabled = true, max_attempts = 7 }
auth_timestamp_tolerance = 0
[[apps]]
id = "two"
key = "two"
secret = "kx677b9udp95kpffwpcg"
max_request_size = 1
[apps.rate_limiting]
decay_seconds = 3
"#,
    ))
    .config;
    let [one, two] = &config.apps[..] else { panic!("two apps") };
    assert_eq!(&*one.id, "1001");
    assert_eq!(one.options.connections_max, Some(5));
    assert_eq!(one.options.client_events, ClientEvents::All);
    assert_eq!(one.options.rate_limit.map(|limit| limit.max_attempts), Some(7));
    assert_eq!(one.options.auth_timestamp_tolerance_seconds, None);
    assert!(one.options.allows_origin(Some("http://x.b.example")));
    assert!(!one.options.allows_origin(Some("https://evil.example")));
    assert_eq!((one.options.request_bytes_max, two.options.request_bytes_max), (20_000, 1));
    assert_eq!(two.options.rate_limit, None);
}

#[test]
fn the_pusher_names_count_when_those_of_reverb_are_absent() {
    let pusher = "PUSHER_APP_ID=1\nPUSHER_APP_KEY=k\nPUSHER_APP_SECRET=kx677b9udp95kpffwpcg\n";
    assert_eq!(&*loaded(&env_file(pusher)).config.apps[0].id, "1");
    let mut start = env_file(pusher);
    start.env.extend([("REVERB_APP_ID", "2"), ("REVERB_APP_KEY", "r")]);
    start.env.push(("REVERB_APP_SECRET", "kx677b9udp95kpffwpcg"));
    let config = loaded(&start).config;
    assert_eq!((config.apps.len(), &*config.apps[0].id), (1, "2"));
}

#[test]
fn any_other_word_for_client_events_is_none_in_the_environment_only() {
    let config = loaded(&env_file("REVERB_APP_ACCEPT_CLIENT_EVENTS_FROM=off\n")).config;
    assert_eq!(config.apps[0].options.client_events, ClientEvents::None);
    check_errors(
        &toml(
            "[[apps]]\nid=1\nkey=\"k\"\nsecret=\"kx677b9udp95\"\naccept_client_events_from = \"off\"\n",
        ),
        expect![[
            r#"apps[0].accept_client_events_from in resound.toml:5 is "off", expected members or all or none"#
        ]],
    );
}

#[test]
fn a_wrong_value_names_its_place_and_what_is_allowed() {
    check_errors(
        &env_file("\nREVERB_SERVER_PORT=80a\n"),
        expect![[
            r#"REVERB_SERVER_PORT in .env:2 is "80a", expected a whole number from 0 to 65535"#
        ]],
    );
    let start = Start { env: vec![("REVERB_SCHEME", "wss")], ..Start::default() };
    check_errors(
        &start,
        expect![[r#"REVERB_SCHEME in the environment is "wss", expected http or https"#]],
    );
}

#[test]
fn all_mistakes_are_listed_at_once() {
    let mut start = toml(
        "prot = 1\nport = 99999\nhost = \"http://a\"\ndebug = 2\nshards = 1.5\n[server]\nx = 1\n\
         [[apps]]\nid = \"a/b\"\nkey = \"k\"\nsecert = \"s\"\n[[apps]]\nid = \"b\"\n",
    );
    start.files.push((".env", "REVERB_HOST=http://a\nREVERB_ALLOWED_ORIGINS=\"a.example,b/c\"\n"));
    start.env.push(("REVERB_APP_KEY", "k"));
    check_errors(
        &start,
        expect![[r#"
            the configuration has 11 errors
              - prot in resound.toml:1 is no setting, did you mean port?
              - server.x in resound.toml:7 is no setting, `resound start --help` lists them
              - host in resound.toml:3 is "http://a", expected a host name or an IP address, without scheme, port or path
              - port in resound.toml:2 is 99999, expected a whole number from 0 to 65535
              - REVERB_HOST in .env:1 is "http://a", expected a host name or an IP address, without scheme, port or path
              - shards in resound.toml:5 is a number with a fraction, expected a whole number from 0 to 1024
              - debug in resound.toml:4 is 2, expected true or false
              - REVERB_ALLOWED_ORIGINS in .env:2 is "a.example,b/c", expected origins such as https://a.example, a.example or *.a.example, which "b/c" is not
              - apps[0].secert in resound.toml:11 is no setting, did you mean secret?
              - apps[0].id in resound.toml:9 is "a/b", expected 1 to 200 letters, digits and signs that may stand in a URL
              - apps[1] in resound.toml:12 has no key and no secret"#]],
    );
}

#[test]
fn a_secret_is_never_shown() {
    check_errors(
        &toml("[[apps]]\nid = 1\nkey = \"k\"\nsecret = [\"kx677b9udp95\"]\n"),
        expect!["apps[0].secret in resound.toml:4 is (hidden), expected a text"],
    );
    check_errors(
        &env_file("REVERB_APP_SECRET=\"kx677b9udp95\n"),
        expect![".env:1: REVERB_APP_SECRET: there is no closing quote"],
    );
}

#[test]
fn a_file_that_is_no_toml_says_where() {
    check_errors(
        &toml("port = 1\nhost = \n[[apps]\nid = 1\n"),
        expect![[r#"
            the configuration has 2 errors
              - resound.toml:2: string values must be quoted, expected literal string
              - resound.toml:3: unclosed array table, expected `]`"#]],
    );
    check_errors(&toml("port = 1\nport = 2\n"), expect!["resound.toml:2: duplicate key"]);
    check_errors(
        &toml("apps = 1\n"),
        expect!["resound.toml:1: apps is a list of tables: write [[apps]] above each app"],
    );
}

#[test]
fn an_incomplete_app_says_what_is_missing() {
    check_errors(
        &env_file("REVERB_APP_ID=1\nREVERB_APP_KEY=k\n"),
        expect![
            "the app of REVERB_APP_ID in .env:1, REVERB_APP_KEY in .env:2 has no REVERB_APP_SECRET"
        ],
    );
    check_errors(
        &toml("port = 1\n\n[[apps]]\nkey = \"k\"\n"),
        expect!["apps[0] in resound.toml:3 has no id and no secret"],
    );
}

#[test]
fn two_apps_with_one_id_or_key_are_refused() {
    let mut start = toml(
        "[[apps]]\nid = 1\nkey = \"a\"\nsecret = \"x1\"\n[[apps]]\nid = 2\nkey = \"a\"\nsecret = \"x2\"\n",
    );
    start.files.push((".env", "REVERB_APP_ID=1\nREVERB_APP_KEY=b\nREVERB_APP_SECRET=x3\n"));
    check_errors(
        &start,
        expect![[r#"
        the configuration has 2 errors
          - two apps have the id "1": the app of REVERB_APP_ID in .env:1, REVERB_APP_KEY in .env:2, REVERB_APP_SECRET in .env:3 and apps[0] in resound.toml:1
          - two apps have the key "a": apps[0] in resound.toml:1 and apps[1] in resound.toml:5"#]],
    );
}

#[test]
fn a_well_known_secret_stays_on_the_loopback_address_unless_told() {
    let mut start = Start { flags: vec![("host", "0.0.0.0")], ..Start::default() };
    check_errors(
        &start,
        expect![
            "the secret of the development app is a well-known one, and 0.0.0.0:8080 can be reached from outside: anybody could publish. Run `resound init` for a secret of your own, or use --host 127.0.0.1 or --allow-insecure-secret"
        ],
    );
    start.flags.push(("allow_insecure_secret", "true"));
    assert_eq!(loaded(&start).config.server.host, "0.0.0.0");
    let placeholder = "REVERB_APP_ID=1\nREVERB_APP_KEY=k\nREVERB_APP_SECRET=your-app-secret\n";
    check_errors(
        &env_file(placeholder),
        expect![[
            r#"the secret of app "1" is a well-known one, and 0.0.0.0:8080 can be reached from outside: anybody could publish. Run `resound init` for a secret of your own, or use --host 127.0.0.1 or --allow-insecure-secret"#
        ]],
    );
    let mut start = env_file(placeholder);
    start.flags.push(("host", "127.0.0.1"));
    assert_eq!(&*loaded(&start).config.apps[0].id, "1");
}

#[test]
fn a_file_that_was_named_must_be_there() {
    let flags = Flags {
        config: Some("nowhere.toml".into()),
        env_file: Some("nowhere.env".into()),
        ..Flags::default()
    };
    let folder = TempDir::new().expect("a folder");
    let errors = load(&flags, &BTreeMap::new(), folder.path()).expect_err("no files");
    expect![[r#"
        the configuration has 2 errors
          - cannot read nowhere.env: No such file or directory (os error 2)
          - cannot read nowhere.toml: No such file or directory (os error 2)"#]]
    .assert_eq(&errors.to_string());
}

#[test]
fn a_folder_named_env_is_passed_over() {
    let folder = TempDir::new().expect("a folder");
    fs::create_dir(folder.path().join(".env")).expect("a folder in it");
    assert!(load(&Flags::default(), &BTreeMap::new(), folder.path()).is_ok());
}

#[test]
fn bad_lines_stop_the_start_only_when_they_say_something_that_is_read() {
    check_errors(
        &env_file("NOTE=a b\nREVERB_HOST=a b\n"),
        expect![".env:2: REVERB_HOST: a value with blanks needs quotes around it"],
    );
    assert_eq!(loaded(&env_file("NOTE=a b\n")).warnings.len(), 1);
}

#[test]
fn what_looks_like_a_mistake_is_a_warning() {
    let mut start = env_file(
        "NOTE=a b\nROSES ARE RED\nREVERB_APP_PING_INTERVAL=${SECONDS}0\nRESOUND_PROT=1\n\
         REVERB_SCALING_ENABLED=true\nREVERB_SERVER=reverb\nREVERB_APP_PING_INTERVAL=5\n",
    );
    start.files.push(("resound.toml", "[[apps]]\nid=1\nkey=\"k\"\nsecret=\"kx677b9udp95\"\n"));
    expect![[r#"
        .env:1 is passed over: a value with blanks needs quotes around it (and 1 more)
        REVERB_APP_PING_INTERVAL in .env:3 refers to SECONDS, which has no value above it
        RESOUND_PROT in .env:4 is no setting and is ignored, did you mean RESOUND_PORT?
        REVERB_SCALING_ENABLED in .env:5 asks for several nodes, this version runs as one
        REVERB_APP_PING_INTERVAL in .env:7 has no effect: the environment has no app, resound.toml has its own"#]].assert_eq(&loaded(&start).warnings.join("\n"));
}

fn auth(start: &Start) -> AuthConfig {
    loaded(start).config.server.auth
}

fn hosts(texts: &[&str]) -> Vec<AuthHost> {
    texts.iter().map(|text| AuthHost::parse(text).expect("an address")).collect()
}

#[test]
fn the_application_that_authorises_is_that_of_the_project() {
    assert_eq!(auth(&Start::default()), AuthConfig::default());
    let mut start = env_file("APP_URL=https://shop.example\n");
    assert_eq!(auth(&start).hosts, hosts(&["https://shop.example"]));
    start.files.push(("resound.toml", "[auth]\nhosts = [\"http://a.example\", \".b.example\"]\n"));
    assert_eq!(auth(&start).hosts, hosts(&["http://a.example", ".b.example"]));
    start.env.push(("LARAVEL_ECHO_SERVER_AUTH_HOST", "http://c.example"));
    assert_eq!(auth(&start).hosts, hosts(&["http://c.example"]));
    start.env.push(("RESOUND_AUTH_HOST", "http://d.example, e.example"));
    assert_eq!(auth(&start).hosts, hosts(&["http://d.example", "e.example"]));
}

#[test]
fn an_app_url_that_is_none_stops_nothing() {
    let start = env_file("APP_URL=\"my shop\"\n");
    let Loaded { config, warnings } = loaded(&start);
    assert_eq!(config.server.auth.hosts, AuthConfig::default().hosts);
    expect!["APP_URL in .env:1 is no URL of a scheme and a host: Socket.IO clients are authorised at http://localhost, RESOUND_AUTH_HOST changes that"].assert_eq(&warnings.join("\n"));
}

#[test]
fn the_authorisation_has_settings() {
    let Loaded { config, warnings } = loaded(&toml(
        "[auth]\nendpoint = \"api/broadcasting/auth\"\ntimeout_seconds = 3\nmax_concurrent = 5\n\
         verify_tls = false\nhosts = [\"https://app.example\"]\n",
    ));
    let auth = config.server.auth;
    assert_eq!((auth.endpoint.as_str(), auth.timeout.as_secs()), ("/api/broadcasting/auth", 3));
    assert_eq!((auth.concurrent_max, auth.verify_tls), (5, false));
    expect!["auth.verify_tls is off: whoever is between this server and the application can read its users' cookies"].assert_eq(&warnings.join("\n"));
    check_errors(
        &toml(
            "[auth]\nhosts = [\"http://a:b@c\", \"x y\"]\nendpoint = \"http://a/b\"\ntimeout_seconds = 0\n\
             max_concurrent = 0\nverify = true\n",
        ),
        expect![[r#"
            the configuration has 5 errors
              - auth.verify in resound.toml:6 is no setting, did you mean auth.verify_tls?
              - auth.hosts in resound.toml:2 is (hidden), expected addresses without user and password, such as https://app.example
              - auth.endpoint in resound.toml:3 is "http://a/b", expected a path such as /broadcasting/auth
              - auth.timeout_seconds in resound.toml:4 is 0, expected a whole number from 1 to 600
              - auth.max_concurrent in resound.toml:5 is 0, expected a whole number from 1 to 10000"#]],
    );
}

#[test]
fn an_address_that_is_none_is_shown_unless_it_has_a_password() {
    check_errors(
        &toml("[auth]\nhosts = [\"a b\"]\n"),
        expect![[
            r#"auth.hosts in resound.toml:2 is (hidden), expected addresses such as https://app.example, app.example or .example, which "a b" is not"#
        ]],
    );
    check_errors(
        &env_file("RESOUND_AUTH_HOST=http://user:pa55word@a.example\n"),
        expect![
            "RESOUND_AUTH_HOST in .env:1 is (hidden), expected addresses without user and password, such as https://app.example"
        ],
    );
    let warned = loaded(&env_file("APP_URL=http://user:pa55word@a.example\n")).warnings;
    expect!["APP_URL in .env:1 is no URL of a scheme and a host: Socket.IO clients are authorised at http://localhost, RESOUND_AUTH_HOST changes that"].assert_eq(&warned.join("\n"));
}

/// The bridge of a server with these lines in its `.env` that is told to have one.
fn bridge(env: &'static str) -> crate::config::RedisConfig {
    let mut start = env_file(env);
    start.flags.push(("redis.enabled", "true"));
    loaded(&start).config.server.redis.expect("a bridge")
}

#[test]
fn there_is_a_bridge_when_redis_has_an_address_or_somebody_asks_for_one() {
    let has_bridge = |start: &Start| loaded(start).config.server.redis.is_some();
    assert!(!has_bridge(&env_file("REDIS_HOST=h\nREDIS_URL=nonsense\nAPP_NAME=a b\n")));
    assert!(has_bridge(&env_file("RESOUND_REDIS_URL=redis://h\n")));
    assert!(has_bridge(&env_file("RESOUND_REDIS_ENABLED=true\n")));
    assert!(!has_bridge(&toml("[redis]\nurl = \"redis://h\"\nenabled = false\n")));
    let bridge = loaded(&toml("[redis]\nurl = \"redis://h\"\napp = \"resound\"\n"));
    let bridge = bridge.config.server.redis.expect("a bridge");
    assert_eq!((bridge.app.as_deref(), bridge.publishes_presence), (Some("resound"), false));
}

#[test]
fn the_redis_of_a_laravel_project_is_found() {
    assert_eq!(bridge("").address.to_string(), "redis://127.0.0.1:6379");
    let address =
        bridge("REDIS_HOST=h\nREDIS_PORT=7\nREDIS_PASSWORD=pw\nREDIS_USERNAME=u\n").address;
    assert_eq!(address.to_string(), "redis://h:7");
    assert_eq!((address.username.as_deref(), address.password.as_deref()), (Some("u"), Some("pw")));
    let address =
        bridge("REDIS_URL=rediss://:x@a.example\nREDIS_HOST=h\nREDIS_PASSWORD=pw\n").address;
    assert_eq!(
        (&*address.to_string(), address.password.as_deref()),
        ("rediss://a.example:6379", Some("x"))
    );
    assert_eq!(bridge("REDIS_PASSWORD=null\n").address.password, None);
}

#[test]
fn the_prefix_of_redis_is_laravels() {
    assert_eq!(bridge("APP_NAME=\"A shop\"\n").prefixes, ["a_shop_database_", "a-shop-database-"]);
    assert_eq!(bridge("").prefixes, ["laravel_database_", "laravel-database-"]);
    assert_eq!(bridge("APP_NAME=x\nREDIS_PREFIX=p:\n").prefixes, ["p:"]);
    assert_eq!(bridge("REDIS_PREFIX=\n").prefixes, [""]);
}

#[test]
fn a_wrong_redis_is_told_without_its_password() {
    let mut start = env_file("REDIS_URL=redis://:s3cret@h:x\n");
    start.flags.push(("redis.enabled", "true"));
    check_errors(
        &start,
        expect![
            "REDIS_URL in .env:1 is (hidden), expected a URL such as redis://127.0.0.1:6379, rediss://user:password@host or unix:///run/redis.sock, with odd signs of a password percent-encoded"
        ],
    );
    let mut start = env_file("REDIS_HOST=h\nREDIS_PORT=tcp://10.0.0.1:6379\nAPP_NAME=a b\n");
    start.files.push(("resound.toml", "[redis]\nenabled = true\napp = \"x\"\n"));
    check_errors(
        &start,
        expect![
            "REDIS_HOST in .env:1 with REDIS_PORT in .env:2 is (hidden), expected a host and a port"
        ],
    );
    start.flags.push(("redis.url", "unix:///r.sock"));
    check_errors(
        &start,
        expect![[r#"
            the configuration has 2 errors
              - .env:3: APP_NAME: a value with blanks needs quotes around it
              - redis.app in resound.toml:3 is "x", expected the id of an app: "resound""#]],
    );
}
