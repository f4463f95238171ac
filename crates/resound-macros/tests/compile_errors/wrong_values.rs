#[derive(serde::Serialize, resound::Broadcast)]
#[broadcast(channel = "orders", name = 7)]
struct Number;

#[derive(serde::Serialize, resound::Broadcast)]
#[broadcast(channel = "orders", now = true)]
struct Valued;

#[derive(serde::Serialize, resound::Broadcast)]
#[broadcast(channel = "orders", when = "self.")]
struct Broken;

fn main() {}
