//! The load generator behind `resound bench`, for any server that speaks the Pusher protocol or Socket.IO (as
//! laravel-echo-server does) and is published to by Pusher's HTTP API, and the floor server that shows what
//! the machine itself costs.
//!
//! One thread and one event loop: on a small machine the generator takes its core from the server that it
//! measures, so it must be cheap. It parses no JSON on the hot path; each event carries a mark of fixed width
//! that says who sent it, its number, and when it was due.
//!
//! # Layout
//!
//! What is run:
//! * `args`: the command line
//! * `run`: one call of `resound bench`, from the arguments to the printed result
//! * `baseline`: what the server is compared with
//! * `scenario`: what can be measured
//! * `fleet`: opens and subscribes many connections
//! * `traffic`: lets the events of a `plan` flow at the pace of a `schedule`, and keeps a `ledger` of
//!   every receiver's `sequence`; an `outcome` is what it came to
//!
//! What is said:
//! * `target`: the server under test
//! * `dialect`: which protocol its clients speak over which transport
//! * `mark`, `request`: events, and signed requests to publish
//! * `message`, `packet`: messages of the Pusher protocol, and of Socket.IO
//! * `handshake`, `frame`: the WebSocket protocol
//! * `answer`, `long_poll`, `payload`: HTTP answers, and the requests and bodies of long polling
//!
//! What moves it:
//! * `engine`: the event loop; `news` is what it and the scenarios tell each other
//! * `connection`: what a client receives by, a WebSocket or a connection for polls
//! * `exchange`: an HTTP connection of a `publisher`, or of a `courier`, who carries what polling clients say
//! * `clock`, `alarm`, `heartbeat`: time, waking up in time, and pings
//!
//! What is shown:
//! * `latency`, `process`, `machine`: percentiles, the server's costs, limits and cores
//! * `report`, `table`, `progress`: figures, and how they look
//!
//! And `floor`: the floor server.

mod args;
mod baseline;
mod run;
mod scenario;

mod fleet;
mod ledger;
mod outcome;
mod plan;
mod schedule;
mod sequence;
mod traffic;

mod answer;
mod dialect;
mod frame;
mod handshake;
mod long_poll;
mod mark;
mod message;
mod packet;
mod payload;
mod request;
mod target;

mod alarm;
mod clock;
mod connection;
mod courier;
mod engine;
mod exchange;
mod heartbeat;
mod news;
mod publisher;

mod latency;
mod machine;
mod process;
mod progress;
mod report;
mod table;

mod floor;

pub use args::BenchArgs;
pub use run::run;
