//! One notification on its way.

use std::{
    any::type_name,
    fmt,
    future::{Future, IntoFuture},
    marker::PhantomData,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    after_commit::{Held, Waits},
    notification::{
        channel::{Channel, Delivery},
        created::BroadcastNotificationCreated,
        error::{Failure, NotifyError, Reason, StoreError},
        fake::Recorder,
        notice::Notification,
        notifiable::Notifiable,
        notifier::{Notifier, Receipt},
        plan::{Plan, Planner, Step},
        row::Row,
        shelving::{Shelving, Unstored},
        via::Via,
    },
    parcel::{Parcel, Work},
    pending::{Outcome, PendingBroadcast, Timing},
};

/// How many are notified together: their rows are one statement.
const NOTIFIABLES_AT_ONCE: usize = 100;

/// A notification that is sent when this is awaited. It begins with [`Notifier::send`] or [`Notifier::send_many`].
///
/// ```
/// # use resound::{Model, notification::{Notifiable, Notification, Notifier, NotifyError, Via}};
/// # struct User;
/// # impl Model for User { fn key(&self) -> String { "1".to_owned() } }
/// # impl Notifiable for User {}
/// # #[derive(Clone, serde::Serialize)]
/// # struct InvoicePaid;
/// # impl<N: Notifiable> Notification<N> for InvoicePaid { fn via(&self, _: &N) -> Vec<Via> { vec![] } }
/// async fn tell(notifier: &Notifier, user: &User) -> Result<(), NotifyError> {
///     notifier.send(user, InvoicePaid).await?;                       // stored; the broadcast is in the queue
///     notifier.send(user, InvoicePaid).now().await?;                 // the broadcast at once, and its error
///     notifier.send(user, InvoicePaid).via([Via::Broadcast]).await?; // only so
///     Ok(())
/// }
/// ```
#[must_use = "a notification is sent when this is awaited"]
pub struct PendingNotification<'a, N, T, A> {
    notifier: Notifier,
    notifiables: Vec<&'a N>,
    notification: T,
    via: Option<Vec<Via>>,
    timing: Timing,
    place: Place<'a>,
    answer: PhantomData<A>,
}

/// Where a notification is stored, and what the rest waits for.
pub(crate) enum Place<'a> {
    /// In the notifier's store; what the sender's task is within is waited for.
    Store,
    /// In a transaction of the application's.
    #[cfg(feature = "_sql")]
    Transaction(&'a mut dyn Transaction),
    #[cfg(not(feature = "_sql"))]
    #[expect(dead_code, reason = "without a database there is no transaction")]
    Nowhere(PhantomData<&'a ()>),
}

/// A transaction of the application's.
#[cfg(feature = "_sql")]
pub(crate) trait Transaction: Send {
    fn insert<'a>(&'a mut self, rows: &'a [Row]) -> crate::notification::Storing<'a, ()>;

    fn waits(&self) -> Waits;
}

impl Place<'_> {
    fn waits(&self) -> Waits {
        match self {
            #[cfg(feature = "_sql")]
            Self::Transaction(transaction) => transaction.waits(),
            _ => Waits::ForTask,
        }
    }

    pub(crate) async fn store(
        &mut self,
        notifier: &Notifier,
        rows: &[Row],
    ) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        match (self, notifier.store()) {
            #[cfg(feature = "_sql")]
            (Self::Transaction(transaction), _) => transaction.insert(rows).await,
            (_, Some(store)) => store.insert(rows).await,
            (_, None) => Ok(()),
        }
    }

    pub(crate) fn is_store(&self) -> bool {
        matches!(self, Self::Store)
    }
}

/// The answer to [`Notifier::send`]: a [`Receipt`].
///
/// ```
/// use resound::notification::{One, PendingNotification, Receipt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use resound::{Model, notification::Notifiable};
/// # #[derive(Clone, Debug)]
/// # struct User { id: u64 }
/// # impl Model for User { fn key(&self) -> String { self.id.to_string() } }
/// # impl Notifiable for User {}
/// # #[derive(Clone, serde::Serialize)]
/// # struct InvoicePaid { amount: u64 }
/// # impl<N: Notifiable> resound::notification::Notification<N> for InvoicePaid {
/// #     fn via(&self, _: &N) -> Vec<resound::notification::Via> {
/// #         vec!["database".into(), "broadcast".into()]
/// #     }
/// # }
/// # let notifier = resound::notification::Notifier::new(
/// #     &resound::Broadcaster::null(),
/// #     resound::notification::MemoryStore::new(),
/// # );
/// # let ann = User { id: 1 };
/// let sending: PendingNotification<'_, User, InvoicePaid, One> = notifier.send(&ann, InvoicePaid { amount: 5 });
/// let receipt: Receipt = sending.await?;
/// # assert!(!receipt.id.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct One;

/// The answer to [`Notifier::send_many`]: a [`Receipt`] for each notifiable, in their order.
///
/// ```
/// use resound::notification::{Many, PendingNotification, Receipt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use resound::{Model, notification::Notifiable};
/// # #[derive(Clone, Debug)]
/// # struct User { id: u64 }
/// # impl Model for User { fn key(&self) -> String { self.id.to_string() } }
/// # impl Notifiable for User {}
/// # #[derive(Clone, serde::Serialize)]
/// # struct InvoicePaid { amount: u64 }
/// # impl<N: Notifiable> resound::notification::Notification<N> for InvoicePaid {
/// #     fn via(&self, _: &N) -> Vec<resound::notification::Via> {
/// #         vec!["database".into(), "broadcast".into()]
/// #     }
/// # }
/// # let notifier = resound::notification::Notifier::new(
/// #     &resound::Broadcaster::null(),
/// #     resound::notification::MemoryStore::new(),
/// # );
/// # let users = [User { id: 1 }, User { id: 2 }];
/// let sending: PendingNotification<'_, User, InvoicePaid, Many> =
///     notifier.send_many(&users, InvoicePaid { amount: 5 });
/// let receipts: Vec<Receipt> = sending.await?;
/// # assert_eq!(receipts.len(), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Many;

/// What a [`PendingNotification`] answers.
///
/// ```
/// use resound::notification::{Answer, Many, One, Receipt};
///
/// fn first(receipts: <Many as Answer>::Receipts) -> Option<<One as Answer>::Receipts> {
///     receipts.into_iter().next()
/// }
/// assert_eq!(first(vec![Receipt::default()]), Some(Receipt::default()));
/// ```
pub trait Answer {
    /// It, unless something failed.
    type Receipts;

    #[doc(hidden)]
    fn of(receipts: Vec<Receipt>) -> Self::Receipts;
}

impl Answer for One {
    type Receipts = Receipt;

    fn of(receipts: Vec<Receipt>) -> Receipt {
        receipts.into_iter().next().unwrap_or_default()
    }
}

impl Answer for Many {
    type Receipts = Vec<Receipt>;

    fn of(receipts: Vec<Receipt>) -> Vec<Receipt> {
        receipts
    }
}

impl<'a, N, T, A> PendingNotification<'a, N, T, A> {
    pub(crate) fn new(notifier: Notifier, notifiables: Vec<&'a N>, notification: T) -> Self {
        let (via, timing, place, answer) = (None, Timing::Later, Place::Store, PhantomData);
        Self { notifier, notifiables, notification, via, timing, place, answer }
    }

    #[cfg(feature = "_sql")]
    pub(crate) fn within(mut self, transaction: &'a mut dyn Transaction) -> Self {
        self.place = Place::Transaction(transaction);
        self
    }

    /// Sends it by these ways, whatever the notification says. Laravel: the channels of `sendNow`.
    ///
    /// ```
    /// use resound::notification::Via;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use resound::{Model, notification::Notifiable};
    /// # #[derive(Clone, Debug)]
    /// # struct User { id: u64 }
    /// # impl Model for User { fn key(&self) -> String { self.id.to_string() } }
    /// # impl Notifiable for User {}
    /// # #[derive(Clone, serde::Serialize)]
    /// # struct InvoicePaid { amount: u64 }
    /// # impl<N: Notifiable> resound::notification::Notification<N> for InvoicePaid {
    /// #     fn via(&self, _: &N) -> Vec<resound::notification::Via> {
    /// #         vec!["database".into(), "broadcast".into()]
    /// #     }
    /// # }
    /// # let notifier = resound::notification::Notifier::new(
    /// #     &resound::Broadcaster::null(),
    /// #     resound::notification::MemoryStore::new(),
    /// # );
    /// # let ann = User { id: 1 };
    /// let sending = notifier.send(&ann, InvoicePaid { amount: 5 }).via([Via::Database]);
    /// assert_eq!(sending.await?.via, [Via::Database]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn via(mut self, ways: impl IntoIterator<Item = impl Into<Via>>) -> Self {
        self.via = Some(ways.into_iter().map(Into::into).collect());
        self
    }

    /// Broadcasts it before the sender goes on, rather than in the queue; what goes wrong is the sender's then.
    ///
    /// ```
    /// # use resound::{Fake, Timing, notification::{MemoryStore, Notifier}};
    /// # use resound::{Model, notification::Notifiable};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # #[derive(Clone, Debug)]
    /// # struct User { id: u64 }
    /// # impl Model for User { fn key(&self) -> String { self.id.to_string() } }
    /// # impl Notifiable for User {}
    /// # #[derive(Clone, serde::Serialize)]
    /// # struct InvoicePaid { amount: u64 }
    /// # impl<N: Notifiable> resound::notification::Notification<N> for InvoicePaid {
    /// #     fn via(&self, _: &N) -> Vec<resound::notification::Via> {
    /// #         vec!["database".into(), "broadcast".into()]
    /// #     }
    /// # }
    /// # let fake = resound::Fake::new();
    /// # let broadcaster = fake.broadcaster();
    /// # let notifier = Notifier::new(&broadcaster, MemoryStore::new());
    /// # let ann = User { id: 1 };
    /// notifier.send(&ann, InvoicePaid { amount: 5 }).now().await?;
    /// assert_eq!(fake.events()[0].timing, Timing::Now);
    /// # Ok(())
    /// # }
    /// ```
    pub fn now(mut self) -> Self {
        self.timing = Timing::Now;
        self
    }
}

impl<N, T, A> PendingNotification<'_, N, T, A>
where
    N: Notifiable + Sync,
    T: Notification<N> + Send + Sync + 'static,
{
    async fn run(self) -> Result<Vec<Receipt>, NotifyError> {
        let Self { notifier, notifiables, notification, via, timing, mut place, .. } = self;
        let has_store = notifier.store().is_some() || !place.is_store();
        let plan = |notifiable| {
            let (notifier, notification, via) = (&notifier, &notification, via.as_deref());
            Planner { notifier, notification, notifiable, via, timing, has_store }
        };
        let mut tally = Tally::default();
        if let Some(record) = notifier.record() {
            let planned: Vec<_> = notifiables.into_iter().map(|to| plan(to).record()).collect();
            let waits = place.waits();
            let is_refused = place.is_store() && waits.is_within();
            let recorder = Recorder { record, notifier: &notifier, waits, is_refused };
            let notification = Arc::new(notification);
            for planned in planned {
                match recorder.record(&notification, planned).await {
                    Ok(receipt) => tally.receipts.push(receipt),
                    Err(failure) => tally.failures.push(*failure),
                }
            }
            return tally.result(type_name::<T>());
        }
        for some in notifiables.chunks(NOTIFIABLES_AT_ONCE) {
            let plans = tally.plans(some.iter().map(|notifiable| plan(notifiable).plan()));
            tally.carry_out(&notifier, &mut place, plans).await;
        }
        tally.result(type_name::<T>())
    }
}

/// What became of a notification so far.
#[derive(Default)]
struct Tally {
    receipts: Vec<Receipt>,
    failures: Vec<Failure>,
    /// Why the store takes nothing.
    broken: Unstored,
    /// The channels that did not answer in time.
    silent: Arc<Mutex<Vec<String>>>,
}

impl Tally {
    fn result(self, notification: &'static str) -> Result<Vec<Receipt>, NotifyError> {
        let Self { receipts, failures, .. } = self;
        if failures.is_empty() {
            return Ok(receipts);
        }
        Err(NotifyError { notification, failures, receipts })
    }

    fn plans(&mut self, planned: impl Iterator<Item = Result<Plan, Box<Failure>>>) -> Vec<Plan> {
        planned
            .filter_map(|plan| plan.map_err(|failure| self.failures.push(*failure)).ok())
            .collect()
    }

    /// Stores first: nobody is to hear of what can't be found afterwards.
    async fn carry_out(&mut self, notifier: &Notifier, place: &mut Place<'_>, plans: Vec<Plan>) {
        let shelving = Shelving::new(&plans);
        let unstored = shelving.store(notifier, place, &mut self.broken).await;
        for (plan, unstored) in plans.into_iter().zip(unstored) {
            match unstored {
                Some(error) => self.fail(&plan, Via::Database, Reason::Store(error)),
                None => self.finish(notifier, &place.waits(), plan).await,
            }
        }
    }

    /// One way that fails is no reason not to try the next.
    async fn finish(&mut self, notifier: &Notifier, waits: &Waits, mut plan: Plan) {
        let mut via: Vec<Via> = plan.row.iter().map(|_| Via::Database).collect();
        for step in std::mem::take(&mut plan.steps) {
            let (way, done) = match step {
                Step::Broadcast(event) => {
                    let sent = broadcast(notifier, waits, *event).await;
                    (Via::Broadcast, sent)
                }
                Step::Deliver(delivery) => {
                    let done = self.deliver(notifier, waits, &delivery).await;
                    (Via::Channel(delivery.channel.into()), done.map(|()| true))
                }
            };
            match done {
                Ok(true) => via.push(way),
                Ok(false) => {}
                Err(reason) => self.fail(&plan, way, reason),
            }
        }
        self.receipts.push(Receipt { id: plan.id, via });
    }

    async fn deliver(
        &self,
        notifier: &Notifier,
        waits: &Waits,
        delivery: &Delivery,
    ) -> Result<(), Reason> {
        let channel = notifier.channel(&delivery.channel)?;
        let delivering = Deliverer {
            channel: Arc::clone(channel),
            timeout: notifier.channel_timeout(),
            silent: Arc::clone(&self.silent),
        };
        if !waits.is_within() {
            return delivering.deliver(delivery).await;
        }
        let parcel = Parcel::Work(delivering.later(delivery.clone()));
        let broadcaster = notifier.broadcaster().clone();
        // What is not kept is no longer within: it has been committed meanwhile.
        if let Some(Held { broadcaster, parcel }) = waits.hold(Held { broadcaster, parcel })? {
            broadcaster.deliver(parcel).await?;
        }
        Ok(())
    }

    fn fail(&mut self, plan: &Plan, via: Via, reason: Reason) {
        let (id, owner) = (plan.id.clone(), plan.owner.clone());
        self.failures.push(Failure { id, owner, via, reason });
    }
}

/// Says whether it was broadcast. A page does not wait for the queue, and does not fail with it: the log is told.
async fn broadcast(
    notifier: &Notifier,
    waits: &Waits,
    event: BroadcastNotificationCreated,
) -> Result<bool, Reason> {
    let (id, kind, timing) = (event.id.clone(), event.kind.clone(), event.timing);
    let broadcaster = notifier.broadcaster().clone();
    match PendingBroadcast::new(broadcaster, event, waits.clone()).result().await {
        Ok(outcome) => Ok(outcome != Outcome::Skipped),
        Err(reason) if timing == Timing::Later => {
            tracing::error!(id, kind, %reason, "a notification was not broadcast");
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

/// A channel, and what bounds the time that it takes.
struct Deliverer {
    channel: Arc<dyn Channel>,
    timeout: Duration,
    silent: Arc<Mutex<Vec<String>>>,
}

impl Deliverer {
    /// A channel that was silent once is not asked again: the sender's time is bounded, however many are notified.
    async fn deliver(&self, delivery: &Delivery) -> Result<(), Reason> {
        let name = &delivery.channel;
        if self.silent().contains(name) {
            return Err(Reason::Timeout(self.timeout));
        }
        match tokio::time::timeout(self.timeout, self.channel.deliver(delivery)).await {
            Ok(delivered) => delivered.map_err(Reason::Channel),
            Err(_) => {
                self.silent().push(name.clone());
                Err(Reason::Timeout(self.timeout))
            }
        }
    }

    /// The same after the commit: nobody is told then but the log.
    fn later(self, delivery: Delivery) -> Work {
        let future = Box::pin(async move {
            if let Err(reason) = self.deliver(&delivery).await {
                let Delivery { id, kind, channel, .. } = &delivery;
                tracing::error!(id, kind, channel, %reason, "a notification was not delivered");
            }
        });
        Work { type_name: "resound::notification::Delivery", future }
    }

    fn silent(&self) -> MutexGuard<'_, Vec<String>> {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a, N, T, A> IntoFuture for PendingNotification<'a, N, T, A>
where
    N: Notifiable + Sync,
    T: Notification<N> + Send + Sync + 'static,
    A: Answer + Send + 'a,
{
    type Output = Result<A::Receipts, NotifyError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.run().await.map(A::of) })
    }
}

impl<N, T: fmt::Debug, A> fmt::Debug for PendingNotification<'_, N, T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingNotification")
            .field("notification", &self.notification)
            .field("notifiables", &self.notifiables.len())
            .finish_non_exhaustive()
    }
}
