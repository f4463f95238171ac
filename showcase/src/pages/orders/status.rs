//! The way of an order.

use serde::{Deserialize, Serialize};

use super::store::Order;
use crate::{reply::Problem, visitor::User};

/// Where an order is. It goes forward, one step at a time: each step is something that has happened to a parcel, with a
/// time of its own, and none of them can be skipped or undone.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type,
)]
#[serde(rename_all = "kebab-case")]
#[sqlx(rename_all = "kebab-case")]
pub enum Status {
    Processing,
    Shipped,
    InTransit,
    Delivered,
}

impl Status {
    pub const ALL: [Self; 4] = [Self::Processing, Self::Shipped, Self::InTransit, Self::Delivered];

    pub fn label(self) -> &'static str {
        match self {
            Self::Processing => "Processing",
            Self::Shipped => "Shipped",
            Self::InTransit => "In Transit",
            Self::Delivered => "Delivered",
        }
    }

    /// How it is written in forms and in the database.
    pub fn key(self) -> &'static str {
        match self {
            Self::Processing => "processing",
            Self::Shipped => "shipped",
            Self::InTransit => "in-transit",
            Self::Delivered => "delivered",
        }
    }

    pub fn next(self) -> Option<Self> {
        Self::ALL.into_iter().find(|status| *status > self)
    }

    /// What everybody may know of who brought an order here.
    pub fn deed(self) -> &'static str {
        match self {
            Self::Processing => "placed an order",
            Self::Shipped => "shipped an order",
            Self::InTransit => "saw an order off",
            Self::Delivered => "delivered an order",
        }
    }
}

/// What somebody of the staff wants, and what he saw when he wanted it.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Change {
    pub status: Status,
    pub version: i64,
}

impl Change {
    /// Whether there is something to do; or why it can't be done.
    pub fn check(self, order: &Order, by: &User) -> Result<bool, Problem> {
        let last = order.steps.last();
        let is_own = last.is_some_and(|step| step.by_id == by.id);
        // The same form sent twice, because the first answer was lost, is no conflict.
        if self.status == order.status && (self.version == order.version || is_own) {
            return Ok(false);
        }
        let (label, wanted) = (order.status.label(), self.status.label());
        if self.version != order.version {
            let by = if is_own { "You have" } else { &format!("{} has", order.last_by()) };
            return Err(Problem::conflict(format!("{by} set this order to {label} meanwhile.")));
        }
        match order.status.next() {
            Some(next) if next == self.status => Ok(true),
            Some(next) => Err(Problem::invalid(format!(
                "An order that is {label} can become {}, not {wanted}.",
                next.label()
            ))),
            None => Err(Problem::invalid(format!("This order is {label}, which is the end."))),
        }
    }
}
