//! SQL with its values.

use std::fmt::Write as _;

use crate::notification::{
    database::{
        layout::{Layout, Type, number},
        table::Kind,
    },
    notifiable::Owner,
    row::Row,
    store::{Change, Filter},
    timestamp::Timestamp,
};

/// SQL, and what stands in for its placeholders. Only values come from outside, never SQL.
#[doc(hidden)]
#[derive(Debug)]
#[expect(unnameable_types, reason = "it is a part of the sealed Backend")]
pub struct Query {
    layout: Layout,
    pub(crate) sql: String,
    pub(crate) values: Vec<Value>,
}

#[derive(Debug)]
pub(crate) enum Value {
    Text(String),
    Integer(i64),
}

impl Query {
    fn new(layout: &Layout, sql: &str) -> Self {
        Self { layout: layout.clone(), sql: sql.to_owned(), values: Vec::new() }
    }

    /// All columns as texts, in the order in which [`rows`](super::rows) reads them.
    pub(crate) fn select(layout: &Layout) -> Self {
        let (text, time) = match layout.kind {
            Kind::Sqlite => ("TEXT", ("CAST(", " AS TEXT)")),
            Kind::Postgres => ("TEXT", ("to_char(", ", 'YYYY-MM-DD HH24:MI:SS.US')")),
            Kind::MySql => ("CHAR", ("DATE_FORMAT(", ", '%Y-%m-%d %H:%i:%s.%f')")),
        };
        let mut sql = "SELECT ".to_owned();
        for column in ["id", "type", "notifiable_type", "notifiable_id", "data"] {
            let _ = write!(sql, "CAST({column} AS {text}), ");
        }
        let (before, after) = time;
        let times =
            ["read_at", "created_at", "updated_at"].map(|at| format!("{before}{at}{after}"));
        let _ = write!(sql, "{} FROM notifications", times.join(", "));
        Self::new(layout, &sql)
    }

    pub(crate) fn select_ids(layout: &Layout) -> Self {
        let text = if layout.kind == Kind::MySql { "CHAR" } else { "TEXT" };
        Self::new(layout, &format!("SELECT CAST(id AS {text}) FROM notifications"))
    }

    pub(crate) fn count(layout: &Layout) -> Self {
        let text = if layout.kind == Kind::MySql { "CHAR" } else { "TEXT" };
        Self::new(layout, &format!("SELECT CAST(COUNT(*) AS {text}) FROM notifications"))
    }

    pub(crate) fn insert(layout: &Layout, rows: &[Row]) -> Self {
        let columns = "id, type, notifiable_type, notifiable_id, data, created_at, updated_at";
        let mut query =
            Self::new(layout, &format!("INSERT INTO notifications ({columns}) VALUES "));
        for (at, row) in rows.iter().enumerate() {
            query.sql.push_str(if at == 0 { "(" } else { ", (" });
            query.bind(&row.id, &layout.id);
            for (value, of) in [
                (&row.kind, &Type::Text),
                (&row.owner.class, &Type::Text),
                (&row.owner.key, &layout.owner_key),
                (&row.data, &layout.data),
            ] {
                query.sql.push_str(", ");
                query.bind(value, of);
            }
            for _ in ["created_at", "updated_at"] {
                query.sql.push_str(", ");
                query.bind_time(row.created_at);
            }
            query.sql.push(')');
        }
        query
    }

    pub(crate) fn change(layout: &Layout, change: Change) -> Self {
        let mut query = Self::new(layout, "");
        let (set, at) = match change {
            Change::Delete => {
                query.sql.push_str("DELETE FROM notifications");
                return query;
            }
            Change::Read(at) => {
                query.sql.push_str("UPDATE notifications SET read_at = ");
                query.bind_time(at);
                (", updated_at = ", at)
            }
            Change::Unread(at) => ("UPDATE notifications SET read_at = NULL, updated_at = ", at),
        };
        query.sql.push_str(set);
        query.bind_time(at);
        query
    }

    /// Of an owner. It is the first condition of every question.
    pub(crate) fn of(mut self, owner: &Owner) -> Self {
        let owner_key = self.layout.owner_key.clone();
        self.sql.push_str(" WHERE notifiable_type = ");
        self.bind(&owner.class, &Type::Text);
        self.sql.push_str(" AND notifiable_id = ");
        self.bind(&owner.key, &owner_key);
        match self.layout.kind {
            // Collations may hold ann, Ann and änn for one; the index finds them, this tells them apart.
            Kind::MySql if owner_key == Type::Text => {
                self.exactly("notifiable_type", "BINARY", &owner.class);
                self.exactly("notifiable_id", "BINARY", &owner.key);
            }
            Kind::MySql => self.exactly("notifiable_type", "BINARY", &owner.class),
            // A column of numbers takes 01 for 1.
            Kind::Sqlite => self.exactly("notifiable_id", "TEXT", &owner.key),
            Kind::Postgres => {}
        }
        self
    }

    pub(crate) fn ids<'a>(mut self, ids: impl IntoIterator<Item = &'a str>) -> Self {
        self.sql.push_str(" AND id IN (");
        let of = self.layout.id.clone();
        for (at, id) in ids.into_iter().enumerate() {
            self.sql.push_str(if at == 0 { "" } else { ", " });
            self.bind(id, &of);
        }
        self.sql.push(')');
        self
    }

    pub(crate) fn filter(mut self, filter: Filter) -> Self {
        self.sql.push_str(match filter {
            Filter::All => "",
            Filter::Unread => " AND read_at IS NULL",
            Filter::Read => " AND read_at IS NOT NULL",
        });
        self
    }

    /// Those behind this one in the order of [`newest_first`](Self::newest_first).
    pub(crate) fn after(mut self, id: &str) -> Self {
        const CREATED_AT: &str = "(SELECT created_at FROM notifications WHERE id = ";
        let of = self.layout.id.clone();
        let _ = write!(self.sql, " AND (created_at < {CREATED_AT}");
        self.bind(id, &of);
        let _ = write!(self.sql, ") OR (created_at = {CREATED_AT}");
        self.bind(id, &of);
        self.sql.push_str(") AND id < ");
        self.bind(id, &of);
        self.sql.push_str("))");
        self
    }

    pub(crate) fn newest_first(mut self, limit: usize) -> Self {
        let nulls = if self.layout.kind == Kind::Postgres { " NULLS LAST" } else { "" };
        let _ = write!(self.sql, " ORDER BY created_at DESC{nulls}, id DESC LIMIT {limit}");
        self
    }

    fn exactly(&mut self, column: &str, of: &str, value: &str) {
        let _ = write!(self.sql, " AND CAST({column} AS {of}) = CAST(");
        self.bind(value, &Type::Text);
        let _ = write!(self.sql, " AS {of})");
    }

    fn bind_time(&mut self, time: Timestamp) {
        self.bind(&time.sql(), &Type::Named("timestamp"));
    }

    fn bind(&mut self, value: &str, of: &Type) {
        let value = match (of, self.layout.kind, number(value)) {
            (Type::Integer(..), Kind::Postgres | Kind::MySql, Some(number)) => {
                Value::Integer(number)
            }
            _ => Value::Text(value.to_owned()),
        };
        self.values.push(value);
        let at = self.values.len();
        let _ = match (self.layout.kind, of) {
            (Kind::Postgres, Type::Named(name)) => write!(self.sql, "CAST(${at} AS {name})"),
            (Kind::Postgres, _) => write!(self.sql, "${at}"),
            (Kind::Sqlite | Kind::MySql, _) => write!(self.sql, "?"),
        };
    }
}
