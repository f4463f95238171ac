//! Why a client's bytes are refused.

use thiserror::Error;

/// What is wrong with the bytes of a client. The connection cannot go on after it: it is closed with
/// [`close_code`](Self::close_code) and [`close_reason`](Self::close_reason).
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// One of the three bits for extensions is set, though none was negotiated.
    #[error("a frame has reserved bits set, but no extension was negotiated")]
    ReservedBits,
    /// The opcode is one that RFC 6455 leaves undefined.
    #[error("a frame has the unknown opcode {0:#x}")]
    UnknownOpcode(u8),
    /// A client must mask every frame.
    #[error("a frame is not masked")]
    Unmasked,
    /// A control frame is not final.
    #[error("a control frame is fragmented")]
    FragmentedControl,
    /// A control frame announces more than 125 bytes.
    #[error("a control frame is longer than 125 bytes")]
    ControlTooLong,
    /// A continuation, though no message is being continued.
    #[error("a continuation frame without a message to continue")]
    NothingToContinue,
    /// A text or binary frame in the midst of a fragmented message.
    #[error("a message begins before the fragmented one has ended")]
    MessageWithinMessage,
    /// The payload of a close frame is a single byte.
    #[error("a close frame has a payload of one byte")]
    CloseTooShort,
    /// The code in a close frame is one that must not be sent.
    #[error("a close frame has the invalid code {0}")]
    InvalidCloseCode(u16),
    /// The reason in a close frame is not UTF-8.
    #[error("the reason in a close frame is not UTF-8")]
    InvalidCloseReason,
    /// A text message is not UTF-8.
    #[error("a text message is not UTF-8")]
    InvalidText,
    /// A message announces more bytes than are allowed.
    #[error("a message of at least {bytes} bytes, the limit is {bytes_max}")]
    MessageTooBig {
        /// Bytes of the message as far as they were announced.
        bytes: u64,
        /// The limit.
        bytes_max: usize,
    },
}

impl DecodeError {
    /// The code with which the connection is closed. RFC 6455 section 7.4.1.
    pub fn close_code(self) -> u16 {
        match self {
            Self::InvalidText | Self::InvalidCloseReason => 1007,
            Self::MessageTooBig { .. } => 1009,
            Self::ReservedBits
            | Self::UnknownOpcode(_)
            | Self::Unmasked
            | Self::FragmentedControl
            | Self::ControlTooLong
            | Self::NothingToContinue
            | Self::MessageWithinMessage
            | Self::CloseTooShort
            | Self::InvalidCloseCode(_) => 1002,
        }
    }

    /// The sentence that the client reads in the close frame; the log gets the error itself.
    pub fn close_reason(self) -> &'static str {
        match self.close_code() {
            1007 => "Invalid UTF-8",
            1009 => "Maximum message size exceeded",
            _ => "Protocol error",
        }
    }
}
