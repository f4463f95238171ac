//! The words of the Pusher Channels protocol, version 7, and of Socket.IO as laravel-echo-server
//! speaks it: what can be said, and how it is written.
//!
//! This crate does no I/O, keeps no state and reads no clock. What the words *mean* (who may
//! subscribe, who is told) are the rules of `resound-hub`.
//!
//! # Layout
//!
//! * [`channel`], [`socket_id`], [`member`]: names
//! * [`client`]: messages from clients
//! * [`message`]: messages to clients
//! * [`error`]: refusals, with Pusher's codes
//! * [`api`]: bodies of the HTTP API
//! * [`signature`]: who signed what
//! * [`websocket`]: frames and the opening handshake
//! * [`engineio`]: what carries Socket.IO: packets, payloads of polling, versions 3 and 4
//! * [`socketio`]: packets of Socket.IO, and laravel-echo-server's events in them
//! * [`xhr`]: the HTTP fallback of pusher-js
//! * [`laravel`]: what Laravel's redis broadcaster publishes
//! * [`webhook`]: what applications are told of their channels

pub mod api;
pub mod channel;
pub mod client;
pub mod engineio;
pub mod error;
mod json;
pub mod laravel;
pub mod member;
pub mod message;
pub mod signature;
pub mod socket_id;
pub mod socketio;
pub mod webhook;
pub mod websocket;
pub mod xhr;
