//! Stored notifications: the same facts in memory and in every database.

use resound::{
    Broadcaster, Fake, Model,
    notification::{
        BroadcastNotificationCreated, DatabaseNotification, DatabaseStore, IDS_MAX, MemoryStore,
        Notifiable, Notification, Notifier, Owner, PAGE_MAX, Reason, Store, StoreError, Via, Which,
    },
};
use serde::{Deserialize, Serialize};

struct User(&'static str);

impl Model for User {
    fn key(&self) -> String {
        self.0.to_owned()
    }
}
impl Notifiable for User {}

struct Team(&'static str);

impl Model for Team {
    fn key(&self) -> String {
        self.0.to_owned()
    }
}
impl Notifiable for Team {}

/// Of a class without backslashes, which MySQL reads in another way than others.
struct Guest;

impl Model for Guest {
    fn class() -> String {
        "Guest".to_owned()
    }
    fn key(&self) -> String {
        "1".to_owned()
    }
}
impl Notifiable for Guest {}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Paid {
    amount: u64,
    by: String,
}

impl<N: Notifiable> Notification<N> for Paid {
    fn via(&self, _: &N) -> Vec<Via> {
        vec![Via::Database]
    }
}

fn paid(amount: u64) -> Paid {
    Paid { amount, by: "Zoë/'\\\"😀".to_owned() }
}

fn amounts(rows: &[DatabaseNotification]) -> Vec<u64> {
    rows.iter().map(|row| row.data::<Paid>().expect("it was stored").amount).collect()
}

/// Stores so many for somebody, one after the other, and gives their ids.
async fn fill(
    notifier: &Notifier,
    to: &(impl Notifiable + Sync),
    amounts: std::ops::RangeInclusive<u64>,
) -> Vec<String> {
    let mut ids = Vec::new();
    for amount in amounts {
        ids.push(notifier.send(to, paid(amount)).await.expect("it is stored").id);
    }
    ids
}

/// What a check finds is its panic; a store that fails is its error.
type Checked = Result<(), Box<dyn std::error::Error>>;

/// What holds for every store, with keys `1` and `2`.
async fn check(store: impl Store + Clone) -> Checked {
    check_lists(Notifier::new(&Broadcaster::null(), store.clone())).await?;
    check_changes(Notifier::new(&Broadcaster::null(), store.clone())).await?;
    check_strangers(Notifier::new(&Broadcaster::null(), store.clone())).await?;
    check_bounds(Notifier::new(&Broadcaster::null(), store)).await
}

async fn check_lists(notifier: Notifier) -> Checked {
    let ann = User("1");
    let inbox = notifier.inbox(&ann);
    assert!(inbox.all().await?.is_empty());
    let ids = fill(&notifier, &ann, 1..=20).await;

    let newest = inbox.all().await?;
    assert_eq!(amounts(&newest), (6..=20).rev().collect::<Vec<_>>());
    let first = &newest[0];
    assert_eq!((&first.id, &*first.kind), (&ids[19], r"App\Notifications\Paid"));
    assert_eq!(first.owner, Owner::new(r"App\Models\User", "1"));
    assert_eq!(first.data::<Paid>()?, paid(20));
    assert_eq!((first.read_at, first.created_at), (None, first.updated_at));
    assert!(first.created_at > newest[1].created_at);

    let next = inbox.all().after(&newest[14].id).limit(3).await?;
    assert_eq!(amounts(&next), [5, 4, 3]);
    assert_eq!(amounts(&inbox.all().after(&next[2].id).await?), [2, 1]);
    assert!(inbox.all().after(&ids[0]).await?.is_empty());
    assert!(inbox.all().limit(0).await?.is_empty());
    assert_eq!((inbox.count().await?, inbox.unread_count().await?), (20, 20));
    assert_eq!(inbox.find(&ids[3]).await?.map(|row| row.id), Some(ids[3].clone()));

    assert_eq!(inbox.mark_as_read(&newest).await?.all_known(), Ok(15));
    assert_eq!(amounts(&inbox.unread().await?), [5, 4, 3, 2, 1]);
    assert_eq!(amounts(&inbox.read().limit(2).await?), [20, 19]);
    // What was read meanwhile is still a place in the list.
    assert_eq!(amounts(&inbox.unread().after(&newest[14].id).limit(1).await?), [5]);
    assert_eq!(inbox.delete(Which::All).await?.count, 20);
    Ok(())
}

async fn check_changes(notifier: Notifier) -> Checked {
    let ann = User("1");
    let inbox = notifier.inbox(&ann);
    let ids = fill(&notifier, &ann, 1..=3).await;

    assert_eq!(inbox.mark_as_read(&ids[0]).await?.all_known(), Ok(1));
    let read = inbox.find(&ids[0]).await?.expect("it is there");
    assert!(read.read_at >= read.created_at && read.read_at == read.updated_at, "{read:?}");
    // It was already: the time stays what it was.
    assert_eq!(inbox.mark_as_read(&ids[0]).await?.all_known(), Ok(0));
    assert_eq!(inbox.find(&ids[0]).await?, Some(read));
    assert_eq!(inbox.mark_as_read(Which::All).await?.count, 2);
    assert_eq!(inbox.unread_count().await?, 0);

    assert_eq!(inbox.mark_as_unread(ids[1..].to_vec()).await?.all_known(), Ok(2));
    assert_eq!(inbox.mark_as_unread(Which::All).await?.count, 1);
    assert_eq!(inbox.unread_count().await?, 3);
    assert_eq!(inbox.mark_as_unread(Which::Ids(Vec::new())).await?.count, 0);

    let twice = vec![ids[0].clone(), ids[0].clone()];
    assert_eq!(inbox.delete(twice).await?.all_known(), Ok(1));
    assert_eq!(inbox.delete(&ids[0]).await?.all_known(), Err(vec![ids[0].clone()]));
    assert_eq!(inbox.delete(Which::All).await?.count, 2);
    assert_eq!(inbox.count().await?, 0);
    Ok(())
}

/// Nobody sees or changes what is somebody else's, and ids that can't be are no failure of the database.
async fn check_strangers(notifier: Notifier) -> Checked {
    let (ann, bo, team) = (User("1"), User("2"), Team("1"));
    let id = fill(&notifier, &ann, 1..=1).await.remove(0);
    let other = fill(&notifier, &bo, 2..=2).await.remove(0);
    let row = notifier.inbox(&ann).find(&id).await?;
    for inbox in [notifier.inbox(&bo), notifier.inbox(&team)] {
        assert_eq!(inbox.find(&id).await?, None);
        let error = inbox.all().after(&id).await.expect_err("it is refused");
        assert!(matches!(&error, StoreError::Unknown { id: asked, .. } if *asked == id), "{error}");
        let unknown = vec![id.clone()];
        assert_eq!(inbox.mark_as_read(&id).await?.all_known(), Err(unknown.clone()));
        assert_eq!(inbox.mark_as_unread(&id).await?.all_known(), Err(unknown.clone()));
        assert_eq!(inbox.delete(&id).await?.all_known(), Err(unknown));
    }
    let changed = notifier.inbox(&bo).mark_as_read(vec![other.clone(), id.clone()]).await?;
    assert_eq!((changed.count, changed.unknown), (1, vec![id.clone()]));
    assert_eq!(notifier.inbox(&team).mark_as_read(Which::All).await?.count, 0);
    assert_eq!(notifier.inbox(&ann).find(&id).await?, row);

    let inbox = notifier.inbox(&ann);
    let long = "a".repeat(10_000);
    for id in
        ["", "1", "x' OR '1'='1", "\0", "é", "%", &long, "eb272d6b-e4a4-4e7a-8860-dd37d6070e40"]
    {
        assert_eq!(inbox.find(id).await?, None, "{id:?}");
        assert_eq!(inbox.delete(id).await?.all_known(), Err(vec![id.to_owned()]), "{id:?}");
        let error = inbox.all().after(id).await.expect_err("it is refused");
        assert!(matches!(error, StoreError::Unknown { .. }), "{id:?}: {error}");
    }
    assert_eq!(inbox.count().await?, 1);
    for inbox in [inbox, notifier.inbox(&bo)] {
        assert_eq!(inbox.delete(Which::All).await?.count, 1);
    }
    Ok(())
}

async fn check_bounds(notifier: Notifier) -> Checked {
    let users: Vec<User> = (0..PAGE_MAX + 50).map(|_| User("1")).collect();
    notifier.send_many(&users, paid(1)).await?;
    let inbox = notifier.inbox(&User("1"));
    assert_eq!(inbox.all().limit(usize::MAX).await?.len(), PAGE_MAX);
    // Pages meet without a gap also where times are the same.
    let (mut seen, mut page) = (Vec::new(), inbox.all().limit(40).await?);
    while let Some(last) = page.last().map(|row| row.id.clone()) {
        seen.extend(page.into_iter().map(|row| row.id));
        page = inbox.all().after(last).limit(40).await?;
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), PAGE_MAX + 50);

    let ids: Vec<String> = (0..=IDS_MAX).map(|id| id.to_string()).collect();
    let error =
        inbox.mark_as_read(ids[1..].to_vec()).await?.all_known().expect_err("it is refused");
    assert_eq!(error.len(), IDS_MAX);
    let error = inbox.mark_as_read(ids).await.expect_err("it is refused").to_string();
    assert_eq!(error, "501 ids at once are more than 500");
    assert_eq!(inbox.delete(Which::All).await?.count, users.len() as u64);
    Ok(())
}

#[tokio::test]
async fn notifications_in_memory() {
    check(MemoryStore::new()).await.unwrap();
}

/// The same facts on each database, with our table and with Laravel's.
macro_rules! on {
    ($database:ident, $pool:ty, [$($layout:literal),*]) => {
        mod $database {
            use super::*;
            use crate::databases::{self, Database};

            async fn start() -> (Database, $pool) {
                let database = databases::$database();
                let pool = <$pool>::connect(&database.url).await.unwrap();
                (database, pool)
            }

            #[tokio::test]
            async fn notifications_in_our_own_table() {
                let (_database, pool) = start().await;
                resound::sql::migrate(&pool).await.unwrap();
                resound::sql::migrate(&pool).await.unwrap();
                check(DatabaseStore::new(&pool)).await.unwrap();
                check_keys(&Notifier::new(&Broadcaster::null(), DatabaseStore::new(&pool))).await.unwrap();
            }

            #[tokio::test]
            async fn notifications_in_the_table_of_laravels_migrations() {
                for layout in [$($layout),*] {
                    let (_database, pool) = start().await;
                    sqlx::raw_sql(layout).execute(&pool).await.unwrap();
                    // It is left as it is.
                    resound::sql::migrate(&pool).await.unwrap();
                    let store = DatabaseStore::new(&pool);
                    check_changes(Notifier::new(&Broadcaster::null(), store.clone())).await.unwrap();
                    check_strangers(Notifier::new(&Broadcaster::null(), store)).await.unwrap();
                }
            }

            #[tokio::test]
            async fn rows_of_others_are_read_as_far_as_they_go() {
                let (_database, pool) = start().await;
                resound::sql::migrate(&pool).await.unwrap();
                sqlx::raw_sql(OTHERS).execute(&pool).await.unwrap();
                let inbox = Notifier::new(&Broadcaster::null(), DatabaseStore::new(&pool)).inbox(&Guest);
                let rows = inbox.all().await.unwrap();
                let data: Vec<_> = rows.iter().map(|row| row.data.as_str()).collect();
                assert_eq!(data, ["{oops", "{\"amount\":5}", ""]);
                let error = rows[0].data::<Paid>().unwrap_err();
                assert!(matches!(&error, StoreError::Row { column: "data", .. }), "{error}");
                assert_eq!(serde_json::to_value(&rows[0]).unwrap()["data"], serde_json::Value::Null);
                let times = serde_json::to_value(&rows[1]).unwrap();
                assert_eq!(times["created_at"], "2024-02-29T23:59:58.000000Z");
                assert_eq!(times["read_at"], "2024-03-01T00:00:00.000000Z");
                assert_eq!(rows[2].created_at, None);
                let changed = inbox.mark_as_unread(Which::All).await.unwrap();
                assert_eq!((changed.count, inbox.unread_count().await.unwrap()), (1, 3));
            }

            #[tokio::test]
            async fn what_is_sent_within_a_transaction_is_stored_in_it_and_told_after_it() {
                let (_database, pool) = start().await;
                resound::sql::migrate(&pool).await.unwrap();
                let fake = Fake::new();
                let (broadcaster, (ann, bo)) = (fake.broadcaster(), (User("1"), User("2")));
                let letters = Letters::default();
                let builder = Notifier::builder(&broadcaster).store(DatabaseStore::new(&pool));
                let notifier = builder.channel("mail", letters.clone()).build();
                let ways = [Via::Broadcast, "mail".into(), Via::Database];

                let mut tx = broadcaster.begin(&pool).await.unwrap();
                let receipt = notifier.within(&mut tx).send(&ann, paid(1)).via(ways.clone()).now().await.unwrap();
                assert_eq!(receipt.via.len(), 3);
                let mut savepoint = tx.begin().await.unwrap();
                notifier.within(&mut savepoint).send(&ann, paid(2)).via(ways.clone()).await.unwrap();
                savepoint.rollback().await.unwrap();
                let mut savepoint = tx.begin().await.unwrap();
                notifier.within(&mut savepoint).send_many([&ann, &bo], paid(3)).via(ways.clone()).await.unwrap();
                savepoint.commit().await.unwrap();
                fake.assert_nothing();
                assert!(letters.ids().is_empty());
                tx.commit().await.unwrap();

                let stored = notifier.inbox(&ann).all().await.unwrap();
                assert_eq!(amounts(&stored), [3, 1]);
                assert_eq!(stored[1].id, receipt.id);
                let sent: Vec<_> = fake.events().iter().map(|it| it.event::<BroadcastNotificationCreated>().unwrap().id.clone()).collect();
                let others = notifier.inbox(&bo).all().await.unwrap();
                assert_eq!(sent, [&receipt.id, &stored[0].id, &others[0].id].map(String::clone));
                assert_eq!(letters.ids(), sent);

                let mut tx = broadcaster.begin(&pool).await.unwrap();
                notifier.within(&mut tx).send(&ann, paid(4)).via(ways).await.unwrap();
                drop(tx);
                assert_eq!((notifier.inbox(&ann).count().await.unwrap(), letters.ids().len(), fake.events().len()), (2, 3, 3));
            }

            #[tokio::test]
            async fn a_row_that_would_stay_when_the_transaction_goes_is_refused() {
                let (_database, pool) = start().await;
                resound::sql::migrate(&pool).await.unwrap();
                let fake = Fake::new();
                let broadcaster = fake.broadcaster();
                let notifier = Notifier::new(&broadcaster, DatabaseStore::new(&pool));
                let result = broadcaster
                    .transaction(&pool, async |mut tx| {
                        let error = notifier.send(&User("1"), paid(1)).await.unwrap_err();
                        assert!(error.to_string().contains("notifier.within(&mut tx)"), "{error}");
                        let ways = [Via::Broadcast, Via::Database];
                        let pending = notifier.within(&mut tx).send(&User("1"), paid(1));
                        pending.via(ways).await.unwrap();
                        tx.commit().await?;
                        // It is over.
                        notifier.send(&User("1"), paid(2)).await.unwrap();
                        Ok::<_, sqlx::Error>(())
                    })
                    .await;
                result.unwrap();
                assert_eq!(notifier.inbox(&User("1")).count().await.unwrap(), 2);
                fake.assert_count::<BroadcastNotificationCreated>(1);
            }

            #[tokio::test]
            async fn without_the_table_the_databases_own_words_are_told() {
                let (_database, pool) = start().await;
                let notifier = Notifier::new(&Broadcaster::null(), DatabaseStore::new(&pool));
                let error = notifier.send(&User("1"), paid(1)).await.unwrap_err().to_string();
                assert!(error.contains("can't be read or written") && error.contains("notifications"), "{error}");
                let error = notifier.inbox(&User("1")).all().await.unwrap_err();
                assert!(matches!(error, StoreError::Failed(_)), "{error}");
            }
        }
    };
}

/// Rows as somebody else may write them, the newest first.
const OTHERS: &str = r#"
INSERT INTO notifications (id, type, notifiable_type, notifiable_id, data, read_at, created_at, updated_at) VALUES
('eb272d6b-e4a4-4e7a-8860-dd37d6070e40', 'x', 'Guest', '1', '{oops', NULL, '2024-03-01 00:00:00', NULL),
('eb272d6b-e4a4-4e7a-8860-dd37d6070e41', 'x', 'Guest', '1', '{"amount":5}', '2024-03-01 00:00:00', '2024-02-29 23:59:58', NULL),
('eb272d6b-e4a4-4e7a-8860-dd37d6070e42', 'x', 'Guest', '1', '', NULL, NULL, NULL);
"#;

on!(
    sqlite,
    sqlx::SqlitePool,
    [
        r#"CREATE TABLE "notifications" ("id" varchar not null, "type" varchar not null, "notifiable_type" varchar not null,
        "notifiable_id" integer not null, "data" text not null, "read_at" datetime, "created_at" datetime,
        "updated_at" datetime, primary key ("id"));
        CREATE INDEX "notifications_notifiable_type_notifiable_id_index" on "notifications" ("notifiable_type", "notifiable_id")"#
    ]
);
on!(
    postgres,
    sqlx::PgPool,
    [
        r#"CREATE TABLE "notifications" ("id" uuid not null, "type" varchar(255) not null, "notifiable_type" varchar(255) not null,
        "notifiable_id" bigint not null, "data" text not null, "read_at" timestamp(0) without time zone null,
        "created_at" timestamp(0) without time zone null, "updated_at" timestamp(0) without time zone null, primary key ("id"))"#,
        r#"CREATE TABLE "notifications" ("id" char(36) not null, "type" varchar(255) not null, "notifiable_type" varchar(255) not null,
        "notifiable_id" integer not null, "data" jsonb not null, "read_at" timestamp(0) with time zone null,
        "created_at" timestamp(0) with time zone null, "updated_at" timestamp(0) with time zone null, primary key ("id"))"#
    ]
);
on!(
    mariadb,
    sqlx::MySqlPool,
    [
        "CREATE TABLE `notifications` (`id` char(36) not null, `type` varchar(255) not null, `notifiable_type` varchar(255) not null,
        `notifiable_id` bigint unsigned not null, `data` text not null, `read_at` timestamp null, `created_at` timestamp null,
        `updated_at` timestamp null, primary key (`id`)) default character set utf8mb4 collate 'utf8mb4_unicode_ci'",
        "CREATE TABLE `notifications` (`id` uuid not null, `type` varchar(255) not null, `notifiable_type` varchar(255) not null,
        `notifiable_id` varchar(255) not null, `data` json not null, `read_at` timestamp null, `created_at` timestamp null,
        `updated_at` timestamp null, primary key (`id`)) default character set utf8mb4 collate 'utf8mb4_unicode_ci'"
    ]
);

/// Keys that look alike are different.
async fn check_keys(notifier: &Notifier) -> Checked {
    let keys = [
        "Ann",
        "ann",
        "änn",
        "ann ",
        "1",
        "01",
        "1.0",
        "eb272d6b-e4a4-4e7a-8860-dd37d6070e40",
        "x' OR '1'='1",
    ];
    for (at, key) in keys.into_iter().enumerate() {
        notifier.send(&User(key), paid(at as u64)).await?;
    }
    for (at, key) in keys.into_iter().enumerate() {
        let inbox = notifier.inbox(&User(key));
        assert_eq!(amounts(&inbox.all().await?), [at as u64], "{key:?}");
        assert_eq!(inbox.mark_as_read(Which::All).await?.count, 1, "{key:?}");
        assert_eq!(inbox.delete(Which::All).await?.count, 1, "{key:?}");
    }
    let long: &'static str = "a".repeat(256).leak();
    let error = notifier.send(&User(long), paid(1)).await.expect_err("it is refused");
    assert!(
        matches!(&error.failures[0].reason, Reason::Store(reason) if matches!(**reason, StoreError::TooLong { .. })),
        "{error}"
    );
    assert!(notifier.inbox(&User(long)).all().await?.is_empty());
    Ok(())
}

#[derive(Clone, Default)]
struct Letters(std::sync::Arc<std::sync::Mutex<Vec<String>>>);

impl Letters {
    fn ids(&self) -> Vec<String> {
        self.0.lock().expect("no panic").clone()
    }
}

impl resound::notification::Channel for Letters {
    fn deliver<'a>(
        &'a self,
        delivery: &'a resound::notification::Delivery,
    ) -> resound::notification::Delivering<'a> {
        self.0.lock().expect("no panic").push(delivery.id.clone());
        Box::pin(std::future::ready(Ok(())))
    }
}

#[tokio::test]
async fn a_key_that_the_column_can_not_hold_is_told() {
    let database = crate::databases::postgres();
    let pool = sqlx::PgPool::connect(&database.url).await.unwrap();
    let table = "CREATE TABLE notifications (id uuid, type text, notifiable_type text, notifiable_id bigint, data text,
        read_at timestamp, created_at timestamp, updated_at timestamp)";
    sqlx::raw_sql(table).execute(&pool).await.unwrap();
    let notifier = Notifier::new(&Broadcaster::null(), DatabaseStore::new(&pool));
    for key in ["ann", "01", "9223372036854775808"] {
        let expected = format!(
            "App\\Models\\User {key} can't own notifications: the column notifiable_id is of type integer"
        );
        let error = notifier.send(&User(key), paid(1)).await.unwrap_err().to_string();
        assert!(error.ends_with(&expected), "{error}");
        let error = notifier.inbox(&User(key)).all().await.unwrap_err().to_string();
        assert_eq!(error, expected);
    }
    notifier.send(&User("-9223372036854775808"), paid(1)).await.unwrap();
}

/// Who was told, and who was not, of many.
async fn check_many(
    notifier: &Notifier,
    keys: &[&'static str],
    unfit: &[&str],
) -> resound::notification::NotifyError {
    let users: Vec<_> = keys.iter().map(|key| User(key)).collect();
    let error = notifier.send_many(&users, paid(1)).await.expect_err("it is refused");
    let key = |failure: &resound::notification::Failure| {
        failure.owner.as_ref().expect("an owner").key.clone()
    };
    let failed: Vec<_> = error.failures.iter().map(key).collect();
    assert_eq!(failed, unfit);
    let fit: Vec<_> = users.iter().filter(|user| !unfit.contains(&user.0)).collect();
    assert_eq!(error.receipts.len(), fit.len());
    for (user, receipt) in fit.into_iter().zip(&error.receipts) {
        let stored = notifier.inbox(user).find(&receipt.id).await.expect("a database");
        assert!(stored.is_some(), "{}", user.0);
    }
    error
}

#[tokio::test]
async fn of_many_those_whose_key_does_not_fit_keep_it_from_nobody_else() {
    let database = crate::databases::postgres();
    let pool = sqlx::PgPool::connect(&database.url).await.unwrap();
    let notifier = Notifier::new(&Broadcaster::null(), DatabaseStore::new(&pool));
    let table = "DROP TABLE IF EXISTS notifications; CREATE TABLE notifications (id uuid, type text, notifiable_type text,
        notifiable_id KEY, data text, read_at timestamp, created_at timestamp, updated_at timestamp)";
    let remake = async |key: &str| {
        let table = sqlx::AssertSqlSafe(table.replace("KEY", key));
        sqlx::raw_sql(table).execute(&pool).await.unwrap();
        sqlx::PgPool::connect(&database.url).await.unwrap()
    };

    remake("bigint").await;
    // More than are stored together.
    let numbers: Vec<&str> = (0..150).map(|n| &*n.to_string().leak()).collect();
    let keys = [&["1000", "ann", "1001"], &numbers[..], &["01", "1002"]].concat();
    let error = check_many(&notifier, &keys, &["ann", "01"]).await.to_string();
    assert!(error.contains("Paid was not sent to App\\Models\\User ann by database: "), "{error}");

    // A transaction goes on after it.
    let fake = Fake::new();
    let mut tx = fake.broadcaster().begin(&pool).await.unwrap();
    let users = [User("2000"), User("ann"), User("2001")];
    let error = notifier.within(&mut tx).send_many(&users, paid(2)).await.unwrap_err();
    tx.commit().await.unwrap();
    assert_eq!((error.failures.len(), error.receipts.len()), (1, 2));
    assert_eq!(notifier.inbox(&users[2]).count().await.unwrap(), 1);

    let pool = remake("integer").await;
    let notifier = Notifier::new(&Broadcaster::null(), DatabaseStore::new(&pool));
    check_many(&notifier, &["1", "2147483648", "2147483647"], &["2147483648"]).await;

    // Of which only the database knows.
    let pool = remake("varchar(3)").await;
    let notifier = Notifier::new(&Broadcaster::null(), DatabaseStore::new(&pool));
    let error = check_many(&notifier, &["ann", "anna", "bob", "hannah"], &["anna", "hannah"]).await;
    assert!(error.to_string().contains("value too long"), "{error}");
}
