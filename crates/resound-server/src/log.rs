//! What happens to connections, as log lines.

use resound_hub::sink::{Note, Who};
use resound_protocol::{socket_id::SocketId, websocket::Frame};

/// Lines about refusals per shard and second: whoever is refused can be refused very often.
const LINES_PER_SECOND: u32 = 100;

/// Writes lines about connections, and not more than the log can bear.
#[derive(Debug, Default)]
pub(crate) struct MessageLog {
    lines: u32,
}

impl MessageLog {
    /// Whether every message is shown (`--debug`).
    pub(crate) fn shows_messages(&self) -> bool {
        tracing::enabled!(tracing::Level::DEBUG)
    }

    pub(crate) fn sent(&self, to: SocketId, frame: &Frame) {
        let text = frame.payload();
        let channel = channel_of(text);
        tracing::debug!(connection = %to, direction = "out", channel, text, "message sent");
    }

    pub(crate) fn note(&mut self, who: &Who<'_>, note: Note<'_>) {
        let is_refusal = matches!(note, Note::SubscriptionRefused { .. } | Note::Refused(..));
        if !is_refusal && !self.shows_messages() {
            return;
        }
        let (app, connection) = (&*who.app.id, who.socket_id);
        match note {
            Note::SubscriptionRefused { channel, reason } if self.may_write() => {
                tracing::info!(app, %connection, channel, reason, "subscription refused");
            }
            Note::Refused(error, reason) if self.may_write() => {
                tracing::info!(app, %connection, code = error.code(), error = %error, reason, "refused");
            }
            Note::SubscriptionRefused { .. } | Note::Refused(..) => {}
            Note::Connected => tracing::debug!(app, %connection, "connected"),
            Note::Disconnected => tracing::debug!(app, %connection, "disconnected"),
            Note::Received(text) => {
                let channel = channel_of(text);
                tracing::debug!(app, %connection, direction = "in", channel, text, "message received");
            }
            Note::Subscribed(channel) => tracing::debug!(app, %connection, channel, "subscribed"),
            Note::Unsubscribed(channel) => {
                tracing::debug!(app, %connection, channel, "unsubscribed")
            }
            Note::Recovered(missed) => {
                tracing::debug!(app, %connection, missed, "returned to its session")
            }
            Note::NotRecovered(reason) => {
                tracing::debug!(app, %connection, reason, "did not find its session again");
            }
            Note::SignedIn(user) => tracing::debug!(app, %connection, user, "signed in"),
            Note::ClientEvent { event, channel } => {
                tracing::debug!(app, %connection, channel, event, "client event");
            }
        }
    }

    /// Whether a line about a refusal may still be written in this second.
    pub(crate) fn may_write(&mut self) -> bool {
        self.lines = self.lines.saturating_add(1);
        self.lines <= LINES_PER_SECOND
    }

    /// Begins another second; says what the last one left out.
    pub(crate) fn next_second(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        if lines > LINES_PER_SECOND {
            let left_out = lines - LINES_PER_SECOND;
            tracing::warn!(left_out, "more refusals in a second than are logged");
        }
    }
}

/// The channel that a message names, in its envelope or in its data.
fn channel_of(text: &str) -> Option<String> {
    let message: serde_json::Value = serde_json::from_str(text).ok()?;
    let channel = message.get("channel").or_else(|| message.get("data")?.get("channel"))?;
    channel.as_str().map(str::to_owned)
}
