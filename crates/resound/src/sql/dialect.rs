//! The statements, and how each database wants them.
//!
//! Nothing in them comes from outside: values are bound. They are written with `?`, `{now}` and `{or_ignore}`, for which each
//! database has its own words.

use std::sync::Arc;

use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr as Statement};

/// The rows that one INSERT writes at most.
pub(crate) const ROWS_MAX: usize = 50;

/// How a database wants its statements.
pub(crate) struct Dialect {
    /// Milliseconds since 1970 by the clock of the database, so that those of the application's hosts need not agree.
    now: &'static str,
    /// `INSERT` that leaves a row alone that is there: what stands before `INTO`, and what at the end.
    ignore: (&'static str, &'static str),
    has_numbers: bool,
    pub(crate) migrations: &'static [(i64, &'static str)],
}

/// SQLite.
#[cfg(feature = "sqlx-sqlite")]
pub(crate) static SQLITE: Dialect = Dialect {
    now: "CAST(ROUND((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER)",
    ignore: ("", "ON CONFLICT DO NOTHING"),
    has_numbers: false,
    migrations: &[
        (1, include_str!("../../migrations/sqlite/0001_queue.sql")),
        (2, include_str!("../../migrations/sqlite/0002_notifications.sql")),
    ],
};

/// PostgreSQL.
#[cfg(feature = "sqlx-postgres")]
pub(crate) static POSTGRES: Dialect = Dialect {
    now: "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
    ignore: ("", "ON CONFLICT DO NOTHING"),
    has_numbers: true,
    migrations: &[
        (1, include_str!("../../migrations/postgres/0001_queue.sql")),
        (2, include_str!("../../migrations/postgres/0002_notifications.sql")),
    ],
};

/// MySQL and MariaDB.
#[cfg(feature = "sqlx-mysql")]
pub(crate) static MYSQL: Dialect = Dialect {
    now: "CAST(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000 AS SIGNED)",
    ignore: ("IGNORE", ""),
    has_numbers: false,
    migrations: &[
        (1, include_str!("../../migrations/mysql/0001_queue.sql")),
        (2, include_str!("../../migrations/mysql/0002_notifications.sql")),
    ],
};

/// All that is asked of the tables.
pub(crate) struct Statements {
    dialect: &'static Dialect,
    pub(crate) take: Statement,
    pub(crate) sent: Statement,
    pub(crate) postpone: Statement,
    pub(crate) fail: Statement,
    pub(crate) reserve: Statement,
    pub(crate) open_lane: Statement,
    pub(crate) release: Statement,
    pub(crate) stats: Statement,
    pub(crate) count_failed: Statement,
    pub(crate) failed: Statement,
    pub(crate) retry: Statement,
    pub(crate) forget: Statement,
    pub(crate) prune: Statement,
    pub(crate) last_failed: Statement,
}

impl Statements {
    pub(crate) fn new(dialect: &'static Dialect) -> Self {
        let say = |text| dialect.say(text);
        Self {
            dialect,
            take: say(
                "SELECT id, uuid, payload, attempts, available_at - {now}, {now} - created_at \
                 FROM resound_jobs WHERE queue = ? AND connection = ? ORDER BY id LIMIT ?",
            ),
            sent: say("DELETE FROM resound_jobs WHERE id = ?"),
            postpone: say(
                "UPDATE resound_jobs SET attempts = attempts + 1, available_at = {now} + ? WHERE id = ?",
            ),
            fail: say(
                "INSERT INTO resound_failed_jobs (uuid, queue, connection, payload, exception, failed_at) \
                 SELECT uuid, queue, connection, payload, ?, {now} FROM resound_jobs WHERE id = ?",
            ),
            reserve: say("UPDATE resound_lanes SET reserved_by = ?, reserved_until = {now} + ? \
                 WHERE queue = ? AND connection = ? AND (reserved_by = ? OR reserved_until < {now})"),
            open_lane: say(
                "INSERT {ignore} INTO resound_lanes (queue, connection, reserved_by, reserved_until) \
                 VALUES (?, ?, '', 0) {or_ignore}",
            ),
            release: say("UPDATE resound_lanes SET reserved_until = 0 \
                 WHERE queue = ? AND connection = ? AND reserved_by = ?"),
            stats: say(
                "SELECT jobs.queue, jobs.connection, COUNT(*), {now} - MIN(jobs.created_at), \
                 COALESCE(MAX(lanes.reserved_until), 0) - {now} FROM resound_jobs jobs \
                 LEFT JOIN resound_lanes lanes ON lanes.queue = jobs.queue AND lanes.connection = jobs.connection \
                 GROUP BY jobs.queue, jobs.connection ORDER BY jobs.queue, jobs.connection",
            ),
            count_failed: say("SELECT COUNT(*) FROM resound_failed_jobs"),
            failed: say("SELECT id, uuid, queue, connection, payload, exception, failed_at \
                 FROM resound_failed_jobs WHERE id > ? ORDER BY id LIMIT ?"),
            retry: say(
                "INSERT INTO resound_jobs (uuid, queue, connection, payload, attempts, available_at, created_at) \
                 SELECT uuid, queue, connection, payload, 0, {now}, {now} FROM resound_failed_jobs WHERE id = ?",
            ),
            forget: say("DELETE FROM resound_failed_jobs WHERE id = ?"),
            // MySQL takes LIMIT in a subquery only behind another one.
            prune: say(
                "DELETE FROM resound_failed_jobs WHERE id IN (SELECT id FROM (SELECT id FROM resound_failed_jobs \
                 WHERE failed_at <= {now} - ? ORDER BY id LIMIT ?) old_jobs)",
            ),
            last_failed: say("SELECT COALESCE(MAX(id), 0) FROM resound_failed_jobs"),
        }
    }

    /// The INSERT of so many jobs.
    pub(crate) fn push(&self, rows: usize) -> Statement {
        let rows = vec!["(?, ?, ?, ?, 0, {now}, {now})"; rows].join(", ");
        self.dialect.say(&format!(
            "INSERT INTO resound_jobs (uuid, queue, connection, payload, attempts, available_at, created_at) VALUES {rows}"
        ))
    }
}

impl Dialect {
    pub(crate) fn say(&self, text: &str) -> Statement {
        let (ignore, or_ignore) = self.ignore;
        let text = text.replace("{ignore}", ignore).replace("{or_ignore}", or_ignore);
        let text = text.replace("{now}", self.now);
        if !self.has_numbers {
            return AssertSqlSafe(Arc::<str>::from(text)).into_sql_str();
        }
        let mut parts = text.split('?');
        let mut numbered = parts.next().unwrap_or_default().to_owned();
        for (n, part) in parts.enumerate() {
            numbered.push_str(&format!("${}{part}", n + 1));
        }
        AssertSqlSafe(Arc::<str>::from(numbered)).into_sql_str()
    }
}

#[cfg(all(test, feature = "sqlx-postgres", feature = "sqlx-mysql"))]
mod tests {
    use super::*;

    #[test]
    fn each_database_gets_its_own_words() {
        let text = "INSERT {ignore} INTO t VALUES (?, {now}, ?) {or_ignore}";
        let numbered = "INSERT  INTO t VALUES ($1, CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT), $2) \
                        ON CONFLICT DO NOTHING";
        assert_eq!(POSTGRES.say(text).as_str(), numbered);
        assert!(MYSQL.say(text).as_str().starts_with("INSERT IGNORE INTO t VALUES (?, CAST("));
    }
}
