//! The handle by which an application notifies.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use crate::{
    broadcaster::Broadcaster,
    notification::{
        channel::Channel,
        error::Reason,
        fake::Record,
        inbox::Inbox,
        notice::Notification,
        notifiable::{Notifiable, OnDemand, Owner},
        sending::{Many, One, PendingNotification},
        store::{MemoryStore, Store},
        via::Via,
    },
};

/// The namespace of notifications, as Laravel's generator has it.
pub const NAMESPACE: &str = r"App\Notifications";

/// How long a channel may take by default.
const CHANNEL_TIMEOUT: Duration = Duration::from_secs(10);

/// Sends notifications. It is a pointer: clone it, keep it in the application's state, in services, in jobs.
///
/// ```
/// use resound::{Fake, Model, notification::{MemoryStore, Notifiable, Notification, Notifier, Via}};
/// use serde::Serialize;
///
/// struct User { id: u64 }
/// impl Model for User { fn key(&self) -> String { self.id.to_string() } }
/// impl Notifiable for User {}
///
/// #[derive(Serialize)]
/// struct InvoicePaid { amount: u64 }
/// impl<N: Notifiable> Notification<N> for InvoicePaid {
///     fn via(&self, _: &N) -> Vec<Via> { vec![Via::Database, Via::Broadcast] }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broadcaster = Fake::new().broadcaster();
/// let notifier = Notifier::new(&broadcaster, MemoryStore::new());
/// let ann = User { id: 1 };
/// let receipt = notifier.send(&ann, InvoicePaid { amount: 5 }).await?;
///
/// let unread = notifier.inbox(&ann).unread().await?;
/// assert_eq!(unread[0].id, receipt.id);
/// assert_eq!(unread[0].data, r#"{"amount":5}"#);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Notifier(Arc<Inner>);

struct Inner {
    broadcaster: Broadcaster,
    store: Option<Arc<dyn Store>>,
    channels: BTreeMap<String, Arc<dyn Channel>>,
    namespace: String,
    channel_timeout: Duration,
    /// Where notifications go in tests.
    record: Option<Arc<Record>>,
}

/// What became of a notification for one notifiable.
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
/// let receipt = notifier.send(&User { id: 1 }, InvoicePaid { amount: 5 }).await?;
/// assert_eq!(receipt.via, [Via::Database, Via::Broadcast]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// Its id, the same in the table and in the broadcast.
    pub id: String,
    /// The ways that it went; a broadcast may still be in the queue.
    pub via: Vec<Via>,
}

impl Notifier {
    /// A notifier that broadcasts and stores.
    ///
    /// ```
    /// use resound::{Broadcaster, notification::{MemoryStore, Notifier}};
    ///
    /// let notifier = Notifier::new(&Broadcaster::null(), MemoryStore::new());
    /// # let _ = notifier;
    /// ```
    pub fn new(broadcaster: &Broadcaster, store: impl Store) -> Self {
        Self::builder(broadcaster).store(store).build()
    }

    /// Begins a notifier that can do more, or less.
    ///
    /// ```
    /// use resound::{Broadcaster, notification::{MemoryStore, Notifier}};
    ///
    /// let notifier = Notifier::builder(&Broadcaster::null())
    ///     .store(MemoryStore::new())
    ///     .namespace(r"Shop\Notifications")
    ///     .build();
    /// # let _ = notifier;
    /// ```
    pub fn builder(broadcaster: &Broadcaster) -> Builder {
        Builder {
            broadcaster: broadcaster.clone(),
            store: None,
            channels: BTreeMap::new(),
            namespace: NAMESPACE.to_owned(),
            channel_timeout: CHANNEL_TIMEOUT,
            record: None,
        }
    }

    /// Begins to notify somebody. What this gives is awaited; see [`PendingNotification`]. Laravel: `$user->notify(…)`.
    ///
    /// ```
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
    /// # let notifier = resound::notification::Notifier::new(
    /// #     &resound::Broadcaster::null(),
    /// #     resound::notification::MemoryStore::new(),
    /// # );
    /// let ann = User { id: 1 };
    /// let receipt = notifier.send(&ann, InvoicePaid { amount: 5 }).await?;
    /// assert!(notifier.inbox(&ann).find(&receipt.id).await?.is_some());
    /// # Ok(())
    /// # }
    /// ```
    pub fn send<'a, N, T>(
        &self,
        notifiable: &'a N,
        notification: T,
    ) -> PendingNotification<'a, N, T, One>
    where
        N: Notifiable + Sync,
        T: Notification<N> + Send + Sync + 'static,
    {
        PendingNotification::new(self.clone(), vec![notifiable], notification)
    }

    /// Begins to notify many. Each gets an id of its own, and one that can't be reached is no reason to forget the others.
    /// Laravel: `Notification::send($users, …)`.
    ///
    /// ```
    /// # use resound::{Model, notification::{Notifiable, Notification, Notifier, NotifyError}};
    /// # #[derive(Clone)] struct User;
    /// # impl Model for User { fn key(&self) -> String { "1".to_owned() } }
    /// # impl Notifiable for User {}
    /// async fn tell<T>(notifier: &Notifier, users: &[User], notification: T) -> Result<(), NotifyError>
    /// where
    ///     T: Notification<User> + Send + Sync + 'static,
    /// {
    ///     let receipts = notifier.send_many(users, notification).await?;
    ///     assert_eq!(receipts.len(), users.len());
    ///     Ok(())
    /// }
    /// ```
    pub fn send_many<'a, N, T>(
        &self,
        notifiables: impl IntoIterator<Item = &'a N>,
        notification: T,
    ) -> PendingNotification<'a, N, T, Many>
    where
        N: Notifiable + Sync,
        T: Notification<N> + Send + Sync + 'static,
    {
        PendingNotification::new(self.clone(), notifiables.into_iter().collect(), notification)
    }

    /// Begins to address somebody without an account: the channel, and where it reaches them.
    /// Laravel: `Notification::route(…)`.
    ///
    /// ```
    /// # use resound::notification::{Notifiable, Notification, Notifier, NotifyError};
    /// async fn tell<T>(notifier: &Notifier, notification: T) -> Result<(), NotifyError>
    /// where
    ///     T: Notification<resound::notification::OnDemand> + Send + Sync + 'static,
    /// {
    ///     let guest = notifier.route("mail", "guest@example.org").route("broadcast", "private-desk");
    ///     notifier.send(&guest, notification).await?;
    ///     Ok(())
    /// }
    /// ```
    pub fn route(&self, channel: impl Into<String>, route: impl Into<String>) -> OnDemand {
        OnDemand::new(channel, route)
    }

    /// The stored notifications of somebody. Without a [store](Builder::store) asking for them is an error; for
    /// [somebody without an account](OnDemand) there are none.
    ///
    /// ```
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
    /// # let notifier = resound::notification::Notifier::new(
    /// #     &resound::Broadcaster::null(),
    /// #     resound::notification::MemoryStore::new(),
    /// # );
    /// # let ann = User { id: 1 };
    /// notifier.send(&ann, InvoicePaid { amount: 5 }).await?;
    /// assert_eq!(notifier.inbox(&ann).unread_count().await?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn inbox<N: Notifiable>(&self, notifiable: &N) -> Inbox {
        match notifiable.owner() {
            Some(owner) => Inbox::of(self.0.store.clone(), owner),
            None => Inbox::new(MemoryStore::new(), Owner::new(N::class(), "")),
        }
    }

    pub(crate) fn broadcaster(&self) -> &Broadcaster {
        &self.0.broadcaster
    }

    pub(crate) fn store(&self) -> Option<&dyn Store> {
        self.0.store.as_deref()
    }

    pub(crate) fn namespace(&self) -> &str {
        &self.0.namespace
    }

    pub(crate) fn channel_timeout(&self) -> Duration {
        self.0.channel_timeout
    }

    pub(crate) fn record(&self) -> Option<&Arc<Record>> {
        self.0.record.as_ref()
    }

    pub(crate) fn channel(&self, name: &str) -> Result<&Arc<dyn Channel>, Reason> {
        self.0.channels.get(name).ok_or_else(|| {
            let own = self.0.channels.keys().map(String::as_str);
            let known: Vec<&str> = ["database", "broadcast"].into_iter().chain(own).collect();
            Reason::UnknownChannel { known: known.join(", ") }
        })
    }

    pub(crate) fn recording(record: Arc<Record>) -> Self {
        let mut builder = Self::builder(&Broadcaster::null()).store(MemoryStore::new());
        builder.record = Some(record);
        builder.build()
    }
}

impl fmt::Debug for Notifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifier")
            .field("broadcaster", &self.0.broadcaster)
            .field("channels", &self.0.channels.keys())
            .finish_non_exhaustive()
    }
}

/// Puts a [`Notifier`] together.
///
/// ```
/// use resound::{Broadcaster, notification::Notifier};
///
/// let only_broadcasts = Notifier::builder(&Broadcaster::null()).build();
/// # let _ = only_broadcasts;
/// ```
#[must_use = "a builder does nothing until `.build()`"]
pub struct Builder {
    broadcaster: Broadcaster,
    store: Option<Arc<dyn Store>>,
    channels: BTreeMap<String, Arc<dyn Channel>>,
    namespace: String,
    channel_timeout: Duration,
    record: Option<Arc<Record>>,
}

impl Builder {
    /// Sets where notifications are stored; without, none can be.
    ///
    /// ```
    /// # use resound::{Broadcaster, notification::{MemoryStore, Notifier}};
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
    /// # let broadcaster = Broadcaster::null();
    /// let store = MemoryStore::new();
    /// let notifier = Notifier::builder(&broadcaster).store(store.clone()).build();
    /// notifier.send(&User { id: 1 }, InvoicePaid { amount: 5 }).await?;
    /// assert_eq!(store.all().len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Adds a way of the application's own, for notifications with [`Via::Channel`] of this name.
    ///
    /// `database` and `broadcast` are there already.
    ///
    /// ```
    /// use resound::notification::{Channel, Delivering, Delivery, Notifier};
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
    /// # let broadcaster = resound::Broadcaster::null();
    /// struct Printer;
    /// impl Channel for Printer {
    ///     fn deliver<'a>(&'a self, delivery: &'a Delivery) -> Delivering<'a> {
    ///         Box::pin(async move { Ok(println!("{}", delivery.json())) })
    ///     }
    /// }
    /// let notifier = Notifier::builder(&broadcaster).channel("printer", Printer).build();
    /// notifier.send(&User { id: 1 }, InvoicePaid { amount: 5 }).via(["printer"]).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn channel(mut self, name: impl Into<String>, channel: impl Channel) -> Self {
        self.channels.insert(name.into(), Arc::new(channel));
        self
    }

    /// Sets what stands in front of the names of notifications, [`App\Notifications`](NAMESPACE) by default.
    ///
    /// ```
    /// # use resound::{Broadcaster, notification::{MemoryStore, Notifier}};
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
    /// # let (broadcaster, store) = (Broadcaster::null(), MemoryStore::new());
    /// let builder = Notifier::builder(&broadcaster).store(store.clone());
    /// let notifier = builder.namespace(r"Shop\Notifications").build();
    /// notifier.send(&User { id: 1 }, InvoicePaid { amount: 5 }).await?;
    /// assert_eq!(store.all()[0].kind, r"Shop\Notifications\InvoicePaid");
    /// # Ok(())
    /// # }
    /// ```
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// Sets how long a channel may take for one notification, ten seconds by default.
    ///
    /// ```
    /// use resound::notification::{Channel, Delivering, Delivery, Notifier, Reason};
    /// use std::time::Duration;
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
    /// # let broadcaster = resound::Broadcaster::null();
    /// struct Silent;
    /// impl Channel for Silent {
    ///     fn deliver<'a>(&'a self, _: &'a Delivery) -> Delivering<'a> {
    ///         Box::pin(std::future::pending())
    ///     }
    /// }
    /// let builder = Notifier::builder(&broadcaster).channel("silent", Silent);
    /// let notifier = builder.channel_timeout(Duration::from_millis(1)).build();
    /// let sent = notifier.send(&User { id: 1 }, InvoicePaid { amount: 5 }).via(["silent"]).await;
    /// assert!(matches!(sent.unwrap_err().failures[0].reason, Reason::Timeout(_)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn channel_timeout(mut self, timeout: Duration) -> Self {
        self.channel_timeout = timeout;
        self
    }

    /// The notifier.
    ///
    /// ```
    /// # use resound::{Broadcaster, notification::Notifier};
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
    /// # let broadcaster = Broadcaster::null();
    /// let notifier = Notifier::builder(&broadcaster).build();
    /// notifier.send(&User { id: 1 }, InvoicePaid { amount: 5 }).via(["broadcast"]).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn build(self) -> Notifier {
        let Self { broadcaster, store, channels, namespace, channel_timeout, record } = self;
        Notifier(Arc::new(Inner {
            broadcaster,
            store,
            channels,
            namespace,
            channel_timeout,
            record,
        }))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("channels", &self.channels.keys()).finish_non_exhaustive()
    }
}
