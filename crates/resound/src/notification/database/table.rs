//! Asking the databases.

use sqlx::{
    AssertSqlSafe, Column as _, Executor as _, Row as _, SqlSafeStr as _, Statement as _,
    TypeInfo as _,
};

use crate::notification::database::{
    Asking,
    query::{Query, Value},
    rows::Record,
};

/// What notifications need of a database. Nobody else can implement it, so that it can grow.
#[expect(unnameable_types, reason = "it is a part of the sealed Backend")]
pub trait Table: sqlx::Database {
    #[doc(hidden)]
    const KIND: Kind;

    /// The names of the types of a question's columns.
    #[doc(hidden)]
    fn types<'a>(
        connection: &'a mut Self::Connection,
        sql: &'static str,
    ) -> Asking<'a, Vec<String>>;

    /// Rows whose columns are texts.
    #[doc(hidden)]
    fn fetch(connection: &mut Self::Connection, query: Query) -> Asking<'_, Vec<Record>>;

    /// How many rows it changed.
    #[doc(hidden)]
    fn execute(connection: &mut Self::Connection, query: Query) -> Asking<'_, u64>;
}

#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(unnameable_types, reason = "it is a part of the sealed Backend")]
pub enum Kind {
    Sqlite,
    Postgres,
    MySql,
}

/// The same code for types that have no trait in common which says all that it needs.
macro_rules! table {
    ($feature:literal, $database:ty, $kind:expr) => {
        #[cfg(feature = $feature)]
        const _: () = {
            type Question =
                sqlx::query::Query<'static, $database, <$database as sqlx::Database>::Arguments>;

            fn bound(query: Query) -> Question {
                let question = sqlx::query(AssertSqlSafe(query.sql));
                query.values.into_iter().fold(question, |question, value| match value {
                    Value::Text(text) => question.bind(text),
                    Value::Integer(number) => question.bind(number),
                })
            }

            impl Table for $database {
                const KIND: Kind = $kind;

                fn types<'a>(
                    connection: &'a mut Self::Connection,
                    sql: &'static str,
                ) -> Asking<'a, Vec<String>> {
                    Box::pin(async move {
                        // sqlx keeps what it prepared, so that only the first question of a connection costs something.
                        let statement = connection.prepare(sql.into_sql_str()).await?;
                        let name = |column: &<Self as sqlx::Database>::Column| {
                            column.type_info().name().to_owned()
                        };
                        Ok(statement.columns().iter().map(name).collect())
                    })
                }

                fn fetch(
                    connection: &mut Self::Connection,
                    query: Query,
                ) -> Asking<'_, Vec<Record>> {
                    Box::pin(async move {
                        let mut records = Vec::new();
                        for row in bound(query).fetch_all(connection).await? {
                            let columns = (0..row.len()).map(|at| row.try_get(at));
                            records.push(columns.collect::<sqlx::Result<Record>>()?);
                        }
                        Ok(records)
                    })
                }

                fn execute(connection: &mut Self::Connection, query: Query) -> Asking<'_, u64> {
                    Box::pin(
                        async move { Ok(bound(query).execute(connection).await?.rows_affected()) },
                    )
                }
            }
        };
    };
}

table!("sqlx-sqlite", sqlx::Sqlite, Kind::Sqlite);
table!("sqlx-postgres", sqlx::Postgres, Kind::Postgres);
table!("sqlx-mysql", sqlx::MySql, Kind::MySql);
