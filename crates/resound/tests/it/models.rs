//! What happens to models.

use resound::{
    Broadcaster, Channel, Envelope, EventName, Fake, Model, Outcome, Timing,
    after_commit::Scope,
    model::{self, BroadcastsEvents, ModelEvent, ModelEventOccurred, Snapshot},
};
use serde::Serialize;

#[derive(Serialize)]
struct Post {
    id: u64,
    title: &'static str,
    updated_at: u64,
}

impl Model for Post {
    fn key(&self) -> String {
        self.id.to_string()
    }
}
impl BroadcastsEvents for Post {}

const POST: Post = Post { id: 7, title: "a/b", updated_at: 1 };

type PostEvent = ModelEventOccurred<Post>;

/// The envelope of the only event that was sent.
#[track_caller]
fn only(fake: &Fake) -> Envelope {
    let [event] = &fake.events()[..] else { panic!("not one event: {:?}", fake.events()) };
    event.envelope.clone()
}

#[tokio::test]
async fn every_event_has_laravels_name_channel_and_payload() {
    let fake = Fake::new();
    let broadcaster = fake.broadcaster();
    broadcaster.created(&POST).await;
    broadcaster.updated(&Post { title: "b", ..POST }, &POST).await;
    broadcaster.trashed(&POST).await;
    broadcaster.restored(&POST).await;
    broadcaster.deleted(&POST).await;
    let names: Vec<String> = fake.events().into_iter().map(|event| event.envelope.name).collect();
    assert_eq!(names, ["PostCreated", "PostUpdated", "PostTrashed", "PostRestored", "PostDeleted"]);
    for event in fake.events() {
        assert_eq!(event.envelope.channels, [Channel::from("private-App.Models.Post.7")]);
        assert_eq!(
            event.envelope.payload,
            r#"{"model":{"id":7,"title":"a\/b","updated_at":1},"connection":null,"queue":null,"afterCommit":false}"#
        );
    }
}

#[tokio::test]
async fn an_update_without_a_change_is_not_sent() {
    let fake = Fake::new();
    let outcome = fake.broadcaster().updated(&POST, &POST).result().await.unwrap();
    assert_eq!(outcome, Outcome::Skipped);
    fake.broadcaster().updated(&Post { updated_at: 0, ..POST }, &POST).await;
    fake.assert_nothing();
}

#[tokio::test]
async fn a_snapshot_is_compared_with_what_became_of_the_model() {
    let fake = Fake::new();
    let mut post = POST;
    let before = Snapshot::of(&post);
    post.updated_at = 2;
    fake.broadcaster().updated(before.clone(), &post).await;
    fake.assert_nothing();
    post.title = "c";
    assert_eq!(before.changes(&post), ["title"]);
    fake.broadcaster().updated(before, &post).to_others("1.2").now().await;
    fake.assert_broadcast::<PostEvent>(|it| it.event == ModelEvent::Updated && it.key == "7")
        .to_others("1.2")
        .now();
    assert!(only(&fake).payload.contains(r#""title":"c""#));
}

#[tokio::test]
async fn within_a_transaction_it_is_told_after_the_commit() {
    let fake = Fake::new();
    let (broadcaster, scope) = (fake.broadcaster(), Scope::new());
    scope.within(async { broadcaster.created(&POST).await }).await;
    scope.send(&broadcaster, model::updated(&POST, &POST)).await;
    scope.send(&broadcaster, model::deleted(&POST)).await;
    fake.assert_nothing();
    scope.commit().await;
    let events: Vec<_> =
        fake.events().iter().map(|it| it.event::<PostEvent>().expect("of a post").event).collect();
    assert_eq!(events, [ModelEvent::Created, ModelEvent::Deleted]);
}

#[derive(Serialize)]
struct Account {
    name: &'static str,
    visits: u64,
}

impl Model for Account {
    fn class() -> String {
        r"Billing\Account".to_owned()
    }
    fn key(&self) -> String {
        self.name.to_owned()
    }
}

impl BroadcastsEvents for Account {
    const UNOBSERVED: &'static [&'static str] = &["visits"];

    fn broadcast_on(&self, event: ModelEvent) -> Vec<Channel> {
        if event == ModelEvent::Trashed { Vec::new() } else { vec![Channel::public("accounts")] }
    }
    fn broadcast_as(&self, event: ModelEvent) -> Option<EventName> {
        (event == ModelEvent::Created).then(|| EventName::exact("account.opened"))
    }
    fn broadcast_with(&self, event: ModelEvent) -> Option<impl Serialize> {
        (event == ModelEvent::Created).then_some([self.name])
    }
    fn broadcast_timing(&self, _: ModelEvent) -> Timing {
        Timing::Now
    }
    fn broadcast_queue(&self) -> Option<std::borrow::Cow<'static, str>> {
        Some("high".into())
    }
    fn broadcast_connections(&self) -> Vec<std::borrow::Cow<'static, str>> {
        vec!["reverb".into()]
    }
}

#[tokio::test]
async fn a_model_says_otherwise() {
    let account = Account { name: "ann", visits: 1 };
    let fake = Fake::new();
    fake.broadcaster().created(&account).await;
    fake.assert_broadcast::<ModelEventOccurred<Account>>(|_| true)
        .named("account.opened")
        .on("accounts")
        .via("reverb")
        .now();
    let envelope = only(&fake);
    assert_eq!((&*envelope.payload, envelope.queue.as_deref()), (r#"["ann"]"#, Some("high")));
    fake.clear();

    fake.broadcaster().deleted(&account).await;
    let envelope = only(&fake);
    assert_eq!(envelope.name, "AccountDeleted");
    assert_eq!(
        envelope.payload,
        r#"{"model":{"name":"ann","visits":1},"connection":null,"queue":"high","afterCommit":false}"#
    );
    fake.clear();

    fake.broadcaster().trashed(&account).await;
    fake.broadcaster().updated(&Account { name: "ann", visits: 2 }, &account).await;
    fake.assert_nothing();
}

struct Unwritable;
impl Serialize for Unwritable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("it is unwritable"))
    }
}
impl Model for Unwritable {
    fn key(&self) -> String {
        "1".to_owned()
    }
}
impl BroadcastsEvents for Unwritable {}

#[tokio::test]
async fn a_model_that_is_no_json_is_an_error_and_no_silence() {
    let error = Broadcaster::null().updated(&Unwritable, &Unwritable).result().await.unwrap_err();
    assert!(error.to_string().contains("it is unwritable"), "{error}");
}
