//! Stored notifications: the same facts in memory and in every database.

use resound::{
    Broadcaster, Model,
    notification::{
        DatabaseNotification, IDS_MAX, MemoryStore, Notifiable, Notification, Notifier, Owner,
        PAGE_MAX, Store, StoreError, Via, Which,
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

/// What holds for every store, with keys `1` and `2`.
pub(crate) async fn check(store: impl Store + Clone) {
    check_lists(Notifier::new(&Broadcaster::null(), store.clone())).await;
    check_changes(Notifier::new(&Broadcaster::null(), store.clone())).await;
    check_strangers(Notifier::new(&Broadcaster::null(), store.clone())).await;
    check_bounds(Notifier::new(&Broadcaster::null(), store)).await;
}

async fn check_lists(notifier: Notifier) {
    let ann = User("1");
    let inbox = notifier.inbox(&ann);
    assert!(inbox.all().await.unwrap().is_empty());
    let ids = fill(&notifier, &ann, 1..=20).await;

    let newest = inbox.all().await.unwrap();
    assert_eq!(amounts(&newest), (6..=20).rev().collect::<Vec<_>>());
    let first = &newest[0];
    assert_eq!((&first.id, &*first.kind), (&ids[19], r"App\Notifications\Paid"));
    assert_eq!(first.owner, Owner::new(r"App\Models\User", "1"));
    assert_eq!(first.data::<Paid>().unwrap(), paid(20));
    assert_eq!((first.read_at, first.created_at), (None, first.updated_at));
    assert!(first.created_at > newest[1].created_at);

    let next = inbox.all().after(&newest[14].id).limit(3).await.unwrap();
    assert_eq!(amounts(&next), [5, 4, 3]);
    assert_eq!(amounts(&inbox.all().after(&next[2].id).await.unwrap()), [2, 1]);
    assert!(inbox.all().after(&ids[0]).await.unwrap().is_empty());
    assert!(inbox.all().limit(0).await.unwrap().is_empty());
    assert_eq!((inbox.count().await.unwrap(), inbox.unread_count().await.unwrap()), (20, 20));
    assert_eq!(inbox.find(&ids[3]).await.unwrap().map(|row| row.id), Some(ids[3].clone()));

    assert_eq!(inbox.mark_as_read(&newest).await.unwrap().all_known(), Ok(15));
    assert_eq!(amounts(&inbox.unread().await.unwrap()), [5, 4, 3, 2, 1]);
    assert_eq!(amounts(&inbox.read().limit(2).await.unwrap()), [20, 19]);
    // What was read meanwhile is still a place in the list.
    assert_eq!(amounts(&inbox.unread().after(&newest[14].id).limit(1).await.unwrap()), [5]);
    assert_eq!(inbox.delete(Which::All).await.unwrap().count, 20);
}

async fn check_changes(notifier: Notifier) {
    let ann = User("1");
    let inbox = notifier.inbox(&ann);
    let ids = fill(&notifier, &ann, 1..=3).await;

    assert_eq!(inbox.mark_as_read(&ids[0]).await.unwrap().all_known(), Ok(1));
    let read = inbox.find(&ids[0]).await.unwrap().expect("it is there");
    assert!(read.read_at >= read.created_at && read.read_at == read.updated_at, "{read:?}");
    // It was already: the time stays what it was.
    assert_eq!(inbox.mark_as_read(&ids[0]).await.unwrap().all_known(), Ok(0));
    assert_eq!(inbox.find(&ids[0]).await.unwrap(), Some(read));
    assert_eq!(inbox.mark_as_read(Which::All).await.unwrap().count, 2);
    assert_eq!(inbox.unread_count().await.unwrap(), 0);

    assert_eq!(inbox.mark_as_unread(ids[1..].to_vec()).await.unwrap().all_known(), Ok(2));
    assert_eq!(inbox.mark_as_unread(Which::All).await.unwrap().count, 1);
    assert_eq!(inbox.unread_count().await.unwrap(), 3);
    assert_eq!(inbox.mark_as_unread(Which::Ids(Vec::new())).await.unwrap().count, 0);

    let twice = vec![ids[0].clone(), ids[0].clone()];
    assert_eq!(inbox.delete(twice).await.unwrap().all_known(), Ok(1));
    assert_eq!(inbox.delete(&ids[0]).await.unwrap().all_known(), Err(vec![ids[0].clone()]));
    assert_eq!(inbox.delete(Which::All).await.unwrap().count, 2);
    assert_eq!(inbox.count().await.unwrap(), 0);
}

/// Nobody sees or changes what is somebody else's, and ids that can't be are no failure of the database.
async fn check_strangers(notifier: Notifier) {
    let (ann, bo, team) = (User("1"), User("2"), Team("1"));
    let id = fill(&notifier, &ann, 1..=1).await.remove(0);
    let other = fill(&notifier, &bo, 2..=2).await.remove(0);
    let row = notifier.inbox(&ann).find(&id).await.unwrap();
    for inbox in [notifier.inbox(&bo), notifier.inbox(&team)] {
        assert_eq!(inbox.find(&id).await.unwrap(), None);
        let error = inbox.all().after(&id).await.unwrap_err();
        assert!(matches!(&error, StoreError::Unknown { id: asked, .. } if *asked == id), "{error}");
        let unknown = vec![id.clone()];
        assert_eq!(inbox.mark_as_read(&id).await.unwrap().all_known(), Err(unknown.clone()));
        assert_eq!(inbox.mark_as_unread(&id).await.unwrap().all_known(), Err(unknown.clone()));
        assert_eq!(inbox.delete(&id).await.unwrap().all_known(), Err(unknown));
    }
    let changed = notifier.inbox(&bo).mark_as_read(vec![other.clone(), id.clone()]).await.unwrap();
    assert_eq!((changed.count, changed.unknown), (1, vec![id.clone()]));
    assert_eq!(notifier.inbox(&team).mark_as_read(Which::All).await.unwrap().count, 0);
    assert_eq!(notifier.inbox(&ann).find(&id).await.unwrap(), row);

    let inbox = notifier.inbox(&ann);
    let long = "a".repeat(10_000);
    for id in
        ["", "1", "x' OR '1'='1", "\0", "é", "%", &long, "eb272d6b-e4a4-4e7a-8860-dd37d6070e40"]
    {
        assert_eq!(inbox.find(id).await.unwrap(), None, "{id:?}");
        assert_eq!(inbox.delete(id).await.unwrap().all_known(), Err(vec![id.to_owned()]), "{id:?}");
        let error = inbox.all().after(id).await.unwrap_err();
        assert!(matches!(error, StoreError::Unknown { .. }), "{id:?}: {error}");
    }
    assert_eq!(inbox.count().await.unwrap(), 1);
    for inbox in [inbox, notifier.inbox(&bo)] {
        assert_eq!(inbox.delete(Which::All).await.unwrap().count, 1);
    }
}

async fn check_bounds(notifier: Notifier) {
    let users: Vec<User> = (0..PAGE_MAX + 50).map(|_| User("1")).collect();
    notifier.send_many(&users, paid(1)).await.unwrap();
    let inbox = notifier.inbox(&User("1"));
    assert_eq!(inbox.all().limit(usize::MAX).await.unwrap().len(), PAGE_MAX);
    // Pages meet without a gap also where times are the same.
    let (mut seen, mut page) = (Vec::new(), inbox.all().limit(40).await.unwrap());
    while let Some(last) = page.last().map(|row| row.id.clone()) {
        seen.extend(page.into_iter().map(|row| row.id));
        page = inbox.all().after(last).limit(40).await.unwrap();
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), PAGE_MAX + 50);

    let ids: Vec<String> = (0..=IDS_MAX).map(|id| id.to_string()).collect();
    let error = inbox.mark_as_read(ids[1..].to_vec()).await.unwrap().all_known().unwrap_err();
    assert_eq!(error.len(), IDS_MAX);
    let error = inbox.mark_as_read(ids).await.unwrap_err().to_string();
    assert_eq!(error, "501 ids at once are more than 500");
    assert_eq!(inbox.delete(Which::All).await.unwrap().count, users.len() as u64);
}

#[tokio::test]
async fn notifications_in_memory() {
    check(MemoryStore::new()).await;
}
