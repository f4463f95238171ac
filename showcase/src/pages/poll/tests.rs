use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::http::StatusCode;

use super::{coalesce::Coalesce, events::ResultsChanged};
use crate::testing::Showcase;

#[tokio::test]
async fn two_votes_of_one_person_at_once_are_one() {
    let showcase = Showcase::new().await;
    let ada = showcase.user(1);
    let (one, two) = tokio::join!(ada.post("/poll/1", "option=1"), ada.post("/poll/1", "option=2"));
    let mut votes = [one, two];
    votes.sort_by_key(|answer| answer.status);
    assert_eq!(votes[0].status, StatusCode::NO_CONTENT);
    assert_eq!(
        (votes[1].status, &*votes[1].problem()),
        (StatusCode::CONFLICT, "You have voted already.")
    );
    assert_eq!(showcase.guest().get("/poll/1/results").await.json()["votes"], 1);
    // The entry in the feed leaves with the vote, the results in a task of their own.
    while showcase.fake.events().len() < 2 {
        tokio::task::yield_now().await;
    }
    showcase.fake.assert_broadcast::<ResultsChanged>(|event| event.results.votes == 1).on("poll.1");
}

#[tokio::test]
async fn a_vote_that_is_forged_or_for_nothing_that_can_be_voted_for_is_refused() {
    let showcase = Showcase::new().await;
    let ada = showcase.user(1);
    assert_eq!(ada.forge("/poll/1", "option=1").await.status, StatusCode::FORBIDDEN);
    assert_eq!(ada.post("/poll/1", "option=99").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(ada.post("/poll/2", "option=1").await.status, StatusCode::NOT_FOUND);
    showcase.fake.assert_nothing();
}

#[tokio::test]
async fn a_question_has_answers_of_its_own() {
    let showcase = Showcase::new().await;
    let ada = showcase.user(1);
    let ask = async |question: &str, options: &str| {
        ada.post("/poll", &format!("question={question}&options={options}")).await
    };
    assert_eq!(ask("Tea%3F", "Yes%0A+%0ANo").await.json()["to"], "/poll/2");
    assert_eq!(ada.post("/poll/2", "option=1").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(ada.post("/poll/2", "option=5").await.status, StatusCode::NO_CONTENT);
    assert_eq!(ask("Tea%3F", "Yes").await.problem(), "A question needs 2 to 8 answers.");
    assert_eq!(ask(&"x".repeat(141), "Yes%0ANo").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        showcase.guest().post("/poll", "question=a&options=b").await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn there_are_not_more_questions_than_two_hundred() {
    let showcase = Showcase::new().await;
    let many =
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 200)
        INSERT OR IGNORE INTO poll_polls (question) SELECT 'x' FROM numbers
        WHERE n <= 200 - (SELECT count(*) FROM poll_polls)";
    sqlx::query(many).execute(&showcase.app.db).await.unwrap();
    let answer = showcase.user(1).post("/poll", "question=Why&options=a%0Ab").await;
    assert_eq!(
        (answer.status, &*answer.problem()),
        (StatusCode::CONFLICT, "There are 200 questions already.")
    );
}

#[tokio::test(start_paused = true)]
async fn of_a_thousand_changes_few_are_told_and_the_last_one_always() {
    let coalesce = Coalesce::every(Duration::from_millis(200));
    let (now, told) = (Arc::new(AtomicU32::new(0)), Arc::new(Mutex::new(Vec::new())));
    for n in 1..=1000 {
        now.store(n, Relaxed);
        let (now, told) = (Arc::clone(&now), Arc::clone(&told));
        coalesce.run(1, move || {
            told.lock().unwrap().push(now.load(Relaxed));
            std::future::ready(())
        });
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let told = told.lock().unwrap();
    assert_eq!((told[0], told[told.len() - 1]), (1, 1000));
    assert!(told.len() <= 7, "{told:?}");
}
