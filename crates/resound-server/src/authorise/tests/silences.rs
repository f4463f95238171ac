//! The table of faults, without an answer.

use std::time::Duration;

use expect_test::{Expect, expect};
use tokio::net::TcpListener;

use super::{
    desk::{Desk, config, handshake, question, shown},
    log::Log,
};
use crate::{
    authorise::{Answer, Authoriser, ClientHeaders, Question},
    config::AuthConfig,
};

/// Asks where nobody answers, and checks what is logged.
#[allow(clippy::needless_pass_by_value, reason = "`expect!` makes an owned value")]
async fn check(config: &AuthConfig, question: Question, expect: Expect) {
    let log = Log::capture();
    let authoriser = Authoriser::new(config).expect("a thread");
    assert_eq!(authoriser.ask(question).await, Answer::Refused { status: 0 });
    let lines = log.lines();
    let [line] = &lines[..] else { panic!("one line, not {lines:#?}") };
    let mut shown = shown(line);
    for host in &config.hosts {
        let host = format!("{host:?}");
        let port = host.split("127.0.0.1:").nth(1).and_then(|rest| rest.split('"').next());
        shown = shown.replace(port.unwrap_or("PORT"), "PORT");
    }
    expect.assert_eq(&shown);
}

/// An address where nobody listens, for as long as nobody gets the same port.
async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    listener.local_addr().expect("an address").to_string()
}

#[tokio::test]
async fn nobody_listens() {
    let config = config(&format!("http://{}", nobody().await));
    check(&config, question("private-a"), expect![[r#"
        WARN authorisation failed
        channel: private-a
        connection: 123.456
        url: http://127.0.0.1:PORT/broadcasting/auth
        status: 0
        cause: nothing listens at 127.0.0.1:PORT
        advice: check auth.hosts (RESOUND_AUTH_HOST, APP_URL) and that the application runs; inside of a container localhost is the container itself, the application has its service's name
    "#]]).await;
}

#[tokio::test]
async fn the_name_is_unknown() {
    // Longer than the 63 characters that a label may have: no resolver is asked.
    let config = config(&format!("http://{}.example", "a".repeat(64)));
    check(&config, question("private-a"), expect![[r#"
        WARN authorisation failed
        channel: private-a
        connection: 123.456
        url: http://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example/broadcasting/auth
        status: 0
        cause: there is no host named aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example
        advice: check auth.hosts (RESOUND_AUTH_HOST, APP_URL); containers know each other's names only within one network
    "#]]).await;
}

#[tokio::test]
async fn no_address_fits_the_page() {
    let referer = Some("https://x.other.example/\u{1b}?secret".into());
    let handshake = std::sync::Arc::new(ClientHeaders { referer, ..handshake() });
    let question = Question { handshake, ..question("private-a") };
    check(&config(".app.example"), question, expect![[r#"
        WARN authorisation failed
        channel: private-a
        connection: 123.456
        status: 0
        cause: no entry of auth.hosts fits the client's page (https://x.other.example/\u{1b})
        advice: end the list with a whole address such as https://app.example; an entry such as .example fits hosts one level below, on the usual ports unless it names one (.example:8443)
    "#]]).await;
}

#[tokio::test]
async fn the_application_is_silent() {
    let mut desk = Desk::with(|config| config.timeout = Duration::from_millis(300)).await;
    let answer = desk.authoriser.ask(question("private-a")).await;
    assert_eq!(answer, Answer::Refused { status: 0 });
    drop(desk.application.asked().await);
    expect![[r#"
        WARN authorisation failed
        channel: private-a
        connection: 123.456
        url: http://127.0.0.1:PORT/broadcasting/auth
        status: 0
        cause: no answer within 0.3 s
        advice: the application hangs or has too few workers (php artisan serve answers one request at a time, PHP_CLI_SERVER_WORKERS=4 more), or a firewall swallows the packets; auth.timeout_seconds is how long it may take
    "#]].assert_eq(&desk.line());
}

#[tokio::test]
async fn no_place_becomes_free() {
    let mut desk = Desk::with(|config| {
        config.timeout = Duration::from_millis(300);
        config.concurrent_max = 1;
    })
    .await;
    let second = async {
        let _open = desk.application.asked().await;
        desk.authoriser.ask(question("private-b")).await
    };
    let answers = tokio::join!(desk.authoriser.ask(question("private-a")), second);
    assert_eq!(answers, (Answer::Refused { status: 0 }, Answer::Refused { status: 0 }));
    let lines = desk.log.lines();
    let causes: Vec<_> = lines.iter().map(|line| line["cause"].as_str().expect("text")).collect();
    expect![[r#"
        [
            "no answer within 0.3 s",
            "the application was busy with other questions for 0.3 s",
        ]
    "#]]
    .assert_debug_eq(&causes);
}

#[tokio::test]
async fn the_connection_is_closed() {
    let mut desk = Desk::open().await;
    let authoriser = desk.authoriser.clone();
    let application = async {
        drop(desk.application.asked().await);
        drop(desk.application.asked().await);
    };
    let (answer, ()) = tokio::join!(authoriser.ask(question("private-a")), application);
    assert_eq!(answer, Answer::Refused { status: 0 });
    expect![[r#"
        WARN authorisation failed
        channel: private-a
        connection: 123.456
        url: http://127.0.0.1:PORT/broadcasting/auth
        status: 0
        cause: 127.0.0.1:PORT closed the connection without an answer
        advice: a worker of PHP may have crashed, see the web server's error log; php-fpm's port (9000) speaks FastCGI, auth.hosts needs the web server's
    "#]].assert_eq(&desk.line());
}

#[tokio::test]
async fn what_listens_is_no_web_server() {
    let mut desk = Desk::open().await;
    let answer =
        desk.ask(question("private-a"), |asked| asked.answer(b"-ERR unknown\r\n\r\n")).await;
    assert_eq!(answer, Answer::Refused { status: 0 });
    expect![[r#"
        WARN authorisation failed
        channel: private-a
        connection: 123.456
        url: http://127.0.0.1:PORT/broadcasting/auth
        status: 0
        cause: what listens at 127.0.0.1:PORT does not speak http
        advice: set auth.hosts to the web server's address: https if it is a port of TLS, and not php-fpm's port (9000), which speaks FastCGI
    "#]].assert_eq(&desk.line());
}
