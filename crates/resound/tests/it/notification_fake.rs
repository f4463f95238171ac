//! Assertions about notifications, and what they say when they fail.

use std::panic::{AssertUnwindSafe, catch_unwind};

use resound::{
    Broadcaster, Fake, Model,
    after_commit::Scope,
    notification::{
        BroadcastNotificationCreated as Created, DatabaseStore, MemoryStore, Notifiable,
        Notification, NotificationFake, Notifier, OnDemand, Via,
    },
};
use serde::Serialize;
use sqlx::SqlitePool;

use crate::databases;

struct User {
    id: u64,
}

impl Model for User {
    fn key(&self) -> String {
        self.id.to_string()
    }
}
impl Notifiable for User {}

const ANN: User = User { id: 1 };
const BO: User = User { id: 2 };

#[derive(Serialize)]
struct Paid {
    amount: u64,
}

impl<N: Notifiable> Notification<N> for Paid {
    fn via(&self, _: &N) -> Vec<Via> {
        vec![Via::Broadcast, Via::Database]
    }
    fn should_send(&self, _: &N, _: &Via) -> bool {
        self.amount > 0
    }
}

#[derive(Serialize)]
struct Welcome;

impl<N: Notifiable> Notification<N> for Welcome {
    fn via(&self, _: &N) -> Vec<Via> {
        vec!["mail".into()]
    }
}

fn guest() -> OnDemand {
    OnDemand::new("mail", "a@example.org")
}

async fn three() -> NotificationFake {
    let fake = NotificationFake::new();
    let notifier = fake.notifier();
    notifier.send_many([&ANN, &BO], Paid { amount: 5 }).await.expect("it is sent");
    notifier.send(&guest(), Welcome).await.expect("it is sent");
    fake
}

const WERE: &str = r#"sent were:
  Paid to App\Models\User 1 via database, broadcast: {"amount":5}
  Paid to App\Models\User 2 via database, broadcast: {"amount":5}
  Welcome to on demand: mail a@example.org via mail: null"#;

/// The message of an assertion that fails, without the path of this module.
#[track_caller]
fn message<T>(assertion: impl FnOnce() -> T) -> String {
    let Err(panic) = catch_unwind(AssertUnwindSafe(assertion)) else { panic!("it held") };
    let message = panic.downcast::<String>().expect("a message");
    message.replace("it::notification_fake::", "")
}

#[tokio::test]
async fn what_was_sent_is_found() {
    let fake = three().await;
    let found = fake
        .assert_sent_to::<Paid>(&ANN, |paid| paid.amount == 5)
        .via("broadcast")
        .via(Via::Database);
    assert_eq!(found.sent().len(), 1);
    assert_eq!(found.sent()[0].notification::<Paid>().map(|paid| paid.amount), Some(5));
    fake.assert_not_sent_to::<Paid>(&BO, |paid| paid.amount == 6);
    fake.assert_not_sent_to::<Welcome>(&BO, |_| true);
    fake.assert_sent_to_times::<Paid>(&BO, 1);
    fake.assert_sent_times::<Paid>(2);
    fake.assert_count(3);
    fake.assert_nothing_sent_to(&User { id: 3 });
    fake.assert_sent_on_demand::<Welcome>(|_, to| {
        to.route_for("mail").as_deref() == Some("a@example.org")
    });
    fake.assert_sent_on_demand_times::<Welcome>(1);
    fake.assert_sent_to::<Welcome>(&guest(), |_| true);
    fake.clear();
    fake.assert_nothing_sent();
}

#[tokio::test]
async fn what_goes_no_way_is_not_sent_and_nothing_is_stored() {
    let fake = NotificationFake::new();
    fake.notifier().send(&ANN, Paid { amount: 0 }).await.unwrap();
    fake.assert_nothing_sent();
    let receipt = fake.notifier().send(&ANN, Paid { amount: 1 }).await.unwrap();
    assert_eq!(receipt.id, fake.sent()[0].id);
    assert_eq!(fake.notifier().inbox(&ANN).count().await.unwrap(), 0);
}

#[tokio::test]
async fn a_failure_shows_what_was_sent_instead() {
    let fake = three().await;
    let but = "(1 of that type, but the condition holds for none)";
    for (message, expected) in [
        (
            message(|| fake.assert_sent_to::<Welcome>(&ANN, |_| true)),
            r"Welcome was not sent to App\Models\User 1".to_owned(),
        ),
        (
            message(|| fake.assert_sent_to::<Paid>(&ANN, |it| it.amount > 5)),
            format!(r"Paid was not sent to App\Models\User 1 {but}"),
        ),
        (
            message(|| fake.assert_not_sent_to::<Paid>(&BO, |_| true)),
            r"Paid was sent to App\Models\User 2 once, unexpectedly".to_owned(),
        ),
        (
            message(|| fake.assert_sent_to_times::<Paid>(&BO, 2)),
            r"Paid was sent to App\Models\User 2 once instead of 2 times".to_owned(),
        ),
        (
            message(|| fake.assert_sent_times::<Paid>(1)),
            "Paid was sent 2 times instead of once".to_owned(),
        ),
        (message(|| fake.assert_count(1)), "3 instead of 1 notifications were sent".to_owned()),
        (message(|| fake.assert_nothing_sent()), "something was sent, unexpectedly".to_owned()),
        (
            message(|| fake.assert_nothing_sent_to(&guest())),
            "something was sent to on demand: mail a@example.org, unexpectedly".to_owned(),
        ),
        (
            message(|| fake.assert_sent_on_demand::<Paid>(|_, _| true)),
            "Paid was not sent on demand".to_owned(),
        ),
        (
            message(|| fake.assert_sent_on_demand::<Welcome>(|_, _| false)),
            format!("Welcome was not sent on demand {but}"),
        ),
        (
            message(|| fake.assert_sent_on_demand_times::<Welcome>(0)),
            "Welcome was sent on demand once instead of 0 times".to_owned(),
        ),
    ] {
        assert_eq!(message, format!("{expected}; {WERE}"));
    }
    let found = || fake.assert_sent_to::<Paid>(&ANN, |_| true);
    assert_eq!(
        message(|| found().via("mail")),
        "Paid was not sent via mail; sent were:\n  Paid to App\\Models\\User 1 via database, broadcast: {\"amount\":5}"
    );
    assert_eq!(
        message(|| NotificationFake::new().assert_count(1)),
        "0 instead of 1 notifications were sent; nothing was sent"
    );
}

/// Notifies in transactions that end in all ways. Says what the notifier was told, and what had arrived after each.
async fn in_transactions(
    pool: &SqlitePool,
    broadcaster: &Broadcaster,
    notifier: &Notifier,
    arrived: impl Fn() -> Vec<String>,
) -> Vec<String> {
    let mut seen = Vec::new();
    let mut see = |what: &str| seen.push(format!("{what}: {:?}", arrived()));
    let ways = [Via::Broadcast, Via::Database];

    let mut tx = broadcaster.begin(pool).await.expect("a database");
    notifier.within(&mut tx).send(&ANN, Paid { amount: 1 }).await.expect("a database");
    tx.rollback().await.expect("a database");
    see("rolled back");

    let mut tx = broadcaster.begin(pool).await.expect("a database");
    notifier.within(&mut tx).send(&ANN, Paid { amount: 2 }).await.expect("a database");
    let mut savepoint = tx.begin().await.expect("a database");
    notifier.within(&mut savepoint).send(&ANN, Paid { amount: 3 }).await.expect("a database");
    savepoint.rollback().await.expect("a database");
    let mut savepoint = tx.begin().await.expect("a database");
    notifier
        .within(&mut savepoint)
        .send_many([&ANN, &BO], Paid { amount: 4 })
        .await
        .expect("a database");
    savepoint.commit().await.expect("a database");
    see("open");
    tx.commit().await.expect("a database");
    see("committed");

    let work = broadcaster.transaction(pool, async |mut tx| {
        notifier
            .within(&mut tx)
            .send(&ANN, Paid { amount: 5 })
            .via(ways)
            .await
            .expect("a database");
        Err::<(), _>(sqlx::Error::RowNotFound)
    });
    work.await.expect_err("it is refused");
    see("a closure failed");

    let mut told = Vec::new();
    let work = broadcaster.transaction(pool, async |tx| {
        told.push(
            notifier.send(&ANN, Paid { amount: 6 }).await.expect_err("it is refused").to_string(),
        );
        let many = notifier.send_many([&ANN, &BO], Paid { amount: 7 });
        told.push(many.await.expect_err("it is refused").to_string());
        notifier.send(&BO, Paid { amount: 8 }).via([Via::Broadcast]).await.expect("a database");
        told.push(format!("{:?}", arrived()));
        tx.commit().await?;
        // It is over.
        notifier.send(&BO, Paid { amount: 9 }).await.expect("a database");
        Ok::<_, sqlx::Error>(())
    });
    work.await.expect("a database");
    seen.extend(told);
    seen.push(format!("a closure: {:?}", arrived()));
    seen
}

#[tokio::test]
async fn within_transactions_it_sees_what_a_real_notifier_does() {
    let database = databases::sqlite();
    let pool = SqlitePool::connect(&database.url).await.unwrap();
    resound::sql::migrate(&pool).await.unwrap();
    let broadcasts = Fake::new();
    let broadcaster = broadcasts.broadcaster();

    let notifier = Notifier::new(&broadcaster, DatabaseStore::new(&pool));
    let payload = |it: resound::fake::Recorded| {
        let owner = it.event::<Created>().and_then(|created| created.owner.clone()).unwrap();
        let json: serde_json::Value = serde_json::from_str(&it.envelope.payload).unwrap();
        format!("{} {}", owner.key, json["amount"])
    };
    let arrived = || broadcasts.events().into_iter().map(payload).collect();
    let real = in_transactions(&pool, &broadcaster, &notifier, arrived).await;

    let fake = NotificationFake::new();
    let arrived = || {
        let sent = fake.sent();
        let amount = |sent: &resound::notification::SentNotification| {
            let paid = sent.notification::<Paid>().unwrap();
            format!("{} {}", sent.owner.as_ref().unwrap().key, paid.amount)
        };
        sent.iter().map(amount).collect()
    };
    let faked = in_transactions(&pool, &broadcaster, &fake.notifier(), arrived).await;
    assert_eq!(faked, real);
    assert_eq!(
        faked[..4],
        [
            "rolled back: []",
            "open: []",
            r#"committed: ["1 2", "1 4", "2 4"]"#,
            r#"a closure failed: ["1 2", "1 4", "2 4"]"#,
        ]
    );
    assert!(faked[4].contains("notifier.within(&mut tx).send"), "{}", faked[4]);
    assert!(faked[7].ends_with(r#""2 8", "2 9"]"#), "{}", faked[7]);
}

#[tokio::test]
async fn a_store_in_memory_refuses_within_a_transaction_what_a_database_does() {
    let store = MemoryStore::new();
    let notifier = Notifier::new(&Broadcaster::null(), store.clone());
    let scope = Scope::new();
    let sent = scope.within(async { notifier.send(&ANN, Paid { amount: 1 }).await }).await;
    let error = sent.unwrap_err().to_string();
    assert!(error.contains("a notification that is sent within a transaction"), "{error}");
    assert!(store.all().is_empty());
}

/// A map that JSON has no words for.
#[derive(Serialize)]
struct Wordless(std::collections::BTreeMap<[u8; 1], u8>);

impl Notification<User> for Wordless {
    fn via(&self, _: &User) -> Vec<Via> {
        vec![Via::Broadcast]
    }
}

#[tokio::test]
async fn what_can_not_be_sent_fails_and_is_not_there() {
    let fake = NotificationFake::new();
    let wordless = || Wordless([([1], 1)].into());
    let real = Notifier::builder(&Broadcaster::null()).build();
    let expected = real.send(&ANN, wordless()).await.unwrap_err().to_string();
    let error = fake.notifier().send(&ANN, wordless()).await.unwrap_err().to_string();
    assert_eq!(error, expected);
    fake.assert_nothing_sent();
}
