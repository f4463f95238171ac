#[derive(serde::Serialize, resound::Broadcast)]
#[broadcast(channel = "orders.{id")]
struct Open {
    id: u64,
}

#[derive(serde::Serialize, resound::Broadcast)]
#[broadcast(channel = "orders.id}")]
struct Closed {
    id: u64,
}

#[derive(serde::Serialize, resound::Broadcast)]
#[broadcast(channel = "orders.{}")]
struct Empty {
    id: u64,
}

#[derive(serde::Serialize, resound::Broadcast)]
#[broadcast(channel = "")]
struct Nameless {
    id: u64,
}

fn main() {}
