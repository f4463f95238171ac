#![doc = include_str!("../../docs/transactions.md")]
//!
//! # Layout
//!
//! * `transaction`: a transaction whose events wait for its commit
//! * `backend`: what differs between the databases; `dialect`, `store`: their SQL, and who runs it
//! * `migration`: the tables
//! * `queue`: events that wait in the application's database; `warning`: what is said when nobody sends them
//! * `worker`, `lane`: who sends them; `pruner`: who deletes what failed; `deadline`: how long they wait for the database

mod backend;
mod deadline;
mod dialect;
mod lane;
mod migration;
mod pruner;
mod queue;
mod store;
mod transaction;
mod warning;
mod worker;

pub use backend::Backend;
pub use migration::migrate;
pub use queue::{FailedJob, LaneStats, Queue, Stats};
pub use transaction::Transaction;
pub use worker::{NoQueue, Running, Worker};
