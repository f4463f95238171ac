//! The library through its public face.
//!
//! # Layout
//!
//! * `derive`: `#[derive(Broadcast)]`
//! * `scripted`: a driver that does what a test says; `delivery`: pages while it does
//! * `pusher`: the driver over HTTP; `batches`: several events in one request
//! * `redis_driver`: the driver over a real Redis, which `redis_server` starts
//! * `figures`: what servers tell
//! * `failures`: events that are given up, and who is told
//! * `fake`: assertions, and what they say when they fail
//! * `front_end`: Echo's options for a page
//! * `typescript`: types for a front end
//! * `application`: axum with the server inside; `embedded`, `requests`, `socketio`, `bridged`: what it does
//! * `auth`: who may join, asked over HTTP
//! * `hooks`: what is called when something happens, told by webhooks; `hooked`: with every driver
//! * `logs`: what the log says
//! * `models`: what happens to models
//! * `notifications`: what users are told; `notification_store`: where it is kept; `notification_fake`: assertions
//! * `after_commit`: events that wait for a transaction
//! * `databases`: real ones; `transactions`: events that wait for a commit in them
//! * `outbox`: the durable queue; `crash`: the same while its process is killed; `silence`: while its database hangs
//! * `savepoints`: any tree of them against a model
//! * `process`: a real server; `real`: everything together with it
//! * `readme`: what README.md shows

mod after_commit;
mod application;
mod auth;
mod batches;
mod bridged;
mod crash;
mod databases;
mod delivery;
mod derive;
mod embedded;
mod failures;
mod fake;
mod figures;
mod front_end;
#[cfg(feature = "embedded")]
mod hooked;
mod hooks;
mod logs;
mod models;
mod notification_fake;
mod notification_store;
mod notifications;
mod outbox;
mod process;
mod pusher;
mod readme;
mod real;
mod redis_driver;
mod redis_server;
mod requests;
mod savepoints;
mod scripted;
mod silence;
mod socketio;
mod transactions;
mod typescript;
