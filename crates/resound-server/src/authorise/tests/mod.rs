//! The authoriser against an application on a real socket.
//!
//! # Layout
//!
//! * `application`: the application; `log`: what is logged; `desk`: both, around an authoriser
//! * `forwarding`: what the application is told; `granting`: who gets in
//! * `answers`, `silences`: the table of faults, with an answer and without one
//! * `places`: how many questions, over how many connections; `certificates`: TLS

mod answers;
mod application;
mod certificates;
pub(super) mod desk;
mod forwarding;
mod granting;
mod log;
mod places;
mod silences;
