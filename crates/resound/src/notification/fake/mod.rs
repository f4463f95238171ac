//! A notifier for tests: it stores and sends nothing, and remembers everything. Laravel: `Notification::fake()`.
//!
//! # Layout
//!
//! * `record`: what was sent
//! * `recorder`: a notification on its way there

mod record;
mod recorder;

use std::{any::type_name, sync::Arc};

pub use record::SentNotification;
pub(crate) use record::{Record, Sent};
pub(crate) use recorder::Recorder;

use crate::notification::{
    notifiable::{Notifiable, OnDemand},
    notifier::Notifier,
    via::Via,
};

/// Remembers what its [notifiers](NotificationFake::notifier) are given to send. `via` and `should_send` are asked; what goes no
/// way is not sent.
///
/// Within a transaction it is like a notifier with a `DatabaseStore`: what is sent by `notifier.within(&mut tx)` is remembered when
/// that is committed, and never if it is rolled back; a plain `send` of what is to be stored fails, and everything else waits for the commit.
///
/// What can't be written down, or does not fit into its column, is an error as always. Errors of databases and channels are not seen with it. A notifier
/// with a [`MemoryStore`](crate::notification::MemoryStore) and the broadcaster of a [`Fake`](crate::Fake) does everything that a real one does.
///
/// ```
/// use resound::{Model, notification::{Notifiable, Notification, NotificationFake, Notifier, Via}};
///
/// struct User { id: u64 }
/// impl Model for User { fn key(&self) -> String { self.id.to_string() } }
/// impl Notifiable for User {}
/// #[derive(serde::Serialize)]
/// struct InvoicePaid { amount: u64 }
/// impl<N: Notifiable> Notification<N> for InvoicePaid {
///     fn via(&self, _: &N) -> Vec<Via> { vec![Via::Database] }
/// }
///
/// // What is tested.
/// async fn pay(notifier: &Notifier, user: &User) {
///     notifier.send(user, InvoicePaid { amount: 5 }).await.expect("a database");
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (ann, bo) = (User { id: 1 }, User { id: 2 });
/// let fake = NotificationFake::new();
/// fake.assert_nothing_sent();
/// pay(&fake.notifier(), &ann).await;
///
/// fake.assert_sent_to::<InvoicePaid>(&ann, |notification| notification.amount == 5).via(Via::Database);
/// fake.assert_not_sent_to::<InvoicePaid>(&bo, |_| true);
/// fake.assert_count(1);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct NotificationFake {
    record: Arc<Record>,
    notifier: Notifier,
}

impl Default for NotificationFake {
    fn default() -> Self {
        Self::new()
    }
}

impl NotificationFake {
    /// A fake that has seen nothing.
    ///
    /// ```
    /// use resound::NotificationFake;
    ///
    /// let fake = NotificationFake::new();
    /// assert!(fake.sent().is_empty());
    /// ```
    pub fn new() -> Self {
        let record = Arc::new(Record::default());
        Self { notifier: Notifier::recording(Arc::clone(&record)), record }
    }

    /// The notifier for the code that is tested.
    ///
    /// ```
    /// use resound::{NotificationFake, Notifier};
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
    /// struct Billing { notifier: Notifier }
    ///
    /// let fake = NotificationFake::new();
    /// let billing = Billing { notifier: fake.notifier() };
    /// billing.notifier.send(&User { id: 1 }, InvoicePaid { amount: 5 }).await?;
    /// fake.assert_count(1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn notifier(&self) -> Notifier {
        self.notifier.clone()
    }

    /// All notifications, one for each notifiable, in the order in which they were sent.
    ///
    /// ```
    /// # use resound::NotificationFake;
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
    /// # let fake = NotificationFake::new();
    /// fake.notifier().send(&User { id: 1 }, InvoicePaid { amount: 5 }).await?;
    /// assert_eq!(fake.sent()[0].data, r#"{"amount":5}"#);
    /// # Ok(())
    /// # }
    /// ```
    pub fn sent(&self) -> Vec<SentNotification> {
        self.record.all()
    }

    /// Forgets what was sent.
    ///
    /// ```
    /// # use resound::NotificationFake;
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
    /// # let fake = NotificationFake::new();
    /// fake.notifier().send(&User { id: 1 }, InvoicePaid { amount: 5 }).await?; // arranges
    /// fake.clear();
    /// fake.assert_nothing_sent();
    /// # Ok(())
    /// # }
    /// ```
    pub fn clear(&self) {
        self.record.clear();
    }

    /// Fails unless a notification of this type was sent to this notifiable for which `is_it` holds. What it returns takes
    /// further demands. Laravel: `assertSentTo`.
    ///
    /// # Panics
    /// If there is none; the message lists what was sent.
    ///
    /// ```
    /// # use resound::NotificationFake;
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
    /// # let (fake, ann) = (NotificationFake::new(), User { id: 1 });
    /// fake.notifier().send(&ann, InvoicePaid { amount: 5 }).await?;
    /// fake.assert_sent_to::<InvoicePaid>(&ann, |invoice| invoice.amount == 5).via("broadcast");
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn assert_sent_to<T: 'static>(
        &self,
        notifiable: &impl Notifiable,
        is_it: impl Fn(&T) -> bool,
    ) -> FoundNotifications {
        let all = self.sent();
        let found = matching(&all, notifiable, &is_it);
        if found.is_empty() {
            let of_type = matching(&all, notifiable, &|_: &T| true).len();
            panic!(
                "{} was not sent to {}{}; {}",
                type_name::<T>(),
                called(notifiable),
                but(of_type),
                record::list(&all)
            );
        }
        FoundNotifications { type_name: type_name::<T>(), sent: found }
    }

    /// Fails if a notification of this type was sent to this notifiable for which `is_it` holds. Laravel: `assertNotSentTo`.
    ///
    /// # Panics
    /// If there is one; the message lists what was sent.
    ///
    /// ```
    /// # use resound::NotificationFake;
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
    /// # let (fake, ann, bo) = (NotificationFake::new(), User { id: 1 }, User { id: 2 });
    /// fake.notifier().send(&ann, InvoicePaid { amount: 5 }).await?;
    /// fake.assert_not_sent_to::<InvoicePaid>(&ann, |invoice| invoice.amount > 5);
    /// fake.assert_not_sent_to::<InvoicePaid>(&bo, |_| true);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn assert_not_sent_to<T: 'static>(
        &self,
        notifiable: &impl Notifiable,
        is_it: impl Fn(&T) -> bool,
    ) {
        let all = self.sent();
        let found = matching(&all, notifiable, &is_it).len();
        if found > 0 {
            let (name, found) = (type_name::<T>(), times(found));
            panic!(
                "{name} was sent to {} {found}, unexpectedly; {}",
                called(notifiable),
                record::list(&all)
            );
        }
    }

    /// Fails unless so many notifications of this type were sent to this notifiable. Laravel: `assertSentToTimes`.
    ///
    /// # Panics
    /// If they were more or less; the message lists what was sent.
    ///
    /// ```
    /// # use resound::NotificationFake;
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
    /// # let (fake, ann) = (NotificationFake::new(), User { id: 1 });
    /// for amount in [5, 7] {
    ///     fake.notifier().send(&ann, InvoicePaid { amount }).await?;
    /// }
    /// fake.assert_sent_to_times::<InvoicePaid>(&ann, 2);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn assert_sent_to_times<T: 'static>(&self, notifiable: &impl Notifiable, count: usize) {
        let all = self.sent();
        let found = matching(&all, notifiable, &|_: &T| true).len();
        let to = format!(" to {}", called(notifiable));
        check_times::<T>(&to, found, count, &all);
    }

    /// Fails unless so many notifications of this type were sent, to whomever. Laravel: `assertSentTimes`.
    ///
    /// # Panics
    /// If they were more or less; the message lists what was sent.
    ///
    /// ```
    /// # use resound::NotificationFake;
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
    /// # let (fake, ann, bo) = (NotificationFake::new(), User { id: 1 }, User { id: 2 });
    /// fake.notifier().send_many([&ann, &bo], InvoicePaid { amount: 5 }).await?;
    /// fake.assert_sent_times::<InvoicePaid>(2);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn assert_sent_times<T: 'static>(&self, count: usize) {
        let all = self.sent();
        let found = all.iter().filter(|sent| sent.is::<T>()).count();
        check_times::<T>("", found, count, &all);
    }

    /// Fails unless so many notifications were sent, of whatever type. Laravel: `assertCount`.
    ///
    /// # Panics
    /// If they were more or less; the message lists what was sent.
    ///
    /// ```
    /// # use resound::NotificationFake;
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
    /// # let fake = NotificationFake::new();
    /// fake.assert_count(0);
    /// fake.notifier().send(&User { id: 1 }, InvoicePaid { amount: 5 }).await?;
    /// fake.assert_count(1);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn assert_count(&self, count: usize) {
        let all = self.sent();
        let found = all.len();
        assert!(
            found == count,
            "{found} instead of {count} notifications were sent; {}",
            record::list(&all)
        );
    }

    /// Fails if anything was sent. Laravel: `assertNothingSent`.
    ///
    /// # Panics
    /// If so; the message lists what was sent.
    ///
    /// ```
    /// # use resound::NotificationFake;
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
    /// # let fake = NotificationFake::new();
    /// let by_no_way = Vec::<&'static str>::new();
    /// fake.notifier().send(&User { id: 1 }, InvoicePaid { amount: 5 }).via(by_no_way).await?;
    /// fake.assert_nothing_sent();
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn assert_nothing_sent(&self) {
        let all = self.sent();
        assert!(all.is_empty(), "something was sent, unexpectedly; {}", record::list(&all));
    }

    /// Fails if anything was sent to this notifiable. Laravel: `assertNothingSentTo`.
    ///
    /// # Panics
    /// If so; the message lists what was sent.
    ///
    /// ```
    /// # use resound::NotificationFake;
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
    /// # let (fake, ann, bo) = (NotificationFake::new(), User { id: 1 }, User { id: 2 });
    /// fake.notifier().send(&ann, InvoicePaid { amount: 5 }).await?;
    /// fake.assert_nothing_sent_to(&bo);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn assert_nothing_sent_to(&self, notifiable: &impl Notifiable) {
        let all = self.sent();
        let is_quiet = !all.iter().any(|sent| is_to(sent, notifiable));
        assert!(
            is_quiet,
            "something was sent to {}, unexpectedly; {}",
            called(notifiable),
            record::list(&all)
        );
    }

    /// Fails unless a notification of this type was sent on demand for which `is_it` holds. Laravel: `assertSentOnDemand`.
    ///
    /// # Panics
    /// If there is none; the message lists what was sent.
    ///
    /// ```
    /// use resound::{NotificationFake, notification::Notifiable};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # #[derive(Clone, serde::Serialize)]
    /// # struct InvoicePaid { amount: u64 }
    /// # impl<N: Notifiable> resound::notification::Notification<N> for InvoicePaid {
    /// #     fn via(&self, _: &N) -> Vec<resound::notification::Via> {
    /// #         vec!["database".into(), "broadcast".into()]
    /// #     }
    /// # }
    /// # let fake = NotificationFake::new();
    /// # let notifier = fake.notifier();
    /// let guest = notifier.route("broadcast", "private-desk");
    /// notifier.send(&guest, InvoicePaid { amount: 5 }).await?;
    /// fake.assert_sent_on_demand::<InvoicePaid>(|_, to| {
    ///     to.route_for("broadcast").as_deref() == Some("private-desk")
    /// });
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn assert_sent_on_demand<T: 'static>(
        &self,
        is_it: impl Fn(&T, &OnDemand) -> bool,
    ) -> FoundNotifications {
        let all = self.sent();
        let is_found = |sent: &&SentNotification| {
            sent.notification::<T>()
                .zip(sent.on_demand.as_ref())
                .is_some_and(|(it, to)| is_it(it, to))
        };
        let found: Vec<_> = all.iter().filter(is_found).cloned().collect();
        if found.is_empty() {
            let of_type = on_demand::<T>(&all);
            panic!(
                "{} was not sent on demand{}; {}",
                type_name::<T>(),
                but(of_type),
                record::list(&all)
            );
        }
        FoundNotifications { type_name: type_name::<T>(), sent: found }
    }

    /// Fails unless so many notifications of this type were sent on demand. Laravel: `assertSentOnDemandTimes`.
    ///
    /// # Panics
    /// If they were more or less; the message lists what was sent.
    ///
    /// ```
    /// use resound::NotificationFake;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use resound::notification::Notifiable;
    /// # #[derive(Clone, serde::Serialize)]
    /// # struct InvoicePaid { amount: u64 }
    /// # impl<N: Notifiable> resound::notification::Notification<N> for InvoicePaid {
    /// #     fn via(&self, _: &N) -> Vec<resound::notification::Via> {
    /// #         vec!["database".into(), "broadcast".into()]
    /// #     }
    /// # }
    /// # let fake = NotificationFake::new();
    /// # let notifier = fake.notifier();
    /// notifier.send(&notifier.route("broadcast", "private-desk"), InvoicePaid { amount: 5 }).await?;
    /// fake.assert_sent_on_demand_times::<InvoicePaid>(1);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn assert_sent_on_demand_times<T: 'static>(&self, count: usize) {
        let all = self.sent();
        check_times::<T>(" on demand", on_demand::<T>(&all), count, &all);
    }
}

/// The notifications that an assertion found.
///
/// ```
/// # use resound::NotificationFake;
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
/// # let (fake, ann) = (NotificationFake::new(), User { id: 1 });
/// fake.notifier().send(&ann, InvoicePaid { amount: 5 }).await?;
/// let found = fake.assert_sent_to::<InvoicePaid>(&ann, |_| true);
/// assert_eq!(found.via("database").sent().len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct FoundNotifications {
    type_name: &'static str,
    sent: Vec<SentNotification>,
}

impl FoundNotifications {
    /// The notifications themselves.
    ///
    /// ```
    /// # use resound::NotificationFake;
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
    /// # let (fake, ann) = (NotificationFake::new(), User { id: 1 });
    /// let receipt = fake.notifier().send(&ann, InvoicePaid { amount: 5 }).await?;
    /// let found = fake.assert_sent_to::<InvoicePaid>(&ann, |_| true);
    /// assert_eq!(found.sent()[0].id, receipt.id);
    /// # Ok(())
    /// # }
    /// ```
    pub fn sent(&self) -> &[SentNotification] {
        &self.sent
    }

    /// Keeps those that went this way.
    ///
    /// # Panics
    /// If there is none; the message lists those that were found.
    ///
    /// ```
    /// use resound::{NotificationFake, notification::Via};
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
    /// # let (fake, ann) = (NotificationFake::new(), User { id: 1 });
    /// fake.notifier().send(&ann, InvoicePaid { amount: 5 }).await?;
    /// fake.assert_sent_to::<InvoicePaid>(&ann, |_| true).via(Via::Database).via(Via::Broadcast);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn via(self, way: impl Into<Via>) -> Self {
        let way = way.into();
        let (met, rest): (Vec<_>, Vec<_>) =
            self.sent.into_iter().partition(|sent| sent.via.contains(&way));
        if met.is_empty() {
            panic!("{} was not sent via {way}; {}", self.type_name, record::list(&rest));
        }
        Self { type_name: self.type_name, sent: met }
    }
}

fn matching<T: 'static>(
    all: &[SentNotification],
    notifiable: &impl Notifiable,
    is_it: &impl Fn(&T) -> bool,
) -> Vec<SentNotification> {
    let is_found = |sent: &&SentNotification| {
        is_to(sent, notifiable) && sent.notification::<T>().is_some_and(is_it)
    };
    all.iter().filter(is_found).cloned().collect()
}

fn is_to(sent: &SentNotification, notifiable: &impl Notifiable) -> bool {
    sent.owner == notifiable.owner() && sent.on_demand.as_ref() == notifiable.on_demand()
}

fn on_demand<T: 'static>(all: &[SentNotification]) -> usize {
    all.iter().filter(|sent| sent.on_demand.is_some() && sent.is::<T>()).count()
}

#[track_caller]
fn check_times<T>(to: &str, found: usize, wanted: usize, all: &[SentNotification]) {
    if found != wanted {
        let (name, found, wanted) = (type_name::<T>(), times(found), times(wanted));
        panic!("{name} was sent{to} {found} instead of {wanted}; {}", record::list(all));
    }
}

/// How somebody is called in a message.
fn called(notifiable: &impl Notifiable) -> String {
    match (notifiable.owner(), notifiable.on_demand()) {
        (Some(owner), _) => owner.to_string(),
        (None, Some(on_demand)) => on_demand.to_string(),
        (None, None) => "somebody".to_owned(),
    }
}

fn but(of_type: usize) -> String {
    match of_type {
        0 => String::new(),
        n => format!(" ({n} of that type, but the condition holds for none)"),
    }
}

fn times(count: usize) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}
