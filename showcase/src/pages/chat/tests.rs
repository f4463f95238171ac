use axum::http::StatusCode;

use super::{channels, events::MessageSent};
use crate::{
    testing::{SOCKET, Showcase},
    visitor::{User, Visitor},
};

const ADA: i64 = 1;
const GRACE: i64 = 2;
const ALAN: i64 = 3;
const LINUS: i64 = 5;

#[tokio::test]
async fn a_message_goes_to_the_room_but_not_to_its_sender_who_has_it_as_the_answer() {
    let showcase = Showcase::new().await;
    let answer = showcase.user(ADA).post("/chat/2", "text=Hello+%3Cb%3E&draft=d1").await;
    assert_eq!(answer.json()["text"], "Hello <b>");
    let sent =
        showcase.fake.assert_broadcast::<MessageSent>(|event| event.message.text == "Hello <b>");
    sent.on("presence-chat.2").to_others(SOCKET);
}

#[tokio::test]
async fn the_other_members_are_notified_and_of_many_messages_the_last_one_is_enough() {
    let showcase = Showcase::new().await;
    let ada = showcase.user(ADA);
    let long = "x".repeat(81);
    for (text, draft) in [("one", "1"), (&*long, "2")] {
        ada.post("/chat/2", &format!("text={text}&draft={draft}")).await;
    }
    for (id, told) in [(GRACE, 1), (ALAN, 1), (ADA, 0), (LINUS, 0)] {
        let list = showcase.user(id).get("/notifications/list").await.json();
        assert_eq!(list["items"].as_array().unwrap().len(), told, "{id}");
    }
    let news = &showcase.user(GRACE).get("/notifications/list").await.json()["items"][0];
    let text = format!("Ada Lovelace in Design team: {}…", &long[1..]);
    assert_eq!(
        (&news["text"], &news["link"], &news["title"]),
        (&text.into(), &"/chat/2".into(), &"Design team".into())
    );
}

#[tokio::test]
async fn a_form_that_is_sent_twice_is_one_message() {
    let showcase = Showcase::new().await;
    let ada = showcase.user(ADA);
    let (first, second) = (
        ada.post("/chat/1", "text=Once&draft=d1").await,
        ada.post("/chat/1", "text=Once&draft=d1").await,
    );
    assert_eq!(first.json(), second.json());
    showcase.fake.assert_count::<MessageSent>(1);
}

#[tokio::test]
async fn a_text_that_is_empty_too_long_or_forged_is_refused() {
    let showcase = Showcase::new().await;
    let ada = showcase.user(ADA);
    for (text, problem) in [
        ("+%E2%80%A8+".to_owned(), "A message needs a text."),
        ("x".repeat(1001), "A message may have 1000 characters, this one has 1001."),
    ] {
        let answer = ada.post("/chat/1", &format!("text={text}&draft=d")).await;
        assert_eq!(
            (answer.status, &*answer.problem()),
            (StatusCode::UNPROCESSABLE_ENTITY, problem)
        );
    }
    assert_eq!(ada.forge("/chat/1", "text=x&draft=d").await.status, StatusCode::FORBIDDEN);
    assert_eq!(ada.forge("/chat/1", "text=x&draft=d&_token=").await.status, StatusCode::FORBIDDEN);
    showcase.fake.assert_nothing();
}

#[tokio::test]
async fn a_room_of_two_is_one_whoever_opens_it_and_closed_to_others() {
    let showcase = Showcase::new().await;
    let room = showcase.user(ADA).post("/chat/with/2", "").await.json()["to"].clone();
    assert_eq!(showcase.user(GRACE).post("/chat/with/1", "").await.json()["to"], room);
    let room = room.as_str().unwrap();
    assert!(showcase.user(GRACE).get(room).await.text.contains("Ada Lovelace · Chat"));
    for stranger in [showcase.user(LINUS), showcase.guest()] {
        assert_eq!(stranger.get(room).await.status, StatusCode::NOT_FOUND);
        assert_eq!(
            stranger.get(&format!("{room}/messages?after=0")).await.status,
            StatusCode::NOT_FOUND
        );
        assert_eq!(stranger.post(room, "text=x&draft=d").await.status, StatusCode::NOT_FOUND);
    }
    assert_eq!(showcase.user(ADA).post("/chat/with/1", "").await.status, StatusCode::NOT_FOUND);
    assert_eq!(showcase.guest().post("/chat/with/1", "").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn who_may_read_a_room_may_join_its_channel() {
    let showcase = Showcase::new().await;
    let user = async |id| {
        let user = User::find(&showcase.app.db, id).await.unwrap();
        Visitor { key: id.to_string(), name: String::new(), user }
    };
    let guest = Visitor { key: "guest-1".into(), name: String::new(), user: None };
    let gate = channels().with_state(showcase.app.clone());
    gate.assert_can_join(&user(ADA).await, "presence-chat.2").await;
    gate.assert_cannot_join(&user(LINUS).await, "presence-chat.2").await;
    gate.assert_can_join(&guest, "presence-chat.1").await;
    gate.assert_cannot_join(&guest, "presence-chat.2").await;
}

#[tokio::test]
async fn what_a_page_has_missed_is_what_came_after_its_last_message() {
    let showcase = Showcase::new().await;
    let ada = showcase.user(ADA);
    let first = ada.post("/chat/1", "text=one&draft=1").await.json();
    let second = ada.post("/chat/1", "text=two&draft=2").await.json();
    let missed = ada.get(&format!("/chat/1/messages?after={}", first["id"])).await.json();
    assert_eq!(missed, serde_json::json!([second]));
}

#[tokio::test]
async fn a_draft_that_was_sent_before_with_another_text_or_elsewhere_is_no_success() {
    let showcase = Showcase::new().await;
    let ada = showcase.user(ADA);
    ada.post("/chat/1", "text=first&draft=d").await;
    for (room, text) in [("/chat/1", "second"), ("/chat/2", "first")] {
        let answer = ada.post(room, &format!("text={text}&draft=d")).await;
        assert_eq!(answer.status, StatusCode::CONFLICT);
        assert!(answer.problem().starts_with("This was sent before"), "{}", answer.problem());
    }
    showcase.fake.assert_count::<MessageSent>(1);
}

#[tokio::test]
async fn the_newest_ten_thousand_are_kept() {
    let showcase = Showcase::new().await;
    let db = &showcase.app.db;
    let many = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 10010)
        INSERT INTO chat_messages (room_id, author, name, text, draft) SELECT 1, '2', 'Grace Hopper', 'x', 'many-' || n FROM numbers";
    sqlx::query(many).execute(db).await.unwrap();
    let answer = showcase.user(ADA).post("/chat/1", "text=last&draft=d").await;
    assert_eq!(answer.status, StatusCode::OK);
    let count: i64 =
        sqlx::query_scalar("SELECT count(*) FROM chat_messages").fetch_one(db).await.unwrap();
    assert_eq!(count, 10_000);
}
