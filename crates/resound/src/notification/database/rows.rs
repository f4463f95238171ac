//! Rows as they come back: texts.

use crate::notification::{
    error::StoreError, notifiable::Owner, row::DatabaseNotification, timestamp::Timestamp,
};

/// The columns of a row; `None` is NULL.
pub(crate) type Record = Vec<Option<String>>;

/// Reads what [`Query::select`](super::query::Query::select) asked for.
pub(crate) fn notification(record: Record) -> Result<DatabaseNotification, StoreError> {
    let mut columns = record.into_iter();
    let mut next = || columns.next().flatten();
    let mut text = || next().unwrap_or_default();
    let (id, kind, class, key, data) = (text(), text(), text(), text(), text());
    let mut time = |column| time(next(), &id, column);
    let (read_at, created_at, updated_at) =
        (time("read_at")?, time("created_at")?, time("updated_at")?);
    let owner = Owner { class, key };
    Ok(DatabaseNotification { id, kind, owner, data, read_at, created_at, updated_at })
}

/// The number that is the only column of the only row.
pub(crate) fn number(records: &[Record]) -> u64 {
    let text = records.first().and_then(|record| record.first()?.as_deref());
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Whether there is a row of this id; databases don't tell apart capitals in a UUID.
pub(crate) fn contains(records: &[Record], id: &str) -> bool {
    let ids = records.iter().filter_map(|record| record.first()?.as_deref());
    ids.into_iter().any(|known| known.eq_ignore_ascii_case(id))
}

fn time(
    text: Option<String>,
    id: &str,
    column: &'static str,
) -> Result<Option<Timestamp>, StoreError> {
    let Some(text) = text else { return Ok(None) };
    let unreadable = || StoreError::Row {
        id: id.to_owned(),
        column,
        reason: format!("{text:?} is no date and time"),
    };
    Timestamp::parse(&text).map(Some).ok_or_else(unreadable)
}
