use resound::{Channels, Path};

#[derive(Clone)]
struct User {
    id: u64,
}

fn main() {
    let _ = Channels::<()>::new().user::<User>().presence("room", |_: User| async { true });
    let _ = Channels::<()>::new().user::<User>().private("room", |user: User| async move { user.id });
    let _ = Channels::<()>::new().user::<User>().private("room", |_: User| true);
    let _ = Channels::<()>::new().private("room.{id}", |_: User, Path(_): Path<u64>| async { true });
}
