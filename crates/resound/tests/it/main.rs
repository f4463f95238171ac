//! The library through its public face.
//!
//! # Layout
//!
//! * `derive`: `#[derive(Broadcast)]`
//! * `scripted`: a driver that does what a test says; `delivery`: pages while it does
//! * `pusher`: the driver over HTTP; `batches`: several events in one request
//! * `redis_driver`: the driver over a real Redis, which `redis_server` starts
//! * `fake`: assertions, and what they say when they fail
//! * `front_end`: Echo's options for a page
//! * `auth`: who may join, asked over HTTP
//! * `logs`: what the log says
//! * `typescript`: types for a front end
//! * `process`: a real server; `real`: everything together with it

mod auth;
mod batches;
mod delivery;
mod derive;
mod fake;
mod front_end;
mod logs;
mod process;
mod pusher;
mod real;
mod redis_driver;
mod redis_server;
mod scripted;
mod typescript;
