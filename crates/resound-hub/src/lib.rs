//! The rules of Resound: who may connect, subscribe and publish, who is told, in which order.
//!
//! Pure values: no socket, no runtime, no clock, no randomness. Time, ids and messages come in as
//! arguments, and what is to be done goes out through a [`sink::Sink`].
//!
//! # Layout
//!
//! * [`app`], [`origin`], [`webhook`]: applications, their limits, whose pages may connect, who is told what
//! * [`hub`]: one shard's part of the whole; the way of a message through the rules
//! * `session`, `life`, `limits`: a connection, its signs of life, how often it may speak
//! * `subscribe`, `local`: subscriptions on the side of the connection
//! * `owner`, `presence`, `happening`: channels on the side of the shard that owns them
//! * `event`: what subscribers are told, encoded once per wire format
//! * [`socketio`], [`authorise`], [`recovery`]: clients of Socket.IO, how they are let into channels, and
//!   how they return to their sessions
//! * `publish`: events of applications and of clients
//! * `users`: sign-in and watchlists
//! * [`query`]: questions of the HTTP API
//! * [`peer`]: what shards tell each other
//! * [`sink`]: what the rules want done
//! * [`time`], `timers`, `shrink`: what all of them need

pub mod app;
pub mod authorise;
mod event;
mod happening;
pub mod hub;
mod life;
mod limits;
mod local;
pub mod origin;
mod owner;
pub mod peer;
mod presence;
mod publish;
pub mod query;
pub mod recovery;
mod session;
mod shrink;
pub mod sink;
pub mod socketio;
mod subscribe;
pub mod time;
mod timers;
mod users;
pub mod webhook;
