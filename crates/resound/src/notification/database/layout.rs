//! The types of the table's columns.
//!
//! Laravel's migrations leave open what keys are: `morphs` makes `bigint`, `uuidMorphs` makes `uuid` or `char(36)`, `string` text.
//! SQLite compares texts with all of them. PostgreSQL has to be told, and MySQL would compare numbers with texts as floats.

use crate::notification::{
    database::{
        failed,
        table::{Kind, Table},
    },
    error::StoreError,
    id::is_uuid,
    notifiable::Owner,
};

/// Asks for the columns whose types differ; it is prepared only.
const COLUMNS: &str = "SELECT id, notifiable_id, data FROM notifications";

/// How the table is laid out.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) kind: Kind,
    pub(crate) id: Type,
    pub(crate) owner_key: Type,
    pub(crate) data: Type,
}

/// The type of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// Text of some kind, or what takes text.
    Text,
    Integer,
    /// One that PostgreSQL does not make of a text unless it is told its name.
    Named(&'static str),
}

/// How the table is laid out, which the database is asked once for each connection.
pub(crate) async fn of<DB: Table>(connection: &mut DB::Connection) -> Result<Layout, StoreError> {
    let text =
        || Layout { kind: DB::KIND, id: Type::Text, owner_key: Type::Text, data: Type::Text };
    if DB::KIND == Kind::Sqlite {
        return Ok(text());
    }
    let types = DB::types(connection, COLUMNS).await.map_err(failed)?;
    let [id, owner_key, data] = &types[..] else { return Ok(text()) };
    let of = |name: &String| Type::of(DB::KIND, name);
    Ok(Layout { kind: DB::KIND, id: of(id), owner_key: of(owner_key), data: of(data) })
}

impl Type {
    /// Reads sqlx's names: `INT8`, `BIGINT UNSIGNED`, `UUID`.
    fn of(kind: Kind, name: &str) -> Self {
        match (kind, name) {
            (_, name) if name.contains("INT") => Self::Integer,
            (Kind::Postgres, "UUID") => Self::Named("uuid"),
            (Kind::Postgres, "JSON") => Self::Named("json"),
            (Kind::Postgres, "JSONB") => Self::Named("jsonb"),
            (Kind::Postgres, "CHAR") => Self::Named("bpchar"),
            _ => Self::Text,
        }
    }

    fn takes(&self, text: &str) -> bool {
        match self {
            Self::Integer => number(text).is_some(),
            Self::Named("uuid") => is_uuid(text),
            // PostgreSQL has no texts with zeros.
            Self::Text | Self::Named(_) => !text.contains('\0'),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Named(name) => name,
        }
    }
}

impl Layout {
    /// Whether there can be a row of this id. What comes from outside need not be one.
    pub(crate) fn takes_id(&self, id: &str) -> bool {
        id.len() <= crate::notification::NAME_BYTES_MAX && id.is_ascii() && self.id.takes(id)
    }

    /// Whether there can be rows of this owner.
    pub(crate) fn check(&self, owner: &Owner) -> Result<(), StoreError> {
        if self.owner_key.takes(&owner.key) && Type::Text.takes(&owner.class) {
            return Ok(());
        }
        let column_type = self.owner_key.name().to_owned();
        Err(StoreError::Key { owner: owner.clone(), column_type })
    }
}

/// A number as it is written in only one way, so that no two keys mean the same row.
pub(crate) fn number(text: &str) -> Option<i64> {
    text.parse::<i64>().ok().filter(|number| number.to_string() == text)
}
