//! Who sends what is in the queue.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};

use crate::{
    connection::{Connection, breaker},
    envelope::Envelope,
    error::{DriverError, SendError},
};

/// The pause after a first failure that is no outage yet.
const RETRY_IN: Duration = Duration::from_millis(100);

/// Sends the events of the queue one after the other, so that they arrive in their order, until the last
/// [`Broadcaster`](crate::Broadcaster) is gone and the queue is empty.
pub(crate) async fn run(connection: Arc<Connection>) {
    while let Some(envelope) = connection.queue.next().await {
        send(&connection, &envelope).await;
    }
}

/// Tries an event until it is sent or dropped.
async fn send(connection: &Connection, envelope: &Envelope) {
    let since = connection.queue.oldest().unwrap_or_else(Instant::now);
    let end = breaker::after(since, connection.policy.age_max);
    loop {
        if !is_admitted(connection, end).await {
            return give_up(connection, envelope, "it waited too long (Policy::age_max)");
        }
        let Err(error) = connection.attempt(envelope).await else {
            return connection.queue.pop_sent();
        };
        if matches!(error, SendError::Driver { fault: DriverError::Refused(_), .. }) {
            return give_up(connection, envelope, &error.to_string());
        }
        let tries = connection.queue.note_try();
        if tries >= connection.policy.tries_max {
            return give_up(connection, envelope, &format!("it was tried {tries} times: {error}"));
        }
        sleep(RETRY_IN * tries).await;
    }
}

/// Waits until the breaker lets the event through; not if it were too old by then.
async fn is_admitted(connection: &Connection, end: Instant) -> bool {
    while let Err(retry_in) = connection.admitted() {
        if breaker::after(Instant::now(), retry_in) >= end {
            return false;
        }
        sleep(retry_in).await;
    }
    Instant::now() < end
}

fn give_up(connection: &Connection, envelope: &Envelope, reason: &str) {
    connection.queue.pop_dropped(reason, Instant::now());
    let connection = &*connection.name;
    let channel = envelope.channels.first().map_or("", |channel| channel.as_str());
    tracing::debug!(
        connection,
        event = &*envelope.name,
        channel,
        reason,
        "a broadcast was dropped"
    );
}
