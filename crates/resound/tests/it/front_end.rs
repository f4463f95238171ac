//! Echo's options of a configuration. That Echo takes them is proved in `e2e/tests/front-end.test.mjs`.

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode},
};
use resound::{
    Broadcaster,
    config::ConfigError,
    driver::Credentials,
    drivers::{Pusher, PusherOptions},
    front_end::{Connector, EchoOptions, PublicHost, PublicScheme},
};
use tower::ServiceExt as _;

const REVERB: &str = "BROADCAST_CONNECTION=reverb\nREVERB_APP_ID=1\nREVERB_APP_KEY=the-key\n\
    REVERB_APP_SECRET=the-secret\nREVERB_HOST=reverb.internal\nREVERB_PORT=8080\nREVERB_SCHEME=http";

fn read(text: &str) -> Result<Broadcaster, ConfigError> {
    Broadcaster::from_variables(|name| {
        let mut pairs = text.lines().filter_map(|line| line.trim().split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
    })
}

#[track_caller]
fn options(text: &str) -> EchoOptions {
    read(text).expect("all is there").front_end()
}

fn at(scheme: PublicScheme, host: &str, port: u16) -> PublicHost {
    PublicHost::At { scheme, host: host.to_owned(), port }
}

#[test]
fn browsers_go_where_laravel_sends_them() {
    let vite = "VITE_REVERB_HOST=ws.example.org\nVITE_REVERB_SCHEME=https\nVITE_REVERB_PORT=444";
    let found = options(&format!("{REVERB}\n{vite}"));
    assert_eq!((found.connector, &*found.key), (Connector::Reverb, "the-key"));
    assert_eq!(found.host, at(PublicScheme::Https, "ws.example.org", 444));
    let own = "RESOUND_PUBLIC_HOST=own.example.org";
    let found = options(&format!("{REVERB}\n{vite}\n{own}"));
    assert_eq!(found.host, PublicHost::https("own.example.org"));
}

#[test]
fn without_another_word_they_go_where_the_application_goes() {
    let internal = at(PublicScheme::Http, "reverb.internal", 8080);
    assert_eq!(options(REVERB).host, internal);
    // A reader of `.env` that expands nothing.
    let found = options(&format!("{REVERB}\nVITE_REVERB_HOST=${{REVERB_HOST}}"));
    assert_eq!(found.host, internal);
}

#[test]
fn clients_of_pusher_itself_go_to_its_cluster() {
    let pusher =
        "BROADCAST_CONNECTION=pusher\nPUSHER_APP_ID=1\nPUSHER_APP_KEY=k\nPUSHER_APP_SECRET=s";
    let found = options(&format!("{pusher}\nPUSHER_APP_CLUSTER=eu"));
    assert_eq!((found.connector, &found.host), (Connector::Pusher, &PublicHost::Cluster));
    assert_eq!(found.cluster.as_deref(), Some("eu"));
}

#[test]
fn behind_redis_the_server_is_reverbs_or_where_pages_come_from() {
    let redis = "BROADCAST_CONNECTION=redis\nREVERB_APP_KEY=k\nREVERB_APP_SECRET=s";
    assert_eq!(options(redis).host, PublicHost::SameOrigin);
    let found = options(&format!("{redis}\nREVERB_HOST=h\nREVERB_PORT=8080\nREVERB_SCHEME=http"));
    assert_eq!(found.host, PublicHost::http("h", 8080));
    assert_eq!(options("BROADCAST_CONNECTION=redis").connector, Connector::SocketIo);
    assert_eq!(options("BROADCAST_CONNECTION=log\nVITE_REVERB_HOST=h").connector, Connector::Null);
}

#[test]
fn what_can_not_be_is_named() {
    let error = |more: &str| read(&format!("{REVERB}\nVITE_REVERB_HOST=h\n{more}")).unwrap_err();
    assert_eq!(
        error("VITE_REVERB_SCHEME=wss").to_string(),
        r#"VITE_REVERB_SCHEME is "wss", but it must be http or https"#
    );
    assert_eq!(
        error("VITE_REVERB_PORT=x").to_string(),
        r#"VITE_REVERB_PORT is "x", but it must be a port from 1 to 65535"#
    );
}

#[test]
fn nothing_of_the_credentials_appears_but_the_key() {
    let broadcaster = read(REVERB).expect("all is there");
    let found = broadcaster.front_end();
    let meta = found.meta().expect("a host");
    for text in [found.script(), meta, found.json().expect("a host"), format!("{found:?}")] {
        assert!(text.contains("the-key") && !text.contains("the-secret"), "{text}");
    }
}

#[test]
fn a_namespace_of_ones_own_is_that_of_echo_too() {
    let options = PusherOptions::new("1", Credentials::new("k", "s"), "h");
    let builder = Broadcaster::builder().connection("reverb", Pusher::new(options));
    assert_eq!(builder.build().front_end().namespace, None);
    let builder = Broadcaster::builder().namespace(r"Shop\Events");
    assert_eq!(builder.build().front_end().namespace.as_deref(), Some("Shop.Events"));
}

async fn get(broadcaster: &Broadcaster, request: Request<Body>) -> (StatusCode, String) {
    let router: Router = resound::axum::front_end(broadcaster);
    let response = router.oneshot(request).await.expect("an answer");
    let status = response.status();
    if status.is_success() {
        assert_eq!(response.headers()["cache-control"], "no-store");
    }
    let body = to_bytes(response.into_body(), usize::MAX).await.expect("an answer");
    (status, String::from_utf8(body.into()).expect("a text"))
}

#[tokio::test]
async fn pages_load_a_script_or_fetch_json() {
    let broadcaster = read(REVERB).expect("all is there");
    let script = Request::get("/broadcasting/echo.js").body(Body::empty()).unwrap();
    let expected = format!("window.resound={};", broadcaster.front_end().json().unwrap());
    assert_eq!(get(&broadcaster, script).await, (StatusCode::OK, expected));
    let json = Request::get("/broadcasting/echo.json").body(Body::empty()).unwrap();
    let expected = broadcaster.front_end().json().unwrap();
    assert_eq!(get(&broadcaster, json).await, (StatusCode::OK, expected));
}

#[tokio::test]
async fn json_for_the_same_origin_is_made_of_the_request() {
    let broadcaster = Broadcaster::builder().front_end(EchoOptions::new("k")).build();
    let request = |host: &str| {
        let request = Request::get("/broadcasting/echo.json").header("host", host);
        request.header("x-forwarded-proto", "https").body(Body::empty()).unwrap()
    };
    let (status, json) = get(&broadcaster, request("shop.example")).await;
    assert_eq!(status, StatusCode::OK);
    assert!(json.contains(r#""wsHost":"shop.example","wsPort":443,"wssPort":443,"forceTLS":true"#));
    for host in ["", "evil<script>", "a b"] {
        assert_eq!(get(&broadcaster, request(host)).await.0, StatusCode::BAD_REQUEST, "{host}");
    }
}
