//! Asks the application whether a client may join a channel.

use std::{net::IpAddr, sync::Arc};

use crate::config::AuthConfig;

/// May this client join this channel?
#[derive(Debug)]
pub(crate) struct Question {
    /// The channel.
    pub(crate) channel: String,
    /// Who asks.
    pub(crate) socket_id: String,
    /// What the client gave in `auth.headers`, as it came.
    pub(crate) headers: Vec<(String, String)>,
    /// What its connection began with.
    pub(crate) handshake: Arc<ClientHeaders>,
}

/// What of the client's own handshake is passed on, or decided by.
#[derive(Debug)]
pub(crate) struct ClientHeaders {
    pub(crate) cookie: Option<Box<str>>,
    pub(crate) referer: Option<Box<str>>,
    pub(crate) origin: Option<Box<str>>,
    pub(crate) user_agent: Option<Box<str>>,
    pub(crate) forwarded_for: Option<Box<str>>,
    pub(crate) peer: IpAddr,
}

/// What became of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The client may join.
    Granted {
        /// The member as JSON, `{"user_id":…,"user_info":…}`, if the application named one.
        channel_data: Option<String>,
    },
    /// The client may not join.
    Refused {
        /// What the client is told: the application's status, or 0 if there was none.
        status: u16,
    },
}

/// Asks the application.
#[derive(Debug)]
pub(crate) struct Authoriser {}

impl Authoriser {
    pub(crate) fn new(_config: &AuthConfig) -> anyhow::Result<Self> {
        Ok(Self {})
    }

    #[allow(clippy::unused_async, reason = "not written yet")]
    pub(crate) async fn ask(&self, _question: Question) -> Answer {
        Answer::Refused { status: 0 }
    }
}
