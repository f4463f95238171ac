//! How often, and how long after one another, something is tried (webhooks.md 3.4).

use std::time::Duration;

/// Seconds between the attempts: 255 in all, of the five minutes that Pusher tries.
pub(super) const RETRY_SECONDS: [u64; 8] = [1, 2, 4, 8, 16, 32, 64, 128];

/// Tries until it succeeds, or has failed once more than there are pauses. `failed` hears of each failure, and of the
/// seconds until the next attempt if there is one.
pub(super) async fn persist<F: Future<Output = Result<(), String>>>(
    attempt: impl Fn() -> F,
    failed: impl Fn(&str, Option<u64>),
) -> Result<(), String> {
    for seconds in RETRY_SECONDS {
        match attempt().await {
            Ok(()) => return Ok(()),
            Err(reason) => failed(&reason, Some(seconds)),
        }
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }
    attempt().await.inspect_err(|reason| failed(reason, None))
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use tokio::time::Instant;

    use super::*;

    /// The seconds of the attempts, of which so many fail, and whether it succeeded.
    async fn attempts(failures: usize) -> (Vec<u64>, bool) {
        let (begin, at, left) = (Instant::now(), RefCell::new(Vec::new()), Cell::new(failures));
        let attempt = || {
            at.borrow_mut().push(begin.elapsed().as_secs());
            let is_last = left.get() == 0;
            left.set(left.get().saturating_sub(1));
            std::future::ready(if is_last { Ok(()) } else { Err("status 500".to_owned()) })
        };
        let result = persist(attempt, |reason, _| assert_eq!(reason, "status 500")).await;
        (at.into_inner(), result.is_ok())
    }

    fn check(failures: usize, expected: &[u64], succeeds: bool) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        assert_eq!(runtime.block_on(attempts(failures)), (expected.to_vec(), succeeds));
    }

    #[test]
    fn what_is_taken_is_sent_once() {
        check(0, &[0], true);
    }

    #[test]
    fn what_fails_is_sent_again_after_pauses_that_double() {
        check(3, &[0, 1, 3, 7], true);
        check(8, &[0, 1, 3, 7, 15, 31, 63, 127, 255], true);
    }

    #[test]
    fn after_nine_failures_it_is_given_up() {
        check(9, &[0, 1, 3, 7, 15, 31, 63, 127, 255], false);
    }
}
