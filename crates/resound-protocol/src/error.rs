//! What a client is told when something is refused, with Pusher's codes.

use std::borrow::Cow;

/// A refusal: `code()` and the `Display` text are what the client gets, in `pusher:error` and, when
/// the connection ends, in the WebSocket close frame. Codes and their effect on pusher-js:
/// 4000–4099 it never returns, 4100–4199 it returns after a second, 4200–4299 at once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// No application has the key of the URL.
    #[error("Application does not exist")]
    UnknownApp,
    /// The application is switched off.
    #[error("Application is disabled")]
    AppDisabled,
    /// The application has as many connections as it may have.
    #[error("Application is over connection quota")]
    OverQuota,
    /// The `protocol` parameter is no number.
    #[error("Invalid version string format")]
    MalformedVersion,
    /// The `protocol` parameter is a version that is not spoken here.
    #[error("Unsupported protocol version")]
    UnsupportedProtocol,
    /// The page's origin is not in the application's list.
    #[error("Origin not allowed")]
    OriginNotAllowed,
    /// A subscription's signature is missing or wrong.
    #[error("Connection is unauthorized")]
    Unauthorized,
    /// A sign-in's signature or data is wrong.
    #[error("Connection not authorized.")]
    SignInRefused,
    /// The application ended the user's connections.
    #[error("You got disconnected by the app.")]
    Terminated,
    /// A client event to a channel that its sender is not in.
    #[error("The client is not a member of the specified channel.")]
    NotAMember,
    /// A client event to a channel that takes none from clients.
    #[error("Client events are accepted on private and presence channels only.")]
    PublicChannel,
    /// Another refusal of a subscription: an invalid name or an invalid member.
    #[error("{0}")]
    Refused(Cow<'static, str>),
    /// The process has as many connections as it can hold.
    #[error("Server is over capacity")]
    OverCapacity,
    /// The client does not take its messages fast enough.
    #[error("The connection is too slow: it owes more than it may")]
    TooSlow,
    /// A limit of the application: channels of a connection, members of a channel.
    #[error("{0}")]
    LimitReached(Cow<'static, str>),
    /// A message that is no message.
    #[error("Invalid message format")]
    InvalidMessage,
    /// The process ends; another one will take the connection. Not 4200, which soketi uses: pusher-js
    /// then redials at once, finds nobody, and stays away for 15 seconds (measured). After 4100 it
    /// waits a second, in which a process can be restarted.
    #[error("Server is shutting down. Please reconnect.")]
    ShuttingDown,
    /// The client ended the connection itself.
    #[error("Disconnected")]
    Left,
    /// The client has come back in another connection.
    #[error("The session goes on in another connection")]
    TakenOver,
    /// A pinged client stayed silent.
    #[error("Pong reply not received in time")]
    PongMissing,
    /// The application takes no client events.
    #[error("The app does not have client messaging enabled.")]
    ClientEventsDisabled,
    /// Too many client events in a second.
    #[error("The rate limit for sending client events exceeded the quota.")]
    ClientEventRate,
    /// Too many messages in the limiter's window.
    #[error("Rate limit exceeded")]
    RateLimit,
    /// A client event whose name does not say so, or is too long.
    #[error("{0}")]
    ClientEventRejected(Cow<'static, str>),
    /// More users to watch than a user may watch.
    #[error("The watchlist has more than {0} users; the first {0} count.")]
    WatchlistLimit(usize),
}

impl ClientError {
    /// Pusher's error code, also the close code when the connection ends with it.
    pub fn code(&self) -> u16 {
        match self {
            Self::Left => 1000,
            Self::UnknownApp => 4001,
            Self::AppDisabled => 4003,
            Self::OverQuota => 4004,
            Self::MalformedVersion => 4006,
            Self::UnsupportedProtocol => 4007,
            Self::OriginNotAllowed
            | Self::Unauthorized
            | Self::SignInRefused
            | Self::Terminated
            | Self::NotAMember
            | Self::PublicChannel
            | Self::Refused(_) => 4009,
            Self::OverCapacity
            | Self::TooSlow
            | Self::TakenOver
            | Self::ShuttingDown
            | Self::LimitReached(_) => 4100,
            Self::InvalidMessage => 4200,
            Self::PongMissing => 4201,
            Self::ClientEventsDisabled
            | Self::ClientEventRate
            | Self::RateLimit
            | Self::ClientEventRejected(_) => 4301,
            Self::WatchlistLimit(_) => 4302,
        }
    }

    /// Whether the client is not to come back: codes below 4100 (pusher-websocket.md, 1.12).
    pub fn is_final(&self) -> bool {
        (4000..4100).contains(&self.code())
    }

    /// A word for the refusal, for metrics.
    pub fn label(&self) -> &'static str {
        match self {
            Self::UnknownApp => "unknown_app",
            Self::AppDisabled => "app_disabled",
            Self::OverQuota => "over_quota",
            Self::MalformedVersion => "malformed_version",
            Self::UnsupportedProtocol => "unsupported_protocol",
            Self::OriginNotAllowed => "origin_not_allowed",
            Self::Unauthorized => "unauthorized",
            Self::SignInRefused => "sign_in_refused",
            Self::Terminated => "terminated",
            Self::NotAMember => "not_a_member",
            Self::PublicChannel => "public_channel",
            Self::Refused(_) => "invalid_channel",
            Self::OverCapacity => "over_capacity",
            Self::TooSlow => "too_slow",
            Self::LimitReached(_) => "limit_reached",
            Self::Left => "left",
            Self::TakenOver => "taken_over",
            Self::InvalidMessage => "invalid_message",
            Self::ShuttingDown => "shutting_down",
            Self::PongMissing => "pong_missing",
            Self::ClientEventsDisabled => "client_events_disabled",
            Self::ClientEventRate => "client_event_rate",
            Self::RateLimit => "rate_limit",
            Self::ClientEventRejected(_) => "client_event_rejected",
            Self::WatchlistLimit(_) => "watchlist_limit",
        }
    }
}
