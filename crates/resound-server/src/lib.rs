//! Resound, the server: one process that carries an application's events to its users' screens.
//!
//! # Layout
//!
//! * [`cli`]: the commands; [`config`]: what they are told; [`logging`], [`banner`]: what they say
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

mod api;
mod authorise;
pub mod banner;
pub mod cli;
mod clock;
pub mod config;
mod descriptors;
pub mod hook;
mod log;
pub mod logging;
mod metrics;
mod redis;
pub mod server;
mod shard;
mod tls;
mod transport;
mod webhooks;
pub mod welcome;
