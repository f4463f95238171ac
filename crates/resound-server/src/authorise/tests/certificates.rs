//! TLS: whose certificate is believed.

use expect_test::{Expect, expect};
use rustls::RootCertStore;

use super::{
    application::{Application, certificate},
    desk::{config, question, shown},
    log::Log,
};
use crate::authorise::{Answer, Authoriser, tls::Trust};

async fn ask(trust: Trust, host: &str, application: &mut Application) -> Answer {
    let config = config(&format!("{host}:{}", application.address.port()));
    let authoriser = Authoriser::trusting(trust, &config).expect("a thread");
    let granting = async {
        loop {
            application.asked().await.respond(200, "", "true");
        }
    };
    let question = question("private-a");
    tokio::select! {
        answer = authoriser.ask(question) => answer,
        () = granting => unreachable!("it never ends"),
    }
}

fn own_root() -> Trust {
    let mut roots = RootCertStore::empty();
    roots.add(certificate()).expect("a root");
    Trust::Roots(roots)
}

#[allow(clippy::needless_pass_by_value, reason = "`expect!` makes an owned value")]
async fn check(trust: Trust, host: &str, application: &mut Application, expect: Expect) {
    let log = Log::capture();
    assert_eq!(ask(trust, host, application).await, Answer::Refused { status: 0 });
    let lines = log.lines();
    let line = shown(&lines[0]).replace(&application.address.port().to_string(), "PORT");
    expect.assert_eq(&line);
}

#[tokio::test]
async fn a_certificate_that_a_root_has_signed_is_believed() {
    let mut application = Application::start_tls().await;
    let answer = ask(own_root(), "https://localhost", &mut application).await;
    assert_eq!(answer, Answer::Granted { channel_data: None });
}

#[tokio::test]
async fn a_certificate_that_nobody_signed_is_not() {
    let mut application = Application::start_tls().await;
    let nobody = Trust::Roots(RootCertStore::empty());
    check(nobody, "https://localhost", &mut application, expect![[r#"
        WARN authorisation failed
        channel: private-a
        connection: 123.456
        url: https://localhost:PORT/broadcasting/auth
        status: 0
        cause: the certificate of localhost:PORT is signed by nobody whom this machine trusts, perhaps by itself
        advice: install the signer's certificate on this machine or name it with SSL_CERT_FILE; send the intermediate certificates, too; within a network of your own auth.verify_tls = false will do
    "#]]).await;
}

#[tokio::test]
async fn a_certificate_for_another_name_is_not() {
    let mut application = Application::start_tls().await;
    check(
        own_root(),
        "https://127.0.0.1",
        &mut application,
        expect![[r#"
        WARN authorisation failed
        channel: private-a
        connection: 123.456
        url: https://127.0.0.1:PORT/broadcasting/auth
        status: 0
        cause: the certificate of 127.0.0.1:PORT is not for 127.0.0.1
        advice: set auth.hosts to a name that the certificate has
    "#]],
    )
    .await;
}

#[tokio::test]
async fn any_certificate_will_do_if_none_is_verified() {
    let mut application = Application::start_tls().await;
    for host in ["https://localhost", "https://127.0.0.1"] {
        let answer = ask(Trust::Anybody, host, &mut application).await;
        assert_eq!(answer, Answer::Granted { channel_data: None });
    }
}

#[tokio::test]
async fn https_at_a_port_of_http_is_recognised() {
    let mut application = Application::start().await;
    application.answer_anything(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    check(
        own_root(),
        "https://127.0.0.1",
        &mut application,
        expect![[r#"
        WARN authorisation failed
        channel: private-a
        connection: 123.456
        url: https://127.0.0.1:PORT/broadcasting/auth
        status: 0
        cause: 127.0.0.1:PORT was asked over https and does not speak TLS
        advice: set auth.hosts to http://127.0.0.1:PORT, or to the port of https
    "#]],
    )
    .await;
}

#[tokio::test]
async fn http_at_a_port_of_https_is_recognised() {
    let mut application = Application::start_tls().await;
    check(own_root(), "http://127.0.0.1", &mut application, expect![[r#"
        WARN authorisation failed
        channel: private-a
        connection: 123.456
        url: http://127.0.0.1:PORT/broadcasting/auth
        status: 0
        cause: what listens at 127.0.0.1:PORT does not speak http
        advice: set auth.hosts to the web server's address: https if it is a port of TLS, and not php-fpm's port (9000), which speaks FastCGI
    "#]]).await;
}
