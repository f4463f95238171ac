#[derive(resound::Broadcast)]
#[broadcast(channel = "orders")]
struct OrderUpdated {
    id: u64,
}

fn main() {}
