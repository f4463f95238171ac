#[derive(serde::Serialize)]
struct Status;

#[derive(serde::Serialize, resound::Broadcast)]
#[broadcast(channel = "orders.{status}")]
struct OrderUpdated {
    status: Status,
}

fn main() {}
