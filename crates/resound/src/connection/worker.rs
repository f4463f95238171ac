//! Who sends what is in the queue.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, timeout_at};

use crate::{
    connection::{Connection, Failure, breaker},
    envelope::Envelope,
    error::{DriverError, SendError},
};

/// The pause after a first failure that is no outage yet.
const RETRY_IN: Duration = Duration::from_millis(100);

/// Sends the events of the queue in their order, and together if the driver can, until the last
/// [`Broadcaster`](crate::Broadcaster) is gone and the queue is empty.
pub(crate) async fn run(connection: Arc<Connection>) {
    // How many of the oldest events can't go together with others.
    let mut apart: usize = 0;
    loop {
        let max = if apart > 0 { 1 } else { connection.driver.batch_max() };
        let Some(events) = connection.queue.next(max).await else { return };
        match turn(&connection, &events).await {
            Turn::Done(events) => apart = apart.saturating_sub(events),
            Turn::Apart => apart = events.len(),
        }
    }
}

/// What became of the oldest events.
enum Turn {
    /// So many left the queue: they were sent or dropped.
    Done(usize),
    /// They can't go together.
    Apart,
}

/// Tries the oldest events once. What is still to be sent stays in the queue.
async fn turn(connection: &Connection, events: &[Arc<Envelope>]) -> Turn {
    let Some(oldest) = events.first() else { return Turn::Done(0) };
    let since = connection.queue.oldest().unwrap_or_else(Instant::now);
    if !is_admitted(connection, breaker::after(since, connection.policy.age_max)).await {
        give_up(connection, oldest, "it waited too long (Policy::age_max)");
        return Turn::Done(1);
    }
    let results = match events {
        [event] => vec![connection.attempt(event).await],
        events => connection.attempt_batch(events).await,
    };
    if results.is_empty() {
        return Turn::Apart;
    }
    settle(connection, events, results).await
}

/// Takes from the queue what was sent or refused; pauses at the first event that is to be tried again.
async fn settle(
    connection: &Connection,
    events: &[Arc<Envelope>],
    results: Vec<Result<(), SendError>>,
) -> Turn {
    let mut done = 0;
    for (event, result) in events.iter().zip(results) {
        match result {
            Ok(()) => connection.queue.pop_sent(),
            Err(
                error @ SendError::Driver {
                    fault: DriverError::Refused(_) | DriverError::Ended(_),
                    ..
                },
            ) => {
                give_up(connection, event, &error.to_string());
            }
            Err(error) => {
                let tries = connection.queue.note_try();
                if tries < connection.policy.tries_max {
                    sleep(RETRY_IN * tries).await;
                    break;
                }
                give_up(connection, event, &format!("it was tried {tries} times: {error}"));
                done += 1;
                break;
            }
        }
        done += 1;
    }
    Turn::Done(done)
}

/// Waits until the breaker lets the event through; not if it were too old by then.
async fn is_admitted(connection: &Connection, end: Instant) -> bool {
    while let Err(retry_in) = connection.admitted() {
        let until = breaker::after(Instant::now(), retry_in);
        if until >= end {
            return false;
        }
        // A page may be the one that finds the server back.
        let _elapsed = timeout_at(until, connection.back()).await;
    }
    Instant::now() < end
}

fn give_up(connection: &Connection, envelope: &Arc<Envelope>, reason: &str) {
    connection.queue.pop_dropped(reason, Instant::now());
    connection.failed.tell(&Failure {
        connection: Arc::clone(&connection.name),
        envelope: Some(Arc::clone(envelope)),
        reason: reason.to_owned(),
        uuid: None,
    });
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
