//! Assertions, and what they say when they fail.

use std::panic::{AssertUnwindSafe, catch_unwind};

use resound::{Broadcast, Fake, broadcast};
use serde::Serialize;

#[derive(Serialize, Broadcast)]
#[broadcast(private = "orders.{id}")]
struct Shipped {
    id: u64,
}

#[derive(Serialize, Broadcast)]
#[broadcast(channel = "news", when = self.is_important)]
struct Posted {
    is_important: bool,
}

/// The message of an assertion that fails, without the path of this module.
#[track_caller]
fn message<T>(assertion: impl FnOnce() -> T) -> String {
    let Err(panic) = catch_unwind(AssertUnwindSafe(assertion)) else { panic!("it held") };
    let message = panic.downcast::<String>().expect("a message");
    message.replace("it::fake::", "")
}

async fn two_events() -> Fake {
    let fake = Fake::new();
    let broadcaster = fake.broadcaster();
    broadcaster.send(Shipped { id: 1 }).to_others("1.2").await;
    let event = broadcast::on(["a", "private-b"]).name("x").with(serde_json::json!({ "y": 1 }));
    broadcaster.send(event).via("reverb").now().await;
    fake
}

const WERE: &str = "broadcast were:
  Shipped as App\\Events\\Shipped on private-orders.1 to all but 1.2: {\"id\":1}
  resound::broadcast::AnonymousEvent as x on a, private-b via reverb at once: {\"y\":1}";

#[tokio::test]
async fn what_was_sent_is_found() {
    let fake = two_events().await;
    fake.assert_broadcast::<Shipped>(|event| event.id == 1)
        .on("private-orders.1")
        .named("App\\Events\\Shipped")
        .to_others("1.2")
        .later();
    fake.assert_broadcast::<broadcast::AnonymousEvent>(|event| event.json() == Some(r#"{"y":1}"#))
        .on("a")
        .on("private-b")
        .to_everyone()
        .via("reverb")
        .now();
    fake.assert_not::<Shipped>(|event| event.id == 2);
    fake.assert_count::<Shipped>(1);
    fake.clear();
    fake.assert_nothing();
}

#[tokio::test]
async fn what_does_not_want_to_be_sent_is_not_there() {
    let fake = Fake::new();
    fake.broadcaster().send(Posted { is_important: false }).await;
    fake.assert_nothing();
    fake.broadcaster().send(Posted { is_important: true }).await;
    fake.assert_count::<Posted>(1);
}

#[tokio::test]
async fn a_failure_shows_what_was_sent_instead() {
    let fake = two_events().await;
    assert_eq!(
        message(|| fake.assert_broadcast::<Posted>(|_| true)),
        format!("Posted was not broadcast; {WERE}")
    );
    assert_eq!(
        message(|| fake.assert_broadcast::<Shipped>(|event| event.id == 2)),
        format!(
            "Shipped was not broadcast (1 of that type, but the condition holds for none); {WERE}"
        )
    );
    assert_eq!(
        message(|| fake.assert_not::<Shipped>(|_| true)),
        format!("Shipped was broadcast once, unexpectedly; {WERE}")
    );
    assert_eq!(
        message(|| fake.assert_count::<Shipped>(2)),
        format!("Shipped was broadcast once instead of 2 times; {WERE}")
    );
    assert_eq!(
        message(|| fake.assert_nothing()),
        format!("something was broadcast, unexpectedly; {WERE}")
    );
    assert_eq!(
        message(|| Fake::new().assert_count::<Shipped>(1)),
        "Shipped was broadcast 0 times instead of once; nothing was broadcast"
    );
}

#[tokio::test]
async fn further_demands_show_what_did_not_meet_them() {
    let fake = two_events().await;
    let shipped = "Shipped as App\\Events\\Shipped on private-orders.1 to all but 1.2: {\"id\":1}";
    for (demand, text) in [
        (message(|| fake.assert_broadcast::<Shipped>(|_| true).on("news")), "on news"),
        (message(|| fake.assert_broadcast::<Shipped>(|_| true).named("y")), "as y"),
        (message(|| fake.assert_broadcast::<Shipped>(|_| true).to_others("3.4")), "to all but 3.4"),
        (message(|| fake.assert_broadcast::<Shipped>(|_| true).to_everyone()), "to everyone"),
        (message(|| fake.assert_broadcast::<Shipped>(|_| true).via("log")), "via log"),
        (message(|| fake.assert_broadcast::<Shipped>(|_| true).now()), "at once"),
    ] {
        assert_eq!(
            demand,
            format!("Shipped was not broadcast {text}; broadcast were:\n  {shipped}")
        );
    }
}

#[tokio::test]
async fn who_an_event_leaves_out_is_left_out_however_it_is_sent() {
    let fake = Fake::new();
    let broadcaster = fake.broadcaster();
    let greeting = || broadcast::private("user.1").name("greeting").to_others("1.2");
    broadcaster.send(greeting()).await;
    broadcaster.send(greeting()).await;
    broadcaster.send(greeting()).to_others("3.4").await;
    broadcaster.send(greeting()).to_others(resound::SocketId::none()).await;
    let sockets: Vec<_> =
        fake.events().iter().map(|event| event.envelope.socket.to_string()).collect();
    assert_eq!(sockets, ["1.2", "1.2", "3.4", "none"]);
}
