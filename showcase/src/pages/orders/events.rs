//! An order is a model that broadcasts its events: `OrderCreated`, and `OrderUpdated` if something of it has really
//! changed. Both carry the whole order, so that a page that missed one is up to date with the next.

use resound::{
    Channel, Model,
    model::{BroadcastsEvents, ModelEvent},
    notification::{Notifiable, Notification, Via},
};
use serde::Serialize;

use super::store::Order;

impl Model for Order {
    fn key(&self) -> String {
        self.id.to_string()
    }
}

impl BroadcastsEvents for Order {
    /// To its customer, and to the staff.
    fn broadcast_on(&self, _: ModelEvent) -> Vec<Channel> {
        let customer = Channel::private(format!("orders.{}", self.user_id));
        vec![customer, Channel::private("orders.staff")]
    }
}

/// What the customer is told, on whatever page.
#[derive(Serialize)]
pub struct OrderMoved {
    pub text: String,
    pub link: String,
}

impl OrderMoved {
    pub fn of(order: &Order) -> Self {
        let (id, title, status) = (order.id, order.title(), order.status.label());
        Self { text: format!("Your order {id}, {title}: {status}"), link: format!("/orders/{id}") }
    }
}

impl<N: Notifiable> Notification<N> for OrderMoved {
    fn via(&self, _: &N) -> Vec<Via> {
        vec![Via::Database, Via::Broadcast]
    }
}
