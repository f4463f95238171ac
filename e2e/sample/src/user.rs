//! Who asks.

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, header::COOKIE, request::Parts},
};
use resound::{Model, notification::Notifiable};

/// A user.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) id: u64,
}

impl User {
    pub(crate) fn name(&self) -> &'static str {
        match self.id {
            7 => "Zoë",
            8 => "Bo",
            _ => "Kim",
        }
    }
}

impl Notifiable for User {}

impl Model for User {
    fn key(&self) -> String {
        self.id.to_string()
    }
}

impl<S: Sync> FromRequestParts<S> for User {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let cookie =
            || header(COOKIE.as_str())?.split("; ").find_map(|pair| pair.strip_prefix("user="));
        let id = header("x-user").or_else(cookie).and_then(|id| id.parse().ok());
        id.map(|id| Self { id }).ok_or(StatusCode::UNAUTHORIZED)
    }
}
