//! The process.

pub mod config;
