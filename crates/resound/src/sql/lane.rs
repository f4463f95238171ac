//! How the events of one connection are sent, queue by queue.

use std::{
    borrow::Cow,
    collections::HashMap,
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

use crate::{
    connection::{Connection, Failure},
    envelope::Envelope,
    error::{DriverError, SendError},
    sql::{
        backend::Answer,
        deadline::{Deadline, STATEMENT_TIME, is_silence},
        queue::Queue,
        store::{LaneName, Row, Store, uuid},
    },
};

/// How many events are read at once. After so many a queue of higher priority has its turn.
const BATCH: i64 = 20;
/// The pause after an event's first failure, while the connection is up; twice as long after each further one.
const RETRY_IN: Duration = Duration::from_millis(100);
/// How much of the reason is kept for which an event failed.
const REASON_BYTES_MAX: usize = 16 * 1024;
/// How often the row of an event that was sent is tried to be deleted, before a worker that shall end gives it up.
const DELETIONS_MAX: u32 = 5;
/// For how long, if the database is silent.
const DELETION_TIME_MAX: Duration = Duration::from_secs(10);

/// Sends the events of one connection, one after the other.
pub(super) struct Courier {
    /// In the order of their priority.
    pub(super) lanes: Vec<LaneName>,
    pub(super) connection: Arc<Connection>,
    pub(super) queue: Queue,
    /// Whose lanes are its own.
    pub(super) name: String,
    pub(super) poll: Duration,
    pub(super) lease: Duration,
    /// How long the database may be silent.
    pub(super) deadline: Deadline,
    pub(super) age_max: Option<Duration>,
    /// Something was pushed, or it shall end.
    pub(super) wake: Arc<Notify>,
    pub(super) is_stopped: Arc<AtomicBool>,
    /// The lanes that are its own, and since when at least.
    pub(super) reserved: HashMap<LaneName, Instant>,
    /// Tries in vain in a row since the connection is down.
    pub(super) probes: u32,
}

/// How a lane was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// Something was done.
    Worked,
    /// Nothing is to be done, or another worker does it.
    Idle,
    /// The first event is due by then, and the others wait for it.
    Due(Duration),
    /// The connection is down, and left alone for so long.
    Down(Duration),
}

impl Courier {
    /// Works until it is stopped.
    pub(super) async fn run(mut self) {
        let mut is_told = false;
        while !self.is_stopped() {
            match self.round().await {
                Ok(Turn::Worked) => is_told = false,
                Ok(Turn::Idle) => self.rest(self.poll).await,
                Ok(Turn::Due(pause)) => self.rest(pause.min(self.poll)).await,
                Ok(Turn::Down(pause)) => self.pause_while_down(pause.min(self.lease / 3)).await,
                Err(error) => {
                    self.log_database(&error, &mut is_told);
                    self.pause(self.poll.min(STATEMENT_TIME)).await;
                }
            }
        }
        for lane in std::mem::take(&mut self.reserved).into_keys() {
            if let Err(error) = self.bound(self.store().release(&lane, &self.name)).await {
                tracing::debug!(queue = lane.queue, reason = %error, "a queue was not handed over");
                // The leases of the others run out as well.
                if is_silence(&error) {
                    return;
                }
            }
        }
    }

    /// The first lane in which something is to be done has its turn.
    async fn round(&mut self) -> Result<Turn, sqlx::Error> {
        let mut rest = Turn::Idle;
        for at in 0..self.lanes.len() {
            let lane = self.lanes[at].clone();
            match self.work(&lane).await? {
                Turn::Idle => {}
                Turn::Due(pause) => rest = Turn::Due(pause),
                turn @ (Turn::Worked | Turn::Down(_)) => return Ok(turn),
            }
        }
        Ok(rest)
    }

    async fn work(&mut self, lane: &LaneName) -> Result<Turn, sqlx::Error> {
        // Whose lane it is is asked only when there is something in it.
        let is_own = self.reserved.contains_key(lane);
        if !is_own && self.bound(self.store().take(lane, 1)).await?.is_empty() {
            return Ok(Turn::Idle);
        }
        if !self.reserve(lane).await? {
            return Ok(Turn::Idle);
        }
        // Read again: whoever had the lane before has sent some of it.
        let rows = self.bound(self.store().take(lane, BATCH)).await?;
        if rows.is_empty() {
            self.reserved.remove(lane);
            self.release(lane).await?;
            // What came in between found the lane taken, and its worker rests by now.
            let is_empty = self.bound(self.store().take(lane, 1)).await?.is_empty();
            return Ok(if is_empty { Turn::Idle } else { Turn::Worked });
        }
        let mut turn = Turn::Worked;
        for at in 0..rows.len() {
            // After its time another worker may have had the lane, and sent what was read.
            if self.is_stopped() || self.has_lapsed(lane) || !self.reserve(lane).await? {
                break;
            }
            turn = self.handle(lane, &rows[at], &rows[at + 1..]).await?;
            if turn != Turn::Worked {
                break;
            }
        }
        Ok(turn)
    }

    /// Makes a lane its own, or keeps it so for another while.
    async fn reserve(&mut self, lane: &LaneName) -> Result<bool, sqlx::Error> {
        let now = Instant::now();
        if self.reserved.get(lane).is_some_and(|since| now < *since + self.lease / 3) {
            return Ok(true);
        }
        let is_own = self.bound(self.store().reserve(lane, &self.name, self.lease)).await?;
        if is_own {
            self.reserved.insert(lane.clone(), now);
        } else {
            self.reserved.remove(lane);
        }
        // An answer that comes late leaves no time to send anything.
        Ok(is_own && now.elapsed() < self.lease / 3)
    }

    /// Gives a lane back.
    async fn release(&mut self, lane: &LaneName) -> Result<(), sqlx::Error> {
        let released = self.bound(self.store().release(lane, &self.name)).await;
        if released.as_ref().is_err_and(is_silence) {
            // The database may get to it at any later time. It must not give back then what is reserved anew.
            self.name = uuid();
            self.reserved.clear();
        }
        released
    }

    /// Whether another worker may have taken the lane meanwhile.
    fn has_lapsed(&self, lane: &LaneName) -> bool {
        self.reserved.get(lane).is_none_or(|since| since.elapsed() >= self.lease)
    }

    /// One event, which is sent, put off, or failed. [`Turn::Worked`] says that the next one may follow.
    async fn handle(
        &mut self,
        lane: &LaneName,
        row: &Row,
        behind: &[Row],
    ) -> Result<Turn, sqlx::Error> {
        let envelope = match &row.envelope {
            Ok(envelope) => envelope,
            Err(error) => return self.fail(row, &error.to_string()).await,
        };
        if self.age_max.is_some_and(|max| row.age > max) {
            return self.fail(row, "it waited too long (Worker::age_max)").await;
        }
        if !row.available_in.is_zero() {
            return Ok(Turn::Due(row.available_in));
        }
        let is_up = self.connection.is_up();
        if let Err(pause) = self.connection.admitted() {
            return Ok(Turn::Down(pause));
        }
        match self.connection.try_once(envelope).await {
            Ok(()) => self.forget(row).await,
            Err(error) if is_refusal(&error) => self.fail(row, &error.to_string()).await,
            // The process ends; the next one sends it.
            Err(error) if is_end(&error) => Ok(Turn::Down(self.lease)),
            Err(error) if is_up => self.postpone(row, &error).await,
            Err(_) => self.probe(lane, behind).await,
        }
    }

    /// A try in vain, of which nothing says that the server is down.
    async fn postpone(&mut self, row: &Row, error: &SendError) -> Result<Turn, sqlx::Error> {
        let policy = self.connection.policy();
        let tries = row.attempts.saturating_add(1);
        if tries >= policy.tries_max {
            return self.fail(row, &format!("it was tried {tries} times: {error}")).await;
        }
        let pause = RETRY_IN.saturating_mul(1 << row.attempts.min(16)).min(policy.pause_max);
        self.bound(self.store().postpone(row.id, pause)).await?;
        Ok(Turn::Due(pause))
    }

    /// The server is down. That is no event's fault, so that no try counts; unless it is just the first one that
    /// the server can't stand. So after some tries those behind it are asked to prove that, each in its turn, for there may be
    /// several such.
    async fn probe(&mut self, lane: &LaneName, behind: &[Row]) -> Result<Turn, sqlx::Error> {
        self.probes = self.probes.saturating_add(1);
        let down = Ok(Turn::Down(Duration::ZERO));
        let Some(turn) = self.probes.checked_sub(self.connection.policy().tries_max.max(1)) else {
            return down;
        };
        let asked = Instant::now();
        let others = self.heads_of_others(lane).await?;
        let time_left = |since: &Instant| since.elapsed() < self.lease / 3 * 2;
        if asked.elapsed() >= self.lease / 3 || !self.reserved.get(lane).is_some_and(time_left) {
            return down;
        }
        let can_prove = |row: &&Row| {
            row.envelope.is_ok()
                && row.available_in.is_zero()
                && self.age_max.is_none_or(|max| row.age <= max)
        };
        let witnesses: Vec<&Row> = behind.iter().chain(&others).filter(can_prove).collect();
        let Some(witness) = witnesses.get(turn as usize % witnesses.len().max(1)) else {
            return down;
        };
        let Ok(envelope) = &witness.envelope else { return down };
        if self.connection.try_once(envelope).await.is_err() {
            return down;
        }
        self.forget(witness).await?;
        // From here on the first one's tries count.
        down
    }

    /// The oldest event of each other queue that no other worker has: nothing may stand behind the first one in its own.
    async fn heads_of_others(&mut self, this: &LaneName) -> Result<Vec<Row>, sqlx::Error> {
        let mut heads = Vec::new();
        for lane in self.lanes.clone() {
            if lane == *this || self.bound(self.store().take(&lane, 1)).await?.is_empty() {
                continue;
            }
            if self.reserve(&lane).await? {
                // Read again: whoever had the lane before has sent some of it.
                heads.extend(self.bound(self.store().take(&lane, 1)).await?);
            }
        }
        Ok(heads)
    }

    /// Deletes the row of an event that was sent, come what may: as long as it is there it would be sent again.
    async fn forget(&mut self, row: &Row) -> Result<Turn, sqlx::Error> {
        self.probes = 0;
        let (begun, mut tries) = (Instant::now(), 0);
        while let Err(error) = self.bound(self.store().sent(row.id)).await {
            tries += 1;
            let (id, uuid) = (row.id, &*row.uuid);
            let is_long = tries >= DELETIONS_MAX || begun.elapsed() >= DELETION_TIME_MAX;
            if self.is_stopped() && is_long {
                tracing::error!(id, uuid, reason = %error, "an event was sent, but its row stays: it will be sent again");
                return Err(error);
            }
            if tries == 1 {
                tracing::warn!(id, uuid, reason = %error, "the row of an event that was sent can't be deleted yet");
            }
            tokio::time::sleep(RETRY_IN * tries.min(10)).await;
        }
        Ok(Turn::Worked)
    }

    async fn fail(&mut self, row: &Row, reason: &str) -> Result<Turn, sqlx::Error> {
        let reason = &*writable(reason);
        self.bound(self.store().fail(row.id, reason)).await?;
        let event = row.envelope.as_ref().map_or("", |envelope: &Envelope| &envelope.name);
        tracing::error!(
            connection = &*self.connection.name,
            event,
            uuid = row.uuid,
            reason,
            "a queued broadcast failed: it is in resound_failed_jobs, see resound::sql::Queue::retry"
        );
        self.connection.failed.tell(&Failure {
            connection: Arc::clone(&self.connection.name),
            envelope: row.envelope.as_ref().ok().map(|envelope| Arc::new(envelope.clone())),
            reason: reason.to_owned(),
            uuid: Some(row.uuid.clone()),
        });
        Ok(Turn::Worked)
    }

    fn log_database(&self, error: &sqlx::Error, is_told: &mut bool) {
        if !std::mem::replace(is_told, true) {
            tracing::error!(
                connection = &*self.connection.name,
                reason = %error,
                "the queue of broadcasts can't be worked, it is tried again (is resound::sql::migrate called?)"
            );
        }
    }

    /// Waits for something to do.
    async fn rest(&self, pause: Duration) {
        let _elapsed = timeout_at(Instant::now() + pause, self.wake.notified()).await;
    }

    /// Waits, whatever is pushed meanwhile.
    async fn pause(&self, pause: Duration) {
        let end = Instant::now() + pause;
        while !self.is_stopped() && timeout_at(end, self.wake.notified()).await.is_ok() {}
    }

    /// The same, until the connection is back: a page may have found that out.
    async fn pause_while_down(&self, pause: Duration) {
        let end = Instant::now() + pause;
        while !self.is_stopped() && !self.connection.is_up() {
            let woken = either(self.wake.notified(), self.connection.back());
            if timeout_at(end, woken).await.is_err() {
                return;
            }
        }
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Acquire)
    }

    /// What the database answers, if it does.
    async fn bound<T>(&self, answer: Answer<'_, T>) -> Result<T, sqlx::Error> {
        self.deadline.bound(answer).await
    }

    fn store(&self) -> &dyn Store {
        &*self.queue.0.store
    }
}

/// What every database takes: reasons may be what a server has answered, and a row that can't be failed would be tried for ever.
fn writable(reason: &str) -> Cow<'_, str> {
    // PostgreSQL has no texts with zeros.
    let end = reason.floor_char_boundary(REASON_BYTES_MAX);
    if reason[..end].contains('\0') {
        return reason[..end].replace('\0', "\u{fffd}").into();
    }
    reason[..end].into()
}

fn is_end(error: &SendError) -> bool {
    matches!(error, SendError::Driver { fault: DriverError::Ended(_), .. })
}

fn is_refusal(error: &SendError) -> bool {
    matches!(error, SendError::Driver { fault: DriverError::Refused(_), .. })
}

async fn either(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|context| match one.as_mut().poll(context) {
        Poll::Ready(()) => Poll::Ready(()),
        Poll::Pending => other.as_mut().poll(context),
    })
    .await;
}
