//! Who gets in.

use super::desk::{Desk, question};
use crate::authorise::{Answer, client::BODY_BYTES_MAX};

async fn answer(channel: &str, headers: &str, body: &str) -> Answer {
    let mut desk = Desk::open().await;
    let answer = desk.ask(question(channel), |asked| asked.respond(200, headers, body)).await;
    let is_granted = matches!(answer, Answer::Granted { .. });
    assert_eq!(desk.log.lines().len(), usize::from(!is_granted), "one line per refusal");
    answer
}

#[tokio::test]
async fn a_member_comes_with_the_answer() {
    let member = r#"{"user_id":7,"user_info":{"name":"Ann"}}"#;
    let granted = Answer::Granted { channel_data: Some(member.to_owned()) };
    let body = format!(r#"{{"channel_data":{member}}}"#);
    assert_eq!(answer("presence-room.1", "", &body).await, granted);
    let body =
        r#"{"auth":"k:s","channel_data":"{\"user_id\":7,\"user_info\":{\"name\":\"Ann\"}}"}"#;
    assert_eq!(answer("presence-room.1", "", body).await, granted);
}

#[tokio::test]
async fn the_type_of_an_answer_does_not_matter() {
    let granted = Answer::Granted { channel_data: None };
    assert_eq!(answer("private-a", "Content-Type: text/html\r\n", "true").await, granted);
}

#[tokio::test]
async fn an_answer_that_is_too_long_grants_nothing() {
    let body = |bytes: usize| format!(r#"{{"auth":"{}"}}"#, "a".repeat(bytes - 11));
    let granted = Answer::Granted { channel_data: None };
    assert_eq!(answer("private-a", "", &body(BODY_BYTES_MAX)).await, granted);
    let refused = Answer::Refused { status: 403 };
    assert_eq!(answer("private-a", "", &body(BODY_BYTES_MAX + 1)).await, refused);
    let endless = format!("true{}", " ".repeat(BODY_BYTES_MAX));
    assert_eq!(answer("private-a", "", &endless).await, refused);
}

#[tokio::test]
async fn an_answer_that_breaks_off_grants_nothing() {
    let mut desk = Desk::open().await;
    let cut = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\ntrue";
    let authoriser = desk.authoriser.clone();
    let application = async {
        for _ in 0..2 {
            desk.application.asked().await.answer(cut.as_bytes());
        }
    };
    let (answer, ()) = tokio::join!(authoriser.ask(question("private-a")), application);
    assert_eq!(answer, Answer::Refused { status: 0 });
}

#[tokio::test]
async fn a_refusal_that_breaks_off_is_one() {
    let mut desk = Desk::open().await;
    let cut = b"HTTP/1.1 500 .\r\nConnection: close\r\nContent-Length: 99\r\n\r\n<title>Whoops";
    let answer = desk.ask(question("private-a"), |asked| asked.answer(cut)).await;
    assert_eq!(answer, Answer::Refused { status: 500 });
    assert_eq!(desk.log.lines()[0]["body"], "<title>Whoops");
}
