//! What can go wrong on the way to a notifiable.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use crate::{
    error::SendError,
    notification::{channel::ChannelError, notifiable::Owner, notifier::Receipt, via::Via},
};

/// How many failures a message tells: of thousands of notifiables, none of whom could be reached, most say the same.
const FAILURES_TOLD: usize = 5;

/// Why stored notifications could not be read or written.
///
/// ```
/// use resound::notification::StoreError;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use resound::{Model, notification::Notifiable};
/// # #[derive(Clone, Debug)]
/// # struct User { id: u64 }
/// # impl Model for User { fn key(&self) -> String { self.id.to_string() } }
/// # impl Notifiable for User {}
/// # let notifier = resound::notification::Notifier::builder(&resound::Broadcaster::null()).build();
/// let error = notifier.inbox(&User { id: 1 }).count().await.unwrap_err();
/// assert!(matches!(error, StoreError::Missing));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Something does not fit into its column.
    #[error("the {column} of a notification has {bytes} bytes, more than the {bytes_max} that fit")]
    TooLong {
        /// The column.
        column: &'static str,
        /// What was to be stored.
        bytes: usize,
        /// What fits.
        bytes_max: usize,
    },
    /// The key of a notifiable is none that the table can hold.
    #[error("{owner} can't own notifications: the column notifiable_id is of type {column_type}")]
    Key {
        /// Whose key it is.
        owner: Owner,
        /// The type of the column.
        column_type: String,
    },
    /// Too many ids in one call.
    #[error("{count} ids at once are more than {count_max}")]
    TooManyIds {
        /// How many they are.
        count: usize,
        /// How many may be.
        count_max: usize,
    },
    /// The notifiable has no notification of this id: there is none, or it is somebody else's.
    #[error("{owner} has no notification {id:?}")]
    Unknown {
        /// Who asked.
        owner: Owner,
        /// For what.
        id: String,
    },
    /// A row is not what it should be.
    #[error("the {column} of the stored notification {id} can't be read: {reason}")]
    Row {
        /// The notification's id.
        id: String,
        /// The column.
        column: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The store in memory holds no more.
    #[error("the store in memory holds {0} notifications, no more fit")]
    Full(usize),
    /// The notifier has no store, so that there is no inbox.
    #[error("the notifier has no store (notification::Builder::store)")]
    Missing,
    /// A transaction is open, and the row would not be a part of it.
    #[error(
        "a notification that is sent within a transaction is stored in it: \
         notifier.within(&mut tx).send(…), or spawn a task to store it whatever becomes of the transaction"
    )]
    OutsideTransaction,
    /// The database says no, or nothing.
    #[error("the notifications can't be read or written: {0}")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}

impl StoreError {
    /// Whether this owner's key is what can't be stored.
    pub(crate) fn is_about(&self, someone: &Owner) -> bool {
        matches!(self, Self::Key { owner, .. } if owner == someone)
    }

    /// Whether a database says that a value does not fit (class 22 of SQL's states), rather than that it stores nothing.
    pub(crate) fn is_about_a_value(&self) -> bool {
        #[cfg(feature = "_sql")]
        if let Self::Failed(error) = self
            && let Some(sqlx::Error::Database(error)) = error.downcast_ref()
        {
            return error.code().is_some_and(|code| code.starts_with("22"));
        }
        false
    }
}

/// Why a notification did not go one of its ways.
///
/// ```
/// use resound::notification::Reason;
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
/// let sending = notifier.send(&User { id: 1 }, InvoicePaid { amount: 5 }).via(["pigeon"]);
/// let failures = sending.await.expect_err("there is no such channel").failures;
/// assert!(matches!(&failures[0].reason, Reason::UnknownChannel { known } if known == "database, broadcast"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// What it says can't be written as JSON, or takes no `id` and `type`.
    #[error("what it says is not fit for this way: {0}")]
    Payload(Arc<serde_json::Error>),
    /// It is to be stored, and the notifier has no store.
    #[error("the notifier has no store (notification::Builder::store)")]
    NoStore,
    /// The notifier has no channel of this name.
    #[error("the notifier has no such channel; there is {known}")]
    UnknownChannel {
        /// Those that there are, joined by commas.
        known: String,
    },
    /// It was not stored.
    #[error("{0}")]
    Store(Arc<StoreError>),
    /// It was not broadcast.
    #[error(transparent)]
    Broadcast(#[from] SendError),
    /// A channel failed.
    #[error("{0}")]
    Channel(ChannelError),
    /// A channel took too long.
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
}

/// One way that a notification did not go.
///
/// ```
/// use resound::notification::{Failure, Via};
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
/// let sending = notifier.send(&User { id: 1 }, InvoicePaid { amount: 5 }).via(["pigeon"]);
/// let failures: Vec<Failure> = sending.await.expect_err("there is no such channel").failures;
/// assert_eq!(failures[0].via, Via::Channel("pigeon".into()));
/// assert!(failures[0].to_string().starts_with(r"App\Models\User 1 by pigeon: "));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Failure {
    /// The notification's id.
    pub id: String,
    /// Who was not notified; `None` on demand.
    pub owner: Option<Owner>,
    /// Which way.
    pub via: Via,
    /// Why.
    pub reason: Reason,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.owner {
            Some(owner) => write!(f, "{owner} by {}: {}", self.via, self.reason),
            None => write!(f, "{} on demand: {}", self.via, self.reason),
        }
    }
}

/// A notification did not go all of its ways.
///
/// ```
/// use resound::notification::NotifyError;
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
/// let sending = notifier.send_many(&users, InvoicePaid { amount: 5 }).via(["pigeon"]);
/// let error: NotifyError = sending.await.expect_err("there is no such channel");
/// assert_eq!((error.failures.len(), error.receipts.len()), (2, 0));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct NotifyError {
    /// The type of the notification.
    pub notification: &'static str,
    /// What failed; at least one.
    pub failures: Vec<Failure>,
    /// What was sent all the same: one for each notifiable whose row, if there is one, is stored. It stays so.
    pub receipts: Vec<Receipt>,
}

impl fmt::Display for NotifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = self.failures.iter().take(FAILURES_TOLD);
        let told: Vec<String> = told.map(Failure::to_string).collect();
        write!(f, "{} was not sent to {}", self.notification, told.join("; "))?;
        match self.failures.len() - told.len() {
            0 => Ok(()),
            more => write!(f, "; and {more} failures more (NotifyError::failures)"),
        }
    }
}

impl Error for NotifyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.failures.first().map(|failure| &failure.reason as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_of_an_error_tells_only_the_first_of_many_failures() {
        let failure = |key: usize| Failure {
            id: String::new(),
            owner: Some(Owner::new("User", key.to_string())),
            via: Via::Database,
            reason: Reason::NoStore,
        };
        let failures = (0..10_000).map(failure).collect();
        let error = NotifyError { notification: "Paid", failures, receipts: Vec::new() };
        let text = error.to_string();
        assert!(
            text.starts_with("Paid was not sent to User 0 by database: the notifier"),
            "{text}"
        );
        assert!(
            text.ends_with(
                "(notification::Builder::store); and 9995 failures more (NotifyError::failures)"
            ),
            "{text}"
        );
    }
}
