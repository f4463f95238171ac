//! The real binary, over real sockets: raw bytes where a test has to be rude.
//!
//! # Layout
//!
//! * `server`: a process of its own for every test; `log`: its lines; `settings`: its `resound.toml`
//! * `client`: a blocking WebSocket client; `http`: a blocking HTTP client, which signs
//! * `connect`, `refusals`, `origins`, `handshake`: how connections begin
//! * `frames`, `malformed`, `pings`: what a connection may say
//! * `channels`, `users`: subscriptions, client events, sign-in
//! * `events`, `queries`, `requests`, `limits`, `signatures`, `terminate`: the HTTP API
//! * `echo_server`: laravel-echo-server's configuration and HTTP API
//! * `socketio_client`: a blocking client of Socket.IO; `application`: who is asked whom to let in
//! * `engineio`, `upgrade`, `heartbeat`, `recovery_wire`: requests and WebSockets of Socket.IO
//! * `socketio_auth`: private channels of Socket.IO; `xhr`: pusher-js without WebSocket
//! * `delivery`, `order`, `presence`: who gets what
//! * `slow`, `flood`, `descriptors`, `polling_bounds`, `chaos`: clients that want too much
//! * `redis_server`: a real Redis; `redis_bridge`, `redis_ways`, `redis_outages`: events through it
//! * `tls`, `tls_engine`, `certificates`: TLS on the listener; `tls_client`: the other side of it
//! * `metrics`, `logs`: what the operator sees; `webhooks`: what the application is told
//! * `startup`, `shutdown`, `reload`: the life of the process
//! * `commands`: `listen`, `send` and `sign`; `client_crate`: the client in Rust

mod application;
mod client;
mod http;
mod log;
mod redis_server;
mod server;
mod settings;
mod socketio_client;
mod tls_client;

mod certificates;
mod channels;
mod chaos;
mod client_crate;
mod commands;
mod connect;
mod delivery;
mod descriptors;
mod echo_server;
mod engineio;
mod events;
mod flood;
mod frames;
mod handshake;
mod heartbeat;
mod limits;
mod logs;
mod malformed;
mod metrics;
mod order;
mod origins;
mod pings;
mod polling_bounds;
mod presence;
mod queries;
mod recovery_wire;
mod redis_bridge;
mod redis_outages;
mod redis_ways;
mod refusals;
mod reload;
mod requests;
mod shutdown;
mod signatures;
mod slow;
mod socketio_auth;
mod startup;
mod terminate;
mod tls;
mod tls_engine;
mod upgrade;
mod users;
mod webhooks;
mod xhr;
