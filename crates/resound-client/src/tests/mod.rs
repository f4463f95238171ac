//! Clients and a server in memory, with a clock that runs only while nobody has anything to do.
//!
//! # Layout
//!
//! * `scene`: the server, as a test plays it
//! * `returns`: what follows the end of a connection; `silence`: and silence
//! * `subscriptions`: channels that come and go; `authorisation`: who lets them in
//! * `listeners`: who gets what; `sealed`: encrypted channels
//! * `life`: tasks and how they end

mod authorisation;
mod life;
mod listeners;
mod returns;
mod scene;
mod sealed;
mod silence;
mod subscriptions;
