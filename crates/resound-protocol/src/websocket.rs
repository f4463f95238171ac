//! WebSocket (RFC 6455) from the side of a server: bytes in, bytes out, no sockets.
//!
//! Frames of a server are not masked, so one encoded [`Frame`] is the same for every connection and
//! is shared among them. Frames of a client are masked; a [`Decoder`] per connection unmasks them in
//! place, in the buffer that the socket was read into, and owns memory only while a frame or a
//! message is incomplete. Extensions are not spoken: the offer of `permessage-deflate` is declined by
//! silence, as Reverb and soketi do.
//!
//! # Layout
//!
//! * `handshake`: the answer to `Sec-WebSocket-Key`.
//! * `frame`: what the server sends.
//! * `header`: the first 2 to 14 bytes of what a client sends.
//! * `mask`: undoing the mask.
//! * `incomplete`: what is kept until the next read.
//! * `decoder`: from reads of a socket to messages.
//! * `fault`: why a client's bytes are refused, with the close codes.

mod decoder;
mod fault;
mod frame;
mod handshake;
mod header;
mod incomplete;
mod mask;

pub use decoder::{Decoder, Incoming};
pub use fault::DecodeError;
pub use frame::{Frame, close_frame, ping_frame, pong_frame, text_of};
pub use handshake::{accept_key, is_valid_key};

/// Bytes of payload that a control frame (close, ping, pong) may carry. RFC 6455 section 5.5.
pub const CONTROL_PAYLOAD_BYTES_MAX: usize = 125;
