//! `POST /users/{id}/terminate_connections`.

use super::{
    request::{Call, decode},
    response::{self, Answer, Fault},
};

/// Closes a user's connections; a user who has none is no error.
pub(super) async fn terminate(call: Call<'_>, user: &str) -> Result<Answer, Fault> {
    let shard = call.shard;
    let request = call.verify().await?;
    shard.with(|shard| shard.terminate(request.app.number(), &decode(user)));
    Ok(response::empty_object())
}
