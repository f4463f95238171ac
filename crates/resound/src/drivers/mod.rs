//! The drivers that come with this crate.

mod log;
mod null;
#[cfg(feature = "http")]
mod pusher;

pub use log::Log;
pub use null::Null;
#[cfg(feature = "http")]
pub use pusher::{Pusher, PusherOptions, Scheme};
