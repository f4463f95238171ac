//! The client over real sockets.
//!
//! # Layout
//!
//! * `site`: an application, or what else may listen at a port, with or without TLS
//! * `endpoint`: the application is asked; `addresses`: what is no server; `tls`: `wss` and `https`

mod addresses;
mod endpoint;
mod site;
mod tls;
