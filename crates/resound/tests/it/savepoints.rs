//! Any tree of savepoints, sends, commits and rollbacks on SQLite, against a model that is too simple to be wrong.

use std::{future::Future, pin::Pin};

use proptest::prelude::*;
use resound::{Broadcaster, Fake, broadcast, sql::Transaction};
use sqlx::Sqlite;

use crate::databases;

/// What is done within a transaction or savepoint.
#[derive(Clone, Debug)]
enum Step {
    /// An event and a row of this number, by the transaction or by a service that does not know of it.
    Send(i64, By),
    Savepoint(Vec<Self>, End),
}

#[derive(Clone, Copy, Debug)]
enum By {
    Transaction,
    Service,
    Now,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Commit,
    Rollback,
    Drop,
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![3 => Just(End::Commit), 1 => Just(End::Rollback), 1 => Just(End::Drop)]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let by = prop_oneof![Just(By::Transaction), Just(By::Service), Just(By::Now)];
    let send = by.prop_map(|by| Step::Send(0, by));
    let step = send.prop_recursive(4, 24, 6, |inner| {
        (prop::collection::vec(inner, 0..6), end())
            .prop_map(|(steps, end)| Step::Savepoint(steps, end))
    });
    prop::collection::vec(step, 0..6)
}

/// Gives every event its number.
fn number(steps: &mut [Step], next: &mut i64) {
    for step in steps {
        match step {
            Step::Send(number, _) => {
                *next += 1;
                *number = *next;
            }
            Step::Savepoint(steps, _) => number(steps, next),
        }
    }
}

/// What is to be sent: what is committed all the way up.
fn model(steps: &[Step], end: End) -> Vec<i64> {
    if end != End::Commit {
        return Vec::new();
    }
    let sent = |step: &Step| match step {
        Step::Send(number, _) => vec![*number],
        Step::Savepoint(steps, end) => model(steps, *end),
    };
    steps.iter().flat_map(sent).collect()
}

type Done<'a> = Pin<Box<dyn Future<Output = Result<(), sqlx::Error>> + 'a>>;

fn run<'a>(
    tx: &'a mut Transaction<'_, Sqlite>,
    broadcaster: &'a Broadcaster,
    steps: &'a [Step],
) -> Done<'a> {
    Box::pin(async move {
        for step in steps {
            match step {
                Step::Send(number, by) => {
                    let row = sqlx::query("INSERT INTO notes VALUES (?)").bind(number);
                    row.execute(&mut **tx).await?;
                    let event = broadcast::public("news").name(number.to_string());
                    match by {
                        By::Transaction => tx.send(event).await,
                        By::Service => broadcaster.send(event).await,
                        By::Now => tx.send(event).now().await,
                    }
                }
                Step::Savepoint(steps, end) => {
                    let mut savepoint = tx.begin().await?;
                    run(&mut savepoint, broadcaster, steps).await?;
                    match end {
                        End::Commit => savepoint.commit().await?,
                        End::Rollback => savepoint.rollback().await?,
                        End::Drop => drop(savepoint),
                    }
                }
            }
        }
        Ok(())
    })
}

async fn check(steps: &[Step], end: End) -> Result<(), sqlx::Error> {
    let database = databases::sqlite();
    let pool = sqlx::SqlitePool::connect(&database.url).await?;
    sqlx::query("CREATE TABLE notes (id INTEGER)").execute(&pool).await?;
    let fake = Fake::new();
    let broadcaster = fake.broadcaster();
    let done = broadcaster.transaction(&pool, async |mut tx| {
        run(&mut tx, &broadcaster, steps).await?;
        fake.assert_nothing();
        match end {
            End::Commit => tx.commit().await,
            End::Rollback => tx.rollback().await,
            End::Drop => Err(sqlx::Error::RowNotFound),
        }
    });
    assert_eq!(done.await.is_ok(), end != End::Drop);
    let sent: Vec<i64> =
        fake.events().iter().map(|event| event.envelope.name.parse().expect("a number")).collect();
    let rows = "SELECT id FROM notes ORDER BY rowid";
    let rows: Vec<i64> = sqlx::query_scalar(rows).fetch_all(&pool).await?;
    assert_eq!(sent, model(steps, end));
    assert_eq!(sent, rows);
    pool.close().await;
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]
    #[test]
    fn what_is_sent_is_what_is_committed(mut steps in steps(), end in end()) {
        number(&mut steps, &mut 0);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("one");
        runtime.block_on(check(&steps, end)).expect("a database");
    }
}
