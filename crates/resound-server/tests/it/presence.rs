//! Presence channels over several shards: a user is there as long as one of their tabs is.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    client::{Client, Said, data},
    server::Server,
    settings::Settings,
};

const CHANNEL: &str = "presence-room";
const USERS: usize = 50;
const TABS: usize = 2;

/// A tab and whom it believes to be there.
struct Tab {
    client: Client,
    user: String,
    members: BTreeSet<String>,
}

/// What a message was about.
#[derive(Debug, PartialEq, Eq)]
enum Followed {
    Change,
    End,
}

impl Tab {
    fn open(server: &Server, user: usize) -> Self {
        Self { client: server.connect(), user: format!("user-{user}"), members: BTreeSet::new() }
    }

    /// Joins; the answer is the first message, and has the joiner in it.
    fn join(&mut self) {
        let presence = self.client.join(CHANNEL, &self.user)["presence"].clone();
        let ids = presence["ids"].as_array().expect("a list");
        self.members = ids.iter().map(|id| id.as_str().expect("a string").to_owned()).collect();
        assert_eq!(self.members.len(), ids.len(), "nobody is listed twice");
        assert_eq!(presence["count"], ids.len());
        assert_eq!(presence["hash"].as_object().map(serde_json::Map::len), Some(ids.len()));
        assert_eq!(presence["hash"][&self.user], json!({ "name": self.user }));
        assert!(self.members.contains(&self.user));
    }

    /// Follows what it is told until so many are there.
    fn follow_until(&mut self, count: usize) {
        while self.members.len() != count {
            self.follow();
        }
    }

    fn follow(&mut self) -> Followed {
        let message: Value = serde_json::from_str(&self.client.text()).expect("JSON");
        if message["event"] == "end" {
            return Followed::End;
        }
        let user = data(&message)["user_id"].as_str().expect("a string").to_owned();
        assert_ne!(user, self.user, "nobody is told of themselves");
        match message["event"].as_str() {
            Some("pusher_internal:member_added") => {
                assert!(self.members.insert(user), "added twice: {message}");
            }
            Some("pusher_internal:member_removed") => {
                assert!(self.members.remove(&user), "removed twice: {message}");
            }
            other => panic!("{other:?}"),
        }
        Followed::Change
    }
}

fn users() -> BTreeSet<String> {
    (0..USERS).map(|user| format!("user-{user}")).collect()
}

#[track_caller]
fn check_api(server: &Server, users: &BTreeSet<String>) {
    let answer = server.query(&format!("/channels/{CHANNEL}/users"), &[]);
    let listed = answer.json()["users"].as_array().expect("a list").clone();
    let ids: BTreeSet<String> =
        listed.iter().map(|user| user["id"].as_str().expect("a string").to_owned()).collect();
    assert_eq!((ids.len(), &ids), (listed.len(), users));
    let answer = server.query(&format!("/channels/{CHANNEL}"), &[("info", "user_count")]);
    assert_eq!(answer.json()["user_count"], users.len());
}

/// All join at once; then of each user one tab leaves; then the other ones of half of the users.
#[track_caller]
fn check(shards: usize) {
    let server = Server::start(&Settings::server(&format!("shards = {shards}")));
    let mut tabs: Vec<Tab> = (0..USERS * TABS).map(|at| Tab::open(&server, at % USERS)).collect();
    let at_once = std::sync::Barrier::new(4);
    std::thread::scope(|scope| {
        for tabs in tabs.chunks_mut(USERS * TABS / 4) {
            scope.spawn(|| {
                at_once.wait();
                tabs.iter_mut().for_each(Tab::join);
                tabs.iter_mut().for_each(|tab| tab.follow_until(USERS));
            });
        }
    });
    check_api(&server, &users());

    let second = tabs.split_off(USERS);
    drop(second);
    server.wait_until_empty_but(USERS);
    check_api(&server, &users());

    let leaving = tabs.split_off(USERS / 2);
    std::thread::scope(|scope| {
        for tab in leaving {
            scope.spawn(move || drop(tab)); // in any order
        }
        for tab in &mut tabs {
            tab.follow_until(USERS / 2);
        }
    });
    let left: BTreeSet<String> = tabs.iter().map(|tab| tab.user.clone()).collect();
    for tab in &mut tabs {
        assert_eq!(tab.members, left);
        tab.client.expect_pong();
    }
    check_api(&server, &left);
}

#[test]
fn with_one_shard() {
    check(1);
}

#[test]
fn with_two_shards() {
    check(2);
}

#[test]
fn with_four_shards() {
    check(4);
}

/// A user who comes and goes while others do, by unsubscribing: in the end all agree.
#[test]
fn those_who_stay_agree_after_others_have_come_and_gone_many_times() {
    let server = Server::default();
    let mut watchers: Vec<Tab> = (0..2).map(|user| Tab::open(&server, user)).collect();
    watchers.iter_mut().for_each(Tab::join);
    watchers[0].follow_until(2);
    std::thread::scope(|scope| {
        for user in 10..14 {
            let server = &server;
            scope.spawn(move || come_and_go(Tab::open(server, user)));
        }
    });
    server.wait_until_empty_but(watchers.len());
    server.publish(CHANNEL, "end", "x");
    for mut watcher in watchers {
        let mut changes = 0;
        while watcher.follow() == Followed::Change {
            changes += 1;
        }
        assert!(changes >= 8, "{changes} changes only");
        let stayed = ["user-0", "user-1"].map(str::to_owned);
        assert_eq!(watcher.members, BTreeSet::from(stayed));
    }
}

/// Joins and leaves without waiting for answers, so that they overtake each other.
fn come_and_go(mut tab: Tab) {
    for _ in 0..25 {
        let member = json!({ "user_id": tab.user, "user_info": { "name": tab.user } }).to_string();
        tab.client.ask_to_subscribe(CHANNEL, Some(&member));
        tab.client.unsubscribe(CHANNEL);
    }
    tab.client.ask_to_subscribe(CHANNEL, Some(&json!({ "user_id": tab.user }).to_string()));
    tab.client.finish();
    while tab.client.next() != Said::End {}
}
