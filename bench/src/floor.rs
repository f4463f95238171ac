//! The floor server: the least that a server must do to be measured by the same generator.
//!
//! It answers handshakes, pretends that every subscription succeeds, builds one frame for each published
//! event without parsing its JSON, and writes that frame to each subscriber with one system call. It checks
//! no signature and keeps no members. What a delivery costs here is what the machine's TCP costs.
//!
//! # Layout
//!
//! * [`server`]: the event loop
//! * [`client`]: one connection, HTTP or WebSocket
//! * [`channels`]: who is subscribed to what, and the frames on their way
//! * [`body`]: events found in the body of a request
//! * [`child`]: the floor server as a process of its own, beside a run

mod body;
mod channels;
pub(crate) mod child;
mod client;
pub(crate) mod server;
