//! Which process does what only one may do: a row in the database says so, for a while.
//!
//! Who has it renews it with each tick. Who dies does not, and when its time is over another one takes it. Nobody needs
//! to know how many processes there are.

use std::time::Duration;

use sqlx::{SqliteConnection, SqlitePool};

use crate::session::{hex, random};

/// One process's claim to the lease.
pub struct Lease {
    /// Names this process.
    holder: String,
    duration: Duration,
}

impl Lease {
    pub fn of(duration: Duration) -> Self {
        Self { holder: hex(&random::<8>()), duration }
    }

    /// Takes the lease, if nobody has it at this time, or prolongs it; false if another process has it.
    pub async fn take(&self, db: &SqlitePool, now_milliseconds: i64) -> sqlx::Result<bool> {
        // A lease that is far too long was taken before the clock was put back, or at another pace.
        let sql = "UPDATE ticker_lease SET holder = ?1, until = ?2 + ?3
            WHERE holder = ?1 OR until <= ?2 OR until > ?2 + 2 * ?3";
        let duration = i64::try_from(self.duration.as_millis()).unwrap_or(i64::MAX);
        let query = sqlx::query(sql).bind(&self.holder).bind(now_milliseconds).bind(duration);
        Ok(query.execute(db).await?.rows_affected() == 1)
    }

    /// Whether it is still this process's: the question to ask in the transaction that needs it. A process that
    /// stood still for longer than its lease finds out here.
    pub async fn is_held(&self, db: &mut SqliteConnection) -> sqlx::Result<bool> {
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM ticker_lease WHERE holder = ?)")
            .bind(&self.holder)
            .fetch_one(db)
            .await
    }
}
