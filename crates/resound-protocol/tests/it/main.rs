//! The crate from outside: properties, and comparisons with other implementations.

mod engineio;
mod json;
mod laravel;
mod signature;
mod socketio;
mod websocket;
mod websocket_oracle;
mod xhr;
