//! Connections that somebody else has accepted: those of an application that embeds the server.

use resound_protocol::error::ClientError;

use super::{
    HttpConnection, Shard, Stream,
    polling::{PollAnswer, PollName},
};
use crate::{
    server::HttpStay,
    transport::{Target, Upgrade},
};

/// A WebSocket whose handshake is over. It is counted among the sockets.
pub(crate) struct Guest {
    pub(crate) stream: Stream,
    pub(crate) request: Upgrade,
    /// What came behind the handshake.
    pub(crate) read: Vec<u8>,
}

impl Shard {
    /// Takes in a WebSocket; from here on it is one like all others.
    pub(super) fn take_guest(&mut self, guest: Guest) {
        let Guest { stream, request, read } = guest;
        let now = self.now();
        match self.io.open(stream, now) {
            Ok(slot) if self.draining => {
                self.refuse_upgrade(slot, &request, &ClientError::ShuttingDown);
            }
            Ok(slot) => self.upgrade(slot, request, read),
            Err(error) => {
                self.io.shared.sockets.leave();
                tracing::warn!(%error, "a connection could not be taken in");
            }
        }
    }

    /// Takes in a connection that speaks HTTP. It is counted among the sockets.
    pub(crate) fn take_http(&mut self, stream: Stream) {
        let stay = HttpStay::new(&self.io.shared);
        self.io.shared.sockets.leave(); // `stay` counts it, too
        self.requests.push(HttpConnection { stream, read: bytes::Bytes::new(), stay });
    }

    /// Says whether a WebSocket is let in as far as its handshake tells; what is wrong with others the HTTP API says.
    ///
    /// # Errors
    /// [`PollAnswer::Moved`] if another shard knows.
    pub(crate) fn would_admit(&mut self, request: &Upgrade) -> Result<bool, PollAnswer> {
        if self.draining {
            return Ok(false);
        }
        let Target::Engine(target) = &request.target else {
            return Ok(true); // what is wrong is said over the WebSocket
        };
        let Some(session) = target.session else {
            return Ok(self
                .admit_socketio(target.key.as_deref(), request.origin.as_deref())
                .is_ok());
        };
        let name = PollName::Engine(session);
        self.find(&name)?;
        let slot = self.io.polling_slot(&name);
        let polling = slot.and_then(|slot| self.io.connection(slot)?.polling());
        Ok(polling.is_some_and(|polling| !polling.is_upgrading))
    }
}
