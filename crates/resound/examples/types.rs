//! Writes the types of a shop's events: `cargo run --features typescript --example types -- events.d.ts`.
//!
//! An application has such a program of its own, and a test that calls `types().check(…)`.

#![expect(clippy::print_stdout, reason = "it is a program for a terminal")]

use std::{env, process::ExitCode};

use resound::{Broadcast, Channel, typescript::Types};
use serde::Serialize;
use ts_rs::TS;

/// An order went on.
#[derive(Serialize, Broadcast, TS)]
#[broadcast(private = "orders.{order_id}", channel = "dashboard")]
struct OrderUpdated {
    order_id: u64,
    status: Status,
    #[ts(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

#[derive(Serialize, TS)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "nothing is sent here")]
enum Status {
    Paid,
    Shipped { parcel: String },
}

/// Somebody wrote in a room.
#[derive(Serialize, Broadcast, TS)]
#[broadcast(presence = "rooms.{room}", name = "message.posted")]
#[serde(rename_all = "camelCase")]
struct MessagePosted {
    #[serde(skip)]
    room: String,
    posted_at: String,
}

#[derive(Serialize, TS)]
struct InvoicePaid {
    amount: f64,
}

fn types() -> Types {
    Types::new()
        .event::<OrderUpdated>()
        .event::<MessagePosted>()
        .notification::<InvoicePaid>("invoice.paid", [Channel::private("App.Models.User.{id}")])
        .channel(&Channel::private("typing.{room}"))
}

fn main() -> ExitCode {
    let path = env::args().nth(1).unwrap_or_else(|| "events.d.ts".to_owned());
    match types().write(&path) {
        Ok(written) => {
            println!("{path}: {written:?}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
