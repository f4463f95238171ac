//! What waits for a listener: bounded, and honest about what did not fit.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

/// A queue with one reader. What is too much pushes out the oldest, and the reader is told how many.
pub(crate) struct Queue<T> {
    inner: Mutex<Inner<T>>,
    length_max: usize,
}

struct Inner<T> {
    items: VecDeque<T>,
    missed: u64,
    is_closed: bool,
    waker: Option<Waker>,
}

/// What the reader finds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<T> {
    Item(T),
    /// So many that came before the next item are gone.
    Missed(u64),
}

impl<T> Queue<T> {
    /// A queue for so many items, at least one.
    pub(crate) fn new(length_max: usize) -> Self {
        let inner = Inner { items: VecDeque::new(), missed: 0, is_closed: false, waker: None };
        Self { inner: Mutex::new(inner), length_max: length_max.max(1) }
    }

    pub(crate) fn push(&self, item: T) {
        let mut inner = self.lock();
        if inner.is_closed {
            return;
        }
        if inner.items.len() == self.length_max {
            inner.items.pop_front();
            inner.missed += 1;
        }
        inner.items.push_back(item);
        wake(inner);
    }

    /// Nothing more will come; what waits can still be read.
    pub(crate) fn close(&self) {
        let mut inner = self.lock();
        inner.is_closed = true;
        wake(inner);
    }

    pub(crate) fn poll(&self, context: &Context<'_>) -> Poll<Option<Found<T>>> {
        let mut inner = self.lock();
        let missed = std::mem::take(&mut inner.missed);
        if missed > 0 {
            return Poll::Ready(Some(Found::Missed(missed)));
        }
        if let Some(item) = inner.items.pop_front() {
            return Poll::Ready(Some(Found::Item(item)));
        }
        if inner.is_closed {
            return Poll::Ready(None);
        }
        inner.waker = Some(context.waker().clone());
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        // Nothing that holds it can panic halfway through a change.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes the reader after the lock is released: what wakes may run anything.
fn wake<T>(mut inner: MutexGuard<'_, Inner<T>>) {
    let waker = inner.waker.take();
    drop(inner);
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(queue: &Queue<u32>) -> Vec<Option<Found<u32>>> {
        let context = Context::from_waker(Waker::noop());
        let mut found = Vec::new();
        while let Poll::Ready(item) = queue.poll(&context) {
            let is_end = item.is_none();
            found.push(item);
            if is_end {
                break;
            }
        }
        found
    }

    #[test]
    fn a_slow_reader_misses_the_oldest_and_is_told_how_many() {
        let queue = Queue::new(2);
        (1..=5).for_each(|item| queue.push(item));
        let expected = [Found::Missed(3), Found::Item(4), Found::Item(5)].map(Some);
        assert_eq!(read(&queue), expected);
        queue.push(6);
        assert_eq!(read(&queue), [Some(Found::Item(6))]);
    }

    #[test]
    fn what_waits_is_read_before_the_end() {
        let queue = Queue::new(2);
        queue.push(1);
        queue.close();
        queue.push(2);
        assert_eq!(read(&queue), [Some(Found::Item(1)), None]);
    }
}
