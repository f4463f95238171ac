//! Who wants to know what becomes of events.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, OnceLock},
};

/// A function of the application that is told.
pub(crate) type Told<T> = Arc<dyn Fn(&T) + Send + Sync>;

/// Who is told of a connection's events, once that is known.
pub(crate) struct Ear<T> {
    connection: Arc<str>,
    /// What the application calls it: the method of the builder.
    method: &'static str,
    told: OnceLock<Told<T>>,
}

impl<T> Ear<T> {
    pub(crate) fn new(connection: &Arc<str>, method: &'static str) -> Self {
        Self { connection: Arc::clone(connection), method, told: OnceLock::new() }
    }

    /// Sets who is told, if somebody is.
    pub(crate) fn open(&self, to: Option<&Told<T>>) {
        if let Some(told) = to {
            // A connection is built into one broadcaster only.
            let _ = self.told.set(Arc::clone(told));
        }
    }

    /// Tells. It is on the queue's task, which must outlive a panic of those who are told.
    pub(crate) fn tell(&self, what: &T) {
        let Some(told) = self.told.get() else { return };
        if catch_unwind(AssertUnwindSafe(|| told(what))).is_err() {
            let (connection, method) = (&*self.connection, self.method);
            tracing::error!(connection, "Builder::{method} panicked; the queue goes on");
        }
    }
}
