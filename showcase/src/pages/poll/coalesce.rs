//! Much that happens, told seldom.

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Runs a job at once, and then not again before a pause is over, however often it is asked for. Who asks last is
/// always served: what changed during the pause is told at its end.
#[derive(Clone)]
pub struct Coalesce {
    pause: Duration,
    /// The keys that pause, and whether somebody has asked meanwhile.
    paused: Arc<Mutex<HashMap<i64, bool>>>,
}

impl Coalesce {
    pub fn every(pause: Duration) -> Self {
        Self { pause, paused: Arc::default() }
    }

    /// Runs the job of this key, now or at the end of its pause.
    pub fn run<F>(&self, key: i64, job: impl Fn() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send,
    {
        if self.paused().insert(key, true).is_some() {
            return;
        }
        let this = self.clone();
        tokio::spawn(async move {
            while this.is_asked_for(key) {
                job().await;
                tokio::time::sleep(this.pause).await;
            }
        });
    }

    /// Takes the demand; without one the key's pause is over.
    fn is_asked_for(&self, key: i64) -> bool {
        let mut paused = self.paused();
        let is_asked_for = paused.insert(key, false) == Some(true);
        if !is_asked_for {
            paused.remove(&key);
        }
        is_asked_for
    }

    fn paused(&self) -> MutexGuard<'_, HashMap<i64, bool>> {
        self.paused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
