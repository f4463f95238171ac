//! The rules of the hub from outside: conversations, models and bounds.
//!
//! # Layout
//!
//! * `world`: shards and the wires between them; `outside`: what is around them, clients first of all;
//!   `scene`: conversations in that world; `echo`: those of Socket.IO's clients
//! * one module per feature, in exact frames
//! * `presence_model`, `order_model`, `watchlist_model`, `recovery_model`: random actions in
//!   every interleaving
//! * `bounds`, `recovery_bounds`: what an outsider cannot fill

#![expect(
    clippy::needless_pass_by_value,
    reason = "a conversation ends with `expect![[…]]` and begins with its options, without `&`"
)]
#![allow(clippy::disallowed_methods, reason = "the crate is pure, its tests may look around")]

mod ledger;
mod outside;
mod world;

mod scene;

mod echo;

mod admission;
mod bounds;
mod cache;
mod client_events;
mod happenings;
mod life;
mod limits;
mod malformed;
mod notes;
mod order_model;
mod presence;
mod presence_model;
mod recovery;
mod recovery_bounds;
mod recovery_model;
mod recovery_refusals;
mod recovery_wishes;
mod reload;
mod sharing;
mod socketio;
mod socketio_connection;
mod socketio_faults;
mod socketio_presence;
mod subscription_count;
mod subscriptions;
mod terminate;
mod tidy;
mod users;
mod watchlist_model;
