#![deny(unused_must_use)]

fn main() {
    let broadcaster = resound::Broadcaster::null();
    broadcaster.send(resound::broadcast::private("user.1").name("greeting"));
}
