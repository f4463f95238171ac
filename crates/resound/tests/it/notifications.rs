//! What is stored and broadcast when somebody is notified.

use std::{
    borrow::Cow,
    future,
    sync::{Arc, Mutex},
    time::Duration,
};

use resound::{
    Broadcaster, Channel, EventName, Fake, Model,
    after_commit::Scope,
    notification::{
        self, BroadcastNotificationCreated, Delivering, Delivery, MemoryStore, Notifiable,
        Notification, Notifier, OnDemand, Row, Store, StoreError, Storing, Via,
    },
};
use serde::Serialize;
use serde_json::json;

use crate::{
    logs::Log,
    scripted::{Mood, Scripted},
};

struct User {
    id: u64,
}

impl Model for User {
    fn key(&self) -> String {
        self.id.to_string()
    }
}

impl Notifiable for User {
    fn route_for(&self, channel: &str) -> Option<String> {
        (channel == "mail").then(|| format!("user{}@example.org", self.id))
    }
}

const ANN: User = User { id: 1 };

#[derive(Clone, Serialize)]
struct Paid {
    amount: u64,
    by: &'static str,
}

const PAID: Paid = Paid { amount: 5, by: "Zoë/7" };

impl<N: Notifiable> Notification<N> for Paid {
    fn via(&self, _: &N) -> Vec<Via> {
        vec![Via::Broadcast, Via::Database]
    }
}

fn notifier() -> (Fake, MemoryStore, Notifier) {
    let (fake, store) = (Fake::new(), MemoryStore::new());
    let notifier = Notifier::new(&fake.broadcaster(), store.clone());
    (fake, store, notifier)
}

type Created = BroadcastNotificationCreated;

#[tokio::test]
async fn the_row_and_the_broadcast_are_laravels_and_carry_the_same_id() {
    let (fake, store, notifier) = notifier();
    let receipt = notifier.send(&ANN, PAID).await.unwrap();
    assert_eq!(receipt.via, [Via::Database, Via::Broadcast]);
    let id = receipt.id;

    fake.assert_broadcast::<Created>(|event| event.id == id)
        .named(r"Illuminate\Notifications\Events\BroadcastNotificationCreated")
        .on("private-App.Models.User.1")
        .to_everyone()
        .later();
    assert_eq!(
        fake.events()[0].envelope.payload,
        format!(
            r#"{{"amount":5,"by":"Zo\u00eb\/7","id":"{id}","type":"App\\Notifications\\Paid"}}"#
        )
    );
    let [row] = &store.all()[..] else { panic!("not one row") };
    assert_eq!((&row.id, &*row.kind), (&id, r"App\Notifications\Paid"));
    assert_eq!((&*row.owner.class, &*row.owner.key), (r"App\Models\User", "1"));
    assert_eq!(row.data, r#"{"amount":5,"by":"Zo\u00eb\/7"}"#);
    assert!(!row.is_read());
}

#[tokio::test]
async fn each_of_many_has_an_id_of_their_own() {
    let (fake, store, notifier) = notifier();
    let users: Vec<User> = (1..=250).map(|id| User { id }).collect();
    let receipts = notifier.send_many(&users, PAID).await.unwrap();
    let mut ids: Vec<_> = receipts.iter().map(|receipt| receipt.id.clone()).collect();
    let stored: Vec<_> = store.all().into_iter().map(|row| row.id).collect();
    let sent: Vec<_> =
        fake.events().iter().map(|it| it.event::<Created>().unwrap().id.clone()).collect();
    assert_eq!((&stored, &sent), (&ids, &ids));
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 250);
}

/// Says everything that can be said.
#[derive(Serialize)]
struct Loud;

impl Notification<User> for Loud {
    fn via(&self, user: &User) -> Vec<Via> {
        if user.id == 1 {
            vec!["database".into(), "broadcast".into(), "database".into()]
        } else {
            Vec::new()
        }
    }
    fn to_database(&self, user: &User) -> impl Serialize {
        json!({ "for": user.id })
    }
    fn to_broadcast(&self, _: &User) -> impl Serialize {
        [1]
    }
    fn database_type(&self) -> EventName {
        EventName::exact("loud")
    }
    fn broadcast_type(&self) -> EventName {
        EventName::short("Loudly")
    }
    fn broadcast_on(&self, _: &User) -> Vec<Channel> {
        vec![Channel::public("street")]
    }
    fn broadcast_as(&self) -> EventName {
        EventName::short("Shouted")
    }
    fn broadcast_queue(&self) -> Option<Cow<'static, str>> {
        Some("high".into())
    }
    fn broadcast_connections(&self) -> Vec<Cow<'static, str>> {
        vec!["reverb".into()]
    }
}

#[tokio::test]
async fn a_notification_says_otherwise() {
    let (fake, store) = (Fake::new(), MemoryStore::new());
    let builder = Notifier::builder(&fake.broadcaster()).store(store.clone());
    let notifier = builder.namespace(r"Shop\Told").build();
    let id = notifier.send(&ANN, Loud).now().await.unwrap().id;
    fake.assert_broadcast::<Created>(|event| event.kind == r"Shop\Told\Loudly")
        .named(r"App\Events\Shouted")
        .on("street")
        .via("reverb")
        .now();
    let envelope = &fake.events()[0].envelope;
    assert_eq!(envelope.payload, format!(r#"{{"0":1,"id":"{id}","type":"Shop\\Told\\Loudly"}}"#));
    assert_eq!(envelope.queue.as_deref(), Some("high"));
    assert_eq!((&*store.all()[0].kind, &*store.all()[0].data), ("loud", r#"{"for":1}"#));

    let receipt = notifier.send(&User { id: 2 }, Loud).await.unwrap();
    assert!(receipt.via.is_empty());
    assert_eq!((fake.events().len(), store.all().len()), (1, 1));
}

#[derive(Serialize)]
struct Whole;

impl<N: Notifiable> Notification<N> for Whole {
    fn via(&self, _: &N) -> Vec<Via> {
        vec![Via::Broadcast, Via::Database]
    }
    fn broadcast_with(&self, notifiable: &N, id: &str) -> Option<impl Serialize> {
        Some(json!({ "to": notifiable.key(), "uuid": id }))
    }
    fn should_send(&self, _: &N, via: &Via) -> bool {
        *via != Via::Database
    }
}

#[tokio::test]
async fn broadcast_with_is_all_that_is_sent_and_should_send_is_asked() {
    let (fake, store, notifier) = notifier();
    let id = notifier.send(&ANN, Whole).await.unwrap().id;
    assert_eq!(fake.events()[0].envelope.payload, format!(r#"{{"to":"1","uuid":"{id}"}}"#));
    assert!(store.all().is_empty());
    // Without fields there is an empty list, as in PHP.
    notifier.send(&ANN, Quiet).await.unwrap();
    assert_eq!(store.all()[0].data, "[]");
}

#[derive(Serialize)]
struct Quiet;

impl<N: Notifiable> Notification<N> for Quiet {
    fn via(&self, _: &N) -> Vec<Via> {
        vec![Via::Database]
    }
}

#[tokio::test]
async fn the_sender_chooses_the_ways() {
    let (fake, store, notifier) = notifier();
    notifier.send(&ANN, PAID).via([Via::Broadcast]).await.unwrap();
    notifier.send_many([&ANN], PAID).via(["broadcast"]).await.unwrap();
    assert_eq!((fake.events().len(), store.all().len()), (2, 0));
}

#[tokio::test]
async fn somebody_without_an_account_is_reached_where_it_was_said() {
    let (fake, store, notifier) = notifier();
    let guest = notifier.route("broadcast", "private-desk").route("broadcast", "news");
    let receipt = notifier.send(&guest, PAID).await.unwrap();
    assert_eq!(receipt.via, [Via::Broadcast]);
    fake.assert_broadcast::<Created>(|event| event.owner.is_none()).on("private-desk").on("news");
    assert!(store.all().is_empty());
    // Nowhere, so that nothing is sent.
    let receipt = notifier.send(&OnDemand::new("mail", "a@example.org"), PAID).await.unwrap();
    assert!(receipt.via.is_empty());
    assert!(notifier.inbox(&guest).all().await.unwrap().is_empty());
}

/// What was delivered, and what fails.
#[derive(Clone, Default)]
struct Post {
    letters: Arc<Mutex<Vec<Delivery>>>,
}

impl notification::Channel for Post {
    fn deliver<'a>(&'a self, delivery: &'a Delivery) -> Delivering<'a> {
        let is_lost = delivery.route.as_deref() == Some("user13@example.org");
        self.letters.lock().expect("no panic").push(delivery.clone());
        Box::pin(future::ready(if is_lost { Err("nobody lives there".into()) } else { Ok(()) }))
    }
}

struct Silent(Arc<Mutex<usize>>);

impl notification::Channel for Silent {
    fn deliver<'a>(&'a self, _: &'a Delivery) -> Delivering<'a> {
        *self.0.lock().expect("no panic") += 1;
        Box::pin(future::pending())
    }
}

#[derive(Serialize)]
struct Welcome;

impl<N: Notifiable> Notification<N> for Welcome {
    fn via(&self, _: &N) -> Vec<Via> {
        vec!["mail".into(), Via::Broadcast, Via::Database]
    }
    fn to_channel(&self, channel: &str, notifiable: &N) -> impl Serialize {
        json!({ "subject": format!("{channel} for {}", notifiable.key()) })
    }
}

#[tokio::test]
async fn a_channel_of_the_applications_own_gets_what_is_made_for_it() {
    let (post, store) = (Post::default(), MemoryStore::new());
    let builder = Notifier::builder(&Broadcaster::null()).store(store.clone());
    let notifier = builder.channel("mail", post.clone()).build();
    let receipt = notifier.send(&ANN, Welcome).await.unwrap();
    assert_eq!(receipt.via, [Via::Database, "mail".into(), Via::Broadcast]);
    let letter = post.letters.lock().unwrap().pop().expect("a letter");
    assert_eq!((&letter.id, &*letter.kind), (&receipt.id, r"App\Notifications\Welcome"));
    assert_eq!(letter.route.as_deref(), Some("user1@example.org"));
    assert_eq!(letter.json(), r#"{"subject":"mail for 1"}"#);
    assert_eq!(letter.message::<serde_json::Value>().unwrap()["subject"], "mail for 1");
}

#[tokio::test]
async fn a_way_that_fails_is_told_and_the_others_are_gone() {
    let (fake, store) = (Fake::new(), MemoryStore::new());
    let builder = Notifier::builder(&fake.broadcaster()).store(store.clone());
    let notifier = builder.channel("mail", Post::default()).build();
    let users = [User { id: 12 }, User { id: 13 }, User { id: 14 }];
    let error = notifier.send_many(&users, Welcome).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "it::notifications::Welcome was not sent to App\\Models\\User 13 by mail: nobody lives there"
    );
    let ways: Vec<_> = error.receipts.iter().map(|receipt| receipt.via.len()).collect();
    assert_eq!((ways, store.all().len(), fake.events().len()), (vec![3, 2, 3], 3, 3));
    assert_eq!(error.failures[0].id, store.all()[1].id);
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_is_silent_once_is_not_asked_again() {
    let asked = Arc::default();
    let store = MemoryStore::new();
    let builder = Notifier::builder(&Broadcaster::null()).store(store.clone());
    let builder = builder.channel("mail", Silent(Arc::clone(&asked)));
    let notifier = builder.channel_timeout(Duration::from_secs(3)).build();
    let start = tokio::time::Instant::now();
    let error = notifier.send_many(&[User { id: 1 }, User { id: 2 }], Welcome).await.unwrap_err();
    assert_eq!(start.elapsed().as_secs(), 3);
    assert_eq!(
        error.failures[1].to_string(),
        "App\\Models\\User 2 by mail: no answer within 3000 ms"
    );
    assert_eq!((*asked.lock().unwrap(), store.all().len()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn within_a_transaction_channels_wait_for_its_commit_and_failures_are_in_the_log() {
    let (log, _guard) = Log::start();
    let (fake, post, asked) = (Fake::new(), Post::default(), Arc::default());
    let builder = Notifier::builder(&fake.broadcaster()).store(MemoryStore::new());
    let notifier =
        builder.channel("mail", post.clone()).channel("sms", Silent(Arc::clone(&asked))).build();
    let scope = Scope::new();
    let users = [User { id: 13 }, User { id: 14 }];
    let receipts = scope
        .within(async {
            notifier.send_many(&users, Welcome).via(["mail", "sms", "broadcast"]).await
        })
        .await
        .unwrap();
    assert!(receipts.iter().all(|receipt| receipt.via.len() == 3));
    fake.assert_nothing();
    assert!(post.letters.lock().unwrap().is_empty());
    let start = tokio::time::Instant::now();
    scope.commit().await;
    assert_eq!(start.elapsed().as_secs(), 10);
    assert_eq!((post.letters.lock().unwrap().len(), *asked.lock().unwrap()), (2, 1));
    fake.assert_count::<Created>(2);
    let lost = |receipt: usize, channel: &str, reason: &str| {
        let id = &receipts[receipt].id;
        format!(
            r#"ERROR a notification was not delivered id="{id}" kind="App\\Notifications\\Welcome" channel="{channel}" reason={reason}"#
        )
    };
    assert_eq!(
        log.lines(),
        [
            lost(0, "mail", "nobody lives there"),
            lost(0, "sms", "no answer within 10000 ms"),
            lost(1, "sms", "no answer within 10000 ms"),
        ]
    );

    let scope = Scope::new();
    scope.within(async { notifier.send(&ANN, Welcome).via(["mail"]).await }).await.unwrap();
    scope.rollback();
    assert_eq!(post.letters.lock().unwrap().len(), 2);
}

#[derive(Serialize)]
struct Wrong(Via2);

#[derive(Serialize, Clone, Copy)]
enum Via2 {
    Number,
    Unknown,
}

impl<N: Notifiable> Notification<N> for Wrong {
    fn via(&self, _: &N) -> Vec<Via> {
        match self.0 {
            Via2::Number => vec![Via::Database, Via::Broadcast],
            Via2::Unknown => vec![Via::Database, "pigeon".into()],
        }
    }
    fn to_broadcast(&self, _: &N) -> impl Serialize {
        5
    }
}

#[tokio::test]
async fn what_can_not_go_one_of_its_ways_goes_none() {
    let (fake, store, notifier) = notifier();
    let error = notifier.send(&ANN, Wrong(Via2::Number)).await.unwrap_err().to_string();
    assert!(
        error.contains("by broadcast: what it says is not fit for this way: invalid type: integer"),
        "{error}"
    );
    let error = notifier.send(&ANN, Wrong(Via2::Unknown)).await.unwrap_err().to_string();
    assert!(
        error
            .ends_with("by pigeon: the notifier has no such channel; there is database, broadcast"),
        "{error}"
    );
    let bare = Notifier::builder(&fake.broadcaster()).build();
    let missing = bare.inbox(&ANN).unread().await.unwrap_err();
    assert!(matches!(missing, StoreError::Missing), "{missing}");
    let error = bare.send(&ANN, PAID).await.unwrap_err().to_string();
    assert!(
        error.ends_with("by database: the notifier has no store (notification::Builder::store)"),
        "{error}"
    );
    assert!(store.all().is_empty());
    fake.assert_nothing();
}

/// A database that is away.
struct Away(Arc<Mutex<usize>>);

fn away<'a, T: Send + 'a>() -> Storing<'a, T> {
    Box::pin(future::ready(Err(StoreError::Failed("the database is away".into()))))
}

impl Store for Away {
    fn insert<'a>(&'a self, _: &'a [Row]) -> Storing<'a, ()> {
        *self.0.lock().expect("no panic") += 1;
        away()
    }
    fn find<'a>(
        &'a self,
        _: &'a notification::Owner,
        _: &'a str,
    ) -> Storing<'a, Option<notification::DatabaseNotification>> {
        away()
    }
    fn list<'a>(
        &'a self,
        _: &'a notification::Owner,
        _: &'a notification::Page,
    ) -> Storing<'a, Vec<notification::DatabaseNotification>> {
        away()
    }
    fn count<'a>(
        &'a self,
        _: &'a notification::Owner,
        _: notification::Filter,
    ) -> Storing<'a, u64> {
        away()
    }
    fn change<'a>(
        &'a self,
        _: &'a notification::Owner,
        _: &'a notification::Which,
        _: notification::Change,
    ) -> Storing<'a, notification::Changed> {
        away()
    }
}

#[tokio::test]
async fn what_is_not_stored_is_not_broadcast_and_a_database_that_is_away_is_asked_once() {
    let (fake, tries) = (Fake::new(), Arc::default());
    let notifier = Notifier::new(&fake.broadcaster(), Away(Arc::clone(&tries)));
    let users: Vec<User> = (1..=250).map(|id| User { id }).collect();
    let error = notifier.send_many(&users, PAID).await.unwrap_err();
    assert_eq!(error.failures.len(), 250);
    assert!(error.receipts.is_empty());
    assert_eq!(
        error.failures[249].to_string(),
        "App\\Models\\User 250 by database: the notifications can't be read or written: the database is away"
    );
    assert_eq!(*tries.lock().unwrap(), 1);
    fake.assert_nothing();
}

#[tokio::test]
async fn a_row_that_does_not_fit_is_told_before_anything_is_done() {
    let (fake, store, notifier) = notifier();
    let by = "a".repeat(notification::DATA_BYTES_MAX).leak();
    let error = notifier.send(&ANN, Paid { amount: 1, by }).await.unwrap_err().to_string();
    assert!(
        error.contains(
            "by database: the data of a notification has 65555 bytes, more than the 65535"
        ),
        "{error}"
    );
    assert!(store.all().is_empty());
    fake.assert_nothing();
}

#[tokio::test(start_paused = true)]
async fn a_broadcaster_that_is_down_breaks_no_page_and_says_so_when_asked() {
    let server = Scripted::new(Mood::Picky);
    let broadcaster =
        server.broadcaster(resound::connection::Policy { events_max: 0, ..Default::default() });
    let store = MemoryStore::new();
    let notifier = Notifier::new(&broadcaster, store.clone());
    let (log, _guard) = Log::start();
    let receipt = notifier.send(&ANN, PAID).await.unwrap();
    assert_eq!(receipt.via, [Via::Database]);
    let expected = format!(
        r#"ERROR a notification was not broadcast id="{}" kind="App\\Notifications\\Paid" reason=0 events wait"#,
        receipt.id
    );
    assert!(log.lines().iter().any(|line| line.starts_with(&expected)));

    let server = Scripted::new(Mood::Down);
    let notifier = Notifier::new(&server.broadcaster(Default::default()), store.clone());
    let error = notifier.send(&ANN, PAID).now().await.unwrap_err();
    assert!(
        error.to_string().contains("User 1 by broadcast: the broadcast connection server failed"),
        "{error}"
    );
    assert_eq!(error.receipts[0].via, [Via::Database]);
    assert_eq!(store.all().len(), 2);
}
