//! HTTP requests that Engine.IO refuses.

/// Why a request is refused; the `Display` text is what the client gets (7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestFault {
    /// `transport` is neither `polling` nor `websocket`.
    #[error("Transport unknown")]
    UnknownTransport,
    /// `sid` names no session; the client starts another.
    #[error("Session ID unknown")]
    UnknownSession,
    /// A handshake that is no GET.
    #[error("Bad handshake method")]
    BadMethod,
    /// A session used with another transport than its own, or by two requests at once.
    #[error("Bad request")]
    BadRequest,
    /// The origin is not allowed.
    #[error("Forbidden")]
    Forbidden,
    /// `EIO` is a version that is not spoken here.
    #[error("Unsupported protocol version")]
    UnsupportedVersion,
}

impl RequestFault {
    /// Engine.IO's number of the fault.
    pub fn code(self) -> u8 {
        match self {
            Self::UnknownTransport => 0,
            Self::UnknownSession => 1,
            Self::BadMethod => 2,
            Self::BadRequest => 3,
            Self::Forbidden => 4,
            Self::UnsupportedVersion => 5,
        }
    }

    /// The HTTP status of the answer.
    pub fn status(self) -> u16 {
        match self {
            Self::Forbidden => 403,
            Self::UnknownTransport
            | Self::UnknownSession
            | Self::BadMethod
            | Self::BadRequest
            | Self::UnsupportedVersion => 400,
        }
    }

    /// The fault in Engine.IO's words: the whole answer to a refused WebSocket.
    pub fn message(self) -> String {
        self.to_string()
    }

    /// The body of the answer to polling.
    pub fn json(self) -> String {
        format!(r#"{{"code":{},"message":"{self}"}}"#, self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_reads_like_that_of_engine_io() {
        for (fault, status, json) in [
            (RequestFault::UnknownTransport, 400, r#"{"code":0,"message":"Transport unknown"}"#),
            (RequestFault::UnknownSession, 400, r#"{"code":1,"message":"Session ID unknown"}"#),
            (RequestFault::BadMethod, 400, r#"{"code":2,"message":"Bad handshake method"}"#),
            (RequestFault::BadRequest, 400, r#"{"code":3,"message":"Bad request"}"#),
            (RequestFault::Forbidden, 403, r#"{"code":4,"message":"Forbidden"}"#),
            (
                RequestFault::UnsupportedVersion,
                400,
                r#"{"code":5,"message":"Unsupported protocol version"}"#,
            ),
        ] {
            assert_eq!((fault.status(), &*fault.json()), (status, json));
        }
    }
}
