#[derive(serde::Serialize, resound::Broadcast)]
#[broadcast(channel = "orders", name = "a", name = "b")]
struct Twice;

#[derive(serde::Serialize, resound::Broadcast)]
#[broadcast(channel = "orders", name = "a", namespace = "B")]
struct Both;

fn main() {}
