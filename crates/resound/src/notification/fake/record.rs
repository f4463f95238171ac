//! What was sent.

use std::{
    any::{Any, type_name},
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    notification::{
        notifiable::{OnDemand, Owner},
        via::Via,
    },
    parcel::Work,
};

/// A notification for one notifiable, without itself.
pub(crate) struct Sent {
    pub(crate) id: String,
    pub(crate) owner: Option<Owner>,
    pub(crate) on_demand: Option<OnDemand>,
    pub(crate) via: Vec<Via>,
    pub(crate) data: String,
}

/// A notification that was given to a [`NotificationFake`](crate::notification::NotificationFake), for one notifiable.
///
/// ```
/// use resound::{NotificationFake, notification::{Owner, Via}};
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
/// # let fake = NotificationFake::new();
/// fake.notifier().send(&User { id: 1 }, InvoicePaid { amount: 5 }).await?;
/// let sent = &fake.sent()[0];
/// assert_eq!(sent.owner, Some(Owner::new(r"App\Models\User", "1")));
/// assert_eq!(sent.via, [Via::Database, Via::Broadcast]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct SentNotification {
    /// Its id.
    pub id: String,
    /// The type of the notification.
    pub type_name: &'static str,
    /// Who was notified; `None` on demand.
    pub owner: Option<Owner>,
    /// Who was notified on demand.
    pub on_demand: Option<OnDemand>,
    /// The ways that it would have gone.
    pub via: Vec<Via>,
    /// What it says, as JSON.
    pub data: String,
    notification: Arc<dyn Any + Send + Sync>,
}

impl SentNotification {
    /// The notification itself, if it is of this type.
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
    /// let sent = fake.sent();
    /// assert_eq!(sent[0].notification::<InvoicePaid>().map(|invoice| invoice.amount), Some(5));
    /// # Ok(())
    /// # }
    /// ```
    pub fn notification<T: 'static>(&self) -> Option<&T> {
        self.notification.downcast_ref()
    }

    pub(super) fn is<T: 'static>(&self) -> bool {
        self.notification.is::<T>()
    }
}

impl fmt::Debug for SentNotification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for SentNotification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ways: Vec<&str> = self.via.iter().map(Via::as_str).collect();
        write!(f, "{} to ", self.type_name)?;
        match (&self.owner, &self.on_demand) {
            (Some(owner), _) => write!(f, "{owner}")?,
            (None, Some(on_demand)) => write!(f, "{on_demand}")?,
            (None, None) => f.write_str("somebody")?,
        }
        write!(f, " via {}: {}", ways.join(", "), self.data)
    }
}

/// All that was sent.
#[derive(Default)]
pub(crate) struct Record(Mutex<Vec<SentNotification>>);

impl Record {
    /// What remembers a notification when it is delivered: after the commit, within a transaction.
    pub(crate) fn later<T: Send + Sync + 'static>(
        self: &Arc<Self>,
        notification: &Arc<T>,
        sent: Sent,
    ) -> Work {
        let Sent { id, owner, on_demand, via, data } = sent;
        let type_name = type_name::<T>();
        let notification: Arc<dyn Any + Send + Sync> = Arc::<T>::clone(notification);
        let sent = SentNotification { id, type_name, owner, on_demand, via, data, notification };
        let record = Arc::clone(self);
        Work { type_name, future: Box::pin(async move { record.add(sent) }) }
    }

    fn add(&self, sent: SentNotification) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(sent);
    }

    pub(super) fn all(&self) -> Vec<SentNotification> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.all()).finish()
    }
}

/// What was sent, for the message of an assertion that fails.
pub(super) fn list(sent: &[SentNotification]) -> String {
    if sent.is_empty() {
        return "nothing was sent".to_owned();
    }
    let lines: Vec<String> = sent.iter().map(|sent| format!("\n  {sent}")).collect();
    format!("sent were:{}", lines.concat())
}
