//! The load generator behind `resound bench`, for any server that speaks the Pusher protocol, and the floor
//! server that shows what the machine itself costs.
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
//! * `scenario`: what can be measured
//! * `fleet`: opens and subscribes many connections
//! * `traffic`: lets the events of a `plan` flow at the pace of a `schedule`, and keeps a `ledger` of
//!   every receiver's `sequence`; an `outcome` is what it came to
//!
//! What is said:
//! * `target`: the server under test
//! * `mark`, `message`, `request`: events, messages, and signed requests to publish
//! * `answer`, `handshake`, `frame`: HTTP answers, and the WebSocket protocol
//!
//! What moves it:
//! * `engine`: the event loop; `news` is what it and the scenarios tell each other
//! * `connection`, `publisher`: WebSocket connections and HTTP connections
//! * `clock`, `alarm`: time, and waking up in time
//!
//! What is shown:
//! * `latency`, `process`, `machine`: percentiles, the server's costs, limits and cores
//! * `report`, `table`, `progress`: figures, and how they look
//!
//! And `floor`: the floor server.

mod args;
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
mod frame;
mod handshake;
mod mark;
mod message;
mod request;
mod target;

mod alarm;
mod clock;
mod connection;
mod engine;
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
