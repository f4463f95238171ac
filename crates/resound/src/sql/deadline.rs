//! How long a worker waits for its database.

use std::{
    future::Future,
    io,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, timeout};

/// How long one statement of a worker may take at first. After that it is abandoned, and asked again.
pub(super) const STATEMENT_TIME: Duration = Duration::from_secs(5);
/// How long at last: the time doubles with each one that is abandoned in a row. A statement that waits for a lock goes on waiting in the
/// database when it is abandoned, so that hasty tries would fill its list of connections.
pub(super) const STATEMENT_TIME_MAX: Duration = Duration::from_secs(300);

/// Bounds what is asked of a database that may be silent.
#[derive(Debug)]
pub(super) struct Deadline {
    /// How long a statement may take at first, and after the worker was told to end.
    time: Duration,
    is_stopped: Arc<AtomicBool>,
    /// How many answers in a row did not come.
    silences: AtomicU32,
}

impl Deadline {
    pub(super) fn new(time: Duration, is_stopped: &Arc<AtomicBool>) -> Self {
        let time = time.max(Duration::from_millis(1));
        Self { time, is_stopped: Arc::clone(is_stopped), silences: AtomicU32::new(0) }
    }

    /// The answer, if it comes in time. Otherwise nobody knows what became of the statement: it must be one that can be repeated.
    ///
    /// # Errors
    /// [`is_silence`] holds for the one that says that it did not come.
    pub(super) async fn bound<T>(
        &self,
        answer: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, sqlx::Error> {
        let (begun, patience) = (Instant::now(), self.patience());
        let mut answer = pin!(answer);
        loop {
            if let Ok(answer) = timeout(self.time, &mut answer).await {
                self.silences.store(0, Ordering::Relaxed);
                return answer;
            }
            let waited = begun.elapsed();
            if waited >= patience || self.is_stopped.load(Ordering::Acquire) {
                self.silences.fetch_add(1, Ordering::Relaxed);
                return Err(silence(waited));
            }
        }
    }

    fn patience(&self) -> Duration {
        let doublings = self.silences.load(Ordering::Relaxed).min(16);
        self.time.saturating_mul(1 << doublings).min(STATEMENT_TIME_MAX)
    }
}

fn silence(waited: Duration) -> sqlx::Error {
    let reason = format!("no answer within {} ms", waited.as_millis());
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, reason))
}

/// Whether this says that the database was silent.
pub(super) fn is_silence(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut)
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_silent_database_has_more_time_with_each_try_but_not_without_end() {
        let deadline = Deadline::new(STATEMENT_TIME, &Arc::default());
        let mut waited = Vec::new();
        for _ in 0..8 {
            let begun = Instant::now();
            let error = deadline.bound(pending::<Result<(), _>>()).await.unwrap_err();
            assert!(is_silence(&error), "{error}");
            waited.push(begun.elapsed().as_secs());
        }
        assert_eq!(waited, [5, 10, 20, 40, 80, 160, 300, 300]);
        deadline.bound(ready(Ok(()))).await.unwrap();
        assert_eq!(deadline.patience(), STATEMENT_TIME);
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_that_shall_end_does_not_wait_any_longer() {
        let is_stopped = Arc::new(AtomicBool::new(false));
        let deadline = Deadline::new(STATEMENT_TIME, &is_stopped);
        deadline.silences.store(10, Ordering::Relaxed);
        let stop = async {
            tokio::time::sleep(Duration::from_secs(7)).await;
            is_stopped.store(true, Ordering::Release);
        };
        let begun = Instant::now();
        let (answer, ()) = tokio::join!(deadline.bound(pending::<Result<(), _>>()), stop);
        assert_eq!(
            answer.unwrap_err().to_string(),
            "error communicating with database: no answer within 10000 ms"
        );
        assert_eq!(begun.elapsed().as_secs(), 10);
    }
}
