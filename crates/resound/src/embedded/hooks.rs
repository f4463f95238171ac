//! Hooks that wait for the application's state, which comes with the first request.

use std::{
    any::Any,
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use super::Embedded;

/// What is to be done when there is a state; whether it was the right one.
type Start = Box<dyn Fn(&Embedded, &dyn Any) -> bool + Send>;

/// Starts hooks once.
#[derive(Default)]
pub(crate) struct HooksStart {
    is_waiting: AtomicBool,
    start: Mutex<Option<Start>>,
}

impl HooksStart {
    /// Has this done when a request brings the state. The last one given counts.
    pub(crate) fn wait_for<S: 'static>(&self, start: impl Fn(&Embedded, &S) + Send + 'static) {
        let start: Start = Box::new(move |embedded, state| {
            state.downcast_ref().map(|state| start(embedded, state)).is_some()
        });
        *self.start.lock().unwrap_or_else(PoisonError::into_inner) = Some(start);
        self.is_waiting.store(true, Ordering::Release);
    }

    /// Brings the state.
    pub(crate) fn start<S: 'static>(&self, embedded: &Embedded, state: &S) {
        if !self.is_waiting.load(Ordering::Acquire) {
            return;
        }
        let mut start = self.start.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(waiting) = start.take() else { return };
        let is_right = waiting(embedded, state);
        // Only then: whoever comes at the same time waits for it.
        self.is_waiting.store(false, Ordering::Release);
        if !is_right {
            let state = std::any::type_name::<S>();
            tracing::error!(
                state,
                "hooks are not called: resound::axum::hooks and resound::axum::server have states of different types; \
                 merge both into one router before `with_state`"
            );
        }
    }
}

impl fmt::Debug for HooksStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HooksStart").finish_non_exhaustive()
    }
}
