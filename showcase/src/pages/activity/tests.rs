use super::{events::EntryAdded, record};
use crate::{
    testing::Showcase,
    visitor::{User, Visitor},
};

const ADA: i64 = 1;

#[tokio::test]
async fn what_is_done_in_public_is_in_the_feed_and_told_to_everybody() {
    let showcase = Showcase::new().await;
    let ada = showcase.user(ADA);
    ada.post("/chat/1", "text=Hello&draft=d1").await;
    ada.post("/poll/1", "option=2").await;
    ada.post("/poll", "question=Tea%3F&options=Yes%0ANo").await;
    let told = [
        ("wrote in Lobby", "/chat/1"),
        ("voted on “Which feature do you build first?”", "/poll/1"),
        ("asked “Tea?”", "/poll/2"),
    ];
    let entries = showcase.guest().get("/activity/entries?after=0").await.json();
    assert_eq!(entries.as_array().unwrap().len(), told.len());
    for (entry, (did, link)) in entries.as_array().unwrap().iter().zip(told) {
        assert_eq!(
            (&entry["name"], &entry["did"], &entry["link"]),
            (&"Ada Lovelace".into(), &did.into(), &link.into())
        );
        showcase.fake.assert_broadcast::<EntryAdded>(|event| event.entry.did == did).on("activity");
    }
}

#[tokio::test]
async fn what_is_private_refused_or_done_twice_is_not() {
    let showcase = Showcase::new().await;
    let ada = showcase.user(ADA);
    ada.post("/chat/2", "text=Only+for+members&draft=d1").await;
    ada.post("/chat/with/2", "").await;
    ada.post("/chat/3", "text=Only+for+two&draft=d2").await;
    ada.post("/chat/1", "text=+&draft=d3").await;
    ada.post("/poll/1", "option=99").await;
    ada.post("/notifications/wave", "user=2&words=").await;
    assert_eq!(ada.get("/activity/entries?after=0").await.json(), serde_json::json!([]));
    for _ in 0..2 {
        ada.post("/chat/1", "text=Hello&draft=d4").await;
        ada.post("/poll/1", "option=1").await;
    }
    showcase.fake.assert_count::<EntryAdded>(2);
}

#[tokio::test]
async fn a_transaction_that_is_rolled_back_has_no_entry_and_leaves_no_gap() {
    let showcase = Showcase::new().await;
    let (app, ada) = (&showcase.app, user(&showcase, ADA).await);
    let mut tx = app.broadcaster.begin(&app.db).await.unwrap();
    record(&mut tx, &ada, "changed her mind", "/").await.unwrap();
    tx.rollback().await.unwrap();
    showcase.fake.assert_nothing();
    let mut tx = app.broadcaster.begin(&app.db).await.unwrap();
    record(&mut tx, &ada, "did it", "/").await.unwrap();
    tx.commit().await.unwrap();
    showcase.fake.assert_broadcast::<EntryAdded>(|event| event.entry.id == 1);
}

#[tokio::test]
async fn what_was_missed_comes_in_steps_and_older_entries_page_by_page() {
    let showcase = Showcase::new().await;
    let (app, ada) = (&showcase.app, user(&showcase, ADA).await);
    let mut tx = app.broadcaster.begin(&app.db).await.unwrap();
    for n in 1..=250 {
        record(&mut tx, &ada, &format!("did number {n}."), "/").await.unwrap();
    }
    tx.commit().await.unwrap();
    let ids = async |after: i64| -> Vec<i64> {
        let entries =
            showcase.guest().get(&format!("/activity/entries?after={after}")).await.json();
        entries.as_array().unwrap().iter().map(|entry| entry["id"].as_i64().unwrap()).collect()
    };
    assert_eq!(ids(0).await, (1..=100).collect::<Vec<_>>());
    assert_eq!(ids(200).await, (201..=250).collect::<Vec<_>>());
    assert_eq!(ids(250).await, [0; 0]);
    let page = showcase.guest().get("/activity?before=32").await.text;
    assert!(page.contains("number 31.") && page.contains("number 2."));
    assert!(!page.contains("number 32.") && !page.contains("number 1."));
    assert!(page.contains("/activity?before=2\""));
}

#[tokio::test]
async fn the_feed_forgets_what_is_old() {
    let showcase = Showcase::new().await;
    let (app, ada) = (&showcase.app, user(&showcase, ADA).await);
    let mut tx = app.broadcaster.begin(&app.db).await.unwrap();
    for _ in 0..10_002 {
        super::Entry::add(&mut tx, &ada, "did it", "/").await.unwrap();
    }
    tx.commit().await.unwrap();
    let all: (i64, i64) = sqlx::query_as("SELECT count(*), min(id) FROM activity_entries")
        .fetch_one(&app.db)
        .await
        .unwrap();
    assert_eq!(all, (10_000, 3));
}

async fn user(showcase: &Showcase, id: i64) -> Visitor {
    let user = User::find(&showcase.app.db, id).await.unwrap().unwrap();
    Visitor { key: id.to_string(), name: user.name.clone(), user: Some(user) }
}
