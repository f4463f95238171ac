//! Work that nobody waits for, bounded, and waited for at the end.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::Notify;

/// How many events may be on their way into a durable queue without somebody who waits for it.
pub(crate) const DETACHED_MAX: usize = 1000;

/// How much is under way.
#[derive(Debug, Default)]
pub(crate) struct Detached {
    count: AtomicUsize,
    emptied: Notify,
}

impl Detached {
    /// Counts one in, until what it gives is dropped; `None` if there are as many as may be.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Stay> {
        let more = |count| (count < DETACHED_MAX).then_some(count + 1);
        let entered = self.count.try_update(Ordering::AcqRel, Ordering::Acquire, more);
        entered.ok().map(|_| Stay(Arc::clone(self)))
    }

    /// How many are counted in.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Waits until there is none. Others may come in meanwhile: who waits shuts nobody out.
    pub(crate) async fn idle(&self) {
        loop {
            let mut emptied = pin!(self.emptied.notified());
            emptied.as_mut().enable();
            if self.count() == 0 {
                return;
            }
            emptied.await;
        }
    }
}

/// One that is counted in.
#[derive(Debug)]
pub(crate) struct Stay(Arc<Detached>);

impl Drop for Stay {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.emptied.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[test]
    fn there_is_a_bound_and_who_waits_for_the_end_shuts_nobody_out() {
        let detached = Arc::new(Detached::default());
        let first = detached.enter();
        let mut idle = pin!(detached.idle());
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(idle.as_mut().poll(&mut context), Poll::Pending);
        let others: Vec<_> = std::iter::from_fn(|| detached.enter()).collect();
        assert_eq!((others.len(), detached.count()), (DETACHED_MAX - 1, DETACHED_MAX));
        drop((first, others));
        assert_eq!(idle.as_mut().poll(&mut context), Poll::Ready(()));
        assert!(detached.enter().is_some());
    }
}
