//! Who may listen to what.

use axum::extract::State;
use resound::{Channels, Member, Path, channels::SignedInUser};
use serde_json::json;

use crate::{App, user::User};

pub(crate) fn channels() -> Channels<App, User> {
    Channels::<App>::new()
        .user::<User>()
        .private(
            "App.Models.User.{id}",
            |user: User, Path(id): Path<u64>| async move { user.id == id },
        )
        .private(
            "App.Models.Post.{id}",
            |user: User, Path(_): Path<u64>| async move { user.id < 9 },
        )
        .private(
            "orders.{id}",
            |user: User, Path(id): Path<u64>, State(_): State<App>| async move {
                // Order 1 is everybody's, the others are their user's.
                id == 1 || user.id == id
            },
        )
        .private("vault", |_: User| async { true })
        .presence("room.{id}", |user: User, Path(id): Path<u64>| async move {
            (id < 10).then(|| Member::new(user.id).info(json!({ "name": user.name() })))
        })
        .sign_in(|user: User| async move { Some(SignedInUser::new(user.id)) })
}
