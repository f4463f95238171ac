//! Stored notifications.

use serde::{Serialize, Serializer, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::notification::{error::StoreError, notifiable::Owner, timestamp::Timestamp};

/// What fits into the columns `type`, `notifiable_type` and `notifiable_id`, in bytes: Laravel's `varchar(255)`.
pub const NAME_BYTES_MAX: usize = 255;

/// What fits into the column `data`, in bytes: MySQL's `text`, the smallest of the three databases.
pub const DATA_BYTES_MAX: usize = 65_535;

/// A notification that is to be stored.
///
/// ```
/// use resound::notification::{DatabaseNotification, Owner, Row};
///
/// let id = "eb272d6b-e4a4-4e7a-8860-dd37d6070e40";
/// let row = Row::new(id, "invoice.paid", Owner::new(r"App\Models\User", "1"), r#"{"amount":5}"#)?;
/// assert_eq!(DatabaseNotification::from(&row).created_at, Some(row.created_at));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Row {
    /// A UUID.
    pub id: String,
    /// What it is called.
    pub kind: String,
    /// Whose it is.
    pub owner: Owner,
    /// What it says: JSON.
    pub data: String,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Row {
    /// A row that fits into its table.
    ///
    /// # Errors
    /// [`StoreError::TooLong`] if it does not.
    ///
    /// ```
    /// use resound::notification::{Owner, Row};
    ///
    /// let owner = Owner::new(r"App\Models\User", "1");
    /// let id = "eb272d6b-e4a4-4e7a-8860-dd37d6070e40";
    /// let row = Row::new(id, r"App\Notifications\InvoicePaid", owner, r#"{"amount":5}"#)?;
    /// # let _ = row;
    /// # Ok::<(), resound::notification::StoreError>(())
    /// ```
    pub fn new(
        id: impl Into<String>,
        kind: impl Into<String>,
        owner: Owner,
        data: impl Into<String>,
    ) -> Result<Self, StoreError> {
        let (id, kind, data) = (id.into(), kind.into(), data.into());
        fits("type", &kind, NAME_BYTES_MAX)?;
        fits("notifiable_type", &owner.class, NAME_BYTES_MAX)?;
        fits("notifiable_id", &owner.key, NAME_BYTES_MAX)?;
        fits("data", &data, DATA_BYTES_MAX)?;
        Ok(Self { id, kind, owner, data, created_at: Timestamp::next() })
    }
}

fn fits(column: &'static str, value: &str, bytes_max: usize) -> Result<(), StoreError> {
    if value.len() <= bytes_max {
        return Ok(());
    }
    Err(StoreError::TooLong { column, bytes: value.len(), bytes_max })
}

/// A notification as it stands in the table. Laravel: the model `DatabaseNotification`.
///
/// As JSON it is what a Laravel application answers to a front end that asks for notifications.
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
/// # notifier.send(&ann, InvoicePaid { amount: 5 }).await?;
/// let notifications = notifier.inbox(&ann).all().await?;
/// let json = serde_json::to_value(&notifications)?; // for the front end
/// assert_eq!(json[0]["type"], r"App\Notifications\InvoicePaid");
/// assert_eq!(json[0]["data"]["amount"], 5);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DatabaseNotification {
    /// Its id, the same as in the broadcast.
    pub id: String,
    /// What it is called: its `type`.
    pub kind: String,
    /// Whose it is.
    pub owner: Owner,
    /// What it says, as it stands there: JSON, if nobody else wrote it.
    pub data: String,
    /// When it was read; `None` if it was not.
    pub read_at: Option<Timestamp>,
    /// When it was made; rows of others may not say so.
    pub created_at: Option<Timestamp>,
    /// When it was changed last.
    pub updated_at: Option<Timestamp>,
}

impl DatabaseNotification {
    /// What it says.
    ///
    /// # Errors
    /// [`StoreError::Row`] if it is no `T`, or no JSON.
    ///
    /// ```
    /// # use resound::notification::{DatabaseNotification, StoreError};
    /// #[derive(serde::Deserialize)]
    /// struct InvoicePaid { amount: u64 }
    ///
    /// fn amount(notification: &DatabaseNotification) -> Result<u64, StoreError> {
    ///     Ok(notification.data::<InvoicePaid>()?.amount)
    /// }
    /// ```
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, StoreError> {
        serde_json::from_str(&self.data).map_err(|error| StoreError::Row {
            id: self.id.clone(),
            column: "data",
            reason: error.to_string(),
        })
    }

    /// Whether it was read.
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
    /// # notifier.send(&ann, InvoicePaid { amount: 5 }).await?;
    /// let notifications = notifier.inbox(&ann).all().await?;
    /// let bold = notifications.iter().filter(|notification| !notification.is_read());
    /// assert_eq!(bold.count(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_read(&self) -> bool {
        self.read_at.is_some()
    }
}

impl From<&Row> for DatabaseNotification {
    /// As it stands in the table when it is new.
    fn from(row: &Row) -> Self {
        Self {
            id: row.id.clone(),
            kind: row.kind.clone(),
            owner: row.owner.clone(),
            data: row.data.clone(),
            read_at: None,
            created_at: Some(row.created_at),
            updated_at: Some(row.created_at),
        }
    }
}

/// The columns in Laravel's order; its key stays a number there if it is one.
#[derive(Serialize)]
struct Columns<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    notifiable_type: &'a str,
    notifiable_id: Key<'a>,
    /// `null` if it is no JSON, as in Laravel.
    data: Option<&'a RawValue>,
    read_at: Option<Timestamp>,
    created_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Key<'a> {
    Number(i64),
    Text(&'a str),
}

impl<'a> From<&'a str> for Key<'a> {
    fn from(key: &'a str) -> Self {
        match key.parse::<i64>() {
            Ok(number) if number.to_string() == key => Self::Number(number),
            _ => Self::Text(key),
        }
    }
}

impl Serialize for DatabaseNotification {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { id, kind, owner, data, read_at, created_at, updated_at } = self;
        let columns = Columns {
            id,
            kind,
            notifiable_type: &owner.class,
            notifiable_id: owner.key.as_str().into(),
            data: serde_json::from_str(data).ok(),
            read_at: *read_at,
            created_at: *created_at,
            updated_at: *updated_at,
        };
        columns.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(data: &str, key: &str) -> DatabaseNotification {
        let row = Row::new("eb27", "Paid", Owner::new(r"App\User", key), data).expect("it fits");
        let time = Timestamp::parse("2026-11-21 15:04:05");
        DatabaseNotification { created_at: time, updated_at: None, ..(&row).into() }
    }

    #[test]
    fn its_json_is_laravels() {
        assert_eq!(
            serde_json::to_string(&stored(r#"{"amount":5}"#, "1")).unwrap(),
            r#"{"id":"eb27","type":"Paid","notifiable_type":"App\\User","notifiable_id":1,"data":{"amount":5},"read_at":null,"created_at":"2026-11-21T15:04:05.000000Z","updated_at":null}"#
        );
    }

    #[test]
    fn rows_of_others_that_are_no_json_have_no_data() {
        let json = serde_json::to_value(stored("{oops", "01")).unwrap();
        assert_eq!(
            (&json["data"], &json["notifiable_id"]),
            (&serde_json::Value::Null, &"01".into())
        );
        let error = stored("{oops", "1").data::<serde_json::Value>().unwrap_err().to_string();
        assert!(
            error
                .starts_with("the data of the stored notification eb27 can't be read: key must be"),
            "{error}"
        );
    }

    #[test]
    fn what_does_not_fit_into_its_column_is_no_row() {
        let name = "a".repeat(NAME_BYTES_MAX + 1);
        let row = |kind: &str, class: &str, key: &str, data: &str| {
            Row::new("1", kind, Owner::new(class, key), data).err().map(|error| error.to_string())
        };
        assert_eq!(row(&name[1..], &name[1..], &name[1..], &"1".repeat(DATA_BYTES_MAX)), None);
        for (error, column) in [
            (row(&name, "", "", ""), "type"),
            (row("", &name, "", ""), "notifiable_type"),
            (row("", "", &name, ""), "notifiable_id"),
        ] {
            let expected =
                format!("the {column} of a notification has 256 bytes, more than the 255 that fit");
            assert_eq!(error, Some(expected));
        }
        let error = row("", "", "", &"1".repeat(DATA_BYTES_MAX + 1));
        assert_eq!(
            error.as_deref(),
            Some("the data of a notification has 65536 bytes, more than the 65535 that fit")
        );
    }
}
