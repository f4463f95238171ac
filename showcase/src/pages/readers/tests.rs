use axum::http::StatusCode;
use serde_json::Value;

use super::{
    channels,
    events::{ArticleChanged, CommentAdded},
};
use crate::{
    testing::{SOCKET, Showcase},
    visitor::{User, Visitor},
};

const ADA: i64 = 1;
const GRACE: i64 = 2;

/// What a user was told, the newest first.
async fn told(showcase: &Showcase, user: i64) -> Vec<(String, String)> {
    let user = User::find(&showcase.app.db, user).await.unwrap().unwrap();
    let all = showcase.app.notifier.inbox(&user).all().await.unwrap();
    let data = all.iter().map(|notification| notification.data::<Value>().unwrap());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    data.map(|data| (text(&data["text"]), text(&data["link"]))).collect()
}

async fn activities(showcase: &Showcase) -> Vec<String> {
    let all = "SELECT name || ' ' || did || ' ' || link FROM activity_entries ORDER BY id";
    sqlx::query_scalar(all).fetch_all(&showcase.app.db).await.unwrap()
}

#[tokio::test]
async fn a_comment_goes_to_the_other_readers_to_the_list_and_to_the_author() {
    let showcase = Showcase::new().await;
    let answer =
        showcase.user(GRACE).post("/readers/1/comments", "text=Well+%3Cb%3E&draft=d1").await;
    let id = answer.json()["id"].clone();
    let sent =
        showcase.fake.assert_broadcast::<CommentAdded>(|event| event.comment.text == "Well <b>");
    sent.on("presence-readers.1").to_others(SOCKET);
    showcase
        .fake
        .assert_broadcast::<ArticleChanged>(|event| event.figures.comments == 2)
        .on("readers")
        .on("presence-readers.1")
        .to_everyone();
    let text = "Grace Hopper commented on “The laptop lid is the real test”".to_owned();
    let link = format!("/readers/1#comment-{id}");
    assert_eq!(told(&showcase, ADA).await, [(text.clone(), link.clone())]);
    assert_eq!(activities(&showcase).await, [format!("{text} {link}")]);
}

#[tokio::test]
async fn authors_are_not_told_what_they_did_themselves() {
    let showcase = Showcase::new().await;
    let ada = showcase.user(ADA);
    assert_eq!(ada.post("/readers/1/comments", "text=Thanks&draft=1").await.status, StatusCode::OK);
    assert_eq!(ada.post("/readers/1/like", "like=true").await.json()["likes"], 1);
    assert_eq!(told(&showcase, ADA).await, []);
    assert_eq!(activities(&showcase).await.len(), 2);
}

#[tokio::test]
async fn likes_of_one_person_are_one_and_the_author_hears_of_the_first_only() {
    let showcase = Showcase::new().await;
    let grace = showcase.user(GRACE);
    let like = async |like: &str| {
        let figures = grace.post("/readers/1/like", &format!("like={like}")).await.json();
        (figures["likes"].as_i64().unwrap(), figures["version"].as_i64().unwrap())
    };
    assert_eq!(like("false").await, (0, 0));
    let (one, two) = tokio::join!(like("true"), like("true"));
    assert_eq!((one, two), ((1, 1), (1, 1)));
    assert_eq!(like("false").await, (0, 2));
    assert_eq!(like("true").await, (1, 3));
    let guest = showcase.guest();
    assert_eq!(guest.post("/readers/1/like", "like=true").await.json()["likes"], 2);
    let told = told(&showcase, ADA).await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[1].0, "Grace Hopper likes “The laptop lid is the real test”");
    showcase.fake.assert_count::<ArticleChanged>(4);
}

#[tokio::test]
async fn a_comment_that_is_sent_twice_is_one_and_the_author_hears_of_it_once() {
    let showcase = Showcase::new().await;
    let guest = showcase.guest();
    let (first, second) = (
        guest.post("/readers/2/comments", "text=Once&draft=d1").await,
        guest.post("/readers/2/comments", "text=Once&draft=d1").await,
    );
    assert_eq!(first.json(), second.json());
    showcase.fake.assert_count::<CommentAdded>(1);
    assert_eq!(told(&showcase, GRACE).await.len(), 1);
    assert_eq!(activities(&showcase).await.len(), 1);
}

#[tokio::test]
async fn what_is_empty_too_long_forged_or_nowhere_changes_nothing() {
    let showcase = Showcase::new().await;
    let ada = showcase.user(ADA);
    for (text, problem) in [
        ("+%E2%80%A8+".to_owned(), "A comment needs a text."),
        ("x".repeat(501), "A comment may have 500 characters, this one has 501."),
    ] {
        let answer = ada.post("/readers/2/comments", &format!("text={text}&draft=d")).await;
        assert_eq!(
            (answer.status, &*answer.problem()),
            (StatusCode::UNPROCESSABLE_ENTITY, problem)
        );
    }
    for (path, form) in
        [("/readers/2/comments", "text=x&draft=d"), ("/readers/2/like", "like=true")]
    {
        assert_eq!(ada.forge(path, form).await.status, StatusCode::FORBIDDEN);
        let nowhere = ada.post(&path.replace('2', "9"), form).await;
        assert_eq!(nowhere.status, StatusCode::NOT_FOUND);
    }
    let nonsense = ada.post("/readers/2/like", "like=perhaps").await;
    assert_eq!(nonsense.status, StatusCode::UNPROCESSABLE_ENTITY);
    showcase.fake.assert_nothing();
    assert_eq!(told(&showcase, GRACE).await, []);
}

#[tokio::test]
async fn everybody_may_be_a_reader_of_an_article_that_exists() {
    let showcase = Showcase::new().await;
    let gate = channels().with_state(showcase.app.clone());
    let guest = Visitor { key: "guest-1".into(), name: String::new(), user: None };
    gate.assert_can_join(&guest, "presence-readers.4").await;
    gate.assert_cannot_join(&guest, "presence-readers.9").await;
}

#[tokio::test]
async fn what_a_page_has_missed_is_what_came_after_its_last_comment() {
    let showcase = Showcase::new().await;
    let ada = showcase.user(ADA);
    let first = ada.post("/readers/3/comments", "text=one&draft=1").await.json();
    let second = ada.post("/readers/3/comments", "text=two&draft=2").await.json();
    let news = ada.get(&format!("/readers/3/news?after={}", first["id"])).await.json();
    assert_eq!(news["comments"], serde_json::json!([second]));
    assert_eq!(news["figures"]["comments"], 2);
    let now = showcase.guest().get("/readers/now").await.json();
    assert_eq!(now["articles"][2], news["figures"]);
    // A server that says nothing is no reason to show nothing, or zeros.
    assert_eq!(now["readers"], Value::Null);
}

#[tokio::test]
async fn a_comment_that_was_sent_before_with_another_text_or_elsewhere_is_no_success() {
    let showcase = Showcase::new().await;
    let ada = showcase.user(ADA);
    ada.post("/readers/1/comments", "text=first&draft=d").await;
    for (article, text) in [(1, "second"), (2, "first")] {
        let form = format!("text={text}&draft=d");
        let answer = ada.post(&format!("/readers/{article}/comments"), &form).await;
        assert_eq!(answer.status, StatusCode::CONFLICT);
    }
}

#[tokio::test]
async fn another_tab_learns_that_one_likes_an_article() {
    let showcase = Showcase::new().await;
    let ada = showcase.user(ADA);
    ada.post("/readers/1/like", "like=true").await;
    assert_eq!(ada.get("/readers/1/news?after=0").await.json()["is_liked"], true);
    assert_eq!(showcase.guest().get("/readers/1/news?after=0").await.json()["is_liked"], false);
}

#[tokio::test]
async fn the_newest_ten_thousand_are_kept() {
    let showcase = Showcase::new().await;
    let db = &showcase.app.db;
    let many = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 10010)
        INSERT INTO readers_comments (article_id, author, name, text, draft) SELECT 1, '2', 'Grace Hopper', 'x', 'many-' || n FROM numbers";
    sqlx::query(many).execute(db).await.unwrap();
    let answer = showcase.user(ADA).post("/readers/1/comments", "text=last&draft=d").await;
    assert_eq!(answer.status, StatusCode::OK);
    let count: i64 =
        sqlx::query_scalar("SELECT count(*) FROM readers_comments").fetch_one(db).await.unwrap();
    assert_eq!(count, 10_000);
}
