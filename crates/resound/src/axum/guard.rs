//! Users of one kind: an extractor of axum, and the routes that it is for.

use std::{future::Future, pin::Pin};

use axum::{
    extract::FromRequestParts,
    http::request::Parts,
    response::{IntoResponse as _, Response},
};

use crate::channels::{Channels, Denial, Granted, Joining, SignedInUser};

/// Why there is no permission.
pub(super) enum Refusal {
    Denied(Denial),
    /// The user could not be found out, for a reason that is not the user's: a database that is away.
    Broken(Response),
}

impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

/// A decision, later.
pub(super) type Deciding<'a, T> = Pin<Box<dyn Future<Output = Result<T, Refusal>> + Send + 'a>>;

/// Channels whose user's type is forgotten.
pub(super) trait Guard<S>: Send + Sync {
    fn join<'a>(
        &'a self,
        parts: &'a mut Parts,
        joining: &'a Joining,
        state: &'a S,
    ) -> Deciding<'a, Granted>;

    fn who<'a>(
        &'a self,
        parts: &'a mut Parts,
        joining: &'a Joining,
        state: &'a S,
    ) -> Deciding<'a, SignedInUser>;
}

impl<S, U> Guard<S> for Channels<S, U>
where
    S: Send + Sync + 'static,
    U: FromRequestParts<S> + Clone + Send + Sync + 'static,
{
    fn join<'a>(
        &'a self,
        parts: &'a mut Parts,
        joining: &'a Joining,
        state: &'a S,
    ) -> Deciding<'a, Granted> {
        Box::pin(async move {
            // To find out who a user is may cost a query; not for a channel that does not exist.
            self.first_route(joining)?;
            let user = user(parts, state).await?;
            Ok(self.decide(user, joining, state).await?)
        })
    }

    fn who<'a>(
        &'a self,
        parts: &'a mut Parts,
        joining: &'a Joining,
        state: &'a S,
    ) -> Deciding<'a, SignedInUser> {
        Box::pin(async move {
            let user = user(parts, state).await?;
            Ok(Self::who(self, user, joining, state).await?)
        })
    }
}

/// The user; `None` for a guest, who is whom the extractor rejects.
async fn user<S: Send + Sync, U: FromRequestParts<S>>(
    parts: &mut Parts,
    state: &S,
) -> Result<Option<U>, Refusal> {
    match U::from_request_parts(parts, state).await {
        Ok(user) => Ok(Some(user)),
        Err(rejection) => {
            let response = rejection.into_response();
            let is_broken = response.status().is_server_error();
            if is_broken { Err(Refusal::Broken(response)) } else { Ok(None) }
        }
    }
}
