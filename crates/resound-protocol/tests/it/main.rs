//! The crate from outside: properties, and comparisons with other implementations.

mod signature;
mod websocket;
mod websocket_oracle;
