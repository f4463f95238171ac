//! The library through its public face.
//!
//! # Layout
//!
//! * `derive`: `#[derive(Broadcast)]`
//! * `scripted`: a driver that does what a test says; `delivery`: pages while it does
//! * `pusher`: the driver over HTTP
//! * `fake`: assertions, and what they say when they fail
//! * `application`: axum with the server inside; `embedded`, `requests`, `socketio`, `bridged`: what it does
//! * `auth`: who may join, asked over HTTP
//! * `hooks`: what is called when something happens, told by webhooks; `hooked`: with every driver
//! * `logs`: what the log says
//! * `process`: a real server; `real`: everything together with it

#[cfg(feature = "embedded")]
mod application;
mod auth;
#[cfg(feature = "embedded")]
mod bridged;
mod delivery;
mod derive;
#[cfg(feature = "embedded")]
mod embedded;
mod fake;
#[cfg(feature = "embedded")]
mod hooked;
mod hooks;
mod logs;
mod process;
mod pusher;
mod real;
#[cfg(feature = "embedded")]
mod requests;
mod scripted;
#[cfg(feature = "embedded")]
mod socketio;
