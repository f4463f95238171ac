//! Connections that move from one shard to another: their clients return to sessions there.

use std::sync::Arc;

use resound_hub::{
    peer::{ShardId, Slot},
    recovery::Return,
    socketio::Newcomer,
};
use resound_protocol::{
    engineio::{Upgrades, Version},
    error::ClientError,
};

use super::{
    Shard,
    connection::{Link, Phase},
    mailbox::ShardMessage,
    polling::PollName,
};
use crate::authorise::ClientHeaders;

/// A connection on its way. It stays counted.
pub(crate) struct Arrival {
    link: Link,
    headers: Option<Arc<ClientHeaders>>,
    returning: Return,
}

impl Shard {
    /// Sends connections on that belong to other shards.
    pub(super) fn depart(&mut self) {
        for (slot, shard, returning) in std::mem::take(&mut self.io.departures) {
            self.send_on(slot, shard, returning);
        }
    }

    fn send_on(&mut self, slot: Slot, shard: ShardId, returning: Return) {
        self.io.write_now(slot); // what it was told here, so that nothing comes before it
        self.io.unwatch(slot);
        let Some(connection) = self.io.detach(slot) else {
            return;
        };
        if let Link::Polling(polling) = &connection.link
            && let PollName::Engine(id) = polling.name
        {
            if id.place(self.io.shards.count()) == self.io.id {
                self.io.moved.insert(id, shard);
            } else {
                // It has moved before: where its requests arrive, they learn the new way.
                self.io.note_move(id, shard);
            }
        }
        let (link, headers) = (connection.link, connection.headers);
        let arrival = Arrival { link, headers, returning };
        self.io.shards.post(shard, ShardMessage::Arrival(Box::new(arrival)));
    }

    /// Takes in a connection that another shard has sent on.
    pub(super) fn arrive(&mut self, arrival: Arrival) {
        let Arrival { link, headers, returning } = arrival;
        let now = self.now();
        let socket_id = self.new_socket_id();
        let newcomer = Newcomer {
            app: returning.app,
            version: Version::V4,
            engine_id: socket_id,
            socket_id,
            secret: super::random(),
            upgrades: Upgrades::None,
        };
        let phase = Phase::Open { app: returning.app, socket_id };
        let slot = match self.io.seat(link, phase) {
            Ok(slot) => slot,
            Err(error) => {
                self.io.shared.sockets.leave();
                self.io.shared.websockets.leave();
                return tracing::warn!(%error, "a connection could not be taken over");
            }
        };
        if let Some(connection) = self.io.connection(slot) {
            connection.headers = headers;
        }
        let arrived = if self.draining {
            Err(ClientError::ShuttingDown)
        } else {
            self.hub.arrive(slot, &newcomer, &returning, now, &mut self.io)
        };
        if let Err(error) = arrived {
            resound_hub::sink::Sink::close(&mut self.io, slot, &error);
        }
    }
}
