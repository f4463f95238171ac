//! Resound, the server: one process that carries an application's events to its users' screens.
//!
//! # Layout
//!
//! * `cli`: the commands; [`config`]: what they are told; `logging`, `banner`: what they say. Feature `cli`
//! * [`embed`]: the same inside another process, without listener, signals and command line
//! * [`server`]: the process: listener, threads, signals
//! * `shard`: one thread with its sockets, its part of the hub, and one event loop
//! * `tls`: TLS on the listener
//! * `transport`: the opening handshake of WebSocket
//! * `api`: the HTTP API; [`welcome`]: the page at `/`
//! * `authorise`: asks the application who may join a channel
//! * `metrics`, `log`: what is counted and what is written about connections
//! * `redis`: events that Laravel publishes through Redis
//! * [`hook`]: what happens in channels; `webhooks`: who is told
//! * `clock`, `descriptors`: time and file descriptors

#![cfg_attr(
    not(feature = "cli"),
    allow(
        dead_code,
        reason = "the listener with its TLS and signals is there, and nobody calls it"
    )
)]

mod api;
mod authorise;
#[cfg(feature = "cli")]
pub mod banner;
#[cfg(feature = "cli")]
pub mod cli;
mod clock;
pub mod config;
mod descriptors;
pub mod embed;
pub mod hook;
mod log;
#[cfg(feature = "cli")]
pub mod logging;
mod metrics;
mod redis;
pub mod server;
mod shard;
mod tls;
mod transport;
mod webhooks;
pub mod welcome;
