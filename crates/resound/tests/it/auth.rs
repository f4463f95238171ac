//! Who may join, asked over HTTP, as clients and servers ask.

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{FromRef, FromRequestParts, State},
    http::{Request, StatusCode, request::Parts},
};
use resound::{
    Broadcaster, Channels, Member, Path, SocketId,
    axum::Broadcasting,
    channels::{Joining, SignedInUser, Verdict},
    driver::{Answers, Credentials},
    drivers::{Pusher, PusherOptions},
};
use resound_protocol::signature::{ChannelDataRule, Signer, verify_channel_auth, verify_user_auth};
use serde_json::{Value, json};
use tower::ServiceExt as _;

#[derive(Clone)]
struct App {
    shops: Shops,
}

/// What a database would be.
#[derive(Clone)]
struct Shops(&'static [u64]);

impl FromRef<App> for Shops {
    fn from_ref(app: &App) -> Self {
        app.shops.clone()
    }
}

#[derive(Clone)]
struct User {
    id: u64,
}

#[derive(Clone)]
struct Admin;

impl FromRequestParts<App> for User {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, StatusCode> {
        let user = parts.headers.get("x-user").and_then(|value| value.to_str().ok());
        match user {
            Some("broken") => Err(StatusCode::SERVICE_UNAVAILABLE),
            Some(id) => id.parse().map(|id| Self { id }).map_err(|_| StatusCode::UNAUTHORIZED),
            None => Err(StatusCode::UNAUTHORIZED),
        }
    }
}

impl FromRequestParts<App> for Admin {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, StatusCode> {
        let is_admin = parts.headers.contains_key("x-admin");
        if is_admin { Ok(Self) } else { Err(StatusCode::UNAUTHORIZED) }
    }
}

async fn shop(_: User, Path(shop): Path<u64>, State(Shops(shops)): State<Shops>) -> bool {
    shops.contains(&shop)
}

fn channels() -> Channels<App, User> {
    Channels::<App>::new()
        .user::<User>()
        .private("orders.{id}", |user: User, Path(id): Path<u64>| async move { user.id == id })
        .private("shops.{shop}", shop)
        .private(
            "first.{id}",
            |_: User, Path(id): Path<u64>| async move { (id == 1).then_some(true) },
        )
        .private("first.{id}", |_: User, Path(id): Path<u64>| async move { id < 3 })
        .private("closed.{id}", |_: User| async { false })
        .private("closed.{id}", |_: User| async { true })
        .private("broken", |_: User| async { Err::<bool, _>("the database is away") })
        .private("two.{a}.{b}", |_: User, Path(a): Path<u64>| async move { a > 0 })
        .private("encrypted", |_: User, joining: Joining| async move {
            joining.channel == "private-encrypted-encrypted"
        })
        .presence("room.{id}", |user: User, Path(room): Path<u64>| async move {
            let member = || Member::new(user.id).info(json!({ "name": "Zoë" }));
            (room < 10).then(member)
        })
        .presence("forbidden", |_: User| async { Verdict::Deny })
        .presence("forbidden", |user: User| async move { Some(Member::new(user.id)) })
        .sign_in(|user: User| async move {
            (user.id != 9).then(|| SignedInUser::new(user.id).info(json!({ "name": "Ann" })))
        })
}

fn router(answers: Option<Answers>) -> Router {
    let credentials = Credentials::new("resound-key", "resound-secret");
    let options = PusherOptions::new("1001", credentials, "localhost");
    let broadcaster = Broadcaster::builder().connection("reverb", Pusher::new(options)).build();
    let admins =
        Channels::<App>::new().user::<Admin>().private("admin.{id}", |_: Admin| async { true });
    let mut routes = Broadcasting::new(&broadcaster).channels(channels()).channels(admins);
    if let Some(answers) = answers {
        routes = routes.answers(answers);
    }
    Router::new().merge(routes.routes()).with_state(App { shops: Shops(&[5]) })
}

const SOCKET: &str = "123456.7891011";

async fn answer(router: Router, request: Request<Body>) -> (u16, String) {
    let response = router.oneshot(request).await.expect("a router never fails");
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
    (status, String::from_utf8(body.into()).expect("a text"))
}

fn post(path: &str, user: &str, content_type: &str, body: String) -> Request<Body> {
    let mut request = Request::post(path).header("content-type", content_type);
    if !user.is_empty() {
        request = request.header(if user == "admin" { "x-admin" } else { "x-user" }, user);
    }
    request.body(Body::from(body)).expect("a request")
}

fn form(user: &str, channel: &str) -> Request<Body> {
    let body = format!("socket_id={SOCKET}&channel_name={channel}");
    post("/broadcasting/auth", user, "application/x-www-form-urlencoded", body)
}

/// The status for a user (none, an id, `admin`) who wants to join a channel.
async fn status(user: &str, channel: &str) -> u16 {
    answer(router(None), form(user, channel)).await.0
}

#[tokio::test]
async fn who_may_join_what() {
    for (user, channel, expected) in [
        ("1", "private-orders.1", 200),
        ("2", "private-orders.1", 403),
        ("", "private-orders.1", 403),
        ("1", "presence-orders.1", 403),
        ("1", "private-encrypted-orders.2", 403),
        // Typed parameters.
        ("1", "private-orders.x", 403),
        ("1", "private-orders.", 403),
        ("1", "private-orders.%2B1", 403),
        ("1", "private-orders.1.2", 403),
        ("1", "private-orders.18446744073709551616", 403),
        // The whole name, from its beginning.
        ("1", "private-my.orders.1", 403),
        ("1", "private-myorders.1", 403),
        ("1", "private-private-orders.1", 403),
        // State.
        ("1", "private-shops.5", 200),
        ("1", "private-shops.6", 403),
        // The first that says yes or no decides.
        ("1", "private-first.1", 200),
        ("1", "private-first.2", 200),
        ("1", "private-first.3", 403),
        ("1", "private-closed.1", 403),
        ("1", "presence-forbidden", 403),
        // Members.
        ("1", "presence-room.9", 200),
        ("1", "presence-room.10", 403),
        ("1", "private-room.9", 403),
        ("", "presence-room.9", 403),
        // Users of another kind.
        ("admin", "private-admin.1", 200),
        ("1", "private-admin.1", 403),
        ("admin", "private-orders.1", 403),
        // Nothing that a route is for.
        ("1", "", 403),
        ("1", "orders.1", 403),
        ("1", "private-", 403),
        ("1", "private-nothing", 403),
        ("1", "privateorders.1", 403),
        ("1", "Private-orders.1", 403),
        // What would be signed as something else.
        ("1", "private-orders.1%3Ax", 403),
        ("1", "presence-room.1%3A%7B%22user_id%22%3A%229%22%7D", 403),
        ("1", "private-orders.1%0A", 403),
        // Nobody knows.
        ("1", "private-broken", 500),
        ("1", "private-two.1.2", 500),
        ("broken", "private-orders.1", 503),
        ("broken", "private-nothing", 403),
    ] {
        assert_eq!(status(user, channel).await, expected, "{user:?} {channel}");
    }
}

#[tokio::test]
async fn a_denial_says_nothing_of_its_reason() {
    let forbidden = (403, r#"{"message":"Forbidden"}"#.to_owned());
    assert_eq!(answer(router(None), form("2", "private-orders.1")).await, forbidden);
    assert_eq!(answer(router(None), form("1", "private-nothing")).await, forbidden);
    let (_, body) = answer(router(None), form("1", "private-broken")).await;
    assert_eq!(body, r#"{"message":"Server Error"}"#);
}

#[tokio::test]
async fn every_way_to_ask_is_answered_alike() {
    let path = "/broadcasting/auth";
    let fields = format!("socket_id={SOCKET}&channel_name=private-orders.7");
    let body = json!({ "socket_id": SOCKET, "channel_name": "private-orders.7" }).to_string();
    let get = Request::get(format!("{path}?{fields}")).header("x-user", "7");
    for request in [
        post(path, "7", "application/x-www-form-urlencoded", fields.clone()),
        post(path, "7", "", fields.clone()),
        post(path, "7", "Application/JSON; charset=utf-8", body.clone()),
        post(path, "7", "application/vnd.api+json", body),
        post(&format!("{path}?{fields}"), "7", "application/json", String::new()),
        get.body(Body::empty()).unwrap(),
    ] {
        let (status, body) = answer(router(None), request).await;
        let auth = "resound-key:bbbca0b81864e363c8267d09c5ae60ff73bdbc6b15a5695fb0c99cd39c999184";
        assert_eq!((status, body), (200, format!(r#"{{"auth":"{auth}"}}"#)));
    }
}

#[tokio::test]
async fn a_member_is_signed_so_that_the_server_believes_it() {
    let (_, body) = answer(router(None), form("7", "presence-room.1")).await;
    let answer: Value = serde_json::from_str(&body).unwrap();
    let data = answer["channel_data"].as_str().expect("a text");
    assert_eq!(data, r#"{"user_id":"7","user_info":{"name":"Zo\u00eb"}}"#);
    let auth = answer["auth"].as_str().unwrap();
    let (signer, rule) = (Signer::new("resound-secret"), ChannelDataRule::Always);
    verify_channel_auth(auth, "resound-key", &signer, SOCKET, "presence-room.1", Some(data), rule)
        .unwrap();
}

#[tokio::test]
async fn a_socket_id_that_is_none_is_refused_and_not_overlooked() {
    for id in ["x", "1", "1.2.3", "1.2%3Aprivate-secret", "1.2%0A", "%C3%A9"] {
        let body = format!("socket_id={id}&channel_name=private-orders.1");
        let request = post("/broadcasting/auth", "1", "application/x-www-form-urlencoded", body);
        assert_eq!(answer(router(None), request).await.0, 400, "{id}");
    }
}

#[tokio::test]
async fn servers_that_ask_for_their_clients_name_no_connection() {
    for answers in [None, Some(Answers::SocketIo)] {
        let ask = |channel: &str| {
            let body = format!("channel_name={channel}");
            post("/broadcasting/auth", "7", "application/x-www-form-urlencoded", body)
        };
        let router = router(answers);
        let granted = answer(router.clone(), ask("private-orders.7")).await;
        assert_eq!(granted, (200, "true".to_owned()));
        let granted = answer(router.clone(), ask("presence-room.1")).await;
        let member = r#"{"channel_data":{"user_id":7,"user_info":{"name":"Zo\u00eb"}}}"#;
        assert_eq!(granted, (200, member.to_owned()));
        assert_eq!(answer(router, ask("private-orders.8")).await.0, 403);
    }
}

#[tokio::test]
async fn with_the_drivers_log_and_null_the_answer_is_empty_for_who_may_join() {
    let router = router(Some(Answers::Empty));
    assert_eq!(answer(router.clone(), form("1", "private-orders.1")).await, (200, String::new()));
    assert_eq!(answer(router, form("1", "private-orders.2")).await.0, 403);
}

#[tokio::test]
async fn an_encrypted_channel_without_a_key_is_a_failure() {
    assert_eq!(status("1", "private-encrypted-encrypted").await, 500);
}

#[tokio::test]
async fn a_user_signs_in() {
    let ask = |user: &str, socket: &str| {
        let body = format!("socket_id={socket}");
        post("/broadcasting/user-auth", user, "application/x-www-form-urlencoded", body)
    };
    let (status, body) = answer(router(None), ask("7", SOCKET)).await;
    let signed: Value = serde_json::from_str(&body).unwrap();
    let data = signed["user_data"].as_str().unwrap();
    assert_eq!((status, data), (200, r#"{"id":"7","user_info":{"name":"Ann"}}"#));
    let signer = Signer::new("resound-secret");
    verify_user_auth(signed["auth"].as_str().unwrap(), "resound-key", &signer, SOCKET, data)
        .unwrap();

    for (user, socket, expected) in [
        ("", SOCKET, 403),
        ("9", SOCKET, 403),
        ("7", "", 400),
        ("7", "x", 400),
        ("broken", SOCKET, 503),
    ] {
        assert_eq!(answer(router(None), ask(user, socket)).await.0, expected, "{user} {socket}");
    }
}

#[tokio::test]
async fn without_a_route_for_it_nobody_signs_in() {
    let broadcaster = Broadcaster::null();
    let channels = Channels::<App>::new().user::<User>();
    let router = resound::axum::routes(&broadcaster, channels);
    let router: Router = router.with_state(App { shops: Shops(&[]) });
    let request = post("/broadcasting/user-auth", "7", "", format!("socket_id={SOCKET}"));
    assert_eq!(answer(router, request).await.0, 403);
}

#[tokio::test]
async fn other_methods_and_large_bodies_are_not_for_us() {
    let put = Request::put("/broadcasting/auth").body(Body::empty()).unwrap();
    assert_eq!(answer(router(None), put).await.0, 405);
    let body = format!("channel_name=private-orders.1&socket_id={SOCKET}&x={}", "x".repeat(70_000));
    let large = post("/broadcasting/auth", "1", "application/x-www-form-urlencoded", body);
    assert_eq!(answer(router(None), large).await.0, 403);
}

#[tokio::test]
async fn the_same_routes_answer_in_tests() {
    let gate = channels().with_state(App { shops: Shops(&[5]) });
    let granted = gate.assert_can_join(&User { id: 7 }, "presence-room.1").await;
    assert_eq!(granted.pattern, "room.{id}");
    gate.assert_can_join(&User { id: 7 }, "private-shops.5").await;
    gate.assert_cannot_join(&User { id: 7 }, "private-shops.6").await;
    gate.assert_guest_cannot_join("presence-room.1").await;
}

#[tokio::test]
#[should_panic(
    expected = "the user may not join private-orders.x: id of orders.{id} is \"x\", which is no u64"
)]
async fn an_assertion_that_fails_says_why() {
    let gate = channels().with_state(App { shops: Shops(&[]) });
    gate.assert_can_join(&User { id: 7 }, "private-orders.x").await;
}

#[tokio::test]
async fn every_denial_has_its_reason() {
    let gate = channels().with_state(App { shops: Shops(&[]) });
    for (user, channel, reason) in [
        (Some(2), "private-orders.1", "the handler of orders.{id} said no"),
        (None, "private-orders.1", "not signed in, and orders.{id} is for users"),
        (Some(1), "private-nothing", "no route fits nothing"),
        (
            Some(1),
            "private-room.1",
            "room.{id} is a route of another kind, there is no private route that fits",
        ),
        (Some(1), "private-orders.x", "id of orders.{id} is \"x\", which is no u64"),
        (
            Some(1),
            "presence-room.10",
            "the handler of room.{id} did not say yes, and no other route does",
        ),
        (Some(1), "news", "the channel is public, which nobody needs a permission for"),
        (
            Some(1),
            "",
            "the request has no channel_name, in a form (urlencoded), in JSON or in the query",
        ),
        (Some(1), "private-broken", "the handler of broken failed: the database is away"),
        (
            Some(1),
            "private-two.1.2",
            "the handler of two.{a}.{b} failed: the handler takes one parameter, the pattern has 2",
        ),
    ] {
        let user = user.map(|id| User { id });
        let denial = gate.decide(user.as_ref(), &Joining::new(channel)).await.unwrap_err();
        assert_eq!(denial.to_string(), reason, "{channel}");
    }
}

#[tokio::test]
async fn the_header_of_echo_names_the_connection() {
    for (header, expected) in [(Some("1.2"), Some("1.2")), (Some("undefined"), None), (None, None)]
    {
        let mut request = Request::get("/");
        if let Some(header) = header {
            request = request.header("X-Socket-ID", header);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let socket = SocketId::from_request_parts(&mut parts, &()).await.unwrap();
        assert_eq!(socket.as_deref(), expected);
    }
}

#[test]
fn the_list_shows_routes_in_their_order() {
    let channels = Channels::<App>::new()
        .user::<User>()
        .private("orders.{id}", |_: User| async { true })
        .presence("room", |user: User| async move { Some(Member::new(user.id)) });
    assert_eq!(
        channels.list().to_string(),
        "private   orders.{id}   User\npresence  room          User\n"
    );
}

#[test]
#[should_panic(
    expected = "\"private-orders.{id}\" is no pattern of channels: it begins with the prefix"
)]
fn a_route_with_a_prefix_is_refused_at_the_start() {
    let _ = Channels::<App>::new()
        .user::<User>()
        .private("private-orders.{id}", |_: User| async { true });
}

#[test]
fn the_list_names_the_users_type_without_its_parameters() {
    let channels =
        Channels::<()>::new().user::<Option<User>>().private("a", |_: Option<User>| async { true });
    assert_eq!(channels.list().to_string(), "private   a   Option\n");
}

#[test]
#[should_panic(expected = "Channels::user comes before the routes")]
fn routes_are_not_lost_by_saying_too_late_who_the_user_is() {
    let _ = Channels::<App>::new().private("open", |()| async { true }).user::<User>();
}

/// The route of issue 4, with what every application has imported from axum.
#[tokio::test]
async fn the_extractors_of_axum_are_understood() {
    use axum::extract::{Path, State};

    type Db = Shops;
    let channels = Channels::<App>::new().user::<User>();
    let channels = channels.private(
        "orders.{id}",
        |user: User, Path(id): Path<u64>, State(db): State<Db>| async move {
            user.id == id && db.0.contains(&id)
        },
    );
    let user = User { id: 5 };
    let gate = channels.with_state(App { shops: Shops(&[5]) });
    gate.assert_can_join(&user, "private-orders.5").await;
    gate.assert_cannot_join(&user, "private-orders.6").await;
    gate.assert_cannot_join(&user, "private-orders.x").await;
}
