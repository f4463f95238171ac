//! The library through its public face.
//!
//! # Layout
//!
//! * `derive`: `#[derive(Broadcast)]`
//! * `server`: an HTTP server that is as rude as a test wants it; `delivery`: pages while it is

// mod delivery;
mod derive;
// mod server;
