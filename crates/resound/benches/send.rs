//! What an event costs the page that sends it: the derive, and the queue.
//!
//! `cargo bench -p resound --bench send`. Each figure stands beside its floor, measured in the same rounds: what nobody can
//! save, written out by hand. Ratios count; machines are noisy.

#![expect(clippy::print_stdout, reason = "figures are for people")]

use std::{hint::black_box, time::Instant};

use resound::{Broadcast, Broadcaster, Envelope};
use serde::Serialize;

const ROUNDS: usize = 41;
/// Events of a round: fewer than a queue holds.
const EVENTS: u32 = 5_000;

#[derive(Clone, Serialize, Broadcast)]
#[broadcast(private = "orders.{user_id}", name = "order.updated")]
struct OrderUpdated {
    user_id: u64,
    status: &'static str,
    note: String,
    total: u64,
}

fn event(n: u32) -> OrderUpdated {
    let note = "Left at the door, beside the red bicycle. ".repeat(4);
    OrderUpdated { user_id: u64::from(n), status: "shipped", note, total: 4_200 }
}

/// The same, written out: a name, a channel, JSON.
struct ByHand {
    _name: String,
    _channel: String,
    _payload: String,
}

fn by_hand(event: &OrderUpdated) -> ByHand {
    ByHand {
        _name: "order.updated".to_owned(),
        _channel: format!("private-orders.{}", event.user_id),
        _payload: serde_json::to_string(event).expect("JSON"),
    }
}

fn main() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut derive = Pair::default();
        let mut queue = Pair::default();
        for _ in 0..ROUNDS {
            encode(&mut derive);
            send(&mut queue).await;
        }
        derive.print("an event of the derive, ready to be sent", "name, channel and JSON by hand");
        queue.print("a queued send", "the same by hand, into a channel of tokio");
    });
}

fn encode(pair: &mut Pair) {
    let events: Vec<_> = (0..EVENTS).map(event).collect();
    pair.ours(|| {
        for event in &events {
            black_box(Envelope::of(event, "App\\Events").expect("JSON"));
        }
    });
    pair.floor(|| {
        for event in &events {
            black_box(by_hand(event));
        }
    });
}

async fn send(pair: &mut Pair) {
    let broadcaster = Broadcaster::null();
    let events: Vec<_> = (0..EVENTS).map(event).collect();
    let from = Instant::now();
    for event in events {
        broadcaster.send(event).await;
    }
    pair.ours.push(from.elapsed().as_nanos() as u64);
    assert_eq!(broadcaster.stats("null").expect("there is one").dropped, 0, "all found room");
    broadcaster.flush(std::time::Duration::from_secs(10)).await.expect("they are sent");

    let (tx, mut rx) = tokio::sync::mpsc::channel(EVENTS as usize);
    let events: Vec<_> = (0..EVENTS).map(event).collect();
    let from = Instant::now();
    for event in events {
        tx.send(std::sync::Arc::new(by_hand(&event))).await.expect("it is open");
    }
    pair.floor.push(from.elapsed().as_nanos() as u64);
    drop(tx);
    while rx.recv().await.is_some() {}
}

/// Times of the same rounds, in nanoseconds.
#[derive(Default)]
struct Pair {
    ours: Vec<u64>,
    floor: Vec<u64>,
}

impl Pair {
    fn ours(&mut self, run: impl FnOnce()) {
        self.ours.push(time(run));
    }

    fn floor(&mut self, run: impl FnOnce()) {
        self.floor.push(time(run));
    }

    fn print(&self, ours: &str, floor: &str) {
        let ratio = median(self.ours.iter().zip(&self.floor).map(|(a, b)| *a as f64 / *b as f64));
        let each = |times: &[u64]| median(times.iter().map(|t| *t as f64)) / f64::from(EVENTS);
        println!(
            "{ours}: {:.0} ns; {floor}: {:.0} ns; ratio {ratio:.2}",
            each(&self.ours),
            each(&self.floor)
        );
    }
}

fn time(run: impl FnOnce()) -> u64 {
    let from = Instant::now();
    run();
    from.elapsed().as_nanos() as u64
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
