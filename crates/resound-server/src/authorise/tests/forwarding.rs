//! What the application is told.

use std::sync::Arc;

use expect_test::{Expect, expect};

use super::desk::{Desk, config, handshake, question, with_headers};
use crate::{
    authorise::{
        Answer, ClientHeaders, Question,
        headers::{HEADER_BYTES_MAX, HEADERS_MAX},
    },
    config::AuthHost,
};

/// Checks the request of a question, byte by byte, but for the port and the order of the headers.
#[allow(clippy::needless_pass_by_value, reason = "`expect!` makes an owned value")]
async fn check(question: Question, expect: Expect) {
    let mut desk = Desk::open().await;
    let mut text = String::new();
    let answer = desk.ask(question, |asked| {
        text = asked.text.replace(&desk_port(&asked.text), "PORT");
        asked.respond(200, "", "true");
    });
    assert_eq!(answer.await, Answer::Granted { channel_data: None });
    let (head, body) = text.split_once("\r\n\r\n").expect("a body");
    let mut lines: Vec<_> = head.split("\r\n").collect();
    lines[1..].sort_unstable();
    expect.assert_eq(&format!("{}\n\n{body}\n", lines.join("\n")));
}

fn desk_port(text: &str) -> String {
    let host = text.split_once("host: 127.0.0.1:").expect("a host").1;
    host.lines().next().expect("a port").to_owned()
}

#[tokio::test]
async fn a_question_names_channel_and_socket() {
    check(
        question("private-orders.7"),
        expect![[r#"
        POST /broadcasting/auth HTTP/1.1
        accept: application/json
        content-length: 47
        content-type: application/x-www-form-urlencoded
        host: 127.0.0.1:PORT
        x-forwarded-for: 192.0.2.7
        x-requested-with: XMLHttpRequest

        channel_name=private-orders.7&socket_id=123.456
    "#]],
    )
    .await;
}

#[tokio::test]
async fn cookies_and_headers_of_the_client_arrive_as_they_are() {
    let handshake = ClientHeaders {
        cookie: Some("XSRF-TOKEN=eyJ%3D%3D; shop_session=a%2Bb/c=d".into()),
        referer: Some("https://app.example/orders".into()),
        origin: Some("https://app.example".into()),
        user_agent: Some("Mozilla/5.0".into()),
        forwarded_for: Some("203.0.113.9".into()),
        ..handshake()
    };
    let headers =
        [("X-CSRF-TOKEN", "t0ken"), ("Authorization", "Bearer 1|abc=="), ("X-Tenant", "é")];
    let question =
        Question { handshake: Arc::new(handshake), ..with_headers("presence-room.1", &headers) };
    check(
        question,
        expect![[r#"
        POST /broadcasting/auth HTTP/1.1
        accept: application/json
        authorization: Bearer 1|abc==
        content-length: 46
        content-type: application/x-www-form-urlencoded
        cookie: XSRF-TOKEN=eyJ%3D%3D; shop_session=a%2Bb/c=d
        host: 127.0.0.1:PORT
        origin: https://app.example
        referer: https://app.example/orders
        user-agent: Mozilla/5.0
        x-csrf-token: t0ken
        x-forwarded-for: 203.0.113.9, 192.0.2.7
        x-requested-with: XMLHttpRequest
        x-tenant: é

        channel_name=presence-room.1&socket_id=123.456
    "#]],
    )
    .await;
}

#[tokio::test]
async fn nothing_in_a_question_becomes_another_field_header_or_request() {
    let headers = [
        ("X-A", "1\r\nX-Evil: 1\r\n\r\nGET /evil HTTP/1.1\r\n"),
        ("X-B: 1\r\nX-Evil", "1"),
        ("Content-Length", "0"),
        ("Transfer-Encoding", "chunked"),
        ("Host", "evil.example"),
        ("Connection", "close, authorization"),
    ];
    let channel = "private-a&socket_id=9.9&x=%00+é\r\nX-Evil: 1#?;";
    let question = Question { socket_id: "1.2&a=b".to_owned(), ..with_headers(channel, &headers) };
    check(question, expect![[r#"
        POST /broadcasting/auth HTTP/1.1
        accept: application/json
        content-length: 111
        content-type: application/x-www-form-urlencoded
        host: 127.0.0.1:PORT
        x-forwarded-for: 192.0.2.7
        x-requested-with: XMLHttpRequest

        channel_name=private-a%26socket_id%3D9.9%26x%3D%2500%2B%C3%A9%0D%0AX-Evil%3A%201%23%3F%3B&socket_id=1.2%26a%3Db
    "#]]).await;
}

#[tokio::test]
async fn too_many_headers_are_not_passed_on() {
    let mut desk = Desk::open().await;
    let value = "v".repeat(HEADER_BYTES_MAX);
    let answer = desk.authoriser.ask(with_headers("private-a", &[("X-A", &value)])).await;
    assert_eq!(answer, Answer::Refused { status: 431 });
    expect![[r#"
        WARN authorisation failed
        channel: private-a
        connection: 123.456
        url: http://127.0.0.1:PORT/broadcasting/auth
        status: 0
        cause: the client gave more than 32 headers or 16384 bytes in auth.headers
        advice: give Echo only those headers that the application needs
    "#]]
    .assert_eq(&desk.line());
    let headers: Vec<_> = (0..=HEADERS_MAX).map(|n| (format!("X-{n}"), "1".to_owned())).collect();
    let too_many = Question { headers, ..question("private-a") };
    assert_eq!(desk.authoriser.ask(too_many).await, Answer::Refused { status: 431 });
    let just = HEADER_BYTES_MAX - "X-A".len();
    let fitting = with_headers("private-a", &[("X-A", &value[..just])]);
    let answer = desk.ask(fitting, |asked| asked.respond(200, "", "true")).await;
    assert_eq!(answer, Answer::Granted { channel_data: None });
}

#[tokio::test]
async fn the_page_chooses_among_the_configured_hosts_only() {
    let mut desk = Desk::with(|config| {
        config.hosts.insert(0, AuthHost::parse("http://127.0.0.1:1").expect("an address"));
    })
    .await;
    let page = |url: &str| {
        let referer = Some(url.into());
        Question {
            handshake: Arc::new(ClientHeaders { referer, ..handshake() }),
            ..question("private-a")
        }
    };
    let own = format!("http://{}/orders", desk.application.address);
    for referer in [&own, "https://evil.example/"] {
        let answer = desk.ask(page(referer), |asked| asked.respond(200, "", "true")).await;
        assert_eq!(answer, Answer::Granted { channel_data: None }, "{referer}");
    }
    let answer = desk.authoriser.ask(page("http://127.0.0.1:1/")).await;
    assert_eq!(answer, Answer::Refused { status: 0 });
}

#[tokio::test]
async fn a_path_in_front_and_a_query_of_the_endpoint_are_kept() {
    let mut desk = Desk::with(|settings| {
        let AuthHost::Site(site) = &settings.hosts[0] else { panic!("an address") };
        settings.hosts = config(&format!("http://{}/shop/", site.authority)).hosts;
        settings.endpoint = "/api/broadcasting/auth?tenant=1".to_owned();
    })
    .await;
    let mut line = String::new();
    let answer = desk.ask(question("private-a"), |asked| {
        line = asked.text.lines().next().expect("a line").to_owned();
        asked.respond(200, "", "true");
    });
    assert_eq!(answer.await, Answer::Granted { channel_data: None });
    assert_eq!(line, "POST /shop/api/broadcasting/auth?tenant=1 HTTP/1.1");
}
