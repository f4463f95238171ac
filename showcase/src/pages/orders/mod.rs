//! Orders: the staff changes a status, and the customer's page follows.
//!
//! An order is a model that broadcasts its events (see [`events`]): to its customer's private channel and to the staff's.
//! What belongs to one change, the order, its history, the customer's notification and the entry in the feed of
//! activities, is one transaction, and nothing of it is told before COMMIT or after ROLLBACK.

mod events;
mod status;
mod store;
#[cfg(test)]
mod tests;

use askama::Template;
use axum::{
    Json, Router,
    extract::{Path, State},
    routing::{get, post},
};
use resound::{Channels, SocketId, model};
use serde::Deserialize;

use self::{
    events::OrderMoved,
    status::{Change, Status},
    store::{Order, Product, UNDER_WAY_MAX, Wish},
};
use crate::{
    app::App,
    layout::{Frame, View, view},
    pages::{self, Page, activity},
    reply::{Done, Form, Problem},
    session::{hex, random},
    text,
    visitor::Visitor,
};

pub const PAGE: Page = Page {
    routes,
    channels,
    migration: include_str!("migration.sql"),
    ..Page::new(
        "orders",
        "Orders",
        "The staff sends an order on its way, and its customer watches.",
    )
};

const QUANTITY_MAX: i64 = 10;
const NOTE_CHARACTERS_MAX: usize = 140;

fn routes() -> Router<App> {
    Router::new()
        .route("/orders", get(list).post(place))
        .route("/orders/now", get(list_now))
        .route("/orders/{order}", get(show))
        .route("/orders/{order}/now", get(show_now))
        .route("/orders/{order}/status", post(change))
}

fn channels() -> Channels<App, Visitor> {
    pages::channels()
        .private("orders.staff", |visitor: Visitor| async move { visitor.is_staff() })
        .private(
            "orders.{user}",
            |visitor: Visitor, resound::Path(user): resound::Path<i64>| async move {
                !visitor.is_staff() && visitor.user.is_some_and(|it| it.id == user)
            },
        )
}

/// Whose orders somebody sees: the staff those of everybody, a customer his own, a guest none.
fn scope(visitor: &Visitor) -> Option<Scope> {
    match &visitor.user {
        Some(_) if visitor.is_staff() => Some(Scope { customer: None }),
        Some(user) => Some(Scope { customer: Some(user.id) }),
        None => None,
    }
}

struct Scope {
    /// One's orders, or those of all.
    customer: Option<i64>,
}

impl Scope {
    /// The channel that tells of them.
    fn channel(&self) -> String {
        self.customer.map_or("orders.staff".to_owned(), |id| format!("orders.{id}"))
    }

    async fn orders(&self, app: &App) -> sqlx::Result<Vec<Order>> {
        Order::list(&app.db, self.customer).await
    }

    /// Other people's orders are not there.
    async fn order(&self, app: &App, id: i64) -> Result<Order, Problem> {
        let order = Order::find(&app.db, id).await?;
        let is_seen = |order: &Order| self.customer.is_none_or(|id| id == order.user_id);
        order.filter(is_seen).ok_or_else(Problem::not_found)
    }
}

#[derive(Template)]
#[template(path = "pages/orders/list.html")]
struct ListPage {
    frame: Frame,
    title: &'static str,
    /// None for guests.
    channel: Option<String>,
    orders: Vec<Order>,
    /// What can be ordered, for customers.
    products: Option<Vec<Product>>,
    draft: String,
    is_staff: bool,
    is_alone: bool,
    /// The script's template is the card of an order that does not exist.
    blank: Order,
}

async fn list(frame: Frame, State(app): State<App>) -> View {
    let is_staff = frame.visitor.is_staff();
    let scope = scope(&frame.visitor);
    let (mut orders, mut products) = (Vec::new(), None);
    if let Some(scope) = &scope {
        orders = scope.orders(&app).await?;
        products = if is_staff { None } else { Some(Product::all(&app.db).await?) };
    }
    let title = match &scope {
        Some(_) if is_staff => "All orders",
        Some(_) => "Your orders",
        None => "Orders",
    };
    view(&ListPage {
        frame,
        title,
        channel: scope.map(|scope| scope.channel()),
        orders,
        products,
        draft: hex(&random::<8>()),
        is_staff,
        is_alone: false,
        blank: Order::blank(),
    })
}

#[derive(Template)]
#[template(path = "pages/orders/page.html")]
struct OrderPage {
    frame: Frame,
    channel: String,
    order: Order,
    is_staff: bool,
    is_alone: bool,
}

async fn show(frame: Frame, State(app): State<App>, Path(order): Path<i64>) -> View {
    let scope = scope(&frame.visitor).ok_or_else(Problem::not_found)?;
    let order = scope.order(&app, order).await?;
    let is_staff = frame.visitor.is_staff();
    view(&OrderPage { frame, channel: scope.channel(), order, is_staff, is_alone: true })
}

/// For pages that come back after they were not connected.
async fn list_now(State(app): State<App>, visitor: Visitor) -> Result<Json<Vec<Order>>, Problem> {
    let scope = scope(&visitor).ok_or_else(Problem::not_found)?;
    Ok(Json(scope.orders(&app).await?))
}

/// The same for the page of one order, as a list of one.
async fn show_now(
    State(app): State<App>,
    visitor: Visitor,
    Path(order): Path<i64>,
) -> Result<Json<[Order; 1]>, Problem> {
    let scope = scope(&visitor).ok_or_else(Problem::not_found)?;
    Ok(Json([scope.order(&app, order).await?]))
}

#[derive(Deserialize)]
struct Wanted {
    product: i64,
    quantity: i64,
    note: String,
    draft: String,
}

/// The customer gets the order as the answer; the staff, and other pages of the customer, by their channels.
async fn place(
    State(app): State<App>,
    visitor: Visitor,
    socket: SocketId,
    Form(form): Form<Wanted>,
) -> Result<Done, Problem> {
    let customer = visitor.clone().signed_in()?;
    if visitor.is_staff() {
        return Err(Problem::invalid("Who works here does not order here."));
    }
    if !(1..=QUANTITY_MAX).contains(&form.quantity) {
        return Err(Problem::invalid(format!("You can order 1 to {QUANTITY_MAX} of a thing.")));
    }
    let note = match form.note.trim() {
        "" => "",
        note => text::checked("A note", note, NOTE_CHARACTERS_MAX)?,
    };
    let draft = text::draft(&form.draft)?;
    let product = Product::find(&app.db, form.product).await?;
    let product = product.ok_or_else(|| Problem::invalid("Choose one of the products."))?;
    let wish = Wish { product, quantity: form.quantity, note, draft };

    let mut tx = app.broadcaster.begin(&app.db).await?;
    if let Some(order) = Order::of_draft(&mut *tx, &customer, draft).await? {
        return if wish.is(&order) { Done::with(&order) } else { Err(Problem::sent_before()) };
    }
    if Order::count_under_way(&mut *tx, &customer).await? >= UNDER_WAY_MAX {
        let problem =
            format!("{UNDER_WAY_MAX} of your orders are under way. Please wait for one of them.");
        return Err(Problem::conflict(problem));
    }
    let order = Order::place(&mut tx, &customer, &wish).await?;
    tx.send(model::created(&order)).to_others(socket).await;
    // What was ordered is nobody's business, and a link to it would say which one it was.
    activity::record(&mut tx, &visitor, order.status.deed(), "/orders").await?;
    tx.commit().await?;
    Done::with(&order)
}

/// The next step of an order.
async fn change(
    State(app): State<App>,
    visitor: Visitor,
    socket: SocketId,
    Path(order): Path<i64>,
    Form(form): Form<Change>,
) -> Result<Done, Problem> {
    let staff = visitor.clone().signed_in()?;
    if !visitor.is_staff() {
        return Err(Problem::not_found());
    }
    let mut tx = app.broadcaster.begin(&app.db).await?;
    let before = Order::find(&mut *tx, order).await?.ok_or_else(Problem::not_found)?;
    if !form.check(&before, &staff)? {
        return Done::with(&before);
    }
    let after = before.step(&mut tx, form.status, &staff).await?;
    let after =
        after.ok_or_else(|| Problem::conflict("Somebody has changed this order meanwhile."))?;
    tx.send(model::updated(&before, &after)).to_others(socket).await;
    let customer = after.owner(&mut *tx).await?;
    let told = app.notifier.within(&mut tx).send(&customer, OrderMoved::of(&after)).await;
    told.map_err(Problem::failed)?;
    activity::record(&mut tx, &visitor, after.status.deed(), "/orders").await?;
    tx.commit().await?;
    Done::with(&after)
}
