//! The application is asked.

use resound_client::{
    Authorization, AuthorizationRequest, AuthorizeError, Authorizer as _, EndpointAuthorizer,
};

use crate::site::{Site, response};

async fn ask(
    authorizer: EndpointAuthorizer,
    site: &Site,
    answer: &str,
) -> (Result<Authorization, AuthorizeError>, String) {
    let request = AuthorizationRequest::new("123.456", "private-a=b,1");
    tokio::join!(authorizer.authorize(&request), site.answer(answer))
}

fn authorizer(site: &Site) -> EndpointAuthorizer {
    let url = format!("http://{}/broadcasting/auth", site.address);
    EndpointAuthorizer::new(&url).expect("an address")
}

#[tokio::test]
async fn the_question_is_that_of_echo() {
    let site = Site::new().await;
    let authorizer = authorizer(&site).header("Authorization", "Bearer 1|abc").expect("a header");
    let body = r#"{"auth":"key:signature","channel_data":"{}","more":1}"#;
    let (answer, request) = ask(authorizer, &site, &response("200 OK", body)).await;
    let mut expected = Authorization::new("key:signature".to_owned());
    expected.channel_data = Some("{}".to_owned());
    assert_eq!(answer, Ok(expected));
    let (head, body) = request.split_once("\r\n\r\n").expect("a head");
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("post /broadcasting/auth http/1.1\r\n"), "{head}");
    for header in [
        "content-type: application/x-www-form-urlencoded",
        "accept: application/json",
        "authorization: bearer 1|abc",
    ] {
        assert!(head.lines().any(|line| line == header), "{head}");
    }
    assert_eq!(body, "socket_id=123.456&channel_name=private-a%3Db%2C1");
}

#[tokio::test]
async fn refusals_and_strange_answers_are_told() {
    let site = Site::new().await;
    let url = format!("http://{}/broadcasting/auth", site.address);
    for (answer, expected) in [
        (
            response("403 Forbidden", "{\"message\":\n\"No\"}"),
            format!(r#"{url} answered 403: {{"message": "No"}}"#),
        ),
        (response("302 Found", ""), format!("{url} answered 302: ")),
        (
            response("200 OK", "<html>"),
            format!(
                "the answer of {url} is no authorisation: expected value at line 1 column 1; \
                 it begins with \"<html>\""
            ),
        ),
    ] {
        let (answer, _) = ask(authorizer(&site), &site, &answer).await;
        assert_eq!(answer.expect_err("no authorisation").to_string(), expected);
    }
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let site = Site::new().await;
    let long = response("200 OK", &"x".repeat(100 * 1024));
    let (answer, _) = ask(authorizer(&site), &site, &long).await;
    let error = answer.expect_err("too long").to_string();
    assert!(error.contains("length limit exceeded"), "{error}");
}

#[tokio::test]
async fn an_application_that_is_not_there_is_named() {
    let site = Site::new().await;
    let (authorizer, address) = (authorizer(&site), site.address);
    drop(site);
    let request = AuthorizationRequest::new("123.456", "private-a");
    let error = authorizer.authorize(&request).await.expect_err("nobody").to_string();
    assert!(
        error.starts_with(&format!("http://{address}/broadcasting/auth cannot be asked: ")),
        "{error}"
    );
    assert!(error.contains("refused"), "{error}");
}

#[tokio::test]
async fn an_application_that_closes_every_connection_is_asked_on_another() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let site = Site::new().await;
    let authorizer = authorizer(&site);
    let closing = async {
        loop {
            let (mut stream, mut bytes) = (site.accept().await, [0; 4096]);
            let _first = stream.read(&mut bytes).await;
            let body = r#"{"auth":"a"}"#;
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            let _ = stream.write_all(answer.as_bytes()).await;
            let _second = stream.read(&mut bytes).await;
        }
    };
    let asking = async {
        for _ in 0..5 {
            let request = AuthorizationRequest::new("123.456", "private-a");
            assert_eq!(
                authorizer.authorize(&request).await,
                Ok(Authorization::new("a".to_owned()))
            );
        }
    };
    tokio::select! {
        () = asking => {}
        () = closing => {}
    }
}
