//! Events that wait for a transaction of no database in particular.

use std::time::Duration;

use resound::{
    Broadcaster, Fake, Outcome, SendError,
    after_commit::{EVENTS_MAX, Scope},
    broadcast::{self, AnonymousEvent},
    connection::Policy,
};

use crate::scripted::{Mood, Scripted};

fn event(name: &'static str) -> AnonymousEvent {
    broadcast::public("news").name(name)
}

fn names(fake: &Fake) -> Vec<String> {
    fake.events().into_iter().map(|event| event.envelope.name).collect()
}

#[tokio::test]
async fn a_child_hands_its_events_to_its_parent() {
    let (fake, mut scope) = (Fake::new(), Scope::new());
    let broadcaster = fake.broadcaster();
    scope.send(&broadcaster, event("a")).await;
    let child = scope.child();
    child.within(async { broadcaster.send(event("b")).await }).await;
    let late = child.send(&broadcaster, event("late"));
    assert_eq!(child.len(), 1);
    child.commit().await;
    assert_eq!(scope.len(), 2);
    // Who sends late sends to what the child became a part of.
    assert_eq!(late.result().await.unwrap(), Outcome::AfterCommit);
    scope.child().rollback();
    scope.within(async { broadcaster.send(event("c")).await }).await;
    fake.assert_nothing();
    scope.commit().await;
    assert_eq!(names(&fake), ["a", "b", "late", "c"]);
}

#[tokio::test]
async fn what_is_sent_after_the_end_is_sent_or_is_an_error() {
    let fake = Fake::new();
    let broadcaster = fake.broadcaster();
    let scope = Scope::new();
    let late = scope.send(&broadcaster, event("late"));
    scope.commit().await;
    assert_eq!(late.result().await.unwrap(), Outcome::Queued);
    let scope = Scope::new();
    let late = scope.send(&broadcaster, event("never"));
    scope.rollback();
    assert!(matches!(late.result().await.unwrap_err(), SendError::RolledBack));
    assert_eq!(names(&fake), ["late"]);
}

#[tokio::test]
async fn a_transaction_holds_so_many_events_and_tells_who_sends_more() {
    let (broadcaster, mut scope) = (Broadcaster::null(), Scope::new());
    for _ in 1..EVENTS_MAX {
        scope.send(&broadcaster, event("a")).await;
    }
    let child = scope.child();
    let last = child.send(&broadcaster, event("a")).result().await;
    assert_eq!(last.unwrap(), Outcome::AfterCommit);
    let error = child.send(&broadcaster, event("a")).result().await.unwrap_err();
    assert_eq!(error.to_string(), "100000 events were sent in one transaction, no more fit");
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_given_up_after_its_commit_sends_its_events_all_the_same() {
    let server = Scripted::new(Mood::Well);
    let broadcaster = server.broadcaster(Policy::default());
    let scope = Scope::new();
    scope.send(&broadcaster, event("later")).await;
    scope.send(&broadcaster, event("now")).now().await;
    // One poll, and no other.
    let given_up = tokio::time::timeout(Duration::ZERO, scope.commit()).await;
    assert!(given_up.is_err());
    broadcaster.flush(Duration::from_secs(1)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut names = server.names();
    names.sort();
    assert_eq!(names, ["later", "now"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_delays_a_commit_with_events_for_now_by_its_timeout_and_others_not_at_all()
 {
    let server = Scripted::new(Mood::Hanging);
    let broadcaster = server.broadcaster(Policy::default());
    let start = tokio::time::Instant::now();
    let scope = Scope::new();
    scope.send(&broadcaster, event("later")).await;
    scope.commit().await;
    assert_eq!(start.elapsed(), Duration::ZERO);
    let scope = Scope::new();
    scope.send(&broadcaster, event("now")).now().await;
    scope.commit().await;
    assert_eq!(start.elapsed(), Policy::default().timeout);
}
