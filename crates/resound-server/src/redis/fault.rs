//! Why a connection to Redis ended, or did not come about.

use std::{io, time::Duration};

/// What went wrong. No text holds a password.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// The system says no.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Redis has ended it: it stops, or we were too slow for it.
    #[error("Redis closed the connection")]
    Closed,
    /// Nothing comes any more, though we asked.
    #[error("Redis does not answer for {} seconds", .0.as_secs())]
    Silent(Duration),
    /// An error in the words of Redis.
    #[error("Redis answers {0}")]
    Refused(String),
    /// The certificate is not trusted, or TLS failed in another way.
    #[error("TLS: {0}")]
    Tls(String),
    /// Whoever answers is no Redis.
    #[error("what answers does not speak the protocol of Redis")]
    Protocol,
    /// A message is larger than anybody's event.
    #[error("Redis sends a message of more than {0} bytes")]
    TooLarge(usize),
}

impl Fault {
    /// Whether somebody has to correct something before it can go away.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Tls(_) | Self::Protocol)
    }
}
