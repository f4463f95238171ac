//! An event that is written down, with what is known about its way.

use std::{any::type_name, borrow::Cow, future::Future, pin::Pin, sync::Arc};

use crate::{
    broadcaster::Broadcaster,
    envelope::Envelope,
    error::SendError,
    event::Broadcast,
    fake::Recorded,
    pending::{Outcome, Timing},
    socket::SocketId,
};

/// What a broadcaster delivers: at once, or when the transaction is committed.
pub(crate) enum Parcel {
    /// For drivers.
    Event(Addressed),
    /// For the assertions of a test.
    Record(Recorded),
    /// Something else that waits for a commit.
    Work(Work),
}

/// Something that is done when the transaction is committed, and tells the log itself what goes wrong.
pub(crate) struct Work {
    /// What the log calls it.
    pub(crate) type_name: &'static str,
    pub(crate) future: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// An event and the connections that it is sent by; none stands for the default one.
pub(crate) struct Addressed {
    pub(crate) envelope: Envelope,
    pub(crate) connections: Vec<Cow<'static, str>>,
    pub(crate) timing: Timing,
    pub(crate) shelf: Shelf,
    /// The type of the event, for the log.
    pub(crate) type_name: &'static str,
}

/// The queue that an event waits in, if it is not sent at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shelf {
    /// The broadcaster's.
    Any,
    /// The one in memory.
    Memory,
}

/// What the sender of an event said about it.
pub(crate) struct Wishes {
    pub(crate) socket: SocketId,
    pub(crate) timing: Option<Timing>,
    pub(crate) connections: Vec<Cow<'static, str>>,
    pub(crate) queue: Option<Cow<'static, str>>,
    pub(crate) shelf: Shelf,
}

impl Parcel {
    /// Writes an event down; `None` if it does not want to be sent or has no channel.
    pub(crate) fn pack<E: Broadcast + Send + Sync + 'static>(
        broadcaster: &Broadcaster,
        event: E,
        wishes: Wishes,
    ) -> Result<Option<Self>, SendError> {
        if !event.when() {
            return Ok(None);
        }
        let written = Envelope::of(&event, broadcaster.namespace());
        let type_name = type_name::<E>();
        let mut envelope = written
            .map_err(|reason| SendError::Payload { event: type_name, reason: Arc::new(reason) })?;
        if envelope.channels.is_empty() {
            return Ok(None);
        }
        let Wishes { socket, timing, mut connections, queue, shelf } = wishes;
        envelope.socket = socket;
        envelope.queue = queue.or(envelope.queue);
        if connections.is_empty() {
            connections = event.connections();
        }
        let timing = timing.unwrap_or_else(|| event.timing());
        Ok(Some(match broadcaster.record() {
            Some(_) => Self::Record(Recorded::new(event, envelope, connections, timing)),
            None => Self::Event(Addressed { envelope, connections, timing, shelf, type_name }),
        }))
    }

    /// What becomes of it if all goes well.
    pub(crate) fn outcome(&self) -> Outcome {
        let timing = match self {
            Self::Event(addressed) => addressed.timing,
            Self::Record(recorded) => recorded.timing,
            Self::Work(_) => Timing::Now,
        };
        if timing == Timing::Now { Outcome::Sent } else { Outcome::Queued }
    }

    /// The type of the event.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Event(addressed) => addressed.type_name,
            Self::Record(recorded) => recorded.type_name,
            Self::Work(work) => work.type_name,
        }
    }
}

/// Says in the log that an event is lost.
pub(crate) fn log_lost(event: &'static str, error: &SendError) {
    tracing::error!(event, reason = %error, "an event was not broadcast");
}
