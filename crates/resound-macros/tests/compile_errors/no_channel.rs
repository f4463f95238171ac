#[derive(serde::Serialize, resound::Broadcast)]
#[broadcast(name = "order.updated")]
struct OrderUpdated {
    id: u64,
}

fn main() {}
