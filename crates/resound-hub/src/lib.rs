//! The rules of Resound: sessions, subscriptions, presence, client events, caches and limits.

pub mod app;
pub mod origin;
