//! Socket.IO, versions 2 to 4 of its packages, with the events of laravel-echo-server.
//!
//! A packet of Socket.IO is the content of an Engine.IO message: a digit, the namespace unless it
//! is `/`, the number of the acknowledgement if one is wanted, and JSON (7.7). What is said in
//! namespace `/` are laravel-echo-server's three events from clients and six kinds of events to
//! them (7.8).
//!
//! # Layout
//!
//! * `packet`: what clients send
//! * `argument`: laravel-echo-server's events from clients
//! * `recovery`: what a returning client says it has seen
//! * `outgoing`: packets to clients
//! * `data`: from the form of Pusher's payloads to that of Socket.IO

mod argument;
mod data;
mod outgoing;
mod packet;
mod recovery;

pub use argument::{ClientEvent, HEADERS_MAX};
pub use data::decode_data;
pub use outgoing::{
    connect, connect_error, connect_v3, disconnect, event, members_json, presence_joining,
    presence_leaving, presence_subscribed, subscription_error,
};
pub use packet::{ATTACHMENTS_MAX, ClientPacket, NAMESPACE_BYTES_MAX, SocketIoFault};
pub use recovery::{Recovery, recovery};
