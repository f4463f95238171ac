use std::{collections::BTreeMap, ops::Deref};

use serde::{Deserialize, Serialize};
use sqlx::{FromRow, SqliteConnection, SqlitePool};

/// How many ticks are remembered, for the charts.
pub const TICKS_MAX: i64 = 60;

/// The price of each symbol, in cents.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prices(BTreeMap<String, i64>);

impl Deref for Prices {
    type Target = BTreeMap<String, i64>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl FromIterator<(String, i64)> for Prices {
    fn from_iter<I: IntoIterator<Item = (String, i64)>>(prices: I) -> Self {
        Self(prices.into_iter().collect())
    }
}

impl TryFrom<String> for Prices {
    type Error = serde_json::Error;

    fn try_from(json: String) -> Result<Self, Self::Error> {
        serde_json::from_str(&json)
    }
}

/// All prices at one time. Numbers are given once, without a gap, whichever process ticks.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize)]
pub struct Tick {
    pub tick: i64,
    #[sqlx(try_from = "String")]
    pub prices: Prices,
    pub at: String,
}

impl Tick {
    pub async fn last(db: &SqlitePool) -> sqlx::Result<Option<Self>> {
        let sql = "SELECT * FROM ticker_ticks ORDER BY tick DESC LIMIT 1";
        sqlx::query_as(sql).fetch_optional(db).await
    }

    /// The ticks after this one, as far as they are remembered.
    pub async fn since(db: &SqlitePool, tick: i64) -> sqlx::Result<Vec<Self>> {
        let sql = "SELECT * FROM ticker_ticks WHERE tick > ? ORDER BY tick LIMIT ?";
        sqlx::query_as(sql).bind(tick).bind(TICKS_MAX).fetch_all(db).await
    }

    /// Stores a tick, and forgets those that are too old. There can't be two of one number: the database sees to it.
    pub async fn add(db: &mut SqliteConnection, tick: i64, prices: &Prices) -> sqlx::Result<Self> {
        let json =
            serde_json::to_string(prices).map_err(|error| sqlx::Error::Encode(error.into()))?;
        let sql = "INSERT INTO ticker_ticks (tick, prices) VALUES (?, ?) RETURNING *";
        let tick: Self = sqlx::query_as(sql).bind(tick).bind(json).fetch_one(&mut *db).await?;
        let sql = "DELETE FROM ticker_ticks WHERE tick <= ?";
        sqlx::query(sql).bind(tick.tick - TICKS_MAX).execute(db).await?;
        Ok(tick)
    }
}
