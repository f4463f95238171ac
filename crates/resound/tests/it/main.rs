//! The library through its public face.
//!
//! # Layout
//!
//! * `derive`: `#[derive(Broadcast)]`
//! * `scripted`: a driver that does what a test says; `delivery`: pages while it does
//! * `pusher`: the driver over HTTP
//! * `fake`: assertions, and what they say when they fail
//! * `auth`: who may join, asked over HTTP
//! * `hooks`: what is called when something happens, told by webhooks
//! * `logs`: what the log says
//! * `process`: a real server; `real`: everything together with it

mod auth;
mod delivery;
mod derive;
mod fake;
mod hooks;
mod logs;
mod process;
mod pusher;
mod real;
mod scripted;
