//! Events that wait for the end of a transaction.
//!
//! What is sent while a transaction is open may be about rows that nobody else sees yet, or that are never
//! committed. A [`Scope`] keeps such events until it is known. `resound::sql` makes one for each transaction of sqlx;
//! with another database library an application does so itself:
//!
//! ```
//! use resound::{Fake, after_commit::Scope, broadcast::{self, AnonymousEvent}};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let fake = Fake::new();
//! let broadcaster = fake.broadcaster();
//!
//! let scope = Scope::new();
//! scope
//!     .within(async {
//!         // begin a transaction, write rows
//!         broadcaster.send(broadcast::public("news").name("posted")).await;
//!     })
//!     .await;
//! fake.assert_nothing();
//! // The database has committed.
//! scope.commit().await;
//! fake.assert_count::<AnonymousEvent>(1);
//! # }
//! ```

use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
};

use tokio::runtime::Handle;

use crate::{
    broadcaster::Broadcaster,
    error::SendError,
    event::Broadcast,
    parcel::{Parcel, log_lost},
    pending::PendingBroadcast,
};

tokio::task_local! {
    /// The innermost open level of the transaction that this task is within.
    static CURRENT: Current;
}

/// How many events may be sent within one transaction, its savepoints included. One more is its sender's error,
/// [`SendError::TransactionFull`].
pub const EVENTS_MAX: usize = 100_000;

/// The events of one transaction, or of one savepoint in it. Dropped without [`commit`](Scope::commit) it forgets
/// them.
///
/// ```
/// use resound::{Fake, after_commit::Scope, broadcast};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let fake = Fake::new();
/// let scope = Scope::new();
/// scope.send(&fake.broadcaster(), broadcast::public("news").name("posted")).await;
/// drop(scope); // a page that returns early with `?` does so, too
/// fake.assert_nothing();
/// # }
/// ```
#[must_use = "events of a scope are sent by `.commit()` only"]
pub struct Scope<'parent> {
    level: Arc<Level>,
    current: Current,
    parent: PhantomData<&'parent mut ()>,
}

impl Scope<'static> {
    /// A scope without events.
    ///
    /// ```
    /// use resound::after_commit::Scope;
    ///
    /// let scope = Scope::new();       // when the transaction begins
    /// assert!(scope.is_empty());
    /// scope.rollback();               // or `scope.commit().await`, as the transaction ends
    /// ```
    pub fn new() -> Self {
        let level = Level::open(None, Arc::default());
        let current = Current(Arc::new(Mutex::new(Arc::clone(&level))));
        Self { level, current, parent: PhantomData }
    }
}

impl Default for Scope<'static> {
    fn default() -> Self {
        Self::new()
    }
}

impl Scope<'_> {
    /// Begins to send an event that waits for this scope.
    ///
    /// ```
    /// use resound::{Fake, Outcome, after_commit::Scope, broadcast};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let scope = Scope::new();
    /// let event = broadcast::public("news").name("posted");
    /// let outcome = scope.send(&Fake::new().broadcaster(), event).to_others("123.456").result().await?;
    /// assert_eq!(outcome, Outcome::AfterCommit);
    /// # Ok(())
    /// # }
    /// ```
    pub fn send<E>(&self, broadcaster: &Broadcaster, event: E) -> PendingBroadcast<E>
    where
        E: Broadcast + Send + Sync + 'static,
    {
        PendingBroadcast::new(broadcaster.clone(), event, Waits::For(Arc::clone(&self.level)))
    }

    /// What an event says that waits for this scope.
    #[cfg(feature = "_sql")]
    pub(crate) fn waits(&self) -> Waits {
        Waits::For(Arc::clone(&self.level))
    }

    /// A scope for a savepoint: committed, its events wait for this one.
    ///
    /// ```
    /// use resound::{Fake, after_commit::Scope, broadcast::{self, AnonymousEvent}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let fake = Fake::new();
    /// let mut transaction = Scope::new();
    /// let savepoint = transaction.child();
    /// savepoint.send(&fake.broadcaster(), broadcast::public("news").name("posted")).await;
    /// savepoint.commit().await;
    /// fake.assert_nothing();
    /// transaction.commit().await;
    /// fake.assert_count::<AnonymousEvent>(1);
    /// # }
    /// ```
    pub fn child(&mut self) -> Scope<'_> {
        self.savepoint()
    }

    /// The same for those who see to it that the child ends first.
    pub(crate) fn savepoint<'any>(&self) -> Scope<'any> {
        let parent = Some(Arc::clone(&self.level));
        let level = Level::open(parent, Arc::clone(&self.level.sent));
        *lock(&self.current.0) = Arc::clone(&level);
        Scope { level, current: self.current.clone(), parent: PhantomData }
    }

    /// Makes all that this future sends, by whatever broadcaster, wait for this scope, or for the innermost savepoint
    /// that is open then. Tasks that it spawns are not within.
    ///
    /// ```
    /// use resound::{Broadcaster, Fake, after_commit::Scope, broadcast};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// async fn service(broadcaster: &Broadcaster) {
    ///     broadcaster.send(broadcast::public("news").name("posted")).await;
    /// }
    ///
    /// let fake = Fake::new();
    /// let scope = Scope::new();
    /// scope.within(service(&fake.broadcaster())).await;
    /// assert_eq!(scope.len(), 1);
    /// fake.assert_nothing();
    /// # }
    /// ```
    pub async fn within<F: Future>(&self, work: F) -> F::Output {
        self.current().within(work).await
    }

    /// What may outlive this borrow.
    pub(crate) fn current(&self) -> Current {
        self.current.clone()
    }

    /// Sends the events, or hands those of a savepoint to its parent. Errors go to the log, because the senders have
    /// gone on.
    ///
    /// Once begun it is carried out also if nobody waits for it any more.
    ///
    /// ```
    /// use resound::{Fake, after_commit::Scope, broadcast::{self, AnonymousEvent}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let fake = Fake::new();
    /// let scope = Scope::new();
    /// scope.send(&fake.broadcaster(), broadcast::public("news").name("posted")).await;
    /// // COMMIT has succeeded.
    /// scope.commit().await;
    /// fake.assert_count::<AnonymousEvent>(1);
    /// # }
    /// ```
    pub async fn commit(self) {
        deliver(self.finish()).await;
    }

    /// Forgets the events, as dropping it does.
    ///
    /// ```
    /// use resound::{Fake, after_commit::Scope, broadcast};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let fake = Fake::new();
    /// let scope = Scope::new();
    /// scope.send(&fake.broadcaster(), broadcast::public("news").name("posted")).await;
    /// // COMMIT has failed.
    /// scope.rollback();
    /// fake.assert_nothing();
    /// # }
    /// ```
    pub fn rollback(self) {
        drop(self);
    }

    /// How many events wait.
    ///
    /// ```
    /// let scope = resound::after_commit::Scope::new();
    /// assert!(scope.is_empty());
    /// ```
    pub fn len(&self) -> usize {
        match &*lock(&self.level.state) {
            State::Open(held) => held.len(),
            State::Committed | State::RolledBack => 0,
        }
    }

    /// Whether none waits.
    ///
    /// ```
    /// use resound::{Fake, after_commit::Scope, broadcast};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let scope = Scope::new();
    /// assert!(scope.is_empty());
    /// scope.send(&Fake::new().broadcaster(), broadcast::public("news").name("posted")).await;
    /// assert!(!scope.is_empty());
    /// # }
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the events out; the scope stays open.
    #[cfg(feature = "_sql")]
    pub(crate) fn drain(&self) -> Vec<Held> {
        match &mut *lock(&self.level.state) {
            State::Open(held) => std::mem::take(held),
            State::Committed | State::RolledBack => Vec::new(),
        }
    }

    /// Ends it as committed. The events are the parent's if there is one.
    pub(crate) fn finish(self) -> Vec<Held> {
        let state = std::mem::replace(&mut *lock(&self.level.state), State::Committed);
        let State::Open(held) = state else { return Vec::new() };
        let Some(parent) = &self.level.parent else { return held };
        match &mut *lock(&parent.state) {
            State::Open(events) => events.extend(held),
            State::Committed => return held,
            State::RolledBack => {}
        }
        Vec::new()
    }
}

impl Drop for Scope<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.level.state);
        if matches!(*state, State::Open(_)) {
            *state = State::RolledBack;
        }
        if let Some(parent) = &self.level.parent {
            *lock(&self.current.0) = Arc::clone(parent);
        }
    }
}

impl fmt::Debug for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("events", &self.len()).finish_non_exhaustive()
    }
}

/// The innermost open level of a transaction.
#[derive(Clone)]
pub(crate) struct Current(Arc<Mutex<Arc<Level>>>);

impl Current {
    pub(crate) async fn within<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }
}

/// One transaction or savepoint.
pub(crate) struct Level {
    parent: Option<Arc<Self>>,
    state: Mutex<State>,
    /// How many events were sent in the whole transaction.
    sent: Arc<AtomicUsize>,
}

enum State {
    Open(Vec<Held>),
    Committed,
    RolledBack,
}

/// An event that waits, with the broadcaster that it was given to.
pub(crate) struct Held {
    pub(crate) broadcaster: Broadcaster,
    pub(crate) parcel: Parcel,
}

/// What an event waits for before it is sent.
#[derive(Clone)]
pub(crate) enum Waits {
    /// For the transaction that the sender's task is within, if it is.
    ForTask,
    /// For this one.
    For(Arc<Level>),
    /// For none, whatever the sender's task is within.
    ForNothing,
}

/// The transaction that this task is within, if it is not over.
fn current() -> Option<Arc<Level>> {
    let level = CURRENT.try_with(|current| Arc::clone(&lock(&current.0))).ok()?;
    (!level.is_over()).then_some(level)
}

impl Waits {
    /// Keeps the event if it has to wait; gives it back if not.
    pub(crate) fn hold(&self, held: Held) -> Result<Option<Held>, SendError> {
        match self {
            Self::ForTask => match current() {
                Some(level) => level.hold(held),
                None => Ok(Some(held)),
            },
            Self::For(level) => level.hold(held),
            Self::ForNothing => Ok(Some(held)),
        }
    }

    /// Whether the sender is within a transaction, waits or not.
    pub(crate) fn is_within(&self) -> bool {
        match self {
            Self::ForTask | Self::ForNothing => current().is_some(),
            Self::For(level) => !level.is_over(),
        }
    }
}

impl Level {
    fn open(parent: Option<Arc<Self>>, sent: Arc<AtomicUsize>) -> Arc<Self> {
        Arc::new(Self { parent, state: Mutex::new(State::Open(Vec::new())), sent })
    }

    /// Whether the transaction itself has ended.
    fn is_over(&self) -> bool {
        match &self.parent {
            Some(parent) => parent.is_over(),
            None => !matches!(*lock(&self.state), State::Open(_)),
        }
    }

    fn hold(&self, held: Held) -> Result<Option<Held>, SendError> {
        match &mut *lock(&self.state) {
            State::Open(events) => {
                held.broadcaster.knows(&held.parcel)?;
                if self.sent.fetch_add(1, Ordering::Relaxed) >= EVENTS_MAX {
                    return Err(SendError::TransactionFull);
                }
                events.push(held);
            }
            State::RolledBack => return Err(SendError::RolledBack),
            // Who sends late sends to what the level became a part of.
            State::Committed => match &self.parent {
                Some(parent) => return parent.hold(held),
                None => return Ok(Some(held)),
            },
        }
        Ok(None)
    }
}

/// Sends what has waited.
pub(crate) async fn deliver(held: Vec<Held>) {
    let mut slow = Vec::new();
    for Held { broadcaster, parcel } in held {
        if broadcaster.must_wait_for(&parcel) {
            slow.push((broadcaster, parcel));
        } else {
            at_once(send(broadcaster, parcel));
        }
    }
    if slow.is_empty() {
        return;
    }
    // Tasks, because the page that waits for this may be given up, and what is committed is to be told; one for each, because
    // a panic in one of them (a notification's channel, say) is no reason to forget the others.
    let Ok(runtime) = Handle::try_current() else {
        for (broadcaster, parcel) in slow {
            send(broadcaster, parcel).await;
        }
        return;
    };
    let each = runtime.clone();
    let all = runtime.spawn(async move {
        for (broadcaster, parcel) in slow {
            let event = parcel.type_name();
            if let Err(error) = each.spawn(send(broadcaster, parcel)).await {
                tracing::error!(event, reason = %error, "an event was not broadcast");
            }
        }
    });
    // It does not panic, and it is cancelled only with the runtime.
    drop(all.await);
}

async fn send(broadcaster: Broadcaster, parcel: Parcel) {
    let event = parcel.type_name();
    if let Err(error) = broadcaster.deliver(parcel).await {
        log_lost(event, &error);
    }
}

/// Runs what never waits.
pub(crate) fn at_once<T>(work: impl Future<Output = T>) -> Option<T> {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// What is behind our locks is right after every statement, so that a panic elsewhere harms nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
