use axum::http::StatusCode;
use resound::notification::BroadcastNotificationCreated;
use serde_json::Value;

use super::{channels, events::NotificationsRead};
use crate::{
    testing::{SOCKET, Showcase},
    visitor::{User, Visitor},
};

const ADA: i64 = 1;
const GRACE: i64 = 2;
const ALAN: i64 = 3;
const OWN_CHANNEL: &str = "private-App.Models.User.2";

#[tokio::test]
async fn a_wave_is_stored_and_told_to_its_addressee_only() {
    let showcase = Showcase::new().await;
    wave(&showcase, "%3Cb%3Ehi").await;
    let told = "Ada Lovelace waves: <b>hi";
    let list = list(&showcase, GRACE).await;
    assert_eq!((&list["unread"], &list["items"][0]["text"]), (&1.into(), &told.into()));
    let found = showcase.fake.assert_broadcast::<BroadcastNotificationCreated>(|event| {
        let said: Value = serde_json::from_str(event.json()).unwrap();
        (&said["id"], &said["text"], &said["link"])
            == (&list["items"][0]["id"], &told.into(), &"/chat/1".into())
    });
    found.on(OWN_CHANNEL);
    showcase.fake.assert_count::<BroadcastNotificationCreated>(1);
    for other in [ADA, ALAN] {
        assert_eq!(self::list(&showcase, other).await["items"], serde_json::json!([]));
    }
    assert_eq!(showcase.guest().get("/notifications/list").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_wave_that_is_forged_too_long_or_for_nobody_else_is_refused() {
    let showcase = Showcase::new().await;
    let ada = showcase.user(ADA);
    let url = "/notifications/wave";
    assert_eq!(ada.forge(url, "user=2&words=").await.status, StatusCode::FORBIDDEN);
    for (form, problem) in [
        ("user=1&words=", "Choose somebody to wave to."),
        ("user=99&words=", "Choose somebody to wave to."),
        ("user=Grace&words=", "Something is missing in this form."),
        (
            &*format!("user=2&words={}", "x".repeat(141)),
            "A wave may have 140 characters, this one has 141.",
        ),
    ] {
        let answer = ada.post(url, form).await;
        assert_eq!(
            (answer.status, &*answer.problem()),
            (StatusCode::UNPROCESSABLE_ENTITY, problem)
        );
    }
    showcase.fake.assert_nothing();
}

#[tokio::test]
async fn only_the_user_joins_the_channel() {
    let showcase = Showcase::new().await;
    let user = async |id: i64| {
        let user = User::find(&showcase.app.db, id).await.unwrap();
        Visitor { key: id.to_string(), name: String::new(), user }
    };
    let guest = Visitor { key: "2".into(), name: String::new(), user: None };
    let gate = channels().with_state(showcase.app.clone());
    gate.assert_can_join(&user(GRACE).await, OWN_CHANNEL).await;
    gate.assert_cannot_join(&user(ADA).await, OWN_CHANNEL).await;
    gate.assert_cannot_join(&guest, OWN_CHANNEL).await;
}

#[tokio::test]
async fn what_is_read_is_told_to_the_other_tabs_of_the_user() {
    let showcase = Showcase::new().await;
    let id = wave(&showcase, "one").await;
    wave(&showcase, "two").await;
    let grace = showcase.user(GRACE);
    let url = format!("/notifications/{id}/read");
    assert_eq!(grace.post(&url, "").await.status, StatusCode::NO_CONTENT);
    assert_eq!(grace.post(&url, "").await.status, StatusCode::NO_CONTENT);
    assert_eq!(list(&showcase, GRACE).await["unread"], 1);
    showcase.fake.assert_broadcast::<NotificationsRead>(|_| true).on(OWN_CHANNEL).to_others(SOCKET);
    grace.post("/notifications/read", "").await;
    grace.post("/notifications/read", "").await;
    assert_eq!(list(&showcase, GRACE).await["unread"], 0);
    // Read again, nothing has changed.
    showcase.fake.assert_count::<NotificationsRead>(2);
}

#[tokio::test]
async fn nobody_reads_or_pages_by_the_notifications_of_others() {
    let showcase = Showcase::new().await;
    let id = wave(&showcase, "").await;
    let url = format!("/notifications/{id}/read");
    assert_eq!(showcase.user(ADA).post(&url, "").await.status, StatusCode::NOT_FOUND);
    assert_eq!(showcase.guest().post(&url, "").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(showcase.user(GRACE).forge(&url, "").await.status, StatusCode::FORBIDDEN);
    for path in ["/notifications", "/notifications/list"] {
        let answer = showcase.user(ADA).get(&format!("{path}?after={id}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
    }
    showcase.user(ADA).post("/notifications/read", "").await;
    showcase.user(ADA).post("/notifications/seen", "path=/chat/1").await;
    assert_eq!(list(&showcase, GRACE).await["unread"], 1);
}

#[tokio::test]
async fn what_leads_to_a_page_is_read_when_that_page_is_seen() {
    let showcase = Showcase::new().await;
    showcase.user(ADA).post("/chat/2", "text=Hello&draft=1").await;
    wave(&showcase, "").await;
    showcase.user(GRACE).post("/notifications/seen", "path=/chat/2").await;
    let list = list(&showcase, GRACE).await;
    let read = |item: usize| (&list["items"][item]["link"], &list["items"][item]["is_read"]);
    assert_eq!(read(0), (&"/chat/1".into(), &false.into()));
    assert_eq!(read(1), (&"/chat/2".into(), &true.into()));
}

#[tokio::test]
async fn the_list_has_pages_and_forgets_what_is_old() {
    let showcase = Showcase::new().await;
    for n in 0..502 {
        wave(&showcase, &n.to_string()).await;
    }
    let (grace, mut seen, mut after) = (showcase.user(GRACE), Vec::new(), String::new());
    loop {
        let list = grace.get(&format!("/notifications/list{after}")).await.json();
        let items = list["items"].as_array().unwrap();
        assert!(items.len() <= 20);
        seen.extend(items.iter().map(|item| item["text"].as_str().unwrap().to_owned()));
        if list["is_more"] == false {
            break;
        }
        after = format!("?after={}", items.last().unwrap()["id"].as_str().unwrap());
    }
    let newest_first = (2..502).rev().map(|n| format!("Ada Lovelace waves: {n}"));
    assert_eq!(seen, newest_first.collect::<Vec<_>>());
}

/// Ada waves at Grace; the notification's id.
async fn wave(showcase: &Showcase, words: &str) -> String {
    let answer = showcase
        .user(ADA)
        .post("/notifications/wave", &format!("user={GRACE}&words={words}"))
        .await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    list(showcase, GRACE).await["items"][0]["id"].as_str().unwrap().to_owned()
}

async fn list(showcase: &Showcase, user: i64) -> Value {
    showcase.user(user).get("/notifications/list").await.json()
}
