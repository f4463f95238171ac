//! Several events of the queue in one request: Pusher HTTP API, "Batch events".

use std::sync::{Arc, atomic::Ordering};

use crate::{
    drivers::pusher::{Pusher, body, client::Reply},
    envelope::Envelope,
    error::DriverError,
};

/// `{"batch":[]}`.
const FRAME_BYTES: usize = 12;

impl Pusher {
    /// Sends the first events in one request, as many as fit; see [`Driver::send_batch`](crate::driver::Driver).
    pub(super) async fn post_batch(
        &self,
        envelopes: &[Arc<Envelope>],
    ) -> Vec<Result<(), DriverError>> {
        let (items, events) = self.fitting(envelopes);
        if events < 2 {
            // It is large, or for many channels, or can't be sent at all: the usual request says which.
            let Some(first) = envelopes.first() else { return Vec::new() };
            return vec![self.post(first).await];
        }
        match self.request(&self.batch_path, body::batch(&items)).await {
            Ok(Reply { status: 200..=299, .. }) => vec![Ok(()); events],
            Ok(reply) => self.refused(&reply),
            Err(fault) => vec![Err(fault)],
        }
    }

    /// The items of the first events that go into one request, and how many events these are.
    fn fitting(&self, envelopes: &[Arc<Envelope>]) -> (Vec<String>, usize) {
        let (mut items, mut bytes, mut events) = (Vec::new(), FRAME_BYTES, 0);
        for envelope in envelopes {
            if items.len() + envelope.channels.len() > self.options.batch_max {
                break;
            }
            let Ok(sealed) = self.sealed(envelope) else { break };
            let more = body::items(sealed.as_ref().unwrap_or(envelope));
            bytes += more.iter().map(|item| item.len() + 1).sum::<usize>();
            if bytes > self.options.batch_bytes_max {
                break;
            }
            items.extend(more);
            events += 1;
        }
        (items, events)
    }

    /// A batch is taken or refused as a whole.
    fn refused(&self, reply: &Reply) -> Vec<Result<(), DriverError>> {
        let fault = self.fault(reply);
        if matches!(fault, DriverError::Unavailable(_)) {
            return vec![Err(fault)];
        }
        // laravel-websockets has no such route.
        if matches!(reply.status, 404 | 405) && !self.has_no_batches.swap(true, Ordering::Relaxed) {
            tracing::info!(reason = %fault, "the server takes no batches: events are sent to it one by one");
        }
        Vec::new()
    }
}
