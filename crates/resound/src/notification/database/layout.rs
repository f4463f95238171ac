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
    /// Numbers, from the least that it holds to the greatest. Of unsigned ones those that are also signed.
    Integer(i64, i64),
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
            (_, name) if name.contains("INT") => Self::integer(name),
            (Kind::Postgres, "UUID") => Self::Named("uuid"),
            (Kind::Postgres, "JSON") => Self::Named("json"),
            (Kind::Postgres, "JSONB") => Self::Named("jsonb"),
            (Kind::Postgres, "CHAR") => Self::Named("bpchar"),
            _ => Self::Text,
        }
    }

    fn integer(name: &str) -> Self {
        let (width, is_unsigned) = (name.split(' ').next(), name.ends_with("UNSIGNED"));
        let bits = match width {
            Some("TINYINT") => 8,
            Some("SMALLINT" | "INT2") => 16,
            Some("MEDIUMINT") => 24,
            Some("INT" | "INT4") => 32,
            _ => 64,
        };
        let max = i64::MAX >> (64 - bits);
        match (is_unsigned, bits) {
            (false, _) => Self::Integer(-max - 1, max),
            (true, 64) => Self::Integer(0, max),
            (true, _) => Self::Integer(0, 2 * max + 1),
        }
    }

    fn takes(&self, text: &str) -> bool {
        match self {
            Self::Integer(min, max) => number(text).is_some_and(|it| (*min..=*max).contains(&it)),
            Self::Named("uuid") => is_uuid(text),
            // PostgreSQL has no texts with zeros.
            Self::Text | Self::Named(_) => !text.contains('\0'),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer(..) => "integer",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_of_numbers_takes_those_that_it_has_room_for() {
        for (name, min, max) in [
            ("INT2", "-32768", "32767"),
            ("INT4", "-2147483648", "2147483647"),
            ("INT8", "-9223372036854775808", "9223372036854775807"),
            ("TINYINT UNSIGNED", "0", "255"),
            ("MEDIUMINT", "-8388608", "8388607"),
            ("INT UNSIGNED", "0", "4294967295"),
            ("BIGINT UNSIGNED", "0", "9223372036854775807"),
        ] {
            let column = Type::of(Kind::MySql, name);
            assert!(column.takes(min) && column.takes(max), "{name}");
            let beyond = |key: &str, by: i128| (key.parse::<i128>().expect("one") + by).to_string();
            assert!(!column.takes(&beyond(min, -1)) && !column.takes(&beyond(max, 1)), "{name}");
        }
    }
}
