//! Signatures: HMAC-SHA256 with the secret of an app, in lower-case hex.
//!
//! Three things are signed: a connection's subscription to a private or presence channel, its sign-in
//! as a user, and the requests of the HTTP API. Nothing here reads a clock; the time is an argument.
//!
//! # Layout
//!
//! * `signer`: the keyed function itself.
//! * `auth`: the `auth` of subscriptions and sign-ins, made and checked.
//! * `query`: the query string of a request, as PHP and Pusher's libraries read it.
//! * `request`: requests of the HTTP API, signed and checked.

mod auth;
mod query;
mod request;
mod signer;

pub use auth::{
    AuthFault, ChannelDataRule, channel_auth, user_auth, verify_channel_auth, verify_user_auth,
};
pub use query::Query;
pub use request::{Direction, RequestFault, RequestParts, sign_request, verify_request};
pub use signer::Signer;
