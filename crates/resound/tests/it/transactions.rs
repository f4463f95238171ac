//! Events that wait for a commit, on real databases.

use std::task::Poll;

use resound::{
    Broadcaster, Fake, Model, Outcome, SendError,
    broadcast::{self, AnonymousEvent},
    connection::Policy,
    notification::{Channel, Delivering, Delivery, Notifiable, Notification, Notifier, Via},
};

use crate::{
    logs::Log,
    outbox::until,
    scripted::{Mood, Scripted},
};

fn event(name: impl Into<String>) -> AnonymousEvent {
    broadcast::public("news").name(name.into())
}

fn names(fake: &Fake) -> Vec<String> {
    fake.events().into_iter().map(|event| event.envelope.name).collect()
}

/// A service that knows of no transaction.
async fn service(broadcaster: &Broadcaster, name: &str) {
    broadcaster.send(event(name)).await;
}

/// Spawning it demands that its future can change threads, as those of axum's handlers do.
async fn in_a_task<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    tokio::spawn(work).await.expect("no panic")
}

/// The same tests on each database.
macro_rules! on {
    ($database:ident, $pool:ty) => {
        mod $database {
            use super::*;
            use crate::databases::{self, Database};

            async fn start() -> (Database, $pool, Fake, Broadcaster) {
                let database = databases::$database();
                let pool = <$pool>::connect(&database.url).await.unwrap();
                let table = "CREATE TABLE notes (id INTEGER PRIMARY KEY)";
                sqlx::query(table).execute(&pool).await.unwrap();
                let fake = Fake::new();
                let broadcaster = fake.broadcaster();
                (database, pool, fake, broadcaster)
            }

            async fn rows(pool: &$pool) -> i64 {
                sqlx::query_scalar("SELECT COUNT(*) FROM notes").fetch_one(pool).await.unwrap()
            }

            #[tokio::test]
            async fn events_leave_after_the_commit_in_their_order() {
                let (_database, pool, fake, broadcaster) = start().await;
                let mut tx = broadcaster.begin(&pool).await.unwrap();
                sqlx::query("INSERT INTO notes VALUES (1)").execute(&mut *tx).await.unwrap();
                assert_eq!(tx.send(event("a")).result().await.unwrap(), Outcome::AfterCommit);
                tx.send(event("b")).now().to_others("1.2").await;
                tx.send(event("c")).dispatch();
                fake.assert_nothing();
                tx.commit().await.unwrap();
                assert_eq!(
                    (names(&fake), rows(&pool).await),
                    (["a", "b", "c"].map(String::from).to_vec(), 1)
                );
                fake.assert_broadcast::<AnonymousEvent>(|_| true).to_others("1.2").now();
            }

            #[tokio::test]
            async fn nothing_leaves_a_transaction_that_is_rolled_back_or_dropped() {
                let (_database, pool, fake, broadcaster) = start().await;
                let tx = broadcaster.begin(&pool).await.unwrap();
                tx.send(event("a")).await;
                let late = tx.send(event("late"));
                tx.rollback().await.unwrap();
                let mut tx = broadcaster.begin(&pool).await.unwrap();
                sqlx::query("INSERT INTO notes VALUES (1)").execute(&mut *tx).await.unwrap();
                tx.send(event("b")).now().await;
                drop(tx);
                let error = late.result().await.unwrap_err();
                assert!(matches!(error, SendError::RolledBack), "{error}");
                fake.assert_nothing();
                assert_eq!(rows(&pool).await, 0);
            }

            #[tokio::test]
            async fn savepoints_keep_or_forget_their_own_events() {
                let (_database, pool, fake, broadcaster) = start().await;
                let mut tx = broadcaster.begin(&pool).await.unwrap();
                tx.send(event("a")).await;
                let mut kept = tx.begin().await.unwrap();
                kept.send(event("b")).await;
                let forgotten = kept.begin().await.unwrap();
                forgotten.send(event("c")).await;
                forgotten.rollback().await.unwrap();
                let dropped = kept.begin().await.unwrap();
                dropped.send(event("d")).await;
                drop(dropped);
                kept.send(event("e")).await;
                kept.commit().await.unwrap();
                let lost = tx.begin().await.unwrap();
                lost.send(event("f")).await;
                lost.rollback().await.unwrap();
                tx.send(event("g")).await;
                fake.assert_nothing();
                tx.commit().await.unwrap();
                assert_eq!(names(&fake), ["a", "b", "e", "g"]);
            }

            #[tokio::test]
            async fn a_transaction_that_failed_sends_nothing_whatever_the_code_does_then() {
                let (_database, pool, fake, broadcaster) = start().await;
                let mut tx = broadcaster.begin(&pool).await.unwrap();
                tx.send(event("a")).await;
                sqlx::query("ROLLBACK").execute(&mut *tx).await.unwrap();
                tx.commit().await.unwrap_err();
                fake.assert_nothing();
                // The pool is none the worse for it.
                let tx = broadcaster.begin(&pool).await.unwrap();
                tx.send(event("b")).await;
                tx.commit().await.unwrap();
                assert_eq!(names(&fake), ["b"]);
            }

            #[tokio::test]
            async fn services_need_not_know_of_the_transaction() {
                let (_database, pool, fake, broadcaster) = start().await;
                in_a_task(async move {
                    let result = broadcaster
                        .transaction(&pool, async |mut tx| {
                            service(&broadcaster, "a").await;
                            broadcaster.send(event("early")).before_commit().await;
                            broadcaster.send(event("b")).dispatch();
                            let inner = tx.transaction(async |mut savepoint| {
                                service(&broadcaster, "forgotten").await;
                                sqlx::query("INSERT INTO notes VALUES (1)")
                                    .execute(&mut *savepoint)
                                    .await?;
                                Err::<(), _>(sqlx::Error::RowNotFound)
                            });
                            inner.await.unwrap_err();
                            tx.transaction(async |_| {
                                service(&broadcaster, "c").await;
                                Ok::<_, sqlx::Error>(())
                            })
                            .await?;
                            service(&broadcaster, "d").await;
                            assert_eq!(names(&fake), ["early"]);
                            Ok::<_, sqlx::Error>(7)
                        })
                        .await;
                    assert_eq!((result.unwrap(), rows(&pool).await), (7, 0));
                    assert_eq!(names(&fake), ["early", "a", "b", "c", "d"]);
                    service(&broadcaster, "e").await;
                    assert_eq!(names(&fake).last().unwrap(), "e");
                })
                .await;
            }

            #[tokio::test]
            async fn errors_and_panics_roll_back() {
                let (_database, pool, fake, broadcaster) = start().await;
                let work = broadcaster.transaction(&pool, async |mut tx| {
                    sqlx::query("INSERT INTO notes VALUES (1)").execute(&mut *tx).await?;
                    service(&broadcaster, "a").await;
                    Err::<(), _>(sqlx::Error::RowNotFound)
                });
                assert!(matches!(work.await.unwrap_err(), sqlx::Error::RowNotFound));
                let (his, his_pool) = (broadcaster.clone(), pool.clone());
                let task = tokio::spawn(async move {
                    his.transaction(&his_pool, async |_| {
                        service(&his, "b").await;
                        if names(&Fake::new()).is_empty() {
                            panic!("a bug");
                        }
                        Ok::<_, sqlx::Error>(())
                    })
                    .await
                });
                assert!(task.await.unwrap_err().is_panic());
                fake.assert_nothing();
                assert_eq!(rows(&pool).await, 0);
            }

            #[tokio::test]
            async fn a_commit_is_carried_out_also_if_its_page_is_given_up() {
                let (_database, pool, fake, broadcaster) = start().await;
                let mut tx = broadcaster.begin(&pool).await.unwrap();
                sqlx::query("INSERT INTO notes VALUES (1)").execute(&mut *tx).await.unwrap();
                tx.send(event("a")).await;
                let mut commit = Box::pin(tx.commit());
                let begun =
                    std::future::poll_fn(|context| Poll::Ready(commit.as_mut().poll(context)));
                assert!(begun.await.is_pending());
                drop(commit);
                until("the event", async || names(&fake) == ["a"]).await;
                assert_eq!(rows(&pool).await, 1);
            }

            #[tokio::test]
            async fn a_transaction_of_sqlx_can_be_adopted() {
                let (_database, pool, fake, broadcaster) = start().await;
                let mut tx = broadcaster.adopt(pool.begin().await.unwrap()).await.unwrap();
                sqlx::query("INSERT INTO notes VALUES (1)").execute(&mut *tx).await.unwrap();
                tx.send(event("a")).await;
                fake.assert_nothing();
                tx.commit().await.unwrap();
                assert_eq!((names(&fake), rows(&pool).await), (vec!["a".to_owned()], 1));
            }

            #[tokio::test]
            async fn what_can_not_be_sent_is_told_at_once() {
                let (_database, pool, ..) = start().await;
                let broadcaster = Broadcaster::null();
                let tx = broadcaster.begin(&pool).await.unwrap();
                let error = tx.send(event("a")).via("nowhere").result().await.unwrap_err();
                assert!(matches!(error, SendError::UnknownConnection { .. }), "{error}");
                let no_json = std::collections::BTreeMap::from([([1], 1)]);
                let error = tx.send(event("a").with(no_json)).result().await.unwrap_err();
                assert!(matches!(error, SendError::Payload { .. }), "{error}");
            }

            #[tokio::test]
            async fn the_tables_are_made_once_by_however_many() {
                let (_database, pool, ..) = start().await;
                let makers: Vec<_> = (0..8)
                    .map(|_| {
                        let pool = pool.clone();
                        tokio::spawn(async move { resound::sql::migrate(&pool).await })
                    })
                    .collect();
                for maker in makers {
                    maker.await.unwrap().unwrap();
                }
                resound::sql::migrate(&pool).await.unwrap();
                let count = "SELECT COUNT(*) FROM resound_jobs";
                let jobs: i64 = sqlx::query_scalar(count).fetch_one(&pool).await.unwrap();
                assert_eq!(jobs, 0);
            }
        }
    };
}

/// A user who gets mail.
struct User;

impl Model for User {
    fn key(&self) -> String {
        "1".to_owned()
    }
}

impl Notifiable for User {}

#[derive(serde::Serialize)]
struct Welcome;

impl Notification<User> for Welcome {
    fn via(&self, _: &User) -> Vec<Via> {
        vec!["mail".into()]
    }
}

struct Mailer;

impl Channel for Mailer {
    fn deliver<'a>(&'a self, _: &'a Delivery) -> Delivering<'a> {
        Box::pin(async { panic!("as the test wants it") })
    }
}

#[tokio::test]
async fn a_channel_that_panics_after_the_commit_takes_no_other_event_with_it() {
    let database = crate::databases::sqlite();
    let pool = sqlx::SqlitePool::connect(&database.url).await.unwrap();
    let server = Scripted::new(Mood::Well);
    let broadcaster = server.broadcaster(Policy::default());
    let notifier = Notifier::builder(&broadcaster).channel("mail", Mailer).build();
    let mut tx = broadcaster.begin(&pool).await.unwrap();
    notifier.within(&mut tx).send(&User, Welcome).await.unwrap();
    tx.send(event("a")).now().await;
    tx.commit().await.unwrap();
    assert_eq!(server.names(), ["a"]);
}

#[tokio::test]
async fn a_transaction_that_outlives_its_closure_is_in_the_log() {
    let database = crate::databases::sqlite();
    let pool = sqlx::SqlitePool::connect(&database.url).await.unwrap();
    let (log, _guard) = Log::start();
    let mut elsewhere = None;
    let broadcaster = Broadcaster::null();
    let work = broadcaster.transaction(&pool, |tx| {
        elsewhere = Some(tx);
        async { Ok::<_, sqlx::Error>(()) }
    });
    work.await.unwrap();
    assert!(log.lines()[0].starts_with("ERROR a closure ended before its transaction"));
    elsewhere.unwrap().commit().await.unwrap();
}

#[tokio::test]
async fn postgres_commit_of_a_transaction_in_which_a_statement_failed_is_an_error() {
    let database = crate::databases::postgres();
    let pool = sqlx::PgPool::connect(&database.url).await.unwrap();
    let fake = Fake::new();
    let mut tx = fake.broadcaster().begin(&pool).await.unwrap();
    tx.send(event("a")).await;
    sqlx::query("SELECT 1 / 0").execute(&mut *tx).await.unwrap_err();
    // Without the event PostgreSQL would answer this COMMIT with ROLLBACK, and no error.
    let error = tx.commit().await.unwrap_err().to_string();
    assert!(error.contains("current transaction is aborted"), "{error}");
    fake.assert_nothing();
}

#[tokio::test]
async fn mariadb_commit_after_a_deadlock_that_was_overlooked_is_an_error() {
    let database = crate::databases::mariadb();
    let pool = sqlx::MySqlPool::connect(&database.url).await.unwrap();
    for statement in [
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)",
        "INSERT INTO notes VALUES (1, ''), (2, ''), (3, ''), (4, ''), (5, '')",
    ] {
        sqlx::query(statement).execute(&pool).await.unwrap();
    }
    let fake = Fake::new();
    let mut other = pool.begin().await.unwrap();
    // The one that has changed more survives.
    let many = "UPDATE notes SET text = 'x' WHERE id > 1";
    sqlx::query(many).execute(&mut *other).await.unwrap();
    let mut tx = fake.broadcaster().begin(&pool).await.unwrap();
    sqlx::query("UPDATE notes SET text = 'y' WHERE id = 1").execute(&mut *tx).await.unwrap();
    tx.send(event("a")).await;
    let (mine, others) = tokio::join!(
        sqlx::query("UPDATE notes SET text = 'y' WHERE id = 2").execute(&mut *tx),
        sqlx::query("UPDATE notes SET text = 'x' WHERE id = 1").execute(&mut *other),
    );
    others.unwrap();
    let error = mine.unwrap_err().to_string();
    assert!(error.contains("Deadlock"), "{error}");
    let error = tx.commit().await.unwrap_err().to_string();
    assert!(error.contains("SAVEPOINT resound does not exist"), "{error}");
    fake.assert_nothing();
}

on!(sqlite, sqlx::SqlitePool);
on!(postgres, sqlx::PgPool);
on!(mariadb, sqlx::MySqlPool);
