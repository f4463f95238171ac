//! The drivers that come with this crate.

mod log;
mod null;
#[cfg(feature = "http")]
mod pusher;
#[cfg(feature = "redis")]
mod redis;

pub use log::Log;
pub use null::Null;
#[cfg(feature = "http")]
pub use pusher::{Pusher, PusherOptions, Scheme};
#[cfg(feature = "redis")]
pub use redis::{InvalidRedisUrl, Redis, RedisOptions};
