#[derive(serde::Serialize, resound::Broadcast)]
#[broadcast(privat = "orders")]
struct OrderUpdated;

fn main() {}
