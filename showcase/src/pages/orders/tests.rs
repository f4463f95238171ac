use axum::http::StatusCode;
use resound::{
    model::{ModelEvent, ModelEventOccurred},
    notification::BroadcastNotificationCreated,
};

use super::{channels, store::Order};
use crate::{
    testing::{Answer, SOCKET, Showcase},
    visitor::{User, Visitor},
};

const ADA: i64 = 1;
const GRACE: i64 = 2;
const ALAN: i64 = 3;
const MARGARET: i64 = 6;

type OrderEvent = ModelEventOccurred<Order>;

/// The seeded order of Alan, which is at its first step.
const ORDER: &str = "/orders/2/status";

async fn set(showcase: &Showcase, who: i64, status: &str, version: u32) -> Answer {
    showcase.user(who).post(ORDER, &format!("status={status}&version={version}")).await
}

async fn now(showcase: &Showcase) -> serde_json::Value {
    showcase.user(ALAN).get("/orders/2/now").await.json()[0].clone()
}

async fn count(showcase: &Showcase, table: &'static str) -> i64 {
    let sql = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    sqlx::query_scalar(sql).fetch_one(&showcase.app.db).await.unwrap()
}

#[tokio::test]
async fn a_step_is_told_to_its_customer_and_the_staff_but_not_to_who_took_it() {
    let showcase = Showcase::new().await;
    let answer = set(&showcase, GRACE, "shipped", 1).await;
    assert_eq!(
        (&answer.json()["status"], &answer.json()["version"]),
        (&"shipped".into(), &2.into())
    );
    let sent = showcase.fake.assert_broadcast::<OrderEvent>(|event| {
        let json: serde_json::Value = serde_json::from_str(event.json().unwrap()).unwrap();
        event.event == ModelEvent::Updated && json["model"] == answer.json()
    });
    let sent = sent.named("OrderUpdated").to_others(SOCKET);
    sent.on("private-orders.3").on("private-orders.staff");
    showcase.fake.assert_count::<OrderEvent>(1);
}

#[tokio::test]
async fn a_step_notifies_the_customer_and_nobody_else() {
    let showcase = Showcase::new().await;
    set(&showcase, GRACE, "shipped", 1).await;
    let alan = User::find(&showcase.app.db, ALAN).await.unwrap().unwrap();
    let notifications = showcase.app.notifier.inbox(&alan).all().await.unwrap();
    let data: serde_json::Value = notifications[0].data().unwrap();
    assert_eq!(data["text"], "Your order 2, 1 × Slide rule: Shipped");
    assert_eq!(data["link"], "/orders/2");
    assert_eq!(count(&showcase, "notifications").await, 1);
    showcase.fake.assert_count::<BroadcastNotificationCreated>(1);
    showcase
        .fake
        .assert_broadcast::<BroadcastNotificationCreated>(|_| true)
        .on("private-App.Models.User.3");
}

#[tokio::test]
async fn the_same_status_again_sends_nothing() {
    let showcase = Showcase::new().await;
    assert_eq!(set(&showcase, GRACE, "processing", 1).await.status, StatusCode::OK);
    showcase.fake.assert_nothing();
    assert_eq!(count(&showcase, "activity_entries").await, 0);
    assert_eq!(now(&showcase).await["version"], 1);

    // The form came twice, because its answer was lost.
    let first = set(&showcase, GRACE, "shipped", 1).await;
    showcase.fake.clear();
    let second = set(&showcase, GRACE, "shipped", 1).await;
    assert_eq!((second.status, second.json()), (StatusCode::OK, first.json()));
    showcase.fake.assert_nothing();
}

#[tokio::test]
async fn nothing_is_told_of_a_step_that_is_rolled_back() {
    let showcase = Showcase::new().await;
    // The last thing of the transaction fails.
    sqlx::raw_sql(
        "CREATE TRIGGER broken BEFORE INSERT ON activity_entries BEGIN SELECT RAISE(ABORT, 'full'); END",
    )
    .execute(&showcase.app.db)
    .await
    .unwrap();
    let answer = set(&showcase, GRACE, "shipped", 1).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    let placed = "product=1&quantity=1&note=&draft=d";
    let answer = showcase.user(ALAN).post("/orders", placed).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    showcase.fake.assert_nothing();
    assert_eq!(count(&showcase, "notifications").await, 0);
    assert_eq!(count(&showcase, "orders_orders").await, 2);
    assert_eq!(now(&showcase).await["version"], 1);
}

#[tokio::test]
async fn of_two_at_once_the_second_is_told_what_happened() {
    let showcase = Showcase::new().await;
    let (grace, margaret) =
        tokio::join!(set(&showcase, GRACE, "shipped", 1), set(&showcase, MARGARET, "shipped", 1));
    let mut answers = [grace, margaret];
    answers.sort_by_key(|answer| answer.status);
    assert_eq!(answers[0].status, StatusCode::OK);
    assert_eq!(answers[1].status, StatusCode::CONFLICT);
    let by = answers[0].json()["steps"][1]["by"].as_str().unwrap().to_owned();
    assert_eq!(answers[1].problem(), format!("{by} has set this order to Shipped meanwhile."));
    showcase.fake.assert_count::<OrderEvent>(1);
    assert_eq!(now(&showcase).await["version"], 2);

    // One's own old page is told, too.
    set(&showcase, GRACE, "in-transit", 2).await;
    let old = set(&showcase, GRACE, "shipped", 1).await;
    assert_eq!(old.problem(), "You have set this order to In Transit meanwhile.");
}

#[tokio::test]
async fn an_order_goes_forward_step_by_step_and_not_otherwise() {
    let showcase = Showcase::new().await;
    let skipped = set(&showcase, GRACE, "delivered", 1).await;
    assert_eq!(skipped.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(skipped.problem(), "An order that is Processing can become Shipped, not Delivered.");
    for (version, status) in [(1, "shipped"), (2, "in-transit"), (3, "delivered")] {
        assert_eq!(set(&showcase, GRACE, status, version).await.status, StatusCode::OK);
    }
    let back = set(&showcase, GRACE, "processing", 4).await;
    assert_eq!(back.problem(), "This order is Delivered, which is the end.");
    let nonsense = set(&showcase, GRACE, "lost", 4).await;
    assert_eq!(nonsense.status, StatusCode::UNPROCESSABLE_ENTITY);
    let order = now(&showcase).await;
    let steps = order["steps"].as_array().unwrap();
    let steps: Vec<_> = steps.iter().map(|step| step["status"].as_str().unwrap()).collect();
    assert_eq!(steps, ["processing", "shipped", "in-transit", "delivered"]);
}

#[tokio::test]
async fn only_the_staff_changes_an_order_and_only_by_a_form_of_its_own() {
    let showcase = Showcase::new().await;
    for who in [ADA, ALAN] {
        assert_eq!(set(&showcase, who, "shipped", 1).await.status, StatusCode::NOT_FOUND);
    }
    let form = "status=shipped&version=1";
    assert_eq!(showcase.guest().post(ORDER, form).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(showcase.user(GRACE).forge(ORDER, form).await.status, StatusCode::FORBIDDEN);
    showcase.fake.assert_nothing();
}

#[tokio::test]
async fn an_order_is_seen_by_its_customer_and_the_staff() {
    let showcase = Showcase::new().await;
    let can_see = async |answer: Answer| answer.status == StatusCode::OK;
    for path in ["/orders/2", "/orders/2/now"] {
        for who in [ALAN, GRACE] {
            assert!(can_see(showcase.user(who).get(path).await).await);
        }
        assert_eq!(showcase.user(ADA).get(path).await.status, StatusCode::NOT_FOUND);
        assert_eq!(showcase.guest().get(path).await.status, StatusCode::NOT_FOUND);
    }
    let ids = async |who| {
        let orders = showcase.user(who).get("/orders/now").await.json();
        let orders = orders.as_array().unwrap();
        orders.iter().map(|order| order["id"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(ids(ADA).await, [1]);
    assert_eq!(ids(GRACE).await, [2, 1]);
    assert_eq!(showcase.guest().get("/orders/now").await.status, StatusCode::NOT_FOUND);
    assert!(!showcase.guest().get("/orders").await.text.contains("Slide rule"));
}

#[tokio::test]
async fn who_sees_orders_may_join_their_channel() {
    let showcase = Showcase::new().await;
    let user = async |id| {
        let user = User::find(&showcase.app.db, id).await.unwrap();
        Visitor { key: id.to_string(), name: String::new(), user }
    };
    let guest = Visitor { key: "guest-1".into(), name: String::new(), user: None };
    let gate = channels().with_state(showcase.app.clone());
    gate.assert_can_join(&user(ADA).await, "private-orders.1").await;
    gate.assert_can_join(&user(GRACE).await, "private-orders.staff").await;
    for (who, channel) in [(ADA, "3"), (ADA, "staff"), (GRACE, "1"), (ADA, "01x")] {
        gate.assert_cannot_join(&user(who).await, &format!("private-orders.{channel}")).await;
    }
    for channel in ["private-orders.1", "private-orders.staff", "private-orders.0"] {
        gate.assert_cannot_join(&guest, channel).await;
    }
}

#[tokio::test]
async fn what_a_customer_orders_is_told_to_the_staff_and_the_feed_knows_no_more_than_that() {
    let showcase = Showcase::new().await;
    let form = "product=3&quantity=2&note=%3Cb%3E+soon&draft=d1";
    let order = showcase.user(ADA).post("/orders", form).await.json();
    assert_eq!(order["note"], "<b> soon");
    assert_eq!(order["cents"], 17_800);
    let sent = showcase.fake.assert_broadcast::<OrderEvent>(|e| e.event == ModelEvent::Created);
    sent.on("private-orders.staff").on("private-orders.1").to_others(SOCKET);
    let feed: (String, String) = sqlx::query_as("SELECT did, link FROM activity_entries")
        .fetch_one(&showcase.app.db)
        .await
        .unwrap();
    assert_eq!(feed, ("placed an order".to_owned(), "/orders".to_owned()));

    // The same form again is the same order.
    assert_eq!(showcase.user(ADA).post("/orders", form).await.json(), order);
    showcase.fake.assert_count::<OrderEvent>(1);
}

#[tokio::test]
async fn an_order_of_too_much_or_of_nothing_is_refused() {
    let showcase = Showcase::new().await;
    let order = async |who: i64, product: &str, quantity: &str, note: &str, draft: &str| {
        let form = format!("product={product}&quantity={quantity}&note={note}&draft={draft}");
        let answer = showcase.user(who).post("/orders", &form).await;
        (answer.status.as_u16(), answer.problem())
    };
    let long = "x".repeat(141);
    for (who, [product, quantity, note], problem) in [
        (ADA, ["1", "0", ""], "You can order 1 to 10 of a thing."),
        (ADA, ["1", "11", ""], "You can order 1 to 10 of a thing."),
        (ADA, ["9", "1", ""], "Choose one of the products."),
        (ADA, ["1", "many", ""], "Something is missing in this form."),
        (ADA, ["1", "1", &long], "A note may have 140 characters, this one has 141."),
        (GRACE, ["1", "1", ""], "Who works here does not order here."),
    ] {
        assert_eq!(order(who, product, quantity, note, "d").await, (422, problem.to_owned()));
    }
    // Ada has one order under way.
    for n in 1..20 {
        assert_eq!(order(ADA, "1", "1", "", &n.to_string()).await.0, 200);
    }
    let (status, problem) = order(ADA, "1", "1", "", "20").await;
    assert_eq!(status, 409);
    assert_eq!(problem, "20 of your orders are under way. Please wait for one of them.");
    assert_eq!(order(ALAN, "1", "1", "", "20").await.0, 200);
    let guest = showcase.guest().post("/orders", "product=1&quantity=1&note=&draft=d").await;
    assert_eq!(guest.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_order_that_was_changed_after_it_was_placed_is_no_success() {
    let showcase = Showcase::new().await;
    let ada = showcase.user(ADA);
    let placed = ada.post("/orders", "product=1&quantity=1&note=&draft=d").await;
    let again = ada.post("/orders", "product=1&quantity=1&note=&draft=d").await;
    assert_eq!(placed.json(), again.json());
    for form in
        ["product=3&quantity=1&note=", "product=1&quantity=5&note=", "product=1&quantity=1&note=x"]
    {
        let answer = ada.post("/orders", &format!("{form}&draft=d")).await;
        assert_eq!(answer.status, StatusCode::CONFLICT, "{form}");
    }
    assert_eq!(count(&showcase, "orders_orders").await, 3);
}
