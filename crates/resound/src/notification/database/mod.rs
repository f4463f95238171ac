//! Notifications in the application's own database.
//!
//! # Layout
//!
//! * `layout`: the types of the table's columns, which may be Laravel's
//! * `query`: SQL with its values; `table`: asking the databases
//! * `rows`: rows as they come back
//! * `within`: storing in a transaction of the application's

mod layout;
mod query;
mod rows;
mod table;
mod within;

use std::{fmt, future::Future};

use sqlx::Pool;

pub(crate) use table::Table;
pub use within::WithinTransaction;

use crate::{
    after_commit::Waits,
    notification::{
        database::{layout::Layout, query::Query},
        error::StoreError,
        notifiable::Owner,
        row::{DatabaseNotification, Row},
        store::{Change, Changed, Filter, Page, Store, Storing, Which},
    },
    sql::Backend,
};

/// Notifications in the table `notifications` of SQLite, PostgreSQL, MySQL or MariaDB, which
/// [`sql::migrate`](crate::sql::migrate) makes.
///
/// The table may be Laravel's, whatever its migration chose for `notifiable_id` (`bigint`, `uuid`, text), so that a Laravel
/// application and this one share it. Times are UTC, as with Laravel's default `timezone`.
///
/// ```
/// # #[cfg(feature = "sqlx-sqlite")]
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use resound::{Broadcaster, notification::{DatabaseStore, Notifier}};
/// use sqlx::SqlitePool;
///
/// let pool = SqlitePool::connect("sqlite:app.db").await?;
/// resound::sql::migrate(&pool).await?;
/// let notifier = Notifier::new(&Broadcaster::from_env()?, DatabaseStore::new(&pool));
/// # let _ = notifier;
/// # Ok(())
/// # }
/// ```
pub struct DatabaseStore<DB: Backend> {
    pool: Pool<DB>,
}

impl<DB: Backend> DatabaseStore<DB> {
    /// A store in this database.
    ///
    /// ```
    /// use resound::notification::{DatabaseStore, Notifier};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let options = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
    /// # let pool = options.connect("sqlite::memory:").await?;
    /// # resound::sql::migrate(&pool).await?;
    /// # let broadcaster = resound::Broadcaster::null();
    /// let notifier = Notifier::new(&broadcaster, DatabaseStore::new(&pool));
    /// # let _ = notifier;
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(pool: &Pool<DB>) -> Self {
        Self { pool: pool.clone() }
    }

    async fn find(
        &self,
        owner: &Owner,
        id: &str,
    ) -> Result<Option<DatabaseNotification>, StoreError> {
        let (mut connection, layout) = self.begin(owner).await?;
        if !layout.takes_id(id) {
            return Ok(None);
        }
        let query = Query::select(&layout).of(owner).ids([id]);
        let rows = DB::fetch(&mut connection, query).await.map_err(failed)?;
        rows.into_iter().next().map(rows::notification).transpose()
    }

    async fn list(
        &self,
        owner: &Owner,
        page: &Page,
    ) -> Result<Vec<DatabaseNotification>, StoreError> {
        let (mut connection, layout) = self.begin(owner).await?;
        let query = Query::select(&layout).of(owner).filter(page.filter);
        let query = match &page.after {
            Some(id) if layout.takes_id(id) => query.after(id),
            Some(_) => return Ok(Vec::new()),
            None => query,
        };
        let rows = DB::fetch(&mut connection, query.newest_first(page.limit)).await;
        rows.map_err(failed)?.into_iter().map(rows::notification).collect()
    }

    async fn count(&self, owner: &Owner, filter: Filter) -> Result<u64, StoreError> {
        let (mut connection, layout) = self.begin(owner).await?;
        let query = Query::count(&layout).of(owner).filter(filter);
        let rows = DB::fetch(&mut connection, query).await.map_err(failed)?;
        Ok(rows::number(&rows))
    }

    async fn change(
        &self,
        owner: &Owner,
        which: &Which,
        change: Change,
    ) -> Result<Changed, StoreError> {
        let (mut connection, layout) = self.begin(owner).await?;
        let mut query = Query::change(&layout, change).of(owner).filter(concerned(change));
        let mut unknown = Vec::new();
        if let Which::Ids(ids) = which {
            let fitting = || ids.iter().map(String::as_str).filter(|id| layout.takes_id(id));
            let known = if fitting().next().is_some() {
                let select = Query::select_ids(&layout).of(owner).ids(fitting());
                DB::fetch(&mut connection, select).await.map_err(failed)?
            } else {
                Vec::new()
            };
            let is_known = |id: &&String| rows::contains(&known, id);
            unknown = ids.iter().filter(|id| !is_known(id)).cloned().collect();
            if known.is_empty() {
                return Ok(Changed { count: 0, unknown });
            }
            query = query.ids(fitting());
        }
        let count = DB::execute(&mut connection, query).await.map_err(failed)?;
        Ok(Changed { count, unknown })
    }

    /// A connection, and how the table is laid out.
    async fn begin(
        &self,
        owner: &Owner,
    ) -> Result<(sqlx::pool::PoolConnection<DB>, Layout), StoreError> {
        let mut connection = self.pool.acquire().await.map_err(failed)?;
        let layout = layout::of::<DB>(&mut connection).await?;
        layout.check(owner)?;
        Ok((connection, layout))
    }
}

/// Stores rows by a connection, which may be within a transaction.
pub(crate) async fn insert<DB: Backend>(
    connection: &mut DB::Connection,
    rows: &[Row],
) -> Result<(), StoreError> {
    let layout = layout::of::<DB>(connection).await?;
    rows.iter().try_for_each(|row| layout.check(&row.owner))?;
    DB::execute(connection, Query::insert(&layout, rows)).await.map_err(failed)?;
    Ok(())
}

/// Those that a change changes: the time at which something was read stays what it is.
fn concerned(change: Change) -> Filter {
    match change {
        Change::Read(_) => Filter::Unread,
        Change::Unread(_) => Filter::Read,
        Change::Delete => Filter::All,
    }
}

fn failed(error: sqlx::Error) -> StoreError {
    StoreError::Failed(Box::new(error))
}

impl<DB: Backend> Clone for DatabaseStore<DB> {
    fn clone(&self) -> Self {
        Self::new(&self.pool)
    }
}

impl<DB: Backend> fmt::Debug for DatabaseStore<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseStore").field("database", &DB::NAME).finish_non_exhaustive()
    }
}

impl<DB: Backend> Store for DatabaseStore<DB> {
    fn insert<'a>(&'a self, rows: &'a [Row]) -> Storing<'a, ()> {
        Box::pin(async move {
            if Waits::ForTask.is_within() {
                return Err(StoreError::OutsideTransaction);
            }
            let mut connection = self.pool.acquire().await.map_err(failed)?;
            insert::<DB>(&mut connection, rows).await
        })
    }

    fn find<'a>(
        &'a self,
        owner: &'a Owner,
        id: &'a str,
    ) -> Storing<'a, Option<DatabaseNotification>> {
        Box::pin(self.find(owner, id))
    }

    fn list<'a>(
        &'a self,
        owner: &'a Owner,
        page: &'a Page,
    ) -> Storing<'a, Vec<DatabaseNotification>> {
        Box::pin(self.list(owner, page))
    }

    fn count<'a>(&'a self, owner: &'a Owner, filter: Filter) -> Storing<'a, u64> {
        Box::pin(self.count(owner, filter))
    }

    fn change<'a>(
        &'a self,
        owner: &'a Owner,
        which: &'a Which,
        change: Change,
    ) -> Storing<'a, Changed> {
        Box::pin(self.change(owner, which, change))
    }
}

/// A future of a database.
type Asking<'a, T> = std::pin::Pin<Box<dyn Future<Output = sqlx::Result<T>> + Send + 'a>>;
