//! Keeps those who look up to date: once a second at most, only what has changed, and only while the page's channel has
//! subscribers. Nobody looks: nothing is asked, nothing is sent.

use std::{
    sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};

use super::{events::FiguresChanged, figures::Now};
use crate::app::App;

const PAUSE: Duration = Duration::from_secs(1);

#[derive(Default)]
pub struct Live {
    /// The answer to all who ask within a second: however many they are, the server is asked once.
    latest: Mutex<Option<(Instant, Now)>>,
    task: StdMutex<Task>,
}

/// The task that tells those who look.
#[derive(Clone, Copy, Default, PartialEq)]
enum Task {
    #[default]
    Ended,
    Runs,
    /// Somebody has come since it looked last.
    IsAskedFor,
}

impl Live {
    /// What goes on, at most a second old.
    pub async fn now(&self, app: &App) -> Now {
        let mut latest = self.latest.lock().await;
        if let Some((at, now)) = &*latest
            && at.elapsed() < PAUSE
        {
            return now.clone();
        }
        let now = Now::of(app).await;
        *latest = Some((Instant::now(), now.clone()));
        now
    }

    /// Begins to tell what changes, until nobody looks.
    pub fn follow(self: &Arc<Self>, app: &App) {
        let before = std::mem::replace(&mut *self.task(), Task::IsAskedFor);
        if before == Task::Ended {
            tokio::spawn(Arc::clone(self).tell(app.clone()));
        }
    }

    async fn tell(self: Arc<Self>, app: App) {
        let mut told: Option<Now> = None;
        let mut unwatched = 0;
        loop {
            if std::mem::replace(&mut *self.task(), Task::Runs) == Task::IsAskedFor {
                unwatched = 0;
            }
            let now = self.now(&app).await;
            let is_watched = now.is_watched;
            if is_watched && told.as_ref().is_none_or(|told| now.differs(told)) {
                app.broadcaster.send(FiguresChanged { now: now.clone() }).await;
                told = Some(now);
            }
            unwatched = if is_watched { 0 } else { unwatched + 1 };
            sleep(PAUSE).await;
            let mut task = self.task();
            // The first look may have been one of a second ago, before whoever asked had come into the channel.
            if unwatched >= 2 && *task == Task::Runs {
                *task = Task::Ended;
                return;
            }
        }
    }

    fn task(&self) -> MutexGuard<'_, Task> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
