//! `X-Socket-ID`, and axum's `State` and `Path` for handlers of channels.

use std::convert::Infallible;

use axum::{
    extract::{FromRef, FromRequestParts, Path, State},
    http::request::Parts,
};

use serde::de::DeserializeOwned;

use crate::{
    channels::{self, Denial, FromJoin, Joining, Params},
    socket::SocketId,
};

/// Echo's header; it sends it with the requests of axios, jQuery, Vue and Turbo.
const HEADER: &str = "x-socket-id";

impl<S: Send + Sync> FromRequestParts<S> for SocketId {
    type Rejection = Infallible;

    /// Reads `X-Socket-ID`; none if it is absent, or no id.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.headers.get(HEADER).and_then(|id| id.to_str().ok()).into())
    }
}

impl<S, T: FromRef<S>> FromJoin<S> for State<T> {
    fn from_join(_: &Joining, _: Params<'_>, state: &S) -> Result<Self, Denial> {
        Ok(Self(T::from_ref(state)))
    }
}

/// The same as [`resound::Path`](channels::Path), for those who have imported axum's.
impl<S, T: DeserializeOwned> FromJoin<S> for Path<T> {
    fn from_join(joining: &Joining, params: Params<'_>, state: &S) -> Result<Self, Denial> {
        let channels::Path(value) = channels::Path::from_join(joining, params, state)?;
        Ok(Self(value))
    }
}
