use serde::{Deserialize, Serialize};
use sqlx::{FromRow, SqliteConnection, SqliteExecutor};

use super::status::Status;
use crate::{text::euros, visitor::User};

/// How many orders a list has. All that are under way fit: customers are few, and each has [`UNDER_WAY_MAX`] at most.
const LISTED_MAX: u32 = 100;
/// How many orders of one customer may be under way.
pub const UNDER_WAY_MAX: i64 = 20;

#[derive(FromRow)]
pub struct Product {
    pub id: i64,
    pub name: String,
    pub cents: i64,
}

impl Product {
    pub async fn all(db: impl SqliteExecutor<'_>) -> sqlx::Result<Vec<Self>> {
        sqlx::query_as("SELECT * FROM orders_products ORDER BY name").fetch_all(db).await
    }

    pub async fn find(db: impl SqliteExecutor<'_>, id: i64) -> sqlx::Result<Option<Self>> {
        sqlx::query_as("SELECT * FROM orders_products WHERE id = ?")
            .bind(id)
            .fetch_optional(db)
            .await
    }

    pub fn price(&self) -> String {
        euros(self.cents)
    }
}

/// An order as it is now: in the database, on the page and on the channels.
#[derive(Clone, Debug, PartialEq, FromRow, Serialize)]
pub struct Order {
    pub id: i64,
    pub user_id: i64,
    pub customer: String,
    pub product: String,
    pub quantity: i64,
    /// What it costs in all.
    pub cents: i64,
    pub note: String,
    pub status: Status,
    pub version: i64,
    /// How it came there, the first step first.
    #[sqlx(try_from = "String")]
    pub steps: Steps,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub status: Status,
    pub by_id: i64,
    pub by: String,
    pub at: String,
}

impl Step {
    /// The time for browsers without JavaScript; the others write it as their readers do.
    pub fn in_utc(&self) -> String {
        format!("{} UTC", self.at.get(..16).unwrap_or_default().replace('T', " "))
    }
}

/// The database gives them as JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Steps(Vec<Step>);

impl TryFrom<String> for Steps {
    type Error = serde_json::Error;

    fn try_from(json: String) -> Result<Self, Self::Error> {
        serde_json::from_str(&json)
    }
}

impl std::ops::Deref for Steps {
    type Target = [Step];

    fn deref(&self) -> &[Step] {
        &self.0
    }
}

/// What a customer wants.
pub struct Wish<'a> {
    pub product: Product,
    pub quantity: i64,
    pub note: &'a str,
    pub draft: &'a str,
}

impl Wish<'_> {
    /// Whether this is what was ordered.
    pub fn is(&self, order: &Order) -> bool {
        self.product.name == order.product
            && self.quantity == order.quantity
            && self.note == order.note
    }
}

impl Order {
    /// The orders of a customer, or of all, the newest first. If they are too many, those that are under way go first.
    pub async fn list(
        db: impl SqliteExecutor<'_>,
        customer: Option<i64>,
    ) -> sqlx::Result<Vec<Self>> {
        sqlx::query_as(
            "SELECT * FROM
                (SELECT * FROM orders_listed WHERE ?1 IS NULL OR user_id = ?1
                ORDER BY status = 'delivered', id DESC LIMIT ?2)
            ORDER BY id DESC",
        )
        .bind(customer)
        .bind(LISTED_MAX)
        .fetch_all(db)
        .await
    }

    pub async fn find(db: impl SqliteExecutor<'_>, id: i64) -> sqlx::Result<Option<Self>> {
        sqlx::query_as("SELECT * FROM orders_listed WHERE id = ?").bind(id).fetch_optional(db).await
    }

    /// What became of a form.
    pub async fn of_draft(
        db: impl SqliteExecutor<'_>,
        customer: &User,
        draft: &str,
    ) -> sqlx::Result<Option<Self>> {
        sqlx::query_as(
            "SELECT * FROM orders_listed WHERE id =
                (SELECT id FROM orders_orders WHERE user_id = ? AND draft = ?)",
        )
        .bind(customer.id)
        .bind(draft)
        .fetch_optional(db)
        .await
    }

    pub async fn count_under_way(
        db: impl SqliteExecutor<'_>,
        customer: &User,
    ) -> sqlx::Result<i64> {
        sqlx::query_scalar(
            "SELECT count(*) FROM orders_orders WHERE user_id = ? AND status <> 'delivered'",
        )
        .bind(customer.id)
        .fetch_one(db)
        .await
    }

    pub async fn place(
        db: &mut SqliteConnection,
        customer: &User,
        wish: &Wish<'_>,
    ) -> sqlx::Result<Self> {
        let id = sqlx::query_scalar(
            "INSERT INTO orders_orders (user_id, product, cents_each, quantity, note, draft)
            VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
        )
        .bind(customer.id)
        .bind(&wish.product.name)
        .bind(wish.product.cents)
        .bind(wish.quantity)
        .bind(wish.note)
        .bind(wish.draft)
        .fetch_one(&mut *db)
        .await?;
        Self::note_step(db, id, customer).await
    }

    /// The order after its next step; none if somebody else was faster. That is the database's doing, whatever was read
    /// before.
    pub async fn step(
        &self,
        db: &mut SqliteConnection,
        to: Status,
        by: &User,
    ) -> sqlx::Result<Option<Self>> {
        let sql = "UPDATE orders_orders SET status = ?, version = version + 1 WHERE id = ? AND version = ?";
        let updated =
            sqlx::query(sql).bind(to).bind(self.id).bind(self.version).execute(&mut *db).await?;
        if updated.rows_affected() == 0 {
            return Ok(None);
        }
        Self::note_step(db, self.id, by).await.map(Some)
    }

    async fn note_step(db: &mut SqliteConnection, id: i64, by: &User) -> sqlx::Result<Self> {
        let sql = "INSERT INTO orders_steps (order_id, version, status, user_id)
            SELECT id, version, status, ? FROM orders_orders WHERE id = ?";
        sqlx::query(sql).bind(by.id).bind(id).execute(&mut *db).await?;
        sqlx::query_as("SELECT * FROM orders_listed WHERE id = ?").bind(id).fetch_one(db).await
    }

    /// Whose order it is.
    pub async fn owner(&self, db: impl SqliteExecutor<'_>) -> sqlx::Result<User> {
        sqlx::query_as("SELECT * FROM users WHERE id = ?").bind(self.user_id).fetch_one(db).await
    }

    /// An order that does not exist.
    pub fn blank() -> Self {
        let (status, none) = (Status::Processing, String::new);
        let step = Step { status, by_id: 0, by: none(), at: none() };
        Self {
            id: 0,
            user_id: 0,
            customer: none(),
            product: none(),
            quantity: 0,
            cents: 0,
            note: none(),
            status,
            version: 0,
            steps: Steps(vec![step]),
        }
    }

    pub fn title(&self) -> String {
        format!("{} × {}", self.quantity, self.product)
    }

    pub fn total(&self) -> String {
        euros(self.cents)
    }

    /// Who brought it to where it is.
    pub fn last_by(&self) -> &str {
        self.steps.last().map(|step| &*step.by).unwrap_or_default()
    }
}
