#[derive(serde::Serialize)]
struct Order;

fn main() {
    let _pending = resound::Broadcaster::null().send(Order);
}
