#[derive(serde::Serialize, resound::Broadcast)]
#[broadcast(channel = "orders")]
enum OrderUpdated {
    Shipped,
}

fn main() {}
