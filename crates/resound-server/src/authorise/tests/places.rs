//! How many questions are asked at once, how many may wait, and over how many connections.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::{
    desk::{Desk, config, question, with_headers},
    log::Log,
};
use crate::authorise::{
    Answer, Authoriser, Question,
    case::Case,
    cause::Refusal,
    fault::Fault,
    queue::{WAITING_BYTES_MAX, WAITING_MAX},
    report::{LINES_PER_SECOND, OVERLOAD_LINES_PER_SECOND, Report},
};

const GRANTED: Answer = Answer::Granted { channel_data: None };

/// Asks without waiting for the answer.
fn ask(tasks: &mut JoinSet<Answer>, authoriser: &Arc<Authoriser>, question: Question) {
    let authoriser = Arc::clone(authoriser);
    tasks.spawn(async move { authoriser.ask(question).await });
}

#[tokio::test]
async fn no_more_questions_are_asked_at_once_than_configured() {
    let mut desk = Desk::with(|config| config.concurrent_max = 3).await;
    let mut tasks = JoinSet::new();
    for n in 0..10 {
        ask(&mut tasks, &desk.authoriser, question(&format!("private-{n}")));
    }
    let mut open = Vec::new();
    for answered in 0..10 {
        while open.len() < 3.min(10 - answered) {
            open.push(desk.application.asked().await);
        }
        assert!(!desk.application.is_asked());
        open.remove(0).respond(200, "", "true");
    }
    while let Some(answer) = tasks.join_next().await {
        assert_eq!(answer.expect("no panic"), GRANTED);
    }
    assert_eq!(desk.application.connections(), 3);
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let mut desk = Desk::open().await;
    for _ in 0..5 {
        let answer = desk.ask(question("private-a"), |asked| asked.respond(200, "", "true")).await;
        assert_eq!(answer, GRANTED);
        let denied = desk.ask(question("private-a"), |asked| asked.respond(403, "", "{}")).await;
        assert_eq!(denied, Answer::Refused { status: 403 });
    }
    assert_eq!(desk.application.connections(), 1);
}

#[tokio::test]
async fn a_kept_connection_that_is_closed_when_it_is_used_costs_nobody_an_answer() {
    let mut desk = Desk::open().await;
    desk.ask(question("private-a"), |asked| asked.respond(200, "", "true")).await;
    let authoriser = Arc::clone(&desk.authoriser);
    let application = async {
        drop(desk.application.asked().await);
        desk.application.asked().await.respond(200, "", "true");
    };
    let (answer, ()) = tokio::join!(authoriser.ask(question("private-a")), application);
    assert_eq!((answer, desk.application.connections()), (GRANTED, 2));
}

#[tokio::test]
async fn whoever_left_is_not_asked_for_but_keeps_its_place_while_it_is() {
    let mut desk = Desk::with(|config| config.concurrent_max = 1).await;
    let (mut asked, mut waiting) = (JoinSet::new(), JoinSet::new());
    ask(&mut asked, &desk.authoriser, question("private-1"));
    let first = desk.application.asked().await;
    ask(&mut waiting, &desk.authoriser, question("private-2"));
    tokio::task::yield_now().await;
    asked.shutdown().await;
    waiting.shutdown().await;
    ask(&mut asked, &desk.authoriser, question("private-3"));
    first.respond(200, "", "true");
    let next = desk.application.asked().await;
    assert!(next.text.ends_with("channel_name=private-3&socket_id=123.456"), "{}", next.text);
    next.respond(200, "", "true");
    assert_eq!(asked.join_next().await.expect("a task").expect("no panic"), GRANTED);
    assert_eq!(desk.application.connections(), 1);
}

/// Asks one question that stays unanswered, and then `count` others; how many of them are refused at
/// once.
async fn refused(count: usize, question: impl Fn() -> Question) -> usize {
    let mut desk = Desk::with(|config| config.concurrent_max = 1).await;
    let mut tasks = JoinSet::new();
    ask(&mut tasks, &desk.authoriser, question());
    let _open = desk.application.asked().await;
    for _ in 0..count {
        ask(&mut tasks, &desk.authoriser, question());
        // The task runs until it waits.
        tokio::task::yield_now().await;
    }
    let mut refused = 0;
    while let Some(answer) = tasks.try_join_next() {
        assert_eq!(answer.expect("no panic"), Answer::Refused { status: 503 });
        refused += 1;
    }
    let cause = &desk.log.lines()[0]["cause"];
    assert_eq!(cause, "too many clients wait for an authorisation");
    refused
}

#[tokio::test]
async fn not_more_questions_wait_than_there_is_room_for() {
    // The thread may have taken the first of them out of the queue to wait for the place.
    let refused = refused(WAITING_MAX + 3, || question("private-a")).await;
    assert!((2..=3).contains(&refused), "{refused}");
}

#[tokio::test]
async fn large_questions_wait_in_smaller_numbers() {
    let value = "v".repeat(16_000);
    let count = WAITING_BYTES_MAX / 16_000;
    let refused = refused(count, || with_headers("private-a", &[("X-A", &value)])).await;
    assert!(refused > 0 && refused < count / 10, "{refused}");
}

#[test]
fn a_broken_application_does_not_fill_the_log() {
    let log = Log::capture();
    let report = Report::default();
    let case = Case::new(question("private-a"), &Arc::new(config("http://localhost")));
    let lines_of = |fault: &Fault| {
        let before = log.lines().len();
        for _ in 0..100 {
            report.refused(&case, &Refusal::of_fault(&case, fault));
        }
        u32::try_from(log.lines().len() - before).expect("a small number")
    };
    assert_eq!(lines_of(&Fault::Silence), LINES_PER_SECOND);
    assert_eq!(lines_of(&Fault::Overload), OVERLOAD_LINES_PER_SECOND);
    assert_eq!(lines_of(&Fault::Silence), 0);
    report.next_second();
    let lines = log.lines();
    let left_out: Vec<_> = lines.iter().filter_map(|line| line["left_out"].as_u64()).collect();
    assert_eq!(left_out, [190, 99]);
    assert_eq!(lines_of(&Fault::Silence), LINES_PER_SECOND);
}
