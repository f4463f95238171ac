#[derive(serde::Serialize, resound::Broadcast)]
#[broadcast(private = "orders.{usr_id}")]
struct OrderUpdated {
    user_id: u64,
    total: u64,
}

#[derive(serde::Serialize, resound::Broadcast)]
#[broadcast(private = "orders.{id}")]
struct NoFields;

fn main() {}
